"""What a convolution reads, laid out for vectors: with zeros around it, and every s-th place of a row side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.compiler.native.conv_shape import Axis, Source
from wengert.compiler.native.gemm_plan import lanes_for
from wengert.compiler.native.ir import Function, Type, Value


class Layout:
    """Where the element (channel, z, y, x) of a padded source lies: rows of one remainder of x by the step together."""

    def __init__(self, axes: Sequence[Axis], sources: Sequence[Source], wanted: set[int]) -> None:
        self.sources, self.step = sources, axes[2].step
        self.pitch = -(-sources[2].length // self.step)
        self.rows = sources[1].length
        self.phase = sources[0].length * self.rows * self.pitch
        self.phases = sorted(wanted)
        self.plane = self.phase * len(self.phases)
        padded = any(s.length != s.size or s.low for s in sources)
        self.copied = padded or self.step > 1

    def column(self, x: int) -> int:
        """The offset of a place x that is 0 but for what is not a multiple of the step."""
        return self.phases.index(x % self.step) * self.phase + x // self.step

    def row(self, z: Any, y: Any) -> Any:
        """The offset of a row."""
        return z * (self.rows * self.pitch) + y * self.pitch


def phases(parts: Sequence[Sequence[Axis]]) -> set[int]:
    """The remainders of x by the step that are read."""
    return {
        (axes[2].taps.place + i * axes[2].taps.stride) % axes[2].step
        for axes in parts
        for i in range(axes[2].taps.number)
    }


def fill(f: Function, target: Value, count: int, kind: Type) -> None:
    """Zeros, a vector at a time, up to a vector more than asked for."""
    vector = kind.vector(lanes_for(1 << 20, kind))
    f.loop(0, count, vector.width, lambda i: f.store(f.constant(0, vector), target, i))


def copy(f: Function, x: Value, channels: tuple[Any, Any], layout: Layout, kind: Type, target: Value) -> None:
    """A range of the channels of one image between the zeros of `target`."""
    (depth, front, _), (height, top, _), (width, _, _) = layout.sources

    def channel(c: Value) -> None:
        here, there = f.at(x, c * (depth * height * width), kind), f.at(target, c * layout.plane, kind)

        def row(z: Value, y: Value) -> None:
            source = f.at(here, z * (height * width) + y * width, kind)
            _row(f, source, layout, kind, f.at(there, layout.row(z + front, y + top), kind))

        f.loop(0, depth, 1, lambda z: f.loop(0, height, 1, lambda y: row(z, y)))

    f.loop(*channels, 1, channel)


def _row(f: Function, source: Value, layout: Layout, kind: Type, target: Value) -> None:
    """One row, its places sorted by their remainder."""
    width, low, _ = layout.sources[2]
    step = layout.step
    for number, phase in enumerate(layout.phases):
        first = (phase - low) % step
        count = -(-(width - first) // step)
        there = f.at(target, number * layout.phase + (first + low) // step, kind)
        if count <= 0:
            continue
        if step > 2:
            f.loop(
                0, count, 1, lambda i, a=first, to=there: f.store(f.load(source, kind.vector(1), i * step + a), to, i)
            )
            continue
        vector = kind.vector(lanes_for(count, kind))
        for at in range(0, count, vector.width):
            lanes = min(vector.width, count - at)
            if step == 1:
                f.store(f.load(source, vector, at), there, at, lanes)
            else:
                f.store(_every_second(f, source, first + 2 * at, width, vector), there, at, lanes)


def _every_second(f: Function, source: Value, at: int, width: int, vector: Type) -> Value:
    """Every second element from `at` on; nothing far behind the row's `width` elements is read."""
    low = f.load(source, vector, at)
    if vector.width == 1:
        return low
    high = f.load(source, vector, at + vector.width) if at + vector.width < width else low
    lanes = ", ".join(f"i32 {2 * i}" for i in range(vector.width))
    return f.line(vector, f"shufflevector {low!r}, {high!r}, <{vector.width} x i32> <{lanes}>")


__all__ = ["Layout", "copy", "fill", "phases"]
