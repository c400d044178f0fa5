"""Learning-rate schedules with PyTorch's names, and the lectures' time-based ones.

A schedule is one formula, `rate`: the learning rate of epoch k from the rate the optimizer began with.

    for epoch in range(epochs):
        …                      # optimizer.step() for each batch
        schedule.step()
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, NamedTuple

from wengert.base.errors import ArgumentError, OperandError, show
from wengert.base.optional import optional
from wengert.optim.optimizer import Group, Optimizer


class LRScheduler:
    """Base class. A new schedule is a class with its options and `rate`.

    `step` sets the rate of the next epoch. Where something else changed the rate meanwhile (another schedule, the
    user), it scales that rate by the schedule's own change, as PyTorch's do; so schedules that are stepped in turn
    multiply.
    """

    # What is no part of the state: it comes from the constructor.
    _unsaved: ClassVar[frozenset[str]] = frozenset({"optimizer", "lr_lambdas"})

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise OperandError(f"{type(self).__name__}: got {show(optimizer)}; needs an optimizer")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._last_lr: list[float] = []
        self._step_count = 0
        self.step()

    # ----- what a subclass writes
    def rate(self, base: float, epoch: int) -> float:
        """The rate of an epoch (from 0) for a group that began with the rate `base`."""
        raise NotImplementedError(f"{type(self).__name__}: write a method `rate(self, base, epoch)`")

    def group_rate(self, index: int, epoch: int) -> float:
        """The rate of an epoch for a group by its number."""
        return self.rate(self.base_lrs[index], epoch)

    def adjust(self, group: Group, epoch: int) -> None:
        """Set further options of a group; by default none."""

    # ----- stepping
    def step(self) -> None:
        """Go to the next epoch and set its rate."""
        self.last_epoch += 1
        self._step_count += 1
        rates = []
        for index, group in enumerate(self.optimizer.param_groups):
            new = self.group_rate(index, self.last_epoch)
            before = self.group_rate(index, self.last_epoch - 1) if self.last_epoch else self.base_lrs[index]
            if group["lr"] != before:  # somebody else has changed it
                new = group["lr"] * (new / before) if before else group["lr"]
            group["lr"] = new = float(new)  # NumPy's own numbers would widen float32 parameters
            self.adjust(group, self.last_epoch)
            rates.append(new)
        self._last_lr = rates

    def get_last_lr(self) -> list[float]:
        """The rate of each group as this schedule last set it."""
        return list(self._last_lr)

    # ----- looking
    def curve(self, epochs: int) -> list[float]:
        """The rates of epochs 0, 1, …, of the first group, if nothing else changes them. Steps nothing."""
        return [self.group_rate(0, k) for k in range(epochs)]

    def plot(self, epochs: int = 100, path: Any = None) -> Any:
        """A matplotlib figure of `curve`; written as a picture where a `path` is given (needs matplotlib)."""
        matplotlib = optional("matplotlib.figure", "plot", "wengert[plot]")
        figure = matplotlib.Figure(figsize=(5.2, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.step(range(epochs), self.curve(epochs), where="post")
        axes.set_title(type(self).__name__)
        axes.set_xlabel("epoch")
        axes.set_ylabel("learning rate")
        axes.grid(alpha=0.3)
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure

    # ----- state
    def state_dict(self) -> dict[str, Any]:
        """Numbers, lists and texts that tell where the schedule is."""
        return {k: v for k, v in self.__dict__.items() if k not in self._unsaved and not callable(v)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken; PyTorch's are understood. The optimizer's own state holds the rate."""
        missing = {"last_epoch"} - set(state_dict)
        if missing or len(state_dict.get("base_lrs", self.base_lrs)) != len(self.base_lrs):
            raise ArgumentError(f"{type(self).__name__}.load_state_dict: the state does not fit this optimizer")
        self.__dict__.update({k: v for k, v in state_dict.items() if k in self.__dict__ and k not in self._unsaved})


class ConstantLR(LRScheduler):
    """``factor lr`` for `total_iters` epochs, then ``lr``, which an optimizer without a schedule keeps."""

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1):
        share_of_one("ConstantLR", "factor", factor)
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int) -> float:
        return base if epoch >= self.total_iters else base * self.factor


class LinearLR(LRScheduler):
    """Linear warm-up: from ``start_factor lr`` to ``end_factor lr`` within `total_iters` epochs, then constant."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        share_of_one("LinearLR", "start_factor", start_factor)
        positive("LinearLR", "total_iters", total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int) -> float:
        share = min(epoch, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * share)


class ExponentialLR(LRScheduler):
    """``lr gamma^k``; the lectures' ``lr e^(-tau k)`` is ``gamma = exp(-tau)``."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int) -> float:
        return base * self.gamma**epoch


class TimeBasedLR(LRScheduler):
    """``lr / (1 + tau k)``, the usual time-based decay: its sum is infinite, that of its squares finite.

    >>> import wengert as wg
    >>> w = wg.tensor([1.0], requires_grad=True)
    >>> schedule = wg.optim.TimeBasedLR(wg.optim.SGD([w], lr=0.1), tau=0.5)
    >>> [round(r, 4) for r in schedule.curve(4)]
    [0.1, 0.0667, 0.05, 0.04]
    """

    def __init__(self, optimizer: Optimizer, tau: float, last_epoch: int = -1) -> None:
        if not tau >= 0:
            raise ArgumentError(f"{type(self).__name__}: got tau={tau}; needs a number that is at least 0")
        self.tau = tau
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int) -> float:
        return base / (1 + self.tau * epoch)


class RecursiveTimeBasedLR(TimeBasedLR):
    """``lr_k = lr_(k-1) / (1 + tau k)``, as the slides print it: a product that falls faster than any power.

    Its sum is finite, so it breaks the first of the two conditions of Robbins and Monro; `TimeBasedLR` keeps both.
    """

    def rate(self, base: float, epoch: int) -> float:
        for k in range(1, epoch + 1):
            base /= 1 + self.tau * k
            if not base:  # underflow: nothing follows
                break
        return base


class StepLR(LRScheduler):
    """Times `gamma` every `step_size` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        positive("StepLR", "step_size", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int) -> float:
        return base * self.gamma ** (epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """Times `gamma` at each epoch of `milestones`."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int) -> float:
        return base * self.gamma ** bisect_right(self.milestones, epoch)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        given = state_dict.get("milestones")
        if isinstance(given, Mapping):  # PyTorch counts them
            given = sorted(int(k) for k, count in given.items() for _ in range(count))
        super().load_state_dict({**state_dict, "milestones": self.milestones if given is None else given})


class PolynomialLR(LRScheduler):
    """``lr (1 - k / total_iters)^power``, and 0 from epoch `total_iters` on."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        positive("PolynomialLR", "total_iters", total_iters)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int) -> float:
        return float(base * (1 - min(epoch, self.total_iters) / self.total_iters) ** self.power)


def cosine(start: float, end: float, share: float) -> float:
    """From `start` (share 0) to `end` (share 1) along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from ``lr`` to `eta_min` in `T_max` epochs (and back, if it goes on)."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        positive("CosineAnnealingLR", "T_max", T_max)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int) -> float:
        return cosine(base, self.eta_min, epoch / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from ``lr`` to `eta_min`, again and again: `T_0` epochs, then each `T_mult` times the last."""

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        positive("CosineAnnealingWarmRestarts", "T_0", T_0)
        positive("CosineAnnealingWarmRestarts", "T_mult", T_mult)
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int) -> float:
        length = self.T_0
        if self.T_mult == 1:
            epoch %= length
        while epoch >= length:
            epoch, length = epoch - length, length * self.T_mult
        return cosine(base, self.eta_min, epoch / length)


class LambdaLR(LRScheduler):
    """``lr f(k)`` for a function of the epoch, or one for each group. The functions are no part of the state."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, list | tuple) else [lr_lambda] * groups
        if len(self.lr_lambdas) != groups:
            raise ArgumentError(f"LambdaLR: got {len(self.lr_lambdas)} functions for {groups} groups")
        super().__init__(optimizer, last_epoch)

    def group_rate(self, index: int, epoch: int) -> float:
        return self.base_lrs[index] * float(self.lr_lambdas[index](epoch))


class MultiplicativeLR(LambdaLR):
    """The rate before times ``f(k)``, for a function of the epoch (from 1 on), or one for each group."""

    # Products so far, for each group: an epoch costs one call of f, not k. Made anew, so no part of the state.
    _unsaved = LRScheduler._unsaved | {"_products"}

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        self._products: list[list[float]] = [[1.0] for _ in optimizer.param_groups]
        super().__init__(optimizer, lr_lambda, last_epoch)

    def group_rate(self, index: int, epoch: int) -> float:
        products = self._products[index]
        while len(products) <= epoch:
            products.append(products[-1] * float(self.lr_lambdas[index](len(products))))
        return self.base_lrs[index] * products[epoch]


def share_of_one(what: str, name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ArgumentError(f"{what}: got {name}={value}; needs a number above 0 and at most 1")


def positive(what: str, name: str, value: int) -> None:
    if value < 1 or int(value) != value:
        raise ArgumentError(f"{what}: got {name}={value}; needs a whole number of at least 1")


# ----- the conditions of Robbins and Monro
class RobbinsMonro(NamedTuple):
    """Whether ``sum lr_k`` is infinite and ``sum lr_k²`` finite; rates fall like ``k^-exponent``."""

    sum_diverges: bool
    squares_converge: bool
    exponent: float

    def __bool__(self) -> bool:
        return self.sum_diverges and self.squares_converge


def robbins_monro(schedule: LRScheduler | Callable[[int], float], epoch: int = 2**22) -> RobbinsMonro:
    """Whether a schedule keeps both conditions under which stochastic gradient descent may converge.

    ``sum lr_k = ∞`` lets it go any distance, ``sum lr_k² < ∞`` lets the noise die out. Decided by the power with which
    the rates fall around `epoch`: at most 1 for the first, above 1/2 for the second. That is right for rates that go
    like a power or faster, and says nothing about logarithms beside the borders.

    >>> import wengert as wg
    >>> bool(wg.optim.robbins_monro(lambda k: 0.1 / (1 + 0.5 * k))), bool(wg.optim.robbins_monro(lambda k: 0.9**k))
    (True, False)
    """
    rate = partial(schedule.group_rate, 0) if isinstance(schedule, LRScheduler) else schedule

    def mean(start: int) -> float:
        places = range(start, 2 * start, max(1, start // 509))
        return math.fsum(map(rate, places)) / len(places)

    first, second = mean(epoch), mean(2 * epoch)
    exponent = math.log2(first / second) if first > 0 and second > 0 else math.inf
    return RobbinsMonro(exponent <= 1 + 1e-4, exponent > 0.5 + 1e-4, exponent)
