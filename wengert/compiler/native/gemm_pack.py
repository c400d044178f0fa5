"""Copies of matrices in the order a tile reads them: panels of columns, tiles of rows, transposed in registers."""

from __future__ import annotations

from typing import Any

from wengert.compiler.native.ir import I64, Function, Type, Value


def transposed(f: Function, rows: list[Value]) -> list[Value]:
    """A square block of vectors, transposed: in each round pairs of rows exchange halves, quarters, eighths …"""
    width = rows[0].type.width
    step = width // 2
    while step:
        out: list[Value] = list(rows)
        for i in range(width):
            if not i & step:
                a, b = rows[i], rows[i | step]
                out[i] = _shuffled(f, a, b, [width + (j ^ step) if j & step else j for j in range(width)])
                out[i | step] = _shuffled(f, a, b, [width + j if j & step else j ^ step for j in range(width)])
        rows = out
        step //= 2
    return rows


def _shuffled(f: Function, a: Value, b: Value, lanes: list[int]) -> Value:
    indices = ", ".join(f"i32 {i}" for i in lanes)
    return f.line(a.type, f"shufflevector {a!r}, {b!r}, <{len(lanes)} x i32> <{indices}>")


def pack_columns(f: Function, source: Value, ld: int, k: int, vector: Type, vectors: int, target: Value) -> None:
    """`vectors` vectors of columns from each of `k` rows, next to each other."""

    def row(i: Value) -> None:
        here = f.at(source, i * ld, vector)
        there = f.at(target, i * (vectors * vector.width), vector)
        for v in range(vectors):
            f.store(f.load(here, vector, v * vector.width), there, v * vector.width)

    unrolled(f, k, 4, row)


def pack_transposed(f: Function, source: Value, ld: int, k: int, vector: Type, vectors: int, lanes: int,
                    target: Value) -> None:  # fmt: skip
    """The same of a matrix whose columns lie as rows: `lanes` of them are there for the last vector."""
    width = vector.width

    def column(v: Value, present: int) -> None:
        here = f.at(source, v * (width * ld), vector)
        block_column(f, here, ld, k, vector, present, f.at(target, v * width, vector), vectors * width)

    whole = vectors - (lanes < width)
    f.loop(0, whole, 1, lambda v: column(v, width))
    if lanes < width:
        column(f.constant(whole, I64), lanes)


def block_column(f: Function, source: Value, ld: int, k: int, vector: Type, present: int, target: Value,
                 ldt: int) -> None:  # fmt: skip
    """A vector of columns that lie as rows of length `k`: `present` of them are there."""
    width = vector.width
    zero = f.constant(0, vector)

    def block(at: Any, steps: int) -> None:
        rows = [f.load(f.at(source, r * ld, vector), vector, at) if r < present else zero for r in range(width)]
        there = f.at(target, at * ldt, vector)
        for j, row in enumerate(transposed(f, rows)[:steps]):
            f.store(row, there, j * ldt)

    whole = k - k % width
    f.loop(0, whole, width, lambda i: block(i, width))
    if k % width:
        block(f.constant(whole, I64), k % width)


def pack_rows(f: Function, source: Value, ld: int, k: int, vector: Type, rows: int, target: Value, ldt: int) -> None:
    """`rows` rows of length `k` at the stride `ldt`, which is at least a vector longer than a row."""

    def some(at: Value) -> None:
        for r in range(rows):
            f.store(f.load(f.at(source, r * ld, vector), vector, at), f.at(target, r * ldt, vector), at)

    f.loop(0, -(-k // vector.width) * vector.width, vector.width, some)


def unrolled(f: Function, count: int, times: int, body: Any) -> None:
    """A loop over 0 … count - 1 whose body is written several times."""
    whole = count - count % times

    def some(i: Value) -> None:
        for u in range(times):
            body(i + u if u else i)

    f.loop(0, whole, times, some)
    for i in range(whole, count):
        body(f.constant(i, I64))


__all__ = ["block_column", "pack_columns", "pack_rows", "pack_transposed", "transposed", "unrolled"]
