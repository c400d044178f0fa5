"""The learning rate up and down between two bounds, again and again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from wengert.base.errors import ArgumentError
from wengert.optim.optimizer import Group, Optimizer
from wengert.optim.schedules import LRScheduler, positive

MODES = ("triangular", "triangular2", "exp_range")


class CyclicLR(LRScheduler):
    """From `base_lr` up to `max_lr` in `step_size_up` steps, down in `step_size_down`, and again; stepped each batch.

    The height of a cycle stays ("triangular"), halves with each ("triangular2") or is multiplied by ``gamma^step``
    ("exp_range"); `scale_fn`, a function of the cycle (from 1) or, with ``scale_mode="iterations"``, of the step,
    takes the place of `mode`. With `cycle_momentum` the momentum (or beta1) goes the other way.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[int], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.up, self.down = step_size_up, step_size_up if step_size_down is None else step_size_down
        positive("CyclicLR", "step_size_up", self.up)
        positive("CyclicLR", "step_size_down", self.down)
        if mode not in MODES or scale_mode not in ("cycle", "iterations"):
            raise ArgumentError(
                f"CyclicLR: got mode={mode!r}, scale_mode={scale_mode!r}; needs one of {', '.join(MODES)}, and 'cycle' "
                "or 'iterations'"
            )
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ArgumentError("CyclicLR: this optimizer has no momentum; pass cycle_momentum=False")
        lows, highs = (_one_each(lr, optimizer) for lr in (base_lr, max_lr))
        for group, low in zip(optimizer.param_groups, lows, strict=True):
            group["lr"] = group["initial_lr"] = low
        self.max_lrs, self.mode, self.gamma, self.scale_fn, self.scale_mode = highs, mode, gamma, scale_fn, scale_mode
        self.cycle_momentum, self.base_momentum, self.max_momentum = cycle_momentum, base_momentum, max_momentum
        super().__init__(optimizer, last_epoch)

    def _height(self, step: int) -> float:
        """How far between the bounds, from 0 to 1."""
        cycle, place = divmod(step, self.up + self.down)
        share = place / self.up if place <= self.up else 1 - (place - self.up) / self.down
        if self.scale_fn is not None:
            return share * float(self.scale_fn(cycle + 1 if self.scale_mode == "cycle" else step))
        return share * {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": self.gamma**step}[self.mode]

    def group_rate(self, index: int, epoch: int) -> float:
        low = self.base_lrs[index]
        return low + (self.max_lrs[index] - low) * self._height(epoch)

    def adjust(self, group: Group, epoch: int) -> None:
        if not self.cycle_momentum:
            return
        momentum = self.max_momentum - (self.max_momentum - self.base_momentum) * self._height(epoch)
        if "betas" in group:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


def _one_each(lr: Any, optimizer: Optimizer) -> list[float]:
    rates = [float(r) for r in lr] if isinstance(lr, Sequence) else [float(lr)] * len(optimizer.param_groups)
    if len(rates) != len(optimizer.param_groups) or not all(math.isfinite(r) and r >= 0 for r in rates):
        raise ArgumentError(f"CyclicLR: got the rates {lr}; needs a number of at least 0, or one for each group")
    return rates
