"""Data: the embedded sets, how to split and scale them, and minibatches."""

from __future__ import annotations

from wengert.data.batches import Batches, batches
from wengert.data.datasets import Digits, Iris, digits, iris
from wengert.data.normalise import Standardizer
from wengert.data.split import stratified_split

__all__ = ["Batches", "Digits", "Iris", "Standardizer", "batches", "digits", "iris", "stratified_split"]
