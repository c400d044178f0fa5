"""A convolution's shapes, told in three axes of space, and its two readings: forward, and the transpose by the input.

Both compute ``y[m, q] = sum over c, t of w[m, c, j(t)] x[c, q * step + e(t)]`` from an input with zeros around it. The
transpose of a convolution of stride s is s such sums an axis, one for each remainder of a place by s: each meets only
some of the kernel's elements, and every s-th place.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from wengert.core.tape import Node


class Taps(NamedTuple):
    """The elements of a kernel's axis that meet: the first one and the step; where each reads, beginning and step."""

    number: int
    first: int
    step: int
    place: int
    stride: int


class Axis(NamedTuple):
    """One axis of a sum: how many results, where they go, how far apart they read, and the taps."""

    number: int
    start: int
    spread: int
    step: int
    taps: Taps


class Source(NamedTuple):
    """An axis of what is read: its length, the zeros before it, and the length with all zeros."""

    size: int
    low: int
    length: int


class Geometry(NamedTuple):
    """Everything about a convolution of x (n, c, *space) and w (o, c / groups, *kernel) to y (n, o, *out)."""

    n: int
    c: int
    o: int
    groups: int
    space: tuple[int, ...]
    kernel: tuple[int, ...]
    out: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @property
    def taps(self) -> int:
        return math.prod(self.kernel)

    @property
    def flops(self) -> float:
        return 2.0 * self.n * self.o * math.prod(self.out) * (self.c // self.groups) * self.taps


def geometry(node: Node) -> Geometry:
    """The geometry of a line of `conv`, `conv_input` or `conv_kernel`."""
    a, b = (tuple(x.shape) for x in node.inputs)
    y, attrs = tuple(node.shape), node.attrs
    x, w, out = {"conv": (a, b, y), "conv_input": (y, b, a), "conv_kernel": (a, y, b)}[node.prim.name]
    missing = 3 - len(attrs["stride"])

    def three(values: Sequence[Any], neutral: Any) -> tuple[Any, ...]:
        return (*[neutral] * missing, *values)

    return Geometry(
        x[0], x[1], w[0], attrs["groups"], three(x[2:], 1), three(w[2:], 1), three(out[2:], 1),
        three(attrs["stride"], 1), three(attrs["dilation"], 1), three(attrs["padding"], (0, 0)),
    )  # fmt: skip


def forward(g: Geometry) -> tuple[list[tuple[Axis, ...]], tuple[Source, ...]]:
    """The one sum of a convolution."""
    axes = tuple(
        Axis(q, 0, 1, s, Taps(k, 0, 1, 0, d)) for q, s, k, d in zip(g.out, g.stride, g.kernel, g.dilation, strict=True)
    )
    source = tuple(Source(n, low, low + n + high) for n, (low, high) in zip(g.space, g.padding, strict=True))
    return [axes], source


def backward(g: Geometry) -> tuple[list[tuple[Axis, ...]], tuple[Source, ...]]:
    """The sums of the transpose by the input; those that meet nothing are left out (their results are 0)."""
    found = [list(_remainders(*x)) for x in zip(g.space, g.kernel, g.stride, g.dilation, g.padding, strict=True)]
    sources, shifted = [], []
    for parts, q in zip(found, g.out, strict=True):
        first = min((_reach(p)[0] for p in parts), default=0)
        last = max((_reach(p)[1] for p in parts), default=0)
        low = max(0, -first)
        sources.append(Source(q, low, low + max(q, last + 1)))
        shifted.append([p._replace(taps=p.taps._replace(place=p.taps.place + low)) for p in parts])
    return [tuple(p) for p in itertools.product(*shifted)], tuple(sources)


def _reach(p: Axis) -> tuple[int, int]:
    """The first and the last place that is read."""
    ends = p.taps.place, p.taps.place + (p.taps.number - 1) * p.taps.stride
    return min(ends), max(ends) + p.number - 1


def _remainders(n: int, k: int, s: int, d: int, padding: tuple[int, int]) -> Iterator[Axis]:
    """One axis of the transpose: y + low = s v + r gets w[j] x[v + (r - j d) / s] where that divides."""
    low = padding[0]
    for r in range(s):
        meeting = [j for j in range(k) if (r - j * d) % s == 0]
        first, last = -((r - low) // s), (low + n - 1 - r) // s
        if not meeting or last < first:
            continue
        step = meeting[1] - meeting[0] if len(meeting) > 1 else 1
        place = first + (r - meeting[0] * d) // s
        taps = Taps(len(meeting), meeting[0], step, place, -step * d // s if len(meeting) > 1 else 0)
        yield Axis(last - first + 1, s * first + r - low, s, 1, taps)


__all__ = ["Axis", "Geometry", "Source", "Taps", "backward", "forward", "geometry"]
