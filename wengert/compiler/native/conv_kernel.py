"""The transpose of a convolution by its kernel: for every channel and tap the sum over images and places of g x.

With many output channels these fill the vectors: each image's g is transposed, elements of x are spread over lanes.
With few, places fill the vectors, and the lanes are added up at the end. A task is a block of input channels (or of
output channels, or a group); it goes through all images, so that the order of summation is that of the images.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.compiler.native import conv_source
from wengert.compiler.native.conv_shape import Geometry, forward, geometry
from wengert.compiler.native.conv_source import Layout
from wengert.compiler.native.convolution import Operands, merged
from wengert.compiler.native.gemm_dot import combined
from wengert.compiler.native.gemm_pack import block_column, transposed
from wengert.compiler.native.gemm_plan import lanes_for, tiles_of
from wengert.compiler.native.gemm_tile import Epilogue, accumulated, least, multiply_add, over_tiles, over_whole
from wengert.compiler.native.ir import F32, F64, I64, Function, Module, Type, Value
from wengert.compiler.native.kernel import DENSE, Kernel
from wengert.compiler.native.registers import registers
from wengert.core.tape import Node, Var

Range = tuple[Any, Any]
_MOST_TAPS = 400  # written out in parts of a dozen


def supported(node: Node) -> bool:
    """Whether a line of `conv_kernel` has a kernel."""
    if node.prim.name != "conv_kernel" or node.dtype not in (np.float32, np.float64):
        return False
    if any(not isinstance(x, Var) or x.dtype != node.dtype or 0 in x.shape for x in node.inputs) or 0 in node.shape:
        return False
    return 1 <= len(node.attrs["stride"]) <= 3 and geometry(node).taps <= _MOST_TAPS


def kernel_gradient(module: Module, name: str, node: Node, operands: Operands, epilogue: Epilogue,
                    pointers: Sequence[str]) -> Kernel:  # fmt: skip
    """Write the kernel ``name(pointers …, scratch, begin, end)`` of a line of `conv_kernel`.

    `operands` are x and g. The epilogue gets vectors of neighbouring elements of one output channel's kernel:
    (function, sums, output channel, flat (channel, tap), lanes, 0).
    """
    f = module.function(name, [*pointers, "scratch"], counts=["begin", "end"])
    g = merged(geometry(node))
    kind = F32 if node.dtype == np.float32 else F64
    full = registers().lanes(kind)
    outward = g.o // g.groups
    wide = outward / (-(-outward // full) * full)
    along = g.out[2] / (-(-g.out[2] // lanes_for(g.out[2], kind)) * full)
    writer = (_Spread if wide > 0.7 * along else _Lanes)(f, g, kind, operands, epilogue)
    f.when(f.compare("slt", f["begin"], f["end"]), writer.write)
    f.finish()
    size = float(kind.bytes) * sum(math.prod(x.shape) for x in (*node.inputs, node))
    return Kernel(name, writer.tasks, g.flops, size, writer.scratch * kind.bytes, rate=DENSE)


def _rounded(count: int) -> int:
    return -(-count // 16) * 16


class _Base:
    """What both ways have in common: images, groups, blocks of channels, and the copy of x between zeros."""

    phased = False  # whether the places of a row lie side by side by their remainder by the stride

    def __init__(self, f: Function, g: Geometry, kind: Type, operands: Operands, epilogue: Epilogue) -> None:
        self.f, self.g, self.kind, self.operands, self.epilogue = f, g, kind, operands, epilogue
        self.inward, self.outward = g.c // g.groups, g.o // g.groups
        self.places = math.prod(g.out)
        parts, sources = forward(g)
        axes = parts[0]
        if not self.phased:
            axes = (*axes[:2], axes[2]._replace(step=1))
        self.layout = Layout(axes, sources, conv_source.phases([axes]))
        self.room = 2 * registers().lanes(kind)
        self.source = _rounded(self.inward * self.layout.plane + self.room) if self.layout.copied else 0
        self.taps = [
            self.layout.row(i * g.dilation[0], j * g.dilation[1]) + self.layout.column(k * g.dilation[2])
            for i, j, k in itertools.product(*map(range, g.kernel))
        ]
        blocks = -(-self.inward // max(1, 12 // g.taps))
        blocks += blocks % 2 and 1 < blocks < self.inward
        self.block = -(-self.inward // blocks)  # channels of a block
        self.blocks = -(-self.inward // self.block)
        self.tasks, self.scratch = 0, 0

    def write(self) -> None:
        """Everything between ``begin`` and ``end``."""
        f = self.f
        if self.layout.copied:
            conv_source.fill(f, f["scratch"], self.inward * self.layout.plane, self.kind)
        if self.g.groups == 1:
            self.one(f.constant(0, I64), f["begin"], f["end"])
        else:
            f.loop(f["begin"], f["end"], 1, lambda group: self.one(group, 0, self.tasks_of_group))

    tasks_of_group = 1

    def one(self, group: Value, low: Any, high: Any) -> None:
        """The kernels of a group, for a range of blocks."""
        raise NotImplementedError

    def image(self, n: Value, group: Value, low: Any, high: Any) -> tuple[Value, Value]:
        """Pointers to x, between zeros, of which channels low to high are wanted, and to g of one image and group."""
        f, g, kind = self.f, self.g, self.kind
        size = math.prod(g.space)
        first = n * g.c + group * self.inward
        x = f.at(f.at(f[self.operands.places], self.operands.places_offset, kind), first * size, kind)
        y = f.at(f[self.operands.weights], self.operands.weights_offset, kind)
        y = f.at(y, (n * g.o + group * self.outward) * self.places, kind)
        if self.layout.copied:
            conv_source.copy(f, x, (low, high), self.layout, kind, f["scratch"])
            x = f["scratch"]
        return x, y

    def ranges(self, low: Any, high: Any, body: Any) -> None:
        """`body` for blocks of channels: their number and how many channels they have."""
        rest = self.inward % self.block
        over_whole(self.f, self.blocks - (rest > 0), rest, low, high, body, self.block)

    def channels(self, low: Any, high: Any) -> tuple[Any, Any]:
        """The channels of a range of blocks."""
        stop = high * self.block
        return low * self.block, least(self.f, stop, self.inward)


class _Spread(_Base):
    """Output channels fill the vectors."""

    def __init__(self, f: Function, g: Geometry, kind: Type, operands: Operands, epilogue: Epilogue) -> None:
        super().__init__(f, g, kind, operands, epilogue)
        self.width = lanes_for(self.outward, kind)
        self.vector = kind.vector(self.width)
        self.vectors = -(-self.outward // self.width)
        self.together = 2 if self.vectors % 2 == 0 else 3 if self.vectors % 3 == 0 else 1
        self.columns = self.vectors // self.together
        self.by_columns = self.columns > 1  # tasks are output channels: each g is transposed once
        line = self.vectors * self.width
        self.line = line
        self.turned_at = self.source
        self.sums_at = self.turned_at + _rounded(self.places * line)
        self.depth = self.inward * g.taps
        self.scratch = self.sums_at + _rounded((self.depth + self.width) * line)
        self.tasks_of_group = self.columns if self.by_columns else self.blocks
        self.tasks = self.tasks_of_group if g.groups == 1 else g.groups

    def one(self, group: Value, low: Any, high: Any) -> None:
        f = self.f
        columns: Range = (low, high) if self.by_columns else (0, self.columns)
        blocks: Range = (0, self.blocks) if self.by_columns else (low, high)
        conv_source.fill(f, f.at(f["scratch"], self.sums_at, self.kind), self.depth * self.line, self.kind)

        def image(n: Value) -> None:
            x, y = self.image(n, group, *self.channels(*blocks))
            self._turn(y, *columns)
            f.loop(*columns, 1, lambda v: self.ranges(*blocks, lambda b, count: self._block(x, v, b, count)))

        f.loop(0, self.g.n, 1, image)
        f.loop(*columns, 1, lambda v: self.ranges(*blocks, lambda b, count: self._hand_over(group, v, b, count)))

    def _turn(self, y: Value, low: Any, high: Any) -> None:
        """The channels of g side by side, for each place."""
        f, width = self.f, self.width
        target = f.at(f["scratch"], self.turned_at, self.kind)

        def one(v: Value, present: int) -> None:
            source = f.at(y, v * (width * self.places), self.kind)
            block_column(
                f, source, self.places, self.places, self.vector, present, f.at(target, v * width, self.kind), self.line
            )

        rest = self.outward % width
        over_whole(f, self.vectors - (rest > 0), rest, low * self.together, high * self.together, one, width)

    def _rows(self, count: int) -> list[list[int]]:
        """The (channel, tap) rows of a block of channels, as offsets into x, in parts that fit the registers."""
        every = [c * self.layout.plane + t for c in range(count) for t in self.taps]
        rows, tall, short = tiles_of(len(every), {1: 14, 2: 12, 3: 8}[self.together] * registers().number // 32)
        sizes = [rows] * tall + [rows - 1] * short
        starts = list(itertools.accumulate([0, *sizes]))
        return [every[a:b] for a, b in itertools.pairwise(starts)]

    def _block(self, x: Value, v: Value, b: Value, count: int) -> None:
        """Add one image's part to the sums of a block of channels and some vectors of output channels."""
        f, first = self.f, 0
        column = v * (self.together * self.width)
        sums = f.at(f.at(f["scratch"], self.sums_at, self.kind), column, self.kind)
        sums = f.at(sums, b * (self.block * self.g.taps * self.line), self.kind)
        turned = f.at(f.at(f["scratch"], self.turned_at, self.kind), column, self.kind)
        here = f.at(x, b * (self.block * self.layout.plane), self.kind)
        for rows in self._rows(count):
            self._tile(here, turned, f.at(sums, first * self.line, self.kind), rows)
            first += len(rows)

    def _tile(self, x: Value, turned: Value, sums: Value, rows: Sequence[int]) -> None:
        f, g, vector = self.f, self.g, self.vector
        places = [(r * self.line, v * self.width) for r in range(len(rows)) for v in range(self.together)]
        totals = [f.load(sums, vector, r + v) for r, v in places]

        def step(here: Value, there: Value, now: Sequence[Value]) -> list[Value]:
            columns = [f.load(there, vector, v * self.width) for v in range(self.together)]
            out = []
            for r, offset in enumerate(rows):
                element = f.splat(f.load(here, vector.vector(1), offset), self.width)
                mine = now[r * self.together : (r + 1) * self.together]
                out += [multiply_add(f, element, c, total) for c, total in zip(columns, mine, strict=True)]
            return out

        def line(z: Value, y: Value, now: list[Value]) -> list[Value]:
            here = f.at(x, self.layout.row(z * g.stride[0], y * g.stride[1]), self.kind)
            there = f.at(turned, (z * g.out[1] + y) * (g.out[2] * self.line), self.kind)

            def place(i: Value, carried: list[Value]) -> list[Value]:
                return step(f.at(here, i * g.stride[2], self.kind), f.at(there, i * self.line, self.kind), carried)

            return accumulated(f, g.out[2], 4 if len(places) < 16 else 2, place, now)

        def plane(z: Value, *now: Value) -> list[Value]:
            return f.loop(0, g.out[1], 1, lambda y, *inner: line(z, y, list(inner)), now)

        totals = f.loop(0, g.out[0], 1, plane, totals)
        for (r, v), total in zip(places, totals, strict=True):
            f.store(total, sums, r + v)

    def _hand_over(self, group: Value, v: Value, b: Value, count: int) -> None:
        """The sums of a block, turned back, to the epilogue."""
        f, width, taps = self.f, self.width, self.g.taps
        parked = f.local(self.vector, width)
        sums = f.at(f["scratch"], self.sums_at, self.kind)

        def some(at: Any, o: Value, rows: int) -> None:
            start = b * (self.block * taps) + at
            here = f.at(sums, start * self.line + o, self.kind)
            zero = f.constant(0, self.vector)
            block = [f.load(here, self.vector, r * self.line) if r < rows else zero for r in range(width)]
            for lane, x in enumerate(transposed(f, block)):
                f.store(x, parked, lane * width)

            def channel(lane: Value) -> None:
                x = f.load(parked, self.vector, lane * width)
                self.epilogue(f, x, group * self.outward + o + lane, start, rows, f.constant(0, I64))

            f.loop(0, f.minimum(self.outward - o, width), 1, channel)

        def column(i: Value) -> None:
            o = v * (self.together * width) + i * width
            for at in range(0, count * taps, width):
                some(at, o, min(width, count * taps - at))

        f.loop(0, self.together, 1, column)


class _Lanes(_Base):
    """Places fill the vectors."""

    phased = True

    def __init__(self, f: Function, g: Geometry, kind: Type, operands: Operands, epilogue: Epilogue) -> None:
        super().__init__(f, g, kind, operands, epilogue)
        self.width = lanes_for(g.out[2], kind)
        self.vector = kind.vector(self.width)
        self.most = 24 if registers().number == 32 else 12
        self.cut = tiles_of(self.outward, 4)
        self.depth = self.inward * g.taps
        self.sums_at = self.source
        self.scratch = self.sums_at + _rounded(self.outward * self.depth * self.width)
        tiles = self.cut[1] + self.cut[2]
        self.by_outputs = self.blocks < tiles
        self.tiles = tiles
        self.tasks_of_group = tiles if self.by_outputs else self.blocks
        self.tasks = self.tasks_of_group if g.groups == 1 else g.groups

    def one(self, group: Value, low: Any, high: Any) -> None:
        f = self.f
        outputs: Range = (low, high) if self.by_outputs else (0, self.tiles)
        blocks: Range = (0, self.blocks) if self.by_outputs else (low, high)
        sums = f.at(f["scratch"], self.sums_at, self.kind)
        conv_source.fill(f, sums, self.outward * self.depth * self.width, self.kind)

        def image(n: Value) -> None:
            x, y = self.image(n, group, *self.channels(*blocks))

            def tile(b: Value, count: int) -> None:
                over_tiles(f, self.cut, *outputs, lambda o, rows: self._block(x, y, b, count, o, rows))

            self.ranges(*blocks, tile)

        f.loop(0, self.g.n, 1, image)

        def finished(b: Value, count: int) -> None:
            def rows(o: Value, several: int) -> None:
                f.loop(o, o + several, 1, lambda row: self._hand_over(group, row, b, count))

            over_tiles(f, self.cut, *outputs, rows)

        self.ranges(*blocks, finished)

    def _sums(self, o: Value, b: Value) -> Value:
        """Where the sums of an output channel and a block of channels begin."""
        start = o * (self.depth * self.width) + b * (self.block * self.g.taps * self.width)
        return self.f.at(self.f.at(self.f["scratch"], self.sums_at, self.kind), start, self.kind)

    def _block(self, x: Value, y: Value, b: Value, count: int, o: Value, outputs: int) -> None:
        """Add one image's part to the sums of a block of channels and some output channels."""
        f = self.f
        every = [c * self.layout.plane + t for c in range(count) for t in self.taps]
        sums = self._sums(o, b)
        here = f.at(x, b * (self.block * self.layout.plane), self.kind)
        there = f.at(y, o * self.places, self.kind)
        rows, tall, short = tiles_of(len(every), self.most // outputs)
        starts = list(itertools.accumulate([0, *[rows] * tall, *[rows - 1] * short]))
        for first, stop in itertools.pairwise(starts):
            self._tile(here, there, f.at(sums, first * self.width, self.kind), every[first:stop], outputs)

    def _tile(self, x: Value, y: Value, sums: Value, offsets: Sequence[int], outputs: int) -> None:
        f, g, vector, width = self.f, self.g, self.vector, self.width
        homes = [o * self.depth * width + r * width for o in range(outputs) for r in range(len(offsets))]
        totals = [f.load(sums, vector, home) for home in homes]

        def step(here: Value, there: Value, now: Sequence[Value], lanes: int | None = None) -> list[Value]:
            places = [f.load(here, vector, offset, lanes) for offset in offsets]
            gs = [f.load(there, vector, o * self.places, lanes) for o in range(outputs)]
            return [
                multiply_add(f, a, b, total)
                for (a, b), total in zip(itertools.product(gs, places), now, strict=True)
            ]  # fmt: skip

        def line(z: Value, row: Value, now: list[Value]) -> list[Value]:
            here = f.at(x, self.layout.row(z * g.stride[0], row * g.stride[1]), self.kind)
            there = f.at(y, (z * g.out[1] + row) * g.out[2], self.kind)
            whole = g.out[2] // width * width

            def some(i: Value, *carried: Value) -> list[Value]:
                return step(f.at(here, i, self.kind), f.at(there, i, self.kind), carried)

            now = f.loop(0, whole, width, some, now)
            if whole == g.out[2]:
                return now
            return step(f.at(here, whole, self.kind), f.at(there, whole, self.kind), now, g.out[2] - whole)

        def plane(z: Value, *now: Value) -> list[Value]:
            return f.loop(0, g.out[1], 1, lambda row, *inner: line(z, row, list(inner)), now)

        totals = f.loop(0, g.out[0], 1, plane, totals)
        for home, total in zip(homes, totals, strict=True):
            f.store(total, sums, home)

    def _hand_over(self, group: Value, o: Value, b: Value, count: int) -> None:
        """The sums of an output channel and a block, their lanes added up, to the epilogue."""
        f, depth, width = self.f, count * self.g.taps, self.width
        sums = self._sums(o, b)

        def some(at: Value, rows: int) -> None:
            vectors = [f.load(sums, self.vector, (at + r) * width) for r in range(rows)]
            vectors += [f.constant(0, self.vector)] * ((1 << (rows - 1).bit_length()) - rows)
            start = b * (self.block * self.g.taps) + at
            self.epilogue(f, combined(f, vectors), group * self.outward + o, start, rows, f.constant(0, I64))

        whole = depth // width * width
        f.loop(0, whole, width, lambda at: some(at, width))
        if whole < depth:
            some(f.constant(whole, I64), depth - whole)


__all__ = ["kernel_gradient", "supported"]
