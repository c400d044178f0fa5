"""Gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wengert.base.errors import ArgumentError
from wengert.optim.optimizer import Group, Optimizer, State, decayed, remembered


class SGD(Optimizer):
    """Gradient descent ``p - lr d`` with PyTorch's momentum ``d = momentum d + (1 - dampening) g``.

    The default ``lr`` is 1e-3, PyTorch's. With ``rate_inside=True`` the rate goes into the momentum, as the lectures
    write it: ``d = momentum d + lr g``, ``p - d``. The steps are the same until the rate changes: PyTorch's form then
    scales what was gathered before with the new rate, the lectures' keeps it.

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
        rate_inside: bool = False,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        options = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "rate_inside": rate_inside, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options, check_finite)

    def check(self, group: Group) -> None:
        super().check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ArgumentError("SGD: nesterov needs a momentum above 0 and no dampening")

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        momentum, rate = group["momentum"], group["lr"]
        g = decayed(p, g, group)
        if group["rate_inside"]:
            g, rate = rate * g, 1.0
        if momentum:
            state["momentum_buffer"] = d = self._momentum(p, g, state, momentum, group["dampening"])
            g = g + momentum * d if group["nesterov"] else d
        return p - rate * g

    def _momentum(self, p: Any, g: Any, state: State, momentum: Any, dampening: Any) -> Any:
        if not dampening:
            return momentum * remembered(state, "momentum_buffer", p) + g
        old = state.get("momentum_buffer")  # the first gradient is not damped
        return g if old is None else momentum * old + (1 - dampening) * g
