"""Hooks on gradients: functions a backward sweep calls with the gradient of a tensor, and the one that keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from wengert.base.errors import ShapeError, show
from wengert.core.epoch import changed
from wengert.core.record import Tensor
from wengert.core.tape import RELEASED, Node


class Retained:
    """A hook that keeps the gradient of an intermediate tensor."""

    __slots__ = ("grad",)

    def __init__(self) -> None:
        self.grad: Tensor | None = None

    def __call__(self, g: Any) -> None:
        g = g if isinstance(g, Tensor) else Tensor(g)
        self.grad = g if self.grad is None else self.grad + g


def apply_hooks(hooks: Iterable[Any], g: Any) -> Any:
    for hook in list(hooks):
        g = hooked(hook, g if isinstance(g, Tensor) else Tensor(g))
    return g


def hooked(hook: Callable[[Tensor], Any], g: Tensor) -> Tensor:
    """What a hook makes of the gradient `g`: `g` itself where it returns None, else a gradient of the same kind."""
    changed = hook(g)
    if changed is None:
        return g
    changed = changed if isinstance(changed, Tensor) else Tensor(np.asarray(changed, g.dtype))
    if changed.shape != g.shape or changed.dtype != g.dtype:
        raise ShapeError(
            f"hook: got {show(changed)} for a gradient {show(g)}; a hook returns None or a gradient of the same shape "
            "and dtype"
        )
    return changed


def retained_of(node: Node) -> Retained:
    hooks = hooks_of(node)
    for hook in hooks:
        if isinstance(hook, Retained):
            return hook
    hooks.append(Retained())
    return hooks[-1]


def hooks_of(node: Node) -> list[Any]:
    """The list of hooks of a line, made where there is none yet."""
    if not isinstance(node.extra, list):
        node.extra = [] if node.extra is None else [RELEASED]
    return node.extra


class HookHandle:
    """What `register_hook` returns; ``remove()`` takes the hook away."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)
            changed()


__all__ = ["HookHandle", "Retained", "apply_hooks", "hooked", "hooks_of", "retained_of"]
