"""Activations with corners, of straight pieces; the functions and their derivatives at corners are in
`wengert.nn.functional.activation`."""

from __future__ import annotations

from typing import Any

from wengert.base.errors import ArgumentError
from wengert.nn import functional
from wengert.nn.module import Module


class Hardtanh(Module):
    """``x`` between the bounds, else the bound."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if not min_val < max_val:
            raise ArgumentError(f"Hardtanh: got the bounds {min_val} and {max_val}; needs min_val < max_val")
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Any) -> Any:
        return functional.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class ReLU6(Module):
    """``min(max(x, 0), 6)``."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return functional.relu6(x)


class Hardsigmoid(Module):
    """``relu6(x + 3) / 6``, a sigmoid of three lines."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return functional.hardsigmoid(x)


class Hardswish(Module):
    """``x relu6(x + 3) / 6``."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return functional.hardswish(x)


class _Shrink(Module):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Softshrink(_Shrink):
    """`x` moved towards 0 by `lambd`, 0 where ``|x| <= lambd``."""

    def forward(self, x: Any) -> Any:
        return functional.softshrink(x, self.lambd)


class Hardshrink(_Shrink):
    """``x`` where ``|x| > lambd``, else 0."""

    def forward(self, x: Any) -> Any:
        return functional.hardshrink(x, self.lambd)


class Threshold(Module):
    """``x`` where ``x > threshold``, else `value`."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value = threshold, value

    def forward(self, x: Any) -> Any:
        return functional.threshold(x, self.threshold, self.value)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"
