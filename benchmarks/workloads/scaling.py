"""The perceptron over batch, width and depth, and the LSTM over the length of its sequences."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.definitions import Optimizer, Workload
from benchmarks.workloads.lstm_char import of_length
from benchmarks.workloads.perceptrons import Perceptron


@dataclass(frozen=True)
class Dimension:
    """What grows, over which sizes, and what stays."""

    sizes: tuple[int, ...]
    fixed: str


DIMENSIONS = {
    "batch": Dimension((8, 32, 128, 512, 2048), "256 -> 256 -> 256 -> 10, relu, SGD with momentum"),
    "width": Dimension((32, 64, 128, 256, 512, 1024), "two hidden layers of that width, batch 64, SGD with momentum"),
    "depth": Dimension((2, 4, 8, 16, 32), "hidden layers of 128, batch 64, SGD with momentum"),
    "length": Dimension((8, 16, 32, 64, 128), "lstm_char with sequences of that length, batch 32, Adam"),
}


def name(dimension: str, size: int) -> str:
    return f"{dimension}_{size}"


def workload(dimension: str, size: int) -> Workload:
    """One point of a curve."""
    if dimension == "length":
        return of_length(size)
    sizes, batch = {
        "batch": ((256, 256, 256, 10), size),
        "width": ((size, size, size, 10), 64),
        "depth": ((128, *([128] * size), 10), 64),
    }[dimension]
    # A deep stack learns slowly at first and a wide one diverges at a high rate; the check needs losses that move.
    network = Perceptron(sizes, "relu", batch, Optimizer("sgd", 0.05))
    return network.workload(f"{dimension} of {size}", 6)


WORKLOADS = {name(d, size): workload(d, size) for d, dimension in DIMENSIONS.items() for size in dimension.sizes}
