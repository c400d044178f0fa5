"""The operators and methods of `Tensor`, from a table of names: a method is the public function of that name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.primitive import Primitive
from wengert.core.record import Tensor, bind
from wengert.ops import FUNCTIONS

_OPERANDS = (Tensor, np.ndarray, np.generic, int, float, complex, list, tuple)

BINARY = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power",
    "mod": "remainder", "floordiv": "floor_divide", "matmul": "matmul",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}  # fmt: skip
COMPARISONS = {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
}  # fmt: skip
UNARY = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "bitwise_invert"}


def _binary(function: Callable[..., Any], name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """``x op other`` and its reflection; straight to `bind` where the function is one primitive."""
    primitive: Primitive | None = getattr(function, "primitive", None)
    if primitive is not None:

        def forward(self: Tensor, other: Any) -> Any:
            return bind(primitive, (self, other)) if isinstance(other, _OPERANDS) else NotImplemented

        def reflected(self: Tensor, other: Any) -> Any:
            return bind(primitive, (other, self)) if isinstance(other, _OPERANDS) else NotImplemented

    else:

        def forward(self: Tensor, other: Any) -> Any:
            return function(self, other) if isinstance(other, _OPERANDS) else NotImplemented

        def reflected(self: Tensor, other: Any) -> Any:
            return function(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    forward.__name__, reflected.__name__ = f"__{name}__", f"__r{name}__"
    return forward, reflected


def install_operators() -> None:
    """Give `Tensor` its operators, as far as the operations are there."""
    for name, function_name in (BINARY | COMPARISONS).items():
        if function_name in FUNCTIONS:
            forward, reflected = _binary(FUNCTIONS[function_name], name)
            setattr(Tensor, f"__{name}__", forward)
            if name in BINARY:
                setattr(Tensor, f"__r{name}__", reflected)
    for name, function_name in UNARY.items():
        if function_name in FUNCTIONS:
            setattr(Tensor, f"__{name}__", FUNCTIONS[function_name])
    Tensor.__hash__ = object.__hash__  # type: ignore[method-assign]  # defining == would take it away


install_operators()
