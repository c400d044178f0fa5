"""`fit`: learns, keeps the best, stops, and names what went bad."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.base.errors import ArgumentError, NonFiniteError
from wengert.data import batches
from wengert.train import Reporter, evaluate, fit
from wengert.train.loop import Best

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 2)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)  # XOR by signs


def make(seed=0):
    wg.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 2))
    return model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.02)


def test_it_learns_and_the_seed_repeats_it() -> None:
    model, loss, optimizer = make()
    history = fit(model, (X[:100], Y[:100]), loss, optimizer, 40, validation=(X[100:], Y[100:]), batch_size=20)
    assert history["train_accuracy"][-1] > 0.95
    assert history.columns == ["epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
                               "seconds"]  # fmt: skip
    assert not model.training
    again, loss, optimizer = make()
    other = fit(again, (X[:100], Y[:100]), loss, optimizer, 40, validation=(X[100:], Y[100:]), batch_size=20)
    assert other["train_loss"] == history["train_loss"]


def test_the_best_epoch_is_given_back() -> None:
    model, loss, optimizer = make()
    part = X[100:], Y[100:]
    history = fit(model, (X[:100], Y[:100]), loss, optimizer, 30, validation=part)
    best = max(history["validation_accuracy"])
    assert history.best_score == best
    assert history.best_epoch == history["validation_accuracy"].index(best) + 1  # the first: strict improvement
    assert evaluate(model, part, loss)["accuracy"] == pytest.approx(best)


def test_best_is_strict_and_a_copy() -> None:
    model, best = nn.Linear(1, 1), Best()
    for epoch, score in enumerate([0.5, 0.62, 0.6, 0.71, 0.7, 0.71, float("nan")]):
        nn.init.constant_(model.weight, epoch)
        best.update(score, epoch, model)
    assert (best.epoch, best.score) == (3, 0.71)
    assert best.state["weight"] == 3


def test_patience() -> None:
    model, loss, _ = make()
    frozen = optim.SGD(model.parameters(), lr=0.0)
    history = fit(model, (X, Y), loss, frozen, 50, validation=(X, Y), patience=3)
    assert len(history) == 4
    assert history.stopped == "after 3 epochs without improvement"


class Interrupt(Reporter):
    def __init__(self, at: int) -> None:
        self.at = at
        self.ended = False

    def batch(self, epoch: int, done: int) -> None:
        if epoch == self.at:
            raise KeyboardInterrupt

    def end(self) -> None:
        self.ended = True


def test_ctrl_c_keeps_the_best() -> None:
    model, loss, optimizer = make()
    report = Interrupt(4)
    history = fit(model, (X, Y), loss, optimizer, 10, validation=(X, Y), report=report)
    assert (len(history), history.stopped, report.ended) == (3, "by an interruption", True)
    assert evaluate(model, (X, Y), loss)["accuracy"] == pytest.approx(history.best_score)


def test_regression_by_the_loss() -> None:
    model = nn.Linear(2, 1)
    y = (X @ np.array([[1.0], [-2.0]], np.float32)).astype(np.float32)
    history = fit(model, batches(X, y, batch_size=10), nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), 20)
    assert history.columns == ["epoch", "train_loss", "seconds"]
    assert history["train_loss"][-1] < 1e-6


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda m, x: x.__setitem__((3, 1), np.nan), "first bad is array 0 of the data"),
        (lambda m, x: nn.init.constant_(m[3].bias, np.nan), "first bad is the parameter '3.bias'"),
        (lambda m, x: nn.init.constant_(m[3].weight, 3e38), "first bad is the line"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_is_named(spoil, words) -> None:
    model, loss, optimizer = make()
    x = X.copy()
    spoil(model, x)
    with pytest.raises(NonFiniteError, match="epoch 1, batch 1") as caught:
        fit(model, (x, Y), loss, optimizer, 2, batch_size=120)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"epochs": -1}, "got epochs=-1"),
        ({"patience": 0}, "patience=0"),
        ({"monitor": "validation_loss", "epochs": 1}, "monitor='validation_loss' is no column"),
        ({"data": X}, "data must be a pair"),
    ],
)
def test_words(arguments, words) -> None:
    model, loss, optimizer = make()
    with pytest.raises(ArgumentError, match=words):
        fit(**{"model": model, "data": (X, Y), "loss": loss, "optimizer": optimizer, **arguments})
