"""Sums of exponentials, stably: logsumexp, softmax, log_softmax.

The largest element is taken out before exponentials are summed, so nothing overflows. Where all elements are
``-inf`` (a masked row) softmax is 0 and every gradient is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval
from wengert.core.record import bind
from wengert.ops import comparison, exponential, rounding
from wengert.ops.arithmetic import stop_gradient
from wengert.ops.reduction import MAX, floating, scalar
from wengert.ops.structure import (
    SUM,
    OverAxes,
    Samples,
    arrayed,
    astype,
    axis_names,
    broadcast_to,
    reshape,
    spread,
    sum_axes,
)


def _shift(x: Any, axes: Shape) -> Any:
    """The largest real part with the axes kept; 0 where it is not finite."""
    largest = np.maximum.reduce(x.real, axis=axes, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(largest), largest, np.zeros((), largest.dtype))


class LogSumExp(OverAxes):
    """``log(sum(exp(x)))`` over some axes; its derivative is softmax."""

    name = "logsumexp"

    def impl(self, x: Any, *, axes: Shape, keepdims: bool) -> Any:
        with np.errstate(all="ignore"):
            shift = _shift(x, axes)
            y = np.log(np.add.reduce(np.exp(x - shift), axis=axes, keepdims=True)) + shift
        return y if keepdims else np.reshape(y, shapes.reduced(x.shape, axes, keepdims=False))[()]

    def aval(self, x: Any, *, axes: Shape, keepdims: bool) -> Aval:
        return Aval(shapes.reduced(x.shape, axes, keepdims), x.dtype)

    def vjp(self, g: Any, y: Any, x: Any, *, axes: Shape, keepdims: bool) -> tuple[Any, ...]:
        return (spread(g, x.shape, axes) * _weights(y, x, axes),)

    def jvp(self, ts: Sequence[Any], y: Any, x: Any, *, axes: Shape, keepdims: bool) -> Any:
        return sum_axes(ts[0] * _weights(y, x, axes), axes, keepdims)


def _weights(y: Any, x: Any, axes: Shape) -> Any:
    """``exp(x - y)``: softmax; 0 where all elements, and so y, are -inf."""
    y = rounding.where(comparison.equal(y, -np.inf), 0, y)
    return exponential.exp(x - reshape(y, shapes.reduced(x.shape, axes, keepdims=True)))


class _Normalised(OverAxes):
    """A function of the same shape whose elements along `axes` are normalised together."""

    def aval(self, x: Any, *, axes: Shape) -> Aval:
        return Aval(x.shape, x.dtype)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 3, 4))], {"axes": (0, 2)}
        yield [rng.normal(size=(2, 3))], {"axes": (1,)}
        yield [rng.normal(size=(2, 0))], {"axes": (0,)}
        yield [rng.normal(size=())], {"axes": ()}


class Softmax(_Normalised):
    """``exp(x) / sum(exp(x))``."""

    name = "softmax"

    def impl(self, x: Any, *, axes: Shape) -> Any:
        with np.errstate(all="ignore"):
            e = np.exp(x - _shift(x, axes))
            total = np.add.reduce(e, axis=axes, keepdims=True)
            return e / np.where(total == 0, np.ones((), total.dtype), total)

    def vjp(self, g: Any, y: Any, _x: Any, *, axes: Shape) -> tuple[Any, ...]:
        return (y * (g - bind(SUM, (g * y,), {"axes": axes, "keepdims": True})),)

    def jvp(self, ts: Sequence[Any], y: Any, _x: Any, *, axes: Shape) -> Any:
        return self.vjp(ts[0], y, _x, axes=axes)[0]  # the matrix diag(y) - y y' is symmetric


class LogSoftmax(_Normalised):
    """``x - log(sum(exp(x)))``."""

    name = "log_softmax"

    def impl(self, x: Any, *, axes: Shape) -> Any:
        with np.errstate(all="ignore"):
            shifted = x - _shift(x, axes)
            total = np.log(np.add.reduce(np.exp(shifted), axis=axes, keepdims=True))
            return shifted - np.where(total == -np.inf, np.zeros((), total.dtype), total)

    def vjp(self, g: Any, y: Any, _x: Any, *, axes: Shape) -> tuple[Any, ...]:
        p, live = _probabilities(y, axes)
        return ((g - p * bind(SUM, (g,), {"axes": axes, "keepdims": True})) * live,)

    def jvp(self, ts: Sequence[Any], y: Any, _x: Any, *, axes: Shape) -> Any:
        p, live = _probabilities(y, axes)
        t = ts[0] * live
        return t - bind(SUM, (p * t,), {"axes": axes, "keepdims": True})


def _probabilities(log_p: Any, axes: Shape) -> tuple[Any, Any]:
    """Probabilities, and which rows have any (the others are -inf everywhere)."""
    p = exponential.exp(log_p)
    return p, comparison.not_equal(stop_gradient(bind(SUM, (p,), {"axes": axes, "keepdims": True})), 0)


LOG_SUM_EXP, SOFTMAX, LOG_SOFTMAX = LogSumExp(), Softmax(), LogSoftmax()


def _arguments(operation: str, x: Any, axis: Any) -> tuple[Any, Shape]:
    x = floating(x)
    return x, shapes.axes_tuple(operation, axis, len(x.shape))


@axis_names
def logsumexp(x: Any, /, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """``log(sum(b * exp(x)))`` over `axis` (one, several, or all), without overflow.

    `b` are weights, by default 1; with ``return_sign`` the result is ``(log|sum|, sign)``. A weighted sum of 0
    gives ``-inf`` with gradient 0.

    >>> import wengert as wg, numpy as np
    >>> wg.logsumexp(np.array([1000.0, 1000.0]))
    np.float64(1000.6931471805599)
    """
    x, axes = _arguments("logsumexp", x, axis)
    if b is None and not return_sign:
        return bind(LOG_SUM_EXP, (x,), {"axes": axes, "keepdims": bool(keepdims)})
    b = arrayed(1 if b is None else b)
    shape = shapes.broadcast("logsumexp", x.shape, b.shape)
    x, b = broadcast_to(x, shape), broadcast_to(b, shape)
    x = rounding.where(comparison.equal(b, 0), -np.inf, x)
    shift = stop_gradient(bind(MAX, (x,), {"axes": axes, "keepdims": True}))
    shift = rounding.where(comparison.equal(shift, -np.inf), 0, shift)
    total = sum_axes(b * exponential.exp(x - shift), axes, bool(keepdims))
    shift = reshape(shift, total.shape)
    sign, zero = rounding.sign(total), comparison.equal(total, 0)
    size = total * sign if return_sign else total
    y = rounding.where(zero, -np.inf, exponential.log(rounding.where(zero, 1, size)) + shift)
    y = scalar(y)
    return (y, sign) if return_sign else y


@axis_names
def softmax(x: Any, /, axis: Any = None, dtype: Any = None) -> Any:
    """``exp(x) / sum(exp(x))`` over `axis` (SciPy's default: over all elements).

    Where all elements are ``-inf`` the result and its gradient are 0.

    >>> import wengert as wg, numpy as np
    >>> wg.softmax(np.array([0.0, np.log(3.0)]))
    array([0.25, 0.75])
    """
    x, axes = _arguments("softmax", x if dtype is None else astype(x, dtype), axis)
    return bind(SOFTMAX, (x,), {"axes": axes})


@axis_names
def log_softmax(x: Any, /, axis: Any = None, dtype: Any = None) -> Any:
    """``x - log(sum(exp(x)))`` over `axis` (SciPy's default: over all elements).

    Where all elements are ``-inf`` the result is ``-inf`` and its gradient 0.

    >>> import wengert as wg, numpy as np
    >>> wg.log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    x, axes = _arguments("log_softmax", x if dtype is None else astype(x, dtype), axis)
    return bind(LOG_SOFTMAX, (x,), {"axes": axes})


__all__ = ["logsumexp", "softmax", "log_softmax"]
