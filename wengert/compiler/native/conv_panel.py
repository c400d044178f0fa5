"""Short rows of places gathered into panels: for every channel and tap some rows one behind the other."""

from __future__ import annotations

from typing import NamedTuple

from wengert.compiler.native.conv_shape import Axis
from wengert.compiler.native.conv_source import Layout
from wengert.compiler.native.gemm_plan import lanes_for
from wengert.compiler.native.ir import Function, Type, Value
from wengert.compiler.native.registers import registers

_BYTES = 1 << 19  # of a panel: it stays in the second cache
_MOST = 512  # places of a panel
_SPELLED = 16  # rows that are copied without a loop
_COST = 5.0  # of copying a row, in multiplications of vectors


class Panel(NamedTuple):
    """`rows` rows of places in vectors of `width`, for each of `depth` channels and taps."""

    rows: int
    vectors: int
    width: int
    depth: int
    element: str

    @property
    def stride(self) -> int:
        return self.vectors * self.width

    @property
    def size(self) -> int:
        return self.depth * self.stride

    def pack(self, f: Function, axes: tuple[Axis, ...], layout: Layout, x: Value, start: tuple[Value, Value],
             channels: int, kind: Type, target: Value) -> None:  # fmt: skip
        """Gather the rows from (z, y) on; a vector may reach over a row's end, what comes behind is written later."""
        a, b, c = (axis.taps for axis in axes)
        z, y = start[0] * axes[0].step, start[1] * axes[1].step

        def taps(channel: Value, i: Value, j: Value) -> None:
            here = f.at(x, channel * layout.plane, kind)
            here = f.at(here, layout.row(z + i * a.stride + a.place, y + j * b.stride + b.place), kind)
            to = f.at(target, ((channel * a.number + i) * b.number + j) * (c.number * self.stride), kind)

            def tap(k: Value | int, place: Value | int) -> None:
                self._rows(f, axes, layout, f.at(here, place, kind), f.at(to, k * self.stride, kind))

            if layout.step == 1:
                f.loop(0, c.number, 1, lambda k: tap(k, k * c.stride + c.place))
            else:
                for k in range(c.number):
                    tap(k, layout.column(c.place + k * c.stride))

        def channel(number: Value) -> None:
            f.loop(0, a.number, 1, lambda i: f.loop(0, b.number, 1, lambda j: taps(number, i, j)))

        f.loop(0, channels, 1, channel)

    def _rows(self, f: Function, axes: tuple[Axis, ...], layout: Layout, source: Value, target: Value) -> None:
        """The rows that one tap meets."""
        line, kind = axes[2].number, Type(self.element)
        vector = kind.vector(lanes_for(line, kind))

        def row(r: Value | int) -> None:
            here = f.at(source, r * (axes[1].step * layout.pitch), kind)
            there = f.at(target, r * line, kind)
            for at in range(0, line, vector.width):
                f.store(f.load(here, vector, at), there, at)

        if self.rows <= _SPELLED:
            for r in range(self.rows):
                row(r)
        else:
            f.loop(0, self.rows, 1, row)


def panel_rows(axes: tuple[Axis, ...], channels: int, rows: int, kind: Type) -> Panel | None:
    """The panel that makes vectors full, or None where reading in place is not slower."""
    line, lines, full = axes[2].number, axes[1].number, registers().lanes(kind)
    depth = channels * axes[0].taps.number * axes[1].taps.number * axes[2].taps.number
    best, cost = None, -(-line // lanes_for(line, kind)) / line  # vectors for a place
    for count in range(1, lines + 1):
        places = count * line
        if lines % count or places > _MOST or depth * kind.bytes * places > _BYTES:
            continue
        width = lanes_for(places, kind)
        copies = count * -(-line // lanes_for(line, kind))
        now = (-(-places // width) + copies * _COST / rows) / places
        if now < cost and width == full:
            best, cost = Panel(count, -(-places // width), width, depth, kind.element), now
    return best


__all__ = ["Panel", "panel_rows"]
