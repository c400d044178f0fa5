"""Which values are surely contiguous in row-major order.

NumPy's sums and products of matrices may round differently over another layout of the same numbers. A pass that drops
a copy (x * 1, a cast to the same dtype) keeps the program's results bit for bit only where the copy would have been
laid out as the operand is; this is where we know that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.compiler.rewrite import array_of
from wengert.core.tape import Node, Var
from wengert.ops.elementwise import Elementwise

# Their results are laid out row by row where their operands are.
_KEEPING = frozenset({"multiply_no_nan", "reshape", "astype", "sum", "matmul", "stop_gradient", "concatenate"})
# Their results are new arrays without gaps, in the order of axes of their operands.
_NEW = frozenset({"multiply_no_nan", "astype", "sum", "matmul"})


class Layouts:
    """What is known of the variables of a list; ask in execution order."""

    def __init__(self) -> None:
        self._known: dict[Var, bool] = {}

    def dense(self, x: Any) -> bool:
        """Whether `x` is surely contiguous, in row-major order."""
        if not isinstance(x, Var) or x.shape == ():
            return True
        known = self._known.get(x)
        if known is None:
            known = self._known[x] = self._find(x)
        return known

    def copied_exactly(self, x: Any, others: Sequence[Any] = ()) -> bool:
        """Whether an elementwise operation on `x` (and `others`) gives a new array laid out as `x` is."""
        return self.dense(x) or (_is_new(x) and all(map(_silent, others)))

    def _find(self, x: Var) -> bool:
        if not isinstance(x, Node):
            array = array_of(x)
            return array is not None and bool(array.flags.c_contiguous)
        if _is_new(x) and len(x.shape) == 1:
            return True
        if isinstance(x.prim, Elementwise) and isinstance(x.prim.impl, np.ufunc):
            # One operand of the result's shape in row-major order is enough for NumPy to choose that order.
            full = (y for y in x.inputs if isinstance(y, Var) and tuple(y.shape) == tuple(x.shape))
            return any(map(self.dense, full)) or all(map(self.dense, x.inputs))
        return x.prim.name in _KEEPING and all(map(self.dense, x.inputs))


def _is_new(x: Any) -> bool:
    """Whether `x` is the result of an operation that allocates it without gaps."""
    if not isinstance(x, Node):
        return False
    return x.prim.name in _NEW or (isinstance(x.prim, Elementwise) and isinstance(x.prim.impl, np.ufunc))


def _silent(x: Any) -> bool:
    """Whether an operand has no say in the layout of a result: a scalar, or one number repeated."""
    array = array_of(x)
    return not isinstance(x, Var) or x.shape == () or (array is not None and not any(array.strides))


__all__ = ["Layouts"]
