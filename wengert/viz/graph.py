"""A graph of labelled shapes as SVG, in rows from above to below, without a Graphviz program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wengert.viz.escaping import escaped
from wengert.viz.groups import Group
from wengert.viz.layering import Edges, place_of, rows
from wengert.viz.placing import LETTER, Layout, layout
from wengert.viz.svg import path

COLORS = {"leaf": "#c6dbef", "input": "#fff2cc", "operation": "#eeeeee", "output": "#c7e9c0"}
MARGIN, LINE_HEIGHT = 16.0, 15.0
_STYLE = (
    "text{font:11px Helvetica,Arial,sans-serif;fill:#1c2030;text-anchor:middle}.paper{fill:#fff}"
    ".shape{stroke:#555c6b}.arrow{fill:none;stroke:#555c6b}.tip{fill:#555c6b}"
    + "".join(f".{look} .shape{{fill:{color}}}" for look, color in COLORS.items())
)
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    'markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 0.5 8 4 0 7.5z"/></marker></defs>'
)


class Shape(NamedTuple):
    """What is drawn for one thing: ``look`` is a key of `COLORS`, ``words`` stand below each other."""

    look: str
    words: tuple[str, ...]


def svg(shapes: Sequence[Shape], edges: Sequence[tuple[int, int]]) -> str:
    """Boxes, ovals for operations, and arrows along `edges` (positions, from what is read to its reader)."""
    group = Group("", list(range(len(shapes))))
    readers: Edges = {}
    for a, b in edges:
        readers.setdefault(f"l{a}", {})[f"l{b}"] = None
    placed = layout(group, {group: rows(group, readers)}, {group: readers}, lambda child: _size(shapes, child))
    width, height = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.1f} {height:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" role="img" aria-label="a graph of {len(shapes)} shapes">'
    )
    body = [
        f'<style>{_STYLE}</style>{_TIP}<rect class="paper" width="{width:.1f}" height="{height:.1f}"/>',
        f'<g transform="translate({MARGIN} {MARGIN})">',
        *(_arrow(placed, f"l{a}", f"l{b}") for a, b in dict.fromkeys(edges)),
        *_drawn(placed, shapes),
    ]
    return "\n".join([head, *body, "</g></svg>"]) + "\n"


def _size(shapes: Sequence[Shape], child: int | Group) -> tuple[float, float]:
    assert isinstance(child, int)  # nothing is in groups here
    words = shapes[child].words
    return max(map(len, words)) * LETTER + 26.0, len(words) * LINE_HEIGHT + 16.0


def _arrow(placed: Layout, key: str, reader: str) -> str:
    left, top, width, height = placed.boxes[key]
    passed = range(placed.rows[key] + 1, placed.rows[reader])
    x, y, w, _ = placed.boxes[reader]
    bends = [placed.bends["g0", place_of(key), row] for row in passed]
    way = path([(left + width / 2, top + height), *bends, (x + w / 2, y)])
    return f'<path class="arrow" marker-end="url(#tip)" d="{way}"/>'


def _drawn(placed: Layout, shapes: Sequence[Shape]) -> Iterator[str]:
    for i, shape in enumerate(shapes):
        left, top, width, height = placed.boxes[f"l{i}"]
        x, y = left + width / 2, top + height / 2
        if shape.look == "operation":
            size = f'cx="{x:.1f}" cy="{y:.1f}" rx="{width / 2:.1f}" ry="{height / 2:.1f}"'
            outline = f'<ellipse class="shape" {size}/>'
        else:
            size = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
            outline = f'<rect class="shape" {size}/>'
        first = y - (len(shape.words) - 1) * LINE_HEIGHT / 2 + 4
        words = "".join(
            f'<text x="{x:.1f}" y="{first + row * LINE_HEIGHT:.1f}">{escaped(text)}</text>'
            for row, text in enumerate(shape.words)
        )
        yield f'<g class="{shape.look}">{outline}{words}</g>'


__all__ = ["COLORS", "Shape", "svg"]
