"""``wengert cache``: what is kept of compiled functions."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from wengert.cli.printing import console
from wengert.compiler.native import cache as disk


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all of it; it is compiled again when needed.")] = False,
) -> None:
    """Show where the machine code of compiled functions is kept, and how much of it there is.

    The folder is WENGERT_CACHE_DIR, else `wengert` in XDG_CACHE_HOME, else the system's folder for caches;
    WENGERT_CACHE=off keeps nothing.
    """
    place = disk.folder()
    if place is None:
        console.print("Nothing is kept: WENGERT_CACHE=off, or there is no home folder.", markup=False)
        return
    if clear:
        count = disk.clear(place)
        console.print(Text(f"Removed: {count} files from {place}"), soft_wrap=True)
        return
    found = disk.entries(place)
    size = sum(entry.size for entry in found)
    plans = sum(entry.path.suffix == disk.PLAN for entry in found)
    rows = {
        "folder": str(place),
        "modules": f"{len(found) - plans:,}",
        "plans": f"{plans:,}",
        "size": _megabytes(size),
        "limit": _megabytes(disk.LIMIT),
    }
    table = Table(show_header=False, box=None)
    for name, value in rows.items():
        table.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    console.print(table)


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"
