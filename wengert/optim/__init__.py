"""Optimizers, with PyTorch's names and signatures."""

from __future__ import annotations

from wengert.nn.utils import clip_grad_norm_, clip_grad_value_
from wengert.optim.adaptive import Adagrad, Adam, AdamW, RMSprop
from wengert.optim.averaging import SWALR, AveragedModel, get_ema_avg_fn, get_swa_avg_fn, update_bn
from wengert.optim.combined_schedules import ChainedScheduler, OneCycleLR, ReduceLROnPlateau, SequentialLR
from wengert.optim.cyclic import CyclicLR
from wengert.optim.lbfgs import LBFGS
from wengert.optim.least_squares import least_squares
from wengert.optim.muon import Muon
from wengert.optim.newton import Result, newton_cg, newton_minimize, newton_root
from wengert.optim.optimizer import Optimizer
from wengert.optim.perceptron import Perceptron, perceptron
from wengert.optim.schedules import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    RecursiveTimeBasedLR,
    RobbinsMonro,
    StepLR,
    TimeBasedLR,
    robbins_monro,
)
from wengert.optim.sgd import SGD
from wengert.optim.variants import Adadelta, Adamax, Lion, NAdam, RAdam

__all__ = [
    "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "AveragedModel", "ChainedScheduler", "ConstantLR",
    "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR", "LBFGS", "LRScheduler", "LambdaLR",
    "LinearLR", "Lion", "MultiStepLR", "MultiplicativeLR", "Muon", "NAdam", "OneCycleLR", "Optimizer", "Perceptron",
    "PolynomialLR", "RAdam", "RMSprop", "RecursiveTimeBasedLR", "ReduceLROnPlateau", "Result", "RobbinsMonro", "SGD",
    "SWALR", "SequentialLR", "StepLR", "TimeBasedLR", "clip_grad_norm_", "clip_grad_value_", "get_ema_avg_fn",
    "get_swa_avg_fn", "least_squares", "newton_cg", "newton_minimize", "newton_root", "perceptron", "robbins_monro",
    "update_bn",
]  # fmt: skip
