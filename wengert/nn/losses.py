"""Losses as modules: ``loss(prediction, target)``, with ``reduction`` "mean", "sum" or "none".

The formulas are in `wengert.nn.functional`. Options that PyTorch takes before `reduction` are keywords here.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from wengert.base.dtypes import get_default_dtype
from wengert.base.errors import ArgumentError
from wengert.nn import functional
from wengert.nn.functional.checks import positive
from wengert.nn.module import Module, Parameter
from wengert.ops.activation import softplus
from wengert.ops.cumulative import cumsum
from wengert.ops.exponential import exp
from wengert.ops.joining import concatenate


class Loss(Module):
    """Base of the losses: keeps the reduction."""

    reductions: ClassVar[tuple[str, ...]] = ("mean", "sum", "none")

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in self.reductions:
            words = ", ".join(map(repr, self.reductions[:-1]))
            raise ArgumentError(
                f"{type(self).__name__}: got reduction={reduction!r}; needs {words} or {self.reductions[-1]!r}"
            )
        self.reduction = reduction


# ----- numbers -----------------------------------------------------------------------------------------------
class MSELoss(Loss):
    """Squared error."""

    def forward(self, x: Any, y: Any) -> Any:
        return functional.mse_loss(x, y, self.reduction)


class L1Loss(Loss):
    """Absolute error."""

    def forward(self, x: Any, y: Any) -> Any:
        return functional.l1_loss(x, y, self.reduction)


class HuberLoss(Loss):
    """``d² / 2`` up to `delta`, from there on a line of slope `delta`."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, x: Any, y: Any) -> Any:
        return functional.huber_loss(x, y, self.reduction, self.delta)


class SmoothL1Loss(Loss):
    """`HuberLoss` divided by its `beta`."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, x: Any, y: Any) -> Any:
        return functional.smooth_l1_loss(x, y, self.reduction, self.beta)


# ----- classes -----------------------------------------------------------------------------------------------
class _WeightedLoss(Loss):
    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)


class CrossEntropyLoss(_WeightedLoss):
    """Cross-entropy of logits with class indices or probabilities; do not put a softmax before it.

    `weight` is a number for each class, `ignore_index` a label that does not count, `label_smoothing` the part of the
    target that is spread over all classes.

    >>> import wengert as wg
    >>> loss = wg.nn.CrossEntropyLoss()
    >>> round(float(loss([[1.0, 2.0, 0.5], [0.1, -1.0, 3.0]], [1, 0])), 4)
    1.7176
    """

    def __init__(
        self, weight: Any = None, reduction: str = "mean", *, ignore_index: int = -100, label_smoothing: float = 0.0
    ) -> None:
        super().__init__(weight, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, z: Any, target: Any) -> Any:
        return functional.cross_entropy(z, target, self.weight, self.reduction, self.ignore_index, self.label_smoothing)


class NLLLoss(_WeightedLoss):
    """Negative log-likelihood of log-probabilities (`LogSoftmax` before it)."""

    def __init__(self, weight: Any = None, reduction: str = "mean", *, ignore_index: int = -100) -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, log_p: Any, target: Any) -> Any:
        return functional.nll_loss(log_p, target, self.weight, self.reduction, self.ignore_index)


class BCELoss(Loss):
    """Binary cross-entropy of probabilities; `weight` multiplies the losses and broadcasts."""

    def __init__(self, reduction: str = "mean", *, weight: Any = None) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, p: Any, y: Any) -> Any:
        return functional.binary_cross_entropy(p, y, self.reduction, self.weight)


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of logits, stable; `pos_weight` multiplies the part of the positives."""

    def __init__(self, reduction: str = "mean", *, weight: Any = None, pos_weight: Any = None) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, z: Any, y: Any) -> Any:
        return functional.binary_cross_entropy_with_logits(z, y, self.reduction, self.weight, self.pos_weight)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over the classes of binary cross-entropies of logits: several labels at once."""

    def forward(self, z: Any, y: Any) -> Any:
        return functional.multilabel_soft_margin_loss(z, y, self.weight, self.reduction)


class OrdinalLoss(Loss):
    """Negative log-likelihood of ordered classes ``0 … K - 1``: ``P(y <= k) = sigmoid(threshold_k - score)``.

    Takes one score for each example; the K - 1 thresholds are learned (the first, and positive gaps), so give the
    parameters of this loss to the optimizer too. `probabilities` gives those of the classes.

    >>> import wengert as wg, numpy as np
    >>> loss = wg.nn.OrdinalLoss(3)
    >>> loss.probabilities(np.zeros(2)).shape
    (2, 3)
    """

    def __init__(self, num_classes: int, reduction: str = "mean", dtype: Any = None) -> None:
        super().__init__(reduction)
        positive("OrdinalLoss", "num_classes - 1", num_classes - 1)
        dtype = dtype or get_default_dtype()
        self.num_classes = num_classes
        self.first = Parameter(np.full(1, 1 - num_classes / 2, dtype))
        # softplus(log(e - 1)) = 1: the thresholds start one apart, around 0.
        self.gaps = Parameter(np.full(num_classes - 2, np.log(np.e - 1), dtype))

    def thresholds(self) -> Any:
        """The K - 1 increasing thresholds."""
        return cumsum(concatenate([self.first, softplus(self.gaps)]))

    def probabilities(self, score: Any) -> Any:
        """The probabilities of the classes: (…) -> (…, K)."""
        return exp(functional.ordinal_log_probabilities(score, self.thresholds()))

    def forward(self, score: Any, target: Any) -> Any:
        return functional.ordinal_loss(score, target, self.thresholds(), self.reduction)


class CTCLoss(Loss):
    """Connectionist temporal classification: ``loss(log_probs, targets, input_lengths, target_lengths)``.

    Log-probabilities (T, N, C) (`LogSoftmax` before it), targets (N, S); see `functional.ctc_loss`.
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Any:
        return functional.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )


# ----- margins -----------------------------------------------------------------------------------------------
class SoftMarginLoss(Loss):
    """``log(1 + exp(-y z))`` with ``y`` = 1 or -1."""

    def forward(self, z: Any, y: Any) -> Any:
        return functional.soft_margin_loss(z, y, self.reduction)


class _MarginLoss(Loss):
    default = 1.0

    def __init__(self, margin: float | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = self.default if margin is None else margin


class HingeLoss(_MarginLoss):
    """``max(0, margin - y z)`` with ``y`` = 1 or -1."""

    def forward(self, z: Any, y: Any) -> Any:
        return functional.hinge_loss(z, y, self.margin, self.reduction)


class HingeEmbeddingLoss(_MarginLoss):
    """Of distances: ``x`` where ``y`` = 1, ``max(0, margin - x)`` where ``y`` = -1."""

    def forward(self, x: Any, y: Any) -> Any:
        return functional.hinge_embedding_loss(x, y, self.margin, self.reduction)


class MarginRankingLoss(_MarginLoss):
    """``max(0, margin - y (x1 - x2))`` with ``y`` = 1 where the first should rank higher, else -1."""

    default = 0.0

    def forward(self, x1: Any, x2: Any, y: Any) -> Any:
        return functional.margin_ranking_loss(x1, x2, y, self.margin, self.reduction)


class MultiMarginLoss(_WeightedLoss):
    """``sum over i ≠ target of max(0, margin - z_target + z_i)^p / C``."""

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(weight, reduction)
        self.p, self.margin = p, margin

    def forward(self, z: Any, target: Any) -> Any:
        return functional.multi_margin_loss(z, target, self.p, self.margin, self.weight, self.reduction)


class MultiLabelMarginLoss(Loss):
    """``sum over targets j and others i of max(0, 1 - z_j + z_i) / C``; targets are indices ended by -1."""

    def forward(self, z: Any, target: Any) -> Any:
        return functional.multilabel_margin_loss(z, target, self.reduction)


class CosineEmbeddingLoss(_MarginLoss):
    """Of pairs of vectors: ``1 - cos`` where ``y`` = 1, ``max(0, cos - margin)`` where ``y`` = -1."""

    default = 0.0

    def forward(self, x1: Any, x2: Any, y: Any) -> Any:
        return functional.cosine_embedding_loss(x1, x2, y, self.margin, self.reduction)


class TripletMarginLoss(Loss):
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)``."""

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        return functional.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction
        )


# ----- distributions -----------------------------------------------------------------------------------------
class KLDivLoss(Loss):
    """``p (log p - log q)`` of log q and p; "batchmean" is the mean over the examples."""

    reductions = ("mean", "sum", "batchmean", "none")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, log_q: Any, p: Any) -> Any:
        return functional.kl_div(log_q, p, self.reduction, self.log_target)


class PoissonNLLLoss(Loss):
    """Negative log-likelihood of counts by the (logarithm of the) rate."""

    def __init__(self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, x: Any, y: Any) -> Any:
        return functional.poisson_nll_loss(x, y, self.log_input, self.full, self.eps, self.reduction)


class GaussianNLLLoss(Loss):
    """Negative log-likelihood of numbers by a predicted mean and variance: ``loss(mean, y, var)``."""

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, x: Any, y: Any, var: Any) -> Any:
        return functional.gaussian_nll_loss(x, y, var, self.full, self.eps, self.reduction)
