"""Losses for classes: cross-entropy in its forms, the hinge family, ordered classes.

Labels that are known are checked; inside vmap or an abstract recording their values are not there to be checked.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.nn.functional.checks import floating_value, indices, known, pair, reduce
from wengert.ops.activation import log_sigmoid, softplus
from wengert.ops.creation import zeros_like
from wengert.ops.cumulative import cumprod
from wengert.ops.exponential import expm1, log
from wengert.ops.gather import getitem
from wengert.ops.joining import concatenate
from wengert.ops.manipulation import expand_dims
from wengert.ops.reduction import mean
from wengert.ops.reduction import sum as total
from wengert.ops.rounding import maximum, where
from wengert.ops.softmax import log_softmax
from wengert.ops.structure import arrayed, astype, moveaxis, reshape

LEAST = math.exp(-100)  # the least probability a loss takes the logarithm of


# ----- yes or no ---------------------------------------------------------------------------------------------
def binary_cross_entropy(p: Any, y: Any, reduction: str = "mean", weight: Any = None) -> Any:
    """``-w (y log p + (1 - y) log(1 - p))`` of probabilities.

    Logarithms are cut at -100, as in PyTorch; where one is cut its gradient is 0. Better: the form with logits.
    """
    p, y = pair("binary_cross_entropy", p, y)
    values = known(p)
    if values is not None and ((values < 0) | (values > 1)).any():
        raise ArgumentError("binary_cross_entropy: got values outside [0, 1]; use binary_cross_entropy_with_logits")
    loss = -(y * log(maximum(p, LEAST)) + (1 - y) * log(maximum(1 - p, LEAST)))
    return reduce(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    z: Any, y: Any, reduction: str = "mean", weight: Any = None, pos_weight: Any = None
) -> Any:
    """Binary cross-entropy of ``sigmoid(z)``, computed stably as ``softplus(z) - y z``.

    `pos_weight` multiplies the part of ``y = 1`` (more than 1 for rare positives), `weight` the whole; they broadcast.
    """
    z, y = pair("binary_cross_entropy_with_logits", z, y)
    if pos_weight is None:
        loss = softplus(z) - y * z
    else:
        loss = (1 - y) * z + (1 + (arrayed(pos_weight) - 1) * y) * softplus(-z)
    return reduce(loss if weight is None else loss * weight, reduction)


def multilabel_soft_margin_loss(z: Any, y: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """The mean over the classes (last axis) of binary cross-entropies of logits."""
    z, y = pair("multilabel_soft_margin_loss", z, y)
    loss = softplus(z) - y * z
    return reduce(mean(loss if weight is None else loss * weight, -1), reduction)


# ----- one of many -------------------------------------------------------------------------------------------
def _class_axis(what: str, scores: Any) -> int:
    if not scores.shape:
        raise ShapeError(f"{what}: got one number; needs (N, C, …) or (C,)")
    return min(len(scores.shape) - 1, 1)


def _class_weight(what: str, weight: Any, classes: int) -> Any:
    weight = arrayed(weight)
    if tuple(weight.shape) != (classes,):
        raise ShapeError(f"{what}: got the weight {show(weight)}; needs one number for each of {classes} classes")
    return weight


def _picked(x: Any, target: Any, axis: int) -> Any:
    """``x[i, target_i, …]``."""
    others = np.ogrid[tuple(slice(n) for n in target.shape)]
    return getitem(x, (*others[:axis], target, *others[axis:]))


def nll_loss(
    log_p: Any, target: Any, weight: Any = None, reduction: str = "mean", ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    """``-log_p[i, target_i]``: ``(N, C), (N,) -> ()``, or ``(N, C, …), (N, …)``, or ``(C,), ()``.

    With a `weight` for each class the mean is weighted. Targets equal to `ignore_index` do not count. Raises where a
    label is no class index.
    """
    log_p, target = arrayed(log_p), arrayed(target)
    axis = _class_axis("nll_loss", log_p)
    if log_p.shape[:axis] + log_p.shape[axis + 1 :] != target.shape:
        raise ShapeError(
            f"nll_loss: got scores {show(log_p)} and targets {show(target)}; needs (N, C) and (N,), or (C,) and ()"
        )
    classes = log_p.shape[axis]
    if weight is not None:
        weight = _class_weight("nll_loss", weight, classes)
    target = indices("cross_entropy", target, classes, "label", ignore_index)
    values = known(target)
    ignores = values is None or bool((values == ignore_index).any())
    keep = target != ignore_index if ignores else None
    label = where(keep, target, 0) if ignores else target
    loss = -_picked(log_p, label, axis)
    share = None if weight is None else weight[label]
    if share is not None:
        loss = loss * share
    if label_smoothing:
        each = log_p if weight is None else log_p * reshape(weight, (-1,) + (1,) * (len(log_p.shape) - axis - 1))
        loss = (1 - label_smoothing) * loss - label_smoothing / classes * total(each, axis)
    if ignores:
        loss = where(keep, loss, 0)
        share = where(keep, 1.0 if share is None else share, 0.0)
    if reduction == "mean" and share is not None:
        return total(loss) / total(share)
    return reduce(loss, reduction)


def cross_entropy(
    z: Any, target: Any, weight: Any = None, reduction: str = "mean", ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    """``-log softmax(z)_target`` of logits; the target holds class indices, or probabilities in the shape of `z`.

    The gradient by `z` is ``(softmax(z) - target) / N`` for the mean. Do not put a softmax before it.
    ``label_smoothing=e`` mixes the target with equal probabilities: ``(1 - e) target + e / C``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.cross_entropy(np.zeros((2, 4)), np.array([0, 3])) == np.log(4)
    np.True_
    """
    z, target = arrayed(z), arrayed(target)
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(f"cross_entropy: got label_smoothing={label_smoothing}; needs a number from 0 to 1")
    if not z.shape:
        raise ShapeError("cross_entropy: got one number; needs logits (N, C) or (C,)")
    axis = _class_axis("cross_entropy", z)
    log_p = log_softmax(z, axis=axis)
    if target.dtype.kind != "f":
        return nll_loss(log_p, target, weight, reduction, ignore_index, label_smoothing)
    z, target = pair("cross_entropy", z, target)
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing / z.shape[axis]
    if weight is not None:
        weight = _class_weight("cross_entropy", weight, z.shape[axis])
        target = target * reshape(weight, (-1,) + (1,) * (len(z.shape) - axis - 1))
    return reduce(-total(target * log_p, axis), reduction)


# ----- margins -----------------------------------------------------------------------------------------------
def soft_margin_loss(z: Any, y: Any, reduction: str = "mean") -> Any:
    """``log(1 + exp(-y z))`` with ``y`` = 1 or -1."""
    z, y = pair("soft_margin_loss", z, y)
    return reduce(softplus(-y * z), reduction)


def hinge_loss(z: Any, y: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """``max(0, margin - y z)`` with ``y`` = 1 or -1: the loss of support vector machines; derivative 0 at the corner.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.hinge_loss(np.array([2.0, 0.25]), np.array([1.0, 1.0]), reduction="none")
    array([0.  , 0.75])
    """
    z, y = pair("hinge_loss", z, y)
    return reduce(_above(margin - y * z), reduction)


def hinge_embedding_loss(x: Any, y: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """Of distances: ``x`` where ``y`` = 1, ``max(0, margin - x)`` where ``y`` = -1."""
    x, y = pair("hinge_embedding_loss", x, y)
    return reduce(where(y == 1, x, 0) + where(y == -1, _above(margin - x), 0), reduction)


def margin_ranking_loss(x1: Any, x2: Any, y: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """``max(0, margin - y (x1 - x2))``: ``y`` = 1 where the first should rank higher, else -1."""
    x1, x2 = pair("margin_ranking_loss", x1, x2)
    return reduce(_above(margin - y * (x1 - x2)), reduction)


def multi_margin_loss(
    z: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Any:
    """``sum over i ≠ target of max(0, margin - z_target + z_i)^p / C`` of scores (N, C) or (C,)."""
    z, target = arrayed(z), arrayed(target)
    if not z.shape or tuple(z.shape[:-1]) != tuple(target.shape) or p not in (1, 2):
        raise ShapeError(
            f"multi_margin_loss: got scores {show(z)}, targets {show(target)} and p={p}; needs (N, C), (N,), p 1 or 2"
        )
    classes = z.shape[-1]
    target = indices("multi_margin_loss", target, classes, "label")
    excess = _above(margin - expand_dims(_picked(z, target, len(target.shape)), -1) + z)
    if p == 2:
        excess = excess * excess
    if weight is not None:
        excess = excess * expand_dims(_class_weight("multi_margin_loss", weight, classes)[target], -1)
    own = expand_dims(target, -1) == np.arange(classes)
    return reduce(total(where(own, 0, excess), -1) / classes, reduction)


def multilabel_margin_loss(z: Any, target: Any, reduction: str = "mean") -> Any:
    """``sum over targets j and others i of max(0, 1 - z_j + z_i) / C`` of scores (N, C) or (C,).

    The targets have the shape of the scores: class indices, ended by the first -1.
    """
    z, target = pair("multilabel_margin_loss", z, target)
    if not z.shape:
        raise ShapeError(f"multilabel_margin_loss: got scores {show(z)}; needs one for each class: (C,) or (N, C)")
    classes = z.shape[-1]
    target = indices("multilabel_margin_loss", target, classes, "label", -1)
    listed = cumprod(astype(target >= 0, np.int64), axis=-1) == 1
    # A class that is listed twice counts twice, as in PyTorch.
    times = total(astype((expand_dims(target, -1) == np.arange(classes)) & expand_dims(listed, -1), z.dtype), -2)
    pairs = expand_dims(times, -1) * astype(expand_dims(times == 0, -2), z.dtype)
    excess = _above(1 - expand_dims(z, -1) + expand_dims(z, -2))
    return reduce(total(pairs * excess, (-2, -1)) / classes, reduction)


def _above(x: Any) -> Any:
    return where(x > 0, x, 0)


# ----- ordered classes ---------------------------------------------------------------------------------------
def ordinal_log_probabilities(score: Any, thresholds: Any) -> Any:
    """Logarithms of the class probabilities of the cumulative logit model: scores (…), thresholds (K - 1,) -> (…, K).

    ``P(y <= k) = sigmoid(threshold_k - score)`` with increasing thresholds, so a larger score means a higher class.
    The difference of two sigmoids is computed as ``sigmoid(b) sigmoid(-a) (1 - exp(a - b))``, stable in both tails.

    >>> import wengert as wg, numpy as np
    >>> np.exp(wg.nn.functional.ordinal_log_probabilities(0.0, np.array([-np.log(3), np.log(3)])))
    array([0.25, 0.5 , 0.25])
    """
    score, thresholds = floating_value(score), floating_value(thresholds)
    if len(thresholds.shape) != 1 or not thresholds.shape[0]:
        raise ShapeError(f"ordinal: got thresholds {show(thresholds)}; needs one number between two classes: (K - 1,)")
    values = known(thresholds)
    if values is not None and (values[1:] <= values[:-1]).any():
        raise ArgumentError("ordinal: the thresholds must increase from class to class")
    at = thresholds - expand_dims(score, -1)
    below, above = log_sigmoid(at), log_sigmoid(-at)  # log P(y <= k), log P(y > k)
    edge = zeros_like(below[..., :1])
    gaps = log(-expm1(thresholds[:-1] - thresholds[1:]))
    middle = below[..., 1:] + above[..., :-1] + gaps
    return concatenate([below[..., :1] + edge, middle, above[..., -1:] + edge], axis=-1)


def ordinal_loss(score: Any, target: Any, thresholds: Any, reduction: str = "mean") -> Any:
    """Negative log-likelihood of ordered classes ``0 … K - 1``: see `ordinal_log_probabilities`."""
    score, target = floating_value(score), arrayed(target)
    if score.shape != target.shape:
        raise ShapeError(f"ordinal_loss: got scores {show(score)} and targets {show(target)}; needs the same shape")
    log_p = moveaxis(ordinal_log_probabilities(score, thresholds), -1, min(len(score.shape), 1))
    return nll_loss(log_p, target, None, reduction)
