"""A program for people: its kernels and the lines left to NumPy as rows, its groups and memory as text.

``WENGERT_SHOW=kernels`` prints the text that is given to LLVM, ``WENGERT_SHOW=plan`` groups, order and memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wengert.compiler.native.driver import is_shared
from wengert.compiler.native.host import bytes_of
from wengert.core.primitive import PART
from wengert.core.tape import Node, type_text

if TYPE_CHECKING:
    from wengert.compiler.native.fuse import Group
    from wengert.compiler.native.program import Program

_HEADS = "", "kernel", "kind", "operations", "runs over", "tasks", "flops", "moves", "estimate", "share", "written at"
_LONGEST = 64  # characters of the operations of one kernel


class Row(NamedTuple):
    """A kernel, or a line that runs on NumPy, in its place.

    ``kernel`` is its name in the text ("" for a line on NumPy, with the `reason`), ``shape`` what it runs over,
    ``tasks`` the pieces its work can be shared in, ``flops`` and ``bytes`` what it computes and moves, and
    ``nanoseconds`` what the planner takes it for on one thread.
    """

    kernel: str
    kind: str
    operations: str
    dtype: str
    shape: tuple[int, ...]
    tasks: int
    shared: bool
    flops: float
    bytes: float
    nanoseconds: float
    where: str
    reason: str


def rows(program: Program) -> list[Row]:
    """What a call runs, in its order."""
    found, writing = [], program.writing
    for group in writing.order:
        if group.kind == "host":
            found.append(_left(group.nodes[0]))
            continue
        words, where = operations(group), next((n.where for n in group.nodes if n.where), "")
        dtype = str(np.result_type(*{n.dtype for n in group.nodes if isinstance(n.dtype, np.dtype)}))
        for step in (s for s in writing.steps if s.group is group):
            k = step.kernel
            shared = program.threads and is_shared(k)
            size = k.flops, k.bytes, k.nanoseconds
            found.append(Row(k.name, group.kind, words, dtype, group.domain, k.tasks, shared, *size, where, ""))
    return found


def operations(group: Group) -> str:
    """The lines of a group by name, in order; what comes several times running once, with its number."""
    words: list[tuple[str, int]] = []
    for node in group.nodes:
        if node.prim is PART:
            continue
        name = node.prim.name
        if words and words[-1][0] == name:
            words[-1] = name, words[-1][1] + 1
        else:
            words.append((name, 1))
    texts = [name if count == 1 else f"{name} x{count}" for name, count in words]
    text, shown = "", 0
    while shown < len(texts) and len(text) + len(texts[shown]) < _LONGEST:
        text += f"{' ' if text else ''}{texts[shown]}"
        shown += 1
    return text if shown == len(texts) else f"{text} … ({len(group.nodes)} lines)"


def _left(node: Node) -> Row:
    whole = isinstance(node.dtype, np.dtype)
    size = float(bytes_of(node)) if whole else 0.0
    shape = tuple(node.shape) if whole else ()
    name, dtype = node.prim.name, str(node.dtype) if whole else ""
    return Row("", "numpy", name, dtype, shape, 1, False, 0.0, size, 0.0, node.where, reason(node))


def reason(node: Node) -> str:
    """Why a line has no native form."""
    dtypes = [x.dtype for x in (node, *node.inputs) if isinstance(getattr(x, "dtype", None), np.dtype)]
    if node.prim is PART:
        return "one of several results"
    if any(d.kind == "c" for d in dtypes):
        return "complex numbers"
    if any(d == np.float16 for d in dtypes):
        return "half precision"
    if any(d.itemsize > 8 for d in dtypes):
        return f"{max(dtypes, key=lambda d: d.itemsize)}"
    if any(0 in x.shape for x in (node, *node.inputs) if isinstance(getattr(x, "shape", None), tuple)):
        return "no elements"
    return f"{node.prim.name} has no native form for these operands"


# ----- as text --------------------------------------------------------------------------------------------
def aligned(table: Iterable[Iterable[str]]) -> list[str]:
    """The lines of a table, its first row above a rule."""
    cells = [list(row) for row in table]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def duration(nanos: float) -> str:
    """A time with three digits."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanos >= size:
            return f"{nanos / size:.3g} {unit}" if nanos < 999.5 * size else f"{nanos / size:.0f} {unit}"
    return f"{nanos:.0f} ns"


def amount(x: float, unit: str) -> str:
    """A number with a unit that is a power of 1000."""
    for word, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if x >= size:
            return f"{x / size:.3g} {word}{unit}"
    return f"{x:.0f} {unit}"


def shape_text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "1"


def table(program: Program) -> list[str]:
    """The rows as lines of text, with the planner's estimate of time; below, memory and threads."""
    found = rows(program)
    total = sum(row.nanoseconds for row in found) or 1.0
    heads = (
        "",
        "kernel",
        "kind",
        "operations",
        "runs over",
        "tasks",
        "flops",
        "moves",
        "estimate",
        "share",
        "written at",
    )
    cells = [heads]
    for number, row in enumerate(found):
        native = bool(row.kernel)
        cells.append((
            str(number), row.kernel or "-", row.kind, row.operations, shape_text(row.shape),
            f"{row.tasks}{' *' if row.shared else ''}", amount(row.flops, "") if native else "-",
            amount(row.bytes, "B"), duration(row.nanoseconds) if native else "-",
            f"{row.nanoseconds / total:.0%}" if native else "-",
            row.where if native else f"{row.where}: {row.reason}",
        ))  # fmt: skip
    constants = sum(array.nbytes for array in program.constants.values())
    kept = ", ".join(
        f"{amount(size, 'B')} {what}"
        for size, what in ((program.plan.arena, "between kernels"), (program.scratch.nbytes, "of scratch"),
                           (constants, "of constants"))
    )  # fmt: skip
    below = [f"memory: {kept}; estimated on one thread: {duration(total)}"]
    below += ["*: shared by the threads of the team"] if any(row.shared for row in found) else []
    return [*aligned(cells), *below]


def plan(program: Program) -> str:
    """Groups in order, with their lines; where every value between them lies in the arena; what is written over."""
    lines, writing = [], program.writing
    for place, group in enumerate(writing.order):
        gated = ", behind the gate" if group in writing.gated else ""
        after = f", after {', '.join(map(str, sorted(group.needs)))}" if group.needs else ""
        lines.append(f"{place}: group {group.number} {group.kind} over {shape_text(group.domain)}{after}{gated}")
        for node in group.nodes:
            kept = ""
            if node in writing.offset:
                start = writing.offset[node]
                kept = f"  -> arena {start} … {start + bytes_of(node)}"
            elif node in writing.over:
                kept = f"  -> over x{writing.tape.inputs.index(writing.over[node])}"
            elif node in group.outputs or group.kind == "host":
                kept = "  -> an array of its own"
            lines.append(f"     {node.prim.name} {type_text(node)}{kept}")
    return "\n".join([*lines, f"arena: {writing.arena_bytes} bytes"])


def show(program: Program, name: str) -> None:
    """Print what ``WENGERT_SHOW`` asks for."""
    wanted = os.environ.get("WENGERT_SHOW", "").split(",")
    for word, text in (("plan", plan), ("kernels", lambda p: p.writing.text)):
        if word in wanted:
            sys.stderr.write(f"--- {name}: {word}\n{text(program)}\n")


__all__ = [
    "Row", "aligned", "amount", "duration", "operations", "plan", "reason", "rows", "shape_text", "show", "table",
]  # fmt: skip
