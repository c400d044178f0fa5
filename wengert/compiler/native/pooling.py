"""Sums and first maxima of sliding windows, their transposes, and elements taken and put by places.

A plane is what one index of the leading axes leaves: the space of an image's channel. A task is one plane. It is
copied between zeros where there is padding or a stride; vectors then hold neighbouring windows. The epilogue gets
the results as a matrix of planes and flat places: (function, results, plane, place, lanes, 0).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.compiler.native import conv_source
from wengert.compiler.native.conv_shape import Axis, Geometry, Source, Taps, backward, forward
from wengert.compiler.native.conv_source import Layout
from wengert.compiler.native.conv_spread import Spread
from wengert.compiler.native.conv_tile import Reading, direct, readable
from wengert.compiler.native.gemm_plan import lanes_for
from wengert.compiler.native.gemm_tile import Epilogue
from wengert.compiler.native.ir import F32, F64, I64, Function, Module, Type, Value
from wengert.compiler.native.kernel import DENSE, Kernel
from wengert.compiler.native.registers import registers
from wengert.core.tape import Node, Var

_WINDOWS = ("window_sum", "window_spread", "window_argmax")


def supported(node: Node) -> bool:
    """Whether a line of one of the pooling primitives has a kernel."""
    if node.prim.name not in (*_WINDOWS, "pool_take", "pool_put"):
        return False
    if any(not isinstance(x, Var) or 0 in x.shape for x in node.inputs) or 0 in node.shape:
        return False
    if node.inputs[0].dtype not in (np.float32, np.float64) or any(x.dtype != np.int64 for x in node.inputs[1:]):
        return False
    if node.prim.name not in _WINDOWS:
        return True
    if len(node.attrs["kernel"]) > 3:
        return False
    g = _geometry(node)
    return all(readable(axes) for axes in (backward(g) if node.prim.name == "window_spread" else forward(g))[0])


def pooling(module: Module, name: str, node: Node, operands: Sequence[str], epilogue: Epilogue,
            pointers: Sequence[str]) -> Kernel:  # fmt: skip
    """Write the kernel ``name(pointers …, scratch, begin, end)``; `operands` are the pointers to the line's inputs."""
    f = module.function(name, [*pointers, "scratch"], counts=["begin", "end"])
    kind = F32 if node.inputs[0].dtype == np.float32 else F64
    writers: dict[str, Any] = {
        "window_sum": _Sum, "window_argmax": _Argmax, "window_spread": _Transpose, "pool_take": _Take, "pool_put": _Put,
    }  # fmt: skip
    writer = (_Repeat if _apart(node) else writers[node.prim.name])(f, node, kind, operands, epilogue)
    f.when(f.compare("slt", f["begin"], f["end"]), writer.write)
    f.finish()
    size = float(sum(math.prod(x.shape) * x.dtype.itemsize for x in (*node.inputs, node)))
    taps = math.prod(node.attrs["kernel"]) if node.prim.name in _WINDOWS else 0
    flops = float(taps * math.prod(node.shape))
    return Kernel(name, writer.planes, flops, size, writer.scratch * kind.bytes, rate=DENSE)


def _geometry(node: Node) -> Geometry:
    """Windows as a convolution of planes with one channel each."""
    attrs = node.attrs
    rank = len(attrs["kernel"])
    a, b = tuple(node.inputs[0].shape), tuple(node.shape)
    x, y = (b, a) if node.prim.name == "window_spread" else (a, b)
    missing = 3 - rank

    def three(values: Sequence[Any], neutral: Any) -> tuple[Any, ...]:
        return (*[neutral] * missing, *values)

    return Geometry(
        math.prod(x[: len(x) - rank]), 1, 1, 1, three(x[len(x) - rank :], 1), three(attrs["kernel"], 1),
        three(y[len(y) - rank :], 1), three(attrs["stride"], 1), three(attrs["dilation"], 1),
        three(attrs["padding"], (0, 0)),
    )  # fmt: skip


def _rounded(count: int) -> int:
    return -(-count // 16) * 16


class _Windows:
    """What the three kinds of windows have in common: planes one after the other, and sums over taps."""

    def __init__(self, f: Function, node: Node, kind: Type, operands: Sequence[str], epilogue: Epilogue) -> None:
        self.f, self.kind, self.operand, self.epilogue = f, kind, operands[0], epilogue
        self.g = _geometry(node)
        self.planes = self.g.n
        self.parts, self.sources = self.sums()
        self.layout = Layout(
            self.parts[0] if self.parts else forward(self.g)[0][0], self.sources, conv_source.phases(self.parts) or {0}
        )
        self.size = math.prod(s.size for s in self.sources)
        self.room = 2 * registers().lanes(kind)
        self.source = _rounded(self.layout.plane + self.room) if self.layout.copied else 0
        self.scratch = self.source

    def sums(self) -> Any:
        """The sums over taps, and what they read."""
        return forward(self.g)

    def write(self) -> None:
        """Everything between ``begin`` and ``end``."""
        f = self.f
        if self.layout.copied:
            conv_source.fill(f, f["scratch"], self.layout.plane, self.kind)
        self.prepare()
        f.loop(f["begin"], f["end"], 1, self._plane)

    def prepare(self) -> None:
        """Once before the first plane."""

    def _plane(self, plane: Value) -> None:
        f = self.f
        x = f.at(f[self.operand], plane * self.size, self.kind)
        if self.layout.copied:
            conv_source.copy(f, x, (0, 1), self.layout, self.kind, f["scratch"])
            x = f["scratch"]
        self.work(plane, x)

    def work(self, plane: Value, x: Value) -> None:
        """The results of a plane."""
        raise NotImplementedError

    def rows(self, axes: tuple[Axis, ...], body: Callable[[Value, Value, Value, int, Type], None]) -> None:
        """`body` for vectors of neighbouring windows: offset in the source, line, place in it, lanes, type."""
        f, line = self.f, axes[2].number
        vector = self.kind.vector(lanes_for(line, self.kind))
        whole = line // vector.width * vector.width

        def row(z: Value, y: Value) -> None:
            start = self.layout.row(z * axes[0].step, y * axes[1].step)
            number = z * axes[1].number + y
            f.loop(0, whole, vector.width, lambda v: body(start + v, number, v, vector.width, vector))
            if whole < line:
                body(start + whole, number, f.constant(whole, I64), line - whole, vector)

        f.loop(0, axes[0].number, 1, lambda z: f.loop(0, axes[1].number, 1, lambda y: row(z, y)))

    def total(self, reading: Reading, x: Value, vector: Type) -> Value:
        """The sum over the taps of windows."""
        zero = [self.f.constant(0, vector)]
        return folded(self.f, reading, zero, lambda p, _, now: [now[0] + self.f.load(x, vector, p)])[0]


def folded(f: Function, reading: Reading, start: list[Value],
           step: Callable[[Value, int, list[Value]], list[Value]]) -> list[Value]:  # fmt: skip
    """`step` for every tap in order, with its offset in the source."""

    def level(depth: int, at: Value, now: list[Value]) -> list[Value]:
        if depth == len(reading.loops):
            for number, (_, place) in enumerate(reading.taps):
                now = step(at + place if place else at, number, now)
            return now
        count, _, place, _ = reading.loops[depth]
        return f.loop(0, count, 1, lambda i, *carried: level(depth + 1, at + i * place, list(carried)), now)

    return level(0, f.constant(0, I64), start)


class _Sum(_Windows):
    """Sums of windows."""

    def work(self, plane: Value, x: Value) -> None:
        f, axes = self.f, self.parts[0]
        reading = direct(axes, self.layout, self.g.kernel, (1, 0))

        def some(at: Value, row: Value, v: Value, lanes: int, vector: Type) -> None:
            total = self.total(reading, f.at(x, at, vector), vector)
            self.epilogue(f, total, plane, row * axes[2].number + v, lanes, f.constant(0, I64))

        self.rows(axes, some)


class _Argmax(_Windows):
    """Places of the first maximum of windows; a table tells each element's place, and -1 for the padding."""

    def __init__(self, f: Function, node: Node, kind: Type, operands: Sequence[str], epilogue: Epilogue) -> None:
        super().__init__(f, node, kind, operands, epilogue)
        self.scratch = self.source + _rounded(self.layout.plane + self.room)
        self.padded = any(s.length != s.size for s in self.sources)

    def prepare(self) -> None:
        f, (depth, height, width) = self.f, self.sources
        integer = self.kind.integer
        table = f.at(f["scratch"], self.source, self.kind)
        lanes = lanes_for(1 << 20, self.kind)
        vector = integer.vector(lanes)
        f.loop(0, self.layout.plane, lanes, lambda i: f.store(f.constant(-1, vector), table, i))

        def row(z: Value, y: Value) -> None:
            start = (z * height.size + y) * width.size
            first = start if integer == I64 else f.cast("trunc", start, integer)
            there = self.layout.row(z + depth.low, y + height.low)
            for number, phase in enumerate(self.layout.phases):
                low = (phase - width.low) % self.layout.step
                count = -(-(width.size - low) // self.layout.step)
                target = f.at(
                    table, there + (number * self.layout.phase + (low + width.low) // self.layout.step), integer
                )
                for at in range(0, count, lanes):
                    places = f.splat(first, lanes) + f.iota(vector) * self.layout.step + (low + at * self.layout.step)
                    f.store(places, target, at, min(lanes, count - at))

        f.loop(0, depth.size, 1, lambda z: f.loop(0, height.size, 1, lambda y: row(z, y)))

    def work(self, plane: Value, x: Value) -> None:
        f, axes = self.f, self.parts[0]
        reading = direct(axes, self.layout, self.g.kernel, (1, 0))
        table = f.at(f["scratch"], self.source, self.kind)

        def some(at: Value, row: Value, v: Value, lanes: int, vector: Type) -> None:
            values, places = f.at(x, at, vector), f.at(table, at, vector)

            def step(offset: Value, _number: int, now: list[Value]) -> list[Value]:
                best, index = now
                value, place = f.load(values, vector, offset), f.load(places, vector.integer, offset)
                larger = f.compare("ugt", value, best) & f.compare("ord", best, best)
                larger = larger | f.compare("slt", index, 0)
                if self.padded:
                    larger = larger & f.compare("sge", place, 0)
                return [f.select(larger, value, best), f.select(larger, place, index)]

            start = [f.constant(0, vector), f.constant(-1, vector.integer)]
            index = folded(f, reading, start, step)[1]
            found = index if index.type.element == "i64" else f.cast("sext", index, I64)
            self.epilogue(f, found, plane, row * axes[2].number + v, lanes, f.constant(0, I64))

        self.rows(axes, some)


class _Transpose(_Windows):
    """Every element added to its window."""

    def __init__(self, f: Function, node: Node, kind: Type, operands: Sequence[str], epilogue: Epilogue) -> None:
        super().__init__(f, node, kind, operands, epilogue)
        self.spread = Spread(f, kind, self.g.space, self.source)
        self.scratch = self.source + self.spread.size(1)

    def sums(self) -> Any:
        return backward(self.g)

    def work(self, plane: Value, x: Value) -> None:
        f, zero = self.f, self.f.constant(0, I64)
        if sum(math.prod(a.number for a in axes) for axes in self.parts) < math.prod(self.g.space):
            self.spread.clear(1)
        for axes in self.parts:
            reading = direct(axes, self.layout, self.g.kernel, (1, 0))

            def some(at: Value, row: Value, v: Value, lanes: int, vector: Type, axes: Any = axes,
                     reading: Reading = reading) -> None:  # fmt: skip
                total = self.total(reading, f.at(x, at, vector), vector)
                self.spread.put(axes, total, (zero, row, v), lanes)

            self.rows(axes, some)

        def store(f: Function, x: Value, _row: Value, column: Value, lanes: int, image: Value) -> None:
            self.epilogue(f, x, plane, column, lanes, image)

        self.spread.hand_over(1, store, zero)


def _apart(node: Node) -> bool:
    """Whether a transpose's windows lie side by side and cover everything."""
    if node.prim.name != "window_spread":
        return False
    g = _geometry(node)
    covered = all(q * k == n for q, k, n in zip(g.out, g.kernel, g.space, strict=True))
    return covered and g.kernel == g.stride and max(g.dilation) == 1 and not any(map(any, g.padding))


class _Repeat(_Windows):
    """Every element repeated over its window, where windows lie side by side."""

    def sums(self) -> Any:
        axes = tuple(Axis(q, 0, 1, 1, Taps(1, 0, 1, 0, 0)) for q in self.g.out)
        return [axes], tuple(Source(q, 0, q) for q in self.g.out)

    def work(self, plane: Value, x: Value) -> None:
        f, (depth, height, across) = self.f, self.g.kernel
        line = self.g.space[2]

        def some(at: Value, row: Value, v: Value, lanes: int, vector: Type) -> None:
            value, width = f.load(x, vector, at), vector.width
            z = f.line(I64, f"udiv {row!r}, {self.g.out[1]}")
            first = (z * depth) * self.g.space[1] + (row - z * self.g.out[1]) * height

            def repeated(i: Value, j: Value) -> None:
                column = (first + i * self.g.space[1] + j) * line + v * across
                for start in range(0, lanes * across, width):
                    chosen = [min((start + lane) // across, width - 1) for lane in range(width)]
                    many = f.lanes(value, chosen) if width > 1 else value
                    present = min(width, lanes * across - start)
                    self.epilogue(f, many, plane, column + start, present, f.constant(0, I64))

            f.loop(0, depth, 1, lambda i: f.loop(0, height, 1, lambda j: repeated(i, j)))

        self.rows(self.parts[0], some)


class _Places:
    """What taking and putting by places have in common."""

    def __init__(self, f: Function, node: Node, kind: Type, operands: Sequence[str], epilogue: Epilogue) -> None:
        self.f, self.kind, self.operands, self.epilogue = f, kind, operands, epilogue
        x, index = node.inputs
        put = node.prim.name == "pool_put"
        rank = len(node.attrs["sizes"]) if put else node.attrs["rank"]
        shape = tuple(index.shape)
        self.planes = math.prod(shape[: len(shape) - rank])
        self.count = math.prod(shape[len(shape) - rank :])
        self.cells = math.prod(node.attrs["sizes"]) if put else math.prod(x.shape[len(x.shape) - rank :])
        self.scratch = 0

    def write(self) -> None:
        """Everything between ``begin`` and ``end``."""
        self.f.loop(self.f["begin"], self.f["end"], 1, self.plane)

    def plane(self, plane: Value) -> None:
        """One plane."""
        raise NotImplementedError

    def vectors(self, count: int, body: Callable[[Value, int, int], None]) -> None:
        """`body` for vectors of so many elements: the first one, lanes, width."""
        width = lanes_for(count, self.kind)
        whole = count // width * width
        self.f.loop(0, whole, width, lambda i: body(i, width, width))
        if whole < count:
            body(self.f.constant(whole, I64), count - whole, width)

    def counted(self, index: Value) -> Value:
        """A place counted from the end where it is negative."""
        return self.f.select(self.f.compare("slt", index, 0), index + self.cells, index)


class _Take(_Places):
    """Elements at places."""

    def plane(self, plane: Value) -> None:
        f = self.f
        x = f.at(f[self.operands[0]], plane * self.cells, self.kind)
        index = f.at(f[self.operands[1]], plane * self.count, I64)

        def some(i: Value, lanes: int, width: int) -> None:
            where = self.counted(f.load(index, I64.vector(width), i, lanes))
            self.epilogue(f, _taken(f, x, where, self.kind), plane, i, lanes, f.constant(0, I64))

        self.vectors(self.count, some)


def _taken(f: Function, x: Value, where: Value, kind: Type) -> Value:
    """The elements at places."""
    width = where.type.width
    if width == 1:
        return f.load(x, kind, where)
    vector = kind.vector(width)
    places = f.line(Type("ptr", width), f"getelementptr {kind}, {x!r}, {where!r}")
    symbol = f"llvm.masked.gather.{vector.suffix}.v{width}p0"
    f.declare(symbol, f"declare {vector} @{symbol}({places.type}, i32, {vector.flag}, {vector})")
    mask = f.mask(width, width)
    return f.line(vector, f"call {vector} @{symbol}({places!r}, i32 {kind.bytes}, {mask!r}, {vector} zeroinitializer)")


class _Put(_Places):
    """Elements added to zeros at places."""

    def __init__(self, f: Function, node: Node, kind: Type, operands: Sequence[str], epilogue: Epilogue) -> None:
        super().__init__(f, node, kind, operands, epilogue)
        self.scratch = _rounded(self.cells + 2 * registers().lanes(kind))

    def plane(self, plane: Value) -> None:
        f, kind = self.f, self.kind
        conv_source.fill(f, f["scratch"], self.cells, kind)
        g = f.at(f[self.operands[0]], plane * self.count, kind)
        index = f.at(f[self.operands[1]], plane * self.count, I64)

        def one(i: Value) -> None:
            where = self.counted(f.load(index, I64, i))
            f.store(f.load(f["scratch"], kind, where) + f.load(g, kind, i), f["scratch"], where)

        f.loop(0, self.count, 1, one)

        def some(i: Value, lanes: int, width: int) -> None:
            self.epilogue(f, f.load(f["scratch"], kind.vector(width), i), plane, i, lanes, f.constant(0, I64))

        self.vectors(self.cells, some)


__all__ = ["pooling", "supported"]
