"""Data: the embedded sets, files of well-known ones, how to split and scale them, and minibatches."""

from __future__ import annotations

from wengert.data.batches import Batches, batches
from wengert.data.datasets import Digits, Iris, digits, iris
from wengert.data.normalise import MinMax, PerChannel, Standardizer, Whitening
from wengert.data.readers import mnist, read_cifar, read_idx, read_npz
from wengert.data.split import k_fold, stratified_split

__all__ = [
    "Batches", "Digits", "Iris", "MinMax", "PerChannel", "Standardizer", "Whitening", "batches", "digits", "iris",
    "k_fold", "mnist", "read_cifar", "read_idx", "read_npz", "stratified_split",
]  # fmt: skip
