"""Losses of numbers, of distributions and of distances."""

from __future__ import annotations

import math
from typing import Any

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.nn.functional.checks import floating_value, pair, reduce
from wengert.nn.functional.norm import pairwise_distance
from wengert.ops.exponential import exp, log, sqrt
from wengert.ops.reduction import sum as total
from wengert.ops.rounding import maximum, minimum, where
from wengert.ops.special import xlogy
from wengert.ops.structure import arrayed

TINY = 1e-12  # PyTorch's guard of the lengths in cosine_embedding_loss


# ----- numbers -----------------------------------------------------------------------------------------------
def mse_loss(x: Any, y: Any, reduction: str = "mean") -> Any:
    """Squared error ``(x - y)²``."""
    x, y = pair("mse_loss", x, y)
    difference = x - y
    return reduce(difference * difference, reduction)


def l1_loss(x: Any, y: Any, reduction: str = "mean") -> Any:
    """Absolute error ``|x - y|``; its derivative at 0 is 0."""
    x, y = pair("l1_loss", x, y)
    return reduce(abs(x - y), reduction)


def huber_loss(x: Any, y: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """``d² / 2`` where ``|d| <= delta``, else ``delta (|d| - delta / 2)``, with ``d = x - y``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.huber_loss(np.array([0.5, 3.0]), np.zeros(2), "none")
    array([0.125, 2.5  ])
    """
    if not delta > 0:
        raise ArgumentError(f"huber_loss: got delta={delta}; needs a positive number")
    x, y = pair("huber_loss", x, y)
    d = x - y
    size = abs(d)
    return reduce(where(size <= delta, 0.5 * d * d, delta * (size - 0.5 * delta)), reduction)


def smooth_l1_loss(x: Any, y: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """`huber_loss` divided by its `beta`: slope 1 far from 0; with ``beta=0`` the absolute error."""
    if not beta >= 0:
        raise ArgumentError(f"smooth_l1_loss: got beta={beta}; needs a number that is at least 0")
    return l1_loss(x, y, reduction) if beta == 0 else huber_loss(x, y, reduction, beta) / beta


# ----- distributions -----------------------------------------------------------------------------------------
def kl_div(log_q: Any, p: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """``p (log p - log q)``; the first argument holds log q, the second p (or log p with `log_target`).

    ``reduction="batchmean"`` divides the sum by the number of examples: the mean divergence, what is usually meant.
    """
    log_q, p = pair("kl_div", log_q, p)
    loss = exp(p) * (p - log_q) if log_target else xlogy(p, p) - p * log_q
    if reduction == "batchmean":
        return total(loss) / (log_q.shape[0] if log_q.shape else 1)
    return reduce(loss, reduction)


def poisson_nll_loss(
    x: Any, y: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Any:
    """Negative log-likelihood of counts: ``exp(x) - y x``, or ``x - y log(x + eps)`` without `log_input`.

    With `full` Stirling's form of ``log y!`` is added where ``y > 1``.
    """
    x, y = pair("poisson_nll_loss", x, y)
    loss = exp(x) - y * x if log_input else x - y * log(x + eps)
    if full:
        z = where(y > 1, y, 2.0)
        loss = loss + where(y > 1, z * log(z) - z + 0.5 * log(2 * math.pi * z), 0)
    return reduce(loss, reduction)


def gaussian_nll_loss(x: Any, y: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Any:
    """``(log v + (x - y)² / v) / 2`` with the variance ``v = max(var, eps)``; with `full` plus ``log(2 pi) / 2``.

    The variance has the shape of `x`, or its last axis missing or of length 1.
    """
    x, y = pair("gaussian_nll_loss", x, y)
    var = floating_value(var)
    if var.shape == x.shape[:-1] and var.shape != x.shape:
        var = var[..., None]
    if var.shape not in (x.shape, (), (*x.shape[:-1], 1)):
        raise ShapeError(f"gaussian_nll_loss: got the variance {show(var)} for a prediction {show(x)}")
    v = maximum(var, eps)
    d = x - y
    loss = 0.5 * (log(v) + d * d / v) + (0.5 * math.log(2 * math.pi) if full else 0.0)
    return reduce(loss, reduction)


# ----- distances ---------------------------------------------------------------------------------------------
def cosine_embedding_loss(x1: Any, x2: Any, y: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """Of pairs of vectors (N, D) or (D,): ``1 - cos`` where ``y`` = 1, ``max(0, cos - margin)`` where ``y`` = -1."""
    x1, x2 = pair("cosine_embedding_loss", x1, x2)
    y = arrayed(y)
    if not x1.shape or tuple(y.shape) != tuple(x1.shape[:-1]):
        raise ShapeError(f"cosine_embedding_loss: got vectors {show(x1)} and targets {show(y)}; needs (N, D) and (N,)")
    squares = (total(x1 * x1, -1) + TINY) * (total(x2 * x2, -1) + TINY)
    cosine = total(x1 * x2, -1) / sqrt(squares)
    beyond = cosine - margin
    return reduce(where(y == 1, 1 - cosine, 0) + where(y == -1, where(beyond > 0, beyond, 0), 0), reduction)


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: str = "mean",
) -> Any:  # fmt: skip
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with `pairwise_distance`.

    With `swap` the negative's distance to the nearer of anchor and positive counts.
    """
    if not margin > 0:
        raise ArgumentError(f"triplet_margin_loss: got margin={margin}; needs a positive number")
    pair("triplet_margin_loss", anchor, positive)
    pair("triplet_margin_loss", anchor, negative)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    excess = pairwise_distance(anchor, positive, p, eps) - far + margin
    return reduce(where(excess > 0, excess, 0), reduction)
