"""Reporting while training: a bar and a table in a terminal, plain rows or nothing elsewhere."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]


class Reporter:
    """What `fit` tells about its progress; this one keeps silent."""

    def start(self, epochs: int, batches: int) -> None:
        """The training begins."""

    def batch(self, epoch: int, done: int) -> None:
        """A batch of this epoch is done."""

    def epoch(self, row: Row, improved: bool) -> None:
        """An epoch is done, and may be the best so far."""

    def note(self, text: str) -> None:
        """Something a user should know, in one line."""

    def end(self) -> None:
        """The training ended, also by an error."""


def _cell(name: str, value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.2f}" if name == "seconds" else f"{value:.5f}"


class TableReporter(Reporter):
    """One line of text an epoch; an asterisk marks the best so far."""

    def __init__(self) -> None:
        self._heading: list[str] | None = None

    def write(self, line: str) -> None:
        """Put one line out."""
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        self.write(text)

    def epoch(self, row: Row, improved: bool) -> None:
        titles = [name.replace("validation_", "valid_").replace("_", " ") for name in row]
        if self._heading != titles:
            self._heading = titles
            self.write("  ".join(f"{t:>14}" if t != "epoch" else f"{t:>5}" for t in titles))
        cells = [f"{_cell(n, v):>14}" if n != "epoch" else f"{v:>5}" for n, v in row.items()]
        self.write("  ".join(cells) + (" *" if improved else ""))


class BarReporter(TableReporter):
    """The table, and below it a bar with rate and remaining time (needs the library rich)."""

    def start(self, epochs: int, batches: int) -> None:
        progress = importlib.import_module("rich.progress")
        self._batches = batches
        self._bar: Any = progress.Progress(
            progress.TextColumn("epoch {task.fields[epoch]}"),
            progress.BarColumn(bar_width=None),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.fields[rate]}"),
            progress.TimeRemainingColumn(),
            transient=True,
        )
        self._task = self._bar.add_task("fit", total=epochs * batches, epoch=1, rate="")
        self._bar.start()

    def batch(self, epoch: int, done: int) -> None:
        speed = self._bar.tasks[0].speed
        rate = f"{speed:.0f} batches/s" if speed else ""
        self._bar.update(self._task, completed=(epoch - 1) * self._batches + done, epoch=epoch, rate=rate)

    def write(self, line: str) -> None:
        self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def end(self) -> None:
        self._bar.stop()


def default_reporter() -> Reporter:
    """The bar in a terminal where rich is installed, else silence."""
    if sys.stdout.isatty() and importlib.util.find_spec("rich"):
        return BarReporter()
    return Reporter()
