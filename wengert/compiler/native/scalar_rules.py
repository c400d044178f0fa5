"""What the native rules of elementwise primitives share: types of registers and memory, conversions, the table."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.compiler.native.ir import F32, F64, I1, I8, I16, I32, I64, Function, Type, Value
from wengert.core.tape import Node

DType = np.dtype[Any]
_REGISTERS = {
    "bool": I1, "int8": I8, "int16": I16, "int32": I32, "int64": I64,
    "uint8": I8, "uint16": I16, "uint32": I32, "uint64": I64, "float32": F32, "float64": F64,
}  # fmt: skip


# ----- types ------------------------------------------------------------------------------------------------
@cache
def known(dtype: Any) -> bool:
    """Whether registers hold numbers of this dtype."""
    return isinstance(dtype, np.dtype) and dtype.name in _REGISTERS and dtype.isnative


@cache
def register_type(dtype: DType, width: int = 1) -> Type:
    """How a register holds numbers of a dtype; a bool is one bit."""
    return _REGISTERS[dtype.name].vector(width)


def memory_type(dtype: DType, width: int = 1) -> Type:
    """How memory holds numbers of a dtype; a bool is one byte."""
    return I8.vector(width) if dtype.kind == "b" else register_type(dtype, width)


def convert(f: Function, x: Value, source: DType, target: DType) -> Value:
    """`x` from one dtype to another, as NumPy's ``astype``.

    Whole numbers wrap around. A floating number outside of the range of a signed dtype of 32 or 64 bits becomes the
    nearest number in it, NaN becomes 0: NumPy leaves these to the processor.
    """
    if source == target:
        return x
    kind = register_type(target)
    if target.kind == "b":
        return f.compare("une" if source.kind == "f" else "ne", x, 0)
    if source.kind == "f":
        if target.kind == "f":
            return f.cast("fpext" if target.itemsize > source.itemsize else "fptrunc", x, kind)
        return _to_whole(f, x, target)
    if target.kind == "f":
        return f.cast("sitofp" if source.kind == "i" else "uitofp", x, kind)
    bits, wanted = x.type.bits, kind.bits
    if bits == wanted:
        return x
    return f.cast("trunc" if wanted < bits else "sext" if source.kind == "i" else "zext", x, kind)


def _to_whole(f: Function, x: Value, target: DType) -> Value:
    kind = register_type(target)
    if target.name == "uint64":
        high = f.compare("oge", x, 2.0**63)
        low = f.to_whole(f.select(high, x - 2.0**63, x), kind)
        return low ^ f.select(high, f.constant(-(2**63), low.type), f.constant(0, low.type))
    middle = I64 if target.name in ("int64", "uint32") else I32
    whole = f.to_whole(x, middle)
    return whole if kind.bits == middle.bits else f.cast("trunc", whole, kind)


def representable(x: Any, dtype: DType) -> bool:
    """Whether a Python number can be an operand of this dtype."""
    if type(x) is complex:
        return False
    if dtype.kind in "iu" and not isinstance(x, float):
        limits = np.iinfo(dtype)
        return limits.min <= int(x) <= limits.max
    return dtype.kind == "f" or (dtype.kind == "b" and type(x) is bool)


def operand_dtype(x: Any) -> DType:
    """The dtype of an operand; that which NumPy gives a Python number alone."""
    return np.asarray(x).dtype if type(x) in SCALAR_TYPES else x.dtype


def common_dtype(xs: Any) -> DType:
    """The dtype in which NumPy meets these operands."""
    return np.result_type(*(x if type(x) in SCALAR_TYPES else x.dtype for x in xs))


def uniform(node: Any) -> bool:
    """Whether all operands have the result's dtype: for functions whose intermediate results NumPy rounds otherwise."""
    return all(type(x) in (int, float) or operand_dtype(x) == node.dtype for x in node.inputs)


# ----- the table --------------------------------------------------------------------------------------------
Body = Callable[..., Value]


class Rule(NamedTuple):
    """How one primitive is written: ``body(f, *operands, dtype=…)`` with the operands already in the loop's dtype.

    `loop` says which that is: ``result`` the node's own, ``common`` what the operands have in common. With ``own`` the
    body is ``body(f, node, *operands)`` and gets the operands as they are. `kinds` are the kinds (as in
    ``dtype.kind``) of the loop it is defined for; `check(node)` may refuse a node.
    """

    body: Body
    loop: str
    kinds: str
    check: Callable[[Node], bool] | None = None


RULES: dict[str, Rule] = {}


def rule(*names: str, loop: str = "result", kinds: str = "f", check: Any = None) -> Callable[[Body], Body]:
    """Enter a function into the table under the names of primitives."""

    def enter(body: Body) -> Body:
        for name in names:
            RULES[name] = Rule(body, loop, kinds, check)
        return body

    return enter


__all__ = [
    "RULES", "DType", "Rule", "common_dtype", "convert", "known", "memory_type", "operand_dtype", "register_type",
    "representable", "rule",
    "uniform",
]  # fmt: skip
