"""Reading and writing by index arrays in native code: gather, scatter_add, scatter_set, scatter_extremum.

All work on rows: what lies together in memory behind the last indexed axis. A row goes by whole registers; an index
is read once a row, counted from the end where it is negative, and checked: one outside its axis sets the status, and
nothing is read or written for it.

The tasks of a gather are the rows of the result. Writes to one place must come in order, so the tasks of a scatter
are pieces of the array in which the same order is kept: the axes before the indexed ones, and parts of the row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.shapes import Shape, size_of
from wengert.compiler.native import scalar
from wengert.compiler.native.ir import I8, I64, Function, Module, Type, Value
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.scalar_rules import known
from wengert.core.tape import Node
from wengert.ops.scattering import common_shape

_REGISTER = 64  # bytes that go at once
_PIECE = 256  # bytes of a row in one task of a scatter, at least


# ----- the shapes of it ---------------------------------------------------------------------------------------
class Loop(NamedTuple):
    """An axis to walk: its length, and the steps of elements in the array and in the values."""

    length: int
    array: int
    values: int


class Walk(NamedTuple):
    """One access by index arrays, taken apart into loops."""

    shape: Shape  # of the indexed array
    axes: Shape
    before: list[Loop]  # free axes in front of the indices' axes in the values
    common: Shape  # to which the index arrays broadcast
    steps: Shape  # of the values along those
    after: list[Loop]  # free axes behind them, but for the row
    row: Loop  # one run of memory


def strides(shape: Shape) -> list[int]:
    """Steps of elements along the axes of a contiguous array."""
    return [math.prod(shape[a + 1 :]) for a in range(len(shape))]


def broadcast_strides(shape: Shape, wanted: Shape) -> list[int]:
    """Those of an array broadcast to another shape: 0 along the axes that are repeated."""
    own = [0] * (len(wanted) - len(shape)) + [s if n > 1 else 0 for n, s in zip(shape, strides(shape), strict=True)]
    return own


def walk_of(shape: Shape, values: Shape, indices: list[Any], axes: Shape, place: int) -> Walk:
    """The loops of an access to an array of `shape`, whose picked elements are (or broadcast from) `values`."""
    common = common_shape(indices)
    rest = [a for a in range(len(shape)) if a not in axes]
    picked = (*(shape[a] for a in rest[:place]), *common, *(shape[a] for a in rest[place:]))
    into, own = broadcast_strides(values, picked), strides(shape)
    before = [Loop(shape[a], own[a], into[i]) for i, a in enumerate(rest[:place])]
    later = [Loop(shape[a], own[a], into[place + len(common) + i]) for i, a in enumerate(rest[place:])]
    row = Loop(1, 1, 1)
    while later and (later[-1].length == 1 or later[-1].array == row.length):
        last = later[-1]
        if last.length != 1:
            if last.values != row.length * row.values and (last.values or row.length > 1):
                break
            row = Loop(row.length * last.length, 1, min(1, last.values))
        later.pop()
    return Walk(shape, axes, before, common, tuple(into[place : place + len(common)]), later, row)


# ----- parts of the kernels -------------------------------------------------------------------------------------
def split(f: Function, t: Value, lengths: Shape) -> list[Value]:
    """The indices whose row-major number is `t`."""
    found: list[Value] = []
    for n in reversed(lengths[1:]):
        rest = f.line(I64, f"udiv {t!r}, {max(1, n)}")
        found.append(t - rest * n)
        t = rest
    return [*([t] if lengths else []), *reversed(found)]


def offset(f: Function, where: list[Value], steps: Any) -> Value:
    """The sum of indices times steps."""
    total = f.constant(0, I64)
    for index, step in zip(where, steps, strict=True):
        if step:
            total = total + (index * step if step != 1 else index)
    return total


class Indices:
    """The index arrays of an access: their pointers, and how they are read."""

    def __init__(self, f: Function, walk: Walk, indices: list[Any], first: int) -> None:
        self.f, self.walk, self.indices, self.first = f, walk, indices, first

    def cell(self, b: Value, body: Callable[[Value], None]) -> None:
        """Run `body` with the place in the array that the indices number `b` name, if they are inside."""
        f, walk = self.f, self.walk
        simple = all(i.shape == walk.common or size_of(i.shape) == 1 for i in self.indices)
        where = [] if simple else split(f, b, walk.common)
        inside, place = f.constant(1, I64.flag), f.constant(0, I64)
        steps = strides(walk.shape)
        for k, (x, axis) in enumerate(zip(self.indices, walk.axes, strict=True)):
            at = (b if size_of(x.shape) > 1 else f.constant(0, I64)) if simple else offset(
                f, where, broadcast_strides(x.shape, walk.common))  # fmt: skip
            index = f.load(f[f"x{self.first + k}"], scalar.memory_type(x.dtype), at)
            index = scalar.convert(f, index, x.dtype, np.dtype(np.int64))
            length = walk.shape[axis]
            if x.dtype.kind == "i":
                index = f.select(f.compare("slt", index, 0), index + length, index)
            inside = inside & f.compare("ult", index, length)
            place = place + index * steps[axis]
        f.when(inside, lambda: body(place))
        f.when(f.negation(inside), lambda: f.store(f.constant(1, I64), f["status"]))


def over(f: Function, loops: list[Loop], array: Value, values: Value, body: Callable[[Value, Value], None]) -> None:
    """Run `body` at all places of some free axes."""
    if not loops:
        body(array, values)
        return
    first, *rest = loops

    def inner(i: Value) -> None:
        over(f, rest, array + i * first.array, values + i * first.values, body)

    f.loop(0, first.length, 1, inner)


def along(f: Function, row: Loop, kind: Type, one: Callable[[Value, Type, int | None], None]) -> None:
    """Run ``one(position, register type, lanes)`` over a row, by registers and a rest of less than one."""
    width = _REGISTER // kind.bytes
    whole = row.length // width * width
    f.loop(0, whole, width, lambda i: one(i, kind.vector(width), None))
    rest = row.length - whole
    if rest and kind.bytes >= 4 and rest > 2:
        one(f.constant(whole, I64), kind.vector(width), rest)
    else:
        f.loop(whole, row.length, 1, lambda i: one(i, kind, None))


# ----- gather ---------------------------------------------------------------------------------------------------
def supported(node: Node) -> bool:
    """Whether there is a kernel for this line."""
    if node.prim.name not in _WRITERS or any(type(x) in SCALAR_TYPES for x in node.inputs):
        return False
    if not all(known(x.dtype) for x in (node, *node.inputs)):
        return False
    first = _FIRST_INDEX[node.prim.name]
    return all(x.dtype.kind in "iu" for x in node.inputs[first:]) and all(
        x.dtype == node.dtype for x in node.inputs[:first]
    )


def lower_gathering(module: Module, name: str, node: Node) -> Kernel:
    """Write the kernel ``name(operands …, result, status, begin, end)``."""
    pointers = [*(f"x{i}" for i in range(len(node.inputs))), "y", "status"]
    f = module.function(name, pointers, counts=["begin", "end"])
    kernel = _WRITERS[node.prim.name](f, node)
    f.finish()
    return kernel


def _gather(f: Function, node: Node) -> Kernel:
    x, *indices = node.inputs
    walk = walk_of(x.shape, node.shape, indices, node.attrs["axes"], node.attrs["place"])
    kind, reader = scalar.memory_type(node.dtype), Indices(f, walk, indices, 1)
    outer, writes = math.prod(loop.length for loop in walk.before), size_of(walk.common)
    front = tuple(loop.length for loop in walk.before)

    def task(t: Value) -> None:
        r = f.line(I64, f"udiv {t!r}, {writes}") if outer > 1 else f.constant(0, I64)
        b = t - r * writes if outer > 1 else t
        where = split(f, r, front)
        array = offset(f, where, [loop.array for loop in walk.before])
        values = offset(f, where, [loop.values for loop in walk.before]) + offset(
            f, split(f, b, walk.common), walk.steps
        )

        def rows(cell: Value) -> None:
            over(f, walk.after, array + cell, values, copy)

        def copy(source: Value, target: Value) -> None:
            def one(i: Value, part: Type, lanes: int | None) -> None:
                f.store(f.load(f["x0"], part, source + i), f["y"], target + i, lanes)

            along(f, walk.row, kind, one)

        reader.cell(b, rows)

    tasks = outer * writes
    if tasks:
        f.loop(f["begin"], f["end"], 1, task)
    return Kernel(f.name, tasks, bytes=2.0 * kind.bytes * size_of(node.shape))


# ----- scatter --------------------------------------------------------------------------------------------------
def _scatter(f: Function, node: Node, values: int, start: Callable[..., Value], combine: Any) -> Kernel:
    """Fill the result with `start`, then write the rows of operand `values` in their order."""
    v, indices = node.inputs[values], list(node.inputs[values + 1 :])
    shape = tuple(node.shape)
    walk = walk_of(shape, v.shape, indices, node.attrs["axes"], node.attrs["place"])
    kind, reader = scalar.memory_type(node.dtype), Indices(f, walk, indices, values + 1)
    outer = math.prod(loop.length for loop in walk.before)
    piece, pieces = _pieces(walk, kind)
    cells, filled = _filled(walk, piece, outer)
    row = walk.row._replace(length=piece)
    front = tuple(loop.length for loop in walk.before)

    def task(t: Value) -> None:
        r = f.line(I64, f"udiv {t!r}, {pieces}") if pieces > 1 else t
        column = (t - r * pieces) * piece if pieces > 1 else f.constant(0, I64)
        where = split(f, r, front)
        array = offset(f, where, [loop.array for loop in walk.before]) + column
        source = offset(f, where, [loop.values for loop in walk.before]) + column * walk.row.values
        over(f, cells, array, source, lambda at, _: along(f, filled, kind, lambda i, part, n: f.store(
            start(part, at + i, n), f["y"], at + i, n)))  # fmt: skip

        def write(b: Value) -> None:
            place = source + offset(f, split(f, b, walk.common), walk.steps)
            reader.cell(b, lambda cell: over(f, walk.after, array + cell, place, rows))

        def rows(target: Value, given: Value) -> None:
            def one(i: Value, part: Type, lanes: int | None) -> None:
                if walk.row.values:
                    new = f.load(f[f"x{values}"], part, given + i, lanes)
                else:
                    new = f.splat(f.load(f[f"x{values}"], kind, given), part.width)
                f.store(combine(part, target + i, lanes, new), f["y"], target + i, lanes)

            along(f, row, kind, one)

        f.loop(0, size_of(walk.common), 1, write)

    tasks = outer * pieces
    if tasks:
        f.loop(f["begin"], f["end"], 1, task)
    size = float(size_of(shape) + 2 * size_of(walk.common) * math.prod(x.length for x in [*walk.after, walk.row]))
    return Kernel(f.name, tasks, flops=size, bytes=kind.bytes * size)


def _filled(walk: Walk, piece: int, outer: int) -> tuple[list[Loop], Loop]:
    """The loops over all places of a task in the result: one run of memory, where its axes lie together."""
    own = strides(walk.shape)
    size = size_of(walk.shape) // max(1, outer)
    leading = [loop.array for loop in walk.before] == own[: len(walk.before)]
    if leading and piece == walk.row.length:
        return [], Loop(size, 1, 0)
    return [*(Loop(walk.shape[a], own[a], 0) for a in sorted(walk.axes)), *walk.after], Loop(piece, 1, 0)


def _pieces(walk: Walk, kind: Type) -> tuple[int, int]:
    """The row in equal pieces of whole registers that are worth a task; one piece where that does not come out."""
    width = _REGISTER // kind.bytes
    registers, rest = divmod(walk.row.length, width)
    wanted = max(1, walk.row.length * kind.bytes // _PIECE)
    if rest or not registers:
        return walk.row.length, 1
    pieces = max(n for n in range(1, wanted + 1) if registers % n == 0)
    return walk.row.length // pieces, pieces


def _as_register(f: Function, node: Node, x: Value) -> Value:
    return f.compare("ne", x, 0) if node.dtype.kind == "b" else x


def _combined(f: Function, node: Node, kind: str) -> Callable[..., Value]:
    """What becomes of a place in the result and a new value, as memory has them."""
    rule = scalar.REDUCTIONS[kind]

    def combine(part: Type, at: Value, lanes: int | None, new: Value) -> Value:
        old = f.load(f["y"], part, at, lanes)
        result = rule.combine(f, node.dtype, _as_register(f, node, old), _as_register(f, node, new))
        return f.cast("zext", result, I8) if node.dtype.kind == "b" else result

    return combine


def _scatter_add(f: Function, node: Node) -> Kernel:
    return _scatter(f, node, 0, lambda part, at, lanes: f.constant(0, part), _combined(f, node, "sum"))


def _scatter_set(f: Function, node: Node) -> Kernel:
    return _scatter(f, node, 1, lambda part, at, n: f.load(f["x0"], part, at, n), lambda part, at, n, new: new)


def _scatter_extremum(f: Function, node: Node) -> Kernel:
    combine = _combined(f, node, "max" if node.attrs["largest"] else "min")
    return _scatter(f, node, 1, lambda part, at, n: f.load(f["x0"], part, at, n), combine)


_WRITERS = {
    "gather": _gather,
    "scatter_add": _scatter_add,
    "scatter_set": _scatter_set,
    "scatter_extremum": _scatter_extremum,
}
_FIRST_INDEX = {"gather": 1, "scatter_add": 1, "scatter_set": 2, "scatter_extremum": 2}

__all__ = ["lower_gathering", "supported"]
