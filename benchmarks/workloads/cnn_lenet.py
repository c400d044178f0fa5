"""LeNet on images of 1 x 28 x 28."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Optimizer, Step, Training, Workload
from benchmarks.workloads._shared import (
    autograd_convolution,
    channels_last,
    dense_layers,
    jax_cross_entropy,
    normal,
    numpy_cross_entropy,
    one_hot_targets,
    transposed,
)

BATCH = 64
FIRST, SECOND = 28 * 28 * 6 * 25, 10 * 10 * 16 * 6 * 25  # multiplications of the two convolutions


def make() -> Training:
    random = np.random.default_rng(0)
    parameters: Arrays = {
        "k1": normal(random, 6, 1, 5, 5) / np.float32(5), "c1": np.zeros(6, np.float32),
        "k2": normal(random, 16, 6, 5, 5) / np.float32(12), "c2": np.zeros(16, np.float32),
    }  # fmt: skip
    parameters.update(dense_layers(random, [400, 120, 84, 10]))
    batch = {"x": normal(random, BATCH, 1, 28, 28), "y": random.integers(0, 10, BATCH)}
    return Training(parameters, batch, Optimizer("sgd", 0.05))


def wengert(framework: Any, data: Training) -> Step:
    from benchmarks.models.lenet import lenet, loss

    places = {"k1": "0.weight", "c1": "0.bias", "k2": "3.weight", "c2": "3.bias"}
    for layer, place in enumerate((7, 9, 11), 1):
        places.update({f"w{layer}": f"{place}.weight", f"b{layer}": f"{place}.bias"})
    weights = {places[k]: v for k, v in transposed(data.parameters).items()}
    return framework.train(lenet(), loss, data, weights)


def torch(framework: Any, data: Training) -> Step:
    import torch
    import torch.nn.functional as F

    def loss(p: Any, b: Any) -> Any:
        h = F.avg_pool2d(torch.tanh(F.conv2d(b["x"], p["k1"], p["c1"], padding=2)), 2)
        h = F.avg_pool2d(torch.tanh(F.conv2d(h, p["k2"], p["c2"])), 2).flatten(1)
        h = torch.tanh(F.linear(h, p["w1"], p["b1"]))
        h = torch.tanh(F.linear(h, p["w2"], p["b2"]))
        return F.cross_entropy(F.linear(h, p["w3"], p["b3"]), b["y"])

    return framework.train(loss, data, transposed)


def parameters_last(parameters: Arrays) -> Arrays:
    """Kernels as (h, w, in, out), and the rows of the first affine layer from (C, H, W) to (H, W, C)."""
    new = dict(parameters)
    new["k1"], new["k2"] = (np.ascontiguousarray(parameters[k].transpose(2, 3, 1, 0)) for k in ("k1", "k2"))
    rows = parameters["w1"].reshape(16, 5, 5, 120).transpose(1, 2, 0, 3)
    new["w1"] = np.ascontiguousarray(rows.reshape(400, 120))
    return new


def jax(framework: Any, data: Training) -> Step:
    import jax
    import jax.numpy as jnp

    def convolution(x: Any, kernel: Any, padding: int) -> Any:
        pads = ((padding, padding), (padding, padding))
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), pads, dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def pool(h: Any) -> Any:
        n, height, width, channels = h.shape
        return h.reshape(n, height // 2, 2, width // 2, 2, channels).mean((2, 4))

    def loss(p: Any, b: Any) -> Any:
        h = pool(jnp.tanh(convolution(b["x"], p["k1"], 2) + p["c1"]))
        h = pool(jnp.tanh(convolution(h, p["k2"], 0) + p["c2"])).reshape(BATCH, 400)
        h = jnp.tanh(h @ p["w1"] + p["b1"])
        h = jnp.tanh(h @ p["w2"] + p["b2"])
        return jax_cross_entropy(h @ p["w3"] + p["b3"], b["y"])

    return framework.train(loss, data, parameters_last, channels_last)


def autograd(framework: Any, data: Training) -> Step:
    np_, convolution = framework.numpy, autograd_convolution(framework.numpy)

    def pool(h: Any) -> Any:
        n, channels, height, width = h.shape
        return np_.mean(np_.reshape(h, (n, channels, height // 2, 2, width // 2, 2)), axis=(3, 5))

    def loss(p: Any, b: Any) -> Any:
        h = pool(np_.tanh(convolution(b["x"], p["k1"], 2) + np_.reshape(p["c1"], (1, 6, 1, 1))))
        h = pool(np_.tanh(convolution(h, p["k2"]) + np_.reshape(p["c2"], (1, 16, 1, 1))))
        h = np_.tanh(np_.dot(np_.reshape(h, (BATCH, 400)), p["w1"]) + p["b1"])
        h = np_.tanh(np_.dot(h, p["w2"]) + p["b2"])
        return numpy_cross_entropy(np_, np_.dot(h, p["w3"]) + p["b3"], b["y"])

    return framework.train(loss, data, batch=one_hot_targets(10))


WORKLOADS = {
    "cnn_lenet": Workload(
        "LeNet: two 5x5 convolutions of 6 and 16 channels, average pooling, 400 -> 120 -> 84 -> 10, tanh, batch 64, "
        "SGD with momentum",
        make,
        {"wengert": wengert, "torch": torch, "jax": jax, "autograd": autograd},
        losses=10,
        flops=2 * BATCH * (3 * (FIRST + SECOND + 400 * 120 + 120 * 84 + 84 * 10) - FIRST),
    )
}
