"""The inner kernel of a matrix product: a tile of C summed in registers over all of k, and handed to the epilogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from wengert.compiler.native.gemm_plan import Plan
from wengert.compiler.native.ir import I64, Function, Type, Value
from wengert.compiler.native.registers import registers

# What becomes of a sum: (function, vector of sums, row, column, lanes of it that are there, index in the batch).
Epilogue = Callable[[Function, Value, Value, Value, int, Value], None]
_LIGHT = 8  # lines an epilogue may have to be written once for every vector of a tile


class Strided(NamedTuple):
    """Where a tile reads: an address, and how far the next row (or column) and the next step of k are."""

    pointer: Value
    line: int
    step: int


def multiply_add(f: Function, a: Value, b: Value, c: Value) -> Value:
    """``a * b + c``, rounded once where the processor can."""
    return f.fma(a, b, c) if registers().fused else a * b + c


def sums(f: Function, a: Strided, b: Strided, height: int, vectors: int, vector: Type, k: int,
         start: list[Value] | None = None) -> list[Value]:  # fmt: skip
    """The tile's sums, row by row, added to those at the `start`; `b` steps by rows of vectors."""
    one = vector.vector(1)

    def step(at: Value, totals: list[Value]) -> list[Value]:
        row = f.at(b.pointer, at * b.step, vector)
        columns = [f.load(row, vector, v * vector.width) for v in range(vectors)]
        here = f.at(a.pointer, at * a.step, one)
        out: list[Value] = []
        for r in range(height):
            element = f.splat(f.load(here, one, r * a.line), vector.width)
            out += [multiply_add(f, element, columns[v], totals[r * vectors + v]) for v in range(vectors)]
        return out

    totals = start or [f.constant(0, vector)] * (height * vectors)
    return accumulated(f, k, 4 if height * vectors < 16 else 2, step, totals)


def accumulated(f: Function, count: int, times: int, step: Callable[[Value, list[Value]], list[Value]],
                totals: list[Value]) -> list[Value]:  # fmt: skip
    """`step` for 0 … count - 1, written several times in the loop's body."""
    whole = count - count % times if count > 2 * times else 0

    def body(i: Value, *carried: Value) -> list[Value]:
        now = list(carried)
        for u in range(times):
            now = step(i + u if u else i, now)
        return now

    totals = f.loop(0, whole, times, body, totals)
    for i in range(whole, count):
        totals = step(f.constant(i, I64), totals)
    return totals


def least(f: Function, x: Any, y: Any) -> Any:
    """The smaller of two bounds, known ones compared at once."""
    return min(x, y) if isinstance(x, int) and isinstance(y, int) else f.minimum(x, y)


def over_tiles(f: Function, cut: tuple[int, int, int], low: Any, high: Any, body: Callable[[Value, int], None]) -> None:
    """`body` for the first row and the height of tiles `low` … `high` - 1 of a cut as `tiles_of` makes it."""
    height, tall, short = cut
    f.loop(low, least(f, high, tall), 1, lambda i: body(i * height, height))
    if short:
        start = max(low, tall) if isinstance(low, int) else f.maximum(low, tall)
        f.loop(start, high, 1, lambda i: body(i * (height - 1) + tall, height - 1))


def first_row(f: Function, cut: tuple[int, int, int], tile: Value) -> Value:
    """The first row of a tile of such a cut."""
    height, tall, short = cut
    return f.minimum(tile * height, tile * (height - 1) + tall) if short else tile * height


def over_panels(f: Function, cut: Plan, low: Any, high: Any, body: Callable[[Value, int, int], None]) -> None:
    """`body` for every panel of columns: its number, its vectors, the lanes of its last vector."""
    f.loop(low, least(f, high, cut.panels), 1, lambda p: body(p, cut.vectors, cut.vector.width))
    if not cut.tail:
        return
    last = f.constant(cut.panels, I64)
    if isinstance(high, int):
        body(last, cut.tail, cut.lanes)
    else:
        f.when(f.compare("sgt", high, cut.panels), lambda: body(last, cut.tail, cut.lanes))


def over_whole(f: Function, whole: int, rest: int, low: Any, high: Any, body: Callable[[Value, int], None],
               full: int) -> None:  # fmt: skip
    """`body` for pieces `low` … `high` - 1 of which the first `whole` have `full` parts and one more has `rest`."""
    f.loop(low, least(f, high, whole), 1, lambda i: body(i, full))
    if not rest:
        return
    last = f.constant(whole, I64)
    if isinstance(high, int):
        body(last, rest)
    else:
        f.when(f.compare("sgt", high, whole), lambda: body(last, rest))


def lines_of(f: Function, write: Callable[[], None]) -> int:
    """How many lines `write` writes; none of them stays."""
    before = len(f.lines), len(f.stack), f.count, f.block
    write()
    size = len(f.lines) - before[0]
    del f.lines[before[0] :], f.stack[before[1] :]
    f.count, f.block = before[2:]
    return size


def finish(f: Function, totals: list[Value], row: Value, column: Value, spans: Sequence[tuple[int, int]],
           epilogue: Epilogue, batch: Value) -> None:  # fmt: skip
    """Hand a tile to the epilogue, a long one by way of memory; `spans`: columns and lanes of a row's vectors."""
    vector, vectors = totals[0].type, len(spans)

    def one(x: Value, r: Any, v: int) -> None:
        there = row if isinstance(r, int) and r == 0 else row + r
        offset, lanes = spans[v]
        epilogue(f, x, there, column + offset if offset else column, lanes, batch)

    if len(totals) <= 2 or lines_of(f, lambda: one(totals[0], 0, 0)) <= _LIGHT:
        for i, x in enumerate(totals):
            one(x, i // vectors, i % vectors)
        return
    parked = f.local(vector, len(totals))
    for i, x in enumerate(totals):
        f.store(x, parked, i * vector.width)

    def line(r: Value) -> None:
        for v in range(vectors):
            one(f.load(parked, vector, r * (vectors * vector.width) + v * vector.width), r, v)

    f.loop(0, len(totals) // vectors, 1, line)


__all__ = [
    "Epilogue", "Strided", "accumulated", "finish", "first_row", "least", "lines_of", "multiply_add", "over_panels",
    "over_tiles", "over_whole", "sums",
]  # fmt: skip
