"""Reductions: sums, products, means, extrema, softmax.

`sum` and its relatives are linear; extrema share the cotangent evenly among ties; products differentiate without
division, so zeros are right to every order. Everything else is composed.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, DTypeError, ShapeError
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops import comparison, complexes, rounding
from wengert.ops.elementwise import elementwise
from wengert.ops.indexing import Span, getitem_static
from wengert.ops.joining import concatenate
from wengert.ops.structure import (
    SUM,
    Dims,
    OverAxes,
    Samples,
    arrayed,
    astype,
    axis_names,
    broadcast_to,
    moveaxis,
    reshape,
    spread,
    sum_axes,
    to_front,
)


# ----- primitives --------------------------------------------------------------------------------------
class Reduction(OverAxes):
    """A NumPy ufunc folded over some axes."""

    def __init__(self, name: str, ufunc: np.ufunc) -> None:
        self.name, self.ufunc = name, ufunc
        super().__init__()

    def impl(self, x: Any, *, axes: Shape, keepdims: bool) -> Any:
        return self.ufunc.reduce(x, axis=axes, keepdims=keepdims)

    def aval(self, x: Any, *, axes: Shape, keepdims: bool) -> Aval:
        if self.ufunc.identity is None and builtins.any(x.shape[a] == 0 for a in axes):
            raise ShapeError(
                f"{self.name}: got shape {list(x.shape)}, which has no element along axes {axes}",
                hint="state the value of an empty one: initial=…",
            )
        return Aval(shapes.reduced(x.shape, axes, keepdims), _reduced_dtype(self.ufunc, x.dtype))


@cache
def _reduced_dtype(ufunc: np.ufunc, dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.asarray(ufunc.reduce(np.ones(1, dtype))).dtype


class Extremum(Reduction):
    """The largest or smallest element; the cotangent is shared evenly by the elements that attain it."""

    complex_domain = False

    def vjp(self, g: Any, y: Any, x: Any, *, axes: Shape, keepdims: bool) -> tuple[Any, ...]:
        return (spread(g, x.shape, axes) * bind(SHARE, (x, y), {"axes": axes}),)

    def jvp(self, ts: Sequence[Any], y: Any, x: Any, *, axes: Shape, keepdims: bool) -> Any:
        return sum_axes(ts[0] * bind(SHARE, (x, y), {"axes": axes}), axes, keepdims)


class Share(Primitive):
    """What part of an extremum's cotangent each element gets; where it is NaN, none."""

    name = "extremum_share"
    differentiable = False

    def impl(self, x: Any, y: Any, *, axes: Shape) -> Any:
        kept = shapes.reduced(x.shape, axes, keepdims=True)
        attained = np.equal(x, np.reshape(y, kept))
        count = np.add.reduce(attained, axis=axes, keepdims=True, dtype=x.dtype)
        return attained * (1 / np.maximum(count, 1))

    def aval(self, x: Any, y: Any, *, axes: Shape) -> Aval:
        return Aval(x.shape, x.dtype)

    def vjp(self, _g: Any, _y: Any, _x: Any, _extremum: Any, *, axes: Shape) -> tuple[Any, ...]:
        return None, None

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, axes: Shape) -> tuple[Any, int]:
        x, y = (arrayed(x) if d is None else to_front(x, d) for x, d in zip(xs, dims, strict=True))
        x = broadcast_to(x, (size, *x.shape)) if dims[0] is None else x
        y = broadcast_to(y, (size, *y.shape)) if dims[1] is None else y
        return bind(self, (x, y), {"axes": tuple(a + 1 for a in axes)}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [np.array([[1.0, 2.0, 2.0], [3.0, 0.0, 1.0]]), np.array([2.0, 3.0])], {"axes": (1,)}


class Product(Reduction):
    """The product; an element's derivative is the product of the others, found without division."""

    def vjp(self, g: Any, _y: Any, x: Any, *, axes: Shape, keepdims: bool) -> tuple[Any, ...]:
        return (spread(g, x.shape, axes) * _products_of_others(x, axes),)

    def jvp(self, ts: Sequence[Any], _y: Any, x: Any, *, axes: Shape, keepdims: bool) -> Any:
        return sum_axes(ts[0] * _products_of_others(x, axes), axes, keepdims)


def _products_of_others(x: Any, axes: Shape) -> Any:
    """For every element the product of the others along `axes`."""
    if not axes:
        return np.ones(x.shape, x.dtype)
    shape, last = x.shape, tuple(range(len(x.shape) - len(axes), len(x.shape)))
    moved = moveaxis(x, axes, last)
    flat = reshape(moved, (*moved.shape[: last[0]], shapes.size_of([shape[a] for a in axes])))
    others = reshape(_others(flat), moved.shape)
    return moveaxis(others, last, axes)


def _others(x: Any) -> Any:
    """As above along the last axis: pair the elements, ask the same of the pairs, give each half its partner."""
    n = x.shape[-1]
    if n == 0:
        return x
    if n == 1:
        return np.ones(x.shape, x.dtype)
    half = n // 2
    a, b, rest = _cut(x, 0, half), _cut(x, half, 2 * half), _cut(x, 2 * half, n)
    around = _others(concatenate([a * b, rest], axis=-1))
    outside = _cut(around, 0, half)
    return concatenate([outside * b, outside * a, _cut(around, half, half + n % 2)], axis=-1)


def _cut(x: Any, start: int, stop: int) -> Any:
    return getitem_static(x, (Ellipsis, Span(start, stop, None)))


class Logical(Reduction):
    """`any` and `all`: true or false, so without derivative."""

    differentiable = False

    def vjp(self, _g: Any, _y: Any, _x: Any, *, axes: Shape, keepdims: bool) -> tuple[Any, ...]:
        return (None,)


MAX, MIN = Extremum("max", np.maximum), Extremum("min", np.minimum)
SHARE = Share()
PROD = Product("prod", np.multiply)
ANY, ALL = Logical("any", np.logical_or), Logical("all", np.logical_and)


# ----- arguments -----------------------------------------------------------------------------------------
def _axes(operation: str, x: Any, axis: Any) -> tuple[Any, Shape]:
    x = arrayed(x)
    return x, shapes.axes_tuple(operation, axis, len(x.shape))


def _cast(operation: str, x: Any, dtype: Any) -> Any:
    """`x` in the asked dtype; a boolean there is PyTorch's positional ``keepdim``."""
    if dtype is None:
        return x
    if isinstance(dtype, bool):
        raise DTypeError(f"{operation}: {dtype!r} is not a dtype", hint=f"write keepdims={dtype!r}")
    return astype(x, dtype, copy=False)


def floating(x: Any) -> Any:
    """`x`, or as float64 where it holds integers or booleans."""
    x = arrayed(x)
    return x if x.dtype.kind in "fc" else astype(x, np.float64)


def _masked(x: Any, where: Any, fill: Any) -> Any:
    """`x` with `fill` where the mask `where` is false."""
    return x if where is None or where is True else rounding.where(where, x, fill)


def _count(x: Any, axes: Shape, where: Any, keepdims: bool) -> Any:
    """How many elements are reduced: a number, or with a mask an array."""
    if where is None or where is True:
        return shapes.size_of([x.shape[a] for a in axes])
    return bind(SUM, (broadcast_to(where, x.shape),), {"axes": axes, "keepdims": keepdims})


def _divisor(count: Any, x: Any) -> Any:
    """A Python 0 would raise where NumPy's gives NaN."""
    return count if hasattr(count, "shape") or count else np.zeros((), x.dtype)


# ----- sums ------------------------------------------------------------------------------------------------
@axis_names
def sum(
    x: Any, /, axis: Any = None, dtype: Any = None, keepdims: bool = False, *, initial: Any = None, where: Any = None
) -> Any:
    """Sum over `axis` (one, several, or all).

    ``y = initial + sum_i x_i`` over the elements where the mask `where` is true. Small integers are summed as
    int64. Raises `AxisError`.

    >>> import wengert as wg, numpy as np
    >>> wg.sum(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([4., 6.])
    """
    x, axes = _axes("sum", x, axis)
    y = bind(SUM, (_masked(_cast("sum", x, dtype), where, 0),), {"axes": axes, "keepdims": bool(keepdims)})
    y = _cast("sum", y, dtype)  # NumPy sums small integers in a larger dtype
    return y if initial is None else y + initial


@axis_names
def prod(
    x: Any, /, axis: Any = None, dtype: Any = None, keepdims: bool = False, *, initial: Any = None, where: Any = None
) -> Any:
    """Product over `axis` (one, several, or all).

    The derivative by an element is the product of the others, right for zeros too.

    >>> import wengert as wg, numpy as np
    >>> wg.grad(wg.prod)(np.array([2.0, 0.0, 4.0]))
    array([0., 8., 0.])
    """
    x, axes = _axes("prod", x, axis)
    y = bind(PROD, (_masked(_cast("prod", x, dtype), where, 1),), {"axes": axes, "keepdims": bool(keepdims)})
    y = _cast("prod", y, dtype)
    return y if initial is None else y * initial


@axis_names
def mean(x: Any, /, axis: Any = None, dtype: Any = None, keepdims: bool = False, *, where: Any = None) -> Any:
    """Mean over `axis` (one, several, or all): the sum divided by the number of elements.

    Integers give float64. The mean of no element is NaN.

    >>> import wengert as wg, numpy as np
    >>> wg.mean(np.array([[1.0, 2.0], [3.0, 5.0]]), axis=1)
    array([1.5, 4. ])
    """
    x, axes = _axes("mean", x, axis)
    result = np.dtype(dtype) if dtype is not None and not isinstance(dtype, bool) else None
    x = floating(_cast("mean", x, dtype))
    result = x.dtype if result is None else result
    if x.dtype == np.float16:  # as NumPy: summed in single precision
        x = astype(x, np.float32)
    keepdims = bool(keepdims)
    total = sum_axes(_masked(x, where, 0), axes, keepdims)
    with np.errstate(all="ignore"):
        y = total / _divisor(_count(x, axes, where, keepdims), x)
    return astype(y, result, copy=False)


@axis_names
def var(
    x: Any, /, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False, *,
    correction: Any = None, mean: Any = None, where: Any = None,
) -> Any:  # fmt: skip
    """Variance over `axis`: ``sum |x - mean|**2 / (n - ddof)``, divisor at least 0.

    `correction` is the array API's (and PyTorch's) name of `ddof`; `mean` may hand in the mean with the axes kept.

    >>> import wengert as wg, numpy as np
    >>> wg.var(np.array([1.0, 2.0, 3.0, 4.0]), ddof=1)
    np.float64(1.6666666666666667)
    """
    if correction is not None:
        if ddof != 0:
            raise ArgumentError("var: got both ddof and correction; they are the same")
        ddof = correction
    x, axes = _axes("var", x, axis)
    x = floating(_cast("var", x, dtype))
    half = x.dtype == np.float16
    if half:
        x = astype(x, np.float32)
    keepdims = bool(keepdims)
    count = _count(x, axes, where, keepdims)
    with np.errstate(all="ignore"):
        if mean is None:
            mean = sum_axes(_masked(x, where, 0), axes, keepdims=True) / _divisor(_count(x, axes, where, True), x)
        d = x - mean
        squares = complexes.real(d) ** 2 + complexes.imag(d) ** 2 if d.dtype.kind == "c" else d * d
        total = sum_axes(_masked(squares, where, 0), axes, keepdims)
        divisor = builtins.max(count - ddof, 0) if isinstance(count, int) else rounding.maximum(count - ddof, 0)
        y = total / _divisor(divisor, total)
    return astype(y, np.float16) if half else y


@axis_names
def std(
    x: Any, /, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False, *,
    correction: Any = None, mean: Any = None, where: Any = None,
) -> Any:  # fmt: skip
    """Standard deviation over `axis`: the root of `var`; its gradient where all elements are equal is 0.

    >>> import wengert as wg, numpy as np
    >>> wg.std(np.array([1.0, 3.0]))
    np.float64(1.0)
    """
    return root(var(x, axis, dtype, ddof, keepdims, correction=correction, mean=mean, where=where))


root = elementwise(
    "root",
    np.sqrt,
    lambda y, _v: rounding.where(comparison.equal(y, 0), 0, 0.5 / y),
    low=0.5,
    singular=True,
    doc="""The square root with gradient 0, instead of infinity, at 0: for lengths and spreads.""",
)


def scalar(y: Any) -> Any:
    """A 0-d array as NumPy scalar, as NumPy's reductions give it."""
    return y[()] if isinstance(y, np.ndarray) and not y.shape else y


# ----- extrema ---------------------------------------------------------------------------------------------
def _extremum(prim: Primitive, x: Any, axis: Any, keepdims: bool, initial: Any, where: Any) -> Any:
    x, axes = _axes(prim.name, x, axis)
    largest = prim is MAX
    if where is not None and where is not True:
        if initial is None:
            raise ArgumentError(f"{prim.name}: with a mask `where` an `initial` value is needed")
        x = rounding.where(where, x, initial)
    keepdims = bool(keepdims)
    if initial is not None and builtins.any(x.shape[a] == 0 for a in axes):
        return broadcast_to(arrayed(initial), shapes.reduced(x.shape, axes, keepdims))
    prim.aval(x, axes=axes, keepdims=keepdims)
    y = bind(prim, (x,), {"axes": axes, "keepdims": keepdims})
    if initial is None:
        return y
    return rounding.maximum(y, initial) if largest else rounding.minimum(y, initial)


@axis_names
def max(x: Any, /, axis: Any = None, keepdims: bool = False, *, initial: Any = None, where: Any = None) -> Any:
    """Largest element over `axis` (one, several, or all).

    Ties share the gradient evenly; where the result is NaN the gradient is 0. Raises `ShapeError` for an empty
    axis without `initial`.

    >>> import wengert as wg, numpy as np
    >>> wg.grad(wg.max)(np.array([1.0, 3.0, 3.0]))
    array([0. , 0.5, 0.5])
    """
    return _extremum(MAX, x, axis, keepdims, initial, where)


@axis_names
def min(x: Any, /, axis: Any = None, keepdims: bool = False, *, initial: Any = None, where: Any = None) -> Any:
    """Smallest element over `axis` (one, several, or all); ties and errors as for `max`.

    >>> import wengert as wg, numpy as np
    >>> wg.min(np.array([[1.0, 3.0], [0.0, 4.0]]), axis=1)
    array([1., 0.])
    """
    return _extremum(MIN, x, axis, keepdims, initial, where)


@axis_names
def ptp(x: Any, /, axis: Any = None, keepdims: bool = False) -> Any:
    """Range over `axis`: largest minus smallest element.

    >>> import wengert as wg, numpy as np
    >>> wg.ptp(np.array([1.0, 4.0, 2.0]))
    np.float64(3.0)
    """
    return max(x, axis, keepdims) - min(x, axis, keepdims)


# ----- truth -------------------------------------------------------------------------------------------------
@axis_names
def any(x: Any, /, axis: Any = None, keepdims: bool = False, *, where: Any = None) -> Any:
    """Whether some element over `axis` is not 0 (no derivative).

    >>> import wengert as wg, numpy as np
    >>> wg.any(np.array([[0, 1], [0, 0]]), axis=1)
    array([ True, False])
    """
    x, axes = _axes("any", x, axis)
    return bind(ANY, (_masked(x, where, 0),), {"axes": axes, "keepdims": bool(keepdims)})


@axis_names
def all(x: Any, /, axis: Any = None, keepdims: bool = False, *, where: Any = None) -> Any:
    """Whether every element over `axis` is not 0 (no derivative).

    >>> import wengert as wg, numpy as np
    >>> wg.all(np.array([[1, 1], [0, 1]]), axis=1)
    array([ True, False])
    """
    x, axes = _axes("all", x, axis)
    return bind(ALL, (_masked(x, where, 1),), {"axes": axes, "keepdims": bool(keepdims)})


@axis_names
def count_nonzero(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Number of elements over `axis` that are not 0 (no derivative).

    >>> import wengert as wg, numpy as np
    >>> wg.count_nonzero(np.array([0.0, 2.0, 3.0]))
    np.int64(2)
    """
    x, axes = _axes("count_nonzero", x, axis)
    return bind(SUM, (comparison.not_equal(x, 0),), {"axes": axes, "keepdims": bool(keepdims)})


amax, amin = max, min

__all__ = [
    "sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "ptp", "any", "all", "count_nonzero",
]  # fmt: skip
