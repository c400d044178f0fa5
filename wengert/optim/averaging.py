"""Averages of a model's weights along the training: stochastic weight averaging (SWA) and exponential means (EMA)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.core.record import paused
from wengert.nn.module import Module
from wengert.optim.optimizer import Optimizer
from wengert.optim.schedules import LRScheduler, cosine

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


def update_bn(loader: Iterable[Any], model: Module) -> None:
    """Set the running statistics of batch normalisation anew, as means over all batches of `loader`.

    After averaging weights they belong to other weights. A batch is an array, or a tuple whose first entry is one.
    """
    norms = [m for m in model.modules() if getattr(m, "running_mean", None) is not None]
    if not norms:
        return
    kept = [norm.momentum for norm in norms]
    modes = [(m, m.training) for m in model.modules()]
    model.train()
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # equal weights for all batches
        with paused():
            for batch in loader:
                model(batch[0] if isinstance(batch, tuple | list) else batch)
    finally:
        for norm, momentum in zip(norms, kept, strict=True):
            norm.momentum = momentum
        for module, mode in modes:
            module.training = mode


class SWALR(LRScheduler):
    """From the first rate to the constant `swa_lr` in `anneal_epochs`, for the phase in which weights are averaged."""

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear") or anneal_epochs < 0:
            raise ArgumentError(
                f"SWALR: got anneal_strategy={anneal_strategy!r}, anneal_epochs={anneal_epochs}; "
                "needs 'cos' or 'linear', and at least 0"
            )
        self.swa_lr, self.anneal_epochs, self.anneal_strategy = swa_lr, anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int) -> float:
        share = min(1.0, epoch / self.anneal_epochs) if self.anneal_epochs else 1.0
        if self.anneal_strategy == "cos":
            return cosine(base, self.swa_lr, share)
        return base + (self.swa_lr - base) * share
