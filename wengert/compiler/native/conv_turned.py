"""Convolutions with many output channels and short rows: channels fill the vectors, places are spread over lanes.

The weights are transposed once, so that those of neighbouring output channels lie side by side; a tile of some places
and vectors of channels is summed in registers. The image of results, channels side by side, is turned back at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from wengert.compiler.native.conv_shape import Axis, Geometry
from wengert.compiler.native.conv_source import Layout
from wengert.compiler.native.conv_tile import Loop, Reading, direct
from wengert.compiler.native.gemm_pack import block_column, transposed
from wengert.compiler.native.gemm_tile import Epilogue, accumulated, multiply_add, over_whole
from wengert.compiler.native.ir import I64, Function, Type, Value
from wengert.compiler.native.registers import registers

_WEIGHTS = 1 << 20  # bytes of transposed weights: they stay in the second cache
_FULL, _SHORT = 0.9, 0.8  # of the lanes: what channels fill at least, and rows at most


def fits(g: Geometry, along: int, rows: int, inputs: int, kind: Type) -> bool:
    """Whether output channels fill vectors and rows of places do not, and it pays to transpose the weights."""
    width = registers().lanes(kind)
    if along >= _SHORT * (-(-along // width) * width):
        return False
    line = -(-rows // width) * width
    few = inputs * g.taps * line * kind.bytes * g.groups <= _WEIGHTS
    return rows >= _FULL * line and few and g.n * math.prod(g.out) >= 256


class Turned:
    """Writes the sums of one convolution of stride 1 outwards (forward, or the transpose of stride 1)."""

    def __init__(self, f: Function, g: Geometry, kind: Type, axes: tuple[Axis, ...], layout: Layout,
                 shape: tuple[int, int, bool], offset: int) -> None:  # fmt: skip
        self.f, self.g, self.kind, self.axes, self.layout = f, g, kind, axes, layout
        self.rows, self.inputs, self.backward = shape
        self.width = registers().lanes(kind)
        self.vector = kind.vector(self.width)
        self.vectors = -(-self.rows // self.width)
        self.together = 2 if self.vectors % 2 == 0 else 3 if self.vectors % 3 == 0 else 1
        self.line = self.vectors * self.width
        self.places = math.prod(a.number for a in axes)
        self.depth = self.inputs * g.taps
        self.weights_at = offset
        self.image_at = offset + self.depth * self.line * g.groups
        self.scratch = self.image_at + (self.places + self.width) * self.line

    def prepare(self, w: Value) -> None:
        """Transpose the weights of all groups."""
        f, taps = self.f, self.g.taps
        target = f.at(f["scratch"], self.weights_at, self.kind)

        def columns(source: Value, ld: int, depth: int, to: Value) -> None:
            def column(v: Value, present: int) -> None:
                here, there = f.at(source, v * (self.width * ld), self.kind), f.at(to, v * self.width, self.kind)
                block_column(f, here, ld, depth, self.vector, present, there, self.line)

            rest = self.rows % self.width
            over_whole(f, self.vectors - (rest > 0), rest, 0, self.vectors, column, self.width)

        def group(number: Value) -> None:
            to = f.at(target, number * (self.depth * self.line), self.kind)
            source = f.at(w, number * (self.depth * self.rows), self.kind)
            if not self.backward:
                columns(source, self.depth, self.depth, to)
                return

            def channel(o: Value) -> None:
                there = f.at(to, o * (taps * self.line), self.kind)
                columns(f.at(source, o * (self.rows * taps), self.kind), taps, taps, there)

            f.loop(0, self.inputs, 1, channel)

        f.loop(0, self.g.groups, 1, group)

    def image(self, x: Value, group: Value, epilogue: Epilogue, image: Value) -> None:
        """The results of one image and group."""
        f, axes = self.f, self.axes
        across, high = _tile(axes[2].number, axes[1].number, self.together)
        reading = self._reading()
        weights = f.at(f["scratch"], self.weights_at, self.kind)
        weights = f.at(weights, group * (self.depth * self.line), self.kind)
        results = f.at(f["scratch"], self.image_at, self.kind)
        pitch, step = axes[1].step * self.layout.pitch, axes[2].step
        offsets = [r * pitch + i * step for r in range(high) for i in range(across)]
        homes = [r * axes[2].number + i for r in range(high) for i in range(across)]

        def tile(z: Value, y: Value, i: Value) -> None:
            place = f.at(x, self.layout.row(z * axes[0].step, y * axes[1].step) + i * step, self.kind)
            to = f.at(results, ((z * axes[1].number + y) * axes[2].number + i) * self.line, self.kind)

            def some(v: Value) -> None:
                start = v * (self.together * self.width)
                totals = self._sums(f.at(weights, start, self.kind), place, offsets, reading)
                for number, total in enumerate(totals):
                    where, vector = divmod(number, self.together)
                    f.store(total, to, start + (homes[where] * self.line + vector * self.width))

            f.loop(0, self.vectors // self.together, 1, some)

        def row(z: Value, y: Value) -> None:
            f.loop(0, axes[2].number, across, lambda i: tile(z, y, i))

        f.loop(0, axes[0].number, 1, lambda z: f.loop(0, axes[1].number, high, lambda y: row(z, y)))
        self._turn_back(results, epilogue, image)

    def _reading(self) -> Reading:
        """As for places in vectors, with the weights of one tap a line of channels apart."""
        axes = (*self.axes[:2], self.axes[2]._replace(step=1))
        reading = direct(axes, self.layout, self.g.kernel, (self.inputs, self.g.taps))
        loops = tuple(Loop(x.number, x.weight * self.line, x.place) for x in reading.loops)
        return Reading(loops, tuple((w * self.line, p) for w, p in reading.taps))

    def _sums(self, weights: Value, x: Value, offsets: Sequence[int], reading: Reading) -> list[Value]:
        """The sums of a tile, place by place."""
        f, vector, together = self.f, self.vector, self.together

        room = max(1, (registers().number - 1 - len(offsets) * together) // together)  # taps whose weights are held

        def taps(w: Value, p: Value, totals: list[Value]) -> list[Value]:
            totals = list(totals)
            for first in range(0, len(reading.taps), room):
                some = reading.taps[first : first + room]
                held = [[f.load(w, vector, at + v * self.width) for v in range(together)] for at, _ in some]
                meeting: dict[int, list[tuple[int, int]]] = {}  # neighbouring places meet the same elements
                for number, (_, place) in enumerate(some):
                    for where, offset in enumerate(offsets):
                        meeting.setdefault(place + offset, []).append((where, number))
                for offset in sorted(meeting):
                    element = f.splat(f.load(p, vector.vector(1), offset), self.width)
                    for where, number in meeting[offset]:
                        for v in range(together):
                            at = where * together + v
                            totals[at] = multiply_add(f, element, held[number][v], totals[at])
            return totals

        def level(depth: int, w: Value, p: Value, totals: list[Value]) -> list[Value]:
            if depth == len(reading.loops):
                return taps(w, p, totals)
            count, weight, place, _ = reading.loops[depth]
            times = max(1, 4 // len(reading.taps)) if depth == len(reading.loops) - 1 else 1

            def step(i: Value, now: list[Value]) -> list[Value]:
                return level(depth + 1, f.at(w, i * weight, self.kind), f.at(p, i * place, self.kind), now)

            return accumulated(f, count, times, step, totals)

        return level(0, weights, x, [f.constant(0, vector)] * (len(offsets) * together))

    def _turn_back(self, results: Value, epilogue: Epilogue, image: Value) -> None:
        """Places side by side again, to the epilogue."""
        f, width = self.f, self.width
        parked = f.local(self.vector, width)

        def block(v: Value, at: Value, lanes: int) -> None:
            here = f.at(results, at * self.line + v * width, self.kind)
            rows = [f.load(here, self.vector, i * self.line) for i in range(width)]
            for lane, x in enumerate(transposed(f, rows)):
                f.store(x, parked, lane * width)
            first = v * width

            def channel(c: Value) -> None:
                epilogue(f, f.load(parked, self.vector, c * width), first + c, at, lanes, image)

            f.loop(0, f.minimum(self.rows - first, width), 1, channel)

        def column(v: Value) -> None:
            whole = self.places // width * width
            f.loop(0, whole, width, lambda at: block(v, at, width))
            if whole < self.places:
                block(v, f.constant(whole, I64), self.places - whole)

        f.loop(0, self.vectors, 1, column)


def _tile(line: int, lines: int, together: int) -> tuple[int, int]:
    """Places across and lines of a tile that divide the image."""
    most = (24 if registers().number == 32 else 12) // together
    pairs = [
        (across, high)
        for across in range(1, line + 1) if line % across == 0
        for high in range(1, lines + 1) if lines % high == 0
        if across * high <= most and (high == 1 or across == line)
    ]  # fmt: skip
    return max(pairs, key=lambda p: (min(p[0] * p[1], 12 // together * 2), p[0]))


__all__ = ["Turned", "fits"]
