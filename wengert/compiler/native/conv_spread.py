"""Results that come in pieces, every s-th place of an image at a time, put together in scratch memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

from wengert.compiler.native import conv_source
from wengert.compiler.native.conv_shape import Axis
from wengert.compiler.native.gemm_plan import lanes_for
from wengert.compiler.native.gemm_tile import Epilogue
from wengert.compiler.native.ir import I64, Function, Type, Value
from wengert.compiler.native.registers import registers


class Spread:
    """Images of some rows (channels) of places, at an offset in the scratch memory."""

    def __init__(self, f: Function, kind: Type, space: Sequence[int], offset: int) -> None:
        self.f, self.kind, self.space, self.offset = f, kind, space, offset
        self.places = math.prod(space)

    def size(self, rows: int) -> int:
        """The elements of scratch memory; a vector may be read and written back behind the last one."""
        return -(-rows * self.places // 16) * 16 + 2 * registers().lanes(self.kind)

    def _target(self) -> Value:
        return self.f.at(self.f["scratch"], self.offset, self.kind)

    def clear(self, rows: int) -> None:
        """Zeros everywhere."""
        conv_source.fill(self.f, self._target(), rows * self.places, self.kind)

    def put(self, axes: tuple[Axis, ...], x: Value, place: tuple[Value, Value, Value], lanes: int) -> None:
        """A vector of a piece: its row, its line (of all z and y), and where in the line it begins."""
        f, (_, height, line), (row, number, v) = self.f, self.space, place
        y, at = number, row * self.places + v * axes[2].spread
        if axes[0].number > 1:
            z = f.line(I64, f"udiv {number!r}, {axes[1].number}")
            y = number - z * axes[1].number
            at = at + z * (axes[0].spread * height * line)
        first = (axes[0].start * height + axes[1].start) * line + axes[2].start
        at = at + y * (axes[1].spread * line) + first
        _interleave(f, x, f.at(self._target(), at, self.kind), axes[2].spread, lanes)

    def hand_over(self, rows: int, epilogue: Epilogue, image: Value) -> None:
        """The rows to an epilogue."""
        f, places = self.f, self.places
        width = lanes_for(places, self.kind)
        vector = self.kind.vector(width)
        whole = places // width * width

        def row(r: Value) -> None:
            here = f.at(self._target(), r * places, vector)
            f.loop(0, whole, width, lambda i: epilogue(f, f.load(here, vector, i), r, i, width, image))
            if whole < places:
                at = f.constant(whole, I64)
                epilogue(f, f.load(here, vector, at), r, at, places - whole, image)

        f.loop(0, rows, 1, row)


def _interleave(f: Function, x: Value, target: Value, step: int, lanes: int) -> None:
    """Store lane i at i * step and leave what lies between as it is."""
    width = x.type.width
    if step == 1 or width == 1:
        f.store(x, target, 0, lanes)
        return
    for block in range(step):
        if block * width > (lanes - 1) * step:
            break
        old = f.load(target, x.type, block * width)
        places = [divmod(block * width + i, step) for i in range(width)]
        chosen = [width + q if not r and q < lanes else i for i, (q, r) in enumerate(places)]
        indices = ", ".join(f"i32 {i}" for i in chosen)
        new = f.line(x.type, f"shufflevector {old!r}, {x!r}, <{width} x i32> <{indices}>")
        f.store(new, target, block * width)


__all__ = ["Spread"]
