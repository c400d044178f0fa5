"""More optimizers that adapt to each coordinate: Adadelta, Adamax, NAdam, RAdam and Lion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wengert.ops.exponential import sqrt
from wengert.ops.rounding import absolute, maximum, sign
from wengert.optim.adaptive import WithBetas, means
from wengert.optim.optimizer import Group, Optimizer, State, between_0_and_1, decayed, remembered


def _shrunk(p: Any, g: Any, group: Group) -> tuple[Any, Any]:
    """Parameter and gradient after weight decay: on the parameter itself where it is decoupled."""
    if group["decoupled_weight_decay"]:
        return p * (1 - group["lr"] * group["weight_decay"]), g
    return p, decayed(p, g, group)


class Adadelta(Optimizer):
    """``p - lr d`` with ``d = g sqrt(u + eps) / sqrt(v + eps)``, v and u the running means of g² and d².

    The steps have the unit of the parameter, so a rate of 1 is a start.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options, check_finite)

    def check(self, group: Group) -> None:
        super().check(group)
        between_0_and_1("Adadelta", rho=group["rho"])

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        g, rho, eps = decayed(p, g, group), group["rho"], group["eps"]
        v = state["square_avg"] = rho * remembered(state, "square_avg", p) + (1 - rho) * (g * g)
        u = remembered(state, "acc_delta", p)
        d = sqrt(u + eps) / sqrt(v + eps) * g
        state["acc_delta"] = rho * u + (1 - rho) * (d * d)
        return p - group["lr"] * d


class Adamax(WithBetas):
    """`Adam` with the running maximum of |g| (the infinity norm) for the square root of the mean of g²."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options, check_finite)

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        beta1, beta2 = group["betas"]
        g = decayed(p, g, group)
        t = state["step"] = state.get("step", 0) + 1
        m = state["exp_avg"] = beta1 * remembered(state, "exp_avg", p) + (1 - beta1) * g
        size = state["exp_inf"] = maximum(beta2 * remembered(state, "exp_inf", p), absolute(g) + group["eps"])
        return p - group["lr"] / (1 - beta1**t) * (m / size)


class NAdam(WithBetas):
    """`Adam` with Nesterov's momentum, whose coefficient grows from half of beta1 towards beta1."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay,
            "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options, check_finite)

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        p, g = _shrunk(p, g, group)
        t, m, v = means(p, g, state, group)
        beta1, beta2 = group["betas"]
        now, following = (beta1 * (1 - 0.5 * 0.96 ** (k * group["momentum_decay"])) for k in (t, t + 1))
        product = state["mu_product"] = state.get("mu_product", 1.0) * now
        direction = (1 - now) / (1 - product) * g + following / (1 - product * following) * m
        return p - group["lr"] * (direction / (sqrt(v / (1 - beta2**t)) + group["eps"]))


class RAdam(WithBetas):
    """`Adam` that scales by g² only once its running mean is reliable, and then by how reliable it is."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options, check_finite)

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        p, g = _shrunk(p, g, group)
        t, m, v = means(p, g, state, group)
        beta1, beta2 = group["betas"]
        d = m / (1 - beta1**t)
        # How many gradients the mean of g² is worth: in the limit, and now.
        most = 2 / (1 - beta2) - 1
        worth = most - 2 * t * beta2**t / (1 - beta2**t)
        if worth > 5:
            trust = ((worth - 4) * (worth - 2) * most / ((most - 4) * (most - 2) * worth)) ** 0.5
            d = d * (trust * (1 - beta2**t) ** 0.5) / (sqrt(v) + group["eps"])
        return p - group["lr"] * d


class Lion(WithBetas):
    """``p (1 - lr weight_decay) - lr sign(beta1 m + (1 - beta1) g)``, then ``m = beta2 m + (1 - beta2) g``.

    Every coordinate moves by exactly `lr`, so the rate should be three to ten times smaller than Adam's.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {"lr": lr, "betas": tuple(betas), "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options, check_finite)

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        beta1, beta2 = group["betas"]
        m = remembered(state, "exp_avg", p)
        direction = sign(beta1 * m + (1 - beta1) * g)
        state["exp_avg"] = beta2 * m + (1 - beta2) * g
        return p * (1 - group["lr"] * group["weight_decay"]) - group["lr"] * direction
