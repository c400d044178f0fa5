"""Which values are surely contiguous in row-major order.

NumPy's sums and products of matrices may round differently over another layout of the same numbers. A pass that drops
a copy (x * 1, a cast to the same dtype) keeps the program's results bit for bit only where the copy would have been
laid out as the operand is; this is where we know that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compile.rewrite import array_of
from wengert.core.tape import Node, Var
from wengert.ops.elementwise import Elementwise

# Their results are laid out row by row where their operands are.
_KEEPING = frozenset({"multiply_no_nan", "reshape", "astype", "sum", "matmul", "stop_gradient", "concatenate"})


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

    def _find(self, x: Var) -> bool:
        if not isinstance(x, Node):
            array = array_of(x)
            return array is not None and bool(array.flags.c_contiguous)
        if isinstance(x.prim, Elementwise) and isinstance(x.prim.impl, np.ufunc):
            # NumPy lays the result out as the operands; what is broadcast has no say.
            return all(self.dense(operand) for operand in x.inputs)
        return x.prim.name in _KEEPING and all(self.dense(operand) for operand in x.inputs)


__all__ = ["Layouts"]
