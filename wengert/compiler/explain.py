"""A compiled function as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.core.tape import Tape, Var, type_text


def table(name: str, recorded: Tape, tape: Tape, retraces: Sequence[str], eager_calls: int = 0) -> str:
    """One row a line of the list: result, operation, operands with their types, what runs it, the user's line."""
    names = tape.names()

    def word(x: Any) -> str:
        return f"{names[id(x)]}:{type_text(x)}" if isinstance(x, Var) else repr(x)

    rows = [("result", "operation", "operands", "runs on", "written at")]
    rows += [
        (word(node), node.prim.name, ", ".join(map(word, node.inputs)), "numpy", node.where) for node in tape.nodes
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    head = [
        f"{name}: {len(tape)} lines ({len(recorded)} as recorded), {len(tape)} on numpy, 0 native",
        f"recorded {len(retraces)} times:",
        *(f"  {reason}" for reason in retraces),
        *(
            [f"{eager_calls} calls ran eagerly, since somebody recorded them (wg.no_grad() or a transform inside)"]
            if eager_calls
            else []
        ),
    ]
    return "\n".join([*head, lines[0], "-" * len(lines[0]), *lines[1:]])


__all__ = ["table"]
