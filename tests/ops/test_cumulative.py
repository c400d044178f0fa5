"""Cumulative functions, differences and integrals: values as NumPy's, derivatives as differences."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.testing.battery import check_primitive

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "name", ["cumsum", "cumprod", "logcumsumexp", "linear_recurrence", "cummax_index", "cummin_index"]
)
def test_battery(name):
    check_primitive(name)


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.bool_, np.complex128])
def test_dtypes_are_numpys(dtype):
    x = np.ones((2, 3), dtype)
    for name in ("cumsum", "cumprod", "cumulative_sum", "cumulative_prod"):
        for axis in (0, 1):
            ours, numpys = getattr(wg, name)(x, axis=axis), getattr(np, name)(x, axis=axis)
            np.testing.assert_array_equal(ours, numpys)
            assert ours.dtype == numpys.dtype
    np.testing.assert_array_equal(wg.cumsum(x), np.cumsum(x))
    initial = wg.cumulative_prod(x, axis=1, include_initial=True)
    np.testing.assert_array_equal(initial, np.cumulative_prod(x, axis=1, include_initial=True))


@pytest.mark.parametrize("zeros", [(), (0,), (1,), (0, 2), (0, 1, 2, 3)])
def test_cumulative_products_with_zeros(zeros):
    x = RNG.normal(size=4)
    x[list(zeros)] = 0
    np.testing.assert_allclose(wg.cumprod(x), np.cumprod(x))
    wg.check_grads(wg.cumprod, (x,), order=3)


def test_masked_logcumsumexp():
    x = np.array([-np.inf, -np.inf, 0.0, 1.0])
    np.testing.assert_allclose(wg.logcumsumexp(x), np.logaddexp.accumulate(x))
    assert np.all(np.isfinite(wg.grad(lambda a: wg.logcumsumexp(a)[3])(x)))


def test_ties_and_nan_of_cummax():
    x = np.array([1.0, 1.0, 0.0, np.nan, 5.0])
    np.testing.assert_array_equal(wg.cummax(x), np.maximum.accumulate(x))
    np.testing.assert_array_equal(wg.grad(lambda a: wg.cummax(a)[2])(x), [0, 1, 0, 0, 0])


def test_diff_is_numpys():
    x = RNG.normal(size=(3, 5))
    ends = {"prepend": 1.0}, {"append": np.zeros((3, 2)), "n": 2}
    for options in ({}, {"n": 2}, {"axis": 0}, {"n": 0}, {"n": 7}, *ends):
        np.testing.assert_array_equal(wg.diff(x, **options), np.diff(x, **options))
    np.testing.assert_array_equal(wg.diff(x > 0), np.diff(x > 0))
    ours, numpys = (m.ediff1d(x, to_begin=1.0, to_end=[2.0, 3.0]) for m in (wg, np))
    np.testing.assert_array_equal(ours, numpys)
    wg.check_grads(lambda a: wg.diff(a, n=2, axis=0), (x,))
    with pytest.raises(wg.errors.ShapeError, match="diff: got a 0-d array"):
        wg.diff(1.0)


@pytest.mark.parametrize("edge_order", [1, 2])
def test_gradient_is_numpys(edge_order):
    x, a, b = RNG.normal(size=(4, 5)), np.cumsum(RNG.uniform(0.5, 1, 4)), np.cumsum(RNG.uniform(0.5, 1, 5))
    for spacing in ((), (0.5,), (2.0, 0.1), (a, b), (0.3, b)):
        both = (m.gradient(x, *spacing, edge_order=edge_order) for m in (wg, np))
        for ours, numpys in zip(*both, strict=True):
            np.testing.assert_allclose(ours, numpys, atol=1e-12)
    np.testing.assert_allclose(wg.gradient(x, b, axis=-1), np.gradient(x, b, axis=-1))
    wg.check_grads(lambda v: wg.gradient(v, b, axis=1, edge_order=edge_order), (x,))
    with pytest.raises(wg.errors.ShapeError, match="samples on axis 0"):
        wg.gradient(np.zeros(edge_order), edge_order=edge_order)
    np.testing.assert_array_equal(wg.gradient(np.array([1.0, 3.0])), [2, 2])


def test_trapezoid_is_numpys():
    y, x, z = RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.normal(size=(3, 4))
    np.testing.assert_allclose(wg.trapezoid(y), np.trapezoid(y))
    np.testing.assert_allclose(wg.trapezoid(y, dx=0.5, axis=0), np.trapezoid(y, dx=0.5, axis=0))
    np.testing.assert_allclose(wg.trapezoid(y, x), np.trapezoid(y, x))
    np.testing.assert_allclose(wg.trapezoid(y, z, axis=0), np.trapezoid(y, z, axis=0))
    wg.check_grads(wg.trapezoid, (y, x))


def test_batched():
    x = RNG.normal(size=(3, 4))
    for f in (wg.cumsum, wg.cumprod, wg.cummax, wg.logcumsumexp, wg.gradient, wg.diff):
        np.testing.assert_allclose(wg.vmap(f)(x), np.stack([f(row) for row in x]))
        wg.check_grads(f, (RNG.permutation(12).reshape(3, 4) / 4 - 1.1,))  # no two near each other
        g = wg.grad(lambda a, f=f: wg.sum(f(a) ** 2))
        np.testing.assert_allclose(wg.vmap(g)(x), np.stack([g(row) for row in x]), atol=1e-12)


def test_numpy_dispatch():
    t = wg.Tensor([1.0, 3.0, 2.0])
    assert np.maximum.accumulate(t).tolist() == [1, 3, 3] and np.cumprod(t).tolist() == [1, 3, 6]
    assert np.gradient(t).tolist() == [2, 0.5, -1] and np.trapezoid(t).item() == 4.5
