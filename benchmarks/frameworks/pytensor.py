"""PyTensor with its numba backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Framework, Step, Training


@dataclass
class Pytensor(Framework):
    def setup(self, threads: int, dtype: str) -> None:
        import pytensor

        self.library = pytensor

    def _function(self, inputs: list[Any], output: Any, **options: Any) -> Any:
        f = self.library.function(inputs, output, mode="NUMBA", **options)
        f.trust_input = True
        return f

    def call(self, inputs: list[Any], output: Any, *arrays: np.ndarray) -> Step:
        """The step that evaluates an output of symbols."""
        f = self._function(inputs, output)
        values = [np.ascontiguousarray(a) for a in arrays]
        out: list[Any] = [None]

        def run() -> None:
            out[0] = f(*values)

        return Step(run, lambda: np.asarray(out[0]))

    def _shared(self, arrays: Arrays, zero: bool = False) -> dict[str, Any]:
        return {k: self.library.shared(v * 0 if zero else v.copy(), shape=v.shape) for k, v in arrays.items()}

    def train(self, loss: Callable[..., Any], data: Training, batch: Callable[[Arrays], Arrays]) -> Step:
        """The step that trains with a loss of (parameters, batch); all state is in shared variables."""
        import pytensor.tensor as pt

        p, m, v = (self._shared(data.parameters, zero) for zero in (False, True, True))
        count = self.library.shared(np.float32(0))
        value = loss(p, self._shared(batch(data.batch)))
        g = dict(zip(p, pt.grad(value, list(p.values())), strict=True))
        updates = (sgd if data.optimizer.kind == "sgd" else adam)(data, p, m, v, count, g)
        f = self._function([], value.astype("float32"), updates=list(updates.items()))
        out: list[Any] = [None]

        def run() -> None:
            out[0] = f()

        def reset() -> None:
            count.set_value(np.float32(0))
            for k, first in data.parameters.items():
                p[k].set_value(first.copy())
                m[k].set_value(first * 0)
                v[k].set_value(first * 0)

        return Step(run, lambda: np.asarray(out[0]), reset=reset)


def sgd(data: Training, p: Any, m: Any, _v: Any, _count: Any, g: Any) -> dict[Any, Any]:
    new: dict[Any, Any] = {}
    for k in p:
        new[m[k]] = np.float32(data.optimizer.momentum) * m[k] + g[k]
        new[p[k]] = p[k] - np.float32(data.optimizer.rate) * new[m[k]]
    return new


def adam(data: Training, p: Any, m: Any, v: Any, count: Any, g: Any) -> dict[Any, Any]:
    import pytensor.tensor as pt

    number = np.float32
    new: dict[Any, Any] = {count: count + number(1)}
    rate = number(data.optimizer.rate) / (1 - number(0.9) ** new[count])
    second = pt.sqrt(1 - number(0.999) ** new[count])
    for k in p:
        new[m[k]] = number(0.9) * m[k] + number(0.1) * g[k]
        new[v[k]] = number(0.999) * v[k] + number(0.001) * g[k] * g[k]
        new[p[k]] = p[k] - rate * new[m[k]] / (pt.sqrt(new[v[k]]) / second + number(1e-8))
    return new


ROWS = frozenset(
    {"mlp_tiny", "mlp_digits", "mlp_mnist", "logistic_hessian", "newton_step", "gmm", "rosenbrock_gradient",
     "rosenbrock_hvp"}
)  # fmt: skip
FLOATS = {"PYTENSOR_FLAGS": "floatX=float32"}
FRAMEWORKS = [Pytensor("pytensor", "PyTensor, numba", "pytensor", ("pytensor",), FLOATS, ROWS, further=True)]
