"""Run the examples and say which of them reach their figures.

    python examples/run.py                    all of them
    python examples/run.py xor gan --verbose  some, with what they print
    python examples/run.py --quick --seed 3   the short form that the tests run, from another seed

An example is any other file of this folder. It has ``main(quick=False, seed=0)``, which returns figures by name, and
what they must reach: ``REACH``, and ``QUICK`` for the short form. The exit code is 1 where one misses.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import operator
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).resolve().parent
COMPARISONS = {">=": operator.ge, "<=": operator.le, "==": operator.eq}


def names() -> list[str]:
    """The names of all examples."""
    return sorted(file.stem for file in FOLDER.glob("*.py") if file.stem != "run")


def load(name: str) -> ModuleType:
    """The example of that name as a module."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_reached(value: float, rule: str) -> bool:
    """Whether a figure keeps a rule such as ``">= 0.97"`` or ``"0.5 +- 0.01"``; NaN keeps none."""
    if "+-" in rule:
        middle, width = map(float, rule.split("+-"))
        return abs(value - middle) <= width
    comparison, bound = rule.split()
    return bool(COMPARISONS[comparison](value, float(bound)))


def run(name: str, quick: bool, seed: int, verbose: bool) -> tuple[dict[str, float], dict[str, str], float]:
    """The figures of an example, what they must reach, and the seconds it took."""
    example = load(name)
    begin = time.perf_counter()
    with contextlib.nullcontext() if verbose else contextlib.redirect_stdout(io.StringIO()):
        figures = example.main(quick=quick, seed=seed)
    return figures, example.QUICK if quick else example.REACH, time.perf_counter() - begin


def main(
    chosen: Annotated[list[str] | None, typer.Argument(help="Names; all where none is given.")] = None,
    quick: Annotated[bool, typer.Option(help="The short form.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of data splits, initial values and noise.")] = 0,
    verbose: Annotated[bool, typer.Option(help="Show what the examples print.")] = False,
) -> None:
    """Run examples, print one row for each figure, and exit with 1 where one misses."""
    unknown = sorted(set(chosen or ()) - set(names()))
    if unknown:
        raise typer.BadParameter(f"no example is called {', '.join(unknown)}; there are {', '.join(names())}")
    table = Table("example", "figure", "reached", "must reach", "seconds")
    for column in table.columns[2:]:
        column.justify = "right"
    missed, total = [], 0.0
    with Console(stderr=True).status("") as status:
        for name in chosen or names():
            status.update(name)
            figures, rules, seconds = run(name, quick, seed, verbose)
            total += seconds
            for number, (figure, rule) in enumerate(rules.items()):
                good = is_reached(figures[figure], rule)
                missed += [] if good else [f"{name}: {figure}"]
                first = number == 0
                table.add_row(
                    name if first else "", figure, f"{figures[figure]:.4g}", rule if good else f"[bold red]{rule}",
                    f"{seconds:.1f}" if first else "",
                )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 110).print(table)
    print(f"{total:.0f} seconds; " + (f"missed: {', '.join(missed)}" if missed else "all figures reached"))
    raise typer.Exit(1 if missed else 0)


if __name__ == "__main__":
    typer.run(main)
