"""Wengert as a user writes it: modules and optimizers in a step under `wg.compile`, plain functions likewise.

The same steps without `compile` are the eager row; `step.repeat` runs many of them in one call. Denormal numbers are
flushed to 0 throughout, as JAX does always.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Framework, NotApplicable, Step, Training


@dataclass
class Wengert(Framework):
    eager: bool = False

    def setup(self, threads: int, dtype: str) -> None:
        import wengert as wg

        wg.set_flush_denormal(True)
        self.compile: Callable[..., Any] = (lambda f: f) if self.eager else wg.compile

    def call(self, f: Callable[..., Any], *arrays: np.ndarray) -> Step:
        """The step that calls a function of arrays."""
        if self.steps > 1:
            raise NotApplicable("only steps that train are repeated")
        compiled = self.compile(f)
        out: list[Any] = [None]

        def run() -> None:
            out[0] = compiled(*arrays)

        return Step(run, lambda: np.asarray(out[0]))

    def train(self, model: Any, loss: Callable[..., Any], data: Training, weights: Arrays) -> Step:
        """The step that trains a model with a loss of (model, *batch)."""
        import wengert as wg

        model.load_state_dict(weights)
        learning = [p for p in model.parameters() if p.requires_grad]
        if data.optimizer.kind == "sgd":
            optimizer: Any = wg.optim.SGD(learning, lr=data.optimizer.rate, momentum=data.optimizer.momentum)
        else:
            optimizer = wg.optim.Adam(learning, lr=data.optimizer.rate)
        first = optimizer.state_dict()

        @self.compile
        def step(*batch: Any) -> Any:
            optimizer.zero_grad()
            value = loss(model, *batch)
            value.backward()
            optimizer.step()
            return value

        def reset() -> None:
            model.load_state_dict(weights)
            optimizer.load_state_dict(first)

        return self._timed(step, reset, list(data.batch.values()))

    def _timed(self, step: Any, reset: Callable[[], None], batch: list[np.ndarray]) -> Step:
        out: list[Any] = [None]
        if self.steps == 1:

            def run() -> None:
                out[0] = step(*batch)

        else:
            if not hasattr(step, "repeat"):
                raise NotApplicable("compiled steps have no `repeat` yet")
            batches = [np.stack([array] * self.steps) for array in batch]

            def run() -> None:
                out[0] = step.repeat(self.steps, *batches)

        return Step(run, lambda: np.asarray(out[0].detach() if hasattr(out[0], "detach") else out[0]), reset=reset)


LOOPED = frozenset({"mlp_tiny", "mlp_digits", "mlp_mnist"})
OURS = ("wengert", "llvmlite")
FRAMEWORKS = [
    Wengert("wengert_compiled", "Wengert", "wengert", OURS),
    Wengert("wengert_repeat", "Wengert, 50 steps a call", "wengert", OURS, only=LOOPED, steps=50),
    Wengert("wengert_eager", "Wengert, eager", "wengert", OURS, eager=True, ranked=False),
]
