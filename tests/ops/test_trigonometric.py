"""Trigonometric and hyperbolic functions: battery, identities, edges."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wengert as wg
from wengert.testing.battery import check_primitive

NAMES = [
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cos", "cosh", "deg2rad", "hypot",
    "rad2deg", "sin", "sinc", "sinh", "tan", "tanh",
]  # fmt: skip


def derivative(f, order):
    for _ in range(order):
        f = wg.grad(f)
    return f


@pytest.mark.parametrize("name", NAMES)
def test_battery(name):
    assert check_primitive(name)


@pytest.mark.parametrize(
    ("inverse", "f"), [("arcsin", "sin"), ("arctan", "tan"), ("arcsinh", "sinh"), ("arctanh", "tanh")]
)
def test_inverses_have_inverse_slopes(inverse, f):
    x = 0.7
    y = getattr(wg, f)(x)
    assert wg.grad(getattr(wg, inverse))(y) * wg.grad(getattr(wg, f))(x) == pytest.approx(1, rel=1e-14)


def test_array_api_names_are_the_same_functions():
    for short, long in [
        ("acos", "arccos"),
        ("asin", "arcsin"),
        ("atan2", "arctan2"),
        ("atanh", "arctanh"),
        ("radians", "deg2rad"),
    ]:
        assert getattr(wg, short) is getattr(wg, long)


def test_sinc_at_zero_to_every_order():
    # sinc is the integral of cos(πxu) over u in [0, 1].
    expected = [1, 0, -(math.pi**2) / 3, 0, math.pi**4 / 5, 0, -(math.pi**6) / 7]
    for order, value in enumerate(expected):
        for x in (0.0, 1e-30):
            assert derivative(wg.sinc, order)(x) == pytest.approx(value, rel=1e-13, abs=1e-20 + 1e-15 * (x > 0))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_sinc_derivatives_near_zero_against_quadrature(order):
    u, w = np.polynomial.legendre.leggauss(60)
    u, w = (u + 1) / 2, w / 2
    for x in (1e-8, 1e-3, 0.1, 0.3, 0.5, 1.0, 1.3, 2.5):
        integral = np.sum(w * (math.pi * u) ** order * np.cos(math.pi * x * u + order * math.pi / 2))
        assert derivative(wg.sinc, order)(x) == pytest.approx(integral, rel=1e-11, abs=1e-12)


def test_sinc_of_every_shape_and_dtype():
    x = np.array([0.0, 0.5, -3.0], np.float32)
    assert wg.elementwise_grad(wg.sinc)(x).dtype == np.float32
    assert wg.sinc(np.zeros((0, 2))).shape == (0, 2)
    np.testing.assert_allclose(wg.vmap(wg.grad(wg.sinc))(x), [wg.grad(wg.sinc)(v) for v in x])
    np.testing.assert_array_equal(wg.sinc([0.0, 1.5]), np.sinc([0.0, 1.5]))


def test_the_origin_has_finite_gradients():
    for f in (wg.hypot, wg.arctan2):
        assert wg.grad(f, (0, 1))(0.0, 0.0) == (0.0, 0.0)
        hessian = wg.hessian(lambda v, f=f: f(v[0], v[1]))(np.zeros(2))
        assert np.isfinite(hessian).all()
    assert wg.grad(wg.angle)(0j) == 0


def test_hypot_and_arctan2_far_out():
    assert wg.grad(wg.hypot, (0, 1))(3e200, 4e200) == pytest.approx((0.6, 0.8))
    assert wg.grad(wg.arctan2, (0, 1))(3e-200, 4e-200) == pytest.approx((1.6e199, -1.2e199))
    assert wg.grad(wg.arctan2)(0.0, -1.0) == -1.0


def test_angle():
    z = np.array([1 + 1j, -1 + 0j, -2j, 0j])
    np.testing.assert_allclose(wg.angle(z), np.angle(z))
    np.testing.assert_allclose(wg.angle(z, deg=True), np.angle(z, deg=True))
    np.testing.assert_allclose(wg.angle([-1.0, 2.0]), [np.pi, 0.0])
    # df/dx - i df/dy of the angle is -i/z.
    assert wg.grad(wg.angle)(1 + 2j) == pytest.approx(-1j / (1 + 2j))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("f", [wg.arcsin, wg.arccos, wg.arctanh, wg.sin, wg.cos])
@pytest.mark.parametrize("x", [1.0, 2.0, np.inf])
def test_a_branch_not_taken_leaks_nothing(f, x):
    def chosen(x):
        return wg.where(x < 1, f(x), 3 * x)

    assert wg.grad(chosen)(x) == 3.0
    assert wg.grad(wg.grad(chosen))(x) == 0.0
