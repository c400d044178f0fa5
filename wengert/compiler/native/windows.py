"""Windows: how a value is found in the memory of another one, without moving anything.

Reshapes, transposes, repetitions, slices and their transposes are windows. A `Window` says where the element with
index (i, j, …) lies: at ``offset + i * strides[0] + j * strides[1] + …`` elements from the start of its base. Outside
of its `pads` it is 0, and nothing is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from wengert.core.tape import Node
from wengert.ops.indexing import Span

Shape = tuple[int, ...]


class Pad(NamedTuple):
    """Along `axis`, only the indices from `low` on, and below `high`, lie in the base."""

    axis: int
    low: int
    high: int


class Window(NamedTuple):
    """Where the elements of an array of this shape are, counted in elements of the base."""

    shape: Shape
    strides: Shape
    offset: int = 0
    pads: tuple[Pad, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it is an array of its own, row by row, from the start of its base."""
        return (
            not self.offset
            and not self.pads
            and all(n == 1 or s == c for n, s, c in zip(self.shape, self.strides, contiguous(self.shape), strict=True))
        )


def contiguous(shape: Sequence[int]) -> Shape:
    """The strides of an array that lies row by row."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def of(shape: Sequence[int]) -> Window:
    """The window that is the whole array."""
    return _whole(tuple(shape))


@lru_cache(1 << 12)
def _whole(shape: Shape) -> Window:
    return Window(shape, contiguous(shape))


def through(node: Node, window: Window) -> Window | None:
    """The window that a line makes of its operand's; None where the values have to be moved."""
    rule = _RULES.get(node.prim.name)
    return None if rule is None else rule(window, **node.attrs)


def is_window(node: Node) -> bool:
    """Whether a line only looks at its operand's values in another way."""
    if node.prim.name == "place":
        return all(not isinstance(i, Span) or i.step in (None, 1) for i in node.attrs["index"])
    return node.prim.name in _RULES


def _transpose(w: Window, axes: Shape) -> Window:
    pads = tuple(Pad(axes.index(p.axis), p.low, p.high) for p in w.pads)
    return Window(tuple(w.shape[a] for a in axes), tuple(w.strides[a] for a in axes), w.offset, pads)


def _broadcast_to(w: Window, shape: Shape) -> Window:
    front = len(shape) - len(w.shape)
    along = zip(w.shape, shape[front:], w.strides, strict=True)
    strides = (0,) * front + tuple(s if n == m else 0 for n, m, s in along)
    pads = tuple(Pad(p.axis + front, p.low, p.high) for p in w.pads)
    if any(w.shape[p.axis] != shape[p.axis + front] for p in w.pads):
        return None  # type: ignore[return-value]
    return Window(tuple(shape), strides, w.offset, pads)


def _reshape(w: Window, shape: Shape) -> Window | None:
    """Row-major order kept: groups of axes with as many elements on both sides must lie evenly spaced."""
    if 0 in shape:
        return Window(tuple(shape), contiguous(shape), w.offset)
    if [n for n in w.shape if n != 1] == [n for n in shape if n != 1]:  # axes of length 1 come and go
        kept = [a for a, n in enumerate(w.shape) if n != 1]
        if any(p.axis not in kept for p in w.pads):
            return None
        places = [a for a, n in enumerate(shape) if n != 1]
        moved = dict(zip(kept, places, strict=True))
        strides = [0] * len(shape)
        for old, new in moved.items():
            strides[new] = w.strides[old]
        return Window(tuple(shape), tuple(strides), w.offset, tuple(Pad(moved[p.axis], *p[1:]) for p in w.pads))
    if w.pads:
        return None
    found = _regrouped(w, shape)
    return None if found is None else Window(tuple(shape), tuple(found), w.offset)


def _regrouped(w: Window, shape: Shape) -> list[int] | None:
    old = [(n, s) for n, s in zip(w.shape, w.strides, strict=True) if n != 1]
    strides = [0] * len(shape)
    at = 0
    new = 0
    while new < len(shape):
        if shape[new] == 1:
            new += 1
            continue
        first, sizes, wanted = at, old[at][0], shape[new]
        last = new
        at += 1
        while sizes != wanted:
            if sizes < wanted:
                sizes *= old[at][0]
                at += 1
            else:
                last += 1
                wanted *= shape[last]
        if any(old[k][1] != old[k + 1][0] * old[k + 1][1] for k in range(first, at - 1)):
            return None
        step = old[at - 1][1]
        for place in range(last, new - 1, -1):
            strides[place] = step
            step *= shape[place]
        new = last + 1
    return strides


def _getitem(w: Window, index: tuple[Any, ...]) -> Window | None:
    if w.pads:
        return None
    shape, strides, offset, axis = [], [], w.offset, 0
    for i in _spelled(index, len(w.shape)):
        if i is None:
            shape.append(1)
            strides.append(0)
            continue
        n, s = w.shape[axis], w.strides[axis]
        if isinstance(i, Span):
            start, stop, step = slice(*i).indices(n)
            count = len(range(start, stop, step))
            shape.append(count)
            strides.append(s * step)
            offset += start * s if count else 0
        else:
            offset += (i + n if i < 0 else i) * s
        axis += 1
    return Window(tuple(shape), tuple(strides), offset)


def _place(w: Window, index: tuple[Any, ...], shape: Shape) -> Window | None:
    """The transpose of a slice: zeros around."""
    if w.pads:
        return None
    strides, pads, offset, axis, source = [], [], w.offset, 0, 0
    for i in _spelled(index, len(shape)):
        if i is None:
            source += 1
            continue
        n = shape[axis]
        if isinstance(i, Span):
            start, stop, step = slice(*i).indices(n)
            if step != 1:
                return None
            stride = w.strides[source]
            source += 1
            low, high = start, max(start, stop)
        else:
            stride = 0
            low = i + n if i < 0 else i
            high = low + 1
        strides.append(stride)
        offset -= low * stride
        if (low, high) != (0, n):
            pads.append(Pad(axis, low, high))
        axis += 1
    return Window(tuple(shape), tuple(strides), offset, tuple(pads))


def _spelled(index: tuple[Any, ...], rank: int) -> list[Any]:
    """The index with `...` and what is missing at its end written out."""
    taken = sum(i is not None and i is not Ellipsis for i in index)
    full = [Span(None, None, None)] * (rank - taken)
    at = next((k for k, i in enumerate(index) if i is Ellipsis), len(index))
    return [*index[:at], *full, *index[at + 1 :]]


def _same(w: Window) -> Window:
    return w


_RULES: dict[str, Any] = {
    "transpose": _transpose,
    "broadcast_to": _broadcast_to,
    "reshape": _reshape,
    "getitem": _getitem,
    "place": _place,
    "stop_gradient": _same,
    "positive": _same,
}

__all__ = ["Pad", "Window", "contiguous", "is_window", "of", "through"]
