"""When to stop: rules that read the history after each epoch and give the reason, or None to go on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from wengert.base.errors import ArgumentError
from wengert.train.history import History

# Any function of the history will do.
Rule = Callable[[History], Any]


class EarlyStopping:
    """Stop when `column` has had no new best for `patience` epochs; better means strictly, NaN never is.

    A column that ends in "loss" should fall, any other rise; `mode` ("min" or "max") says otherwise.
    """

    def __init__(self, patience: int, column: str, mode: str | None = None) -> None:
        if patience < 1 or mode not in (None, "min", "max"):
            raise ArgumentError(f"EarlyStopping: got patience={patience}, mode={mode!r}; needs at least 1, 'min'/'max'")
        self.patience, self.column = patience, column
        self.sign = -1 if mode == "min" or (mode is None and column.endswith("loss")) else 1

    def __call__(self, history: History) -> str | None:
        best, best_at = -math.inf, -1
        values = _column("EarlyStopping", history, self.column)
        for number, value in enumerate(values):
            if self.sign * value > best:
                best, best_at = self.sign * value, number
        waited = len(values) - 1 - best_at
        return f"after {self.patience} epochs without improvement" if waited >= self.patience else None


class RelativeDrop:
    """Stop when `column` has fallen by less than the share `drop` over the last `window` epochs.

    >>> import wengert as wg
    >>> rule = wg.train.RelativeDrop(window=2, drop=0.1)
    >>> rule.first([4.0, 3.0, 2.0, 1.9, 1.85])
    4
    """

    def __init__(self, window: int = 10, drop: float = 0.01, column: str = "train_loss") -> None:
        if window < 1:
            raise ArgumentError(f"RelativeDrop: got window={window}; needs at least 1")
        self.window, self.drop, self.column = window, drop, column

    def drops(self, values: Sequence[float]) -> list[float]:
        """``(e[i-w] - e[i]) / e[i-w]`` for each i from the window's length on."""
        w = self.window
        pairs = zip(values, values[w:], strict=False)
        return [(before - now) / before if before else 0.0 for before, now in pairs]

    def first(self, values: Sequence[float]) -> int | None:
        """The first index whose drop is too small."""
        return next((i for i, d in enumerate(self.drops(values), self.window) if d < self.drop), None)

    def __call__(self, history: History) -> str | None:
        if self.first(_column("RelativeDrop", history, self.column)) is None:
            return None
        return f"{self.column} fell by less than {self.drop:.3g} of itself in {self.window} epochs"


def _column(what: str, history: History, name: str) -> list[float]:
    if len(history) and name not in history.columns:
        raise ArgumentError(f"{what}: {name!r} is no column; needs one of {', '.join(history.columns)}")
    return [float(v) for v in history[name] if v is not None]
