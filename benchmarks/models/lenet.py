"""LeNet with average pooling and tanh."""

from __future__ import annotations

from typing import Any

from wengert import nn


def lenet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(),
        nn.Linear(120, 84), nn.Tanh(),
        nn.Linear(84, 10),
    )  # fmt: skip


def loss(model: nn.Module, x: Any, y: Any) -> Any:
    return nn.functional.cross_entropy(model(x), y)
