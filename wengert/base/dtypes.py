"""Dtypes: the default of factories, kinds, and the rule by which operands are promoted (NumPy 2, NEP 50)."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.base.errors import DTypeError, show

Scalar = (bool, int, float, complex)
SCALAR_TYPES = frozenset(Scalar)
DIFFERENTIABLE_KINDS = frozenset("fc")

_default: np.dtype[Any] = np.dtype(np.float32)


def get_default_dtype() -> np.dtype[Any]:
    """The floating dtype of factories and layers; float32 unless changed.

    >>> import wengert as wg
    >>> wg.get_default_dtype()
    dtype('float32')
    """
    return _default


def set_default_dtype(dtype: Any) -> None:
    """Set the floating dtype that factories and layers use where none is given.

    Raises `DTypeError` for a dtype that is not a real floating one.

    >>> import wengert as wg
    >>> wg.set_default_dtype("float64")
    >>> wg.zeros(2).dtype
    dtype('float64')
    >>> wg.set_default_dtype("float32")
    """
    global _default
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        raise DTypeError(f"set_default_dtype: got {wanted}; needs a real floating dtype")
    _default = wanted


def is_differentiable(x: Any) -> bool:
    """True for real or complex floating values: those that have a derivative."""
    dtype = getattr(x, "dtype", None)
    if dtype is None:
        return isinstance(x, (float, complex))
    return dtype.kind in DIFFERENTIABLE_KINDS


def result_type(*operands: Any) -> np.dtype[Any]:
    """The dtype NumPy gives to an operation on `operands`: avals, arrays, dtypes or Python scalars (weak)."""
    try:
        return np.result_type(*(x if type(x) in SCALAR_TYPES else getattr(x, "dtype", x) for x in operands))
    except TypeError:
        raise DTypeError(f"result_type: no common dtype of {', '.join(map(show, operands))}") from None
