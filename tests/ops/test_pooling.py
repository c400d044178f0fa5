"""Pooling by definition and by hand: geometry, ties, NaN, padding, orders, batches, words."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import wengert as wg
from wengert.base.errors import ArgumentError, ShapeError
from wengert.testing.battery import check_primitive
from wengert.transforms.check import check_grads

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", ["window_sum", "window_spread", "window_argmax", "pool_take", "pool_put"])
def test_battery(name):
    check_primitive(name)


GEOMETRIES = [
    ((2, 3, 8), {"kernel_size": 2}),
    ((2, 3, 9), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ((2, 3, 9), {"kernel_size": 4, "stride": 3, "padding": 2, "ceil_mode": True}),
    ((2, 3, 7, 6), {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)}),
    ((2, 3, 7, 8), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ((2, 3, 4, 5, 6), {"kernel_size": 2, "stride": (2, 1, 2)}),
]


def spread(shape):
    """Numbers of which no two are near each other: maxima have differences."""
    return RNG.permutation(math.prod(shape)).reshape(shape) / 50.0


def definition(x, statistic, kernel_size, stride=None, padding=0, ceil_mode=False):
    """Of each window what lies inside; with ceil_mode a window may reach over the end, but not begin there."""
    rank, stride = x.ndim - 2, kernel_size if stride is None else stride
    k, s, p = (v if isinstance(v, tuple) else (v,) * rank for v in (kernel_size, stride, padding))
    windows = []
    for n, size, step, pad in zip(x.shape[2:], k, s, p, strict=True):
        last = n + pad - 1 if ceil_mode else n + pad - size
        starts = [a for a in range(-pad, last + 1, step) if a < n]
        windows.append([slice(max(a, 0), min(a + size, n)) for a in starts])
    y = np.zeros((*x.shape[:2], *map(len, windows)))
    for place in itertools.product(*(range(len(w)) for w in windows)):
        inside = x[(..., *(w[i] for w, i in zip(windows, place, strict=True)))]
        y[(..., *place)] = statistic(inside, axis=tuple(range(2, x.ndim)))
    return y


@pytest.mark.parametrize(("shape", "options"), GEOMETRIES)
@pytest.mark.parametrize("kind", ["max", "avg-without-padding"])
def test_definition(shape, options, kind):
    x = spread(shape)
    if kind == "max":
        assert_allclose(wg.max_pool(x, **options), definition(x, np.max, **options))
        check_grads(lambda x: wg.max_pool(x, **options), (x,))
    else:
        f = functools.partial(wg.avg_pool, count_include_pad=False, **options)
        assert_allclose(f(x), definition(x, np.mean, **options))
        check_grads(f, (x,))


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 3, 7, 5), (1, 2, 4, 5, 6)])
def test_adaptive_definition(shape):
    """Window i of m over n elements is [floor(i n / m), ceil((i + 1) n / m))."""
    x = spread(shape)
    for sizes in ((1,) * 3, (3,) * 3, (4, 2, 3)):
        sizes = sizes[: len(shape) - 2]
        windows = [
            [slice(i * n // m, -(-(i + 1) * n // m)) for i in range(m)] for n, m in zip(shape[2:], sizes, strict=True)
        ]
        for f, statistic in ((wg.adaptive_avg_pool, np.mean), (wg.adaptive_max_pool, np.max)):
            y = f(x, sizes)
            for place in itertools.product(*map(range, sizes)):
                inside = x[(..., *(w[i] for w, i in zip(windows, place, strict=True)))]
                assert_allclose(y[(..., *place)], statistic(inside, axis=tuple(range(2, x.ndim))))
            check_grads(lambda x, f=f, sizes=sizes: f(x, sizes), (x,))


def test_the_first_of_equal_maxima_gets_the_gradient():
    x = np.array([[[1.0, 2.0, 2.0, 2.0]]])
    assert_array_equal(wg.grad(lambda x: wg.sum(wg.max_pool(x, 2, 1)))(x), [[[0, 2, 1, 0]]])
    adaptive = wg.grad(lambda x: wg.sum(wg.adaptive_max_pool(x, 1)))(np.ones((1, 1, 2, 2)))
    assert_array_equal(adaptive, [[[[1, 0], [0, 0]]]])


def test_edges():
    nan = np.array([[[1.0, np.nan, 2.0, -np.inf]]])
    y, index = wg.max_pool(nan, 2, return_indices=True)
    assert np.isnan(y[0, 0, 0]) and y[0, 0, 1] == 2.0
    assert_array_equal(index, [[[1, 2]]])
    low = np.full((1, 1, 2), -np.inf)  # the padding is no maximum
    y, index = wg.max_pool(low, 2, 1, padding=1, return_indices=True)
    assert_array_equal(index, [[[0, 0, 1]]])
    assert np.all(np.isneginf(y))
    assert wg.max_pool(np.array([[[-3, -5]]]), 2, padding=1).tolist() == [[[-3, -5]]]
    assert wg.avg_pool(np.float32([[[1, 2]]]), 2).dtype == np.float32
    assert wg.max_pool2d(np.zeros((6, 6)), 2).shape == (3, 3)
    assert wg.max_pool(np.zeros((0, 2, 4)), 2).shape == (0, 2, 2)
    assert wg.global_avg_pool(np.ones((2, 3, 4, 5))).shape == (2, 3)


def test_orders_and_batches():
    x = RNG.normal(size=(3, 2, 6, 6))
    for f in (
        lambda x: wg.max_pool2d(x, 3, 2, 1) ** 2,
        lambda x: wg.avg_pool2d(x, 3, 2, 1, count_include_pad=False) ** 2,
        lambda x: wg.adaptive_avg_pool2d(x, 4) ** 2,
    ):
        check_grads(f, (x[0],), order=2)
        assert_allclose(wg.vmap(f)(x), np.stack([f(e) for e in x]))
        gradient = wg.grad(lambda x, f=f: wg.sum(f(x)))
        rows = np.stack([gradient(e) for e in x.swapaxes(0, 1)], 1)
        assert_allclose(wg.vmap(gradient, in_axes=1, out_axes=1)(x), rows)


def test_words():
    x = np.zeros((1, 1, 4))
    with pytest.raises(ShapeError, match=r"max_pool1d: a window of 5 does not fit into 4 elements with 0 \+ 0"):
        wg.max_pool1d(x, 5)
    with pytest.raises(ArgumentError, match=r"padding=2 is more than half of the kernel \(3,\)"):
        wg.avg_pool1d(x, 3, padding=2)
    with pytest.raises(ShapeError, match=r"max_pool3d: got float64\[4\]; needs at least 3 axes"):
        wg.max_pool3d(np.zeros(4), 2)
    with pytest.raises(ArgumentError, match="complex numbers have no order"):
        wg.max_pool1d(x + 0j, 2)
    with pytest.raises(ArgumentError, match="kernel_size=0; needs at least 1"):
        wg.max_pool1d(x, 0)
    with pytest.raises(ArgumentError, match="output_size=.*needs at least 1"):
        wg.adaptive_avg_pool1d(x, 0)
