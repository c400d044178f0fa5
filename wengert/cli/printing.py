"""What the commands print: remarks, tables, figures. Texts from files are shown as text, never obeyed by a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wengert.train.progress import BarReporter, Reporter, TableReporter
from wengert.train.report import figure
from wengert.train.table_model import Evaluation

MOST_CLASSES = 20  # a greater table of confusions is in the report
console = Console(highlight=False, markup=False)


def shown(text: Any) -> str:
    """A text without what a terminal would take for a command."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def say(text: str) -> None:
    """One remark, on one line however long it is."""
    console.print(shown(text), soft_wrap=True)


def reporter(quiet: bool) -> Reporter | None:
    """The bar in a terminal, plain rows elsewhere, or nothing."""
    if quiet:
        return None
    return BarReporter() if sys.stdout.isatty() else TableReporter()


def print_table(heads: Sequence[str], rows: Iterable[Sequence[Any]], texts: int = 1) -> None:
    """A table whose first `texts` columns are texts, the others numbers."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(Text(shown(head)), justify="left" if place < texts else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    console.print(table)


def confusion_table(confusion: Any, names: Sequence[str]) -> Table:
    """Rows are true classes, columns predictions; empty cells are zeros."""
    table = Table()
    table.add_column("", style="bold")
    for name in names:
        table.add_column(Text(shown(name)), justify="right")
    for i, row in enumerate(confusion):
        cells = [Text(str(n) if n else "", style="green" if i == j else "red") for j, n in enumerate(row)]
        table.add_row(Text(shown(names[i])), *cells)
    return table


def print_evaluation(result: Evaluation, classes: Sequence[str], title: str) -> None:
    """Metrics beside the baseline, then the confusions."""
    say(title)
    rows = [(name, figure(name, v), figure(name, result.baseline.get(name))) for name, v in result.metrics.items()]
    print_table(("metric", "model", f"always {result.usual}"), rows)
    if result.confusion is not None and len(classes) <= MOST_CLASSES:
        say("Confusions (rows: truth, columns: prediction)")
        console.print(confusion_table(result.confusion, classes))
