"""Weights and histories in files: they go round, damage is refused, nothing is left half written."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from wengert import nn
from wengert.base.errors import ArgumentError, FileFormatError
from wengert.train import History, load_weights, plot_history, read_weights, save_weights


def make():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def test_round_trip_with_metadata(tmp_path) -> None:
    a, b = make(), make()
    path = save_weights(a, tmp_path / "deep" / "weights.safetensors", {"classes": "a,b"})
    assert load_weights(b, path)["classes"] == "a,b"
    for name, value in a.state_dict().items():
        np.testing.assert_array_equal(b.state_dict()[name], value)
    assert os.listdir(path.parent) == ["weights.safetensors"]


def test_special_shapes(tmp_path) -> None:
    state = {"scalar": np.float32(2.5), "empty": np.zeros((0, 3)), "turned": np.arange(6.0).reshape(2, 3).T}
    found, _ = read_weights(save_weights(state, tmp_path / "x.safetensors"))
    for name, value in state.items():
        np.testing.assert_array_equal(found[name], value)


def test_a_misfit_changes_nothing(tmp_path) -> None:
    path = save_weights(nn.Linear(3, 4), tmp_path / "x.safetensors")
    model = make()
    before = model.state_dict()
    with pytest.raises(ArgumentError, match="nothing was changed; missing '0.weight'"):
        load_weights(model, path)
    np.testing.assert_array_equal(model.state_dict()["0.weight"], before["0.weight"])


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"\xff" * 40])
def test_damaged_files_are_refused(tmp_path, damage) -> None:
    path = save_weights(make(), tmp_path / "x.safetensors")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FileFormatError, match=r"x.safetensors' is no readable safetensors file"):
        load_weights(make(), path)
    with pytest.raises(FileNotFoundError):
        load_weights(make(), tmp_path / "none.safetensors")


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch) -> None:
    path = save_weights(make(), tmp_path / "x.safetensors")
    before = path.read_bytes()

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_weights(make(), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["x.safetensors"]


def history():
    h = History()
    h.append({"epoch": 1, "train_loss": 1.0})
    h.append({"epoch": 2, "train_loss": 0.5, "validation_loss": 0.25})
    h.best_epoch = 2
    return h


def test_history_as_csv(tmp_path) -> None:
    path = history().write_csv(tmp_path / "h.csv")
    assert path.read_text() == "epoch,train_loss,validation_loss\n1,1.0,\n2,0.5,0.25\n"


def test_history_as_json_lines(tmp_path) -> None:
    h = history()
    h.append({"epoch": np.int64(3), "train_loss": float("nan")})
    lines = h.write_jsonl(tmp_path / "h.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines][1:] == [
        {"epoch": 2, "train_loss": 0.5, "validation_loss": 0.25},
        {"epoch": 3, "train_loss": None},
    ]


def test_curves(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    assert plot_history(history(), tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ArgumentError, match="the history has no rows"):
        plot_history(History(), tmp_path / "d.png")
