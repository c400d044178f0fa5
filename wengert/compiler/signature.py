"""The signature of a call: what of its arguments decides how the function is recorded.

Arrays and tensors count by shape and dtype; Python numbers, strings and the like by value; containers by their tree.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base.errors import DTypeError, OperandError, show
from wengert.core.record import Tensor
from wengert.core.tree import LEAF, flatten

ARRAYS = (np.ndarray, np.generic, Tensor)
# Python values that a recording may depend on in any way, so that each gets its own.
_BY_VALUE = (bool, int, str, bytes, type(None), np.dtype, type, type(Ellipsis))
_BY_TEXT = (float, complex, slice, range)  # -0.0 equals 0.0, nan does not equal itself
FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, np.ufunc)


class Eager(Exception):
    """An argument with which a function runs as it stands."""


def read(x: Any, key: list[Any], leaves: list[Any]) -> None:
    """Append the signature of `x` to `key` and its arrays to `leaves`."""
    kind = type(x)
    if kind is np.ndarray:
        key += (kind, x.shape, x.dtype)
        leaves.append(x)
    elif kind is tuple or kind is list:
        key += (kind, len(x))
        for child in x:
            read(child, key, leaves)
    elif kind is dict:
        key += (kind, len(x), *x)
        for child in x.values():
            read(child, key, leaves)
    elif kind in _BY_VALUE or isinstance(x, FUNCTIONS):
        key += (kind, x)
    elif kind in _BY_TEXT:
        key += (kind, repr(x))
    else:
        _read_other(x, key, leaves)


def _read_other(x: Any, key: list[Any], leaves: list[Any]) -> None:
    if isinstance(x, ARRAYS):
        if isinstance(x, np.ndarray):
            raise OperandError(f"compile: got an argument of type {type(x).__name__}; needs plain arrays",
                               hint="convert it: np.asarray(x)")  # fmt: skip
        key += (Tensor if isinstance(x, Tensor) else np.ndarray, tuple(x.shape), x.dtype)
        leaves.append(x)
        return
    mark = getattr(type(x), "_signature_", None)
    if mark is not None:
        found = mark(x)
        if found is None:
            raise Eager
        key.append(found)
    children, structure = flatten(x)
    if structure == LEAF:
        if isinstance(x, np.dtype | type):
            key += (type(x), x)
            return
        raise OperandError(
            f"compile: got an argument of type {type(x).__name__}, whose content could change unseen; needs numbers, "
            "strings, arrays, tensors, functions, or trees of them",
            hint="make it a dataclass, which is a tree, or read it from a global or closure",
        )
    key.append(structure)
    for child in children:
        read(child, key, leaves)


def check(leaves: Sequence[Any]) -> None:
    """Refuse arrays that hold no numbers."""
    for x in leaves:
        if x.dtype.kind not in "fciub":
            raise DTypeError(f"compile: got an argument {show(x)}; needs numbers")


def difference(before: tuple[Any, ...], now: tuple[Any, ...]) -> str:
    """In words, how a call differs from an earlier one; a signature starts with the default dtype and the grad mode."""
    if before[0] != now[0]:
        return f"the default dtype changed from {before[0]} to {now[0]}"
    if before[1] != now[1]:
        return f"gradients are {'recorded' if now[1] else 'not recorded'} (grad mode changed)"
    old, new = _described(before), _described(now)
    if len(old) == len(new):
        for place, (a, b) in enumerate(zip(old, new, strict=True)):
            if a != b:
                return f"leaf {place} of the arguments changed from {a} to {b}"
    return f"the arguments changed from ({', '.join(old)}) to ({', '.join(new)})"


def words(key: tuple[Any, ...]) -> str:
    """The leaves of a signature in words."""
    return ", ".join(_described(key))


def _described(key: tuple[Any, ...]) -> list[str]:
    """One word a leaf of a signature (containers have none)."""
    found, items = [], iter(key[2:])
    for kind in items:
        if kind is np.ndarray or kind is Tensor:
            lengths = ",".join(map(str, next(items)))
            found.append(f"{'tensor ' if kind is Tensor else ''}{next(items)}[{lengths}]")
        elif kind in _BY_TEXT:
            found.append(next(items))
        elif kind in _BY_VALUE or kind in FUNCTIONS or isinstance(kind, type) and issubclass(kind, np.dtype):
            value = next(items)
            found.append(getattr(value, "__qualname__", None) or repr(value))
    return found


__all__ = ["ARRAYS", "FUNCTIONS", "Eager", "check", "difference", "read", "words"]
