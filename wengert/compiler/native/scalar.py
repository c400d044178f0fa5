"""Elementwise primitives in native code: what one line of the list becomes for the elements in a register.

    kind = register_type(node.dtype, 16)
    y = lower(f, node, [f.load(…), 2.0])  # a Python number stays as it is written in the line

The table says for every primitive how it is written (`scalar_numbers`, `scalar_functions`); promotion, weak Python
numbers, wrap-around, NaN and division by zero are NumPy's. What the table does not have, NumPy computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.compiler.native import gamma, normal, scalar_functions, scalar_numbers
from wengert.compiler.native.ir import Function, Value
from wengert.compiler.native.scalar_rules import (
    RULES,
    DType,
    common_dtype,
    convert,
    known,
    memory_type,
    operand_dtype,
    register_type,
    representable,
)
from wengert.core.tape import Node


def supported(node: Node) -> bool:
    """Whether `lower` can write this line."""
    rule = RULES.get(node.prim.name)
    if rule is None or not known(node.dtype):
        return False
    if not all(known(operand_dtype(x)) for x in node.inputs):
        return False
    loop = _loop_dtype(node)
    if loop.kind not in rule.kinds or not known(loop):
        return False
    target = loop if rule.loop != "own" else common_dtype(node.inputs)
    if not all(representable(x, target) for x in node.inputs if type(x) in SCALAR_TYPES):
        return False
    return rule.check is None or rule.check(node)


def _loop_dtype(node: Node) -> DType:
    """The dtype in which the line is computed."""
    return common_dtype(node.inputs) if RULES[node.prim.name].loop == "common" else np.dtype(node.dtype)


def lower(f: Function, node: Node, operands: Sequence[Any]) -> Value:
    """Write the line for operands in registers, each of its own dtype; Python numbers are in `node.inputs` too.

    Registers are of one width, or scalars that stand for every lane. The result is of the node's dtype.
    """
    rule = RULES[node.prim.name]
    width = max((x.type.width for x in operands if isinstance(x, Value)), default=1)
    loop = _loop_dtype(node)
    values = []
    for x, of in zip(operands, node.inputs, strict=True):
        own = operand_dtype(of) if isinstance(x, Value) or rule.loop == "own" else loop
        value = f.lift(x, register_type(own, width))
        values.append(value if rule.loop == "own" else convert(f, value, own, loop))
    return rule.body(f, node, *values) if rule.loop == "own" else rule.body(f, *values, dtype=loop)


# ----- reductions -------------------------------------------------------------------------------------------------
class Reduction(NamedTuple):
    """A reduction in the dtype of its result: the neutral number, and how two values become one."""

    identity: Callable[[DType], Any]
    combine: Callable[[Function, DType, Value, Value], Value]


def _lowest(dtype: DType) -> Any:
    if dtype.kind == "f":
        return -np.inf
    return 0 if dtype.kind == "b" else int(np.iinfo(dtype).min)


def _highest(dtype: DType) -> Any:
    if dtype.kind == "f":
        return np.inf
    return 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)


REDUCTIONS = {
    "sum": Reduction(lambda _: 0, lambda f, dtype, a, b: scalar_numbers.add(f, a, b, dtype)),
    "prod": Reduction(lambda _: 1, lambda f, dtype, a, b: scalar_numbers.multiply(f, a, b, dtype)),
    "max": Reduction(_lowest, lambda f, dtype, a, b: scalar_numbers.larger(f, a, b, dtype)),
    "min": Reduction(_highest, lambda f, dtype, a, b: scalar_numbers.smaller(f, a, b, dtype)),
    "all": Reduction(lambda _: 1, lambda f, dtype, a, b: a & b),
    "any": Reduction(lambda _: 0, lambda f, dtype, a, b: a | b),
}

NATIVE = tuple(sorted(RULES))
assert scalar_functions and normal and gamma  # they fill the table

__all__ = ["NATIVE", "REDUCTIONS", "Reduction", "convert", "lower", "memory_type", "register_type", "supported"]
