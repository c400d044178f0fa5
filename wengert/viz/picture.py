"""A drawing as PNG, through matplotlib: the same boxes in the same places as the SVG."""

from __future__ import annotations

import io
from typing import Any

from wengert.base.optional import optional
from wengert.viz.lines import Account
from wengert.viz.sketch import LINE_HEIGHT, Box, sketch

MARGIN = 30.0
DOTS = 96.0  # an inch of the drawing's units
MOST_DOTS = 12_000.0  # of a side; larger drawings are made smaller
_FILL = {
    "input": ("#e8f0fe", "#7ea6ea"), "parameter": ("#e6f5ec", "#6bb58a"), "constant": ("#f6f3ea", "#c9bd97"),
    "operation": ("#ffffff", "#b9c0cf"), "result": ("#ffffff", "#1c2030"), "group": ("#f1eefb", "#a596d8"),
}  # fmt: skip
_INK = ("#1c2030", "#1d5fd1", "#b3470b")


def png(e: Account, digits: int = 7) -> bytes:
    """The whole drawing."""
    figure = optional("matplotlib.figure", "to_png", "wengert[plot]")
    patches = optional("matplotlib.patches", "to_png", "wengert[plot]")
    paths = optional("matplotlib.path", "to_png", "wengert[plot]")
    drawn = sketch(e, digits)
    width, height = drawn.width + 2 * MARGIN, drawn.height + 2 * MARGIN
    made = figure.Figure(figsize=(width / DOTS, height / DOTS))
    axes = made.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-MARGIN, width - MARGIN), ylim=(height - MARGIN, -MARGIN))
    axes.axis("off")
    style = {"boxstyle": "round,pad=0,rounding_size=8", "mutation_aspect": 1}
    for f in drawn.frames:
        corner = (f.left, f.top)
        patch = patches.FancyBboxPatch(corner, f.width, f.height, fc="#f6f7f9", ec="#b9c0cf", ls=":", **style)
        axes.add_patch(patch)
        axes.text(f.left + 14, f.top + 22, _plain(f.title), color="#5b6478", **_type(9))
    for arrow in drawn.arrows:
        corners, codes = [arrow.points[0]], [paths.Path.MOVETO]
        for (x, y), (u, v) in zip(arrow.points, arrow.points[1:], strict=False):
            corners += [(x, (y + v) / 2), (u, (y + v) / 2), (u, v)]
            codes += [paths.Path.CURVE4] * 3
        way = paths.Path(corners, codes)
        axes.add_patch(patches.FancyArrowPatch(path=way, arrowstyle="-|>", mutation_scale=9, color="#8d96a8", lw=1))
    for box in drawn.boxes:
        fill, edge = ("#fdeaea", "#d02c2c") if box.bad else _FILL[box.look]
        corner = (box.left, box.top)
        axes.add_patch(patches.FancyBboxPatch(corner, box.width, box.height, fc=fill, ec=edge, **style))
        _write(axes, box)
    file = io.BytesIO()
    made.savefig(file, format="png", dpi=min(2 * DOTS, MOST_DOTS * DOTS / max(width, height)))
    return file.getvalue()


def _type(size: float) -> dict[str, Any]:
    return {"fontsize": size, "fontfamily": "monospace", "parse_math": False}


def _plain(text: str) -> str:
    """Without what the font of matplotlib lacks a glyph for."""
    return "".join(c if ord(c) < 0x2E80 else "?" for c in text)


def _write(axes: Any, box: Box) -> None:
    for number, text in enumerate(box.rows):
        ink, weight = _INK[min(number, 2)], "bold" if number == 0 else "normal"
        y = box.top + 21 + number * LINE_HEIGHT
        axes.text(box.left + 13, y, _plain(text), color=ink, weight=weight, **_type(9))


__all__ = ["png"]
