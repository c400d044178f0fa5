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


def test_words() -> None:
    with pytest.raises(ShapeError, match=r"accuracy: got scores float64\[2, 3\] for labels int64\[3\]"):
        accuracy(np.zeros((2, 3)), np.array([0, 1, 2]))
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        confusion([0, 2], [0, 1], 2)
