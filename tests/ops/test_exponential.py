"""Exponentials, logarithms, roots: values as NumPy's, derivatives by formula, edges."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.testing.battery import check_primitive

NAMES = [
    "cbrt",
    "exp",
    "exp2",
    "expit",
    "expm1",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logaddexp2",
    "rsqrt",
    "sqrt",
]


@pytest.mark.parametrize("name", NAMES)
def test_battery(name):
    assert check_primitive(name)


@pytest.mark.parametrize("name", ["cbrt", "exp", "exp2", "expm1", "log", "log10", "log1p", "log2", "sqrt"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_and_dtypes(name, dtype):
    x = np.array([0.25, 1.0, 3.0], dtype)
    found = getattr(wg, name)(x)
    np.testing.assert_array_equal(found, getattr(np, name)(x))
    assert found.dtype == wg.elementwise_grad(getattr(wg, name))(x).dtype == dtype


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (wg.exp2, 3.0, 8 * np.log(2)),
        (wg.expm1, 1e-20, 1.0),
        (wg.log2, 4.0, 0.25 / np.log(2)),
        (wg.log10, 4.0, 0.25 / np.log(10)),
        (wg.log1p, -0.5, 2.0),
        (wg.sqrt, 4.0, 0.25),
        (wg.rsqrt, 4.0, -1 / 16),
        (wg.cbrt, -8.0, 1 / 12),
        (wg.sqrt, 0.0, np.inf),
        (wg.log, 0.0, np.inf),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_slopes(f, x, slope):
    assert wg.grad(f)(x) == pytest.approx(slope, rel=1e-14)


@pytest.mark.parametrize(
    "f", [wg.log, wg.sqrt, wg.rsqrt, wg.log2, wg.log1p, lambda x: 1 / x, lambda x: wg.log(wg.sqrt(x))]
)
@pytest.mark.parametrize("x", [0.0, -1.0, -2.0])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_branch_not_taken_leaks_nothing(f, x):
    def chosen(x):
        return wg.where(x > 0, f(x), x * x)

    assert wg.grad(chosen)(x) == 2 * x
    assert wg.grad(wg.grad(chosen))(x) == 2.0
    assert wg.jvp(chosen, (x,), (1.0,))[1] == 2 * x


def test_expit_keeps_relative_accuracy_in_its_tails():
    for x in (-700.0, 40.0):
        small = np.exp(-abs(x))
        assert wg.grad(wg.expit)(x) == pytest.approx(small / (1 + small) ** 2, rel=1e-14)
    assert wg.grad(wg.expit)(-1e4) == wg.grad(wg.expit)(1e4) == 0


def test_logaddexp_shares():
    both = wg.grad(wg.logaddexp, (0, 1))
    assert both(1000.0, 1000.0) == (0.5, 0.5)
    assert both(-np.inf, -np.inf) == (0.5, 0.5)
    assert both(-np.inf, 2.0) == (0.0, 1.0)
    assert both(np.inf, 2.0) == (1.0, 0.0)
    assert wg.grad(wg.grad(wg.logaddexp))(1.0, 1.0) == 0.25
    assert wg.grad(wg.logaddexp2)(3.0, 3.0) == 0.5


@pytest.mark.parametrize(
    ("base", "exponent", "by_base", "by_exponent"),
    [
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 1.0, 1.0, 0.0),
        (0.0, 2.0, 0.0, 0.0),
        (2.0, -1.0, -0.25, 0.5 * np.log(2)),
        (-2.0, 3.0, 12.0, np.nan),
        (3.0, 0.0, 0.0, np.log(3)),
    ],
)
@pytest.mark.parametrize("f", [wg.power, wg.float_power])
def test_power_at_its_edges(f, base, exponent, by_base, by_exponent):
    np.testing.assert_allclose(wg.grad(f, (0, 1))(base, exponent), (by_base, by_exponent), rtol=1e-14)
    assert wg.grad(lambda x: f(x, exponent))(base) == by_base


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_whole_powers_at_zero_to_every_order(n):
    f = wg.grad(wg.grad(lambda x: x**n))
    assert f(0.0) == (2.0 if n == 2 else 0.0)
    assert f(-1.5) == pytest.approx(n * (n - 1) * (-1.5) ** (n - 2))


def test_complex_power():
    z, w = 0.3 - 0.4j, 1.5 + 0.5j
    assert wg.vjp(wg.power, z, w)[1](1.0 + 0j) == pytest.approx((w * z ** (w - 1), z**w * np.log(z)))
