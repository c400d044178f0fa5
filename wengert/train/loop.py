"""`fit`: the lectures' Train and Evaluate in their right form.

Each epoch: shuffle, update by minibatches, evaluate on the validation part; a copy of the parameters is kept where
the score is strictly better than before, and given back at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.core.record import concrete, paused
from wengert.data.batches import Batches, batches
from wengert.nn.module import Module
from wengert.optim.optimizer import Optimizer
from wengert.train.diagnose import refuse_non_finite_loss
from wengert.train.history import History, Row
from wengert.train.metrics import accuracy
from wengert.train.progress import Reporter, default_reporter

Metric = Callable[[Any, Any], float]
Loss = Callable[[Any, Any], Any]


class Means:
    """Means over the rows of a data set, added up batch by batch."""

    def __init__(self, loss: Loss, metrics: Mapping[str, Metric]) -> None:
        self.metrics = metrics
        self.is_sum = getattr(loss, "reduction", "mean") == "sum"
        self.rows = 0
        self.totals = dict.fromkeys(["loss", *metrics], 0.0)

    def add(self, loss: Any, outputs: Any, targets: Any) -> None:
        """Add one batch."""
        rows = len(targets)
        self.rows += rows
        self.totals["loss"] += float(np.asarray(concrete(loss)).item()) * (1 if self.is_sum else rows)
        for name, metric in self.metrics.items():
            self.totals[name] += metric(concrete(outputs), targets) * rows

    def row(self, prefix: str) -> dict[str, float]:
        """The means, named ``prefix_loss`` and so on."""
        return {f"{prefix}{name}": total / max(self.rows, 1) for name, total in self.totals.items()}


class Best:
    """A copy of the parameters at the best score so far; better means strictly greater, NaN never is."""

    def __init__(self) -> None:
        self.score = -np.inf
        self.epoch: int | None = None
        self.state: dict[str, Any] | None = None

    def update(self, score: float, epoch: int, model: Module) -> bool:
        """Keep a copy where `score` is better; tells whether it was."""
        if not score > self.score:
            return False
        self.score, self.epoch, self.state = score, epoch, model.state_dict()
        return True


def _as_batches(data: Any, batch_size: int, shuffle: bool, seed: int) -> Batches:
    if isinstance(data, Batches):
        return data
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise ArgumentError("fit: data must be a pair (inputs, targets), or wg.data.batches(inputs, targets)")
    return batches(*data, batch_size=batch_size, shuffle=shuffle, seed=seed)


def _default_metrics(data: Batches) -> dict[str, Metric]:
    return {"accuracy": accuracy} if data.arrays[1].dtype.kind in "iu" else {}


def evaluate(
    model: Module, data: Any, loss: Loss, metrics: Mapping[str, Metric] | None = None, batch_size: int = 1024
) -> dict[str, float]:
    """Mean loss and metrics of a model in evaluation mode, without recording: ``{"loss": …, "accuracy": …}``."""
    parts = _as_batches(data, batch_size, False, 0)
    means = Means(loss, _default_metrics(parts) if metrics is None else metrics)
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    try:
        with paused():
            for x, y in parts:
                outputs = model(x)
                means.add(loss(outputs, y), outputs, y)
    finally:
        for module, mode in modes:
            module.training = mode
    return means.row("")


def _train_epoch(
    model: Module, data: Batches, loss: Loss, optimizer: Optimizer, metrics: Mapping[str, Metric],
    epoch: int, report: Reporter,
) -> dict[str, float]:  # fmt: skip
    means = Means(loss, metrics)
    model.train()
    for number, (x, y) in enumerate(data, 1):
        optimizer.zero_grad()
        outputs = model(x)
        value = loss(outputs, y)
        refuse_non_finite_loss(value, model, (x, y), f"epoch {epoch}, batch {number}")
        value.backward()
        optimizer.step()
        means.add(value, outputs, y)
        report.batch(epoch, number)
    return means.row("train_")


def _epoch(
    model: Module, data: Batches, validation: Any, loss: Loss, optimizer: Optimizer, metrics: Mapping[str, Metric],
    epoch: int, report: Reporter,
) -> Row:  # fmt: skip
    """Train for one epoch, and measure on the validation part."""
    begin = time.perf_counter()
    row: Row = {"epoch": epoch, **_train_epoch(model, data, loss, optimizer, metrics, epoch, report)}
    if validation is not None:
        means = evaluate(model, validation, loss, metrics)
        row |= {f"validation_{name}": value for name, value in means.items()}
    return {**row, "seconds": round(time.perf_counter() - begin, 4)}


def _check(epochs: int, patience: int | None) -> None:
    if epochs < 0 or (patience is not None and patience < 1):
        raise ArgumentError(f"fit: got epochs={epochs}, patience={patience}; needs epochs >= 0 and patience >= 1")


def _score(row: Mapping[str, Any], monitor: str | None) -> float:
    """What the best snapshot is chosen by; larger is better, so losses count negative."""
    for name in [monitor] if monitor else ["validation_accuracy", "validation_loss", "train_accuracy", "train_loss"]:
        if name in row:
            return float(-row[name] if name.endswith("loss") else row[name])
    raise ArgumentError(f"fit: monitor={monitor!r} is no column; needs one of {', '.join(row)}")


def fit(
    model: Module,
    data: Any,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int = 10,
    *,
    validation: Any = None,
    batch_size: int = 32,
    seed: int = 0,
    patience: int | None = None,
    monitor: str | None = None,
    metrics: Mapping[str, Metric] | None = None,
    restore_best: bool = True,
    report: Reporter | None = None,
) -> History:
    """Train `model` and return its `History`; at the end it has the parameters of the best epoch.

    ``data`` and ``validation`` are pairs ``(inputs, targets)`` or `wg.data.batches`. The best epoch has the greatest
    ``monitor`` (a column; by default the validation accuracy, else the least validation loss). With `patience`
    the training ends after so many epochs without a new best. Ctrl-C ends it cleanly and keeps the best.
    The training figures are means over the epoch, while the parameters change and dropout acts.
    Raises `NonFiniteError` naming the first bad tensor where the loss becomes NaN.
    """
    _check(epochs, patience)
    data = _as_batches(data, batch_size, True, seed)
    metrics = _default_metrics(data) if metrics is None else metrics
    report = report or default_reporter()
    history, best = History(f"after {epochs} epochs"), Best()
    report.start(epochs, len(data))
    try:
        for epoch in range(1, epochs + 1):
            row = _epoch(model, data, validation, loss, optimizer, metrics, epoch, report)
            history.append(row)
            improved = best.update(_score(row, monitor), epoch, model)
            report.epoch(row, improved)
            if patience is not None and epoch - (best.epoch or 0) >= patience:
                history.stopped = f"after {patience} epochs without improvement"
                break
    except KeyboardInterrupt:
        history.stopped = "by an interruption"
    finally:
        report.end()
    model.eval()
    history.best_epoch, history.best_score = best.epoch, None if best.epoch is None else best.score
    if restore_best and best.state is not None:
        model.load_state_dict(best.state)
    return history
