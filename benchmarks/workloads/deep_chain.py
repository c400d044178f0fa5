"""The derivative with respect to w of 10,000 scalar steps x = tanh(w x): a loop of the library, swept in reverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Step, Workload

DEPTH = 10_000


def make() -> Arrays:
    return {"w": np.array(1.5), "x": np.array(0.3)}


def reference(data: Arrays) -> Any:
    w, x, derivative = float(data["w"]), float(data["x"]), 0.0
    for _ in range(DEPTH):
        t = np.tanh(w * x)
        derivative = (1 - t * t) * (x + w * derivative)
        x = t
    return derivative


def wengert(framework: Any, data: Arrays) -> Step:
    import wengert as wg

    def chain(w: Any, x: Any) -> Any:
        last, _ = wg.scan(lambda x, _: (np.tanh(w * x), None), x, None, length=DEPTH)
        return last

    return framework.call(wg.grad(chain), data["w"], data["x"])


def jax(framework: Any, data: Arrays) -> Step:
    import jax
    import jax.numpy as jnp

    def chain(w: Any, x: Any) -> Any:
        last, _ = jax.lax.scan(lambda x, _: (jnp.tanh(w * x), None), x, None, length=DEPTH)
        return last

    return framework.call(jax.grad(chain), data["w"], data["x"])


def unrolled(tanh: Any) -> Any:
    def chain(w: Any, x: Any) -> Any:
        for _ in range(DEPTH):
            x = tanh(w * x)
        return x

    return chain


def torch(framework: Any, data: Arrays) -> Step:
    import torch

    chain = unrolled(torch.tanh)
    w, x = (torch.from_numpy(data[k].copy()) for k in "wx")
    return framework.call(lambda w, x: torch.autograd.grad(chain(w, x), w)[0], w.requires_grad_(), x)


def autograd(framework: Any, data: Arrays) -> Step:
    import autograd

    return framework.call(autograd.grad(unrolled(framework.numpy.tanh)), float(data["w"]), float(data["x"]))


WORKLOADS = {
    "deep_chain": Workload(
        "derivative of a chain of 10,000 steps x = tanh(w x), by scan, in reverse",
        make,
        {"wengert": wengert, "torch": torch, "jax": jax, "autograd": autograd},
        dtype="float64",
        reference=reference,
        unable={"torch_compile": "it would unroll the chain into a graph of 10,000 operations"},
    )
}
