"""``y = x; y[index] = v`` for an index of integers and slices, in native code: every row is copied, then written to."""

from __future__ import annotations

import math
from typing import NamedTuple

from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.shapes import Shape, size_of
from wengert.compiler.native import scalar
from wengert.compiler.native.gathering import Loop, along, broadcast_strides, over, strides
from wengert.compiler.native.ir import I64, Function, Module, Type, Value
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.scalar_rules import known
from wengert.core.tape import Node
from wengert.ops.indexing import ALL, Index, Span


class Part(NamedTuple):
    """What an index takes of one axis: places ``start + i step`` for i below `length`; `values` is v's step along i."""

    start: int
    step: int
    length: int
    values: int


def supported(node: Node) -> bool:
    """Whether there is a kernel for this line."""
    if node.prim.name != "setitem" or any(type(x) in SCALAR_TYPES for x in node.inputs):
        return False
    return len(node.shape) > 0 and all(known(x.dtype) for x in node.inputs)


def lower_setitem(module: Module, name: str, node: Node) -> Kernel:
    """Write the kernel ``name(x, v, result, begin, end)``; its tasks are the rows along the first axis."""
    f = module.function(name, ["x0", "x1", "y"], counts=["begin", "end"])
    shape, size = tuple(node.shape), size_of(node.shape)
    if size:
        parts = taken(node.attrs["index"], shape, tuple(node.inputs[1].shape))
        f.loop(f["begin"], f["end"], 1, lambda i: _row(f, node, parts, i))
    f.finish()
    item = scalar.memory_type(node.dtype).bytes
    return Kernel(name, shape[0] if size else 0, bytes=2.0 * item * size)


def taken(index: Index, shape: Shape, given: Shape) -> list[Part]:
    """The parts of all axes of an array of `shape`, with the steps of values of shape `given` broadcast to them."""
    free = len(shape) - sum(i is not None and i is not Ellipsis for i in index)
    place = next((k for k, i in enumerate(index) if i is Ellipsis), len(index))
    items = [*index[:place], *(ALL,) * free, *index[place + 1 :]]
    axis, target, found = 0, [], []
    for item in items:
        if item is None:
            target.append(1)
            continue
        if isinstance(item, Span):
            reach = range(shape[axis])[slice(*item)]
            found.append((reach.start, reach.step, len(reach), len(target)))
            target.append(len(reach))
        else:
            found.append((item % shape[axis], 1, 1, -1))
        axis += 1
    while len(given) > len(target) and given[0] == 1:  # NumPy drops axes of length 1 in front of the values
        given = given[1:]
    steps = broadcast_strides(given, tuple(target))
    return [Part(start, step, count, 0 if at < 0 else steps[at]) for start, step, count, at in found]


def _row(f: Function, node: Node, parts: list[Part], i: Value) -> None:
    """Copy row `i` of x and write what the index puts there."""
    shape, kind = tuple(node.shape), scalar.memory_type(node.dtype)
    length = size_of(shape[1:])
    base = i * length

    def copy(at: Value, register: Type, lanes: int | None) -> None:
        f.store(f.load(f["x0"], register, base + at), f["y"], base + at, lanes)

    along(f, Loop(length, 1, 1), kind, copy)
    first, *others = parts
    distance = i - first.start
    step = abs(first.step)
    number = f.line(I64, f"sdiv {distance!r}, {first.step}") if step > 1 else distance * first.step
    inside = f.compare("ult", number, first.length)
    if step > 1:
        inside = inside & f.compare("eq", number * first.step, distance)
    if not math.prod(p.length for p in parts):
        return
    own = strides(shape)[1:]
    start = sum(p.start * s for p, s in zip(others, own, strict=True))
    loops = [Loop(p.length, p.step * s, p.values) for p, s in zip(others, own, strict=True) if p.length > 1]
    f.when(inside, lambda: _write(f, node, loops, base + start, number * first.values))


def _write(f: Function, node: Node, loops: list[Loop], target: Value, source: Value) -> None:
    """Write the values at some places; by registers where both lie together."""
    given, kind = node.inputs[1].dtype, scalar.memory_type(node.inputs[1].dtype)
    row = Loop(1, 1, 1)
    if loops and loops[-1].array == 1 and loops[-1].values in (0, 1):
        *loops, row = loops

    def write(at: Value, place: Value) -> None:
        def one(i: Value, register: Type, lanes: int | None) -> None:
            if row.values:
                x = f.load(f["x1"], register, place + i, lanes)
            else:
                x = f.splat(f.load(f["x1"], kind, place), register.width)
            x = f.compare("ne", x, 0) if given.kind == "b" else x
            x = scalar.convert(f, x, given, node.dtype)
            x = f.cast("zext", x, scalar.memory_type(node.dtype)) if node.dtype.kind == "b" else x
            f.store(x, f["y"], at + i, lanes)

        along(f, row, kind, one)

    over(f, loops, target, source, write)


__all__ = ["lower_setitem", "supported"]
