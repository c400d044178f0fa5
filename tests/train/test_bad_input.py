"""What `fit` is given wrongly: a clear error, and nothing lost."""

from __future__ import annotations

import os

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.base.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from wengert.train import fit, load_checkpoint, read_checkpoint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype(np.float32)
Y = np.arange(20) % 2
BAD = X.copy()
BAD[7, 1] = np.nan


def state(model):
    return {name: np.array(value) for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    ("x", "y", "validation", "error", "words"),
    [
        (X, Y + 1, None, ArgumentError, "got the label 2 for classes 0 to 1"),
        (X, Y - 1, None, ArgumentError, "got the label -1 for classes 0 to 1"),
        (X[:, :2], Y, None, ShapeError, "needs 3 features"),
        (X[:0], Y[:0], None, ArgumentError, "got no rows"),
        (X, Y[:10], None, ShapeError, "needs arrays with equally many rows"),
        (X, Y[:, None], None, ShapeError, r"needs \(N, C\) and \(N,\)"),
        (BAD, Y, None, NonFiniteError, "first bad is array 0 of the data, in row [0-9]+ of the batch"),
        (X, Y, (BAD, Y), NonFiniteError, "fit: the validation array 0 holds NaN or infinity in row 7"),
        (X, Y, (X[:0], Y[:0]), ArgumentError, "got no rows"),
        (X, Y, X, ArgumentError, r"must be a pair \(inputs, targets\)"),
        (X.astype(object), Y, None, DTypeError, "array 0 holds Python objects"),
        (X, ["a"] * 20, None, DTypeError, "needs integer label indices"),
    ],
)
def test_data_that_does_not_fit(x, y, validation, error, words) -> None:
    model = nn.Linear(3, 2)
    before = state(model)
    with pytest.raises(error, match=words):
        fit(model, (x, y), nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), 3, validation=validation)
    for name, value in state(model).items():
        np.testing.assert_array_equal(value, before[name])


def test_nan_is_found_in_the_row_of_the_data() -> None:
    """Batches in their order: the row of the batch is that of the data."""
    model = nn.Linear(3, 2)
    data = wg.data.batches(BAD, Y, batch_size=20, shuffle=False)
    with pytest.raises(NonFiniteError, match="array 0 of the data, in row 7 of the batch"):
        fit(model, data, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), 1)


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path, monkeypatch) -> None:
    path = tmp_path / "run"
    model = nn.Linear(3, 2)
    optimizer = optim.Adam(model.parameters())
    sync, written = os.fsync, []

    def full_after_three(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) > 6:  # each checkpoint: the file, then its folder
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full_after_three)
    with pytest.raises(OSError, match="No space left"):
        fit(model, (X, Y), nn.CrossEntropyLoss(), optimizer, 10, checkpoint=path)
    monkeypatch.undo()
    assert len(read_checkpoint(path)["training"]["rows"]) == 3 and os.listdir(tmp_path) == ["run"]
    other = nn.Linear(3, 2)
    history = fit(
        other, (X, Y), nn.CrossEntropyLoss(), optim.Adam(other.parameters()), 10, checkpoint=path, resume=True
    )
    assert history["epoch"] == list(range(1, 11))


def test_a_checkpoint_of_another_model_is_refused(tmp_path) -> None:
    path = tmp_path / "run"
    for size in (2, 3):
        model = nn.Linear(3, size)
        before = state(model)
        run = {"checkpoint": path, "resume": True}
        if size == 2:
            fit(model, (X, Y), nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), 2, **run)
        else:
            with pytest.raises(ArgumentError, match="'model' does not fit, nothing was changed: .*'weight'"):
                fit(model, (X, Y), nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), 2, **run)
            for name, value in state(model).items():
                np.testing.assert_array_equal(value, before[name])
    model = nn.Linear(3, 2)
    assert "training" in load_checkpoint(path, model=model)
