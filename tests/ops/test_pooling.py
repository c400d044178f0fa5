"""Pooling against PyTorch and by hand: geometry, ties, NaN, padding, orders, batches, words."""

from __future__ import annotations

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


@pytest.mark.parametrize(("shape", "options"), GEOMETRIES)
@pytest.mark.parametrize("kind", ["max", "avg", "avg-without-padding", "max-dilated"])
def test_against_torch(shape, options, kind):
    torch = pytest.importorskip("torch")
    options = dict(options)
    name = f"{kind[:3]}_pool{len(shape) - 2}d"
    if kind == "avg-without-padding":
        options["count_include_pad"] = False
    if kind == "max-dilated":
        options["dilation"] = 2
    x = RNG.normal(size=shape)
    t = torch.tensor(x, requires_grad=True)
    theirs = getattr(torch.nn.functional, name)(t, **options)
    ours = getattr(wg, name)
    assert_allclose(ours(x, **options), theirs.detach().numpy())
    (g,) = torch.autograd.grad((theirs**3).sum(), t, create_graph=True)
    (h,) = torch.autograd.grad((g**2).sum(), t)
    gradient = wg.grad(lambda x: wg.sum(ours(x, **options) ** 3))
    assert_allclose(gradient(x), g.detach().numpy(), atol=1e-12)
    assert_allclose(wg.grad(lambda x: wg.sum(gradient(x) ** 2))(x), h.numpy(), atol=1e-10)


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 3, 7, 5), (1, 2, 4, 5, 6)])
def test_adaptive_against_torch(shape):
    torch = pytest.importorskip("torch")
    x = RNG.normal(size=shape)
    rank = len(shape) - 2
    for size in (1, 3, (4, 2, 3)[:rank]):
        for kind in ("avg", "max"):
            t = torch.tensor(x, requires_grad=True)
            theirs = getattr(torch.nn.functional, f"adaptive_{kind}_pool{rank}d")(t, size)
            ours = getattr(wg, f"adaptive_{kind}_pool")
            assert_allclose(ours(x, size), theirs.detach().numpy())
            (g,) = torch.autograd.grad((theirs**2).sum(), t)
            assert_allclose(wg.grad(lambda x, f=ours, s=size: wg.sum(f(x, s) ** 2))(x), g.numpy(), atol=1e-12)


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
