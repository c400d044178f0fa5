"""Averages, order statistics, and reductions without NaN: values as NumPy's, derivatives as differences."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

RNG = np.random.default_rng(0)
METHODS = [
    "linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf", "averaged_inverted_cdf", "closest_observation",
    "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_quantiles_are_numpys(method, n):
    x, q = RNG.normal(size=(2, n)), np.concatenate([np.linspace(0, 1, 9), RNG.uniform(size=5)])
    ours, numpys = (m.quantile(x, q, axis=1, method=method) for m in (wg, np))
    np.testing.assert_allclose(ours, numpys, atol=1e-14)
    np.testing.assert_allclose(wg.percentile(x, 30, method=method), np.percentile(x, 30, method=method), atol=1e-14)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
def test_median_is_numpys(axis):
    x = RNG.normal(size=(2, 3, 5))
    for keepdims in (False, True):
        np.testing.assert_allclose(wg.median(x, axis, keepdims=keepdims), np.median(x, axis, keepdims=keepdims))
        ours, numpys = (m.quantile(x, [0.1, 0.9], axis=axis, keepdims=keepdims) for m in (wg, np))
        np.testing.assert_allclose(ours, numpys)
    x[0, 0, 0] = np.nan
    np.testing.assert_allclose(wg.median(x, axis), np.median(x, axis))


@pytest.mark.parametrize("method", METHODS)
def test_gradients_of_quantiles_are_differences(method):
    x = RNG.permutation(12).reshape(2, 6) / 4.0  # no two near each other
    wg.check_grads(lambda a: wg.quantile(a, [0.0, 0.33, 0.5, 1.0], axis=1, method=method), (x,))


def test_words_of_errors():
    with pytest.raises(wg.errors.ArgumentError, match="needs one of linear"):
        wg.quantile(np.zeros(3), 0.5, method="middle")
    with pytest.raises(wg.errors.ArgumentError, match="numbers from 0 to 100"):
        wg.percentile(np.zeros(3), 101)
    with pytest.raises(wg.errors.ShapeError, match="median: got shape"):
        wg.median(np.zeros(0))
    with pytest.raises(wg.errors.ShapeError, match="average: got weights"):
        wg.average(np.zeros((2, 3)), weights=np.ones(3))


def test_average_is_numpys():
    x, w = RNG.normal(size=(2, 3, 4)), RNG.uniform(size=(2, 3, 4))
    for options in ({}, {"axis": 1}, {"weights": w}, {"axis": 0, "weights": w}, {"axis": 1, "weights": w[0, :, 0]},
                    {"axis": (2, 0), "weights": w[:, 0, :].T}):  # fmt: skip
        for keepdims in (False, True):
            both = (m.average(x, returned=True, keepdims=keepdims, **options) for m in (wg, np))
            for a, b in zip(*both, strict=True):
                np.testing.assert_allclose(a, b)
    g = wg.grad(lambda w: wg.average(np.array([1.0, 3.0]), weights=w))(np.array([1.0, 1.0]))
    np.testing.assert_allclose(g, [-0.5, 0.5])


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_reductions_without_nan_are_numpys(axis):
    x = RNG.normal(size=(3, 4))
    x[0, 1:3] = x[2, 0] = x[2, 2] = np.nan
    x[1, 2] = np.nan  # a column of nothing else
    for name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin"):
        ours, numpys = getattr(wg, name)(x, axis=axis), getattr(np, name)(x, axis=axis)
        np.testing.assert_allclose(ours, numpys, err_msg=name)
        assert type(ours) is type(numpys)
        f = getattr(wg, name)
        g = wg.grad(lambda a, f=f: wg.sum(wg.nan_to_num(f(a, axis=axis))))(x)
        assert np.all(g[np.isnan(x)] == 0) and np.all(np.isfinite(g)), name


def test_gradients_without_nan():
    x, kept = np.array([1.0, np.nan, 4.0, 2.0]), np.array([1.0, 4.0, 2.0])
    for name in ("sum", "prod", "mean", "var", "std", "max", "min"):
        g = wg.grad(getattr(wg, "nan" + name))(x)
        np.testing.assert_allclose(np.delete(g, 1), wg.grad(getattr(wg, name))(kept))
