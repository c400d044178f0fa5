"""A compiled function as a table for people: its kernels, or its lines where NumPy runs them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wengert.base.optional import optional
from wengert.compiler.native import engine, listing
from wengert.compiler.native.threads import TEAM
from wengert.compiler.trace import Trace
from wengert.core.tape import Tape, Var, type_text

if TYPE_CHECKING:
    from wengert.compiler.native.measure import Profile

_WIDE = 150  # columns where no terminal says how many


def table(name: str, trace: Trace, retraces: Sequence[str], eager_calls: int = 0) -> str:
    """What runs where, in order; above it why the function was recorded, below it what memory it takes."""
    tape, step = trace.tape, trace.native
    kernels = [] if step is None else listing.rows(step.program)
    left = len(tape) if step is None else sum(not row.kernel for row in kernels)
    count = sum(bool(row.kernel) for row in kernels)
    head = [
        f"{name}: {len(tape)} lines ({len(trace.recorded)} as recorded), {count} kernels, {left} lines on numpy",
        f"recorded {len(retraces)} times:",
        *(f"  {reason}" for reason in retraces),
    ]
    if eager_calls:
        head.append(
            f"{eager_calls} calls ran eagerly, since somebody recorded them (wg.no_grad() or a transform inside)"
        )
    if step is None:
        return "\n".join([*head, *_lines(tape)])
    program = step.program
    threads = f"{TEAM.size} threads" if program.threads else "1 thread"
    head.append(f"machine code for {engine.processor()[0] or 'any processor of this kind'}, {threads}")
    return "\n".join([*head, *listing.table(program)])


def print_profile(profile: Profile) -> None:
    """The table of measured kernels, in a terminal's colours."""
    console = optional("rich.console", "profile", "rich").Console(highlight=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDE
    shown = optional("rich.table", "profile", "rich").Table(box=None, pad_edge=False, header_style="bold")
    heads, *rows = profile.cells()
    for head in heads:
        numbers = head in ("", "time", "share", "GFLOP/s", "of peak", "GB/s")
        shown.add_column(
            head, justify="right" if numbers else "left", overflow="ellipsis", no_wrap=True,
            min_width=None if head == "operations" else max(len(row[heads.index(head)]) for row in (heads, *rows)),
        )  # fmt: skip
    for row in rows:
        shown.add_row(*row)
    console.print(profile.head())
    console.print(shown)


def _lines(tape: Tape) -> list[str]:
    """One row a line of the list: result, operation, operands with their types, the user's line."""
    names = tape.names()

    def word(x: object) -> str:
        return f"{names[id(x)]}:{type_text(x)}" if isinstance(x, Var) else repr(x)

    rows = [("result", "operation", "operands", "written at")]
    rows += [(word(node), node.prim.name, ", ".join(map(word, node.inputs)), node.where) for node in tape.nodes]
    return listing.aligned(rows)


__all__ = ["print_profile", "table"]
