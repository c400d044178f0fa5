"""Modules, layers, activations, losses and initial values, with PyTorch's names."""

from __future__ import annotations

from wengert.nn import functional, init, utils
from wengert.nn.activations import (
    ELU,
    GELU,
    Heaviside,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Sinc,
    Softmax,
    Softplus,
    Softsign,
    Square,
    Step,
    Swish,
    Tanh,
)
from wengert.nn.containers import Flatten, Identity, Lambda, ModuleDict, ModuleList, Sequential
from wengert.nn.layers import Dropout, Linear
from wengert.nn.losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from wengert.nn.module import Module, Parameter

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "Dropout", "ELU", "Flatten", "GELU", "Heaviside", "Identity",
    "L1Loss", "Lambda", "LeakyReLU", "Linear", "LogSigmoid", "LogSoftmax", "MSELoss", "Mish", "Module", "ModuleDict",
    "ModuleList", "NLLLoss", "PReLU", "Parameter", "ReLU", "Sequential", "SiLU", "Sigmoid", "Sinc", "Softmax",
    "Softplus", "Softsign", "Square", "Step", "Swish", "Tanh", "functional", "init", "utils",
]  # fmt: skip
