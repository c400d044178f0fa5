"""Where the boxes of a layered drawing stand: every row in its order, every box near the middle of its neighbours.

The page does the same when groups are folded (page/placing.js); a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from wengert.viz.groups import Group
from wengert.viz.layering import Edges, Rows, chain, key_of

GAP, ROW_GAP = 26.0, 44.0  # between boxes of a row, between rows
PAD, HEAD = 16.0, 28.0  # inside of an open group, and its title
LETTER = 7.3  # of the type in a box
FREE = 10.0  # the width of a place held free
STRAIGHT = 4.0  # how much more an arrow that passes insists on its place than a box does
SWEEPS = 10

Size = tuple[float, float]


@dataclass
class Layout:
    """Boxes by key as (left, top, width, height); ``bends`` by group, key and row: where arrows pass."""

    width: float
    height: float
    boxes: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    bends: dict[tuple[str, str, int], tuple[float, float]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)  # the row of a child in its group
    heights: dict[str, int] = field(default_factory=dict)  # how many rows a group has


def layout(
    group: Group, layers: Mapping[Group, Rows], readers: Mapping[Group, Edges], size: Callable[[int | Group], Size]
) -> Layout:
    """The children of a group, open groups with what is in them."""
    inner = {
        child.key: layout(child, layers, readers, size)
        for child in group.children
        if isinstance(child, Group) and child.open
    }
    sizes: dict[str, Size] = {}
    for child in group.children:
        key = key_of(child)
        here = inner.get(key)
        if here and isinstance(child, Group):
            sizes[key] = (max(here.width, title_width(child.name)) + 2 * PAD, here.height + 2 * PAD + HEAD)
        else:
            sizes[key] = size(child)
    rows = layers[group]
    across, total = _across(rows, readers[group], {key: width for key, (width, _) in sizes.items()})
    made = Layout(total, 0.0, heights={group.key: len(rows)})
    top = 0.0
    for number, row in enumerate(rows):
        height = max((sizes[key][1] for key in row if key in sizes), default=0.0)
        for key in row:
            middle = across[key, number]
            if key in sizes:
                width, own = sizes[key]
                made.boxes[key] = (middle - width / 2, top + (height - own) / 2, width, own)
                made.rows[key] = number
            else:
                made.bends[group.key, key, number] = (middle, top + height / 2)
        top += height + ROW_GAP
    made.height = max(0.0, top - ROW_GAP)
    for key, child_layout in inner.items():
        _insert(made, key, child_layout)
    return made


def title_width(title: str) -> float:
    """What the title of an open group takes, its button with it."""
    return len(title) * LETTER + 30.0


def _insert(outer: Layout, key: str, inner: Layout) -> None:
    left, top, width, _ = outer.boxes[key]
    left, top = left + (width - inner.width) / 2, top + PAD + HEAD
    for name, (x, y, w, h) in inner.boxes.items():
        outer.boxes[name] = (x + left, y + top, w, h)
    for bend, (x, y) in inner.bends.items():
        outer.bends[bend] = (x + left, y + top)
    outer.rows.update(inner.rows)
    outer.heights.update(inner.heights)


def _across(rows: Rows, readers: Edges, widths: Mapping[str, float]) -> tuple[dict[tuple[str, int], float], float]:
    """The middle of every cell by key and row, and the width of the whole."""
    above, below = _neighbours(rows, readers)
    at: dict[tuple[str, int], float] = {}
    for number, row in enumerate(rows):
        middles = settle([0.0] * len(row), [widths.get(key, FREE) for key in row], [1.0] * len(row))
        at.update({(key, number): x for key, x in zip(row, middles, strict=True)})
    for sweep in range(SWEEPS):
        near = above if sweep % 2 == 0 else below
        order = range(len(rows)) if sweep % 2 == 0 else range(len(rows) - 1, -1, -1)
        for number in order:
            row = rows[number]
            wanted = [_mean([at[n] for n in near[key, number]], at[key, number]) for key in row]
            weights = [STRAIGHT if key not in widths else 1.0 if near[key, number] else 0.1 for key in row]
            middles = settle(wanted, [widths.get(key, FREE) for key in row], weights)
            at.update({(key, number): x for key, x in zip(row, middles, strict=True)})
    left = min((x - widths.get(key, FREE) / 2 for (key, _), x in at.items()), default=0.0)
    right = max((x + widths.get(key, FREE) / 2 for (key, _), x in at.items()), default=0.0)
    return {cell: x - left for cell, x in at.items()}, right - left


def _neighbours(
    rows: Rows, readers: Edges
) -> tuple[dict[tuple[str, int], list[tuple[str, int]]], dict[tuple[str, int], list[tuple[str, int]]]]:
    """For every cell those it is linked with in the row above, and below."""
    row_of = {key: number for number, row in enumerate(rows) for key in row if not key.startswith("~")}
    above: dict[tuple[str, int], list[tuple[str, int]]] = {(k, n): [] for n, row in enumerate(rows) for k in row}
    below: dict[tuple[str, int], list[tuple[str, int]]] = {cell: [] for cell in above}
    for key, found in readers.items():
        for reader in found:
            cells = chain(key, reader, row_of, len(rows))
            for a, b in zip(cells, cells[1:], strict=False):
                if a not in above[b]:
                    above[b].append(a)
                    below[a].append(b)
    return above, below


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def settle(wanted: Sequence[float], widths: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The middles of boxes in a row, in this order and apart, closest to where they want to be in the mean square.

    Without the widths this is the regression by a sequence that never falls; neighbours in conflict are pooled.
    """
    offsets = [0.0]
    for a, b in zip(widths, widths[1:], strict=False):
        offsets.append(offsets[-1] + (a + b) / 2 + GAP)
    pools: list[list[float]] = []  # mean, weight, count
    for x, offset, weight in zip(wanted, offsets, weights, strict=False):
        pools.append([x - offset, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, more, count = pools.pop()
            last = pools[-1]
            last[0] = (last[0] * last[1] + mean * more) / (last[1] + more)
            last[1] += more
            last[2] += count
    free = [mean for mean, _, count in pools for _ in range(int(count))]
    return [x + offset for x, offset in zip(free, offsets, strict=False)]


__all__ = ["Layout", "layout", "settle"]
