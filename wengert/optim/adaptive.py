"""Optimizers that scale each coordinate by the size of its past gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.ops.exponential import sqrt
from wengert.optim.optimizer import Group, Optimizer, State, between_0_and_1


def _zeros(state: State, key: str, p: Any, fill: float = 0.0) -> Any:
    """The value under `key`, at first `fill` everywhere."""
    return state[key] if key in state else np.full(p.shape, fill, p.dtype)


class Adam(Optimizer):
    """``p - lr m̂ / (sqrt(v̂) + eps)`` with running means m of g and v of g², corrected for their start at 0.

    Weight decay is added to the gradient (`AdamW` takes it off the parameter instead).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options, check_finite)

    def check(self, group: Group) -> None:
        super().check(group)
        between_0_and_1(type(self).__name__, beta1=group["betas"][0], beta2=group["betas"][1])

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        return self.adam(p, g, state, group)

    def adam(self, p: Any, g: Any, state: State, group: Group) -> Any:
        """The step without weight decay."""
        beta1, beta2 = group["betas"]
        t = state["step"] = state.get("step", 0) + 1
        m = state["exp_avg"] = beta1 * _zeros(state, "exp_avg", p) + (1 - beta1) * g
        v = state["exp_avg_sq"] = beta2 * _zeros(state, "exp_avg_sq", p) + (1 - beta2) * (g * g)
        size = sqrt(v) / (1 - beta2**t) ** 0.5 + group["eps"]
        return p - group["lr"] / (1 - beta1**t) * (m / size)


class AdamW(Adam):
    """`Adam` with weight decay on the parameter itself: ``p (1 - lr weight_decay)`` before the step."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, maximize=maximize, check_finite=check_finite)

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        return self.adam(p * (1 - group["lr"] * group["weight_decay"]), g, state, group)


class Adagrad(Optimizer):
    """``p - lr g / (sqrt(r) + eps)`` with r the sum of all squared gradients so far."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {
            "lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps, "maximize": maximize,
            "initial_accumulator_value": initial_accumulator_value,
        }  # fmt: skip
        super().__init__(params, options, check_finite)

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        t = state["step"] = state.get("step", 0) + 1
        r = state["sum"] = _zeros(state, "sum", p, group["initial_accumulator_value"]) + g * g
        lr = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        return p - lr * (g / (sqrt(r) + group["eps"]))


class RMSprop(Optimizer):
    """``p - lr g / (sqrt(v) + eps)`` with v the running mean of g²; optionally centred, and with momentum."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {
            "lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum,
            "centered": centered, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options, check_finite)

    def check(self, group: Group) -> None:
        super().check(group)
        between_0_and_1("RMSprop", alpha=group["alpha"])

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        alpha = group["alpha"]
        v = state["square_avg"] = alpha * _zeros(state, "square_avg", p) + (1 - alpha) * (g * g)
        if group["centered"]:
            mean = state["grad_avg"] = alpha * _zeros(state, "grad_avg", p) + (1 - alpha) * g
            v = v - mean * mean
        d = g / (sqrt(v) + group["eps"])
        if group["momentum"]:
            d = state["momentum_buffer"] = group["momentum"] * _zeros(state, "momentum_buffer", p) + d
        return p - group["lr"] * d
