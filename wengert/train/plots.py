"""Pictures of a training (needs matplotlib; works without a display)."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from wengert.base.errors import ArgumentError
from wengert.base.files import write_atomically
from wengert.base.optional import optional
from wengert.train.history import History


def _axes(count: int) -> tuple[Any, Any]:
    """A figure with its own canvas: no display and no global state is touched."""
    matplotlib = optional("matplotlib.figure", "plot_history", "wengert[plot]")
    figure = matplotlib.Figure(figsize=(5.2 * count, 3.8), layout="constrained")
    return figure, figure.subplots(1, count, squeeze=False)[0]


def curves(history: History, name: str, place: Any) -> None:
    """Draw a column of the training and the validation part into axes, and mark the best epoch."""
    for part, colour in (("train", "#4C72B0"), ("validation", "#DD8452")):
        if f"{part}_{name}" in history.columns:
            place.plot(history["epoch"], history[f"{part}_{name}"], color=colour, label=part, linewidth=1.8)
    if history.best_epoch is not None:
        place.axvline(history.best_epoch, color="0.6", linestyle=":", label=f"best epoch ({history.best_epoch})")
    place.xaxis.get_major_locator().set_params(integer=True)
    place.legend(frameon=False)
    if name == "loss" and min(v for v in history["train_loss"] if v is not None) > 0:
        place.set_yscale("log")


def plot_history(history: History, path: str | os.PathLike[str]) -> Path:
    """Write the curves of the losses and of each metric over the epochs as a PNG; the best epoch is marked."""
    parts = [n.removeprefix("train_") for n in history.columns if n.startswith("train_")]
    if not len(history) or not parts:
        raise ArgumentError("plot_history: the history has no rows")
    figure, axes = _axes(len(parts))
    for place, name in zip(axes, parts, strict=True):
        curves(history, name, place)
        place.set_xlabel("epoch")
        place.set_title(name)
        place.grid(alpha=0.3)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    return write_atomically(path, content.getvalue())
