"""Data: the embedded sets, files of well-known ones, how to split and scale them, and minibatches."""

from __future__ import annotations

from wengert.data.augment import Augment, Cutout, GaussianNoise, RandomCrop, RandomFlip, RandomShift
from wengert.data.batches import Batches, batches
from wengert.data.csv_files import read_csv
from wengert.data.datasets import Digits, Iris, digits, iris
from wengert.data.encoder import ColumnEncoder
from wengert.data.normalise import MinMax, PerChannel, Standardizer, Whitening
from wengert.data.prefetch import prefetch
from wengert.data.readers import mnist, read_cifar, read_idx, read_npz
from wengert.data.split import k_fold, stratified_split
from wengert.data.table import Column, Table, table

__all__ = [
    "Augment", "Batches", "Column", "ColumnEncoder", "Cutout", "Digits", "GaussianNoise", "Iris", "MinMax",
    "PerChannel", "RandomCrop", "RandomFlip", "RandomShift", "Standardizer", "Table", "Whitening", "batches",
    "digits", "iris", "k_fold", "mnist", "prefetch", "read_cifar", "read_csv", "read_idx", "read_npz",
    "stratified_split", "table",
]  # fmt: skip
