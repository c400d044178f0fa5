"""Convolution and its transpose against the definition; words. Against PyTorch: tests/peers where it is installed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

import wengert as wg
from wengert.base.errors import ArgumentError, ShapeError
from wengert.ops import convolution
from wengert.testing.battery import check_primitive
from wengert.transforms.check import check_grads

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", ["conv", "conv_input", "conv_kernel"])
def test_battery(name):
    check_primitive(name)


def definition(x, w, stride, padding, dilation, groups):
    """The sum as it is written."""
    rank = w.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0)] + [(padding, padding)] * rank)
    out = [(n - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(x.shape[2:], w.shape[2:], strict=True)]
    y = np.zeros((x.shape[0], w.shape[0], *out))
    per = w.shape[1]
    for o, place in itertools.product(range(w.shape[0]), itertools.product(*map(range, out))):
        first = o // (w.shape[0] // groups) * per
        for j in itertools.product(*map(range, w.shape[2:])):
            at = tuple(p * stride + i * dilation for p, i in zip(place, j, strict=True))
            y[(slice(None), o, *place)] += x[(slice(None), slice(first, first + per), *at)] @ w[(o, slice(None), *j)]
    return y


CASES = [
    ((2, 3, 7), (4, 3, 3), 1, 0, 1, 1),
    ((2, 4, 9), (6, 2, 3), 2, 1, 2, 2),
    ((2, 3, 6, 5), (2, 3, 3, 2), 1, 1, 1, 1),
    ((1, 4, 7, 6), (4, 1, 3, 3), 2, 1, 1, 4),
    ((1, 2, 4, 5, 3), (3, 2, 2, 3, 2), 1, 1, 1, 1),
    ((2, 3, 5, 5), (4, 3, 1, 1), 1, 0, 1, 1),
]


@pytest.mark.parametrize(("x", "w", "stride", "padding", "dilation", "groups"), CASES)
def test_values_and_derivatives(x, w, stride, padding, dilation, groups):
    x, w = RNG.normal(size=x), RNG.normal(size=w)
    f = lambda x, w: wg.conv(x, w, None, stride, padding, dilation, groups)  # noqa: E731
    assert_allclose(f(x, w), definition(x, w, stride, padding, dilation, groups), atol=1e-12)
    check_grads(f, (x, w), order=2)


TRANSPOSES = [
    ((2, 4, 5), (4, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ((2, 4, 3, 4), (4, 2, 3, 2), {"stride": (2, 3), "padding": (1, 0), "groups": 2, "dilation": (1, 2)}),
    ((1, 2, 2, 3, 2), (2, 3, 2, 2, 2), {"stride": 2, "output_padding": (1, 0, 1)}),
]


@pytest.mark.parametrize(("x", "w", "options"), TRANSPOSES)
def test_transpose_derivatives(x, w, options):
    x, w = RNG.normal(size=x), RNG.normal(size=w)
    check_grads(lambda x, w: wg.conv_transpose(x, w, **options), (x, w), order=2)


def test_transpose_is_the_transpose():
    x, w, g = RNG.normal(size=(2, 3, 8)), RNG.normal(size=(4, 3, 3)), RNG.normal(size=(2, 4, 4))
    y = wg.conv(x, w, stride=2, padding=1)
    back = wg.conv_transpose(g, w, stride=2, padding=1, output_padding=1)
    assert_allclose(np.sum(y * g), np.sum(x * back))


def test_batches_with_shared_and_own_kernels():
    xs, ws = RNG.normal(size=(3, 2, 4, 6)), RNG.normal(size=(3, 6, 2, 3))
    f = lambda x, w: wg.conv(x, w, stride=2, padding=1, groups=2)  # noqa: E731
    for axes, pairs in [
        ((0, 0), [(xs[i], ws[i]) for i in range(3)]),
        ((0, None), [(xs[i], ws[0]) for i in range(3)]),
        ((None, 0), [(xs[0], ws[i]) for i in range(3)]),
    ]:
        a, b = (v if d == 0 else v[0] for v, d in zip((xs, ws), axes, strict=True))
        assert_allclose(wg.vmap(f, in_axes=axes)(a, b), [f(x, w) for x, w in pairs])
    per_example = wg.vmap(wg.grad(lambda w, x: wg.sum(f(x, w) ** 2)), in_axes=(None, 0))(ws[0], xs)
    assert_allclose(per_example[1], wg.grad(lambda w: wg.sum(f(xs[1], w) ** 2))(ws[0]))


def test_many_examples_are_taken_in_parts(monkeypatch):
    x, w = RNG.normal(size=(7, 2, 5, 5)), RNG.normal(size=(3, 2, 2, 2))
    whole = wg.vjp(lambda x, w: wg.conv(x, w), x, w)
    monkeypatch.setattr(convolution, "_COLUMNS", 300)
    parts = wg.vjp(lambda x, w: wg.conv(x, w), x, w)
    assert_allclose(parts[0], whole[0])
    g = RNG.normal(size=whole[0].shape)
    for a, b in zip(parts[1](g), whole[1](g), strict=True):
        assert_allclose(a, b)


def test_layouts():
    x, w = RNG.normal(size=(3, 8)), RNG.normal(size=(2, 3, 3))
    assert_allclose(wg.conv1d(x, w), wg.conv1d(x[None], w)[0])
    bias = RNG.normal(size=2)
    assert_allclose(wg.conv1d(x, w, bias), wg.conv1d(x, w) + bias[:, None])
    same = wg.conv1d(x, RNG.normal(size=(2, 3, 4)), padding="same", dilation=2)
    assert same.shape == (2, 8)
    assert wg.conv1d(x, w, padding=[(0, 2)]).shape == (2, 8)
    assert wg.conv1d(x.astype(np.float32), w.astype(np.float32)).dtype == np.float32
    strided = np.asfortranarray(RNG.normal(size=(2, 3, 6, 8)))[:, :, ::2, ::-1]
    k = RNG.normal(size=(2, 3, 2, 2))
    assert_allclose(wg.conv2d(strided, k), wg.conv2d(np.ascontiguousarray(strided), k))


def test_words():
    x, w = np.zeros((1, 3, 8)), np.zeros((4, 2, 3))
    with pytest.raises(ShapeError, match=r"conv1d: got input float64\[1, 3, 8\] with 3 channels.*input channels = 2 x"):
        wg.conv1d(x, w)
    with pytest.raises(ShapeError, match="a window of 9 does not fit into 8 elements with 0 \\+ 0 of padding"):
        wg.conv1d(x, np.zeros((4, 3, 5)), dilation=2)
    with pytest.raises(ShapeError, match="conv2d: .* with 2 spatial axes each"):
        wg.conv2d(x, np.zeros((4, 3, 5)))
    with pytest.raises(ArgumentError, match=r"conv1d: stride=0; needs at least 1"):
        wg.conv1d(x, np.zeros((4, 3, 3)), stride=0)
    with pytest.raises(ArgumentError, match=r"stride=\(1, 2\) has 2 entries; needs 1 or 1"):
        wg.conv1d(x, np.zeros((4, 3, 3)), stride=(1, 2))
    with pytest.raises(ArgumentError, match="padding='same' needs stride 1"):
        wg.conv1d(x, np.zeros((4, 3, 3)), stride=2, padding="same")
    with pytest.raises(ArgumentError, match="padding='full'; needs numbers, 'valid' or 'same'"):
        wg.conv1d(x, np.zeros((4, 3, 3)), padding="full")
    with pytest.raises(ShapeError, match=r"got the bias float64\[3\]; needs shape \(4,\)"):
        wg.conv1d(x, np.zeros((4, 3, 3)), np.zeros(3))
    with pytest.raises(ArgumentError, match="output_padding=2 must be smaller than the stride"):
        wg.conv_transpose1d(x, np.zeros((3, 3, 3)), stride=2, output_padding=2)
