"""Rosenblatt's rule for one threshold unit."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.core.record import concrete


class Perceptron(NamedTuple):
    """The unit ``[w·x + b > 0]``, whether it is right for every row, and after how many epochs."""

    w: Any
    b: float
    converged: bool
    epochs: int

    def __call__(self, x: Any) -> Any:
        """The classes 0 and 1 of rows ``x[n, d]``."""
        return (np.asarray(concrete(x)) @ self.w + self.b > 0).astype(np.int64)


def perceptron(x: Any, y: Any, lr: float = 1.0, epochs: int = 100) -> Perceptron:
    """Learn rows ``x[n, d]`` with classes ``y[n]`` of 0 and 1 by ``w += lr (y - output) x``, from zero.

    No gradient is used: that of a threshold is zero. If a line separates the classes, the rule finds one after
    finitely many corrections; if none does (XOR), it never comes to rest and `converged` is False.

    >>> import wengert as wg
    >>> x = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> wg.optim.perceptron(x, [0, 0, 0, 1]).converged, wg.optim.perceptron(x, [0, 1, 1, 0]).converged
    (True, False)
    """
    rows, classes = np.asarray(concrete(x), np.float64), np.asarray(concrete(y))
    if rows.ndim != 2 or classes.shape != rows.shape[:1]:
        raise ShapeError(f"perceptron: got x {show(rows)}, y {show(classes)}; needs x[n, d] and y[n]")
    if not np.isin(classes, (0, 1)).all():
        raise ArgumentError("perceptron: the classes must be 0 and 1")
    w, b = np.zeros(rows.shape[1]), 0.0
    for epoch in range(1, epochs + 1):
        errors = 0
        for row, wanted in zip(rows, classes, strict=True):
            error = int(wanted) - int(row @ w + b > 0)
            w, b = w + lr * error * row, b + lr * error
            errors += abs(error)
        if not errors:
            return Perceptron(w, b, True, epoch)
    return Perceptron(w, b, False, epochs)


__all__ = ["Perceptron", "perceptron"]
