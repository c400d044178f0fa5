"""Convolution of any rank, PyTorch's: layout (batch, channels, *space), kernels are not flipped (correlation).

    y[n, o, p] = sum over c, j of w[o, c, j] x[n, c, p * stride + j * dilation - padding]

Three primitives, each linear in both operands and each other's transposes: the convolution, its transpose by the
input (which is `conv_transpose`), and by the kernel. Hence derivatives of all orders. NumPy computes them by gathering
the windows into columns and one matrix product a group, some examples at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from wengert.base import dtypes, shapes
from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops.structure import Dims, Samples, arrayed, moveaxis, reshape, stacked, to_front
from wengert.ops.windows import Pads, numbers, offsets, padded, paddings, places, unpadded, windows

_COLUMNS = 1 << 18  # elements of the columns in work at a time: they stay in the cache


def _chunks(examples: int, each: int) -> Iterator[slice]:
    step = max(1, _COLUMNS // max(1, each))
    return (slice(start, start + step) for start in range(0, examples, step))


def _columns(x: Any, kernel: Shape, out: Shape, stride: Shape, dilation: Shape, groups: int) -> Any:
    """The windows of padded examples as matrices (groups, channels * kernel, examples * places)."""
    n, channels, rank = x.shape[0], x.shape[1], len(kernel)
    view = windows(x, kernel, out, stride, dilation)
    order = (1, *range(2, 2 + rank), 0, *range(2 + rank, 2 + 2 * rank))
    rows = channels // groups * shapes.size_of(kernel)
    return view.transpose(order).reshape(groups, rows, n * shapes.size_of(out))


def _grouped(x: Any, groups: int) -> Any:
    """(examples, channels, *space) as matrices (groups, channels of the group, examples * space)."""
    n, channels = x.shape[:2]
    return x.reshape(n, channels, -1).transpose(1, 0, 2).reshape(groups, channels // groups, -1)


def _ungrouped(y: Any, n: int, out: Shape) -> Any:
    """The inverse of `_grouped`."""
    return y.reshape(y.shape[0] * y.shape[1], n, *out).swapaxes(0, 1)


class Conv(Primitive):
    """Convolution of (n, c, *space) with kernels (o, c / groups, *kernel)."""

    name = "conv"
    linear_in = (0, 1)

    def impl(self, x: Any, w: Any, *, stride: Shape, padding: Pads, dilation: Shape, groups: int) -> Any:
        kernel = w.shape[2:]
        out = places("conv", x.shape[2:], kernel, stride, padding, dilation)
        n, o = x.shape[0], w.shape[0]
        y = np.empty((n, o, *out), np.result_type(x, w))
        matrix = w.reshape(groups, o // groups, shapes.size_of(w.shape[1:]))
        each = x.shape[1] * shapes.size_of(kernel) * shapes.size_of(out)
        for part in _chunks(n, each):
            some = padded(x[part], padding)
            columns = _columns(some, kernel, out, stride, dilation, groups)
            y[part] = _ungrouped(np.matmul(matrix, columns), some.shape[0], out)
        return y

    def aval(self, x: Any, w: Any, *, stride: Shape, padding: Pads, dilation: Shape, groups: int) -> Aval:
        out = places("conv", x.shape[2:], w.shape[2:], stride, padding, dilation)
        return Aval((x.shape[0], w.shape[0], *out), dtypes.result_type(x.dtype, w.dtype))

    def vjp(self, g: Any, _y: Any, x: Any, w: Any, **attrs: Any) -> tuple[Any, ...]:
        return (
            lambda: bind(CONV_INPUT, (g, w), {"sizes": tuple(x.shape[2:]), **attrs}),
            lambda: bind(CONV_KERNEL, (x, g), {"kernel": tuple(w.shape[2:]), **attrs}),
        )

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, **attrs: Any) -> tuple[Any, int]:
        if not size:
            return _no_examples(self, xs, dims, attrs)
        x, w = xs
        if dims[1] is None:
            return _split_examples(bind(self, (_merged_examples(x, dims[0]), w), attrs), size), 0
        x, w = stacked(size, x, dims[0]), to_front(w, dims[1])
        y = bind(self, (_merged_channels(x), _flat_front(w)), {**attrs, "groups": size * attrs["groups"]})
        return _split_channels(y, size), 1

    def samples(self, rng: np.random.Generator) -> Samples:
        for x, w, attrs in _SAMPLES:
            yield [rng.normal(size=x), rng.normal(size=w)], dict(attrs)


class ConvInput(Primitive):
    """The transpose of a convolution in its input: (n, o, *places) and kernels to (n, c, *sizes)."""

    name = "conv_input"
    linear_in = (0, 1)

    def impl(self, g: Any, w: Any, *, sizes: Shape, stride: Shape, padding: Pads, dilation: Shape, groups: int) -> Any:
        n, out, kernel, per_group = g.shape[0], g.shape[2:], w.shape[2:], w.shape[1]
        channels = per_group * groups
        full = tuple(s + a + b for s, (a, b) in zip(sizes, padding, strict=True))
        x = np.zeros((n, channels, *full), np.result_type(g, w))
        matrix = w.reshape(groups, w.shape[0] // groups, shapes.size_of(w.shape[1:])).swapaxes(1, 2)
        each = channels * shapes.size_of(kernel) * shapes.size_of(out)
        for part in _chunks(n, each):
            some = g[part]
            columns = np.matmul(matrix, _grouped(some, groups))
            columns = columns.reshape(channels, *kernel, some.shape[0], *out)
            target = x[part].swapaxes(0, 1)
            for place, where in offsets(kernel, out, stride, dilation):
                target[where] += columns[(slice(None), *place)]
        return unpadded(x, padding)

    def aval(self, g: Any, w: Any, *, sizes: Shape, stride: Shape, padding: Pads, dilation: Shape, groups: int) -> Aval:
        return Aval((g.shape[0], w.shape[1] * groups, *sizes), dtypes.result_type(g.dtype, w.dtype))

    def vjp(self, u: Any, _y: Any, g: Any, w: Any, *, sizes: Shape, **attrs: Any) -> tuple[Any, ...]:
        return (
            lambda: bind(CONV, (u, w), attrs),
            lambda: bind(CONV_KERNEL, (u, g), {"kernel": tuple(w.shape[2:]), **attrs}),
        )

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, **attrs: Any) -> tuple[Any, int]:
        if not size:
            return _no_examples(self, xs, dims, attrs)
        g, w = xs
        if dims[1] is None:
            return _split_examples(bind(self, (_merged_examples(g, dims[0]), w), attrs), size), 0
        g, w = stacked(size, g, dims[0]), to_front(w, dims[1])
        x = bind(self, (_merged_channels(g), _flat_front(w)), {**attrs, "groups": size * attrs["groups"]})
        return _split_channels(x, size), 1

    def samples(self, rng: np.random.Generator) -> Samples:
        for x, w, attrs in _SAMPLES:
            out = CONV.aval(Aval(x, np.dtype(float)), Aval(w, np.dtype(float)), **attrs).shape
            yield [rng.normal(size=out), rng.normal(size=w)], {"sizes": x[2:], **attrs}


class ConvKernel(Primitive):
    """The transpose of a convolution in its kernels: inputs and (n, o, *places) to (o, c / groups, *kernel)."""

    name = "conv_kernel"
    linear_in = (0, 1)

    def impl(self, x: Any, g: Any, *, kernel: Shape, stride: Shape, padding: Pads, dilation: Shape, groups: int) -> Any:
        n, channels, o, out = x.shape[0], x.shape[1], g.shape[1], g.shape[2:]
        rows = channels // groups * shapes.size_of(kernel)
        total = np.zeros((groups, o // groups, rows), np.result_type(x, g))
        each = channels * shapes.size_of(kernel) * shapes.size_of(out)
        for part in _chunks(n, each):
            columns = _columns(padded(x[part], padding), kernel, out, stride, dilation, groups)
            total += np.matmul(_grouped(g[part], groups), columns.swapaxes(1, 2))
        return total.reshape(o, channels // groups, *kernel)

    def aval(
        self, x: Any, g: Any, *, kernel: Shape, stride: Shape, padding: Pads, dilation: Shape, groups: int
    ) -> Aval:
        return Aval((g.shape[1], x.shape[1] // groups, *kernel), dtypes.result_type(x.dtype, g.dtype))

    def vjp(self, u: Any, _y: Any, x: Any, g: Any, *, kernel: Shape, **attrs: Any) -> tuple[Any, ...]:
        return (
            lambda: bind(CONV_INPUT, (g, u), {"sizes": tuple(x.shape[2:]), **attrs}),
            lambda: bind(CONV, (x, u), attrs),
        )

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, **attrs: Any) -> tuple[Any, int]:
        if not size:
            return _no_examples(self, xs, dims, attrs)
        x, g = (_merged_channels(stacked(size, v, d)) for v, d in zip(xs, dims, strict=True))
        w = bind(self, (x, g), {**attrs, "groups": size * attrs["groups"]})
        return reshape(w, (size, w.shape[0] // size, *w.shape[1:])), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        for x, w, attrs in _SAMPLES:
            out = CONV.aval(Aval(x, np.dtype(float)), Aval(w, np.dtype(float)), **attrs).shape
            yield [rng.normal(size=x), rng.normal(size=out)], {"kernel": w[2:], **attrs}


_SAMPLES: list[tuple[Shape, Shape, dict[str, Any]]] = [
    ((2, 3, 5), (4, 3, 3), {"stride": (1,), "padding": ((1, 1),), "dilation": (1,), "groups": 1}),
    ((2, 4, 5, 6), (6, 2, 2, 3), {"stride": (2, 1), "padding": ((0, 1), (1, 1)), "dilation": (1, 2), "groups": 2}),
    ((1, 2, 2, 3, 2), (1, 2, 1, 2, 2), {"stride": (1,) * 3, "padding": ((0, 0),) * 3, "dilation": (1,) * 3,
                                        "groups": 1}),
    ((0, 2, 4), (3, 2, 1), {"stride": (1,), "padding": ((0, 0),), "dilation": (1,), "groups": 1}),
    ((2, 1), (3, 1), {"stride": (), "padding": (), "dilation": (), "groups": 1}),
]  # fmt: skip

CONV, CONV_INPUT, CONV_KERNEL = Conv(), ConvInput(), ConvKernel()


# ----- batching: examples join the batch axis, or the groups where every example has its own kernels ------------
def _merged_examples(x: Any, dim: int | None) -> Any:
    """(size, n, …) -> (size n, …)."""
    x = to_front(x, dim)
    return reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))


def _no_examples(prim: Primitive, xs: Sequence[Any], dims: Dims, attrs: dict[str, Any]) -> tuple[Any, int]:
    """Zero examples: only the shape of a result is asked for."""
    avals = [
        Aval(tuple(x.shape) if d is None else tuple(x.shape[:d] + x.shape[d + 1 :]), x.dtype)
        for x, d in zip(xs, dims, strict=True)
    ]
    y = prim.aval(*avals, **attrs)
    return np.zeros((0, *y.shape), y.dtype), 0


def _split_examples(y: Any, size: int) -> Any:
    return reshape(y, (size, y.shape[0] // size, *y.shape[1:]))


def _merged_channels(x: Any) -> Any:
    """(size, n, c, …) -> (n, size c, …)."""
    x = moveaxis(x, 0, 1)
    return reshape(x, (x.shape[0], x.shape[1] * x.shape[2], *x.shape[3:]))


def _split_channels(y: Any, size: int) -> Any:
    """(n, size c, …) -> (n, size, c, …)."""
    return reshape(y, (y.shape[0], size, y.shape[1] // size, *y.shape[2:]))


def _flat_front(w: Any) -> Any:
    return reshape(w, (w.shape[0] * w.shape[1], *w.shape[2:]))


# ----- what users call -----------------------------------------------------------------------------------
def _operands(what: str, x: Any, w: Any, rank: int | None) -> tuple[Any, Any, bool]:
    """Input and kernels with checked ranks, the input with a batch axis; whether it had one."""
    x, w = arrayed(x), arrayed(w)
    rank = len(w.shape) - 2 if rank is None else rank
    if rank < 0 or len(w.shape) != rank + 2 or len(x.shape) not in (rank + 1, rank + 2):
        axes = max(rank, 0)
        raise ShapeError(
            f"{what}: got input {show(x)} and kernels {show(w)}; needs (batch, channels, …) or (channels, …) and "
            f"(channels, channels, …) with {axes} spatial axes each"
        )
    batched = len(x.shape) == rank + 2
    return (x if batched else reshape(x, (1, *x.shape))), w, batched


def _finish(y: Any, bias: Any, channels: int, batched: bool, what: str) -> Any:
    if bias is not None:
        bias = arrayed(bias)
        if tuple(bias.shape) != (channels,):
            raise ShapeError(f"{what}: got the bias {show(bias)}; needs shape ({channels},), one an output channel")
        y = y + reshape(bias, (1, channels, *(1,) * (len(y.shape) - 2)))
    return y if batched else reshape(y, tuple(y.shape[1:]))


def _conv(what: str, rank: int | None, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
          groups: int) -> Any:  # fmt: skip
    x, w, batched = _operands(what, x, weight, rank)
    axes = len(w.shape) - 2
    if groups < 1 or x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise ShapeError(
            f"{what}: got input {show(x)} with {x.shape[1]} channels, kernels {show(w)} and groups={groups}; needs "
            f"input channels = {w.shape[1]} x groups and output channels ({w.shape[0]}) divisible by groups"
        )
    steps, dilations = numbers(what, "stride", stride, axes, 1), numbers(what, "dilation", dilation, axes, 1)
    pads = paddings(what, padding, tuple(w.shape[2:]), steps, dilations)
    places(what, x.shape[2:], tuple(w.shape[2:]), steps, pads, dilations)
    attrs = {"stride": steps, "padding": pads, "dilation": dilations, "groups": groups}
    return _finish(bind(CONV, (x, w), attrs), bias, w.shape[0], batched, what)


def conv(x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
         groups: int = 1) -> Any:  # fmt: skip
    """Convolution (correlation) of any rank: ``y[n,o,p] = b[o] + sum_cj w[o,c,j] x[n,c, p stride + j dilation - pad]``.

    Shapes (n, c, *space) or (c, *space) with kernels (o, c / groups, *kernel) -> (n, o, *places), with
    ``places = (space + padding - dilation (kernel - 1) - 1) // stride + 1``. `padding` is a number, one an axis, a
    pair an axis, ``"valid"`` or ``"same"``. Raises `ShapeError` where channels or windows do not fit.

    >>> import wengert as wg, numpy as np
    >>> wg.conv(np.arange(4.0).reshape(1, 1, 4), np.ones((1, 1, 2)))
    array([[[1., 3., 5.]]])
    """
    return _conv("conv", None, x, weight, bias, stride, padding, dilation, groups)


def conv1d(x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1) -> Any:  # fmt: skip
    """`conv` with one spatial axis: (n, c, length).

    >>> import wengert as wg, numpy as np
    >>> wg.conv1d(np.ones((1, 2, 5)), np.ones((3, 2, 2))).shape
    (1, 3, 4)
    """
    return _conv("conv1d", 1, x, weight, bias, stride, padding, dilation, groups)


def conv2d(x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1) -> Any:  # fmt: skip
    """`conv` with two spatial axes: (n, c, height, width).

    >>> import wengert as wg, numpy as np
    >>> wg.conv2d(np.ones((1, 2, 5, 5)), np.ones((3, 2, 3, 3)), padding="same").shape
    (1, 3, 5, 5)
    """
    return _conv("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


def conv3d(x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1) -> Any:  # fmt: skip
    """`conv` with three spatial axes: (n, c, depth, height, width).

    >>> import wengert as wg, numpy as np
    >>> wg.conv3d(np.ones((1, 1, 3, 3, 3)), np.ones((2, 1, 2, 2, 2))).shape
    (1, 2, 2, 2, 2)
    """
    return _conv("conv3d", 3, x, weight, bias, stride, padding, dilation, groups)


def _conv_transpose(what: str, rank: int | None, x: Any, weight: Any, bias: Any, stride: Any, padding: Any,
                    output_padding: Any, groups: int, dilation: Any) -> Any:  # fmt: skip
    x, w, batched = _operands(what, x, weight, rank)
    axes, kernel = len(w.shape) - 2, tuple(w.shape[2:])
    if groups < 1 or x.shape[1] != w.shape[0] or w.shape[0] % groups:
        raise ShapeError(
            f"{what}: got input {show(x)} with {x.shape[1]} channels, kernels {show(w)} and groups={groups}; needs "
            f"{w.shape[0]} input channels, divisible by groups"
        )
    steps, dilations = numbers(what, "stride", stride, axes, 1), numbers(what, "dilation", dilation, axes, 1)
    extra, pads = numbers(what, "output_padding", output_padding, axes, 0), numbers(what, "padding", padding, axes, 0)
    if any(e >= s for e, s in zip(extra, steps, strict=True)):
        raise ArgumentError(f"{what}: output_padding={output_padding!r} must be smaller than the stride {steps}")
    sizes = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(x.shape[2:], steps, pads, dilations, kernel, extra, strict=True)
    )
    if any(n < 0 for n in sizes):
        raise ShapeError(f"{what}: the padding {pads} leaves sizes {list(sizes)}; needs at least 0")
    attrs = {"stride": steps, "padding": tuple((p, p) for p in pads), "dilation": dilations, "groups": groups}
    y = bind(CONV_INPUT, (x, w), {"sizes": sizes, **attrs})
    return _finish(y, bias, w.shape[1] * groups, batched, what)


def conv_transpose(x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
                   groups: int = 1, dilation: Any = 1) -> Any:  # fmt: skip
    """The transpose of `conv` in its input, PyTorch's ``conv_transpose``, of any rank.

    Shapes (n, c, *space) with kernels (c, o / groups, *kernel) -> (n, o, *sizes), with
    ``sizes = (space - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1``; `output_padding` is
    smaller than the stride.

    >>> import wengert as wg, numpy as np
    >>> wg.conv_transpose(np.array([[[1.0, 2.0]]]), np.ones((1, 1, 2)), stride=2)
    array([[[1., 1., 2., 2.]]])
    """
    return _conv_transpose("conv_transpose", None, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose1d(x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Any:  # fmt: skip
    """`conv_transpose` with one spatial axis.

    >>> import wengert as wg, numpy as np
    >>> wg.conv_transpose1d(np.ones((1, 2, 3)), np.ones((2, 3, 2))).shape
    (1, 3, 4)
    """
    return _conv_transpose("conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Any:  # fmt: skip
    """`conv_transpose` with two spatial axes.

    >>> import wengert as wg, numpy as np
    >>> wg.conv_transpose2d(np.ones((1, 2, 3, 3)), np.ones((2, 3, 2, 2)), stride=2).shape
    (1, 3, 6, 6)
    """
    return _conv_transpose("conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Any:  # fmt: skip
    """`conv_transpose` with three spatial axes.

    >>> import wengert as wg, numpy as np
    >>> wg.conv_transpose3d(np.ones((1, 1, 2, 2, 2)), np.ones((1, 1, 2, 2, 2))).shape
    (1, 1, 3, 3, 3)
    """
    return _conv_transpose("conv_transpose3d", 3, x, weight, bias, stride, padding, output_padding, groups, dilation)


__all__ = [
    "conv", "conv1d", "conv2d", "conv3d", "conv_transpose", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d",
]  # fmt: skip
