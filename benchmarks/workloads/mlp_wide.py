"""A wide perceptron: nearly all of its time is in matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.definitions import Optimizer, Step, Training, Workload
from benchmarks.workloads._shared import dense_layers, normal, numpy_gelu, transposed

SIZES = (1024, 2048, 2048, 1024)
BATCH = 512


def make() -> Training:
    random = np.random.default_rng(0)
    parameters = dense_layers(random, SIZES)
    batch = {"x": normal(random, BATCH, SIZES[0]), "y": normal(random, BATCH, SIZES[-1])}
    return Training(parameters, batch, Optimizer("adam", 1e-3))


def wengert(framework: Any, data: Training) -> Step:
    from benchmarks.models.perceptron import perceptron, squared_error

    layers = {"1": "0", "2": "2", "3": "4"}
    weights = {
        f"{layers[k[1]]}.{'weight' if k[0] == 'w' else 'bias'}": v for k, v in transposed(data.parameters).items()
    }
    return framework.train(perceptron(SIZES, "gelu"), squared_error, data, weights)


def torch(framework: Any, data: Training) -> Step:
    import torch.nn.functional as F

    def loss(p: Any, b: Any) -> Any:
        h = F.gelu(F.linear(b["x"], p["w1"], p["b1"]), approximate="tanh")
        h = F.gelu(F.linear(h, p["w2"], p["b2"]), approximate="tanh")
        return F.mse_loss(F.linear(h, p["w3"], p["b3"]), b["y"])

    return framework.train(loss, data, transposed)


def jax(framework: Any, data: Training) -> Step:
    import jax

    def loss(p: Any, b: Any) -> Any:
        h = jax.nn.gelu(b["x"] @ p["w1"] + p["b1"])
        h = jax.nn.gelu(h @ p["w2"] + p["b2"])
        return ((h @ p["w3"] + p["b3"] - b["y"]) ** 2).mean()

    return framework.train(loss, data)


def autograd(framework: Any, data: Training) -> Step:
    np_ = framework.numpy

    def loss(p: Any, b: Any) -> Any:
        h = numpy_gelu(np_, np_.dot(b["x"], p["w1"]) + p["b1"])
        h = numpy_gelu(np_, np_.dot(h, p["w2"]) + p["b2"])
        error = np_.dot(h, p["w3"]) + p["b3"] - b["y"]
        return np_.mean(error * error)

    return framework.train(loss, data)


_PRODUCTS = [a * b for a, b in zip(SIZES, SIZES[1:], strict=False)]
WORKLOADS = {
    "mlp_wide": Workload(
        "1024 -> 2048 -> 2048 -> 1024, gelu (tanh form), mean squared error, batch 512, Adam",
        make,
        {"wengert": wengert, "torch": torch, "jax": jax, "autograd": autograd},
        losses=4,
        flops=2 * BATCH * (3 * sum(_PRODUCTS) - _PRODUCTS[0]),
    )
}
