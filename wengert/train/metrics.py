"""Measures of a prediction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.core.record import as_array, concrete

Metric = Callable[[Any, Any], float]


def whole(metric: Metric) -> Metric:
    """Mark a metric that needs all rows at once: it is not the mean of its values for batches."""
    metric.whole = True  # type: ignore[attr-defined]
    return metric


def _array(x: Any) -> np.ndarray:
    return np.asarray(as_array(concrete(x)))


def predicted_classes(scores: Any, axes: int = 1) -> np.ndarray:
    """The class of the largest score (axis 1) of each row; the classes themselves where they are given.

    `axes` is how many axes the classes have: 1 for one class a row, 2 for one at every place of a sequence.
    """
    given = _array(scores)
    classes: np.ndarray = given.argmax(axis=1) if given.ndim == axes + 1 else given
    return classes


def accuracy(scores: Any, labels: Any) -> float:
    """The share of rows whose largest score is at the right label: ``(N, C) or (N,), (N,) -> float``.

    Further axes are places: ``(N, C, L), (N, L)`` for sequences, as `CrossEntropyLoss` takes them.

    >>> import wengert as wg
    >>> wg.train.accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    labels = _array(labels)
    found = predicted_classes(scores, max(labels.ndim, 1))
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
    count = classes or 1 + max((int(a.max()) for a in (found, labels) if a.size), default=-1)
    if labels.size and (min(found.min(), labels.min()) < 0 or max(found.max(), labels.max()) >= count):
        raise ArgumentError(f"confusion: labels must be between 0 and {count - 1}")
    table = np.zeros((count, count), np.int64)
    np.add.at(table, (labels, found), 1)
    return table


def top_k_accuracy(scores: Any, labels: Any, k: int = 5) -> float:
    """The share of rows whose right label is among the `k` largest scores: ``(N, C), (N,) -> float``.

    A score equal to the right one counts as larger, so that ties are never flattering.

    >>> import wengert as wg
    >>> wg.train.top_k_accuracy([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], [1, 2], k=2)
    0.5
    """
    found, labels = _array(scores), _array(labels)
    if found.ndim != 2 or labels.shape != found.shape[:1]:
        raise ShapeError(f"top_k_accuracy: got scores {show(found)} for labels {show(labels)}; needs (N, C) and (N,)")
    if not labels.size or k < 1:
        raise ArgumentError(f"top_k_accuracy: got {labels.size} rows and k={k}; needs at least one of each")
    right = np.take_along_axis(found, labels[:, None].astype(np.int64), axis=1)
    return float(np.mean((found >= right).sum(axis=1) <= k))


class Scores(NamedTuple):
    """Precision, recall and F1: numbers, or one for each class."""

    precision: Any
    recall: Any
    f1: Any


def precision_recall_f1(scores: Any, labels: Any, average: str | None = "macro", classes: int | None = None) -> Scores:
    """How many found rows of a class are right, how many of a class are found, and the harmonic mean of both.

    average: "macro" (mean over the classes), "micro" (over all rows), "binary" (class 1 only), None (each class).
    A class that is never predicted has precision 0, one without rows recall 0.

    >>> import wengert as wg
    >>> wg.train.precision_recall_f1([1, 1, 0, 1], [1, 0, 0, 1], "binary")
    Scores(precision=0.666..., recall=1.0, f1=0.8)
    """
    table = confusion(scores, labels, classes)
    if average not in ("macro", "micro", "binary", None) or (average == "binary" and len(table) > 2):
        raise ArgumentError(
            f"precision_recall_f1: got average={average!r} for {len(table)} classes; "
            "needs 'macro', 'micro', None, or 'binary' for two"
        )
    hits, found, real = np.diag(table).astype(float), table.sum(axis=0), table.sum(axis=1)
    if average == "micro":
        hits, found, real = hits.sum(), found.sum(), real.sum()
    if average == "binary":
        hits, found, real = ((np.append(x, 0.0))[1] for x in (hits, found, real))
    parts = (hits / np.maximum(found, 1), hits / np.maximum(real, 1), 2 * hits / np.maximum(found + real, 1))
    return Scores(*(float(np.mean(x)) if average else x for x in parts))


@whole
def f1(scores: Any, labels: Any) -> float:
    """The mean of the classes' F1 (see `precision_recall_f1`), as a metric for `fit`.

    >>> import wengert as wg
    >>> wg.train.f1([0, 1], [0, 1])
    1.0
    """
    return float(precision_recall_f1(scores, labels).f1)


@whole
def auc(scores: Any, labels: Any) -> float:
    """The area under the ROC curve: how often a row of class 1 has a larger score than one of class 0 (ties half).

    scores: (N,), or (N, 2) whose difference counts; labels: (N,) of 0 and 1

    >>> import wengert as wg
    >>> wg.train.auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    found, labels = _array(scores), _array(labels)
    if found.ndim == 2 and found.shape[1] in (1, 2):
        found = found[:, 0] if found.shape[1] == 1 else found[:, 1] - found[:, 0]
    labels = labels.reshape(found.shape) if labels.size == found.size else labels
    if found.ndim != 1 or labels.shape != found.shape:
        raise ShapeError(f"auc: got scores {show(found)} for labels {show(labels)}; needs (N,) and (N,)")
    positive = labels == 1
    if not positive.any() or positive.all() or not np.isin(labels, (0, 1)).all():
        raise ArgumentError("auc: needs labels 0 and 1, at least one of each")
    _, place, count = np.unique(found, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # ties share the mean of their ranks
    n = int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(found) - n)))


def _pair(what: str, outputs: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    found, wanted = _array(outputs), _array(targets)
    if found.shape != wanted.shape:
        raise ShapeError(f"{what}: got outputs {show(found)} for targets {show(wanted)}; needs equal shapes")
    if not wanted.size:
        raise ArgumentError(f"{what}: got no rows")
    return found, wanted


def mean_absolute_error(outputs: Any, targets: Any) -> float:
    """The mean of ``|output - target|``.

    >>> import wengert as wg
    >>> wg.train.mean_absolute_error([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    found, wanted = _pair("mean_absolute_error", outputs, targets)
    return float(np.abs(found - wanted).mean())


@whole
def r2(outputs: Any, targets: Any) -> float:
    """The share of the targets' variance that is explained: 1 is perfect, 0 as good as their mean.

    For targets that are all equal it is 1 where they are met and 0 elsewhere.

    >>> import wengert as wg
    >>> wg.train.r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.785...
    """
    found, wanted = _pair("r2", outputs, targets)
    rest, total = float(((found - wanted) ** 2).sum()), float(((wanted - wanted.mean(axis=0)) ** 2).sum())
    return 1 - rest / total if total else float(rest == 0)


@whole
def perplexity(scores: Any, labels: Any) -> float:
    """``exp`` of the mean cross-entropy of logits: among how many classes the model is as good as guessing.

    >>> import wengert as wg
    >>> round(wg.train.perplexity([[0.0, 0.0, 0.0]], [1]), 6)
    3.0
    """
    return float(np.exp(-_log_probabilities("perplexity", scores, labels)[1].mean()))


@whole
def calibration_error(scores: Any, labels: Any, bins: int = 10) -> float:
    """How far confidence and accuracy of logits lie apart, on average over equally wide bins of confidence.

    >>> import wengert as wg
    >>> round(wg.train.calibration_error([[20.0, -20.0], [20.0, -20.0]], [0, 1]), 6)
    0.5
    """
    logs, _ = _log_probabilities("calibration_error", scores, labels)
    confidence, right = np.exp(logs.max(axis=1)), logs.argmax(axis=1) == _array(labels)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, right - confidence, bins)
    return float(np.abs(gaps).sum() / len(confidence))


def _log_probabilities(what: str, scores: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """The logarithms of the probabilities of all classes, and of the right ones."""
    found, labels = _array(scores), _array(labels)
    if found.ndim != 2 or labels.shape != found.shape[:1] or not labels.size:
        raise ShapeError(f"{what}: got logits {show(found)} for labels {show(labels)}; needs (N, C) and (N,)")
    shifted = found - found.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs, np.take_along_axis(logs, labels[:, None].astype(np.int64), axis=1)
