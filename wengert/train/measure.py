"""Measuring a model: means of the loss and of metrics over the rows of a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.core.record import concrete
from wengert.data.batches import Batches, batches
from wengert.nn.module import Module
from wengert.train.metrics import Metric, accuracy
from wengert.train.steps import Steps

Loss = Callable[[Any, Any], Any]


class Means:
    """The loss and the metrics of a data set, gathered batch by batch.

    A metric is the mean of its values, weighted by rows; one that needs all rows at once (marked by `metrics.whole`)
    gets them at the end.
    """

    def __init__(self, loss: Loss, metrics: Mapping[str, Metric]) -> None:
        self.metrics = metrics
        self.is_sum = getattr(loss, "reduction", "mean") == "sum"
        self.whole = [name for name, metric in metrics.items() if getattr(metric, "whole", False)]
        self.rows = 0
        self.totals = dict.fromkeys(["loss", *metrics], 0.0)
        self.kept: list[list[Any]] = [[], []]  # outputs and targets of all batches, where some metric needs them

    def add(self, loss: Any, outputs: Any, targets: Any) -> None:
        """Add one batch."""
        rows = len(targets)
        self.rows += rows
        self.totals["loss"] += float(np.asarray(concrete(loss)).item()) * (1 if self.is_sum else rows)
        for name, metric in self.metrics.items():
            if name not in self.whole:
                self.totals[name] += metric(concrete(outputs), targets) * rows
        if self.whole:
            self.kept[0].append(np.array(concrete(outputs)))
            self.kept[1].append(np.array(concrete(targets)))

    def row(self, prefix: str) -> dict[str, float]:
        """The means, named ``prefix_loss`` and so on."""
        means = {name: total / max(self.rows, 1) for name, total in self.totals.items()}
        if self.whole and self.rows:
            outputs, targets = map(np.concatenate, self.kept)
            means |= {name: float(self.metrics[name](outputs, targets)) for name in self.whole}
        return {f"{prefix}{name}": mean for name, mean in means.items()}

    def state_dict(self) -> dict[str, Any]:
        """What was gathered so far."""
        return {"rows": self.rows, "totals": dict(self.totals), "kept": [list(part) for part in self.kept]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        if set(state["totals"]) != set(self.totals):
            raise ArgumentError(f"fit: the saved metrics are {', '.join(state['totals'])}")
        self.rows, self.totals = state["rows"], dict(state["totals"])
        self.kept = [list(part) for part in state["kept"]]


def as_batches(data: Any, batch_size: int, shuffle: bool, seed: int) -> Batches:
    """A pair of arrays as batches."""
    if isinstance(data, Batches):
        return data
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise ArgumentError("fit: data must be a pair (inputs, targets), or wg.data.batches(inputs, targets)")
    return batches(*data, batch_size=batch_size, shuffle=shuffle, seed=seed)


def default_metrics(data: Batches) -> dict[str, Metric]:
    """Accuracy, where the targets are classes."""
    return {"accuracy": accuracy} if data.arrays[1].dtype.kind in "iu" else {}


def evaluate(
    model: Module, data: Any, loss: Loss, metrics: Mapping[str, Metric] | None = None, batch_size: int = 1024,
    compile: bool = True,
) -> dict[str, float]:  # fmt: skip
    """Mean loss and metrics of a model in evaluation mode, without recording: ``{"loss": …, "accuracy": …}``.

    After many batches of the same shapes they are computed by a compiled function, unless ``compile=False``.
    """
    return measure(Steps(model, loss, compile=compile), as_batches(data, batch_size, False, 0), metrics)


def measure(steps: Steps, parts: Batches, metrics: Mapping[str, Metric] | None) -> dict[str, float]:
    """`evaluate` with the functions of a training."""
    model, loss = steps.parts[:2]
    means = Means(loss, default_metrics(parts) if metrics is None else metrics)
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    try:
        for x, y in parts.rows(parts.epoch):  # measuring does not use up an order
            value, outputs = steps.evaluate(x, y)
            means.add(value, outputs, y)
    finally:
        for module, mode in modes:
            module.training = mode
    return means.row("")
