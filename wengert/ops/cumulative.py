"""Cumulative sums, products and extrema; differences, slopes and integrals.

The derivative of a cumulative product is a linear recurrence, so it needs no division and zeros are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops import comparison, exponential, rounding
from wengert.ops.gather import getitem
from wengert.ops.indexing import part
from wengert.ops.joining import concatenate
from wengert.ops.reduction import floating
from wengert.ops.structure import (
    Dims,
    Samples,
    arrayed,
    astype,
    axis_names,
    broadcast_to,
    reshape,
    stacked,
    sum_axes,
)


# ----- slices along an axis ------------------------------------------------------------------------------
def reverse(x: Any, axis: int) -> Any:
    """The elements along `axis` from the last to the first."""
    return part(x, axis, None, None, -1)


def delayed(x: Any, axis: int, first: float) -> Any:
    """Every element moved one place on along `axis`; `first` comes in, the last is dropped."""
    if x.shape[axis] == 0:
        return x
    head = np.full(shapes.reduced(x.shape, (axis,), keepdims=True), first, x.dtype)
    return concatenate([head, part(x, axis, 0, -1)], axis=axis)


def taken_along(x: Any, places: Any, axis: int) -> Any:
    """For every position of `places` the element of `x` that stands there along `axis`."""
    rank = len(x.shape)
    own = [np.arange(n).reshape((-1,) + (1,) * (rank - a - 1)) for a, n in enumerate(x.shape)]
    return getitem(x, tuple(places if a == axis else own[a] for a in range(rank)))


# ----- primitives ----------------------------------------------------------------------------------------
class Cumulative(Primitive):
    """A fold of which every step is kept: the result has the shape of the operand."""

    def aval(self, x: Any, *, axis: int) -> Aval:
        return Aval(x.shape, np.dtype(np.int64) if x.dtype.kind == "b" else x.dtype)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, axis: int) -> tuple[Any, int]:
        return bind(self, [stacked(size, x, d) for x, d in zip(xs, dims, strict=True)], {"axis": axis + 1}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        for shape, axis in (((2, 3), 1), ((4,), 0), ((2, 0), 1), ((1, 2), 0)):
            yield [rng.normal(size=shape)], {"axis": axis}


class CumSum(Cumulative):
    """Cumulative sums."""

    name = "cumsum"
    linear_in = (0,)

    def impl(self, x: Any, *, axis: int) -> Any:
        return np.cumsum(x, axis=axis)

    def aval(self, x: Any, *, axis: int) -> Aval:
        return Aval(x.shape, np.cumsum(np.zeros(1, x.dtype)).dtype)

    def vjp(self, g: Any, _y: Any, _x: Any, *, axis: int) -> tuple[Any, ...]:
        return (reverse(bind(CUMSUM, (reverse(g, axis),), {"axis": axis}), axis),)


class Recurrence(Cumulative):
    """``y[i] = a[i] * y[i-1] + b[i]`` along an axis, from ``y[-1] = 0``."""

    name = "linear_recurrence"

    def impl(self, a: Any, b: Any, *, axis: int) -> Any:
        dtype = np.result_type(a, b)
        y = np.empty(b.shape, dtype)
        rows, factors, terms = (np.moveaxis(z, axis, 0) for z in (y, a, b))
        if rows[:1].size == 1:  # one short loop over Python numbers beats NumPy on single elements
            before, out = 0.0, []
            for factor, term in zip(factors.ravel().tolist(), terms.ravel().tolist(), strict=True):
                before = factor * before + term
                out.append(before)
            rows[...] = np.array(out, dtype).reshape(rows.shape)
            return y
        previous = np.zeros(rows.shape[1:], dtype)
        for row, factor, term in zip(rows, factors, terms, strict=True):
            np.multiply(factor, previous, out=row)
            row += term
            previous = row
        return y

    def aval(self, a: Any, b: Any, *, axis: int) -> Aval:  # type: ignore[override]
        if a.shape != b.shape:
            raise ShapeError(f"linear_recurrence: got {show(a)} and {show(b)}; needs equal shapes")
        return Aval(b.shape, np.result_type(a.dtype, b.dtype))

    def vjp(self, g: Any, y: Any, a: Any, _b: Any, *, axis: int) -> tuple[Any, ...]:
        back = _recurrence_back(a, g, axis)
        return lambda: back * delayed(y, axis, 0), back

    def jvp(self, ts: Sequence[Any], y: Any, a: Any, _b: Any, *, axis: int) -> Any:
        ta, tb = ts
        source = ta * delayed(y, axis, 0) if ta is not None else None
        source = tb if source is None else source if tb is None else source + tb
        return bind(self, (a, source), {"axis": axis})

    def samples(self, rng: np.random.Generator) -> Samples:
        for shape, axis in (((2, 3), 1), ((4,), 0), ((2, 0), 1), ((1, 2), 0)):
            yield [rng.normal(size=shape), rng.normal(size=shape)], {"axis": axis}


def _recurrence_back(a: Any, g: Any, axis: int) -> Any:
    """``r[i] = g[i] + a[i+1] * r[i+1]``: the transpose of the recurrence."""
    factors = delayed(reverse(a, axis), axis, 0)
    return reverse(bind(RECURRENCE, (factors, reverse(g, axis)), {"axis": axis}), axis)


class CumProd(Cumulative):
    """Cumulative products."""

    name = "cumprod"

    def impl(self, x: Any, *, axis: int) -> Any:
        return np.cumprod(x, axis=axis)

    def aval(self, x: Any, *, axis: int) -> Aval:
        return Aval(x.shape, np.cumprod(np.zeros(1, x.dtype)).dtype)

    def vjp(self, g: Any, y: Any, x: Any, *, axis: int) -> tuple[Any, ...]:
        return (delayed(y, axis, 1) * _recurrence_back(x, g, axis),)

    def jvp(self, ts: Sequence[Any], y: Any, x: Any, *, axis: int) -> Any:
        return bind(RECURRENCE, (x, delayed(y, axis, 1) * ts[0]), {"axis": axis})


class LogCumSumExp(Cumulative):
    """Cumulative sums of exponentials, as logarithms."""

    name = "logcumsumexp"
    complex_domain = False

    def impl(self, x: Any, *, axis: int) -> Any:
        return np.logaddexp.accumulate(x, axis=axis)

    def vjp(self, g: Any, y: Any, x: Any, *, axis: int) -> tuple[Any, ...]:
        weights, decay = _exponential_weights(x, y, axis)
        return (weights * _recurrence_back(decay, g, axis),)

    def jvp(self, ts: Sequence[Any], y: Any, x: Any, *, axis: int) -> Any:
        weights, decay = _exponential_weights(x, y, axis)
        return bind(RECURRENCE, (decay, weights * ts[0]), {"axis": axis})


def _exponential_weights(x: Any, y: Any, axis: int) -> tuple[Any, Any]:
    """``exp(x[i] - y[i])`` and ``exp(y[i-1] - y[i])``, both at most 1; 0 where y is -inf."""
    finite = rounding.where(comparison.equal(y, -np.inf), 0, y)
    return exponential.exp(x - finite), exponential.exp(delayed(y, axis, -np.inf) - finite)


class CumulativeIndex(Cumulative):
    """Where the largest (smallest) element so far stands, the latest one of equal ones."""

    differentiable = False
    complex_domain = False

    def __init__(self, name: str, ufunc: np.ufunc) -> None:
        self.name, self.ufunc = name, ufunc
        super().__init__()

    def impl(self, x: Any, *, axis: int) -> Any:
        y = self.ufunc.accumulate(x, axis=axis)
        places = np.arange(x.shape[axis]).reshape((-1,) + (1,) * (x.ndim - axis - 1))
        attained = (x == y) | (x != x)  # a NaN stays to the end
        return np.maximum.accumulate(np.where(attained, places, 0), axis=axis)

    def aval(self, x: Any, *, axis: int) -> Aval:
        return Aval(x.shape, np.dtype(np.int64))

    def vjp(self, _g: Any, _y: Any, _x: Any, *, axis: int) -> tuple[Any, ...]:
        return (None,)


CUMSUM, RECURRENCE, CUMPROD, LOG_CUM_SUM_EXP = CumSum(), Recurrence(), CumProd(), LogCumSumExp()
CUMMAX_INDEX, CUMMIN_INDEX = CumulativeIndex("cummax_index", np.maximum), CumulativeIndex("cummin_index", np.minimum)


# ----- cumulative functions --------------------------------------------------------------------------------
def _along(operation: str, x: Any, axis: Any, dtype: Any = None) -> tuple[Any, int]:
    """The operand, flattened for ``axis=None``, and the axis as a number."""
    x = arrayed(x) if dtype is None else astype(x, dtype, copy=False)
    if axis is None or not x.shape:
        x = reshape(x, (-1,))
        axis = 0 if axis is None else axis
    return x, shapes.axis_index(operation, axis, len(x.shape))


def _as(y: Any, dtype: Any) -> Any:
    """The result in the asked dtype: NumPy adds and multiplies small integers in a larger one."""
    return y if dtype is None else astype(y, dtype, copy=False)


@axis_names
def cumsum(x: Any, /, axis: Any = None, dtype: Any = None) -> Any:
    """Cumulative sums along `axis`; without axis those of the flattened array.

    ``y_k = x_0 + … + x_k``.

    >>> import wengert as wg, numpy as np
    >>> wg.cumsum(np.array([1.0, 2.0, 3.0]))
    array([1., 3., 6.])
    """
    x, axis = _along("cumsum", x, axis, dtype)
    return _as(bind(CUMSUM, (x,), {"axis": axis}), dtype)


@axis_names
def cumprod(x: Any, /, axis: Any = None, dtype: Any = None) -> Any:
    """Cumulative products along `axis`; without axis those of the flattened array.

    ``y_k = x_0 * … * x_k``; the derivative is right for zeros too.

    >>> import wengert as wg, numpy as np
    >>> wg.cumprod(np.array([2.0, 3.0, 4.0]))
    array([ 2.,  6., 24.])
    """
    x, axis = _along("cumprod", x, axis, dtype)
    return _as(bind(CUMPROD, (x,), {"axis": axis}), dtype)


@axis_names
def logcumsumexp(x: Any, /, axis: Any = None) -> Any:
    """``log(cumsum(exp(x)))`` along `axis`, without overflow.

    >>> import wengert as wg, numpy as np
    >>> wg.logcumsumexp(np.array([1000.0, 1000.0]), axis=0)
    array([1000.        , 1000.69314718])
    """
    x, axis = _along("logcumsumexp", floating(x), axis)
    return bind(LOG_CUM_SUM_EXP, (x,), {"axis": axis})


@axis_names
def cummax(x: Any, /, axis: Any = None) -> Any:
    """The largest element so far along `axis` (NumPy's ``maximum.accumulate``).

    The gradient goes to the element that is shown, the latest one of equal ones.

    >>> import wengert as wg, numpy as np
    >>> wg.cummax(np.array([1.0, 3.0, 2.0]))
    array([1., 3., 3.])
    """
    x, axis = _along("cummax", x, axis)
    return taken_along(x, bind(CUMMAX_INDEX, (x,), {"axis": axis}), axis)


@axis_names
def cummin(x: Any, /, axis: Any = None) -> Any:
    """The smallest element so far along `axis` (NumPy's ``minimum.accumulate``); ties as for `cummax`.

    >>> import wengert as wg, numpy as np
    >>> wg.cummin(np.array([3.0, 1.0, 2.0]))
    array([3., 1., 1.])
    """
    x, axis = _along("cummin", x, axis)
    return taken_along(x, bind(CUMMIN_INDEX, (x,), {"axis": axis}), axis)


def _standard(prim: Primitive, x: Any, axis: Any, dtype: Any, include_initial: bool, initial: float) -> Any:
    x = arrayed(x) if dtype is None else astype(x, dtype, copy=False)
    if axis is None and len(x.shape) > 1:
        raise ArgumentError(f"cumulative_{prim.name[3:]}: an array of {len(x.shape)} axes needs `axis`")
    x, axis = _along(f"cumulative_{prim.name[3:]}", x, axis)
    y = _as(bind(prim, (x,), {"axis": axis}), dtype)
    if not include_initial:
        return y
    first = np.full(shapes.reduced(y.shape, (axis,), keepdims=True), initial, y.dtype)
    return concatenate([first, y], axis=axis)


@axis_names
def cumulative_sum(x: Any, /, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """Cumulative sums in the array API's form: `axis` is needed but for one axis; `include_initial` puts 0 first.

    >>> import wengert as wg, numpy as np
    >>> wg.cumulative_sum(np.array([1.0, 2.0]), include_initial=True)
    array([0., 1., 3.])
    """
    return _standard(CUMSUM, x, axis, dtype, include_initial, 0)


@axis_names
def cumulative_prod(x: Any, /, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """Cumulative products in the array API's form: `axis` is needed but for one axis; `include_initial` puts 1 first.

    >>> import wengert as wg, numpy as np
    >>> wg.cumulative_prod(np.array([2.0, 3.0]), include_initial=True)
    array([1., 2., 6.])
    """
    return _standard(CUMPROD, x, axis, dtype, include_initial, 1)


# ----- differences, slopes, integrals -----------------------------------------------------------------------
@axis_names
def diff(x: Any, /, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Differences of neighbours along `axis`, taken `n` times.

    ``y_k = x_{k+1} - x_k``; `prepend` and `append` are joined to the operand first. Booleans give booleans.

    >>> import wengert as wg, numpy as np
    >>> wg.diff(np.array([1.0, 4.0, 9.0]))
    array([3., 5.])
    """
    x = arrayed(x)
    if not x.shape:
        raise ShapeError("diff: got a 0-d array; needs at least one axis")
    if n < 0:
        raise ArgumentError(f"diff: got n={n}; needs n >= 0")
    axis = shapes.axis_index("diff", axis, len(x.shape))
    if n == 0:
        return x
    edge = shapes.reduced(x.shape, (axis,), keepdims=True)
    ends = [None if e is None else arrayed(e) for e in (prepend, append)]
    joined = [e if e is None or e.shape else broadcast_to(e, edge) for e in ends]
    parts = [p for p in (joined[0], x, joined[1]) if p is not None]
    x = concatenate(parts, axis=axis) if len(parts) > 1 else x
    for _ in range(n):
        later, earlier = part(x, axis, 1, None), part(x, axis, None, -1)
        x = comparison.not_equal(later, earlier) if x.dtype.kind == "b" else later - earlier
    return x


def ediff1d(x: Any, /, to_end: Any = None, to_begin: Any = None) -> Any:
    """Differences of neighbours of the flattened array, with values before and behind.

    >>> import wengert as wg, numpy as np
    >>> wg.ediff1d(np.array([1.0, 4.0, 9.0]), to_begin=0.0)
    array([0., 3., 5.])
    """
    x = reshape(x, (-1,))
    middle = part(x, 0, 1, None) - part(x, 0, None, -1)
    ends = [None if e is None else reshape(astype(e, x.dtype, copy=False), (-1,)) for e in (to_begin, to_end)]
    parts = [p for p in (ends[0], middle, ends[1]) if p is not None]
    return concatenate(parts) if len(parts) > 1 else middle


@axis_names
def gradient(f: Any, /, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Slopes of sampled values along `axis` by central differences (NumPy's ``gradient``, not `grad`).

    `spacing` is one number for all axes, or a number or the coordinates for each; at the edges differences of
    order `edge_order` (1 or 2). A tuple with one array an axis where there are several. Raises `ShapeError` for
    fewer than ``edge_order + 1`` samples.

    >>> import wengert as wg, numpy as np
    >>> wg.gradient(np.array([1.0, 2.0, 4.0, 7.0]), 0.5)
    array([2., 3., 5., 6.])
    """
    f = floating(f)
    rank = len(f.shape)
    chosen = range(rank) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    axes = [shapes.axis_index("gradient", a, rank) for a in chosen]
    if edge_order not in (1, 2):
        raise ArgumentError(f"gradient: got edge_order={edge_order}; needs 1 or 2")
    if len(spacing) not in (0, 1, len(axes)) or (len(spacing) == 1 and len(axes) > 1 and arrayed(spacing[0]).shape):
        raise ArgumentError(f"gradient: got {len(spacing)} spacings for {len(axes)} axes; needs one number or one each")
    steps = spacing if len(spacing) == len(axes) else (spacing or (1.0,)) * len(axes)
    slopes = [_slope(f, a, h, edge_order) for a, h in zip(axes, steps, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(f: Any, axis: int, h: Any, edge_order: int) -> Any:
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ShapeError(f"gradient: got {n} samples on axis {axis}; edge_order {edge_order} needs {edge_order + 1}")
    h = arrayed(h)
    if h.shape:
        if h.shape != (n,):
            raise ShapeError(f"gradient: got coordinates of shape {list(h.shape)} for axis {axis} of length {n}")
        h = diff(h)
    else:
        h = broadcast_to(h, (n - 1,))
    h = reshape(h, (-1,) + (1,) * (len(f.shape) - axis - 1))
    slope = (part(f, axis, 1, None) - part(f, axis, None, -1)) / h  # of every interval
    first, last = part(slope, axis, 0, 1), part(slope, axis, -1, None)
    if n == 2:
        return concatenate([first, last], axis=axis)
    left, right = part(h, 0, None, -1), part(h, 0, 1, None)
    before, after = part(slope, axis, None, -1), part(slope, axis, 1, None)
    inner = (right * before + left * after) / (left + right)
    if edge_order == 2:
        bend = (after - before) / (left + right)  # half the second derivative
        first = first - part(h, 0, 0, 1) * part(bend, axis, 0, 1)
        last = last + part(h, 0, -1, None) * part(bend, axis, -1, None)
    return concatenate([first, inner, last], axis=axis)


@axis_names
def trapezoid(y: Any, /, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integral of sampled values along `axis` by the trapezoidal rule.

    ``sum (x_{k+1} - x_k) (y_k + y_{k+1}) / 2``; `x` has the coordinates (one axis, or the shape of `y`), otherwise
    samples are `dx` apart.

    >>> import wengert as wg, numpy as np
    >>> wg.trapezoid(np.array([1.0, 2.0, 3.0]))
    np.float64(4.0)
    """
    y = floating(y)
    axis = shapes.axis_index("trapezoid", axis, len(y.shape))
    width = dx
    if x is not None:
        x = arrayed(x)
        if len(x.shape) == 1:
            width = reshape(diff(x), (-1,) + (1,) * (len(y.shape) - axis - 1))
        else:
            width = diff(x, axis=axis)
    return sum_axes(width * (part(y, axis, 1, None) + part(y, axis, None, -1)) / 2.0, (axis,))


__all__ = [
    "cumsum", "cumprod", "logcumsumexp", "cummax", "cummin", "cumulative_sum", "cumulative_prod", "diff", "ediff1d",
    "gradient", "trapezoid",
]  # fmt: skip
