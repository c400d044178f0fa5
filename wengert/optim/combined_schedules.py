"""Schedules that combine others, that cycle the momentum too, or that watch a metric."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wengert.base.errors import ArgumentError
from wengert.optim.optimizer import Group, Optimizer
from wengert.optim.schedules import LRScheduler, cosine, positive


class OneCycleLR(LRScheduler):
    """Up from ``max_lr / div_factor`` to `max_lr`, then down to a `final_div_factor` of the start; stepped each batch.

    The rise takes `pct_start` of `total_steps` (or of ``epochs * steps_per_epoch``). With `cycle_momentum` the
    momentum (or beta1) goes the other way, between `max_momentum` and `base_momentum`. With `three_phase` the rate
    first falls back to its start, as fast as it rose.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ArgumentError("OneCycleLR: needs total_steps, or epochs and steps_per_epoch")
        self.total_steps = total_steps if total_steps is not None else (epochs or 0) * (steps_per_epoch or 0)
        positive("OneCycleLR", "total_steps", self.total_steps)
        if anneal_strategy not in ("cos", "linear") or not 0 <= pct_start <= 1:
            raise ArgumentError(
                f"OneCycleLR: got anneal_strategy={anneal_strategy!r}, pct_start={pct_start}; "
                "needs 'cos' or 'linear', and a share between 0 and 1"
            )
        groups = optimizer.param_groups
        maxima = list(max_lr) if isinstance(max_lr, Sequence) else [max_lr] * len(groups)
        for group, highest in zip(groups, maxima, strict=True):
            group["lr"] = group["initial_lr"] = highest / div_factor
        self.div_factor, self.final_div_factor, self.anneal_strategy = div_factor, final_div_factor, anneal_strategy
        self.pct_start, self.three_phase, self.cycle_momentum = pct_start, three_phase, cycle_momentum
        self.base_momentum, self.max_momentum = base_momentum, max_momentum
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ArgumentError("OneCycleLR: this optimizer has no momentum; pass cycle_momentum=False")
        super().__init__(optimizer, last_epoch)

    def _phases(self, low: float, high: float, last: float) -> list[tuple[float, float, float]]:
        """Where each phase ends, and from which value to which it goes."""
        rise = self.pct_start * self.total_steps
        if self.three_phase:
            return [(rise - 1, low, high), (2 * rise - 2, high, low), (self.total_steps - 1, low, last)]
        return [(rise - 1, low, high), (self.total_steps - 1, high, last)]

    def _value(self, phases: list[tuple[float, float, float]], step: int) -> float:
        if step > self.total_steps:
            raise ArgumentError(f"OneCycleLR: step {step} is past the {self.total_steps} of the cycle")
        number = next((i for i, (end, _, _) in enumerate(phases) if step <= end), len(phases) - 1)
        begin = phases[number - 1][0] if number else 0.0
        end, start, goal = phases[number]
        share = (step - begin) / (end - begin) if end != begin else 1.0
        return cosine(start, goal, share) if self.anneal_strategy == "cos" else start + (goal - start) * share

    def rate(self, base: float, epoch: int) -> float:
        return self._value(self._phases(base, base * self.div_factor, base / self.final_div_factor), epoch)

    def adjust(self, group: Group, epoch: int) -> None:
        if not self.cycle_momentum:
            return
        momentum = self._value(self._phases(self.max_momentum, self.base_momentum, self.max_momentum), epoch)
        if "betas" in group:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


def _checked(what: str, schedulers: Iterable[LRScheduler], optimizer: Optimizer | None) -> list[LRScheduler]:
    members = list(schedulers)
    for member in members:
        if isinstance(member, ReduceLROnPlateau):
            raise ArgumentError(f"{what}: a schedule that watches a metric cannot be combined; step it beside")
        if not isinstance(member, LRScheduler) or member.optimizer is not (optimizer or members[0].optimizer):
            raise ArgumentError(f"{what}: needs schedules of one and the same optimizer")
    if not members:
        raise ArgumentError(f"{what}: got no schedules")
    return members


class _Combined(LRScheduler):
    """Shared by schedules made of others."""

    _schedulers: list[LRScheduler]

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        inner = state_dict.get("_schedulers", ())
        if len(inner) != len(self._schedulers):
            raise ArgumentError(f"{type(self).__name__}.load_state_dict: got {len(inner)} schedules")
        own = {k: v for k, v in state_dict.items() if k != "_schedulers"}
        super().load_state_dict({"last_epoch": self.last_epoch, **own})
        for scheduler, state in zip(self._schedulers, inner, strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_Combined):
    """One schedule after another: the next takes over at each of `milestones`, and begins from its own epoch 0."""

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        self._schedulers = _checked("SequentialLR", schedulers, optimizer)
        self._milestones = list(milestones)
        if len(self._milestones) != len(self._schedulers) - 1:
            raise ArgumentError(
                f"SequentialLR: got {len(self._schedulers)} schedules and {len(self._milestones)} milestones; "
                "needs one milestone between each two"
            )
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        super().__init__(optimizer, last_epoch)

    def _current(self, epoch: int) -> tuple[LRScheduler, int]:
        index = bisect_right(self._milestones, epoch)
        return self._schedulers[index], epoch - (self._milestones[index - 1] if index else 0)

    def group_rate(self, index: int, epoch: int) -> float:
        scheduler, local = self._current(epoch)
        return scheduler.group_rate(index, local)

    def adjust(self, group: Group, epoch: int) -> None:
        scheduler, local = self._current(epoch)
        scheduler.last_epoch = local
        scheduler.adjust(group, local)


class ChainedScheduler(_Combined):
    """Several schedules at once: their factors multiply."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._schedulers = _checked("ChainedScheduler", schedulers, optimizer)
        self.optimizer = self._schedulers[0].optimizer
        self.base_lrs = [group["initial_lr"] for group in self.optimizer.param_groups]
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]
        self.last_epoch, self._step_count = self._schedulers[0].last_epoch, 1

    def step(self) -> None:
        for scheduler in self._schedulers:
            scheduler.step()
        self.last_epoch += 1
        self._step_count += 1
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def group_rate(self, index: int, epoch: int) -> float:
        base = self.base_lrs[index]
        factors = (scheduler.group_rate(index, epoch) / base for scheduler in self._schedulers)
        return base * math.prod(factors) if base else 0.0

    def adjust(self, group: Group, epoch: int) -> None:
        for scheduler in self._schedulers:
            scheduler.adjust(group, epoch)


class ReduceLROnPlateau(LRScheduler):
    """Times `factor` when a metric has not improved for more than `patience` epochs: ``schedule.step(metric)``.

    Better means smaller by `threshold` (``mode="min"``) or larger (``"max"``), relative to the best or, with
    ``threshold_mode="abs"``, absolutely. After a cut nothing is counted for `cooldown` epochs. The lectures' rule
    "not improved during the last n epochs" is ``mode="max", patience=n - 1, threshold=0``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs") or not factor < 1:
            raise ArgumentError(
                f"ReduceLROnPlateau: got mode={mode!r}, threshold_mode={threshold_mode!r}, factor={factor}; "
                "needs 'min' or 'max', 'rel' or 'abs', and a factor below 1"
            )
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        groups = optimizer.param_groups
        self.min_lrs = list(min_lr) if isinstance(min_lr, Sequence) else [min_lr] * len(groups)
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0
        self.base_lrs = self._last_lr = [float(group["lr"]) for group in groups]

    def _is_better(self, metric: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            # The first metric is better than infinity, whatever the share of it would be.
            bound = self.best * (1 + sign * self.threshold) if math.isfinite(self.best) else self.best
        else:
            bound = self.best + sign * self.threshold
        return metric < bound if self.mode == "min" else metric > bound

    def step(self, metrics: Any = None) -> None:
        """Tell the metric of the epoch, and lower the rate if it has not improved for too long."""
        if metrics is None:
            raise ArgumentError("ReduceLROnPlateau.step: needs the metric of the epoch")
        metric = float(metrics)
        self.last_epoch += 1
        if self._is_better(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                new = max(group["lr"] * self.factor, least)
                if group["lr"] - new > self.eps:
                    group["lr"] = new
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def rate(self, base: float, epoch: int) -> float:
        raise ArgumentError("ReduceLROnPlateau: its rates depend on a metric; there is no curve before the training")
