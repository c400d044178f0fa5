"""One piece of memory for everything between a list's inputs and outputs, planned once.

A value lives from the kernel that writes it to the last one that reads it. Values that do not live at the same time
share memory: each is put at the lowest place that is free all its life, large ones first.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.tape import Var

ALIGNMENT = 64  # a cache line
_LARGE = 1 << 16  # bytes of a result that is worth keeping
_KEPT = 3  # results kept for one output
POISON = bool(os.environ.get("WENGERT_POISON"))  # test mode: no value shares memory with another (see `poison`)
GUARD = 64  # bytes behind each value that may be read, never written


class Life(NamedTuple):
    """A value's size in bytes, and the first and last step at which it is needed."""

    size: int
    first: int
    last: int


def place(lives: list[Life]) -> tuple[list[int], int]:
    """The offset of each value, and the size of all together."""
    offsets = [0] * len(lives)
    placed: list[tuple[int, int, Life]] = []
    total = 0
    for number in sorted(range(len(lives)), key=lambda i: (-lives[i].size, lives[i].first)):
        life = lives[number]
        size = -(-(life.size + GUARD) // ALIGNMENT) * ALIGNMENT
        offset = 0
        for start, end, _ in sorted(
            (x for x in placed if POISON or (x[2].first <= life.last and life.first <= x[2].last)), key=lambda x: x[0]
        ):
            if start - offset >= size:
                break
            offset = max(offset, end)
        offsets[number] = offset
        placed.append((offset, offset + size, life))
        total = max(total, offset + size)
    return offsets, total


def aligned(size: int) -> np.ndarray:
    """Zeroed bytes that start at a cache line, with as many behind them as may be read."""
    raw = np.zeros(size + GUARD + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size + GUARD]


class Pool:
    """Large results that nobody refers to any more are used again: fresh memory costs more than many kernels."""

    def __init__(self) -> None:
        self._arrays: dict[int, list[np.ndarray]] = {}

    def arrays(self, wanted: Sequence[tuple[tuple[int, ...], np.dtype[Any]]]) -> list[np.ndarray]:
        """Arrays for all results, with whatever is in them."""
        return [self._array(i, s, d) if is_large(s, d) else np.empty(s, d) for i, (s, d) in enumerate(wanted)]

    def _array(self, number: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        kept = self._arrays.setdefault(number, [])
        for place in range(len(kept)):
            if sys.getrefcount(kept[place]) == 2:  # this list's, and the argument of the question
                return kept[place]
        fresh = np.empty(shape, dtype)
        if len(kept) < _KEPT:
            kept.append(fresh)
        return fresh


def is_large(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Whether a result is worth keeping for later calls."""
    return math.prod(shape) * dtype.itemsize >= _LARGE


def plain(x: Any, var: Var) -> np.ndarray:
    """`x` as NumPy's own array of the variable's dtype and shape, row by row."""
    dtype = canonical(var.dtype)
    array = np.require(np.asarray(x), dtype, ("C", "A")).reshape(var.shape)
    if type(array) is np.ndarray and array.dtype is not dtype and array.dtype == dtype:
        array = array.view(dtype)
    return array if type(array) is np.ndarray and array.dtype is dtype else np.array(array, dtype)


def canonical(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """NumPy's own object for a dtype of numbers; arrays that were pickled have others that are equal."""
    return np.dtype(dtype.type)


__all__ = ["ALIGNMENT", "GUARD", "Life", "Pool", "aligned", "canonical", "is_large", "place", "plain"]
