"""Muon: momentum whose matrices are made nearly orthogonal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wengert.base.errors import ArgumentError, ShapeError
from wengert.ops.linalg import norm
from wengert.ops.rounding import maximum
from wengert.optim.optimizer import Group, Optimizer, State, remembered


def orthogonalised(g: Any, coefficients: tuple[float, float, float], eps: float, steps: int) -> Any:
    """A matrix with the singular vectors of `g` and singular values near 1 (about 0.7 to 1.2).

    Newton-Schulz: ``X <- a X + (b A + c A²) X`` with ``A = X Xᵀ``, whose quintic polynomial drives every singular
    value towards 1; only products of matrices are needed.
    """
    a, b, c = coefficients
    tall = g.shape[0] > g.shape[1]
    x = g.T if tall else g
    x = x / maximum(norm(x), eps)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.T if tall else x


class Muon(Optimizer):
    """``p (1 - lr weight_decay) - rate O(u)`` for matrices, with u the momentum of the gradients and O orthogonal.

    All directions of a weight matrix move equally far. For hidden layers; give biases, embeddings and the last layer
    to AdamW. The rate is ``lr sqrt(max(1, rows / columns))`` or, with ``adjust_lr_fn="match_rms_adamw"``,
    ``0.2 lr sqrt(max(rows, columns))``, which makes steps the size of AdamW's. Unlike PyTorch's it computes in the
    parameter's own precision, not in bfloat16.

    >>> import numpy as np, wengert as wg
    >>> w = wg.nn.Parameter(np.zeros((2, 3)))
    >>> optimizer = wg.optim.Muon([w], lr=1.0, weight_decay=0.0)
    >>> w.grad = np.array([[3.0, 0.0, 0.0], [0.0, 0.1, 0.0]])
    >>> optimizer.step()
    >>> bool((abs(np.linalg.svd(w.detach().numpy())[1] - 1) < 0.4).all())
    True
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        check_finite: bool = True,
    ) -> None:
        options = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": tuple(ns_coefficients), "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, options, check_finite)

    def check(self, group: Group) -> None:
        super().check(group)
        if group["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            raise ArgumentError(
                f"Muon: got adjust_lr_fn={group['adjust_lr_fn']!r}; needs None, 'original' or 'match_rms_adamw'"
            )
        for p in group["params"]:
            if p.ndim != 2:
                raise ShapeError(f"Muon: got {self._title(p)}; needs matrices", hint="give other parameters to AdamW")

    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        momentum = group["momentum"]
        m = remembered(state, "momentum_buffer", p)
        m = state["momentum_buffer"] = m + (1 - momentum) * (g - m)
        u = g + momentum * (m - g) if group["nesterov"] else m
        rows, columns = p.shape
        scale = max(1.0, rows / columns) ** 0.5
        if group["adjust_lr_fn"] == "match_rms_adamw":
            scale = 0.2 * max(rows, columns) ** 0.5
        step = orthogonalised(u, group["ns_coefficients"], group["eps"], group["ns_steps"])
        return p * (1 - group["lr"] * group["weight_decay"]) - group["lr"] * scale * step
