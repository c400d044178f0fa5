"""`fit`: the lectures' Train and Evaluate in their right form.

Each epoch: shuffle, update by minibatches, evaluate on the validation part; a copy of the parameters is kept where
the score is strictly better than before, and given back at the end.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.nn.module import Module
from wengert.optim.combined_schedules import ReduceLROnPlateau
from wengert.optim.optimizer import Optimizer
from wengert.optim.schedules import LRScheduler
from wengert.train.checkpoint import load_checkpoint, save_checkpoint
from wengert.train.diagnose import refuse_non_finite_data
from wengert.train.history import History, Row
from wengert.train.measure import Loss, Means, as_batches, default_metrics, measure
from wengert.train.metrics import Metric
from wengert.train.progress import Reporter, default_reporter
from wengert.train.steps import Steps
from wengert.train.stopping import Rule
from wengert.train.weights import Source

VALIDATION_BATCH = 1024


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


@contextmanager
def _patient() -> Iterator[Callable[[], bool]]:
    """Make the first Ctrl-C a request, so that a batch is finished before the training stops; the second acts at once.

    Gives a function that tells whether it was asked. Only the main thread gets signals; elsewhere nothing changes.
    """
    asked: list[bool] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.getsignal(signal.SIGINT)

    def remember(_number: int, _frame: Any) -> None:
        asked.append(True)
        signal.signal(signal.SIGINT, before)

    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, remember)
    try:
        yield lambda: bool(asked)
    finally:
        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, before)


def _score(row: Mapping[str, Any], monitor: str | None) -> float:
    """What the best snapshot is chosen by; larger is better, so losses count negative."""
    for name in [monitor] if monitor else ["validation_accuracy", "validation_loss", "train_accuracy", "train_loss"]:
        if name in row:
            return float(-row[name] if name.endswith("loss") else row[name])
    raise ArgumentError(f"fit: monitor={monitor!r} is no column; needs one of {', '.join(row)}")


class _Training:
    """One call of `fit`: where it is, and how it goes on. Its state dict is what a checkpoint holds beside the parts.

    `order` is the number of the epoch's shuffle, `batch` how many of its batches are done, `whole` whether everything
    fits together just now (no batch is half done).
    """

    def __init__(self, steps: Steps, data: Any, **options: Any) -> None:
        self.steps, self.data, self.options = steps, data, options
        self.model, self.loss, self.optimizer, _ = steps.parts
        self.history, self.best = History("not started"), Best()
        self.epoch, self.batch, self.whole = 1, 0, True
        self.told: set[str] = set()
        self.means = self.new_means()

    def new_means(self) -> Means:
        return Means(self.loss, self.options["metrics"])

    # ----- state
    def state_dict(self) -> dict[str, Any]:
        best = self.best
        return {
            "epoch": self.epoch, "batch": self.batch, "rows": [dict(row) for row in self.history],
            "best": {"epoch": best.epoch, "score": float(best.score), "state": best.state},
            "means": self.means.state_dict(), "steps": self.steps.state_dict(),
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.means.load_state_dict(state["means"])
        self.steps.load_state_dict(state.get("steps", {}))
        self.epoch, self.batch = state["epoch"], state["batch"]
        self.history.rows = [dict(row) for row in state["rows"]]
        best = state["best"]
        self.best.epoch, self.best.score, self.best.state = best["epoch"], best["score"], best["state"]

    def _parts(self) -> dict[str, Any]:
        parts = {"model": self.model, "optimizer": self.optimizer, "data": self.data, "training": self}
        return parts if self.options["schedule"] is None else {**parts, "schedule": self.options["schedule"]}

    def save(self) -> None:
        """Write the checkpoint, where one is wanted and everything fits together."""
        if self.options["checkpoint"] is not None and self.whole:
            save_checkpoint(self.options["checkpoint"], **self._parts())

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one already."""
        if self.options["checkpoint"] is None:
            raise ArgumentError("fit: resume=True needs checkpoint=, the file to go on from")
        if Path(self.options["checkpoint"]).exists():
            load_checkpoint(self.options["checkpoint"], **self._parts())

    # ----- going on
    def run(self, epochs: int) -> None:
        """Train until the last epoch, a rule or Ctrl-C ends it."""
        report = self.options["report"]
        report.start(epochs, len(self.data))
        self.history.stopped = f"after {epochs} epochs"
        try:
            with _patient() as asked:
                while self.epoch <= epochs and not self._stopped():
                    self._batches(asked)
                    self._end_of_epoch()
        except KeyboardInterrupt:
            self.history.stopped = "by an interruption"
            self.save()
        finally:
            report.end()

    def _stopped(self) -> bool:
        reason, patience = None, self.options["patience"]
        if patience is not None and self.epoch - 1 - (self.best.epoch or 0) >= patience:
            reason = f"after {patience} epochs without improvement"
        stop = self.options["stop"]
        if reason is None and stop is not None and len(self.history):
            found = stop(self.history)
            reason = found if isinstance(found, str) else "by its rule" if found else None
        self.history.stopped = reason or self.history.stopped
        return reason is not None

    def _batches(self, asked: Callable[[], bool]) -> None:
        """The rest of the batches of this epoch."""
        self.begin = time.perf_counter()
        self.model.train()
        every = self.options["checkpoint_every"]
        for x, y in self.data.rows(self.data.epoch, self.batch):
            self.whole = False
            self._step(x, y)
            self.batch += 1
            self.whole = self.batch % self.options["accumulate"] == 0 or self.batch == len(self.data)
            if every and self.batch % every == 0:
                self.save()
            self.options["report"].batch(self.epoch, self.batch)
            if asked() and self.whole:  # gradients that are gathered are in no checkpoint
                raise KeyboardInterrupt

    def _step(self, x: Any, y: Any) -> None:
        """One batch: its gradients are gathered, and the parameters moved where the group of batches is full."""
        gathered, data = self.options["accumulate"], self.data
        first = self.batch - self.batch % gathered
        after = min(first + gathered, len(data))
        rows = min(after * data.batch_size, data.size) - first * data.batch_size
        share = 1.0 if self.means.is_sum else len(y) / rows
        self.steps.place = f"epoch {self.epoch}, batch {self.batch + 1}"
        moves = self.batch + 1 == after
        value, outputs = self.steps.train(x, y, share, self.batch == first, moves)
        if moves and self.options["schedule_every"] == "batch":
            self.options["schedule"].step()
        self.means.add(value, outputs, y)

    def _end_of_epoch(self) -> None:
        """Measure, keep the best, lower the rate, and write it down."""
        row: Row = {"epoch": self.epoch, **self.means.row("train_")}
        if self.options["validation"] is not None:
            means = measure(self.steps, self.options["validation"], self.options["metrics"])
            row |= {f"validation_{name}": value for name, value in means.items()}
        row["seconds"] = round(time.perf_counter() - self.begin, 4)
        score = _score(row, self.options["monitor"])
        self.whole = False
        self.history.append(row)
        improved = self.best.update(score, self.epoch, self.model)
        schedule = self.options["schedule"]
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(score if schedule.mode == "max" else -score)
        elif schedule is not None and self.options["schedule_every"] == "epoch":
            schedule.step()
        self.data.epoch += 1
        self.epoch, self.batch, self.means, self.whole = self.epoch + 1, 0, self.new_means(), True
        self.save()
        self._tell()
        self.options["report"].epoch(row, improved)
        for callback in self.options["callbacks"]:
            callback(row)

    def _tell(self) -> None:
        """Say once what cannot be compiled."""
        for reason in self.steps.reasons():
            if reason not in self.told:
                self.told.add(reason)
                self.options["report"].note(f"{reason}; it runs as it stands")

    def result(self, restore_best: bool) -> History:
        """The history; the model gets the best parameters."""
        self.model.eval()
        history, best = self.history, self.best
        history.best_epoch, history.best_score = best.epoch, None if best.epoch is None else best.score
        history.compiled, history.pace = self.steps.words(), self.steps.pace()
        if restore_best and best.state is not None:
            self.model.load_state_dict(best.state)
        return history


def _validation(data: Any) -> Any:
    """The validation part as batches, if there is one; numbers that say nothing are refused."""
    if data is not None:
        data = as_batches(data, VALIDATION_BATCH, False, 0)
        refuse_non_finite_data("the validation", data.arrays)
    return data


def _check(epochs: int, options: Mapping[str, Any]) -> None:
    patience, every = options["patience"], options["checkpoint_every"]
    if epochs < 0 or (patience is not None and patience < 1):
        raise ArgumentError(f"fit: got epochs={epochs}, patience={patience}; needs epochs >= 0 and patience >= 1")
    if every is not None and (every < 1 or options["checkpoint"] is None):
        raise ArgumentError(f"fit: got checkpoint_every={every}; needs at least 1 batch, and checkpoint=, the file")
    gathered = options["accumulate"]
    if gathered < 1 or (every is not None and every % gathered):
        raise ArgumentError(
            f"fit: got accumulate={gathered}, checkpoint_every={every}; needs at least 1, and a multiple of it"
        )
    kind = options["schedule_every"]
    if kind not in ("epoch", "batch") or (kind == "batch" and options["schedule"] is None):
        raise ArgumentError(f"fit: got schedule_every={kind!r}; needs 'epoch', or 'batch' and a schedule")


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
    schedule: LRScheduler | None = None,
    schedule_every: str = "epoch",
    stop: Rule | None = None,
    clip_norm: float | None = None,
    accumulate: int = 1,
    callbacks: Sequence[Callable[[Row], Any]] = (),
    checkpoint: Source | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    compile: bool | Steps = True,
) -> History:
    """Train `model` and return its `History`; at the end it has the parameters of the best epoch.

    ``data`` and ``validation`` are pairs ``(inputs, targets)`` or `wg.data.batches`. The best epoch has the greatest
    ``monitor`` (a column; by default the validation accuracy, else the least validation loss). With `patience`
    the training ends after so many epochs without a new best; `stop` is any further rule, a function of the history
    (`RelativeDrop`, `EarlyStopping`). The training figures are means over the epoch, while the parameters change and
    dropout acts. Each of `callbacks` is called with the row of an epoch.

    `schedule` is stepped every epoch, or with ``schedule_every="batch"`` every step; one that watches a metric gets
    that of the best epoch. `clip_norm` is the greatest norm of a gradient. With `accumulate` the parameters move once
    for so many batches, as one batch of all their rows would move them.

    With `checkpoint` everything is written to that file after every epoch, after every `checkpoint_every` batches, and
    on Ctrl-C, which ends the training cleanly after the batch under way. ``resume=True`` goes on from the file, if it
    is there: the result is bit for bit that of a training that was never interrupted.

    A step that ran often enough to pay for it is compiled (`wg.compile`), and so is the evaluation; results agree up
    to rounding. What cannot be compiled, or has hooks, goes on as it stands; `History.compiled` says so.
    ``compile=False`` asks for none of it.
    Raises `NonFiniteError` naming the first bad tensor where the loss becomes NaN.
    """
    data = as_batches(data, batch_size, True, seed)
    validation = _validation(validation)
    steps = compile if isinstance(compile, Steps) else Steps(model, loss, optimizer, clip_norm, compile)
    training = _Training(
        steps, data, validation=validation, patience=patience, monitor=monitor,
        metrics=default_metrics(data) if metrics is None else metrics, report=report or default_reporter(),
        schedule=schedule, schedule_every=schedule_every, stop=stop, accumulate=accumulate,
        callbacks=callbacks, checkpoint=checkpoint, checkpoint_every=checkpoint_every,
    )  # fmt: skip
    _check(epochs, training.options)
    if resume:
        training.resume()
    training.run(epochs)
    return training.result(restore_best)
