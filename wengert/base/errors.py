"""Every deliberate exception of the package, in one place; each is also the builtin one.

A message has up to five parts: the operation, what it got, what it needs, a hint, and the
user's line. The raiser states the first four; the line is looked up here, once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.base.source import user_line


class WengertError(Exception):
    """Base of all errors raised on purpose: ``message``, an optional ``hint`` and the user's line."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = message
        self.hint = hint
        self.where = user_line(depth=3)
        lines = [message]
        if hint:
            lines.append(f"  hint: {hint}")
        if self.where:
            lines.append(f"  at {self.where}")
        super().__init__("\n".join(lines))


# ----- what was handed in -----------------------------------------------------------------
class ShapeError(WengertError, ValueError):
    """Shapes that an operation cannot combine."""


class AxisError(ShapeError, IndexError):
    """An axis outside the array's rank, or given twice."""


class IndexingError(WengertError, IndexError):
    """An index outside its axis, or too many of them."""


class DTypeError(WengertError, TypeError):
    """A dtype for which the operation, or its derivative, is not defined."""


class ArgumentError(WengertError, ValueError):
    """An argument outside its allowed values."""


class OperandError(WengertError, TypeError):
    """An operand that is neither a number, nor an array, nor a tensor."""


class TreeError(WengertError, ValueError, TypeError):
    """Two trees that should have the same structure and do not."""


class LinearAlgebraError(WengertError, np.linalg.LinAlgError):
    """A matrix that is singular, not positive definite, or an iteration that did not converge."""


# ----- what cannot be recorded or differentiated --------------------------------------------
class UncoveredFunctionError(WengertError, TypeError):
    """A NumPy or SciPy function without a derivative here, called on a recorded tensor."""


class MissingRuleError(WengertError, NotImplementedError):
    """A primitive without the rule (derivative, batching) that a transform asks for."""


class ScalarError(WengertError, TypeError, RuntimeError):
    """A scalar is needed: the output of a function to be differentiated, or a tensor in `backward`."""


class GraphError(WengertError, RuntimeError):
    """The Wengert list cannot be swept: nothing was recorded, or its values were released."""


class EscapedTensorError(WengertError, RuntimeError):
    """A tensor that is used after the transform that recorded it has ended."""


class TracedValueError(WengertError, TypeError):
    """The value of a tensor is asked for where only its shape and dtype are known."""


class CompileError(WengertError, NotImplementedError, RuntimeError):
    """Something a compiled function cannot do: change what is outside of it, or draw from the global generator."""


class AssignmentError(WengertError, TypeError, ValueError):
    """An assignment that cannot be recorded."""


class InPlaceError(WengertError, RuntimeError):
    """An in-place change of a tensor that the list still needs."""


# ----- the world outside ----------------------------------------------------------------------
class MissingDependencyError(WengertError, ImportError):
    """An optional library that is not installed."""


class FileFormatError(WengertError, ValueError, OSError):
    """A file whose content is not what its format promises."""


class NonFiniteError(WengertError, FloatingPointError):
    """A value or gradient that became NaN or infinite where that is refused."""


def show(x: Any) -> str:
    """One operand, worded for a message: ``float64(2, 3)`` for arrays, `repr` for numbers."""
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    if isinstance(shape, tuple) and dtype is not None:
        return f"{dtype}{list(shape)}"
    if isinstance(x, (bool, int, float, complex)):
        return repr(x)
    return type(x).__name__
