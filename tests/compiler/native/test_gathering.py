"""Kernels of index arrays: eager's numbers bit for bit, errors for indices outside, nothing written beyond."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wengert.base.errors import IndexingError
from wengert.compiler.native import gathering
from wengert.core.primitive import REGISTRY

NAMES = ["gather", "scatter_add", "scatter_extremum", "scatter_set"]


def check(run: Any, line: Any, name: str, xs: list[Any], **attrs: Any) -> None:
    xs = [np.asarray(x) for x in xs]
    assert gathering.supported(line(name, xs, attrs))
    got = run(gathering.lower_gathering, name, xs, attrs, status=True)
    np.testing.assert_array_equal(got.value, REGISTRY[name].impl(*xs, **attrs))
    assert got.status == 0


@pytest.mark.parametrize("name", NAMES)
def test_samples(run: Any, line: Any, name: str) -> None:
    prim = REGISTRY[name]
    for xs, attrs in prim.samples(np.random.default_rng(0)):
        for more in getattr(prim, "more", ({},)) if "largest" not in attrs else ({},):
            check(run, line, name, xs, **attrs, **more)


# shape of x, shapes of the index arrays, axes, place
FORMS = [
    ((50, 40), [(13,)], (0,), 0),
    ((50, 128), [(3, 5)], (0,), 0),
    ((7, 2048), [(9,)], (0,), 0),
    ((4, 6, 33), [(5,)], (1,), 1),
    ((4, 6, 3), [(5,)], (2,), 2),
    ((4, 6, 3), [(5,)], (1,), 0),
    ((4, 6, 3), [(5,)], (0,), 2),
    ((3, 4, 5, 6), [(2, 1), (7,)], (0, 2), 1),
    ((3, 4, 5, 6), [(2, 3), (2, 3)], (1, 3), 0),
    ((9,), [()], (0,), 0),
    ((9, 1, 17), [(4,)], (0,), 0),
    ((3, 0), [(2,)], (0,), 0),
    ((5, 4), [(0,)], (0,), 0),
]


def indices_for(form: Any, rng: np.random.Generator, dtype: Any = np.int64) -> list[np.ndarray]:
    shape, common, axes, _ = form
    low = 0 if np.dtype(dtype).kind == "u" else -1
    return [rng.integers(low * shape[a], shape[a], s).astype(dtype) for s, a in zip(common, axes, strict=True)]


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(("dtype", "index"), [("float32", np.int64), ("float64", np.int32), ("bool", np.uint8)])
def test_forms(run: Any, line: Any, form: Any, dtype: str, index: Any) -> None:
    rng = np.random.default_rng(1)
    shape, _, axes, place = form
    where = {"axes": axes, "place": place}
    indices = indices_for(form, rng, index)
    x = (rng.normal(size=shape) * 9).astype(dtype)
    check(run, line, "gather", [x, *indices], **where)
    v = (rng.normal(size=REGISTRY["gather"].impl(x, *indices, **where).shape) * 9).astype(dtype)
    check(run, line, "scatter_add", [v, *indices], shape=shape, **where)
    check(run, line, "scatter_set", [x, v, *indices], **where)
    check(run, line, "scatter_extremum", [x, v, *indices], largest=dtype == "float32", **where)


def test_values_that_are_broadcast(run: Any, line: Any) -> None:
    x, rows = np.zeros((6, 40), np.float32), np.array([1, 1, -1])
    for shape in [(), (1,), (40,), (3, 1), (1, 40), (3, 40)]:
        v = np.random.default_rng(2).normal(size=shape).astype(np.float32)
        check(run, line, "scatter_add", [v, rows], shape=x.shape, axes=(0,), place=0)
        check(run, line, "scatter_set", [x, v, rows], axes=(0,), place=0)


@pytest.mark.parametrize("bad", [6, -7, 1 << 40])
def test_an_index_outside_is_reported(run: Any, bad: int) -> None:
    x, rows = np.zeros((6, 5)), np.array([0, bad, 2])
    where = {"axes": (0,), "place": 0}
    with pytest.raises(IndexingError):
        REGISTRY["gather"].impl(x, rows, **where)
    assert run(gathering.lower_gathering, "gather", [x, rows], where, status=True).status == 1
    v = np.ones((3, 5))
    for name, xs, attrs in [("scatter_add", [v, rows], {"shape": x.shape, **where}),
                            ("scatter_set", [x, v, rows], where)]:  # fmt: skip
        assert run(gathering.lower_gathering, name, xs, attrs, status=True).status == 1


def test_the_order_of_additions_is_eagers(run: Any, line: Any) -> None:
    """Repeated rows of numbers of very different sizes: the same sum only in the same order."""
    rng = np.random.default_rng(3)
    v = np.exp(rng.uniform(-30, 30, (500, 96)))
    check(run, line, "scatter_add", [v, rng.integers(0, 5, 500)], shape=(5, 96), axes=(0,), place=0)


def test_what_numpy_does(line: Any) -> None:
    assert not gathering.supported(line("gather", [np.zeros(3, complex), np.array([1])], {"axes": (0,), "place": 0}))
    assert not gathering.supported(line("winner", [np.array([1])], {"lengths": (3,)}))
