"""What stands in a branch that was not taken contributes exactly nothing, whatever its value or slope there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.core.primitive import REGISTRY
from wengert.core.record import bind
from wengert.ops.elementwise import Elementwise

BAD = np.array([0.0, 1.0, -1.0, 1e3, -1e3, 1e200, np.inf, -np.inf, np.nan])
UNARY = sorted(
    n for n, p in REGISTRY.items() if isinstance(p, Elementwise) and len(p.partials) == 1 and p.differentiable
)
BINARY = sorted(
    n for n, p in REGISTRY.items() if isinstance(p, Elementwise) and len(p.partials) == 2 and p.differentiable
)
FIRST_ORDER = {"gamma_slope"}  # it has no derivative and says so

CHAINS: dict[str, Callable[[Any], Any]] = {
    "x log x": lambda x: x * np.log(x),
    "x / x": lambda x: x / x,
    "sin x / x": lambda x: np.sin(x) / x,
    "sqrt x * x": lambda x: np.sqrt(x) * x,
    "log of exp": lambda x: np.log(np.exp(x)),
    "exp over exp": lambda x: np.exp(x) / (1.0 + np.exp(x)),
    "inverse power": lambda x: x**-2.0 * x,
    "squares": lambda x: (x * x) * (x * x) / x,
    "arcsin of exp": lambda x: np.arcsin(np.exp(x)),
    "tanh of log": lambda x: np.tanh(np.log(x)) * np.arctan(np.log(x)),
    "a length": lambda x: np.sqrt(x * x + 0.0) / x,
}


def taken(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`f` at the last element only; the others are masked."""
    mask = np.append(np.zeros(BAD.size, bool), True)
    return lambda x: np.where(mask, f(x), 0.0)


def check(f: Callable[[Any], Any], at: float) -> None:
    x = np.append(BAD, at)
    with np.errstate(all="ignore"):
        g = taken(f)
        reverse = wg.elementwise_grad(g)(x)
        np.testing.assert_array_equal(reverse[:-1], 0.0, err_msg="reverse")
        assert np.isfinite(reverse[-1])
        if f in CHAINS.values():
            forward = wg.jvp(g, (x,), (np.append(np.zeros(BAD.size), 1.0),))[1]
            np.testing.assert_array_equal(forward[:-1], 0.0, err_msg="forward")
            np.testing.assert_allclose(forward[-1], reverse[-1], rtol=1e-12)


@pytest.mark.parametrize("name", [n for n in UNARY if n not in FIRST_ORDER])
def test_one_operand(name: str) -> None:
    prim = REGISTRY[name]
    at = float(np.mean(prim.domain[0])) + 0.1  # type: ignore[attr-defined]
    check(lambda x: bind(prim, (x,)), at)


@pytest.mark.parametrize("name", [n for n in BINARY if n not in FIRST_ORDER])
def test_two_operands(name: str) -> None:
    prim = REGISTRY[name]
    first, second = (float(np.mean(d)) + 0.1 for d in prim.domain)  # type: ignore[attr-defined]
    for other in (0.0, 1e3, np.inf, second):
        beside = np.append(np.full(BAD.size, other), second)
        check(lambda x, beside=beside: bind(prim, (x, beside)), first)  # type: ignore[misc]
    for other in (0.0, 1e3, np.inf, first):
        beside = np.append(np.full(BAD.size, other), first)
        check(lambda x, beside=beside: bind(prim, (beside, x)), second)  # type: ignore[misc]


@pytest.mark.parametrize("name", sorted(CHAINS))
def test_chains(name: str) -> None:
    check(CHAINS[name], 0.3 if "arcsin" not in name else -0.3)


def test_second_order() -> None:
    x = np.array([0.0, 2.0])
    with np.errstate(all="ignore"):
        f = lambda v: np.sum(np.where(v > 0, v * np.log(v), 0.0))  # noqa: E731
        np.testing.assert_allclose(wg.hessian(f)(x), np.diag([0.0, 0.5]))
        np.testing.assert_allclose(wg.jacrev(wg.grad(f))(x), np.diag([0.0, 0.5]))
        np.testing.assert_allclose(
            wg.vmap(wg.grad(lambda v: np.where(v > 0, v * np.log(v), 0.0)))(x), [0, 1 + np.log(2)]
        )


def test_backward() -> None:
    x = wg.tensor([0.0, 2.0], requires_grad=True)
    with np.errstate(all="ignore"):
        wg.where(x > 0, x * wg.log(x), 0.0).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0.0, 1 + np.log(2)], rtol=1e-6)
