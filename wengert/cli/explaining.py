"""``wengert explain``: back-propagation through a formula, in the terminal or written to a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wengert.base.errors import ArgumentError
from wengert.base.files import write_atomically
from wengert.viz import rendering
from wengert.viz.explain import Explanation, explain
from wengert.viz.formula import parse

FORMATS = ("text", "markdown", "latex", "dot", "html", "svg")
MOST_CHARACTERS = 10_000  # of a value


def explain_formula(
    formula: Annotated[
        str, typer.Argument(help='For example "exp(w*x + b)", or with names: "z = w*x; a = z + b; y = exp(a)".')
    ],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Numbers (w=2, b=pi/4) or lists (x=[1,2]).")
    ] = None,
    format: Annotated[str, typer.Option(help=f"One of {', '.join(FORMATS)}.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Write a file: .html (to play with), .svg, .png, .dot, .md, .tex or .txt.")
    ] = None,
    digits: Annotated[int, typer.Option(min=1, max=17, help="Significant digits of every number.")] = 7,
) -> None:
    """Show every value, local derivative and adjoint of a formula, step by step."""
    if format and format not in FORMATS:
        raise ArgumentError(f"--format: got {format!r}; needs one of {', '.join(FORMATS)}")
    explanation = explain(parse(formula), **_values(values or []))
    console = Console(highlight=False, markup=False)
    if out is not None and not format:
        typer.echo(f"Written: {explanation.save(out, digits)}")
    elif out is not None:
        written = write_atomically(out, getattr(explanation, f"to_{format}")(digits).encode())
        typer.echo(f"Written: {written}")
    elif not format and console.is_terminal:
        _print_tables(explanation, console, digits)
    else:
        typer.echo(getattr(explanation, f"to_{format or 'text'}")(digits), nl=False)


def _values(texts: list[str]) -> dict[str, Any]:
    """The values by name from ``name=value``."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if text.startswith("--"):
            raise ArgumentError(f"explain: no such option: {text}", hint="wengert explain --help lists them")
        if not equals or not name.isidentifier():
            raise ArgumentError(f"explain: got {text!r}; needs a value such as w=2 or x=[1,2]")
        if name in found:
            raise ArgumentError(f"explain: {name} is given twice")
        found[name] = _value(name, value)
    return found


def _value(name: str, text: str) -> Any:
    """A list in JSON, or a formula of numbers (pi/4)."""
    if text.startswith("["):
        if len(text) > MOST_CHARACTERS:
            raise ArgumentError(f"explain: the value of {name} is too long; the limit is {MOST_CHARACTERS} characters")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ArgumentError(
                f"explain: {name}={text[:40]} is no list of numbers", hint="write x=[1,2] or x=[[1,0],[0,1]]"
            ) from None
    formula = parse(text)
    if formula.names:
        raise ArgumentError(f"explain: the value of {name} is {text!r}; needs a number or a list of numbers")
    return formula()


def _print_tables(explanation: Explanation, console: Console, digits: int) -> None:
    writer = rendering.Writer(digits)
    console.print(Text(writer.words(explanation.title), style="bold"))
    for found in rendering.tables(explanation, writer):
        table = Table(box=SIMPLE, pad_edge=False)
        for column in found.columns:
            table.add_column(Text(column), overflow="fold", style="green" if column == "value" else "")
        for row in found.rows:
            table.add_row(*map(Text, row))
        console.print()
        console.print(Text(writer.words(found.title), style="bold cyan"))
        console.print(table)
    for note in rendering.notes(explanation):
        console.print(Text(note))
