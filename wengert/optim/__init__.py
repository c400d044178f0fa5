"""Optimizers, with PyTorch's names and signatures."""

from __future__ import annotations

from wengert.nn.utils import clip_grad_norm_, clip_grad_value_
from wengert.optim.adaptive import Adagrad, Adam, AdamW, RMSprop
from wengert.optim.averaging import AveragedModel, get_ema_avg_fn, get_swa_avg_fn
from wengert.optim.lbfgs import LBFGS
from wengert.optim.optimizer import Optimizer
from wengert.optim.sgd import SGD
from wengert.optim.variants import Adadelta, Adamax, Lion, NAdam, RAdam

__all__ = [
    "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "AveragedModel", "Lion", "NAdam", "Optimizer",
    "RAdam", "RMSprop", "clip_grad_norm_", "clip_grad_value_", "get_ema_avg_fn", "get_swa_avg_fn",
]  # fmt: skip
