"""Clipping of gradients, and sequences of different lengths (`rnn`), with PyTorch's names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, NonFiniteError
from wengert.core.record import Tensor, current, local
from wengert.nn.utils import rnn
from wengert.ops.comparison import isfinite
from wengert.ops.joining import stack
from wengert.ops.linalg import norm
from wengert.ops.rounding import clip, where
from wengert.ops.structure import arrayed, reshape


def _gradients(parameters: Any) -> list[tuple[Tensor, Any]]:
    members = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [(p, current(p.grad)) for p in members if p.grad is not None]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Any:
    """Scale all gradients together so that their norm is at most `max_norm`; returns the norm before.

    The norm is that of all gradients as one vector; `norm_type` may be ``inf``. Gradients below `max_norm` stay as
    they are. Raises `NonFiniteError` for a norm that is NaN or infinite, if asked to.

    >>> import wengert as wg
    >>> w = wg.tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> float(wg.nn.utils.clip_grad_norm_([w], 1.0)), [round(g, 3) for g in w.grad.tolist()]
    (10.0, [0.6, 0.8])
    """
    if not max_norm >= 0:
        raise ArgumentError(f"clip_grad_norm_: got max_norm={max_norm}; needs a number that is at least 0")
    found = _gradients(parameters)
    norms = [norm(reshape(g, -1), norm_type) for _, g in found if g.size]
    total = norm(stack(norms), norm_type) if norms else np.float64(0.0)
    if error_if_nonfinite:
        _refuse_non_finite(total)
    scale = float(max_norm) / (arrayed(total).astype(np.float64) + 1e-6)  # PyTorch's guard against a division by 0
    if isinstance(scale, Tensor):  # its value is not known while a step is recorded for the compiler
        scale = where(scale >= 1, 1.0, scale)
    if isinstance(scale, Tensor) or not scale >= 1:
        for p, g in found:
            scaled = g * scale.astype(g.dtype)
            p.grad = scaled if isinstance(scaled, Tensor) else Tensor(scaled)
    return total


def _refuse_non_finite(total: Any) -> None:
    def error(value: Any) -> NonFiniteError:
        return NonFiniteError(f"clip_grad_norm_: the norm of the gradients is {value}")

    if local.lifting is not None:
        local.lifting.check(isfinite(total), total, error)
    elif not np.isfinite(total):
        raise error(total)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Cut every entry of the gradients to ``[-clip_value, clip_value]``.

    >>> import wengert as wg
    >>> w = wg.tensor([3.0, 0.1], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> wg.nn.utils.clip_grad_value_(w, 1.0)
    >>> [round(g, 6) for g in w.grad.tolist()]
    [1.0, 0.2]
    """
    if not clip_value >= 0:
        raise ArgumentError(f"clip_grad_value_: got clip_value={clip_value}; needs a number that is at least 0")
    for p, g in _gradients(parameters):
        clipped = clip(g, -clip_value, clip_value)
        p.grad = clipped if isinstance(clipped, Tensor) else Tensor(clipped)


__all__ = ["clip_grad_norm_", "clip_grad_value_", "rnn"]
