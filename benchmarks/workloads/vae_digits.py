"""A variational autoencoder of 8 x 8 digits with fixed noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Optimizer, Step, Training, Workload
from benchmarks.workloads._shared import dense, normal, transposed

BATCH, PIXELS, HIDDEN, LATENT = 128, 64, 128, 16


def make() -> Training:
    random = np.random.default_rng(0)
    parameters: Arrays = {}
    sizes = [(PIXELS, HIDDEN), (HIDDEN, 2 * LATENT), (LATENT, HIDDEN), (HIDDEN, PIXELS)]
    for layer, (inputs, outputs) in enumerate(sizes, 1):
        parameters[f"w{layer}"], parameters[f"b{layer}"] = dense(random, inputs, outputs)
    batch = {"x": random.random((BATCH, PIXELS)).astype(np.float32), "e": normal(random, BATCH, LATENT)}
    return Training(parameters, batch, Optimizer("adam", 1e-3))


def wengert(framework: Any, data: Training) -> Step:
    from benchmarks.models.autoencoder import Autoencoder, loss

    places = {"1": "encoder.0", "2": "encoder.2", "3": "decoder.0", "4": "decoder.2"}
    weights = {
        f"{places[k[1]]}.{'weight' if k[0] == 'w' else 'bias'}": v for k, v in transposed(data.parameters).items()
    }
    return framework.train(Autoencoder(PIXELS, HIDDEN, LATENT), loss, data, weights)


def torch(framework: Any, data: Training) -> Step:
    import torch
    import torch.nn.functional as F

    def loss(p: Any, b: Any) -> Any:
        h = F.relu(F.linear(b["x"], p["w1"], p["b1"]))
        mean, log_variance = F.linear(h, p["w2"], p["b2"]).chunk(2, 1)
        z = mean + torch.exp(0.5 * log_variance) * b["e"]
        logits = F.linear(F.relu(F.linear(z, p["w3"], p["b3"])), p["w4"], p["b4"])
        pixels = F.binary_cross_entropy_with_logits(logits, b["x"], reduction="sum")
        return (pixels - 0.5 * (1 + log_variance - mean * mean - log_variance.exp()).sum()) / BATCH

    return framework.train(loss, data, transposed)


def numpy_loss(np_: Any, relu: Callable[[Any], Any], softplus: Callable[[Any], Any], p: Any, b: Any) -> Any:
    h = relu(np_.matmul(b["x"], p["w1"]) + p["b1"])
    mean, log_variance = np_.split(np_.matmul(h, p["w2"]) + p["b2"], 2, 1)
    z = mean + np_.exp(0.5 * log_variance) * b["e"]
    logits = np_.matmul(relu(np_.matmul(z, p["w3"]) + p["b3"]), p["w4"]) + p["b4"]
    divergence = -0.5 * np_.sum(1 + log_variance - mean * mean - np_.exp(log_variance))
    return (np_.sum(softplus(logits) - b["x"] * logits) + divergence) / BATCH


def jax(framework: Any, data: Training) -> Step:
    import jax
    import jax.numpy as jnp

    return framework.train(lambda p, b: numpy_loss(jnp, jax.nn.relu, jax.nn.softplus, p, b), data)


def autograd(framework: Any, data: Training) -> Step:
    np_ = framework.numpy

    def relu(x: Any) -> Any:
        return np_.maximum(x, 0)

    return framework.train(lambda p, b: numpy_loss(np_, relu, lambda x: np_.logaddexp(0.0, x), p, b), data)


_PRODUCTS = PIXELS * HIDDEN + HIDDEN * 2 * LATENT + LATENT * HIDDEN + HIDDEN * PIXELS
WORKLOADS = {
    "vae_digits": Workload(
        "64 -> 128 -> 16 + 16 -> 128 -> 64, relu, fixed noise, cross-entropy and divergence, batch 128, Adam",
        make,
        {"wengert": wengert, "torch": torch, "jax": jax, "autograd": autograd},
        losses=10,
        flops=2 * BATCH * (3 * _PRODUCTS - PIXELS * HIDDEN),
    )
}
