"""A function of 5,000 operations on 64 numbers, for the time a compiler takes; its own time says little."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Step, Workload

OPERATIONS, N = 5_000, 64


def make() -> Arrays:
    random = np.random.default_rng(0)
    return {"x": random.standard_normal(N), "a": random.uniform(0.9, 1.1, N), "b": random.standard_normal(N)}


def function(tanh: Any) -> Any:
    def long(x: Any, a: Any, b: Any) -> Any:
        for _ in range(OPERATIONS // 5):
            x = tanh(x * a + b) * b - a
        return x

    return long


def reference(data: Arrays) -> Any:
    return function(np.tanh)(data["x"], data["a"], data["b"])


def wengert(framework: Any, data: Arrays) -> Step:
    return framework.call(function(np.tanh), *data.values())


def torch(framework: Any, data: Arrays) -> Step:
    import torch

    return framework.call(function(torch.tanh), *(torch.from_numpy(v) for v in data.values()))


def jax(framework: Any, data: Arrays) -> Step:
    import jax.numpy as jnp

    return framework.call(function(jnp.tanh), *data.values())


def autograd(framework: Any, data: Arrays) -> Step:
    return framework.call(function(framework.numpy.tanh), *data.values())


WORKLOADS = {
    "long_list": Workload(
        "5,000 operations on 64 numbers",
        make,
        {"wengert": wengert, "torch": torch, "jax": jax, "autograd": autograd},
        dtype="float64",
        reference=reference,
    )
}
