"""`Trainer`: trains on where it stopped, and comes back from a file as it was."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.base.errors import ArgumentError, FileFormatError
from wengert.train import Trainer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.int64)


def make(seed: int = 0, **options) -> Trainer:
    wg.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    schedule = optim.ExponentialLR(optimizer, 0.95)
    return Trainer(model, nn.CrossEntropyLoss(), optimizer, schedule=schedule, batch_size=10, **options)


def test_it_counts_on() -> None:
    trainer = make()
    assert len(trainer.fit((X, Y), 3)) == 3
    history = trainer.fit((X, Y), 4, validation=(X, Y))
    assert history["epoch"] == list(range(1, 8)) and history is trainer.history
    assert 4 <= history.best_epoch <= 7
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.02 * 0.95**7)
    assert trainer.evaluate((X, Y))["accuracy"] > 0.8


def test_every_call_meets_its_rows_in_another_order() -> None:
    orders = []

    class Watch(nn.CrossEntropyLoss):
        def forward(self, x, y):
            orders.append(y.tolist())
            return super().forward(x, y)

    trainer = make()
    trainer.loss = Watch()
    trainer.fit((X, Y), 1)
    first, orders = list(orders), []
    trainer.fit((X, Y), 1)
    assert len(first) == len(orders) == 9 and first != orders


def test_predictions_do_not_depend_on_the_batch() -> None:
    trainer = make()
    trainer.model.train()
    whole = trainer.predict(X)
    np.testing.assert_allclose(trainer.predict(X, batch_size=7), whole, rtol=1e-6)
    assert whole.shape == (90, 2) and trainer.model.training
    with pytest.raises(ArgumentError, match="got no rows"):
        trainer.predict(X[:0])


def test_saved_and_loaded_it_goes_on_bit_for_bit(tmp_path) -> None:
    trainer = make()
    trainer.fit((X, Y), 3)
    path = trainer.save(tmp_path / "trainer")
    trainer.fit((X, Y), 3)
    other = make(seed=5)
    other.load(path)
    assert len(other.history) == 3
    other.fit((X, Y), 3)
    assert other.history["train_loss"] == trainer.history["train_loss"]
    for name, value in trainer.model.state_dict().items():
        np.testing.assert_array_equal(other.model.state_dict()[name], value)
    path.write_bytes(b"nothing")
    with pytest.raises(FileFormatError):
        other.load(path)
    assert len(other.history) == 6
