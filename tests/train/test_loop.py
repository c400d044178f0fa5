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


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gathered_batches_move_as_one(reduction) -> None:
    """Seven batches of 16 and one of 8, gathered by three: 48, 48 and 24 rows."""
    states = []
    for size, gathered in ((48, 1), (16, 3)):
        wg.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)).to("float64")
        data = batches(X.astype(np.float64), Y, batch_size=size, shuffle=False)
        optimizer = optim.SGD(model.parameters(), lr=0.05 if reduction == "mean" else 0.001, momentum=0.9)
        schedule = optim.ExponentialLR(optimizer, 0.9)
        history = fit(
            model, data, nn.CrossEntropyLoss(reduction=reduction), optimizer, 3, accumulate=gathered, clip_norm=0.5,
            schedule=schedule, schedule_every="batch",
        )  # fmt: skip
        assert schedule.last_epoch == 9
        states.append((model.state_dict(), history["train_loss"]))
    for name, value in states[0][0].items():
        np.testing.assert_allclose(states[1][0][name], value, rtol=1e-10, atol=1e-12)
    assert states[1][1] == pytest.approx(states[0][1], rel=1e-9)


def test_gathering_and_checkpoints_must_agree(tmp_path) -> None:
    model, loss, optimizer = make()
    for options in ({"accumulate": 0}, {"accumulate": 2, "checkpoint_every": 3, "checkpoint": tmp_path / "c"}):
        with pytest.raises(ArgumentError, match="fit: got accumulate="):
            fit(model, (X, Y), loss, optimizer, 1, **options)


def test_gathering_resumes_bit_for_bit(tmp_path) -> None:
    class Stop(Exception):
        pass

    def run(path, stop_at=None, resume=False):
        model, loss, optimizer = make()
        seen = []

        class Watch(Reporter):
            def batch(self, epoch, done):
                seen.append(done)
                if len(seen) == stop_at:
                    raise Stop

        fit(model, (X, Y), loss, optimizer, 3, batch_size=16, accumulate=2, checkpoint=path, checkpoint_every=2,
            report=Watch(), resume=resume)  # fmt: skip
        return model.state_dict()

    wanted = run(tmp_path / "a")
    with pytest.raises(Stop):
        run(tmp_path / "b", stop_at=13)  # in the middle of a group
    found = run(tmp_path / "b", resume=True)
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value)
