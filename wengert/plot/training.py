"""Curves of a training and of learning rates; a picture that grows while a training runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from wengert.base.errors import ArgumentError
from wengert.base.optional import optional
from wengert.optim.schedules import LRScheduler
from wengert.plot.axes import COLOURS, axes, legend, plain
from wengert.train.history import History, Row
from wengert.train.plots import curves


def training_curves(history: History, name: str = "loss", ax: Any = None) -> Any:
    """A column of a history over the epochs, of the training and of the validation part; the best epoch is marked.

    >>> import wengert as wg
    >>> history = wg.train.History()
    >>> for epoch, loss in enumerate([1.0, 0.5, 0.3], start=1):
    ...     history.append({"epoch": epoch, "train_loss": loss, "validation_loss": loss + 0.1})
    >>> [line.get_label() for line in wg.plot.training_curves(history).lines]
    ['train', 'validation']
    """
    if f"train_{name}" not in history.columns:
        raise ArgumentError(f"plot.training_curves: got {name!r}; the columns are {', '.join(history.columns)}")
    ax = axes(ax, "training_curves")
    curves(history, name, ax)
    return plain(ax, name, "epoch")


def schedules(given: Mapping[str, LRScheduler] | Sequence[LRScheduler], epochs: int = 30, ax: Any = None) -> Any:
    """The learning rates of schedules over the epochs, on a logarithmic axis; nothing is stepped.

    >>> import wengert as wg
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.zeros(1))], lr=0.1)
    >>> wg.plot.schedules([wg.optim.StepLR(optimizer, 10)]).lines[0].get_label()
    'StepLR'
    """
    if not isinstance(given, Mapping):
        given = {type(s).__name__: s for s in given}
    if not given:
        raise ArgumentError("plot.schedules: got none")
    ax = axes(ax, "schedules")
    for k, (name, schedule) in enumerate(given.items()):
        rates = schedule.curve(epochs)
        ax.step(range(epochs), rates, where="post", color=COLOURS[k % len(COLOURS)], linewidth=1.7, label=name)
    ax.set_yscale("log")
    legend(ax)
    return plain(ax, "", "epoch", "learning rate")


class Live:
    """A callback of `wg.fit` that draws the curves anew after every epoch: ``fit(..., callbacks=[wg.plot.Live()])``.

    In a notebook the picture is replaced where it stands; elsewhere nothing is shown, and ``ax`` is up to date.
    `names` are the columns without ``train_``.

    >>> import wengert as wg
    >>> live = wg.plot.Live("loss")
    >>> live({"epoch": 1, "train_loss": 0.7})
    >>> live({"epoch": 2, "train_loss": 0.4})
    >>> live.axes[0].lines[0].get_ydata().tolist()
    [0.7, 0.4]
    """

    def __init__(self, *names: str, every: int = 1) -> None:
        if every < 1:
            raise ArgumentError(f"plot.Live: got every={every}; needs at least 1")
        self.names, self.every = names, every
        self.history = History("under way")
        self.axes: tuple[Any, ...] = ()
        self._shown: Any = None

    def __call__(self, row: Row) -> None:
        """Add the row of an epoch, and draw."""
        self.history.append(dict(row))
        if len(self.history) % self.every == 0:
            self.draw()

    def draw(self) -> None:
        """Draw everything there is by now."""
        names = self.names or tuple(c[6:] for c in self.history.columns if c.startswith("train_"))
        if not self.axes:
            first = axes(None, "Live", (4.6 * len(names), 3.4))
            figure = first.figure
            first.remove()
            self.axes = tuple(figure.subplots(1, len(names), squeeze=False)[0])
        for place, name in zip(self.axes, names, strict=True):
            place.clear()
            training_curves(self.history, name, place)
        self._show()

    def _show(self) -> None:
        """Replace the picture in the notebook, if this is one."""
        shell = sys.modules.get("IPython")
        if shell is None or shell.get_ipython() is None:
            return
        display = sys.modules["IPython.display"].display
        if self._shown is None:
            figure = self.axes[0].figure
            self._shown = display(figure, display_id=True)
            optional("matplotlib.pyplot", "plot.Live", "wengert[plot]").close(figure)  # else it is shown twice
        else:
            self._shown.update(self.axes[0].figure)


__all__ = ["Live", "schedules", "training_curves"]
