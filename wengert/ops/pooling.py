"""Pooling of any rank: maxima and means of sliding windows, PyTorch's conventions.

Inputs are (..., channels, *space); the kernel's length tells how many last axes are space. The maximum is the first
one in row-major order of the window (as PyTorch), which gets the whole gradient; NaN counts as largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops.contraction import matmul
from wengert.ops.structure import Dims, Samples, arrayed, moveaxis, reshape, stacked, to_front
from wengert.ops.windows import Pads, numbers, offsets, padded, places, span, unpadded

Windows = tuple[Shape, Shape, Pads, Shape]  # kernel, stride, padding, dilation


# ----- sums of windows -----------------------------------------------------------------------------------
class WindowSum(Primitive):
    """The sum of every window of the last axes."""

    name = "window_sum"
    linear_in = (0,)

    def impl(self, x: Any, *, kernel: Shape, stride: Shape, padding: Pads, dilation: Shape) -> Any:
        rank = len(kernel)
        out = places("pool", x.shape[x.ndim - rank :], kernel, stride, padding, dilation)
        y = np.zeros((*x.shape[: x.ndim - rank], *out), x.dtype)
        wide = padded(x, padding)
        for _, where in offsets(kernel, out, stride, dilation):
            y += wide[where]
        return y

    def aval(self, x: Any, *, kernel: Shape, stride: Shape, padding: Pads, dilation: Shape) -> Aval:
        lead = len(x.shape) - len(kernel)
        return Aval((*x.shape[:lead], *places("pool", x.shape[lead:], kernel, stride, padding, dilation)), x.dtype)

    def vjp(self, g: Any, _y: Any, _x: Any, **attrs: Any) -> tuple[Any, ...]:
        sizes = tuple(_x.shape[len(_x.shape) - len(attrs["kernel"]) :])
        return (bind(WINDOW_SPREAD, (g,), {"sizes": sizes, **attrs}),)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, **attrs: Any) -> tuple[Any, int]:
        return bind(self, (to_front(xs[0], dims[0]),), attrs), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        for x, attrs in _SAMPLES:
            yield [rng.normal(size=x)], dict(attrs)


class WindowSpread(Primitive):
    """Every element added to all elements of its window: the transpose of the sum of windows."""

    name = "window_spread"
    linear_in = (0,)

    def impl(self, g: Any, *, sizes: Shape, kernel: Shape, stride: Shape, padding: Pads, dilation: Shape) -> Any:
        lead, out = g.shape[: g.ndim - len(kernel)], g.shape[g.ndim - len(kernel) :]
        x = np.zeros((*lead, *(n + a + b for n, (a, b) in zip(sizes, padding, strict=True))), g.dtype)
        for _, where in offsets(kernel, out, stride, dilation):
            x[where] += g
        return unpadded(x, padding)

    def aval(self, g: Any, *, sizes: Shape, kernel: Shape, stride: Shape, padding: Pads, dilation: Shape) -> Aval:
        return Aval((*g.shape[: len(g.shape) - len(kernel)], *sizes), g.dtype)

    def vjp(self, u: Any, _y: Any, _g: Any, *, sizes: Shape, **attrs: Any) -> tuple[Any, ...]:
        return (bind(WINDOW_SUM, (u,), attrs),)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, **attrs: Any) -> tuple[Any, int]:
        return bind(self, (to_front(xs[0], dims[0]),), attrs), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        for x, attrs in _SAMPLES:
            shape = WINDOW_SUM.aval(Aval(x, np.dtype(float)), **attrs).shape
            yield [rng.normal(size=shape)], {"sizes": x[len(x) - len(attrs["kernel"]) :], **attrs}


# ----- maxima ----------------------------------------------------------------------------------------------
class WindowArgmax(Primitive):
    """Where in the (flattened) last axes the first maximum of every window is."""

    name = "window_argmax"
    differentiable = False
    complex_domain = False

    def impl(self, x: Any, *, kernel: Shape, stride: Shape, padding: Pads, dilation: Shape) -> Any:
        sizes = x.shape[x.ndim - len(kernel) :]
        out = places("max_pool", sizes, kernel, stride, padding, dilation)
        wide = padded(x, padding)
        # The flat place of every padded element; -1 in the padding, which is never a maximum.
        place = padded(np.arange(shapes.size_of(sizes)).reshape(sizes) + 1, padding) - 1
        best = np.zeros((*x.shape[: x.ndim - len(kernel)], *out), x.dtype)
        index = np.full(best.shape, -1, np.int64)
        for _, where in offsets(kernel, out, stride, dilation):
            value, here = wide[where], place[where]
            larger = (index < 0) | (value > best)
            if x.dtype.kind == "f":
                larger |= np.isnan(value) & ~np.isnan(best)
            larger &= here >= 0
            np.copyto(best, value, where=larger)
            np.copyto(index, here, where=larger)
        return index

    def aval(self, x: Any, **attrs: Any) -> Aval:
        return Aval(WINDOW_SUM.aval(x, **attrs).shape, np.dtype(np.int64))

    def vjp(self, _g: Any, _y: Any, _x: Any, **_attrs: Any) -> tuple[Any, ...]:
        return (None,)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, **attrs: Any) -> tuple[Any, int]:
        return bind(self, (to_front(xs[0], dims[0]),), attrs), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        for x, attrs in _SAMPLES:
            yield [rng.normal(size=x)], dict(attrs)


class PoolTake(Primitive):
    """Elements of the last `rank` axes of x, flattened, by an index for each: (..., *space) -> (..., *places)."""

    name = "pool_take"
    linear_in = (0,)

    def impl(self, x: Any, index: Any, *, rank: int) -> Any:
        lead = x.shape[: x.ndim - rank]
        flat = x.reshape(*lead, shapes.size_of(x.shape[x.ndim - rank :]))
        rows = index.reshape(*lead, shapes.size_of(index.shape[index.ndim - rank :]))
        return np.take_along_axis(flat, rows, -1).reshape(index.shape)

    def aval(self, x: Any, index: Any, *, rank: int) -> Aval:
        return Aval(tuple(index.shape), x.dtype)

    def vjp(self, g: Any, _y: Any, _x: Any, index: Any, *, rank: int) -> tuple[Any, ...]:
        sizes = tuple(_x.shape[len(_x.shape) - rank :])
        return bind(POOL_PUT, (g, index), {"sizes": sizes}), None

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, rank: int) -> tuple[Any, int]:
        return bind(self, [stacked(size, x, d) for x, d in zip(xs, dims, strict=True)], {"rank": rank}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 3, 4)), rng.integers(0, 12, (2, 2, 2))], {"rank": 2}
        yield [rng.normal(size=(3, 4)), rng.integers(0, 4, (3, 5))], {"rank": 1}


class PoolPut(Primitive):
    """Elements added to zeros at their index: the transpose of `pool_take`."""

    name = "pool_put"
    linear_in = (0,)

    def impl(self, g: Any, index: Any, *, sizes: Shape) -> Any:
        rank, cells = len(sizes), shapes.size_of(sizes)
        lead = g.shape[: g.ndim - rank]
        rows = shapes.size_of(lead)
        flat = index.reshape(rows, -1) + np.arange(rows)[:, None] * cells if rows else index
        if g.dtype.kind == "f":
            x = np.bincount(flat.ravel(), g.ravel(), rows * cells).astype(g.dtype, copy=False)
        else:
            x = np.zeros(rows * cells, g.dtype)
            np.add.at(x, flat.ravel(), g.ravel())
        return x.reshape(*lead, *sizes)

    def aval(self, g: Any, index: Any, *, sizes: Shape) -> Aval:
        return Aval((*g.shape[: len(g.shape) - len(sizes)], *sizes), g.dtype)

    def vjp(self, u: Any, _y: Any, _g: Any, index: Any, *, sizes: Shape) -> tuple[Any, ...]:
        return bind(POOL_TAKE, (u, index), {"rank": len(sizes)}), None

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, sizes: Shape) -> tuple[Any, int]:
        return bind(self, [stacked(size, x, d) for x, d in zip(xs, dims, strict=True)], {"sizes": sizes}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 2, 2)), rng.integers(0, 12, (2, 2, 2))], {"sizes": (3, 4)}
        yield [rng.normal(size=(3, 5)), rng.integers(0, 4, (3, 5))], {"sizes": (4,)}


_SAMPLES: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 3, 6), {"kernel": (2,), "stride": (2,), "padding": ((0, 0),), "dilation": (1,)}),
    ((2, 5, 6), {"kernel": (3, 2), "stride": (2, 1), "padding": ((1, 1), (0, 1)), "dilation": (1, 2)}),
    ((4, 3), {"kernel": (1, 1), "stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}),
]

WINDOW_SUM, WINDOW_SPREAD, WINDOW_ARGMAX = WindowSum(), WindowSpread(), WindowArgmax()
POOL_TAKE, POOL_PUT = PoolTake(), PoolPut()


# ----- what users call -----------------------------------------------------------------------------------
def _windows(
    what: str, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, rank: int | None
) -> tuple[Any, Windows]:
    """The operand and the checked geometry; `ceil_mode` becomes more padding at the end."""
    x = arrayed(x)
    if rank is None:
        rank = len(kernel) if isinstance(kernel, tuple | list) else max(len(x.shape) - 2, 1)
    if len(x.shape) < rank:
        raise ShapeError(f"{what}: got {show(x)}; needs at least {rank} axes")
    size = numbers(what, "kernel_size", kernel, rank, 1)
    step = size if stride is None else numbers(what, "stride", stride, rank, 1)
    pad, spread = numbers(what, "padding", padding, rank, 0), numbers(what, "dilation", dilation, rank, 1)
    if any(2 * p > k for p, k in zip(pad, size, strict=True)):
        raise ArgumentError(f"{what}: padding={padding!r} is more than half of the kernel {size}")
    sizes = x.shape[len(x.shape) - rank :]
    pads = [(p, p) for p in pad]
    if ceil_mode:
        for i, (n, reach, s, p) in enumerate(zip(sizes, span(size, spread), step, pad, strict=True)):
            count = -(-(n + 2 * p - reach) // s) + 1
            if (count - 1) * s >= n + p:  # a window has to begin in the array or in the padding before it
                count -= 1
            pads[i] = (p, max(p, (count - 1) * s + reach - n - p))
    places(what, sizes, size, step, tuple(pads), spread)
    return x, (size, step, tuple(pads), spread)


def _attrs(geometry: Windows) -> dict[str, Any]:
    return dict(zip(("kernel", "stride", "padding", "dilation"), geometry, strict=True))


def _max_pool(what: str, rank: int | None, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
              ceil_mode: bool, return_indices: bool) -> Any:  # fmt: skip
    x, geometry = _windows(what, x, kernel_size, stride, padding, dilation, ceil_mode, rank)
    if x.dtype.kind == "c":
        raise ArgumentError(f"{what}: got {show(x)}; complex numbers have no order")
    index = bind(WINDOW_ARGMAX, (x,), _attrs(geometry))
    y = bind(POOL_TAKE, (x, index), {"rank": len(geometry[0])})
    return (y, index) if return_indices else y


def max_pool(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
             ceil_mode: bool = False, return_indices: bool = False) -> Any:  # fmt: skip
    """The maximum of every window of the last axes (as many as the kernel has; for one number all but two).

    Shapes (..., *space) -> (..., *places), ``places = (space + 2 padding - dilation (kernel - 1) - 1) // stride + 1``
    (rounded up with `ceil_mode`); the stride is the kernel by default. Of equal maxima the first in the window counts
    and gets the gradient. With `return_indices` also their places in the flattened space.

    >>> import wengert as wg, numpy as np
    >>> wg.max_pool(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    array([[[3., 2.]]])
    """
    return _max_pool("max_pool", None, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool1d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:  # fmt: skip
    """`max_pool` over the last axis.

    >>> import wengert as wg, numpy as np
    >>> wg.max_pool1d(np.zeros((2, 3, 6)), 2).shape
    (2, 3, 3)
    """
    return _max_pool("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:  # fmt: skip
    """`max_pool` over the last two axes.

    >>> import wengert as wg, numpy as np
    >>> wg.max_pool2d(np.zeros((2, 3, 6, 6)), 3, stride=1).shape
    (2, 3, 4, 4)
    """
    return _max_pool("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:  # fmt: skip
    """`max_pool` over the last three axes.

    >>> import wengert as wg, numpy as np
    >>> wg.max_pool3d(np.zeros((2, 3, 4, 4, 4)), 2).shape
    (2, 3, 2, 2, 2)
    """
    return _max_pool("max_pool3d", 3, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _avg_pool(what: str, rank: int | None, x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
              count_include_pad: bool, divisor: int | None) -> Any:  # fmt: skip
    x, geometry = _windows(what, x, kernel_size, stride, padding, 1, ceil_mode, rank)
    kernel, step, pads, dilation = geometry
    total = bind(WINDOW_SUM, (x,), _attrs(geometry))
    if divisor is not None:
        return total / divisor
    sizes = x.shape[len(x.shape) - len(kernel) :]
    counted = np.ones(sizes, x.dtype)
    rest = pads
    if count_include_pad:  # the padding counts, what ceil_mode added beyond it does not
        counted = padded(counted, tuple((a, a) for a, _ in pads), 1)
        rest = tuple((0, b - a) for a, b in pads)
    return total / WINDOW_SUM.impl(counted, kernel=kernel, stride=step, padding=rest, dilation=dilation)


def avg_pool(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
             count_include_pad: bool = True, divisor_override: int | None = None) -> Any:  # fmt: skip
    """The mean of every window of the last axes (as many as the kernel has; for one number all but two).

    Shapes as `max_pool`. Padding counts as zeros in the mean unless `count_include_pad` is False.

    >>> import wengert as wg, numpy as np
    >>> wg.avg_pool(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    array([[[2., 1.]]])
    """
    return _avg_pool("avg_pool", None, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool1d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True) -> Any:  # fmt: skip
    """`avg_pool` over the last axis.

    >>> import wengert as wg, numpy as np
    >>> wg.avg_pool1d(np.zeros((2, 3, 6)), 2).shape
    (2, 3, 3)
    """
    return _avg_pool("avg_pool1d", 1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Any:  # fmt: skip
    """`avg_pool` over the last two axes.

    >>> import wengert as wg, numpy as np
    >>> wg.avg_pool2d(np.zeros((2, 3, 6, 6)), 3).shape
    (2, 3, 2, 2)
    """
    return _avg_pool("avg_pool2d", 2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Any:  # fmt: skip
    """`avg_pool` over the last three axes.

    >>> import wengert as wg, numpy as np
    >>> wg.avg_pool3d(np.zeros((2, 3, 4, 4, 4)), 2).shape
    (2, 3, 2, 2, 2)
    """
    return _avg_pool("avg_pool3d", 3, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _sections(n: int, parts: int) -> list[tuple[int, int]]:
    """PyTorch's adaptive windows: from floor(i n / parts) to ceil((i + 1) n / parts)."""
    return [(i * n // parts, -(-(i + 1) * n // parts)) for i in range(parts)]


def _wanted(what: str, x: Any, output_size: Any, rank: int | None) -> tuple[Any, Shape]:
    x = arrayed(x)
    if rank is None:
        rank = len(output_size) if isinstance(output_size, tuple | list) else max(len(x.shape) - 2, 1)
    if len(x.shape) < rank:
        raise ShapeError(f"{what}: got {show(x)}; needs at least {rank} axes")
    given = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * rank
    sizes = x.shape[len(x.shape) - rank :]
    if len(given) != rank:
        raise ArgumentError(f"{what}: output_size={output_size!r} has {len(given)} entries; needs 1 or {rank}")
    filled = tuple(n if g is None else g for g, n in zip(given, sizes, strict=True))
    wanted = numbers(what, "output_size", filled, rank, 1)
    if any(n == 0 for n in sizes):
        raise ShapeError(f"{what}: got {show(x)}; needs at least one element on every spatial axis")
    return x, wanted


def _adaptive_avg(what: str, rank: int | None, x: Any, output_size: Any) -> Any:
    x, wanted = _wanted(what, x, output_size, rank)
    first = len(x.shape) - len(wanted)
    for axis, parts in enumerate(wanted, start=first):
        n = x.shape[axis]
        if parts == n:
            continue
        weights = np.zeros((n, parts), x.dtype if x.dtype.kind in "fc" else np.float64)
        for i, (start, stop) in enumerate(_sections(n, parts)):
            weights[start:stop, i] = 1 / (stop - start)
        x = moveaxis(matmul(moveaxis(x, axis, -1), weights), -1, axis)
    return x


def adaptive_avg_pool(x: Any, output_size: Any) -> Any:
    """Means over windows chosen so that `output_size` of them cover each of the last axes.

    Window i of k over n elements runs from ``floor(i n / k)`` to ``ceil((i + 1) n / k)``; None keeps an axis.

    >>> import wengert as wg, numpy as np
    >>> wg.adaptive_avg_pool(np.array([[[1.0, 2.0, 3.0]]]), 2)
    array([[[1.5, 2.5]]])
    """
    return _adaptive_avg("adaptive_avg_pool", None, x, output_size)


def adaptive_avg_pool1d(x: Any, output_size: Any) -> Any:
    """`adaptive_avg_pool` over the last axis.

    >>> import wengert as wg, numpy as np
    >>> wg.adaptive_avg_pool1d(np.zeros((2, 3, 7)), 2).shape
    (2, 3, 2)
    """
    return _adaptive_avg("adaptive_avg_pool1d", 1, x, output_size)


def adaptive_avg_pool2d(x: Any, output_size: Any) -> Any:
    """`adaptive_avg_pool` over the last two axes.

    >>> import wengert as wg, numpy as np
    >>> wg.adaptive_avg_pool2d(np.zeros((2, 3, 7, 5)), (1, None)).shape
    (2, 3, 1, 5)
    """
    return _adaptive_avg("adaptive_avg_pool2d", 2, x, output_size)


def adaptive_max_pool(x: Any, output_size: Any) -> Any:
    """Maxima over the windows of `adaptive_avg_pool`; the first maximum gets the gradient.

    >>> import wengert as wg, numpy as np
    >>> wg.adaptive_max_pool(np.array([[[1.0, 3.0, 2.0]]]), 2)
    array([[[3., 3.]]])
    """
    x, wanted = _wanted("adaptive_max_pool", x, output_size, None)
    first = len(x.shape) - len(wanted)
    # The maximum of a box is the maximum along one axis after the other; the last axis first keeps the order of ties.
    for axis in reversed(range(first, len(x.shape))):
        row = moveaxis(x, axis, -1)
        parts = _sections(row.shape[-1], wanted[axis - first])
        reach = max(stop - start for start, stop in parts)
        # Each section as a row of places, its last one repeated up to the longest section.
        table = np.array([[min(start + j, stop - 1) for j in range(reach)] for start, stop in parts]).ravel()
        index = np.broadcast_to(table, (*row.shape[:-1], table.size))
        spreadout = bind(POOL_TAKE, (row, index), {"rank": 1})
        x = moveaxis(_max_pool("adaptive_max_pool", 1, spreadout, reach, None, 0, 1, False, False), -1, axis)
    return x


def global_avg_pool(x: Any) -> Any:
    """The mean over all axes but the first two: (n, c, *space) -> (n, c).

    >>> import wengert as wg, numpy as np
    >>> wg.global_avg_pool(np.ones((2, 3, 4, 4))).shape
    (2, 3)
    """
    x = arrayed(x)
    return reshape(_adaptive_avg("global_avg_pool", len(x.shape) - 2, x, 1), tuple(x.shape[:2]))


__all__ = [
    "adaptive_avg_pool", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool", "avg_pool", "avg_pool1d",
    "avg_pool2d", "avg_pool3d", "global_avg_pool", "max_pool", "max_pool1d", "max_pool2d", "max_pool3d",
]  # fmt: skip
