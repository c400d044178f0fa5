"""Optimizers, with PyTorch's names and signatures."""

from __future__ import annotations

from wengert.optim.adaptive import Adagrad, Adam, AdamW, RMSprop
from wengert.optim.optimizer import Optimizer
from wengert.optim.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]
