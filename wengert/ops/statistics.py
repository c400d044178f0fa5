"""Averages, order statistics, and reductions that skip NaN.

Order statistics pick from the sorted array at places that depend on lengths and `q` only; all is composed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, ShapeError
from wengert.base.shapes import Shape
from wengert.core.record import concrete
from wengert.ops import comparison, reduction, rounding
from wengert.ops.indexing import getitem_static
from wengert.ops.joining import stack
from wengert.ops.reduction import floating, scalar
from wengert.ops.sorting import sort
from wengert.ops.structure import arrayed, axis_names, broadcast_to, moveaxis, reshape, sum_axes


# ----- averages ----------------------------------------------------------------------------------------
@axis_names
def average(x: Any, /, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """Weighted mean over `axis`: ``sum(w * x) / sum(w)``; with `returned` also the sum of the weights.

    `weights` have the shape of the operand, or one length for each axis in `axis`.

    >>> import wengert as wg, numpy as np
    >>> wg.average(np.array([1.0, 4.0]), weights=np.array([3.0, 1.0]))
    np.float64(1.75)
    """
    x = floating(x)
    axes = shapes.axes_tuple("average", axis, len(x.shape))
    if weights is None:
        y = reduction.mean(x, axes, keepdims=keepdims)
        count = shapes.size_of([x.shape[a] for a in axes])
        return (y, np.full(y.shape, count, y.dtype)[()]) if returned else y
    w = arrayed(weights)
    if w.shape != x.shape:
        given = axis if isinstance(axis, tuple | list) else (axis,)
        if axis is None or w.shape != tuple(x.shape[a] for a in given):
            raise ShapeError(
                f"average: got weights of shape {list(w.shape)} for {list(x.shape)} and axis {axis}; "
                "needs the same shape, or one length for each axis in `axis`"
            )
        order = sorted(range(len(given)), key=lambda k: shapes.axis_index("average", given[k], len(x.shape)))
        w = moveaxis(w, order, tuple(range(len(order))))
        w = reshape(w, tuple(n if i in axes else 1 for i, n in enumerate(x.shape)))
    w = broadcast_to(w, x.shape)
    total = reduction.sum(w, axes, keepdims=keepdims)
    y = reduction.sum(x * w, axes, keepdims=keepdims) / total
    return (y, total) if returned else y


# ----- order statistics ----------------------------------------------------------------------------------
def _between(alpha: float, beta: float) -> Callable[[float, int], tuple[int, float]]:
    """A continuous definition of quantiles: place ``n q + alpha + q (1 - alpha - beta) - 1`` of the sorted array."""

    def place(q: float, n: int) -> tuple[int, float]:
        at = (n - 1) * q if alpha == beta == 1 else n * q + (alpha + q * (1 - alpha - beta)) - 1
        at = min(max(at, 0.0), n - 1.0)
        return math.floor(at), at - math.floor(at)

    return place


def _step(at: Callable[[float, int], float], weight: Callable[[float], float]) -> Callable[[float, int], Any]:
    """A discontinuous definition: the place `at`, and how much of the next element is mixed in."""

    def place(q: float, n: int) -> tuple[int, float]:
        where = at(q, n)
        low = math.floor(where)
        mixed = weight(where - low)
        return (0, 0.0) if low < 0 else (n - 1, 0.0) if low >= n - 1 else (low, mixed)

    return place


def _observation(q: float, n: int) -> tuple[int, float]:
    """The closest observation; halfway the even one (counted from 1)."""
    at = n * q - 1.5
    low = math.floor(at)
    chosen = low if at == low and low % 2 == 1 else low + 1
    return min(max(chosen, 0), n - 1), 0.0


# For each method the place in the sorted array of n elements and the weight of the element behind it.
_METHODS: dict[str, Callable[[float, int], tuple[int, float]]] = {
    "linear": _between(1, 1),
    "lower": _step(lambda q, n: (n - 1) * q, lambda _part: 0.0),
    "higher": _step(lambda q, n: (n - 1) * q, lambda part: float(part > 0)),
    "midpoint": _step(lambda q, n: (n - 1) * q, lambda part: 0.5 * (part > 0)),
    "nearest": lambda q, n: (round((n - 1) * q), 0.0),
    "inverted_cdf": _step(lambda q, n: n * q - 1, lambda part: float(part > 0)),
    "averaged_inverted_cdf": _step(lambda q, n: n * q - 1, lambda part: 1.0 if part > 0 else 0.5),
    "closest_observation": _observation,
    "interpolated_inverted_cdf": _between(0, 1),
    "hazen": _between(0.5, 0.5),
    "weibull": _between(0, 0),
    "median_unbiased": _between(1 / 3, 1 / 3),
    "normal_unbiased": _between(3 / 8, 3 / 8),
}


def _ordered(operation: str, x: Any, axis: Any) -> tuple[Any, Shape, Shape]:
    """Sorted along a last axis that joins all of `axis`; the shape with these kept as 1; the axes."""
    x = floating(x)
    axes = shapes.axes_tuple(operation, axis, len(x.shape))
    kept = shapes.reduced(x.shape, axes, keepdims=True)
    if shapes.size_of([x.shape[a] for a in axes]) == 0:
        raise ShapeError(f"{operation}: got shape {list(x.shape)}, which has no element along axes {axes}")
    rank = len(x.shape)
    moved = moveaxis(x, axes, tuple(range(rank - len(axes), rank)))
    flat = reshape(moved, (*moved.shape[: rank - len(axes)], shapes.size_of([x.shape[a] for a in axes])))
    return sort(flat, axis=-1), kept, axes


def _pick(ordered: Any, low: int, part: float) -> Any:
    """The element at `low`, mixed with the next one; NaN where there is one (it was sorted to the end)."""
    n = ordered.shape[-1]
    y = getitem_static(ordered, (Ellipsis, low))
    if part:
        other = getitem_static(ordered, (Ellipsis, min(low + 1, n - 1)))
        y = y + (other - y) * part if part < 1 else other
    last = getitem_static(ordered, (Ellipsis, n - 1))
    return scalar(rounding.where(comparison.not_equal(last, last), last, y))


@axis_names
def median(x: Any, /, axis: Any = None, keepdims: bool = False) -> Any:
    """The middle of the sorted elements over `axis`; of an even number the mean of the two in the middle.

    NaN where an element is NaN. The gradient goes to the elements that are picked.

    >>> import wengert as wg, numpy as np
    >>> wg.median(np.array([5.0, 1.0, 2.0, 4.0]))
    np.float64(3.0)
    """
    ordered, kept, axes = _ordered("median", x, axis)
    n = ordered.shape[-1]
    y = _pick(ordered, (n - 1) // 2, 0.0 if n % 2 else 0.5)
    return reshape(y, kept) if keepdims else y


@axis_names
def quantile(x: Any, /, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False, *,
             interpolation: str | None = None) -> Any:  # fmt: skip
    """The value below which the part `q` (0 … 1, a number or an array) of the elements over `axis` lies.

    `method` is one of NumPy's thirteen; `interpolation` its older name. The shape of `q` comes first. `q` has no
    derivative; the gradient goes to the elements between which the value lies. NaN where an element is NaN.

    >>> import wengert as wg, numpy as np
    >>> wg.quantile(np.array([1.0, 2.0, 4.0]), np.array([0.25, 0.5]))
    array([1.5, 2. ])
    """
    method = interpolation or method
    if method not in _METHODS:
        raise ArgumentError(f"quantile: got method={method!r}; needs one of {', '.join(_METHODS)}")
    parts = np.asarray(concrete(q, "quantile"), dtype=np.float64)
    if not np.all((parts >= 0) & (parts <= 1)):
        raise ArgumentError(f"quantile: got q={q}; needs numbers from 0 to 1")
    ordered, kept, axes = _ordered("quantile", x, axis)
    n = ordered.shape[-1]
    left = kept if keepdims else ordered.shape[:-1]
    values = [reshape(_pick(ordered, *_METHODS[method](float(p), n)), left) for p in parts.ravel()]
    if not parts.shape:
        return values[0]
    if not values:
        return np.zeros((*parts.shape, *left), ordered.dtype)
    return reshape(stack(values), (*parts.shape, *left))


@axis_names
def percentile(x: Any, /, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False, *,
               interpolation: str | None = None) -> Any:  # fmt: skip
    """`quantile` with `q` in percent (0 … 100).

    >>> import wengert as wg, numpy as np
    >>> wg.percentile(np.array([1.0, 2.0, 4.0]), 50)
    np.float64(2.0)
    """
    parts = np.asarray(concrete(q, "percentile"), dtype=np.float64) / 100
    if not np.all((parts >= 0) & (parts <= 1)):
        raise ArgumentError(f"percentile: got q={q}; needs numbers from 0 to 100")
    return quantile(x, parts, axis, method, keepdims, interpolation=interpolation)


# ----- without NaN -----------------------------------------------------------------------------------------
def _present(x: Any) -> tuple[Any, Any]:
    """The operand, and where it is a number."""
    x = arrayed(x)
    return x, comparison.equal(x, x)


def _skipping(x: Any, fill: Any) -> Any:
    x, present = _present(x)
    return rounding.where(present, x, fill) if x.dtype.kind in "fc" else x


@axis_names
def nansum(x: Any, /, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Sum over `axis` of the elements that are not NaN; NaN gets gradient 0.

    >>> import wengert as wg, numpy as np
    >>> wg.nansum(np.array([1.0, np.nan, 2.0]))
    np.float64(3.0)
    """
    return reduction.sum(_skipping(x, 0), axis, dtype, keepdims)


@axis_names
def nanprod(x: Any, /, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Product over `axis` of the elements that are not NaN.

    >>> import wengert as wg, numpy as np
    >>> wg.nanprod(np.array([3.0, np.nan, 2.0]))
    np.float64(6.0)
    """
    return reduction.prod(_skipping(x, 1), axis, dtype, keepdims)


@axis_names
def nanmean(x: Any, /, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Mean over `axis` of the elements that are not NaN; NaN where there is none.

    >>> import wengert as wg, numpy as np
    >>> wg.nanmean(np.array([1.0, np.nan, 2.0]))
    np.float64(1.5)
    """
    x, present = _present(x)
    return reduction.mean(x, axis, dtype, keepdims, where=present)


@axis_names
def nanvar(x: Any, /, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False) -> Any:
    """Variance over `axis` of the elements that are not NaN; NaN where there are no more than `ddof`.

    >>> import wengert as wg, numpy as np
    >>> wg.nanvar(np.array([1.0, np.nan, 3.0]))
    np.float64(1.0)
    """
    x, present = _present(x)
    axes = shapes.axes_tuple("nanvar", axis, len(x.shape))
    enough = comparison.greater(sum_axes(present, axes, keepdims=bool(keepdims)), ddof)
    y = reduction.var(_skipping(x, 0), axis, dtype, ddof, keepdims, where=present)
    return scalar(rounding.where(enough, y, np.nan))


@axis_names
def nanstd(x: Any, /, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False) -> Any:
    """Standard deviation over `axis` of the elements that are not NaN.

    >>> import wengert as wg, numpy as np
    >>> wg.nanstd(np.array([1.0, np.nan, 3.0]))
    np.float64(1.0)
    """
    return reduction.root(nanvar(x, axis, dtype, ddof, keepdims))


def _nan_extremum(function: Callable[..., Any], x: Any, axis: Any, keepdims: bool, fill: float) -> Any:
    x, present = _present(x)
    if x.dtype.kind != "f":
        return function(x, axis, keepdims)
    some = reduction.any(present, axis, keepdims)
    return scalar(rounding.where(some, function(rounding.where(present, x, fill), axis, keepdims), np.nan))


@axis_names
def nanmax(x: Any, /, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest element over `axis` that is not NaN; NaN where there is none.

    >>> import wengert as wg, numpy as np
    >>> wg.nanmax(np.array([1.0, np.nan, 2.0]))
    np.float64(2.0)
    """
    return _nan_extremum(reduction.max, x, axis, keepdims, -np.inf)


@axis_names
def nanmin(x: Any, /, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest element over `axis` that is not NaN; NaN where there is none.

    >>> import wengert as wg, numpy as np
    >>> wg.nanmin(np.array([1.0, np.nan, 2.0]))
    np.float64(1.0)
    """
    return _nan_extremum(reduction.min, x, axis, keepdims, np.inf)


__all__ = [
    "average", "median", "quantile", "percentile", "nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax",
    "nanmin",
]  # fmt: skip
