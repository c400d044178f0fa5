"""Averages of a model's weights along the training: stochastic weight averaging (SWA) and exponential means (EMA)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.nn.module import Module

Average = Callable[[Any, Any, int], Any]


def get_swa_avg_fn() -> Average:
    """The equal mean of all weights given so far: ``a + (w - a) / (n + 1)``."""

    def average(mean: Any, weight: Any, count: int) -> Any:
        return mean + (weight - mean) / (count + 1)

    return average


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The exponential mean ``decay a + (1 - decay) w``, which starts at the first weights given."""
    if not 0 <= decay <= 1:
        raise ArgumentError(f"get_ema_avg_fn: got decay={decay}; needs a number between 0 and 1")

    def average(mean: Any, weight: Any, count: int) -> Any:
        return decay * mean + (1 - decay) * weight

    return average


class AveragedModel(Module):
    """A copy of `model` whose weights are a mean of those given to `update_parameters` (PyTorch's name).

    `avg_fn` gets the mean so far, the new weight and how many were averaged; by default the equal mean.
    Buffers are taken over as they are, or averaged too with `use_buffers` (integer ones never are).

    >>> import wengert as wg
    >>> model = wg.nn.Linear(1, 1)
    >>> mean = wg.optim.AveragedModel(model, avg_fn=wg.optim.get_ema_avg_fn(0.9))
    >>> mean.update_parameters(model)
    >>> int(mean.n_averaged), bool(mean.module.weight == model.weight)
    (1, True)
    """

    n_averaged: Any

    def __init__(self, model: Module, avg_fn: Average | None = None, use_buffers: bool = False) -> None:
        super().__init__()
        self.module = copy.deepcopy(model)
        self.register_buffer("n_averaged", np.array(0, np.int64))
        self.avg_fn = avg_fn or get_swa_avg_fn()
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the weights of `model` into the mean."""
        count, new = int(self.n_averaged), model.state_dict()
        if count:
            old = self.module.state_dict()
            fixed = set() if self.use_buffers else {name for name, _ in model.named_buffers()}
            for name in (n for n in new if n not in fixed and new[n].dtype.kind == "f"):
                new[name] = np.asarray(self.avg_fn(old[name], new[name], count), new[name].dtype)
        self.module.load_state_dict(new)
        self.n_averaged = np.array(count + 1, np.int64)
