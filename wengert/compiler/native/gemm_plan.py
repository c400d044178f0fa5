"""How a matrix product is cut: the tile kept in registers, the panels of columns, and what one task is.

Columns are cut into panels of a few vectors, rows into tiles of almost equal height; a tile of one panel is summed
over all of k in registers. Either the rows or the panels are shared out between threads.
"""

from __future__ import annotations

from typing import NamedTuple

from wengert.compiler.native.ir import Type
from wengert.compiler.native.registers import registers

# Rows of a tile by the number of its vectors: accumulators, one row of B and a broadcast element fit the registers.
HEIGHTS = {
    32: {1: 16, 2: 12, 3: 8, 4: 6, 6: 3, 8: 2},
    16: {1: 8, 2: 6, 3: 4, 4: 2, 6: 1},
}
SMALL = 200_000  # multiplications and additions below which one thread is faster than two
_LARGE = 1 << 25  # multiplications and additions from which on copies of both operands in blocks pay
_ALIKE = 0.04  # shares of the busier thread that differ by less are as good: neighbours should be cut alike
_LATENCY = 8  # independent sums needed to keep both units busy


class Plan(NamedTuple):
    """The cut: `tall` tiles of `height` rows, then `short` ones of one row less; panels of `vectors` vectors."""

    vector: Type
    vectors: int
    panels: int  # whole ones
    tail: int  # vectors of the last, narrower panel, 0 where there is none
    lanes: int  # of the last vector
    height: int
    tall: int
    short: int
    split: str  # "rows", "columns", "batch" or "": what a task is
    tasks: int

    @property
    def width(self) -> int:
        """Columns of a panel."""
        return self.vectors * self.vector.width

    @property
    def tiles(self) -> int:
        return self.tall + self.short

    @property
    def all_panels(self) -> int:
        return self.panels + (self.tail > 0)


def is_large(m: int, n: int, k: int) -> bool:
    """Whether a product is worked on in blocks, by rounds of k."""
    return m * n * k >= _LARGE and m >= 96 and n >= 64 and k >= 96


def lanes_for(n: int, kind: Type) -> int:
    """The lanes of a vector for rows of `n`: a register's, or the next power of two where `n` is smaller."""
    full = registers().lanes(kind)
    return min(full, 1 << max(0, n - 1).bit_length())


def _cost(m: int, vectors: int, nv: int, height: int) -> float:
    """About how long one step of k takes for all tiles."""
    tiles = -(-m // height)
    rows = -(-m // tiles)

    def one(width: int) -> float:  # multiplications, elements of A from the first cache, vectors of B from the second
        return max(rows * width, _LATENCY) + 0.25 * rows + width

    whole, rest = divmod(vectors, nv)
    if rest:  # a narrower panel is code of its own: it must be worth it
        return 1.03 * tiles * (whole * one(nv) + one(rest))
    return tiles * whole * one(nv)


def _tile(m: int, vectors: int) -> tuple[int, int]:
    """Vectors and rows of the tile."""
    heights = HEIGHTS[registers().number]
    choices = [nv for nv in heights if nv <= max(vectors, 1)]
    nv = min(choices, key=lambda v: (_cost(m, vectors, v, heights[v]), v != 2, v))
    return nv, heights[nv]


def tiles_of(m: int, height: int) -> tuple[int, int, int]:
    """Tiles of almost equal height: height, how many, how many of one row less."""
    tiles = -(-m // height)
    if tiles > 1 and tiles % 2 and m // (tiles + 1) >= 8:
        tiles += 1  # two threads get equally many
    rows = -(-m // tiles)
    short = tiles * rows - m
    return rows, tiles - short, short


def plan(m: int, n: int, k: int, kind: Type, count: int) -> Plan:
    """The cut of `count` products of m x k and k x n."""
    width = lanes_for(n, kind)
    vectors = -(-n // width)
    nv, height = _tile(m, vectors)
    if is_large(m, n, k) and registers().number == 32 and (vectors % 4 == 0 or vectors >= 16):
        nv, height = 4, HEIGHTS[32][4]  # the fewest reads: copies are near enough for wide panels
    height, tall, short = tiles_of(m, height)
    panels, rest = divmod(vectors, nv)
    lanes = n - (vectors - 1) * width
    if lanes < width and not rest:  # the last panel has a partial vector: it is written on its own
        panels, rest = panels - 1, nv
    tiles, all_panels = tall + short, panels + (rest > 0)
    split, tasks = "", 1
    if 2 * m * n * k * count >= SMALL:
        by_rows = _busier([height] * tall + [height - 1] * short)
        by_columns = _busier([nv] * panels + [rest] * (rest > 0))
        if count >= 8 or count > 1 and _busier([1] * count) <= min(by_rows, by_columns):
            split, tasks = "batch", count
        elif by_columns < by_rows - _ALIKE or (by_columns < by_rows + _ALIKE and n >= m):
            split, tasks = "columns", all_panels
        else:
            split, tasks = "rows", tiles
    return Plan(kind.vector(width), nv, panels, rest, lanes, height, tall, short, split, tasks)


def _busier(sizes: list[int]) -> float:
    """The share of the busier of two threads, of tasks in order."""
    first, total = sum(sizes[: len(sizes) // 2]), sum(sizes)
    return max(first, total - first) / total


__all__ = ["HEIGHTS", "SMALL", "Plan", "is_large", "lanes_for", "plan", "tiles_of"]
