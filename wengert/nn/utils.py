"""Clipping of gradients, with PyTorch's names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, NonFiniteError
from wengert.core.record import Tensor, concrete


def _gradients(parameters: Any) -> list[tuple[Tensor, Any]]:
    members = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [(p, concrete(p.grad)) for p in members if p.grad is not None]


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
    norms = [np.linalg.norm(g.ravel(), norm_type) for _, g in found if g.size]
    total = np.linalg.norm(np.array(norms), norm_type) if norms else np.float64(0.0)
    if error_if_nonfinite and not np.isfinite(total):
        raise NonFiniteError(f"clip_grad_norm_: the norm of the gradients is {total}")
    scale = float(max_norm) / (float(total) + 1e-6)  # PyTorch's guard against a division by 0
    if not scale >= 1:
        for p, g in found:
            p.grad = Tensor(g * scale)
    return total


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
        p.grad = Tensor(np.clip(g, -clip_value, clip_value))


__all__ = ["clip_grad_norm_", "clip_grad_value_"]
