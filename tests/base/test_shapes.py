"""Shapes: broadcasting and axes are NumPy's; clashes are worded."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from wengert.base import shapes
from wengert.base.errors import ArgumentError, AxisError, ShapeError

SOME = [(), (1,), (3,), (2, 3), (2, 1), (0,), (1, 0), (2, 1, 3), (4, 1, 1)]


@pytest.mark.parametrize(("a", "b"), list(itertools.product(SOME, SOME)))
def test_broadcast_is_numpys(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    try:
        wanted = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(ShapeError, match="do not broadcast"):
            shapes.broadcast("f", a, b)
    else:
        assert shapes.broadcast("f", a, b) == wanted


def test_broadcast_names_the_clash() -> None:
    with pytest.raises(ShapeError) as caught:
        shapes.broadcast("add", (2, 3), (1, 3), (4, 3))
    assert caught.value.message == (
        "add: shapes [2, 3], [1, 3], [4, 3] do not broadcast (operand 2, axis -2: 4 against 2); "
        "needs equal lengths or 1 on every axis, counted from the right"
    )
    assert shapes.broadcast("f") == ()


def test_axis_index() -> None:
    assert [shapes.axis_index("f", a, 3) for a in (-3, -1, 0, 2, np.int64(1))] == [0, 2, 0, 2, 1]
    for bad in (3, -4):
        with pytest.raises(AxisError, match=rf"f: axis {bad} is out of range for 3 axes; needs -3 … 2"):
            shapes.axis_index("f", bad, 3)
    for word in ("x", 1.0, None):
        with pytest.raises(AxisError, match="is not an integer"):
            shapes.axis_index("f", word, 3)


def test_axis_of_a_scalar() -> None:
    with pytest.raises(AxisError, match="f: axis 0 is out of range for 0 axes"):
        shapes.axis_index("f", 0, 0)


def test_axes_tuple() -> None:
    assert shapes.axes_tuple("f", None, 3) == (0, 1, 2)
    assert shapes.axes_tuple("f", -1, 3) == (2,)
    assert shapes.axes_tuple("f", (2, -3), 3) == (0, 2)
    assert shapes.axes_tuple("f", [], 3) == ()
    with pytest.raises(AxisError, match="names an axis twice"):
        shapes.axes_tuple("f", (0, -3), 3)


def test_reduced() -> None:
    assert shapes.reduced((2, 3, 4), (0, 2), False) == (3,)
    assert shapes.reduced((2, 3, 4), (0, 2), True) == (1, 3, 1)
    assert shapes.reduced((), (), True) == ()


def test_size_of_is_exact_for_huge_shapes() -> None:
    assert shapes.size_of((2**40, 2**40)) == 2**80
    assert shapes.size_of(()) == 1


def test_as_shape() -> None:
    assert shapes.as_shape("f", 3) == (3,)
    assert shapes.as_shape("f", [2, np.int32(0)]) == (2, 0)
    with pytest.raises(ShapeError, match="not made of integers"):
        shapes.as_shape("f", (2, 1.5))
    with pytest.raises(ShapeError, match="has a negative length"):
        shapes.as_shape("f", (2, -1))
    with pytest.raises(ArgumentError, match="more than memory can hold"):
        shapes.as_shape("f", (2**40, 2**40))


@pytest.mark.parametrize(
    ("shape", "new"),
    [
        ((2, 6), (3, -1)),
        ((2, 6), -1),
        ((2, 6), (12,)),
        ((), (1, 1)),
        ((0, 3), (3, 0)),
        ((0,), (0, 5)),
        ((4,), (-1, 2, 2)),
    ],
)
def test_reshaped_is_numpys(shape: tuple[int, ...], new: object) -> None:
    assert shapes.reshaped("f", shape, new) == np.zeros(shape).reshape(new).shape  # type: ignore[call-overload]


@pytest.mark.parametrize("new", [(5,), (-1, 5), (-1, -1), (-2, 6), (2, 6, 0), (-1, 0), "ab", (2.0, 6)])
def test_reshaped_refuses(new: object) -> None:
    with pytest.raises(ShapeError):
        shapes.reshaped("f", (2, 6), new)
