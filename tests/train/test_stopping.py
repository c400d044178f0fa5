"""Rules that stop a training, schedules inside `fit`, and metrics that need all rows."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.base.errors import ArgumentError, ShapeError
from wengert.train import (
    EarlyStopping,
    History,
    RelativeDrop,
    Reporter,
    auc,
    calibration_error,
    evaluate,
    f1,
    find_learning_rate,
    fit,
    mean_absolute_error,
    perplexity,
    precision_recall_f1,
    r2,
    top_k_accuracy,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def train(epochs=8, lr=0.1, **options):
    model = nn.Linear(2, 2)
    optimizer = optim.SGD(model.parameters(), lr=lr)
    history = fit(model, (X, Y), nn.CrossEntropyLoss(), optimizer, epochs, report=Reporter(), **options)
    return model, history


def histories(column, values):
    history = History()
    for k, value in enumerate(values, 1):
        history.append({"epoch": k, column: value})
        yield history


def first(rule, column, values):
    return next((k for k, h in enumerate(histories(column, values)) if rule(h)), None)


def test_early_stopping_is_strict_and_knows_what_is_better() -> None:
    assert first(EarlyStopping(2, "validation_accuracy"), "validation_accuracy", [0.5, 0.6, 0.6, 0.6, 0.9]) == 3
    assert first(EarlyStopping(2, "validation_loss"), "validation_loss", [3, 2, 2.5, 1, float("nan"), 1]) == 5
    assert first(EarlyStopping(1, "score", "min"), "score", [3.0, 2.0, 2.5]) == 2


def test_rules_end_a_training_with_their_reason() -> None:
    _, history = train(lr=0.0, stop=RelativeDrop(window=2, drop=0.1))
    assert (len(history), history.stopped) == (3, "train_loss fell by less than 0.1 of itself in 2 epochs")
    _, history = train(stop=lambda h: h["epoch"][-1] == 4)
    assert (len(history), history.stopped) == (4, "by its rule")
    with pytest.raises(ArgumentError, match="'x' is no column"):
        train(stop=EarlyStopping(1, "x"))


def test_schedules_and_callbacks_in_the_loop() -> None:
    model = nn.Linear(2, 2)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    rates = []
    options = {"report": Reporter(), "callbacks": [lambda row: rates.append(optimizer.param_groups[0]["lr"])]}
    loss = nn.CrossEntropyLoss()
    fit(model, (X, Y), loss, optimizer, 3, schedule=optim.ExponentialLR(optimizer, 0.5), **options)
    assert rates == [0.5, 0.25, 0.125]
    schedule = optim.ReduceLROnPlateau(optimizer, patience=0)
    optimizer.param_groups[0]["lr"] = 0.0
    fit(model, (X, Y), loss, optimizer, 3, schedule=schedule, monitor="train_loss", **options)
    assert (schedule.num_bad_epochs, schedule.best) == (0, pytest.approx(evaluate(model, (X, Y), loss)["loss"]))


def test_metrics_over_all_rows_are_not_means_of_batches() -> None:
    model, _ = train(epochs=1, metrics={"auc": auc, "f1": f1})
    scores = np.asarray(model(X).detach().numpy())
    small = evaluate(model, (X, Y), nn.CrossEntropyLoss(), {"auc": auc, "f1": f1}, batch_size=1)
    assert small["auc"] == auc(scores, Y) and small["f1"] == f1(scores, Y)


def test_auc_is_the_share_of_pairs_in_order() -> None:
    scores, labels = RNG.integers(0, 6, size=60).astype(float), RNG.integers(0, 2, size=60)
    pairs = scores[labels == 1][:, None] - scores[labels == 0]
    assert auc(scores, labels) == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)), rel=1e-12)
    assert auc(np.stack([-scores, scores], 1), labels) == auc(scores, labels)


def test_precision_recall_f1() -> None:
    found, labels = [0, 1, 1, 2, 2, 2, 0], [0, 1, 0, 2, 1, 2, 0]
    each = precision_recall_f1(found, labels, None)
    np.testing.assert_allclose(each.precision, [1, 1 / 2, 2 / 3])
    np.testing.assert_allclose(each.recall, [2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(each.f1, [4 / 5, 1 / 2, 4 / 5])
    assert precision_recall_f1(found, labels).f1 == pytest.approx(0.7)
    assert precision_recall_f1(found, labels, "micro") == pytest.approx((5 / 7, 5 / 7, 5 / 7))
    assert precision_recall_f1([0, 0], [0, 0], "binary") == (0, 0, 0)
    np.testing.assert_array_equal(precision_recall_f1([0], [0], None, classes=3).precision, [1, 0, 0])


def test_further_metrics() -> None:
    scores = np.array([[0.5, 0.3, 0.2], [0.5, 0.2, 0.3], [0.1, 0.1, 0.8]])
    assert [top_k_accuracy(scores, [1, 1, 0], k) for k in (1, 2, 3)] == [0, pytest.approx(1 / 3), 1]
    assert mean_absolute_error([[1.0], [2.0]], [[0.0], [4.0]]) == 1.5
    assert r2([2.0, 2.0], [1.0, 3.0]) == 0.0
    assert (r2([1.0, 1.0], [1.0, 1.0]), r2([2.0, 1.0], [1.0, 1.0])) == (1.0, 0.0)


def test_calibration_and_perplexity() -> None:
    logits, labels = RNG.normal(size=(200, 3)) * 2, RNG.integers(0, 3, size=200)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert perplexity(logits, labels) == pytest.approx(np.exp(-np.log(p[np.arange(200), labels]).mean()), rel=1e-12)
    confidence, right = p.max(1), p.argmax(1) == labels
    gap = 0.0
    for low in np.arange(10) / 10:
        here = (confidence >= low) & (confidence < low + 0.1)
        if here.any():
            gap += here.mean() * abs(right[here].mean() - confidence[here].mean())
    assert calibration_error(logits, labels) == pytest.approx(gap, rel=1e-9)


def test_the_finder_leaves_everything_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    before, state = model.state_dict(), wg.random.get_rng_state()
    found = find_learning_rate(model, (X, Y), nn.CrossEntropyLoss(), optimizer, end=1e4, batch_size=8)
    assert len(found.rates) < 100 and 1e-3 < found.suggestion < 100
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    np.testing.assert_array_equal(wg.random.get_rng_state(), state)
    assert optimizer.param_groups[0]["lr"] == 0.3 and not optimizer.state and model[0].weight.grad is None
    with pytest.raises(ArgumentError, match="0 < start < end"):
        find_learning_rate(model, (X, Y), nn.CrossEntropyLoss(), optimizer, start=1.0, end=0.1)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: EarlyStopping(0, "train_loss"), ArgumentError, "patience=0"),
        (lambda: RelativeDrop(0), ArgumentError, "window=0"),
        (lambda: auc([0.1, 0.2], [1, 1]), ArgumentError, "at least one of each"),
        (lambda: auc([[0.1, 0.2, 0.3]], [1]), ShapeError, "auc: got scores"),
        (lambda: top_k_accuracy([1.0], [0]), ShapeError, "needs .N, C."),
        (lambda: r2([1.0], [[1.0]]), ShapeError, "needs equal shapes"),
        (lambda: precision_recall_f1([2], [0], "binary"), ArgumentError, "'binary' for two"),
    ],
)
def test_words(call, kind, words) -> None:
    with pytest.raises(kind, match=words):
        call()
