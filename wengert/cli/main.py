"""The command line: ``wengert train``, ``predict``, ``evaluate``, ``data``, ``explain``, ``cache``, ``info``.

Errors are printed without traceback, exit code 2.
"""

from __future__ import annotations

import importlib
import inspect
import io
import os
import platform
import sys
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from wengert.base.errors import WengertError
from wengert.cli.caching import cache
from wengert.cli.explaining import explain_formula
from wengert.cli.learning import train
from wengert.cli.printing import console, shown
from wengert.cli.tables import data, evaluate, predict
from wengert.compiler.native import engine
from wengert.compiler.native.threads import get_num_threads

app = typer.Typer(
    name="wengert", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


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


# ----- train, predict, evaluate, data, cache ---------------------------------------------------------------
for command in (train, predict, evaluate, data, cache):
    # One line a paragraph: the terminal's width decides where it is broken.
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    app.command(command.__name__, help="\n\n".join(" ".join(p.split()) for p in paragraphs))(command)

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


def _target() -> str:
    """What `wg.compile` makes code for."""
    if not engine.available():
        return "nothing (WENGERT_BACKEND=numpy, or llvmlite is not installed)"
    version = ".".join(map(str, engine.binding().llvm_version_info))
    return f"for {engine.processor()[0] or 'any processor of this kind'}, by LLVM {version}"


@app.command()
def info() -> None:
    """Print versions, threads, devices, and what is compiled natively."""
    rows = {
        "wengert": _installed("wengert"),
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "NumPy": np.__version__,
        "BLAS of NumPy": _blas(),
        "threads": f"{get_num_threads()}, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}",
        "devices": "cpu",
        "compiled natively": _target(),
        **{name: _installed(name) for name in ("llvmlite", "scipy", "safetensors", "matplotlib", "rich", "typer")},
    }
    table = Table(show_header=False, box=None)
    for name, value in rows.items():
        table.add_row(Text(name, style="bold"), value)
    console.print(table)


def main() -> None:
    """The entry point: one line for an error instead of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a character gets its number
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except BrokenPipeError:  # who reads has enough, as head(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(2) from None
    except (WengertError, OSError, MemoryError) as error:
        text = error.message if isinstance(error, WengertError) else str(error) or "not enough memory"
        hint = getattr(error, "hint", None)
        whole = f"wengert: {text}" + (f"\n  hint: {hint}" if hint else "")
        typer.echo("\n".join(map(shown, whole.split("\n"))), err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
