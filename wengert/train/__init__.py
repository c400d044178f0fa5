"""Training: the loop, its history, metrics, stopping rules, checkpoints, weights in files, and pictures."""

from __future__ import annotations

from wengert.train.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from wengert.train.events import EventWriter
from wengert.train.finder import FoundRate, find_learning_rate
from wengert.train.history import History
from wengert.train.loop import fit
from wengert.train.measure import evaluate
from wengert.train.metrics import (
    accuracy,
    auc,
    calibration_error,
    confusion,
    f1,
    mean_absolute_error,
    perplexity,
    precision_recall_f1,
    r2,
    top_k_accuracy,
    whole,
)
from wengert.train.plots import plot_history
from wengert.train.progress import BarReporter, Reporter, TableReporter
from wengert.train.seeds import seed_everything
from wengert.train.stopping import EarlyStopping, RelativeDrop
from wengert.train.table_model import Evaluation, Prediction, TableModel
from wengert.train.table_training import TableSettings, TableTraining, train_table
from wengert.train.trainer import Trainer
from wengert.train.weights import load_weights, read_weights, save_weights

__all__ = [
    "BarReporter", "EarlyStopping", "Evaluation", "EventWriter", "FoundRate", "History", "Prediction", "RelativeDrop",
    "Reporter", "TableModel", "TableReporter", "TableSettings", "TableTraining", "Trainer", "accuracy", "auc",
    "calibration_error", "confusion", "evaluate", "f1", "find_learning_rate", "fit", "load_checkpoint",
    "load_weights", "mean_absolute_error", "perplexity", "plot_history", "precision_recall_f1", "r2",
    "read_checkpoint", "read_weights", "save_checkpoint", "save_weights", "seed_everything", "top_k_accuracy",
    "train_table", "whole",
]  # fmt: skip
