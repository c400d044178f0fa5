"""Metrics, batches and normalisation."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.base.errors import ArgumentError, ShapeError
from wengert.train import accuracy, confusion


def test_accuracy_and_confusion() -> None:
    scores = np.array([[0.9, 0.1, 0], [0.2, 0.3, 0.5], [0, 1, 0], [0.6, 0.4, 0]])
    assert accuracy(scores, np.array([0, 2, 1, 1])) == 0.75
    np.testing.assert_array_equal(confusion(scores, np.array([0, 2, 1, 1]), 3), [[1, 0, 0], [1, 1, 0], [0, 0, 1]])


def test_classes_may_be_small_unsigned_integers() -> None:
    # As the embedded data sets have them: -1 does not fit into them.
    table = confusion(np.eye(3)[[0, 2]], np.array([0, 1], np.uint8))
    np.testing.assert_array_equal(table, [[1, 0, 0], [0, 0, 1], [0, 0, 0]])
    assert confusion(np.zeros(0, np.uint8), np.zeros(0, np.uint8)).shape == (0, 0)


def test_accuracy_of_sequences() -> None:
    scores = np.zeros((2, 3, 4))  # N, classes, length
    scores[0, 2, 1] = scores[1, 1, 3] = 1
    labels = np.zeros((2, 4), np.int64)
    assert accuracy(scores, labels) == 6 / 8
    labels[0, 1], labels[1, 3] = 2, 1
    assert accuracy(scores, labels) == accuracy(labels, labels) == 1
    with pytest.raises(ShapeError, match="accuracy"):
        accuracy(np.zeros((2, 4, 3)), labels)


def test_words() -> None:
    with pytest.raises(ShapeError, match=r"accuracy: got scores float64\[2, 3\] for labels int64\[3\]"):
        accuracy(np.zeros((2, 3)), np.array([0, 1, 2]))
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        confusion([0, 2], [0, 1], 2)
