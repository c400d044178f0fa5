"""Derivatives by differences, and how wrong they are: the valley of errors over the step h."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.record import concrete

STEPS = tuple(10.0**-k for k in range(1, 16))
WAYS = ("forward difference", "central difference")


class Row(NamedTuple):
    """One step: the quotients ``(f(x+h) - f(x)) / h`` and ``(f(x+h) - f(x-h)) / 2h``, and their errors."""

    h: float
    forward: float
    central: float
    forward_error: float
    central_error: float


class Valley(NamedTuple):
    """The errors over the steps. Left of the best step rounding wins (it grows as 1/h), right of it truncation."""

    exact: float
    rows: tuple[Row, ...]

    @property
    def best(self) -> tuple[Row, Row]:
        """The rows with the least error of the forward and of the central difference."""
        return min(self.rows, key=lambda r: r.forward_error), min(self.rows, key=lambda r: r.central_error)


def valley(f: Callable[[float], Any], x: float, exact: float, steps: Sequence[float] = STEPS) -> Valley:
    """Differences of a function of one number at `x`, compared with the `exact` derivative.

    >>> import math, numpy as np
    >>> from wengert.viz.valley import valley
    >>> forward, central = valley(np.exp, 1.0, math.e).best
    >>> forward.h, central.h
    (1e-08, 1e-05)
    """

    def value(at: float) -> float:
        return float(np.asarray(concrete(f(np.float64(at)))))  # divides by zero without an error

    rows = []
    middle = value(x)
    with np.errstate(all="ignore"):
        for h in steps:
            above, below = value(x + h), value(x - h)
            forward, central = (above - middle) / h, (above - below) / (2 * h)
            rows.append(Row(h, forward, central, abs(forward - exact), abs(central - exact)))
    return Valley(exact, tuple(rows))


__all__ = ["STEPS", "WAYS", "Row", "Valley", "valley"]
