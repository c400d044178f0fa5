"""The history of a training: one row of numbers an epoch."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wengert.base.files import write_atomically

Row = dict[str, Any]


class History:
    """Rows with ``epoch``, ``train_loss``, …; which epoch was best; and why the training ended.

    ``compiled`` says in words what was compiled, and why not where it was not; ``pace`` how many training steps a
    second there were, as they stand (``eager``) and ``compiled``, and how many seconds ``compiling`` took.

    >>> import wengert as wg
    >>> history = wg.train.History()
    >>> history.append({"epoch": 1, "train_loss": 0.5})
    >>> history["train_loss"]
    [0.5]
    """

    def __init__(self, stopped: str = "not started") -> None:
        self.rows: list[Row] = []
        self.best_epoch: int | None = None
        self.best_score: float | None = None
        self.stopped = stopped
        self.compiled = "nothing ran yet"
        self.pace: dict[str, float] = {}

    def append(self, row: Row) -> None:
        """Add the row of one epoch."""
        self.rows.append(row)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, column: str) -> list[Any]:
        return [row.get(column) for row in self.rows]

    @property
    def columns(self) -> list[str]:
        """The names of all columns, in the order they came up."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def __repr__(self) -> str:
        best = "" if self.best_epoch is None else f", best in epoch {self.best_epoch}"
        return f"History of {len(self)} epochs{best}; ended {self.stopped}"

    def table(self) -> str:
        """The rows as text in columns.

        >>> import wengert as wg
        >>> history = wg.train.History()
        >>> history.append({"epoch": 1, "train_loss": 0.5})
        >>> print(history.table())
        epoch  train_loss
            1         0.5
        """
        cells = [self.columns, *([_word(row.get(name)) for name in self.columns] for row in self.rows)]
        widths = [max(len(line[k]) for line in cells) for k in range(len(self.columns))]
        return "\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in cells)

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write the rows as CSV, atomically."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return write_atomically(path, text.getvalue().encode())

    def write_jsonl(self, path: str | os.PathLike[str]) -> Path:
        """Write one JSON object a row, atomically; NaN and infinities become null."""
        lines = [json.dumps({k: _plain(v) for k, v in row.items()}, allow_nan=False) + "\n" for row in self.rows]
        return write_atomically(path, "".join(lines).encode())


def _word(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    """A number as JSON knows it."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
