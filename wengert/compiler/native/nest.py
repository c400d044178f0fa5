"""The loops of a kernel: which dimension is vectorised, which run outside, which are folded inside.

Dimensions over which every operand moves evenly are merged first, so that most kernels have one or two loops.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wengert.compiler.native.access import Access
from wengert.compiler.native.windows import contiguous

_MOST_LANES = 16
_APART = 0.75  # the cost of reading one element by itself


class Loop(NamedTuple):
    """Neighbouring dimensions of the domain run through as one, and whether a reduction folds them."""

    dimensions: tuple[int, ...]
    length: int
    folded: bool


class Nest(NamedTuple):
    """Loops from the outermost to the innermost; the folded ones are inside. `vector` is the vectorised one."""

    outer: tuple[Loop, ...]
    inner: tuple[Loop, ...]
    vector: Loop | None
    width: int

    @property
    def loops(self) -> tuple[Loop, ...]:
        return self.outer + self.inner


def stride(access: Access, loop: Loop) -> int:
    """By how many elements an operand moves where the loop goes on by one."""
    return access.strides[loop.dimensions[-1]]


def plan(domain: Sequence[int], folded: frozenset[int], accesses: Sequence[Access],
         spans: Iterable[frozenset[int]], apart: frozenset[int], widest: int, work: float = 1.0) -> Nest:  # fmt: skip
    """The loops over a domain.

    `spans`: the dimensions that each line depends on; dimensions are merged only where none tells them from each
    other. Those in `apart` stay alone. `widest`: the number of lanes to use at most; `work`: about how many operations
    there are at a point.
    """
    spans = set(spans)
    loops: list[Loop] = []
    for d, n in enumerate(domain):
        if n == 1:
            continue
        before = loops[-1] if loops else None
        if before is not None and _mergeable(before, d, n, folded, accesses, spans, apart):
            loops[-1] = Loop((*before.dimensions, d), before.length * n, before.folded)
        else:
            loops.append(Loop((d,), n, d in folded))
    vector = _vectorised(loops, accesses, work)
    outer = [x for x in loops if not x.folded and x is not vector]
    inner = [x for x in loops if x.folded and x is not vector]
    if vector is not None:
        (inner if vector.folded else outer).append(vector)
    width = 1
    while vector is not None and width < min(widest, vector.length):
        width *= 2
    return Nest(tuple(outer), tuple(inner), vector, width)


def _mergeable(before: Loop, d: int, n: int, folded: frozenset[int], accesses: Sequence[Access],
               spans: Iterable[frozenset[int]], apart: frozenset[int]) -> bool:  # fmt: skip
    last = before.dimensions[-1]
    if last != d - 1 or before.folded != (d in folded) or d in apart or last in apart:
        return False
    if any((d in span) != (last in span) for span in spans):
        return False
    if any(p[0] in (d, last) for access in accesses for p in access.pads):
        return False
    return all(access.strides[last] == n * access.strides[d] for access in accesses)


def _vectorised(loops: Sequence[Loop], accesses: Sequence[Access], work: float) -> Loop | None:
    """The loop to put into lanes: where a point costs least, in doubt the last one.

    Arithmetic is shared by all lanes, and so is a read of neighbours; elements further apart are read one by one.
    """

    def cost(place: int) -> tuple[float, int]:
        lanes = max(1, min(loops[place].length, _MOST_LANES))
        steps = [stride(access, loops[place]) for access in accesses]
        reads = sum(1.0 if s in (0, 1) else 2.0 + _APART * lanes for s in steps)
        return (work + reads) / lanes, -place

    return loops[min(range(len(loops)), key=cost)] if loops else None


__all__ = ["Loop", "Nest", "contiguous", "plan", "stride"]
