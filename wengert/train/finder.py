"""A first learning rate, found by trying."""

from __future__ import annotations

import copy
import math
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.core.record import concrete
from wengert.nn.module import Module
from wengert.ops.generator import get_rng_state, set_rng_state
from wengert.optim.optimizer import Optimizer
from wengert.train.measure import Loss, as_batches


class FoundRate(NamedTuple):
    """The rates tried, the smoothed loss after each, and the rate where it fell fastest."""

    rates: list[float]
    losses: list[float]
    suggestion: float


def find_learning_rate(
    model: Module,
    data: Any,
    loss: Loss,
    optimizer: Optimizer,
    start: float = 1e-6,
    end: float = 10.0,
    steps: int = 100,
    batch_size: int = 32,
    seed: int = 0,
) -> FoundRate:
    """Try rates from `start` to `end`, a batch each, and suggest the one where the loss falls fastest.

    The losses are an exponential mean; the trial ends where they are four times their least value. Model, optimizer
    and random generator are afterwards as they were.

    >>> import numpy as np, wengert as wg
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> _ = wg.manual_seed(0)
    >>> model = wg.nn.Linear(1, 1)
    >>> optimizer = wg.optim.SGD(model.parameters())
    >>> found = wg.train.find_learning_rate(model, (x, 3 * x), wg.nn.MSELoss(), optimizer)
    >>> 1e-3 < found.suggestion < 5
    True
    """
    if not 0 < start < end or steps < 5:
        raise ArgumentError(f"find_learning_rate: got start={start}, end={end}, steps={steps}; needs 0 < start < end")
    parts = as_batches(data, batch_size, True, seed)
    before = model.state_dict(), copy.deepcopy(optimizer.state_dict()), get_rng_state()
    modes = [(m, m.training) for m in model.modules()]
    rates: list[float] = []
    losses: list[float] = []
    try:
        model.train()
        for rate in np.geomspace(start, end, steps).tolist():
            epoch, number = divmod(len(rates), len(parts))
            x, y = next(parts.rows(epoch, number))
            for group in optimizer.param_groups:
                group["lr"] = rate
            value = _trial(model, loss, optimizer, x, y)
            rates.append(rate)
            losses.append(value if not losses else 0.8 * losses[-1] + 0.2 * value)
            if not math.isfinite(losses[-1]) or losses[-1] > 4 * max(min(losses), 1e-12):
                break
    finally:
        model.load_state_dict(before[0])
        optimizer.load_state_dict(before[1])
        optimizer.zero_grad()
        set_rng_state(before[2])
        for module, mode in modes:
            module.training = mode
    return FoundRate(rates, losses, _steepest(rates, losses))


def _trial(model: Module, loss: Loss, optimizer: Optimizer, x: Any, y: Any) -> float:
    """One step at the rate that is set; infinite where it went wrong."""
    optimizer.zero_grad()
    with np.errstate(all="ignore"):
        value = loss(model(x), y)
        if not math.isfinite(number := float(np.asarray(concrete(value)).item())):
            return math.inf
        value.backward()
        try:
            optimizer.step()
        except FloatingPointError:
            return math.inf
    return number


def _steepest(rates: list[float], losses: list[float]) -> float:
    """Where the loss falls fastest by the logarithm of the rate, before its least value."""
    least = int(np.argmin(losses)) + 1
    if least < 3:
        return rates[0]
    slopes = np.gradient(losses[:least], np.log(rates[:least]))
    return rates[int(np.argmin(slopes))]


__all__ = ["FoundRate", "find_learning_rate"]
