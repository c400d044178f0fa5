"""Sliding windows in plain NumPy: sizes, padding, and views of the windows; shared by convolution and pooling.

Spatial axes are the last ones. A window at place o covers the elements ``o * stride + j * dilation - padding``.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError
from wengert.base.shapes import Shape

Pads = tuple[tuple[int, int], ...]


def numbers(what: str, name: str, value: Any, rank: int, least: int) -> Shape:
    """One integer for every spatial axis, from one for all or from several."""
    try:
        values = (operator.index(value),) * rank if not isinstance(value, tuple | list) else tuple(
            map(operator.index, value)
        )  # fmt: skip
    except TypeError:
        raise ArgumentError(f"{what}: {name}={value!r} is not made of integers") from None
    if len(values) == 1:
        values = values * rank
    if len(values) != rank:
        raise ArgumentError(f"{what}: {name}={value!r} has {len(values)} entries; needs 1 or {rank}, one an axis")
    if any(v < least for v in values):
        raise ArgumentError(f"{what}: {name}={value!r}; needs at least {least}")
    return values


def paddings(what: str, value: Any, kernel: Shape, stride: Shape, dilation: Shape) -> Pads:
    """Zeros before and after every spatial axis: from numbers, pairs, ``"valid"`` or ``"same"``."""
    rank = len(kernel)
    if value == "valid":
        return ((0, 0),) * rank
    if value == "same":
        if any(s != 1 for s in stride):
            raise ArgumentError(f"{what}: padding='same' needs stride 1, got {stride}")
        extra = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((e // 2, e - e // 2) for e in extra)
    if isinstance(value, str):
        raise ArgumentError(f"{what}: padding={value!r}; needs numbers, 'valid' or 'same'")
    if isinstance(value, tuple | list) and value and all(isinstance(p, tuple | list) for p in value):
        pairs = tuple((operator.index(a), operator.index(b)) for a, b in value)
        if len(pairs) != rank or any(min(p) < 0 for p in pairs):
            raise ArgumentError(f"{what}: padding={value!r}; needs {rank} pairs of numbers of at least 0")
        return pairs
    return tuple((p, p) for p in numbers(what, "padding", value, rank, 0))


def span(kernel: Shape, dilation: Shape) -> Shape:
    """How far a window reaches along every axis."""
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))


def places(what: str, sizes: Sequence[int], kernel: Shape, stride: Shape, padding: Pads, dilation: Shape) -> Shape:
    """How many windows fit along every axis; `ShapeError` where none does."""
    out = []
    for n, reach, s, (low, high) in zip(sizes, span(kernel, dilation), stride, padding, strict=True):
        room = n + low + high - reach
        if room < 0:
            raise ShapeError(
                f"{what}: a window of {reach} does not fit into {n} elements with {low} + {high} of padding",
                hint="use a smaller kernel or more padding",
            )
        out.append(room // s + 1)
    return tuple(out)


def padded(x: Any, padding: Pads, fill: Any = 0) -> Any:
    """`x` with its last axes extended."""
    if not any(map(any, padding)):
        return x
    lead = x.ndim - len(padding)
    shape = x.shape[:lead] + tuple(n + a + b for n, (a, b) in zip(x.shape[lead:], padding, strict=True))
    out = np.full(shape, fill, x.dtype) if fill else np.zeros(shape, x.dtype)
    unpadded(out, padding)[...] = x
    return out


def unpadded(x: Any, padding: Pads) -> Any:
    """The middle of `x` without its padding."""
    return x[(..., *(slice(a, n - b) for n, (a, b) in zip(x.shape[x.ndim - len(padding) :], padding, strict=True)))]


def offsets(kernel: Shape, out: Shape, stride: Shape, dilation: Shape) -> Iterator[tuple[Shape, tuple[Any, ...]]]:
    """For every element of a window: its place in the kernel, and the slices of the padded array it meets."""
    for place in itertools.product(*map(range, kernel)):
        met = (
            slice(j * d, j * d + (n - 1) * s + 1 if n else 0, s)
            for j, d, n, s in zip(place, dilation, out, stride, strict=True)
        )
        yield place, (..., *met)


def windows(x: Any, kernel: Shape, out: Shape, stride: Shape, dilation: Shape) -> Any:
    """A view (..., *kernel, *out) of the windows of the padded array `x`."""
    lead = x.ndim - len(kernel)
    steps = x.strides[lead:]
    return np.lib.stride_tricks.as_strided(
        x,
        x.shape[:lead] + kernel + out,
        x.strides[:lead]
        + tuple(t * d for t, d in zip(steps, dilation, strict=True))
        + tuple(t * s for t, s in zip(steps, stride, strict=True)),
        writeable=False,
    )


__all__: list[str] = []
