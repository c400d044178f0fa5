"""One-dimensional signals: convolve, correlate, interp, polyval, unwrap."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops import comparison, complexes, rounding
from wengert.ops.arithmetic import stop_gradient
from wengert.ops.cumulative import cumsum, diff, reverse
from wengert.ops.gather import getitem
from wengert.ops.indexing import index_first, part
from wengert.ops.joining import concatenate
from wengert.ops.reduction import floating, scalar
from wengert.ops.searching import searchsorted
from wengert.ops.sorting import argsort
from wengert.ops.structure import Samples, arrayed, axis_names


class Convolve(Primitive):
    """The full convolution of two sequences; the transpose is another one with the other sequence reversed."""

    name = "convolve"
    linear_in = (0, 1)

    def impl(self, a: Any, v: Any) -> Any:
        return np.convolve(a, v)

    def aval(self, a: Any, v: Any) -> Aval:
        if len(a.shape) != 1 or len(v.shape) != 1 or not a.shape[0] or not v.shape[0]:
            raise ShapeError(f"convolve: got {show(a)} and {show(v)}; needs two sequences, not empty")
        return Aval((a.shape[0] + v.shape[0] - 1,), np.result_type(a.dtype, v.dtype))

    def vjp(self, g: Any, _y: Any, a: Any, v: Any) -> tuple[Any, ...]:
        return lambda: _pulled(g, v), lambda: _pulled(g, a)

    def reads(self, tracked: int) -> tuple[tuple[int, ...], bool]:
        return {1: (1,), 2: (0,), 3: (0, 1)}.get(tracked, ()), False

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(5,)), rng.normal(size=(3,))], {}
        yield [rng.normal(size=(1,)), rng.normal(size=(4,))], {}


def _pulled(g: Any, other: Any) -> Any:
    """The part of g * reversed(other) where the two overlap fully."""
    n = other.shape[0]
    return part(bind(CONVOLVE, (g, reverse(other, 0))), 0, n - 1, g.shape[0])


CONVOLVE = Convolve()


def _piece(operation: str, full: Any, n: int, m: int, mode: str, middle: int) -> Any:
    """The part of a full convolution of lengths n and m that `mode` asks for; 'same' begins at `middle`."""
    if mode == "full":
        return full
    if mode == "same":
        return part(full, 0, middle, middle + max(n, m))
    if mode == "valid":
        return part(full, 0, min(n, m) - 1, max(n, m))
    raise ArgumentError(f"{operation}: got mode={mode!r}; needs 'full', 'same' or 'valid'")


def convolve(a: Any, v: Any, /, mode: str = "full") -> Any:
    """Convolution of two sequences: ``y_k = sum_i a_i v_{k-i}``.

    Lengths n and m give n + m - 1 (full), max(n, m) (same) or max - min + 1 (valid). Raises `ShapeError` for
    empty operands or more than one axis.

    >>> import wengert as wg, numpy as np
    >>> wg.convolve(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0]))
    array([0., 1., 2., 3.])
    """
    a, v = arrayed(a), arrayed(v)
    CONVOLVE.aval(a, v)
    n, m = a.shape[0], v.shape[0]
    return _piece("convolve", bind(CONVOLVE, (a, v)), n, m, mode, (min(n, m) - 1) // 2)


def correlate(a: Any, v: Any, /, mode: str = "valid") -> Any:
    """Cross-correlation of two sequences: ``y_k = sum_i a_{i+k} conj(v_i)``; modes as for `convolve`.

    >>> import wengert as wg, numpy as np
    >>> wg.correlate(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0]))
    array([2., 3.])
    """
    a, v = arrayed(a), arrayed(v)
    CONVOLVE.aval(a, v)
    n, m = a.shape[0], v.shape[0]
    flipped = reverse(complexes.conj(v) if v.dtype.kind == "c" else v, 0)
    middle = (m - 1) // 2 if n >= m else n // 2  # NumPy exchanges the operands where the second is longer
    return _piece("correlate", bind(CONVOLVE, (a, flipped)), n, m, mode, middle)


def interp(x: Any, /, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Piecewise linear interpolation of the points ``(xp, fp)``, `xp` rising, at `x`.

    ``y = fp_i + (fp_{i+1} - fp_i) (x - xp_i) / (xp_{i+1} - xp_i)`` for ``xp_i <= x < xp_{i+1}``; before and behind
    the points `left` and `right`, by default the first and last of `fp`. Differentiable by `x`, `xp` and `fp`; the
    slope at a point is the one to its right (at the last point, to its left), outside it is 0. With `period` the
    points repeat and `left`, `right` are not used.

    >>> import wengert as wg, numpy as np
    >>> wg.grad(wg.interp)(1.5, np.array([1.0, 2.0, 4.0]), np.array([0.0, 3.0, 5.0]))
    np.float64(3.0)
    """
    x, xp, fp = (floating(z) for z in (x, xp, fp))
    if len(xp.shape) != 1 or xp.shape != fp.shape or not xp.shape[0]:
        raise ShapeError(f"interp: got xp {show(xp)} and fp {show(fp)}; needs two sequences of one length, not empty")
    if period is not None:
        x, xp, fp = _periodic(x, xp, fp, period)
        left = right = None
    n = xp.shape[0]
    low, high = index_first(fp, 0), index_first(fp, n - 1)
    left, right = low if left is None else left, high if right is None else right
    before, behind = comparison.less(x, index_first(xp, 0)), comparison.greater(x, index_first(xp, n - 1))
    if n == 1:
        inside = low + 0 * x
    else:
        i = rounding.minimum(rounding.maximum(searchsorted(xp, x, side="right"), 1), n - 1)
        x0, x1, f0, f1 = (getitem(z, j) for z in (xp, fp) for j in (i - 1, i))
        # Outside the points their own place stands in, so that nothing infinite gets into the derivative.
        held = rounding.where(before, x0, rounding.where(behind, x1, x))
        inside = f0 + (f1 - f0) / (x1 - x0) * (held - x0)
    return scalar(rounding.where(before, left, rounding.where(behind, right, inside)))


def _periodic(x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    """The points of one period in rising order, one of the neighbouring periods on either side."""
    x, xp = rounding.remainder(x, period), rounding.remainder(xp, period)
    order = argsort(xp)
    xp, fp = getitem(xp, order), getitem(fp, order)
    xp = concatenate([part(xp, 0, -1, None) - period, xp, part(xp, 0, 0, 1) + period])
    return x, xp, concatenate([part(fp, 0, -1, None), fp, part(fp, 0, 0, 1)])


def polyval(p: Any, /, x: Any) -> Any:
    """The polynomial with coefficients `p`, the highest power first, at `x` (Horner's rule).

    ``p_0 x**(n-1) + … + p_{n-1}``; differentiable by `p` and `x`.

    >>> import wengert as wg, numpy as np
    >>> wg.polyval(np.array([1.0, 0.0, -2.0]), np.array([2.0, 3.0]))
    array([2., 7.])
    """
    p, x = arrayed(p), arrayed(x)
    if len(p.shape) != 1:
        raise ShapeError(f"polyval: got coefficients of shape {list(p.shape)}; needs one axis")
    y = np.zeros(x.shape, np.result_type(p.dtype, x.dtype))
    for k in range(p.shape[0]):
        y = y * x + index_first(p, k) if k else y + index_first(p, 0)
    return y


@axis_names
def unwrap(p: Any, /, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    """Angles along `axis` without jumps: multiples of `period` are added where neighbours differ by over half of it.

    The derivative is the identity; the jumps are constants.

    >>> import wengert as wg, numpy as np
    >>> wg.unwrap(np.array([0.0, 3.0, 6.0 - 2 * np.pi]))
    array([0., 3., 6.])
    """
    p = floating(p)
    axis = shapes.axis_index("unwrap", axis, len(p.shape))
    half = period / 2
    steps = stop_gradient(diff(p, axis=axis))
    wrapped = rounding.remainder(steps + half, period) - half
    wrapped = rounding.where((wrapped == -half) & (steps > 0), half, wrapped)
    size = rounding.maximum(steps, -steps)
    jumps = rounding.where(size < (half if discont is None else discont), 0, wrapped - steps)
    return concatenate([part(p, axis, 0, 1), part(p, axis, 1, None) + cumsum(jumps, axis)], axis=axis)


__all__ = ["convolve", "correlate", "interp", "polyval", "unwrap"]
