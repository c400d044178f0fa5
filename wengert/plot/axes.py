"""Where the pictures are drawn, and in which colours."""

from __future__ import annotations

from typing import Any

from wengert.base.optional import optional

# Blue, orange, green, red, purple, brown, pink, grey, gold, teal: told apart by most eyes, calm on white.
COLOURS = (
    "#4C72B0", "#DD8452", "#55A868", "#C44E52", "#8172B3", "#937860", "#DA8BC3", "#8C8C8C", "#CCB974", "#64B5CD",
)  # fmt: skip
INK = "#3A3A3A"


def axes(ax: Any, what: str, size: tuple[float, float] = (6.0, 3.9)) -> Any:
    """The axes to draw into: those given, or those of a new figure."""
    if ax is not None:
        return ax
    pyplot = optional("matplotlib.pyplot", f"plot.{what}", "wengert[plot]")
    return pyplot.subplots(figsize=size, layout="constrained")[1]


def plain(ax: Any, title: str = "", x: str = "", y: str = "", grid: bool = True) -> Any:
    """Title, names of the axes, a quiet grid, no box."""
    ax.set_title(title, fontsize="medium", color=INK)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if grid:
        ax.grid(alpha=0.25, linewidth=0.7)
        ax.set_axisbelow(True)
    return ax


def legend(ax: Any, **options: Any) -> None:
    """The names of the curves, without a box around them."""
    ax.legend(frameon=False, fontsize="small", **options)
