"""Measures of a prediction."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.core.record import as_array, concrete


def _array(x: Any) -> np.ndarray:
    return np.asarray(as_array(concrete(x)))


def predicted_classes(scores: Any) -> np.ndarray:
    """The class of the largest score of each row; the classes themselves where they are given."""
    given = _array(scores)
    classes: np.ndarray = given.argmax(axis=1) if given.ndim == 2 else given
    return classes


def accuracy(scores: Any, labels: Any) -> float:
    """The share of rows whose largest score is at the right label: ``(N, C) or (N,), (N,) -> float``.

    >>> import wengert as wg
    >>> wg.train.accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    found, labels = predicted_classes(scores), _array(labels)
    if found.shape != labels.shape:
        raise ShapeError(
            f"accuracy: got scores {show(_array(scores))} for labels {show(labels)}; needs (N, C) and (N,)"
        )
    if not labels.size:
        raise ArgumentError("accuracy: got no rows")
    return float(np.mean(found == labels))


def confusion(scores: Any, labels: Any, classes: int | None = None) -> np.ndarray:
    """How often a row of class i (axis 0) was taken for class j (axis 1).

    >>> import wengert as wg
    >>> wg.train.confusion([0, 1, 1], [0, 0, 1])
    array([[1, 1],
           [0, 1]])
    """
    found, labels = predicted_classes(scores), _array(labels)
    if found.shape != labels.shape:
        raise ShapeError(f"confusion: got {show(found)} predictions for {show(labels)} labels")
    count = classes or int(max(found.max(initial=-1), labels.max(initial=-1))) + 1
    if labels.size and (min(found.min(), labels.min()) < 0 or max(found.max(), labels.max()) >= count):
        raise ArgumentError(f"confusion: labels must be between 0 and {count - 1}")
    table = np.zeros((count, count), np.int64)
    np.add.at(table, (labels, found), 1)
    return table
