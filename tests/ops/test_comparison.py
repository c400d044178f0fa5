"""Comparisons, logic, tests and bits: NumPy's values, and no derivative."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.primitive import REGISTRY
from wengert.ops.comparison import Discrete
from wengert.testing.battery import check_primitive

A, B = np.array([1.0, -2.0, np.nan, np.inf, 0.0]), np.array([1.0, 3.0, np.nan, np.inf, -0.0])


@pytest.mark.parametrize("name", [n for n, p in REGISTRY.items() if isinstance(p, Discrete)])
def test_battery(name):
    assert check_primitive(name)


@pytest.mark.parametrize(
    "name",
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor nextafter".split(),
)
def test_of_two_as_numpy(name):
    np.testing.assert_array_equal(getattr(wg, name)(A, B), getattr(np, name)(A, B))


@pytest.mark.parametrize("name", "isnan isinf isfinite isposinf isneginf signbit logical_not isreal iscomplex".split())
def test_of_one_as_numpy(name):
    np.testing.assert_array_equal(getattr(wg, name)(B), getattr(np, name)(B))


def test_isclose_is_numpys():
    a, b = np.array([1.0, np.nan, np.inf, 1e-9]), np.array([1.0 + 1e-6, np.nan, -np.inf, 0.0])
    for options in ({}, {"equal_nan": True}, {"rtol": 1e-9}, {"atol": 0.0}):
        np.testing.assert_array_equal(wg.isclose(a, b, **options), np.isclose(a, b, **options))
        assert wg.allclose(a, b, **options) is np.allclose(a, b, **options)


def test_array_equal():
    assert wg.array_equal([1.0, np.nan], [1.0, np.nan], equal_nan=True)
    assert not wg.array_equal([1.0], [1.0, 1.0])
    assert wg.array_equal(wg.tensor([1.0]), np.array([1.0]))


def test_bits():
    a, b = np.array([5, 6]), np.array([3, 1])
    for ours, numpys in [
        ("bitwise_and", "bitwise_and"),
        ("bitwise_left_shift", "left_shift"),
        ("bitwise_xor", "bitwise_xor"),
    ]:
        np.testing.assert_array_equal(getattr(wg, ours)(a, b), getattr(np, numpys)(a, b))
    np.testing.assert_array_equal(~wg.tensor(np.array([True, False])).numpy(), [False, True])
    with pytest.raises(wg.errors.DTypeError, match=r"bitwise_and: not defined for 1.5, 2"):
        wg.bitwise_and(1.5, 2)


def test_comparisons_have_no_derivative_and_can_be_branched_on():
    assert wg.grad(lambda x: x * 2 if x > 0 else -x)(3.0) == 2.0
    assert wg.grad(lambda x: wg.sum((x > 0) * x))(np.array([-1.0, 2.0])).tolist() == [0.0, 1.0]
    assert wg.grad(lambda x: x * wg.isfinite(x))(2.0) == 1.0


def test_a_python_bool_is_not_known_while_recording_examples():
    with pytest.raises(wg.errors.TracedValueError, match="allclose"):
        wg.vmap(lambda x: wg.allclose(x, x))(np.ones(3))
