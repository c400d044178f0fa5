"""Layers and losses as functions. Activations are those of `wengert.ops.activation`."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, DTypeError, ShapeError, show
from wengert.core.record import Tensor
from wengert.ops import random
from wengert.ops.activation import (
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    mish,
    relu,
    sigmoid,
    silu,
    softplus,
    softsign,
    step,
)
from wengert.ops.exponential import log
from wengert.ops.gather import getitem
from wengert.ops.generator import next_key
from wengert.ops.reduction import mean
from wengert.ops.reduction import sum as total
from wengert.ops.rounding import maximum
from wengert.ops.softmax import log_softmax as log_softmax_over
from wengert.ops.softmax import softmax as softmax_over
from wengert.ops.structure import arrayed, reshape, transpose
from wengert.ops.trigonometric import sinc as normalised_sinc
from wengert.ops.trigonometric import tanh

logsigmoid = log_sigmoid
LEAST = math.exp(-100)  # the least probability a loss takes the logarithm of


# ----- layers -------------------------------------------------------------------------------------------
def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Affine map ``y = x Wᵀ + b``: ``(…, in), (out, in), (out,) -> (…, out)``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.linear(np.array([1.0, 2.0]), np.eye(2), np.array([0.5, 0.5]))
    array([1.5, 2.5])
    """
    x = arrayed(x)
    if not x.shape or x.shape[-1] != weight.shape[1]:
        raise ShapeError(
            f"linear: got x {show(x)} for a weight {list(weight.shape)}; needs {weight.shape[1]} features on the "
            f"last axis of x"
        )
    y = x @ transpose(weight)
    return y if bias is None else y + bias


def dropout(x: Any, p: float = 0.5, training: bool = True) -> Any:
    """Set every element to 0 with probability `p` and divide the others by ``1 - p``; only while training."""
    if not 0 <= p <= 1:
        raise ArgumentError(f"dropout: got p={p}; needs a probability between 0 and 1")
    if not training or p == 0:
        return x
    x = arrayed(x)
    if p == 1:
        return x * 0
    keep = random.uniform(next_key(), x.shape) >= p
    return x * (keep.astype(x.dtype) / (1 - p))


# ----- activations over an axis, and with an odd name ------------------------------------------------------
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


def sinc(x: Any) -> Any:
    """``sin(x) / x``, 1 at 0 (not NumPy's normalised form)."""
    return normalised_sinc(arrayed(x) / np.pi)


def prelu(x: Any, weight: Any) -> Any:
    """`leaky_relu` whose slope is learned: one for all, or one a channel (axis 1)."""
    x = arrayed(x)
    if len(x.shape) > 2 and weight.shape[0] > 1:
        weight = reshape(weight, (weight.shape[0],) + (1,) * (len(x.shape) - 2))
    return leaky_relu(x, weight)


# ----- losses ------------------------------------------------------------------------------------------
def reduce(loss: Any, reduction: str) -> Any:
    """The ``mean`` or ``sum`` of the losses of all elements, or (``none``) the losses themselves."""
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return total(loss)
    if reduction == "none":
        return loss
    raise ArgumentError(f"loss: got reduction={reduction!r}; needs 'mean', 'sum' or 'none'")


def _pair(what: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Prediction and target, which must have one shape (silent broadcasting would compare all with all)."""
    x, y = arrayed(x), arrayed(y)
    if x.shape != y.shape:
        raise ShapeError(f"{what}: got a prediction {show(x)} and a target {show(y)}; needs the same shape")
    return x, y


def mse_loss(x: Any, y: Any, reduction: str = "mean") -> Any:
    """Squared error ``(x - y)²``."""
    x, y = _pair("mse_loss", x, y)
    difference = x - y
    return reduce(difference * difference, reduction)


def l1_loss(x: Any, y: Any, reduction: str = "mean") -> Any:
    """Absolute error ``|x - y|``; its derivative at 0 is 0."""
    x, y = _pair("l1_loss", x, y)
    return reduce(abs(x - y), reduction)


def binary_cross_entropy(p: Any, y: Any, reduction: str = "mean") -> Any:
    """``-(y log p + (1 - y) log(1 - p))`` of probabilities.

    Logarithms are cut at -100, as in PyTorch; where one is cut its gradient is 0. Better: the form with logits.
    """
    p, y = _pair("binary_cross_entropy", p, y)
    if isinstance(p, np.ndarray) and ((p < 0) | (p > 1)).any():
        raise ArgumentError("binary_cross_entropy: got values outside [0, 1]; use binary_cross_entropy_with_logits")
    return reduce(-(y * log(maximum(p, LEAST)) + (1 - y) * log(maximum(1 - p, LEAST))), reduction)


def binary_cross_entropy_with_logits(z: Any, y: Any, reduction: str = "mean") -> Any:
    """Binary cross-entropy of ``sigmoid(z)``, computed stably as ``softplus(z) - y z``."""
    z, y = _pair("binary_cross_entropy_with_logits", z, y)
    return reduce(softplus(z) - y * z, reduction)


def nll_loss(log_p: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """``-log_p[i, target_i]``: ``(N, C), (N,) -> ()``, or ``(N, C, …), (N, …)``, or ``(C,), ()``.

    With a `weight` for each class the mean is weighted. Raises where a label is no class index.
    """
    log_p, target = arrayed(log_p), arrayed(target)
    axis = min(len(log_p.shape) - 1, 1)
    if axis < 0 or log_p.shape[:axis] + log_p.shape[axis + 1 :] != target.shape:
        raise ShapeError(
            f"nll_loss: got scores {show(log_p)} and targets {show(target)}; needs (N, C) and (N,), or (C,) and ()"
        )
    _check_labels(target, log_p.shape[axis])
    others = np.ogrid[tuple(slice(n) for n in target.shape)]
    loss = -getitem(log_p, (*others[:axis], target, *others[axis:]))
    if weight is None:
        return reduce(loss, reduction)
    weights = arrayed(weight)[target]
    return total(loss * weights) / total(weights) if reduction == "mean" else reduce(loss * weights, reduction)


def _check_labels(target: Any, classes: int) -> None:
    if target.dtype.kind not in "iu":
        raise DTypeError(f"cross_entropy: got targets {show(target)}; needs integer class indices")
    labels = target.value if isinstance(target, Tensor) else target
    if not isinstance(labels, np.ndarray | np.generic) or not labels.size:
        return
    low, high = labels.min(), labels.max()
    if low < 0 or high >= classes:
        raise ArgumentError(f"cross_entropy: got the label {low if low < 0 else high} for classes 0 to {classes - 1}")


def cross_entropy(z: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """``-log softmax(z)_target`` of logits; the target holds class indices, or probabilities in the shape of `z`.

    The gradient by `z` is ``(softmax(z) - target) / N`` for the mean. Do not put a softmax before it.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.cross_entropy(np.zeros((2, 4)), np.array([0, 3])) == np.log(4)
    np.True_
    """
    z, target = arrayed(z), arrayed(target)
    if not z.shape:
        raise ShapeError("cross_entropy: got one number; needs logits (N, C) or (C,)")
    axis = min(len(z.shape) - 1, 1)
    log_p = log_softmax_over(z, axis=axis)
    if target.dtype.kind != "f":
        return nll_loss(log_p, target, weight, reduction)
    z, target = _pair("cross_entropy", z, target)
    if weight is not None:
        target = target * reshape(weight, (-1,) + (1,) * (len(z.shape) - axis - 1))
    return reduce(-total(target * log_p, axis), reduction)


__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "dropout", "elu", "gelu", "l1_loss",
    "leaky_relu", "linear", "log_sigmoid", "log_softmax", "logsigmoid", "mish", "mse_loss", "nll_loss", "prelu",
    "relu", "sigmoid", "silu", "sinc", "softmax", "softplus", "softsign", "step", "tanh",
]  # fmt: skip
