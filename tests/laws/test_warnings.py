"""Derivatives are quiet: what NumPy warns of inside a sweep (1/0 in a partial) is no news for the user.

pytest turns every warning into an error, so it is enough to run them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg

Function = Callable[[Any], Any]
X = np.array([0.0, 1.0, 4.0])

# Finite on X without a warning, while a partial divides by zero, or overflows, at the first element.
EDGES: dict[str, Function] = {
    "sqrt": lambda x: np.sum(np.sqrt(x)),
    "sqrt behind a mask": lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)),
    "power": lambda x: np.sum(x**0.5),
    "cbrt": lambda x: np.sum(np.cbrt(x)),
    "arcsin": lambda x: np.sum(np.arcsin(x / 4)),
    "arccosh": lambda x: np.sum(np.arccosh(x + 1)),
    "norm of zeros": lambda x: np.linalg.norm(0 * x),
    "std of zeros": lambda x: np.std(0 * x),
    "arctan2 at the origin": lambda x: np.sum(np.arctan2(0 * x, 0 * x)),
    "xlogy": lambda x: np.sum(wg.xlogy(x, x)),
}
TRANSFORMS: dict[str, Callable[[Function], Any]] = {
    "grad": lambda f: wg.grad(f)(X),
    "jvp": lambda f: wg.jvp(f, (X,), (X,)),
    "jacfwd": lambda f: wg.jacfwd(f)(X),
    "hessian": lambda f: wg.hessian(f)(X),
    "vmap(grad)": lambda f: wg.vmap(wg.grad(f))(np.stack([X, X])),
    "vmap(hessian)": lambda f: wg.vmap(wg.hessian(f))(np.stack([X, X])),
    "checkpoint": lambda f: wg.grad(wg.checkpoint(f))(X),
    "backward": lambda f: f(wg.tensor(X, requires_grad=True)).backward(),
    "backward, recorded": lambda f: f(wg.tensor(X, requires_grad=True)).backward(create_graph=True),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("edge", EDGES)
def test_no_derivative_warns(edge: str, transform: str) -> None:
    TRANSFORMS[transform](EDGES[edge])


def test_what_the_user_computes_warns_as_in_numpy() -> None:
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        wg.log(np.array([0.0]))
