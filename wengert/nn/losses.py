"""Losses as modules: ``loss(prediction, target)``, with ``reduction`` "mean", "sum" or "none"."""

from __future__ import annotations

from typing import Any

from wengert.base.errors import ArgumentError
from wengert.nn import functional
from wengert.nn.module import Module


class Loss(Module):
    """Base of the losses: keeps the reduction."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in ("mean", "sum", "none"):
            raise ArgumentError(f"{type(self).__name__}: got reduction={reduction!r}; needs 'mean', 'sum' or 'none'")
        self.reduction = reduction


class MSELoss(Loss):
    """Squared error."""

    def forward(self, x: Any, y: Any) -> Any:
        return functional.mse_loss(x, y, self.reduction)


class L1Loss(Loss):
    """Absolute error."""

    def forward(self, x: Any, y: Any) -> Any:
        return functional.l1_loss(x, y, self.reduction)


class _ClassLoss(Loss):
    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)


class CrossEntropyLoss(_ClassLoss):
    """Cross-entropy of logits with class indices or probabilities; do not put a softmax before it.

    >>> import wengert as wg
    >>> loss = wg.nn.CrossEntropyLoss()
    >>> round(float(loss([[1.0, 2.0, 0.5], [0.1, -1.0, 3.0]], [1, 0])), 4)
    1.7176
    """

    def forward(self, z: Any, target: Any) -> Any:
        return functional.cross_entropy(z, target, self.weight, self.reduction)


class NLLLoss(_ClassLoss):
    """Negative log-likelihood of log-probabilities (`LogSoftmax` before it)."""

    def forward(self, log_p: Any, target: Any) -> Any:
        return functional.nll_loss(log_p, target, self.weight, self.reduction)


class BCELoss(Loss):
    """Binary cross-entropy of probabilities."""

    def forward(self, p: Any, y: Any) -> Any:
        return functional.binary_cross_entropy(p, y, self.reduction)


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of logits, stable."""

    def forward(self, z: Any, y: Any) -> Any:
        return functional.binary_cross_entropy_with_logits(z, y, self.reduction)
