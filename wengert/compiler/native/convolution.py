"""Convolutions and their transposes by the input, without a matrix of columns: tiles of channels and places.

One image at a time is copied between zeros (where there is padding or a stride); a tile of some output channels and a
few vectors of places is summed in registers. Where the rows of places are much shorter than vectors, several rows are
first gathered into a panel. The kernel's results come to the epilogue as a matrix of channels and places per image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from wengert.compiler.native import conv_source
from wengert.compiler.native.conv_panel import Panel, panel_rows
from wengert.compiler.native.conv_shape import Axis, Geometry, Source, backward, forward, geometry
from wengert.compiler.native.conv_source import Layout
from wengert.compiler.native.conv_spread import Spread
from wengert.compiler.native.conv_tile import correlate, direct, meeting, met, packed, readable
from wengert.compiler.native.conv_turned import Turned, fits
from wengert.compiler.native.gemm_plan import HEIGHTS, lanes_for, tiles_of
from wengert.compiler.native.gemm_tile import Epilogue, finish, over_tiles
from wengert.compiler.native.ir import F32, F64, I64, Function, Module, Type, Value
from wengert.compiler.native.kernel import DENSE, Kernel
from wengert.compiler.native.registers import registers
from wengert.core.tape import Node, Var


class Operands(NamedTuple):
    """The pointers to places (x, or the gradient of y) and weights, with the first elements there."""

    places: str
    weights: str
    places_offset: int = 0
    weights_offset: int = 0


def supported(node: Node) -> bool:
    """Whether a line of `conv` or `conv_input` has a kernel."""
    if node.prim.name not in ("conv", "conv_input") or node.dtype not in (np.float32, np.float64):
        return False
    if any(not isinstance(x, Var) or x.dtype != node.dtype or 0 in x.shape for x in node.inputs) or 0 in node.shape:
        return False
    if len(node.attrs["stride"]) > 3:
        return False
    parts, _ = _sums(node.prim.name, geometry(node))
    return all(readable(axes) for axes in parts)


def convolution(module: Module, name: str, node: Node, operands: Operands, epilogue: Epilogue,
                pointers: Sequence[str]) -> Kernel:  # fmt: skip
    """Write the kernel ``name(pointers …, scratch, begin, end)`` of a line of `conv` or `conv_input`.

    The epilogue gets vectors of neighbouring places: (function, sums, channel, flat place, lanes, image).
    """
    f = module.function(name, [*pointers, "scratch"], counts=["begin", "end"])
    g = geometry(node)
    kind = F32 if node.dtype == np.float32 else F64
    writer = _Writer(f, node.prim.name, g, kind, operands, epilogue)
    f.when(f.compare("slt", f["begin"], f["end"]), writer.write)
    f.finish()
    size = float(kind.bytes) * sum(math.prod(x.shape) for x in (*node.inputs, node))
    return Kernel(name, g.n * g.groups, g.flops, size, writer.scratch * kind.bytes, rate=DENSE)


def _sums(which: str, g: Geometry) -> tuple[list[tuple[Axis, ...]], tuple[Source, ...]]:
    return forward(g) if which == "conv" else backward(g)


def merged(g: Geometry) -> Geometry:
    """A convolution that looks at one place each, with all places in one row."""
    if g.taps != 1 or any(s != 1 for s in g.stride) or any(map(any, g.padding)):
        return g
    places = (1, 1, math.prod(g.space))
    return g._replace(space=places, out=places)


class _Writer:
    """Writes the kernel of one convolution."""

    def __init__(self, f: Function, which: str, g: Geometry, kind: Type, operands: Operands,
                 epilogue: Epilogue) -> None:  # fmt: skip
        g = merged(g)
        self.f, self.g, self.kind, self.operands = f, g, kind, operands
        self.parts, self.sources = _sums(which, g)
        inward, outward = g.c // g.groups, g.o // g.groups
        self.inputs, self.rows = (inward, outward) if which == "conv" else (outward, inward)
        self.weight_row, self.weight_channel = inward * g.taps, g.taps
        if which != "conv":
            self.weight_row, self.weight_channel = g.taps, inward * g.taps
        self.result = g.out if which == "conv" else g.space
        self.places = math.prod(self.result)
        self.epilogue = self._of_group(epilogue)
        whole = len(self.parts) == 1 and all(a.spread == 1 for a in self.parts[0])
        self.pieces = not whole  # results are first put together in scratch memory
        self.panels = [panel_rows(axes, self.inputs, self.rows, kind) for axes in self.parts]
        turned = whole and fits(g, self.parts[0][2].number, self.rows, self.inputs, kind)
        axes = self.parts[0] if self.parts else forward(g)[0][0]
        if turned:  # places are not read as vectors: those of a row may lie apart
            axes = (*axes[:2], axes[2]._replace(step=1))
        self.layout = Layout(axes, self.sources, conv_source.phases([axes] if turned else self.parts) or {0})
        self._plan_scratch()
        self.turned = None
        if turned:
            shape = self.rows, self.inputs, which != "conv"
            self.turned = Turned(f, g, kind, self.parts[0], self.layout, shape, self.panel_at)
            self.scratch = self.turned.scratch

    def _plan_scratch(self) -> None:
        room = 2 * registers().lanes(self.kind)
        source = self.inputs * self.layout.plane + room if self.layout.copied else 0
        panel = max((p.size + room for p in self.panels if p), default=0)
        most = max((math.prod(a.number for a in axes) for axes in self.parts), default=0)
        gathered = self.rows * most + room if self.pieces and any(self.panels) else 0
        self.panel_at = _rounded(source)
        self.gathered_at = self.panel_at + _rounded(panel)
        self.spread = Spread(self.f, self.kind, self.result, self.gathered_at + _rounded(gathered))
        self.scratch = self.spread.offset + (self.spread.size(self.rows) if self.pieces else 0)

    def _of_group(self, epilogue: Epilogue) -> Epilogue:
        """The epilogue with the channels of the group in work counted from the first of all."""
        if self.g.groups == 1:
            return epilogue

        def grouped(f: Function, x: Value, row: Value, column: Value, lanes: int, image: Value) -> None:
            epilogue(f, x, row + self.channel, column, lanes, image)

        return grouped

    def write(self) -> None:
        """Everything between ``begin`` and ``end``: images, or groups of channels of them."""
        f, groups = self.f, self.g.groups
        if self.layout.copied:
            conv_source.fill(f, f["scratch"], self.inputs * self.layout.plane, self.kind)
        if self.turned:
            self.turned.prepare(f.at(f[self.operands.weights], self.operands.weights_offset, self.kind))

        def task(t: Value) -> None:
            image, group = t, f.constant(0, I64)
            if groups > 1:
                image = f.line(I64, f"udiv {t!r}, {groups}")
                group = t - image * groups
            self.channel = group * self.rows
            self._image(image, group)

        f.loop(f["begin"], f["end"], 1, task)

    def _image(self, image: Value, group: Value) -> None:
        f, kind = self.f, self.kind
        size = math.prod(s.size for s in self.sources)
        x = f.at(f[self.operands.places], self.operands.places_offset, kind)
        x = f.at(x, (image * (self.inputs * self.g.groups) + group * self.inputs) * size, kind)
        w = f.at(f[self.operands.weights], self.operands.weights_offset, kind)
        w = f.at(w, group * (self.g.o // self.g.groups * self.g.c // self.g.groups * self.g.taps), kind)
        if self.layout.copied:
            conv_source.copy(f, x, (0, self.inputs), self.layout, kind, f["scratch"])
            x = f["scratch"]
        if self.turned:
            self.turned.image(x, group, self.epilogue, image)
            return
        if self.pieces and self._holes():
            self.spread.clear(self.rows)
        for axes, panel in zip(self.parts, self.panels, strict=True):
            if panel is None:
                self._direct(axes, x, w, self._putting(axes) if self.pieces else self.epilogue, image)
            else:
                self._packed(axes, panel, x, w, self._gathered(axes) if self.pieces else self.epilogue, image)
                if self.pieces:
                    self._put_gathered(axes)
        if self.pieces:
            self.spread.hand_over(self.rows, self.epilogue, image)

    def _holes(self) -> bool:
        """Whether there are results that no sum reaches."""
        return sum(math.prod(a.number for a in axes) for axes in self.parts) < self.places

    # ----- places read where they lie
    def _direct(self, axes: tuple[Axis, ...], x: Value, w: Value, epilogue: Epilogue, image: Value) -> None:
        """Tiles of some rows of places (all of z, then y) and a few vectors of each."""
        f, layout = self.f, self.layout
        width = lanes_for(axes[2].number, self.kind)
        vector = self.kind.vector(width)
        across = -(-axes[2].number // width)
        reading = direct(axes, layout, self.g.kernel, (self.inputs, self.weight_channel))
        skips = any(x.lines for x in reading.loops) and abs(axes[1].taps.stride) == 1 and self.sources[1].low > 0
        high, wide, height = _tile(self.rows, axes[1].number, across, self._share(axes[1]) if skips else None)
        last = axes[2].number - (across - 1) * width
        pitch = axes[1].step * layout.pitch
        line = axes[2].number

        def tile(z: Value, y: Value, rows: int, v: Value, vectors: int, lanes: int) -> None:
            place = f.at(x, layout.row(z * axes[0].step, y * axes[1].step) + v * width, vector)
            offsets = [r * pitch + i * width for r in range(rows) for i in range(vectors)]
            spans = [
                (r * line + i * width, lanes if i == vectors - 1 else width)
                for r in range(rows)
                for i in range(vectors)
            ]
            column = (z * axes[1].number + y) * line + v * width
            lines = meeting(f, axes[1], self.sources[1], rows, y) if skips else None

            def channels(row: Value, count: int) -> None:
                weights = f.at(w, row * self.weight_row, vector)
                totals = correlate(f, weights, self.weight_row, place, offsets, count, reading, vector, lines)
                finish(f, totals, row, column, spans, epilogue, image)

            self._tiles(height, channels)

        def lines(z: Value, y: Value, rows: int) -> None:
            whole = (across - (last < width)) // wide * wide
            f.loop(0, whole, wide, lambda v: tile(z, y, rows, v, wide, width))
            if whole < across:
                tile(z, y, rows, f.constant(whole, I64), across - whole, last)

        def plane(z: Value) -> None:
            whole = axes[1].number // high * high
            f.loop(0, whole, high, lambda y: lines(z, y, high))
            if whole < axes[1].number:
                lines(z, f.constant(whole, I64), axes[1].number - whole)

        f.loop(0, axes[0].number, 1, plane)

    def _share(self, axis: Axis) -> Callable[[int], float]:
        """The share of an axis' taps that tiles of so many lines meet, the others lie in the padding."""

        def share(high: int) -> float:
            tiles = range(0, axis.number, high)
            some = (len(met(axis, self.sources[1], min(high, axis.number - y), y)) for y in tiles)
            return sum(some) / (len(tiles) * axis.taps.number)

        return share

    def _tiles(self, height: int, body: Callable[[Value, int], None]) -> None:
        """`body` for the first row and the number of rows of every tile of channels."""
        cut = tiles_of(self.rows, height)
        over_tiles(self.f, cut, 0, cut[1] + cut[2], body)

    # ----- places gathered into panels
    def _packed(self, axes: tuple[Axis, ...], panel: Panel, x: Value, w: Value, epilogue: Epilogue,
                image: Value) -> None:  # fmt: skip
        f, width = self.f, panel.width
        vector = self.kind.vector(width)
        target = f.at(f["scratch"], self.panel_at, vector)
        reading = packed(axes, self.g.kernel, (self.inputs, self.weight_channel), panel.stride)
        _, wide, height = _tile(self.rows, 1, panel.vectors)
        count = panel.rows * axes[2].number
        lanes = count - (panel.vectors - 1) * width

        def some(z: Value, y: Value) -> None:
            panel.pack(f, axes, self.layout, x, (z, y), self.inputs, self.kind, target)
            start = (z * axes[1].number + y) * axes[2].number

            def tile(v: Value, vectors: int, present: int) -> None:
                spans = [(i * width, present if i == vectors - 1 else width) for i in range(vectors)]
                places = f.at(target, v * width, vector)

                def channels(row: Value, rows: int) -> None:
                    weights = f.at(w, row * self.weight_row, vector)
                    offsets = [i * width for i in range(vectors)]
                    totals = correlate(f, weights, self.weight_row, places, offsets, rows, reading, vector)
                    finish(f, totals, row, start + v * width, spans, epilogue, image)

                self._tiles(height, channels)

            whole = (panel.vectors - (lanes < width)) // wide * wide
            f.loop(0, whole, wide, lambda v: tile(v, wide, width))
            if whole < panel.vectors:
                tile(f.constant(whole, I64), panel.vectors - whole, lanes)

        f.loop(0, axes[0].number, 1, lambda z: f.loop(0, axes[1].number, panel.rows, lambda y: some(z, y)))

    # ----- results put together in scratch memory
    def _putting(self, axes: tuple[Axis, ...]) -> Epilogue:
        """Put sums of rows at every s-th place of the image."""

        def store(f: Function, x: Value, row: Value, column: Value, lanes: int, _image: Value) -> None:
            number = f.line(I64, f"udiv {column!r}, {axes[2].number}")
            self.spread.put(axes, x, (row, number, column - number * axes[2].number), lanes)

        return store

    def _gathered(self, axes: tuple[Axis, ...]) -> Epilogue:
        """Store sums of panels as they come: a vector of them may reach over several rows."""
        count = math.prod(a.number for a in axes)

        def store(f: Function, x: Value, row: Value, column: Value, lanes: int, _image: Value) -> None:
            f.store(x, f.at(f["scratch"], self.gathered_at, x.type), row * count + column, lanes)

        return store

    def _put_gathered(self, axes: tuple[Axis, ...]) -> None:
        """Put the stored sums at every s-th place, row by row."""
        f, line = self.f, axes[2].number
        vector = self.kind.vector(lanes_for(line, self.kind))
        source = f.at(f["scratch"], self.gathered_at, vector)
        lines = axes[0].number * axes[1].number

        def one(r: Value, number: Value) -> None:
            here = f.at(source, (r * lines + number) * line, vector)
            for at in range(0, line, vector.width):
                place = r, number, f.constant(at, I64)
                self.spread.put(axes, f.load(here, vector, at), place, min(vector.width, line - at))

        f.loop(0, self.rows, 1, lambda r: f.loop(0, lines, 1, lambda number: one(r, number)))


def _rounded(count: int) -> int:
    return -(-count // 16) * 16


def _tile(rows: int, lines: int, vectors: int,
          share: Callable[[int], float] | None = None) -> tuple[int, int, int]:  # fmt: skip
    """Lines and vectors of a tile of places, and its channels; `share` is the work done for so many lines."""
    best: tuple[float, int, int, int] | None = None
    heights = HEIGHTS[registers().number]
    for count, height in heights.items():
        for high in range(1, count + 1):
            wide = count // high
            if count % high or high > lines or wide > vectors or (high > 1 and wide < vectors):
                continue
            _, tall, short = tiles_of(rows, height)
            steps = -(-lines // high) * -(-vectors // wide)
            bodies = (1 + (lines % high > 0)) * (1 + (vectors % wide > 0)) * (1 + (short > 0))
            sums = max(rows * count, 8 * (tall + short))
            loads = rows + (tall + short) * 2 * count  # a vector at any place lies in two cache lines
            cost = steps * (sums + 0.5 * loads) * (1 + 0.01 * bodies) * (share(high) if share else 1.0)
            if best is None or cost < best[0]:
                best = (cost, high, wide, height)
    assert best is not None, "a tile of one vector always fits"
    return best[1:]


__all__ = ["Operands", "convolution", "merged", "supported"]
