"""Classifiers of affine layers: tiny (call overhead), digits (a small model), mnist (between overhead and products)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Optimizer, Step, Training, Workload
from benchmarks.workloads._shared import (
    dense_layers,
    jax_cross_entropy,
    normal,
    numpy_cross_entropy,
    one_hot_targets,
    transposed,
)


@dataclass(frozen=True)
class Perceptron:
    """Sizes, activation and batch; its methods are the builders."""

    sizes: tuple[int, ...]
    activation: str
    batch: int
    optimizer: Optimizer

    @property
    def layers(self) -> int:
        return len(self.sizes) - 1

    @property
    def flops(self) -> int:
        products = [a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        return 2 * self.batch * (3 * sum(products) - products[0])

    def make(self) -> Training:
        random = np.random.default_rng(0)
        parameters = dense_layers(random, self.sizes)
        batch = {"x": normal(random, self.batch, self.sizes[0]), "y": random.integers(0, self.sizes[-1], self.batch)}
        return Training(parameters, batch, self.optimizer)

    def logits(self, affine: Any, activation: Any, p: Any, x: Any) -> Any:
        for layer in range(1, self.layers + 1):
            x = affine(x, p[f"w{layer}"], p[f"b{layer}"])
            x = activation(x) if layer < self.layers else x
        return x

    # ----- builders
    def wengert(self, framework: Any, data: Training) -> Step:
        from benchmarks.models.perceptron import loss, perceptron

        weights = {
            f"{2 * (int(k[1:]) - 1)}.{'weight' if k[0] == 'w' else 'bias'}": v
            for k, v in transposed(data.parameters).items()
        }
        return framework.train(perceptron(self.sizes, self.activation), loss, data, weights)

    def torch(self, framework: Any, data: Training) -> Step:
        import torch
        import torch.nn.functional as F

        activation = {"tanh": torch.tanh, "relu": F.relu}[self.activation]

        def loss(p: Any, b: Any) -> Any:
            return F.cross_entropy(self.logits(F.linear, activation, p, b["x"]), b["y"])

        return framework.train(loss, data, transposed)

    def jax(self, framework: Any, data: Training) -> Step:
        import jax
        import jax.numpy as jnp

        activation = {"tanh": jnp.tanh, "relu": jax.nn.relu}[self.activation]

        def loss(p: Any, b: Any) -> Any:
            return jax_cross_entropy(self.logits(lambda x, w, c: x @ w + c, activation, p, b["x"]), b["y"])

        return framework.train(loss, data)

    def autograd(self, framework: Any, data: Training) -> Step:
        np_ = framework.numpy
        activation = {"tanh": np_.tanh, "relu": lambda x: np_.maximum(x, 0)}[self.activation]

        def loss(p: Any, b: Any) -> Any:
            logits = self.logits(lambda x, w, c: np_.dot(x, w) + c, activation, p, b["x"])
            return numpy_cross_entropy(np_, logits, b["y"])

        return framework.train(loss, data, batch=one_hot_targets(self.sizes[-1]))

    def pytensor(self, framework: Any, data: Training) -> Step:
        import pytensor.tensor as pt

        activation = {"tanh": pt.tanh, "relu": lambda z: pt.maximum(z, np.float32(0))}[self.activation]

        def loss(p: Any, b: Any) -> Any:
            logits = self.logits(lambda x, w, c: x @ w + c, activation, p, b["x"])
            return -pt.sum(pt.special.log_softmax(logits, axis=-1) * b["y"]) / np.float32(self.batch)

        return framework.train(loss, data, one_hot_targets(self.sizes[-1]))

    def casadi(self, framework: Any, data: Training) -> Step:
        return framework.perceptron(self, data)

    def workload(self, title: str, losses: int) -> Workload:
        builders = {
            "wengert": self.wengert, "torch": self.torch, "jax": self.jax, "autograd": self.autograd,
            "pytensor": self.pytensor, "casadi": self.casadi,
        }  # fmt: skip
        return Workload(title, self.make, builders, losses, self.flops)


TINY = Perceptron((2, 16, 16, 2), "tanh", 32, Optimizer("sgd", 0.1))
DIGITS = Perceptron((64, 128, 10), "relu", 64, Optimizer("adam", 1e-3))
MNIST = Perceptron((784, 256, 128, 10), "relu", 128, Optimizer("sgd", 0.02))
WORKLOADS = {
    "mlp_tiny": TINY.workload("2 -> 16 -> 16 -> 2, tanh, cross-entropy, batch 32, SGD with momentum", 20),
    "mlp_digits": DIGITS.workload("64 -> 128 -> 10, relu, cross-entropy, batch 64, Adam", 20),
    "mlp_mnist": MNIST.workload("784 -> 256 -> 128 -> 10, relu, cross-entropy, batch 128, SGD with momentum", 10),
}
