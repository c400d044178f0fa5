"""A model with all that its training needs, as one object: trained on, measured, applied, saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.core.record import as_array, concrete, paused
from wengert.nn.module import Module
from wengert.optim.optimizer import Optimizer
from wengert.train.checkpoint import load_checkpoint, save_checkpoint
from wengert.train.history import History
from wengert.train.loop import fit
from wengert.train.measure import Loss, evaluate
from wengert.train.steps import Steps
from wengert.train.weights import Source


class Trainer:
    """`fit` with its options kept: ``Trainer(model, loss, optimizer, batch_size=…, schedule=…).fit(data, epochs)``.

    Calling ``fit`` again trains on: epochs are counted on, optimizer and schedule go on from where they were, and
    `history` holds all rows. Options are those of `wg.fit`; those given to ``fit`` count for that call only.

    >>> import numpy as np, wengert as wg
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> model = wg.nn.Linear(1, 1)
    >>> trainer = wg.train.Trainer(model, wg.nn.MSELoss(), wg.optim.SGD(model.parameters(), lr=0.1), batch_size=8)
    >>> _ = trainer.fit((x, 3 * x), epochs=5)
    >>> trainer.fit((x, 3 * x), epochs=15)["epoch"][-1], trainer.evaluate((x, 3 * x))["loss"] < 1e-2
    (20, True)
    """

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer, **options: Any) -> None:
        self.model, self.loss, self.optimizer, self.options = model, loss, optimizer, options
        self.history = History()
        self._steps: Steps | None = None  # what was compiled, for further calls
        self._counts: dict[str, Any] = {}  # how far that was, in a file that was loaded

    def fit(self, data: Any, epochs: int = 10, **options: Any) -> History:
        """Train for so many more epochs and return the whole history; the model has the best weights of this call."""
        chosen = {**self.options, **options}
        before = len(self.history)
        # Another order of the rows than in the epochs before, where `fit` makes the batches itself.
        chosen["seed"] = chosen.get("seed", 0) + before
        chosen["compile"] = self._compiled(chosen.get("clip_norm"), bool(chosen.get("compile", True)))
        new = fit(self.model, data, self.loss, self.optimizer, epochs, **chosen)
        for row in new:
            self.history.append({**row, "epoch": row["epoch"] + before})
        self.history.stopped, self.history.best_score = new.stopped, new.best_score
        self.history.compiled, self.history.pace = new.compiled, new.pace
        self.history.best_epoch = None if new.best_epoch is None else new.best_epoch + before
        return self.history

    def _compiled(self, clip_norm: float | None, wanted: bool) -> Steps:
        """The functions of the calls before, where they are of the same parts."""
        parts = self.model, self.loss, self.optimizer, clip_norm
        if self._steps is None or not self._steps.belongs(*parts, wanted):
            self._steps = Steps(*parts, wanted)
            self._steps.load_state_dict(self._counts)
            self._counts = {}
        return self._steps

    def evaluate(self, data: Any, batch_size: int = 1024) -> dict[str, float]:
        """Mean loss and metrics, as `wg.train.evaluate` gives them."""
        return evaluate(self.model, data, self.loss, self.options.get("metrics"), batch_size)

    def predict(self, inputs: Any, batch_size: int = 1024) -> Any:
        """The model's outputs for all rows, in evaluation mode and without recording."""
        inputs = np.asarray(inputs)
        if not inputs.ndim or not len(inputs):
            raise ArgumentError("Trainer.predict: got no rows")
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        try:
            with paused():
                parts = [
                    as_array(concrete(self.model(inputs[k : k + batch_size])))
                    for k in range(0, len(inputs), batch_size)
                ]
        finally:
            for module, mode in modes:
                module.training = mode
        return np.concatenate(parts)

    def _parts(self) -> dict[str, Any]:
        schedule = self.options.get("schedule")
        parts = {"model": self.model, "optimizer": self.optimizer}
        return parts if schedule is None else {**parts, "schedule": schedule}

    def save(self, path: Source) -> Path:
        """Write model, optimizer, schedule, random generator and history to a file, atomically."""
        found = self.history
        history = {"rows": found.rows, "best_epoch": found.best_epoch, "stopped": found.stopped}
        steps = self._counts if self._steps is None else self._steps.state_dict()
        return save_checkpoint(path, **self._parts(), history={**history, "best_score": found.best_score}, steps=steps)

    def load(self, path: Source) -> None:
        """Go back to what `save` wrote; all or nothing."""
        rest = load_checkpoint(path, **self._parts())
        found = rest.get("history", {})
        self._steps, self._counts = None, rest.get("steps", {})
        self.history = History(found.get("stopped", "not started"))
        self.history.rows = [dict(row) for row in found.get("rows", [])]
        self.history.best_epoch, self.history.best_score = found.get("best_epoch"), found.get("best_score")


__all__ = ["Trainer"]
