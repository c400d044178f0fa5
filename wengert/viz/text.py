"""The recorded list behind a tensor, as text."""

from __future__ import annotations

from typing import Any

from wengert.base.errors import GraphError, OperandError
from wengert.core.record import Tensor
from wengert.core.tape import Tape, Var, cut


def list_of(y: Any, what: str) -> Tape:
    """The list of all lines a tensor (or several) depends on; raises `GraphError` where nothing was recorded."""
    outputs = y if isinstance(y, tuple | list) else (y,)
    for t in outputs:
        if not isinstance(t, Tensor):
            raise OperandError(f"{what}: got {type(t).__name__}; needs a tensor, or several")
        if not isinstance(t.node, Var):
            raise GraphError(
                f"{what}: this tensor was not recorded",
                hint="make an input or parameter with requires_grad=True, and compute outside of no_grad",
            )
    return cut(t.node for t in outputs)


__all__ = ["list_of"]
