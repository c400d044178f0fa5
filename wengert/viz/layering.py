"""Rows of a layered drawing: what is read stands above what reads it, in an order with few crossings.

The order in the rows is Sugiyama's: each box near the barycentre of its neighbours. A few lines here do that; where
arrows still cross, igraph's implementation is asked too, if it is installed, and the better order is taken. An arrow
that skips rows has a place held free in each.
"""

from __future__ import annotations

import importlib
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence

from wengert.viz.groups import Group, paths
from wengert.viz.lines import Account

Rows = list[list[str]]
Edges = dict[str, dict[str, None]]  # an ordered set of readers for every key
SWEEPS = 12
BELOW = "$"  # stands for all readers outside of a group


def place_of(key: str) -> str:
    """The key of a place held free for the arrows of a box that pass a row."""
    return f"~{key}"


def from_outside(line: int) -> str:
    """What a group calls a line outside of it that is read in it."""
    return f"^l{line}"


def edges(root: Group, e: Account) -> dict[Group, Edges]:
    """For every group, which of its children read which, which read a line outside, and which are read outside."""
    numbers = {line.name: i for i, line in enumerate(e.lines)}
    homes = paths(root)
    found: dict[Group, Edges] = {group: {} for group in root.groups()}
    for i, line in enumerate(e.lines):
        for name in line.reads:
            source = numbers[name]
            a: list[int | Group] = [*homes[source], source]
            b: list[int | Group] = [*homes[i], i]
            depth = next(d for d, (x, y) in enumerate(zip(a, b, strict=False)) if x is not y and x != y)
            group = homes[i][depth - 1]
            found[group].setdefault(key_of(a[depth]), {})[key_of(b[depth])] = None
            for left, child in zip(homes[source][depth:], a[depth + 1 :], strict=True):
                found[left].setdefault(key_of(child), {})[BELOW] = None
            for entered, child in zip(homes[i][depth:], b[depth + 1 :], strict=True):
                found[entered].setdefault(from_outside(source), {})[key_of(child)] = None
    return found


def chain(key: str, reader: str, row_of: Mapping[str, int], height: int) -> list[tuple[str, int]]:
    """The cells an arrow passes, its ends among them where they stand in this group."""
    first, last = row_of.get(key, -1), row_of.get(reader, height)
    passed = [(place_of(key), row) for row in range(first + 1, last)]
    return [(key, first)] * (first >= 0) + passed + [(reader, last)] * (last < height)


def key_of(child: int | Group) -> str:
    """``l3`` for a line, ``g1`` for a group."""
    return child.key if isinstance(child, Group) else f"l{child}"


def rows(group: Group, readers: Edges) -> Rows:
    """The children of a group in rows, with places for arrows that pass."""
    keys = [key_of(child) for child in group.children]
    inside = {key: dict.fromkeys(r for r in found if r != BELOW) for key, found in readers.items() if key[0] != "^"}
    depth = _depths(keys, inside)
    height = max(depth.values(), default=-1) + 1
    links: list[tuple[tuple[str, int], tuple[str, int]]] = []
    cells = {(key, depth[key]): None for key in keys}
    for key, found in readers.items():
        for reader in found:
            way = chain(key, reader, depth, height)
            cells |= dict.fromkeys(way)
            links += zip(way, way[1:], strict=False)
    order = _ordered(list(cells), list(dict.fromkeys(links)))
    made: Rows = [[] for _ in range(height)]
    for name, row in order:
        made[row].append(name)
    return [row for row in made if row]


def _depths(keys: Sequence[str], readers: Edges) -> dict[str, int]:
    """The longest way from above; what reads nothing here stands right above its first reader."""
    depth = dict.fromkeys(keys, 0)
    reading = set()
    for key in _in_order(keys, readers):
        for reader in readers.get(key, ()):
            depth[reader] = max(depth[reader], depth[key] + 1)
            reading.add(reader)
    for key in keys:
        if key not in reading and readers.get(key):
            depth[key] = min(depth[reader] for reader in readers[key]) - 1
    used = {row: i for i, row in enumerate(sorted(set(depth.values())))}
    return {key: used[row] for key, row in depth.items()}


def _in_order(keys: Sequence[str], readers: Edges) -> list[str]:
    """Each after what it reads."""
    missing = dict.fromkeys(keys, 0)
    for found in readers.values():
        for reader in found:
            missing[reader] += 1
    ready = [key for key in keys if not missing[key]]
    for key in ready:
        for reader in readers.get(key, ()):
            missing[reader] -= 1
            if not missing[reader]:
                ready.append(reader)
    return ready


Cell = tuple[str, int]


def _ordered(cells: list[Cell], links: list[tuple[Cell, Cell]]) -> list[Cell]:
    """All cells so that those of one row stand in the order they are drawn in."""
    if not links or all(_alone(cells)):
        return cells
    own = _by_barycentres(cells, links)
    left = crossings(links, _rank(own))
    if left:
        other = _by_igraph(cells, links)
        return other if crossings(links, _rank(other)) < left else own
    return own


def _by_igraph(cells: list[Cell], links: list[tuple[Cell, Cell]]) -> list[Cell]:
    """The order of a library made for it; the given one where that is not installed."""
    try:
        igraph = importlib.import_module("igraph")
    except ImportError:
        return cells
    numbers = {cell: i for i, cell in enumerate(cells)}
    graph = igraph.Graph(n=len(cells), edges=[(numbers[a], numbers[b]) for a, b in links], directed=True)
    across = [x for x, _ in graph.layout_sugiyama(layers=[row for _, row in cells], maxiter=100).coords[: len(cells)]]
    return sorted(cells, key=lambda cell: (across[numbers[cell]], numbers[cell]))


def _rank(cells: list[Cell]) -> dict[Cell, float]:
    return {cell: float(i) for i, cell in enumerate(cells)}


def _alone(cells: list[Cell]) -> list[bool]:
    """For each row whether it holds one cell only, so that there is nothing to order."""
    counts: dict[int, int] = {}
    for _, row in cells:
        counts[row] = counts.get(row, 0) + 1
    return [count == 1 for count in counts.values()]


def _by_barycentres(cells: list[Cell], links: list[tuple[Cell, Cell]]) -> list[Cell]:
    """Down and up again, every row sorted by the mean place of its neighbours; the order with fewest crossings."""
    above: dict[Cell, list[Cell]] = {cell: [] for cell in cells}
    below: dict[Cell, list[Cell]] = {cell: [] for cell in cells}
    for a, b in links:
        below[a].append(b)
        above[b].append(a)
    levels: dict[int, list[Cell]] = {}
    for cell in cells:
        levels.setdefault(cell[1], []).append(cell)
    place = _places(levels)
    best, fewest = dict(place), crossings(links, place)
    for sweep in range(SWEEPS):
        neighbours, down = (above, True) if sweep % 2 == 0 else (below, False)
        for row in sorted(levels, reverse=not down):
            levels[row].sort(key=lambda cell: _mean(neighbours[cell], place, place[cell]))
            place.update(_places({row: levels[row]}))
        if (now := crossings(links, place)) < fewest:
            best, fewest = dict(place), now
    return sorted(cells, key=lambda cell: best[cell])


def _places(levels: Mapping[int, list[Cell]]) -> dict[Cell, float]:
    return {cell: i / len(row) for row in levels.values() for i, cell in enumerate(row)}


def _mean(cells: list[Cell], place: Mapping[Cell, float], otherwise: float) -> float:
    return sum(place[c] for c in cells) / len(cells) if cells else otherwise


def crossings(links: Sequence[tuple[Cell, Cell]], place: Mapping[Cell, float]) -> int:
    """How many pairs of arrows between the same two rows cross."""
    by_row: dict[int, list[tuple[float, float]]] = {}
    for a, b in links:
        by_row.setdefault(a[1], []).append((place[a], place[b]))
    count = 0
    for pairs in by_row.values():
        ends: list[float] = []  # of the arrows that start further left
        waiting: list[float] = []  # of those that start at the same place
        before = None
        for start, end in sorted(pairs):
            if start != before:
                for x in waiting:
                    insort(ends, x)
                waiting, before = [], start
            count += len(ends) - bisect_right(ends, end)
            waiting.append(end)
    return count


__all__ = ["BELOW", "Edges", "Rows", "chain", "crossings", "edges", "from_outside", "key_of", "place_of", "rows"]
