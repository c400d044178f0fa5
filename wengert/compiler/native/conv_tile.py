"""The inner kernel of a convolution: sums over channels and taps for some rows of weights and vectors of places."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from wengert.compiler.native.conv_shape import Axis, Source
from wengert.compiler.native.conv_source import Layout
from wengert.compiler.native.gemm_tile import accumulated, multiply_add
from wengert.compiler.native.ir import Function, Type, Value

_SPELLED = 12  # taps that are written out one by one
_LONGEST = 32  # of a row


class Loop(NamedTuple):
    """A loop over channels or taps: how often, and how far weights and places move; whether it is over lines."""

    number: int
    weight: int
    place: int
    lines: bool = False


class Reading(NamedTuple):
    """How a tile sums: loops, and within them the taps that are written out, as offsets of weight and place."""

    loops: tuple[Loop, ...]
    taps: tuple[tuple[int, int], ...]


def readable(axes: Sequence[Axis]) -> bool:
    """Whether the taps of a row can be told to a tile."""
    return axes[2].step == 1 or axes[2].taps.number <= _LONGEST


def direct(axes: Sequence[Axis], layout: Layout, kernel: Sequence[int], channels: tuple[int, int]) -> Reading:
    """Places are read where they lie; `channels` is how many there are, and their stride among the weights."""
    weights = kernel[1] * kernel[2], kernel[2], 1
    places = layout.rows * layout.pitch, layout.pitch, 1
    outer, inner = [Loop(channels[0], channels[1], layout.plane)], []
    many = axes[0].taps.number * axes[1].taps.number * axes[2].taps.number > _SPELLED
    start_w = start_p = 0
    for number, axis in enumerate(axes):
        t = axis.taps
        spelled = t.number <= _LONGEST if number == 2 else not many
        if spelled:
            inner.append([(number, i) for i in range(t.number)])
        else:
            outer.append(Loop(t.number, t.step * weights[number], t.stride * places[number], number == 1))
            start_w, start_p = start_w + t.first * weights[number], start_p + t.place * places[number]
    taps = []
    for chosen in itertools.product(*inner):
        w, p = start_w, start_p
        for number, i in chosen:
            t = axes[number].taps
            place = t.place + i * t.stride
            w += (t.first + i * t.step) * weights[number]
            p += layout.column(place) if number == 2 else place * places[number]
        taps.append((w, p))
    return Reading(tuple(outer), tuple(taps))


def packed(axes: Sequence[Axis], kernel: Sequence[int], channels: tuple[int, int], panel: int) -> Reading:
    """Places are read from a panel: one row of `panel` places for each channel and tap."""
    a, b, c = (x.taps for x in axes)
    weights = kernel[1] * kernel[2], kernel[2], 1
    start = sum(t.first * w for t, w in zip((a, b, c), weights, strict=True))
    outer = [Loop(channels[0], channels[1], a.number * b.number * c.number * panel)]
    if a.number * b.number * c.number <= _SPELLED:
        every = itertools.product(range(a.number), range(b.number), range(c.number))
        steps = [t.step * w for t, w in zip((a, b, c), weights, strict=True)]
        offsets = [start + sum(i * s for i, s in zip(at, steps, strict=True)) for at in every]
        return Reading(tuple(outer), tuple((w, t * panel) for t, w in enumerate(offsets)))
    outer.append(Loop(a.number, a.step * weights[0], b.number * c.number * panel))
    outer.append(Loop(b.number, b.step * weights[1], c.number * panel))
    if c.number > _LONGEST:
        outer.append(Loop(c.number, c.step, panel))
        return Reading(tuple(outer), ((start, 0),))
    return Reading(tuple(outer), tuple((start + i * c.step, i * panel) for i in range(c.number)))


def met(axis: Axis, source: Source, high: int, y: int) -> range:
    """The taps along y that meet more than padding for the lines y … y + high - 1."""
    t = axis.taps
    near, far = y * axis.step + t.place - source.low, (y + high - 1) * axis.step + t.place - source.low
    if t.stride > 0:
        return range(max(0, -far), min(t.number, source.size - near))
    return range(max(0, near - source.size + 1), min(t.number, far + 1))


def meeting(f: Function, axis: Axis, source: Source, high: int, y: Value) -> tuple[Value, Value]:
    """The same for lines that are not known yet."""
    t = axis.taps
    near = y * axis.step + (t.place - source.low)
    far = near + (high - 1) * axis.step
    if t.stride > 0:
        return f.maximum(-far, 0), f.minimum(source.size - near, t.number)
    return f.maximum(near - (source.size - 1), 0), f.minimum(far + 1, t.number)


def correlate(f: Function, weights: Value, row: int, places: Value, offsets: Sequence[int], height: int,
              reading: Reading, vector: Type, lines: tuple[Value, Value] | None = None) -> list[Value]:  # fmt: skip
    """The sums of a tile: `height` rows of weights, `row` elements apart, and vectors of places at `offsets`.

    `lines` are the taps along y that meet more than padding, where the reading has a loop over them.
    """
    one = vector.vector(1)

    def taps(w: Value, p: Value, totals: list[Value]) -> list[Value]:
        for at, place in reading.taps:
            columns = [f.load(p, vector, offset + place) for offset in offsets]
            out: list[Value] = []
            for r in range(height):
                weight = f.splat(f.load(w, one, r * row + at), vector.width)
                mine = totals[r * len(offsets) : (r + 1) * len(offsets)]
                out += [multiply_add(f, weight, x, total) for x, total in zip(columns, mine, strict=True)]
            totals = out
        return totals

    def level(depth: int, w: Value, p: Value, totals: list[Value]) -> list[Value]:
        if depth == len(reading.loops):
            return taps(w, p, totals)
        count, weight, place, along = reading.loops[depth]
        times = max(1, 4 // len(reading.taps)) if depth == len(reading.loops) - 1 else 1

        def step(i: Value, now: list[Value]) -> list[Value]:
            return level(depth + 1, f.at(w, i * weight, one), f.at(p, i * place, one), now)

        if along and lines is not None:
            return f.loop(*lines, 1, lambda i, *now: step(i, list(now)), totals)
        return accumulated(f, count, times, step, totals)

    zero = [f.constant(0, vector)] * (height * len(offsets))
    return level(0, weights, places, zero)


__all__ = ["Loop", "Reading", "correlate", "direct", "meeting", "met", "packed", "readable"]
