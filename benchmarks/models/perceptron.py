"""A classifier of affine layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert import nn


def perceptron(sizes: Sequence[int], activation: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        layers.append(nn.Linear(inputs, outputs))
        layers.append({"tanh": nn.Tanh(), "relu": nn.ReLU(), "gelu": nn.GELU(approximate="tanh")}[activation])
    return nn.Sequential(*layers[:-1])


def loss(model: nn.Module, x: Any, y: Any) -> Any:
    return nn.functional.cross_entropy(model(x), y)


def squared_error(model: nn.Module, x: Any, y: Any) -> Any:
    return nn.functional.mse_loss(model(x), y)
