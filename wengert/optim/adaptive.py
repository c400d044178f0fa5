"""Optimizers that scale each coordinate by the size of its past gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wengert.base.errors import ArgumentError
from wengert.ops.exponential import sqrt
from wengert.ops.rounding import maximum
from wengert.optim.optimizer import Group, Optimizer, State, between_0_and_1, decayed, remembered


class WithBetas(Optimizer):
    """An optimizer with two running means, which forget at the rates ``betas``."""

    def check(self, group: Group) -> None:
        super().check(group)
        between_0_and_1(type(self).__name__, beta1=group["betas"][0], beta2=group["betas"][1])


def means(p: Any, g: Any, state: State, group: Group) -> tuple[int, Any, Any]:
    """The number of the step, and the running means of g and of g²."""
    beta1, beta2 = group["betas"]
    t = state["step"] = state.get("step", 0) + 1
    m = state["exp_avg"] = beta1 * remembered(state, "exp_avg", p) + (1 - beta1) * g
    v = state["exp_avg_sq"] = beta2 * remembered(state, "exp_avg_sq", p) + (1 - beta2) * (g * g)
    return t, m, v


class Adam(WithBetas):
    """``p - lr m̂ / (sqrt(v̂) + eps)`` with running means m of g and v of g², corrected for their start at 0.

    Weight decay is added to the gradient (`AdamW` takes it off the parameter instead). With `amsgrad` the greatest v
    so far takes the place of v.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options, check_finite)

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        return self.adam(p, decayed(p, g, group), state, group)

    def adam(self, p: Any, g: Any, state: State, group: Group) -> Any:
        """The step without weight decay."""
        beta1, beta2 = group["betas"]
        t, m, v = means(p, g, state, group)
        if group["amsgrad"]:
            v = state["max_exp_avg_sq"] = maximum(remembered(state, "max_exp_avg_sq", p), v)
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
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, check_finite=check_finite)

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
        g = decayed(p, g, group)
        t = state["step"] = state.get("step", 0) + 1
        r = state["sum"] = remembered(state, "sum", p, group["initial_accumulator_value"]) + g * g
        lr = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        return p - lr * (g / (sqrt(r) + group["eps"]))


class RMSprop(Optimizer):
    """``p - lr g / (sqrt(v) + eps)`` with v the running mean of g²; optionally centred, and with momentum.

    Centred, v is the running variance: the square of the running mean of g is taken off. With momentum the scaled
    gradient d goes into ``b = momentum b + d`` and the step is ``p - lr b``. `nesterov` (not in PyTorch) steps by
    ``d + momentum b``, which is RMSProp with Nesterov momentum (the gradient taken where the momentum leads) written
    for the point looked ahead to.
    """

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
        nesterov: bool = False,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {
            "lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum,
            "centered": centered, "nesterov": nesterov, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options, check_finite)

    def check(self, group: Group) -> None:
        super().check(group)
        between_0_and_1("RMSprop", alpha=group["alpha"])
        if group["nesterov"] and group["momentum"] <= 0:
            raise ArgumentError("RMSprop: nesterov needs a momentum above 0")

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        g = decayed(p, g, group)
        alpha = group["alpha"]
        v = state["square_avg"] = alpha * remembered(state, "square_avg", p) + (1 - alpha) * (g * g)
        if group["centered"]:
            mean = state["grad_avg"] = alpha * remembered(state, "grad_avg", p) + (1 - alpha) * g
            v = v - mean * mean
        d = g / (sqrt(v) + group["eps"])
        if group["momentum"]:
            b = state["momentum_buffer"] = group["momentum"] * remembered(state, "momentum_buffer", p) + d
            d = d + group["momentum"] * b if group["nesterov"] else b
        return p - group["lr"] * d
