"""Training: the loop, its history, metrics, weights in files, and pictures."""

from __future__ import annotations

from wengert.train.history import History
from wengert.train.loop import evaluate, fit
from wengert.train.metrics import accuracy, confusion
from wengert.train.plots import plot_history
from wengert.train.progress import BarReporter, Reporter, TableReporter
from wengert.train.weights import load_weights, read_weights, save_weights

__all__ = [
    "BarReporter", "History", "Reporter", "TableReporter", "accuracy", "confusion", "evaluate", "fit",
    "load_weights", "plot_history", "read_weights", "save_weights",
]  # fmt: skip
