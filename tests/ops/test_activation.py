"""Activations: closed forms, stability, and the derivatives at kinks."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wengert as wg
from wengert import nn

X = np.array([-3.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 3.0])


@pytest.mark.parametrize(
    ("f", "value", "slope", "second"),
    [  # at 0
        (nn.Sigmoid(), 0.5, 0.25, 0.0),
        (nn.Tanh(), 0.0, 1.0, 0.0),
        (nn.Step(), 0.0, 0.0, 0.0),
        (nn.Softplus(), math.log(2), 0.5, 0.25),
        (nn.ReLU(), 0.0, 0.0, 0.0),
        (nn.Softsign(), 0.0, 1.0, 0.0),
        (nn.ELU(), 0.0, 1.0, 1.0),
        (nn.ELU(0.5), 0.0, 0.5, 0.5),
        (nn.LogSigmoid(), -math.log(2), 0.5, -0.25),
        (nn.SiLU(), 0.0, 0.5, 0.5),
        (nn.Sinc(), 1.0, 0.0, -1 / 3),
        (nn.LeakyReLU(), 0.0, 0.01, 0.0),
        (nn.Mish(), 0.0, 0.6, 0.64),
        (nn.GELU(), 0.0, 0.5, 2 / math.sqrt(2 * math.pi)),
        (nn.GELU("tanh"), 0.0, 0.5, 2 / math.sqrt(2 * math.pi)),
        (nn.Identity(), 0.0, 1.0, 0.0),
        (nn.Square(), 0.0, 0.0, 2.0),
    ],
)
def test_at_zero(f, value, slope, second) -> None:
    first = wg.elementwise_grad(f)
    x = np.zeros(2)
    np.testing.assert_allclose(f(x), value, atol=1e-15)
    np.testing.assert_allclose(first(x), slope, atol=1e-15)
    np.testing.assert_allclose(wg.elementwise_grad(first)(x), second, atol=1e-12)


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "relu", "elu", "leaky_relu", "silu", "mish", "softsign",
                                  "gelu", "log_sigmoid"])  # fmt: skip
def test_derivatives_dtypes_and_extremes(name) -> None:
    f = getattr(wg, name)
    x = X[X != 0]
    h = 1e-6
    np.testing.assert_allclose(wg.elementwise_grad(f)(x), (f(x + h) - f(x - h)) / (2 * h), rtol=1e-7, atol=1e-9)
    assert f(x.astype(np.float32)).dtype == np.float32
    far = np.array([-1000.0, 1000.0])
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(f(far)).all()
    for derivative in (wg.elementwise_grad(f), wg.elementwise_grad(wg.elementwise_grad(f))):
        assert np.isfinite(derivative(far)).all()


def test_softplus_keeps_its_accuracy_in_the_tails() -> None:
    second = wg.elementwise_grad(wg.elementwise_grad(wg.softplus))
    x = np.array([-50.0, 40.0])
    np.testing.assert_allclose(wg.softplus(x), [1.9287498479639178e-22, 40.0], rtol=1e-12)
    np.testing.assert_allclose(second(x), [1.928749847963918e-22, 4.248354255291589e-18], rtol=1e-12)


def test_prelu_takes_one_slope_of_any_shape() -> None:
    for x in (np.array(-2.0), np.array([-2.0, 1.0]), -np.ones((2, 3, 4))):
        for slope in (0.25, np.array(0.25), np.array([0.25])):
            np.testing.assert_array_equal(wg.nn.functional.prelu(x, slope), np.where(x < 0, 0.25 * x, x), strict=True)


def test_prelu_learns_its_slope() -> None:
    layer = nn.PReLU(3)
    layer(np.array([[-1.0, -2.0, 3.0], [-1.0, 1.0, -4.0]], np.float32)).sum().backward()
    np.testing.assert_allclose(layer.weight.grad.numpy(), [-2, -2, -4])
    assert nn.PReLU(3)(-np.ones((2, 3, 4, 4), np.float32)).shape == (2, 3, 4, 4)


@pytest.mark.parametrize(
    ("f", "place", "minimum"),
    [
        (wg.gelu, -0.7517915246935645, -0.16997120747990366),
        (wg.silu, -1.2784645427610737, -0.2784645427610738),
        (wg.mish, -1.1924312145154952, -0.30884341301725043),
    ],
)
def test_the_bump(f, place, minimum) -> None:
    assert f(np.float64(place)) == pytest.approx(minimum, rel=1e-9)
    assert abs(wg.grad(f)(place)) < 1e-9


def test_integers_have_no_gradient_but_values() -> None:
    np.testing.assert_array_equal(wg.relu(np.array([-1, 2])), [0, 2])
