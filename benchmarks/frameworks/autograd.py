"""HIPS autograd over NumPy; its `numpy` is what the NumPy-like spelling of the workloads uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Framework, Step, Training


def same(arrays: Arrays) -> Arrays:
    return arrays


@dataclass
class Autograd(Framework):
    numpy: Any = None

    def setup(self, threads: int, dtype: str) -> None:
        import autograd.numpy

        self.numpy = autograd.numpy

    def call(self, f: Callable[..., Any], *arrays: Any) -> Step:
        """The step that calls a function of arrays."""
        out: list[Any] = [None]

        def run() -> None:
            out[0] = f(*arrays)

        return Step(run, lambda: np.asarray(out[0]))

    def train(self, loss: Callable[..., Any], data: Training, batch: Callable[[Arrays], Arrays] = same) -> Step:
        """The step that trains with a loss of (parameters, batch); the optimizer is NumPy in place."""
        import autograd

        b = batch(data.batch)
        p: Arrays = {}
        m: Arrays = {}
        v: Arrays = {}
        count = [0]
        out: list[Any] = [None]
        both = autograd.value_and_grad(lambda p: loss(p, b))
        update = sgd if data.optimizer.kind == "sgd" else adam

        def reset() -> None:
            count[0] = 0
            p.update({k: np.array(x) for k, x in data.parameters.items()})
            for state in (m, v):
                state.update({k: np.zeros_like(x) for k, x in p.items()})

        def run() -> None:
            out[0], g = both(p)
            count[0] += 1
            update(data, count[0], p, m, v, g)

        reset()
        return Step(run, lambda: np.asarray(out[0]), reset=reset)


def sgd(data: Training, _count: int, p: Arrays, m: Arrays, _v: Arrays, g: Arrays) -> None:
    for k in p:
        m[k] *= data.optimizer.momentum
        m[k] += g[k]
        p[k] -= data.optimizer.rate * m[k]


def adam(data: Training, count: int, p: Arrays, m: Arrays, v: Arrays, g: Arrays) -> None:
    rate, second = data.optimizer.rate / (1 - 0.9**count), (1 - 0.999**count) ** 0.5
    for k in p:
        m[k] *= 0.9
        m[k] += 0.1 * g[k]
        v[k] *= 0.999
        v[k] += 0.001 * g[k] ** 2
        p[k] -= rate * m[k] / (np.sqrt(v[k]) / second + 1e-8)


FRAMEWORKS = [Autograd("autograd", "autograd", "autograd", ("autograd",))]
