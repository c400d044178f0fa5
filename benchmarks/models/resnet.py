"""A residual network of three blocks."""

from __future__ import annotations

from typing import Any, ClassVar

from wengert import nn


class Part(nn.Module):
    """A convolution and its batch normalisation."""

    def __init__(self, inputs: int, outputs: int, side: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, side, stride, padding=side // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Any) -> Any:
        return self.norm(self.convolution(x))


class Block(nn.Module):
    """Two parts, and what came in added to them; a 1x1 convolution where its shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = Part(inputs, outputs, stride=stride)
        self.second = Part(outputs, outputs)
        self.beside = nn.Identity() if inputs == outputs else Part(inputs, outputs, 1, stride)

    def forward(self, x: Any) -> Any:
        return nn.functional.relu(self.second(nn.functional.relu(self.first(x))) + self.beside(x))


class SmallResNet(nn.Module):
    # Where the workload's convolutions are in the state dict.
    PLACES: ClassVar[dict[str, str]] = {
        "stem": "stem",
        "s1a": "blocks.0.first", "s1b": "blocks.0.second",
        "s2a": "blocks.1.first", "s2b": "blocks.1.second", "s2p": "blocks.1.beside",
        "s3a": "blocks.2.first", "s3b": "blocks.2.second", "s3p": "blocks.2.beside",
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.stem = Part(3, 16)
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
        self.head = nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        h = self.blocks(nn.functional.relu(self.stem(x)))
        return self.head(h.mean(axis=(2, 3)))


def loss(model: nn.Module, x: Any, y: Any) -> Any:
    return nn.functional.cross_entropy(model(x), y)
