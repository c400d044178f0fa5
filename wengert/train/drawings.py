"""Small pictures as SVG text, drawn without a library: curves over the epochs, points of predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 68, 14, 30, 40  # room for the numbers, the title and the name of the axis
COLOURS = ("#3b6fb6", "#d9742b")
STEPS = (1, 2, 2.5, 5, 10)


class Scale(NamedTuple):
    """From values to places on the picture; `logarithmic` where the values span decades."""

    low: float
    high: float
    begin: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        low, high, x = (math.log10(v) for v in (self.low, self.high, value)) if self.logarithmic else (
            self.low, self.high, value)  # fmt: skip
        return self.begin + (self.end - self.begin) * (x - low) / (high - low)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values along the axis."""
        if self.logarithmic:
            decades = [10.0**k for k in range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)]
            for steps in ((1, 2, 5), (1,)):
                inside = [s * d for d in decades for s in steps if self.low <= s * d <= self.high]
                if len(inside) <= 2 * most - 2:
                    return inside
            return inside[:: math.ceil(len(inside) / most)]
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(s * power for s in STEPS if s * power >= rough * 0.999)
        return [k * step for k in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)]


def _scale(values: Sequence[float], begin: float, end: float, logarithmic: bool = False) -> Scale:
    low, high = min(values), max(values)
    if logarithmic and low > 0 and high / low > 20:
        return Scale(low / 1.15, high * 1.15, begin, end, True)
    room = 0.05 * (high - low) or abs(high) * 0.05 or 1.0
    return Scale(low - room, high + room, begin, end)


def _number(value: float) -> str:
    return f"{value:,.10g}" if 1e-4 <= abs(value) < 1e7 else f"{value:.4g}"


def _text(x: float, y: float, text: str, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _frame(title: str, across: Scale, up: Scale, name: str) -> list[str]:
    """Title, grid, numbers and the name of the axis."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [_text(LEFT, 18, title, "start", ' class="title"'), _text((LEFT + right) / 2, HEIGHT - 6, name)]
    for value in up.ticks():
        y = up(value)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 6, y + 4, _number(value), "end"))
    for value in across.ticks():
        x = across(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 16, _number(value)))
    return parts


def _picture(parts: list[str], label: str) -> str:
    return (f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
            f'aria-label="{escape(label)}">{"".join(parts)}</svg>')  # fmt: skip


def curves(title: str, epochs: Sequence[int], lines: Mapping[str, Sequence[Any]], best: int | None) -> str:
    """Lines over the epochs, the best epoch marked; a loss over decades gets a logarithmic axis. Gaps stay gaps."""
    numbers = [v for values in lines.values() for v in values if _finite(v)]
    if not numbers:
        return ""
    across = _scale(epochs, LEFT, WIDTH - RIGHT)
    up = _scale(numbers, HEIGHT - BOTTOM, TOP, "loss" in title)
    parts = _frame(title, across, up, "epoch")
    if best is not None:
        x = across(best)
        parts.append(f'<line class="best" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>')
        inside = (x - 5, "end") if x > WIDTH / 2 else (x + 5, "start")
        # Where the curve is not: a loss falls, anything else rises.
        height = TOP + 14 if "loss" in title else HEIGHT - BOTTOM - 6
        parts.append(_text(inside[0], height, f"best: {best}", inside[1]))
    for place, (name, values) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        parts += [_line(run, colour) for run in _runs(epochs, values, across, up)]
        x = WIDTH - RIGHT - 92 * (len(lines) - place) + 14
        parts.append(f'<line x1="{x}" y1="14" x2="{x + 18}" y2="14" stroke="{colour}" stroke-width="3"/>')
        parts.append(_text(x + 23, 18, name, "start"))
    return _picture(parts, f"{title} over the epochs")


def _finite(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _runs(epochs: Sequence[int], values: Sequence[Any], across: Scale, up: Scale) -> list[list[str]]:
    """The points of each unbroken run of finite values."""
    runs: list[list[str]] = [[]]
    for epoch, value in zip(epochs, values, strict=True):
        if _finite(value):
            runs[-1].append(f"{across(epoch):.1f},{up(value):.1f}")
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _line(run: list[str], colour: str) -> str:
    if len(run) == 1:
        x, y = run[0].split(",")
        return f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
    return f'<polyline points="{" ".join(run)}" fill="none" stroke="{colour}" stroke-width="1.8"/>'


def points(title: str, truth: Sequence[float], found: Sequence[float]) -> str:
    """Predictions over the truth, with the line where they are equal."""
    if not all(map(math.isfinite, [*truth, *found])):
        return ""
    both = [*truth, *found]
    across, up = _scale(both, LEFT, WIDTH - RIGHT), _scale(both, HEIGHT - BOTTOM, TOP)
    ends = (across.low, across.high)
    parts = _frame(title, across, up, "truth")
    parts.append(f'<line class="best" x1="{across(ends[0]):.1f}" y1="{up(ends[0]):.1f}" x2="{across(ends[1]):.1f}" '
                 f'y2="{up(ends[1]):.1f}"/>')  # fmt: skip
    parts += [f'<circle cx="{across(t):.1f}" cy="{up(f):.1f}" r="2.6" fill="{COLOURS[0]}" fill-opacity="0.55"/>'
              for t, f in zip(truth, found, strict=True)]  # fmt: skip
    return _picture(parts, title)
