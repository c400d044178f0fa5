"""Activations beside those of `wengert.ops.activation`: over an axis, with hard corners, self-normalising.

Derivatives at corners are PyTorch's: 0 at both ends of a clipped piece (`hardtanh`, `relu6`, `hardsigmoid`) and of a
piece that was shrunk away, 0 at the threshold of `threshold`.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.ops import random
from wengert.ops.activation import elu, leaky_relu, sigmoid
from wengert.ops.generator import next_key
from wengert.ops.manipulation import split
from wengert.ops.rounding import where
from wengert.ops.softmax import log_softmax as log_softmax_over
from wengert.ops.softmax import softmax as softmax_over
from wengert.ops.structure import arrayed, reshape
from wengert.ops.trigonometric import sinc as normalised_sinc
from wengert.ops.trigonometric import tanh

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


# ----- over an axis ------------------------------------------------------------------------------------------
def _class_axis(what: str, dim: int | None) -> int:
    if dim is not None:
        return dim
    warnings.warn(f"{what}: no dim given, the last axis is used; write dim=-1 to say so", stacklevel=3)
    return -1


def softmax(x: Any, dim: int | None = None) -> Any:
    """``exp(x_i) / sum_j exp(x_j)`` along `dim`, safe from overflow; without `dim` the last axis, with a warning."""
    return softmax_over(x, axis=_class_axis("softmax", dim))


def log_softmax(x: Any, dim: int | None = None) -> Any:
    """The logarithm of `softmax`, without its underflow."""
    return log_softmax_over(x, axis=_class_axis("log_softmax", dim))


def softmin(x: Any, dim: int | None = None) -> Any:
    """`softmax` of ``-x``: the smallest element gets the largest share."""
    return softmax_over(-arrayed(x), axis=_class_axis("softmin", dim))


def glu(x: Any, dim: int = -1) -> Any:
    """Gated linear unit ``a sigmoid(b)`` of the two halves of `x` along `dim`: ``(…, 2n) -> (…, n)``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.glu(np.array([1.0, 2.0, 0.0, 0.0]))
    array([0.5, 1. ])
    """
    x = arrayed(x)
    axis = shapes.axis_index("glu", dim, len(x.shape))
    if x.shape[axis] % 2:
        raise ShapeError(f"glu: got {show(x)}; needs an even length along axis {axis}")
    a, b = split(x, 2, axis)
    return a * sigmoid(b)


# ----- smooth -----------------------------------------------------------------------------------------------
def sinc(x: Any) -> Any:
    """``sin(x) / x``, 1 at 0 (not NumPy's normalised form)."""
    return normalised_sinc(arrayed(x) / np.pi)


def selu(x: Any) -> Any:
    """Self-normalising `elu`: ``1.0507 x`` where ``x > 0``, else ``1.0507 · 1.6733 (exp(x) - 1)``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.selu(np.array([0.0, 1.0])).round(4)
    array([0.    , 1.0507])
    """
    return SELU_SCALE * elu(x, SELU_ALPHA)


def celu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` where ``x > 0``, else ``alpha (exp(x / alpha) - 1)``; its derivative is continuous for every `alpha`."""
    if not alpha:
        raise ArgumentError("celu: got alpha=0; needs another number")
    return alpha * elu(arrayed(x) / alpha, 1.0)


def tanhshrink(x: Any) -> Any:
    """``x - tanh x``."""
    x = arrayed(x)
    return x - tanh(x)


def prelu(x: Any, weight: Any) -> Any:
    """`leaky_relu` whose slope is learned: one for all, or one a channel (axis 1)."""
    x, weight = arrayed(x), arrayed(weight)
    count = int(np.prod(weight.shape))
    return leaky_relu(x, reshape(weight, () if count == 1 else (count,) + (1,) * (len(x.shape) - 2)))


def rrelu(x: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Any:
    """`leaky_relu` with a slope drawn for every element between the bounds; not while training, their middle.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.rrelu(np.array([-4.0, 2.0]), 0.25, 0.75)
    array([-2.,  2.])
    """
    if not lower <= upper:
        raise ArgumentError(f"rrelu: got the bounds {lower} and {upper}; needs lower <= upper")
    if not training:
        return leaky_relu(x, (lower + upper) / 2)
    x = arrayed(x)
    dtype = x.dtype if x.dtype.kind == "f" else None
    return leaky_relu(x, random.uniform(next_key(), tuple(x.shape), lower, upper, dtype))


# ----- piecewise linear ---------------------------------------------------------------------------------------
def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """``x`` between the bounds, else the bound; the derivative at and outside the bounds is 0.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.hardtanh(np.array([-3.0, 0.5, 3.0]))
    array([-1. ,  0.5,  1. ])
    """
    if not min_val < max_val:
        raise ArgumentError(f"hardtanh: got the bounds {min_val} and {max_val}; needs min_val < max_val")
    x = arrayed(x)
    return where(x <= min_val, min_val, where(x >= max_val, max_val, x))


def relu6(x: Any) -> Any:
    """``min(max(x, 0), 6)``; the derivative at 0 and 6 is 0."""
    return hardtanh(x, 0.0, 6.0)


def hardsigmoid(x: Any) -> Any:
    """``relu6(x + 3) / 6``: 0 up to -3, 1 from 3 on, a line between; the derivative at the corners is 0."""
    return relu6(arrayed(x) + 3) / 6


def hardswish(x: Any) -> Any:
    """``x relu6(x + 3) / 6``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.hardswish(np.array([-4.0, 0.0, 3.0])) + 0.0
    array([0., 0., 3.])
    """
    x = arrayed(x)
    return x * relu6(x + 3) / 6


def softshrink(x: Any, lambd: float = 0.5) -> Any:
    """`x` moved towards 0 by `lambd`, 0 where ``|x| <= lambd``; the derivative there is 0."""
    if lambd < 0:
        raise ArgumentError(f"softshrink: got lambd={lambd}; needs a number that is at least 0")
    x = arrayed(x)
    return where(x > lambd, x - lambd, where(x < -lambd, x + lambd, 0))


def hardshrink(x: Any, lambd: float = 0.5) -> Any:
    """``x`` where ``|x| > lambd``, else 0."""
    x = arrayed(x)
    return where((x > lambd) | (x < -lambd), x, 0)


def threshold(x: Any, threshold: float, value: float) -> Any:
    """``x`` where ``x > threshold``, else `value`."""
    x = arrayed(x)
    return where(x > threshold, x, value)
