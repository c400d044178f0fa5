"""`train_table` and `TableModel`: learns, fits on the training part only, and its file is data that is checked."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save_file

import wengert as wg
from wengert.base.errors import ArgumentError, FileFormatError
from wengert.data import table
from wengert.train import TableModel, read_weights, train_table

RNG = np.random.default_rng(0)
N = 240


def homes(n: int = N):
    """Prices that depend on a number, a category and a boolean, with gaps."""
    rng = np.random.default_rng(3)
    area, town, garden = rng.uniform(30, 200, n), rng.choice(["Bonn", "Köln", "Trier"], n), rng.random(n) < 0.4
    factor = np.select([town == "Bonn", town == "Köln"], [1.2, 1.5], 0.9)
    price = 1500 * area * factor + 20_000 * garden + rng.normal(0, 3000, n)
    return {"area": np.where(rng.random(n) < 0.05, np.nan, area), "town": town, "garden": garden, "price": price}


COLUMNS = homes()
HOMES = table(COLUMNS)
FAST = {"epochs": 60, "hidden": (32,), "lr": 0.01, "patience": 0}


@pytest.fixture(scope="module")
def trained():
    return train_table(HOMES, "price", **FAST)


def test_regression_is_learned_in_its_own_units(trained) -> None:
    assert trained.model.target.task == "regression"
    assert trained.test.metrics["r2"] > 0.9 > 0.1 > trained.test.baseline["r2"]
    assert trained.test.metrics["mean absolute error"] < 0.25 * trained.test.baseline["mean absolute error"]
    assert sum(trained.rows) == N and trained.rows[2] == 48
    found = np.array(trained.model.predict(HOMES).values)
    assert np.corrcoef(found, COLUMNS["price"])[0, 1] > 0.97
    assert any("'area'" in note and "missing, taken for the mean" in note for note in trained.notes)


def test_the_seed_repeats_it_and_another_does_not(trained) -> None:
    again, other = train_table(HOMES, "price", **FAST), train_table(HOMES, "price", seed=1, **FAST)
    assert again.model.predict(HOMES).values == trained.model.predict(HOMES).values
    assert other.model.predict(HOMES).values != trained.model.predict(HOMES).values


def test_nothing_is_learned_from_the_test_part() -> None:
    """Other values in the test rows change neither encoding nor weights."""
    made = train_table(HOMES, "price", **FAST)
    train, valid, test = wg.data.stratified_split(np.zeros(N, int), (1 - 0.15 - 0.2, 0.15, 0.2), 0)
    changed = {name: np.array(values) for name, values in COLUMNS.items()}
    changed["area"][test] = 1e4
    changed["price"][test] *= 7
    again = train_table(table(changed), "price", **FAST)
    assert again.model.encoder.state_dict() == made.model.encoder.state_dict()
    assert again.model.target == made.model.target
    for name, value in made.model.network.state_dict().items():
        np.testing.assert_array_equal(again.model.network.state_dict()[name], value)
    assert again.test.metrics != made.test.metrics


@pytest.mark.parametrize(
    ("values", "options", "task", "classes"),
    [
        (RNG.normal(size=60), {}, "regression", ()),
        (RNG.integers(0, 4, 60), {}, "classification", ("0", "1", "2", "3")),
        (RNG.integers(8, 12, 60), {}, "classification", ("8", "9", "10", "11")),  # by value, not by letter
        (np.arange(60), {}, "regression", ()),
        (RNG.integers(0, 4, 60), {"task": "regression"}, "regression", ()),
        (RNG.integers(0, 4, 60) / 4, {}, "regression", ()),
        (RNG.integers(0, 3, 60) / 4, {"task": "classification"}, "classification", ("0", "0.25", "0.5")),
        (RNG.random(60) < 0.5, {}, "classification", ("false", "true")),
        (RNG.choice(["yes", "no", "perhaps"], 60), {}, "classification", ("no", "perhaps", "yes")),
    ],
)
def test_the_task_is_found(values, options, task, classes) -> None:
    made = train_table(table({"x": RNG.normal(size=60), "y": values}), "y", epochs=1, **options)
    target = made.model.target
    assert target.task == task and sorted(target.classes) == sorted(classes)
    assert target.classes == classes or not all(c.isdigit() for c in classes)
    assert ("auc" in made.test.metrics) == (len(classes) == 2)


def test_rows_without_a_target_are_left_out() -> None:
    price = COLUMNS["price"].copy()
    price[:20] = np.nan
    made = train_table(table({**COLUMNS, "price": price}), "price", epochs=1)
    assert sum(made.rows) == N - 20
    assert "'price': 20 missing, these rows are left out" in made.notes


def test_the_file_holds_everything(trained, tmp_path) -> None:
    path = trained.model.save(tmp_path / "homes.safetensors")
    loaded = TableModel.load(path)
    assert loaded.predict(HOMES).values == trained.model.predict(HOMES).values
    assert loaded.target == trained.model.target and loaded.about == json.loads(json.dumps(trained.model.about))
    assert loaded.evaluate(HOMES).metrics == trained.model.evaluate(HOMES).metrics
    arrays, texts = read_weights(path)
    assert set(arrays) == {"0.weight", "0.bias", "2.weight", "2.bias"} and texts["version"] == "1"


def rewritten(trained, folder, change, arrays=None, **texts):
    """The model's file with a part of its description changed."""
    found, described = read_weights(trained.model.save(folder / "good.safetensors"))
    if change is not None:
        part, key, value = change
        state = json.loads(described[part])
        state[key] = value
        described[part] = json.dumps(state)
    described |= texts
    save_file({**found, **(arrays or {})}, folder / "bad.safetensors", {k: v for k, v in described.items() if v != "-"})
    return folder / "bad.safetensors"


@pytest.mark.parametrize(
    ("change", "more", "words"),
    [
        (None, {"format": "-"}, "is no model for tables"),
        (None, {"version": "2"}, "is in version '2' of the format; this program reads 1"),
        (None, {"target": "-"}, "has no 'target'"),
        (None, {"input": "[" * 100_000}, "description does not fit"),
        (None, {"about": '{"a": NaN}'}, "it holds NaN"),
        (None, {"about": "[]"}, "it is no JSON object"),
        (("architecture", "sizes", [5, 10**9, 1]), {}, "weights '0.weight' are float32"),
        (("architecture", "sizes", [5, 32, 32, 1]), {}, "weights '4.bias' are missing"),
        (("architecture", "sizes", [7, 32, 1]), {}, "7 inputs and 1 outputs for"),
        (("architecture", "sizes", [5, 32, 2]), {}, "5 inputs and 2 outputs for 5 and 1"),
        (("architecture", "sizes", [5, -32, 1]), {}, "layers of sizes"),
        (("architecture", "sizes", [5, 1e400, 1]), {}, "it holds Infinity"),
        (("architecture", "sizes", 5), {}, "not iterable"),
        (("architecture", "activation", "os.system"), {}, "activation 'os.system'"),
        (("architecture", "dropout", 0.5), {}, "are too much"),
        (("input", "plans", []), {}, "its columns are none"),
        (("target", "deviation", 0.0), {}, "impossible figures"),
        (("target", "task", "clustering"), {}, "described wrongly"),
        (("target", "task", "classification"), {}, "0 classes for classification|usual class"),
        (("target", "name", 5), {}, "described wrongly"),
        (("about", "reading", {"path": "/etc/passwd"}), {}, "how its table was written"),
        (("about", "reading", {"missing": "x"}), {}, "how its table was written"),
        (None, {"arrays": {"stray": np.zeros(3, np.float32)}}, "'stray' are too much"),
        (None, {"arrays": {"2.bias": np.array([np.nan], np.float32)}}, "'2.bias' hold NaN"),
        (None, {"arrays": {"2.bias": np.zeros(1)}}, "'2.bias' are float64"),
        (None, {"arrays": {"2.bias": np.zeros(2, np.float32)}}, "'2.bias' are float32\\[2\\], needs float32\\[1\\]"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(trained, tmp_path, change, more, words) -> None:
    path = rewritten(trained, tmp_path, change, **more)
    with pytest.raises(FileFormatError, match=words):
        TableModel.load(path)


def test_damaged_files_are_refused(trained, tmp_path) -> None:
    content = trained.model.save(tmp_path / "good.safetensors").read_bytes()
    giant = json.dumps({"w": {"dtype": "F32", "shape": [2**40, 2**20], "data_offsets": [0, 4]}}).encode()
    spoilt = {
        "empty": b"", "cut": content[:-5], "head": content[:40], "longer": content + b"x", "text": b"a,b\n1,2\n" * 99,
        "length": struct.pack("<Q", 2**60) + content[8:], "giant": struct.pack("<Q", len(giant)) + giant + b"\0" * 4,
    }  # fmt: skip
    for name, damaged in spoilt.items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match="no readable safetensors file"):
            TableModel.load(path)
    rng = np.random.default_rng(1)
    for _ in range(300):  # one byte changed: refused, or the same kind of model
        changed = bytearray(content)
        changed[rng.integers(len(content))] = rng.integers(256)
        (tmp_path / "changed").write_bytes(changed)
        try:
            TableModel.load(tmp_path / "changed")
        except FileFormatError:
            continue


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        ({}, {"target": "prices"}, "has no column 'prices'"),
        ({}, {"exclude": ("gardens",)}, "has no column 'gardens'"),
        ({}, {"hiden": (3,)}, "'hiden' is no setting"),
        ({}, {"hidden": (2**20, 2**20)}, "hidden: layers of .* weights; at most"),
        ({}, {"lr": float("nan")}, "lr: got nan; needs a number above 0"),
        ({}, {"validation": 0.5, "test": 0.5}, "test: got 0.5; needs a fraction above 0; with validation below 1"),
        ({}, {"task": "clustering"}, "task: got 'clustering'; needs one of auto"),
        ({}, {"target": "town", "task": "regression"}, "holds texts such as '.*'; regression needs numbers"),
        ({"price": [1.5] * N}, {}, "does not vary"),
        ({"price": [1.0] * N}, {"task": "classification"}, "'1' in every row"),
        ({"price": np.linspace(-1, 1, N) * 1.7e308}, {}, "too large"),
        ({"town": ["Bonn"] * (N - 1) + ["Ulm"]}, {"target": "town"}, "class 'Ulm' has fewer than 3 rows"),
        ({"price": [np.nan] * (N - 3) + [1.0, 2, 3]}, {}, "has 3 rows with a target; needs at least 10"),
        ({}, {"exclude": ("area", "town", "garden")}, "no column is of use: there is none"),
    ],
)
def test_what_cannot_be_trained_is_named(change, settings, words) -> None:
    settings = dict(settings)
    target = settings.pop("target", "price")
    with pytest.raises(ArgumentError, match=words):
        train_table(table({**COLUMNS, **change}), target, **settings)


def test_what_does_not_fit_the_model_is_named(trained) -> None:
    towns = train_table(HOMES, "town", epochs=1).model
    with pytest.raises(
        ArgumentError, match="row 0, column 'town' holds 'Ulm'; the classes are 'Bonn', 'Köln', 'Trier'"
    ):
        towns.evaluate(table({**{k: v[:2] for k, v in COLUMNS.items()}, "town": ["Ulm", "Bonn"]}))
    with pytest.raises(ArgumentError, match="column 'price' has no values"):
        trained.model.evaluate(table({**{k: v[:2] for k, v in COLUMNS.items()}, "price": [np.nan] * 2}))
    few = trained.model.evaluate(table({**{k: v[:3] for k, v in COLUMNS.items()}, "price": [np.nan, 5.0, 6.0]}))
    assert few.rows == 2
    probabilities = towns.predict(HOMES).probabilities
    assert probabilities.shape == (N, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
