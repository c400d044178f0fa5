"""Gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wengert.base.errors import ArgumentError
from wengert.optim.optimizer import Group, Optimizer, State


class SGD(Optimizer):
    """Gradient descent ``p - lr d`` with PyTorch's momentum ``d = momentum d + (1 - dampening) g``.

    The default ``lr`` is 1e-3, PyTorch's. While the learning rate is constant the lectures' form
    ``d = momentum d + lr g`` gives the same steps.

    >>> import wengert as wg
    >>> w = wg.tensor([1.0], requires_grad=True)
    >>> optimizer = wg.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.8
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options, check_finite)

    def check(self, group: Group) -> None:
        super().check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ArgumentError("SGD: nesterov needs a momentum above 0 and no dampening")

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        momentum = group["momentum"]
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        if momentum:
            old = state.get("momentum_buffer")
            d = g if old is None else momentum * old + (1 - group["dampening"]) * g
            state["momentum_buffer"] = d
            g = g + momentum * d if group["nesterov"] else d
        return p - group["lr"] * g
