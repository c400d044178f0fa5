"""A zero cotangent contributes zero: nothing leaks from a branch not taken, in any mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg

CASES: dict[str, tuple[Callable[[Any], Any], list[float], list[float]]] = {
    "x log x": (lambda x: np.where(x > 0, x * np.log(x), 0.0), [0.0, 1.0, -2.0], [0.0, 1.0, 0.0]),
    "log": (lambda x: np.where(x > 0, np.log(x), 0.0), [0.0, 2.0, -1.0], [0.0, 0.5, 0.0]),
    "sqrt": (lambda x: np.where(x > 0, np.sqrt(x), 0.0), [0.0, 4.0, -1.0], [0.0, 0.25, 0.0]),
    "sqrt times x": (lambda x: np.where(x > 0, np.sqrt(x) * x, 0.0), [-1.0, 4.0, 0.0], [0.0, 3.0, 0.0]),
    "division": (lambda x: np.where(x != 0, np.sin(x) / x, 1.0), [0.0, np.pi, 0.0], [0.0, -1 / np.pi, 0.0]),
    "power": (lambda x: np.where(x > 0, x**0.5, 0.0), [0.0, 4.0, -1.0], [0.0, 0.25, 0.0]),
    "square of a root": (lambda x: np.where(x > 0, np.sqrt(x) ** 2, 0.0), [-1.0, 4.0, 0.0], [0.0, 1.0, 0.0]),
    "cube of a log": (lambda x: np.where(x > 0, np.log(x) ** 3, 0.0), [-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]),
    "arcsin": (lambda x: np.where(abs(x) < 1, np.arcsin(x), 0.0), [1.0, 0.0, 2.0], [0.0, 1.0, 0.0]),
    "indexing": (lambda x: x * np.log(x) * np.array([0.0, 1.0, 0.0]), [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]),
    "overflow": (lambda x: np.where(x < 10, np.exp(x), 0.0), [1000.0, 0.0, 1000.0], [0.0, 1.0, 0.0]),
    "quotient of overflows": (lambda x: np.where(x < 10, np.exp(x) / np.exp(x), 0.0), [1000.0, 0.0, 900.0], [0.0] * 3),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", CASES)
def test_nothing_leaks_from_the_branch_not_taken(name: str) -> None:
    f, x, expected = CASES[name]
    point = np.array(x)
    reverse = wg.grad(lambda x: np.sum(f(x)))(point)
    np.testing.assert_allclose(reverse, expected, atol=1e-12)
    np.testing.assert_allclose(wg.vmap(wg.grad(f))(point) if name != "indexing" else reverse, expected, atol=1e-12)
    np.testing.assert_allclose(wg.jvp(lambda x: np.sum(f(x)), (point,), (np.ones(3),))[1], np.sum(expected), atol=1e-12)
    t = wg.tensor(point, requires_grad=True)
    f(t).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), expected, atol=1e-12)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_element_beside_a_pole() -> None:
    np.testing.assert_array_equal(wg.grad(lambda x: np.log(x)[1])(np.array([0.0, 2.0])), [0.0, 0.5])
    np.testing.assert_allclose(wg.grad(lambda x: (x * np.log(x))[1])(np.array([0.0, 2.0])), [0.0, 1 + np.log(2.0)])


@pytest.mark.parametrize("order", [None, 1, 2, 3, np.inf])
def test_norm_of_the_zero_vector(order: Any) -> None:
    np.testing.assert_array_equal(wg.grad(lambda x: np.linalg.norm(x, order))(np.zeros(3)), np.zeros(3))


def test_products_with_zeros() -> None:
    x = np.array([0.0, 2.0, 3.0])
    np.testing.assert_array_equal(wg.grad(np.prod)(x), [6.0, 0.0, 0.0])
    np.testing.assert_array_equal(wg.hessian(np.prod)(x), [[0, 3, 2], [3, 0, 0], [2, 0, 0]])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(np.cumprod(x)))(x), [1 + 2 + 6, 0, 0])


@pytest.mark.parametrize(("exponent", "slope"), [(0, 0.0), (1, 1.0), (2, 0.0), (3, 0.0), (1.0, 1.0), (2.0, 0.0)])
def test_powers_of_zero(exponent: Any, slope: float) -> None:
    assert wg.grad(lambda x: x**exponent)(0.0) == slope


def test_infinite_slope_stays_infinite() -> None:
    """Only a zero cotangent is silenced: the derivative of sqrt at 0 is what it is."""
    assert wg.grad(np.sqrt)(0.0) == np.inf


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_mask_reaches_through_a_line_with_several_values() -> None:
    pair = wg.checkpoint(lambda a: (a, 2 * a))

    def f(x: Any) -> Any:
        return np.sum(np.where(x > 0, pair(x * np.log(x))[0], 0.0))

    np.testing.assert_allclose(wg.grad(f)(np.array([0.0, 2.0])), [0.0, 1 + np.log(2.0)])
