"""One piece of memory for everything between a list's inputs and outputs, planned once.

A value lives from the kernel that writes it to the last one that reads it. Values that do not live at the same time
share memory: each is put at the lowest place that is free all its life, large ones first.
"""

from __future__ import annotations

from typing import NamedTuple

ALIGNMENT = 64  # a cache line
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
        for start, end, other in sorted(
            (x for x in placed if x[2].first <= life.last and life.first <= x[2].last), key=lambda x: x[0]
        ):
            if start - offset >= size:
                break
            offset = max(offset, end)
        offsets[number] = offset
        placed.append((offset, offset + size, life))
        total = max(total, offset + size)
    return offsets, total


__all__ = ["ALIGNMENT", "GUARD", "Life", "place"]
