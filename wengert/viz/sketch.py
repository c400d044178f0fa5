"""A layered drawing ready to be written as SVG or PNG: frames, boxes with their words, arrows with their bends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.viz.figures import bad, brief, shape_text
from wengert.viz.groups import Group, paths, tree
from wengert.viz.layering import edges, from_outside, key_of, place_of, rows
from wengert.viz.lines import Account, Line
from wengert.viz.mathematics import Style
from wengert.viz.placing import LETTER, Layout, Size, layout

LINE_HEIGHT = 17.0
LEAST_WIDTH, MOST_LETTERS = 84.0, 34
MOST_NAMES = 10  # letters of two names that are written as ∂y/∂x
PORT = 16.0  # between the arrows that arrive at a box


@dataclass(frozen=True)
class Box:
    """A line or a folded group; ``look`` is input, parameter, constant, operation, result or group."""

    key: str
    look: str
    rows: tuple[str, ...]  # the first is the title
    bad: bool
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Frame:
    """An open group."""

    title: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Arrow:
    """From a box to one that reads it, through bends; ``words`` is the local derivative where it is a number."""

    points: tuple[tuple[float, float], ...]
    words: str


@dataclass(frozen=True)
class Sketch:
    """Everything there is to draw."""

    width: float
    height: float
    frames: tuple[Frame, ...]
    arrows: tuple[Arrow, ...]
    boxes: tuple[Box, ...]


# ----- words in boxes -------------------------------------------------------------------------------------
def cut_short(text: str) -> str:
    """At most as much as a box has room for."""
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


def title(line: Line, style: Style) -> str:
    """``z = w·x``; an input by its name alone."""
    name = style.name(line.name)
    return cut_short(name if line.operation is None else f"{name} = {style.expression(line.operation)}")


def words(e: Account, line: Line, style: Style) -> tuple[str, ...]:
    """The rows of a box: the title, the value, the adjoint."""
    value = brief(line.value, style.digits) if line.value is not None else kind(line)
    found = [title(line, style), f"= {value}" if _in_full(line.value) else value]
    if line.adjoint is not None:
        named = len(e.objective) + len(line.name) <= MOST_NAMES
        name = style.derivative(e.objective, line.name) if named else "adjoint"
        sign = " = " if named and _in_full(line.adjoint) else " "
        found.append(f"{name}{sign}{brief(line.adjoint, style.digits)}")
    return tuple(map(cut_short, found))


def _in_full(x: Any) -> bool:
    return x is not None and not isinstance(x, tuple) and (np.ndim(x) == 0 or (np.ndim(x) == 1 and 0 < np.size(x) <= 3))


def kind(line: Line) -> str:
    """Dtype and shape."""
    if isinstance(line.dtype, tuple):
        return f"{len(line.dtype)} values"
    return f"{line.dtype} {shape_text(line.shape)}" if line.shape else str(line.dtype)


def look(e: Account, line: Line) -> str:
    """How a box is coloured."""
    if line.kind != "operation":
        return "parameter" if line.learned else line.kind
    return "result" if line.seed is not None else "operation"


def group_words(group: Group) -> tuple[str, str]:
    """The rows of a folded group."""
    count = sum(1 for _ in group.lines())
    return cut_short(group.name) + "   ", f"{count:,} lines"  # room for the sign that it unfolds


def box_size(found: tuple[str, ...]) -> Size:
    """What a box takes for its rows."""
    return max(LEAST_WIDTH, max(map(len, found)) * LETTER + 26.0), len(found) * LINE_HEIGHT + 14.0


# ----- the drawing ----------------------------------------------------------------------------------------
def sketch(e: Account, digits: int = 7) -> Sketch:
    """Place everything; groups are folded as the page first shows them."""
    style = Style(digits)
    root = tree(e)
    readers = edges(root, e)
    layers = {group: rows(group, readers[group]) for group in root.groups()}

    def found(child: int | Group) -> tuple[str, ...]:
        return group_words(child) if isinstance(child, Group) else words(e, e.lines[child], style)

    placed = layout(root, layers, readers, lambda child: box_size(found(child)))
    boxes, frames = [], []
    for child in _shown(root):
        key = key_of(child)
        at = placed.boxes[key]
        if isinstance(child, Group) and child.open:
            frames.append(Frame(child.name, *at))
        elif isinstance(child, Group):
            broken = any(_bad(e.lines[i]) for i in child.lines())
            boxes.append(Box(key, "group", found(child), broken, *at))
        else:
            line = e.lines[child]
            boxes.append(Box(key, look(e, line), found(child), _bad(line), *at))
    return Sketch(placed.width, placed.height, tuple(frames), tuple(_arrows(e, root, placed)), tuple(boxes))


def _bad(line: Line) -> bool:
    return any(x is not None and bool(bad(x)) for x in (line.value, line.adjoint))


def _shown(group: Group) -> Iterator[int | Group]:
    for child in group.children:
        yield child
        if isinstance(child, Group) and child.open:
            yield from _shown(child)


def _arrows(e: Account, root: Group, placed: Layout) -> Iterator[Arrow]:
    numbers = {line.name: i for i, line in enumerate(e.lines)}
    homes = paths(root)
    done: set[tuple[str, str]] = set()

    def way(i: int) -> list[int | Group]:
        """From the outside to the box that is shown."""
        whole: list[int | Group] = [*homes[i], i]
        folded = next((d for d, g in enumerate(whole) if isinstance(g, Group) and not g.open), len(whole) - 1)
        return whole[: folded + 1]

    found: dict[str, list[tuple[list[tuple[float, float]], str]]] = {}
    for i, line in enumerate(e.lines):
        for name in line.reads:
            a, b = way(numbers[name]), way(i)
            ends = key_of(a[-1]), key_of(b[-1])
            if ends[0] != ends[1] and ends not in done:
                done.add(ends)
                words = _derivative(line, name) if b[-1] == i else ""
                found.setdefault(ends[1], []).append((_points(a, b, numbers[name], placed), words))
    for key, arrows in found.items():
        # They arrive side by side, in the order they come from.
        arrows.sort(key=lambda arrow: arrow[0][-2][0])
        apart = min(PORT, placed.boxes[key][2] / (len(arrows) + 1))
        for number, (points, words) in enumerate(arrows):
            x, y = points[-1]
            yield Arrow((*points[:-1], (x + (number - (len(arrows) - 1) / 2) * apart, y)), words)


def _points(a: list[Any], b: list[Any], source: int, placed: Layout) -> list[tuple[float, float]]:
    left, top, width, height = placed.boxes[key_of(a[-1])]
    points = [(left + width / 2, top + height)]
    depth = next(d for d, (x, y) in enumerate(zip(a, b, strict=False)) if x is not y and x != y)
    for at in range(len(a) - 2, depth - 1, -1):  # out of the groups the line is in
        group, child = a[at], key_of(a[at + 1])
        points += _bends(placed, group, child, range(placed.rows[child] + 1, placed.heights[group.key]))
    over, under = key_of(a[depth]), key_of(b[depth])
    points += _bends(placed, a[depth - 1], over, range(placed.rows[over] + 1, placed.rows[under]))
    for at in range(depth, len(b) - 1):  # and into those of its reader
        points += _bends(placed, b[at], from_outside(source), range(placed.rows[key_of(b[at + 1])]))
    left, top, width, _ = placed.boxes[key_of(b[-1])]
    return [*points, (left + width / 2, top)]


def _bends(placed: Layout, group: Group, key: str, rows: range) -> list[tuple[float, float]]:
    return [placed.bends[group.key, place_of(key), row] for row in rows]


def _derivative(line: Line, by: str) -> str:
    numbers = [p.local for p in line.partials if p.by == by]
    if not numbers or any(n.kind != "number" for n in numbers):
        return ""
    return brief(sum(n.value for n in numbers), 5)


__all__ = ["Arrow", "Box", "Frame", "Sketch", "sketch"]
