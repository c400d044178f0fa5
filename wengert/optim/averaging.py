"""Averages of a model's weights along the training: stochastic weight averaging (SWA) and exponential means (EMA)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.core.places import Entry
from wengert.core.record import Tensor, current, local, paused
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
        count = self._count()
        pairs = list(zip(self.module.named_modules(), model.named_modules(), strict=False))
        if _names(self.module) != _names(model):
            raise ArgumentError("AveragedModel.update_parameters: the model has other parameters than the averaged one")
        for (_, mine), (_, theirs) in pairs:
            for name, p in mine._parameters.items():
                if p is not None:
                    p.assign_(self._mean(current(p), current(theirs._parameters[name]), count))
            for name in [n for n, x in mine._buffers.items() if x is not None and n not in mine._temporary]:
                new = getattr(theirs, name)
                if self.use_buffers:
                    new = self._mean(getattr(mine, name), new, count)
                setattr(mine, name, new if isinstance(new, Tensor) else np.array(new))
        self.n_averaged = np.asarray(count + 1) if not isinstance(count, Tensor) else count + 1

    def _count(self) -> Any:
        """How many weights were averaged: a number, also while a step is recorded for the compiler."""
        if local.lifting is None:
            return int(self.n_averaged)
        buffers = self._buffers
        place = Entry(buffers, "n_averaged", "n_averaged", int)
        return local.lifting.get((id(buffers), "n_averaged"), lambda: place)

    def _mean(self, old: Any, new: Any, count: Any) -> Any:
        if new.dtype.kind != "f" or not count:
            return new
        mean = self.avg_fn(old, new, count)
        return mean if mean.dtype == new.dtype else mean.astype(new.dtype)


def _names(model: Module) -> list[Any]:
    return [(path, tuple(m._parameters), tuple(m._buffers)) for path, m in model.named_modules()]


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
