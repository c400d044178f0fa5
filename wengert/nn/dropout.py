"""Dropout: random zeros while training, the identity otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from wengert.nn import functional
from wengert.nn.functional.checks import probability
from wengert.nn.module import Module


class _Dropout(Module):
    function: ClassVar[Callable[..., Any]]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        # `inplace` is PyTorch's; nothing is ever changed in place here, the result is the same.
        super().__init__()
        probability(type(self).__name__, p)
        self.p = p

    def forward(self, x: Any) -> Any:
        return type(self).function(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout(_Dropout):
    """While training: each element 0 with probability `p`, the others divided by ``1 - p``. Else the identity."""

    function = staticmethod(functional.dropout)


class Dropout1d(_Dropout):
    """`Dropout` of whole channels of (N, C, L) or (C, L)."""

    function = staticmethod(functional.dropout1d)


class Dropout2d(_Dropout):
    """`Dropout` of whole channels of (N, C, H, W) or (C, H, W)."""

    function = staticmethod(functional.dropout2d)


class Dropout3d(_Dropout):
    """`Dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W)."""

    function = staticmethod(functional.dropout3d)


class AlphaDropout(_Dropout):
    """Dropout for networks of `SELU`: keeps mean 0 and variance 1."""

    function = staticmethod(functional.alpha_dropout)
