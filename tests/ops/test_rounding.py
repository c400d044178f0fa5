"""Choosing and rounding: the documented conventions at ties, kinks and jumps."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.testing.battery import check_primitive

NAMES = [
    "abs", "ceil", "copysign", "fabs", "floor", "floor_divide", "fmax", "fmin", "fmod", "heaviside", "ldexp", "maximum",
    "minimum", "remainder", "rint", "round", "share", "sign", "trunc", "where",
]  # fmt: skip
NAN, INF = np.nan, np.inf


@pytest.mark.parametrize("name", NAMES)
def test_battery(name):
    assert check_primitive(name)


def test_ties_are_shared():
    for f in (wg.maximum, wg.minimum, wg.fmax, wg.fmin):
        assert wg.grad(f, (0, 1))(2.0, 2.0) == (0.5, 0.5)
    assert wg.grad(lambda x: wg.maximum(x, 0))(0.0) == 0.5
    assert wg.grad(wg.maximum, (0, 1))(3.0, 2.0) == (1.0, 0.0)
    assert wg.grad(wg.minimum, (0, 1))(3.0, 2.0) == (0.0, 1.0)


def test_nan_in_extrema():
    np.testing.assert_array_equal(wg.maximum([1.0, NAN], [NAN, 2.0]), [NAN, NAN])
    np.testing.assert_array_equal(wg.fmax([1.0, NAN], [NAN, 2.0]), [1.0, 2.0])
    assert wg.grad(wg.fmax, (0, 1))(NAN, 2.0) == (0.0, 1.0)
    assert wg.grad(wg.fmin, (0, 1))(1.0, NAN) == (1.0, 0.0)
    assert wg.grad(wg.fmin, (0, 1))(NAN, NAN) == (0.5, 0.5)
    assert wg.grad(wg.maximum, (0, 1))(NAN, 2.0) == (1.0, 0.0)


def test_where():
    chosen = np.array([True, False, True])
    a, b = np.array([1.0, 2.0, 3.0]), 5.0
    np.testing.assert_array_equal(wg.where(chosen, a, b), [1, 5, 3])
    ga, gb = wg.grad(lambda a, b: wg.sum(wg.where(chosen, a, b)), (0, 1))(a, b)
    np.testing.assert_array_equal(ga, [1, 0, 1])
    assert gb == 1.0
    np.testing.assert_array_equal(wg.where(chosen)[0], [0, 2])
    assert wg.where(chosen, np.float32(1), 0.0).dtype == np.float32
    with pytest.raises(wg.errors.ArgumentError, match="got one branch; needs both or none"):
        wg.where(chosen, a)
    with pytest.raises(wg.errors.ShapeError, match=r"where: shapes"):
        wg.where(chosen, np.ones(2), 0)
    # An infinite or NaN cotangent stays on its side.
    np.testing.assert_array_equal(
        wg.vjp(lambda a: wg.where(chosen, a, 0), a)[1](np.array([1.0, NAN, INF]))[0], [1, 0, INF]
    )


def test_clip():
    x = np.array([-2.0, -1.0, 0.5, 1.0, 3.0, NAN])
    np.testing.assert_array_equal(wg.clip(x, -1, 1), np.clip(x, -1, 1))
    np.testing.assert_array_equal(wg.elementwise_grad(lambda x: wg.clip(x, -1, 1))(x), [0, 1, 1, 1, 0, 1])
    np.testing.assert_array_equal(wg.clamp(x, min=0), np.clip(x, 0, None))
    np.testing.assert_array_equal(wg.clip(x, None, 0.0), np.clip(x, None, 0.0))
    low, high = wg.grad(lambda lo, hi: wg.sum(wg.clip(x[:5], lo, hi)), (0, 1))(-1.0, 1.0)
    assert (low, high) == (1.0, 1.0)
    assert wg.clip(5.0, 3.0, 1.0) == np.clip(5.0, 3.0, 1.0) == 1.0
    np.testing.assert_array_equal(wg.clip(np.ones(2), np.array([NAN, 0.0]), 2.0), np.clip(np.ones(2), [NAN, 0.0], 2.0))
    assert wg.clip(np.array([1, 5]), 0, 3).dtype == np.int64
    assert wg.clip(np.float32(0.5), 0.0, 1.0).dtype == np.float32
    with pytest.raises(wg.errors.ArgumentError, match="the same bound twice"):
        wg.clip(1.0, 0.0, min=0.5)


def test_absolute_value_and_sign():
    np.testing.assert_array_equal(wg.elementwise_grad(wg.abs)(np.array([-2.0, 0.0, -0.0, 3.0])), [-1, 0, 0, 1])
    assert wg.grad(wg.grad(wg.abs))(0.0) == 0.0
    z = np.array([3 - 4j, 0j])
    np.testing.assert_allclose(wg.grad(lambda z: wg.sum(wg.abs(z)))(z), [0.6 + 0.8j, 0])
    np.testing.assert_allclose(wg.sign(z), [0.6 - 0.8j, 0])
    # sign(z) = z/|z| does not change along its own ray, and turns across it.
    _, along = wg.jvp(wg.sign, (3 - 4j,), (3 - 4j,))
    _, across = wg.jvp(wg.sign, (3 - 4j,), (4 + 3j,))
    np.testing.assert_allclose([along, across], [0, (4 + 3j) / 5], atol=1e-15)
    assert wg.abs(np.array([-3])).dtype == np.int64


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "rint", "fix", "round", "sign"])
def test_steps_have_derivative_zero(name):
    x = np.array([-1.5, 0.0, 0.5, 2.5, 2.7])
    np.testing.assert_array_equal(getattr(wg, name)(x), getattr(np, name)(x))
    np.testing.assert_array_equal(wg.elementwise_grad(getattr(wg, name))(x), np.zeros(5))
    assert wg.jvp(getattr(wg, name), (1.0,), (1.0,))[1] == 0


def test_round_takes_decimals():
    np.testing.assert_array_equal(wg.round([1.234, -5.55], 1), np.round([1.234, -5.55], 1))
    assert wg.round(1234, -2) == 1200
    np.testing.assert_array_equal(np.round(wg.tensor([1.26]), decimals=1).numpy(), np.float32([1.3]))


def test_remainders():
    a, b = np.array([5.5, -5.5, 5.5, -5.5]), np.array([2.0, 2.0, -2.0, -2.0])
    for name in ("remainder", "fmod", "floor_divide", "mod"):
        np.testing.assert_array_equal(getattr(wg, name)(a, b), getattr(np, name)(a, b))
    np.testing.assert_array_equal(wg.elementwise_grad(lambda b: wg.remainder(a, b))(b), -np.floor(a / b))
    np.testing.assert_array_equal(wg.elementwise_grad(lambda b: wg.fmod(a, b))(b), -np.trunc(a / b))
    np.testing.assert_array_equal(wg.elementwise_grad(lambda b: wg.floor_divide(a, b))(b), np.zeros(4))
    assert wg.divmod(7, 2) == (3, 1)


def test_relatives():
    assert wg.grad(wg.copysign)(-2.0, 3.0) == -1.0
    assert wg.grad(wg.copysign)(0.0, 3.0) == 0.0
    assert wg.grad(wg.heaviside, (0, 1))(0.0, 0.5) == (0.0, 1.0)
    assert wg.grad(lambda x: wg.ldexp(x, 3))(1.5) == 8.0
    assert wg.ldexp(5e-324, 1074) == 1.0  # 2.0**1074 alone would overflow
    x = np.array([1.0, NAN, INF, -INF])
    np.testing.assert_array_equal(wg.nan_to_num(x), np.nan_to_num(x))
    np.testing.assert_array_equal(wg.nan_to_num(x, nan=5, posinf=6, neginf=7), [1, 5, 6, 7])
    np.testing.assert_array_equal(wg.elementwise_grad(wg.nan_to_num)(x), [1, 0, 0, 0])
    z = np.array([NAN + 1j, 2 - 1j * INF])
    np.testing.assert_array_equal(wg.nan_to_num(z), np.nan_to_num(z))
    assert wg.nan_to_num(np.array([3])).dtype == np.int64


def test_the_method_where_takes_its_own_values_first():
    t = wg.tensor([1.0, -2.0])
    assert t.where(t > 0, 9.0).tolist() == [1.0, 9.0]
