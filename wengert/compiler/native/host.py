"""Lines that run on NumPy between the kernels."""

from __future__ import annotations

import math
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.base.errors import WengertError
from wengert.compiler.native.windows import Window
from wengert.core.primitive import PART
from wengert.core.record import refused
from wengert.core.tape import Const, Node, Var

if TYPE_CHECKING:
    from wengert.compiler.native.program import Program


class Host:
    """One such line, ready to run."""

    def __init__(self, program: Program, node: Node) -> None:
        self.program, self.writing, self.node = program, program.writing, node
        if node.prim is PART:
            self.function: Any = itemgetter(node.attrs["index"])
        else:
            self.function = partial(node.prim.impl, **node.attrs) if node.attrs else node.prim.impl
        self.operands = [self._operand(k, x) for k, x in enumerate(node.inputs)]

    def _operand(self, k: int, x: Any) -> Any:
        """What stands for an operand: a value, or a variable and the window onto it."""
        if not isinstance(x, Var):
            return x
        base, window = self.writing.fusion.operand(self.node, k)
        if isinstance(base, Const):
            fixed = isinstance(base.value, np.ndarray | np.generic)
            return windowed(np.asarray(base.value), window) if fixed else base.value
        if base in self.writing.offset:
            start = self.writing.offset[base]
            memory = self.program.arena[start : start + bytes_of(base)].view(base.dtype).reshape(base.shape)
            return windowed(memory, window)
        if not isinstance(base.dtype, np.dtype) or (window.whole and window.shape == tuple(base.shape)):
            return base, None
        return base, window

    def run(self, held: dict[Var, Any]) -> None:
        """Compute the line's value from those held, and hold it too."""
        operands = [self._value(x, held) for x in self.operands]
        try:
            with np.errstate(all="ignore"):
                result = self.function(*operands)
        except WengertError:
            raise
        except Exception as error:
            raise refused(self.node.prim, operands, self.node.attrs, error) from error
        if isinstance(self.node.dtype, np.dtype):
            result = np.asarray(result)
            if result.base is not None or not result.flags.c_contiguous:
                result = np.array(result, order="C")  # the arena is written again
        held[self.node] = result

    def _value(self, x: Any, held: dict[Var, Any]) -> Any:
        if type(x) is not tuple:
            return x
        base, window = x
        return held[base] if window is None else windowed(np.asarray(held[base]), window)


def windowed(array: np.ndarray, w: Window) -> np.ndarray:
    """An array seen through a window without pads."""
    assert not w.pads
    if 0 in w.shape:
        return np.empty(w.shape, array.dtype)
    flat = np.ascontiguousarray(array).reshape(-1)
    strides = [s * array.dtype.itemsize for s in w.strides]
    return np.lib.stride_tricks.as_strided(flat[w.offset :], w.shape, strides, writeable=False)


def bytes_of(x: Var) -> int:
    """The size of a variable's values."""
    return math.prod(x.shape) * int(x.dtype.itemsize)


__all__ = ["Host", "bytes_of", "windowed"]
