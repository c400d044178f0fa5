"""The command line: ``wengert train``, ``explain``, ``info``. Errors are printed without traceback, exit code 2."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from wengert.base.errors import ArgumentError, MissingDependencyError, WengertError
from wengert.cli.explaining import explain_formula
from wengert.cli.training import OPTIMIZERS, SOURCES, Settings, train_classifier
from wengert.train.plots import plot_history
from wengert.train.progress import BarReporter, TableReporter
from wengert.train.weights import save_weights

app = typer.Typer(
    name="wengert", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
console = Console(highlight=False)
USUAL = Settings()


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"wengert {_installed('wengert')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Record programs as a Wengert list, differentiate them, and train models."""


@app.command()
def train(
    data: Annotated[str, typer.Option(help=f"Data set: {' or '.join(SOURCES)}.")] = USUAL.data,
    hidden: Annotated[
        str, typer.Option(help="Sizes of the hidden layers, for example 64,32; empty for none.")
    ] = ",".join(map(str, USUAL.hidden)),
    epochs: Annotated[int, typer.Option(min=1, help="Most passes over the training part.")] = USUAL.epochs,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows in a minibatch.")] = USUAL.batch_size,
    lr: Annotated[float, typer.Option(help="Learning rate.")] = USUAL.lr,
    optimizer: Annotated[str, typer.Option(help=f"One of {', '.join(OPTIMIZERS)}.")] = USUAL.optimizer,
    dropout: Annotated[float, typer.Option(help="Share of hidden units dropped while training.")] = USUAL.dropout,
    seed: Annotated[
        int, typer.Option(help="Of the split, the initial weights and the order of the rows.")
    ] = USUAL.seed,
    patience: Annotated[
        int, typer.Option(min=0, help="Stop after so many epochs without a new best; 0: never.")
    ] = USUAL.patience or 0,
    out: Annotated[Path | None, typer.Option(help="Folder for weights, history and curves.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No table of epochs.")] = False,
) -> None:
    """Train a classifier and test it on a held-out fifth of the data.

    A fifth of the rows is the test part and a tenth the validation part, both with the classes in proportion.
    The weights of the epoch with the best validation accuracy are kept.
    """
    settings = Settings(
        data=data, hidden=_sizes(hidden), epochs=epochs, batch_size=batch_size, lr=lr, optimizer=optimizer,
        dropout=dropout, seed=seed, patience=patience or None,
    )  # fmt: skip
    if quiet:
        reporter = None
    else:
        reporter = BarReporter() if sys.stdout.isatty() else TableReporter()
    result = train_classifier(settings, reporter, lambda text: console.print(text, soft_wrap=True))
    console.print("Confusion on the test part (rows: truth, columns: prediction)")
    console.print(_confusion_table(result.confusion, result.names))
    console.print(
        f"Test accuracy: [bold]{result.test['accuracy']:.2%}[/bold] ({result.right} of {result.rows} held-out rows), "
        f"loss {result.test['loss']:.4f}. Training ended {result.history.stopped} and took {result.seconds:.1f} s.",
        soft_wrap=True,
    )
    if out is not None:
        _write(out, result, settings)


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        sizes = (0,)
    if any(size < 1 for size in sizes):
        raise ArgumentError(f"--hidden: got {text!r}; needs sizes such as 64,32")
    return sizes


def _confusion_table(confusion: Any, names: list[str]) -> Table:
    """Rows are true classes, columns predictions; empty cells are zeros."""
    table = Table()
    table.add_column("", style="bold")
    for name in names:
        table.add_column(name, justify="right")
    for i, row in enumerate(confusion):
        cells = [f"[green]{n}[/green]" if i == j else f"[red]{n}[/red]" if n else "" for j, n in enumerate(row)]
        table.add_row(names[i], *cells)
    return table


def _write(out: Path, result: Any, settings: Settings) -> None:
    state = {**result.model.state_dict(), **{f"input.{k}": v for k, v in result.normalise.state_dict().items()}}
    metadata = {"settings": json.dumps(settings._asdict()), "classes": json.dumps(result.names)}
    written = [
        save_weights(state, out / "weights.safetensors", metadata),
        result.history.write_csv(out / "history.csv"),
    ]
    try:
        written.append(plot_history(result.history, out / "curves.png"))
    except MissingDependencyError as error:
        console.print(f"No picture of the curves: {error.message} ({error.hint})", markup=False)
    console.print(f"Written: {', '.join(map(str, written))}", markup=False, soft_wrap=True)


# ----- explain ---------------------------------------------------------------------------------------------
# A formula may begin with a minus, which is no option.
app.command("explain", context_settings={"ignore_unknown_options": True})(explain_formula)


# ----- info ------------------------------------------------------------------------------------------------
def _installed(name: str) -> str:
    try:
        return str(getattr(importlib.import_module(name), "__version__", "yes"))
    except ImportError:
        return "not installed"


def _blas() -> str:
    """Which library NumPy's matrix products come from."""
    try:
        found = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{found.get('name', '?')} {found.get('version', '')}".strip()
    except (KeyError, TypeError):
        return "unknown"


@app.command()
def info() -> None:
    """Print versions, threads, devices, and what is compiled natively."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    rows = {
        "wengert": _installed("wengert"),
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "NumPy": np.__version__,
        "BLAS of NumPy": _blas(),
        "threads": f"{cores} processors, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}",
        "devices": "cpu",
        "compiled natively": "nothing yet (all operations run through NumPy)",
        **{name: _installed(name) for name in ("scipy", "safetensors", "matplotlib", "rich", "typer")},
    }
    table = Table(show_header=False, box=None)
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/bold]", value)
    console.print(table)


def main() -> None:
    """The entry point: one line for an error instead of a traceback."""
    try:
        app()
    except (WengertError, OSError) as error:
        text = error.message if isinstance(error, WengertError) else str(error)
        hint = getattr(error, "hint", None)
        typer.echo(f"wengert: {text}" + (f"\n  hint: {hint}" if hint else ""), err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
