"""Layers with parameters, and dropout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.base.dtypes import get_default_dtype
from wengert.base.errors import ArgumentError
from wengert.nn import functional, init
from wengert.nn.module import Module, Parameter


def empty_parameter(shape: tuple[int, ...], dtype: Any = None) -> Parameter:
    """A parameter of zeros in the default dtype, for `init` to fill."""
    return Parameter(np.zeros(shape, dtype or get_default_dtype()))


class Linear(Module):
    """Affine map ``y = x Wᵀ + b``: ``(…, in_features) -> (…, out_features)``; weight ``(out, in)``.

    Weight and bias start uniform in ``±1 / sqrt(in_features)`` (PyTorch's default).

    >>> import wengert as wg, numpy as np
    >>> wg.nn.Linear(8, 16)(np.zeros((3, 8), np.float32)).shape
    (3, 16)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, dtype: Any = None) -> None:
        super().__init__()
        if in_features < 0 or out_features < 0:
            raise ArgumentError(f"Linear: got {in_features} and {out_features} features; they cannot be negative")
        self.in_features, self.out_features = in_features, out_features
        self.weight = empty_parameter((out_features, in_features), dtype)
        if bias:
            self.bias = empty_parameter((out_features,), dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Any) -> Any:
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Dropout(Module):
    """While training: each element 0 with probability `p`, the others divided by ``1 - p``. Else the identity."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ArgumentError(f"Dropout: got p={p}; needs a probability between 0 and 1")
        self.p = p

    def forward(self, x: Any) -> Any:
        return functional.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"
