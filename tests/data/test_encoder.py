"""`ColumnEncoder`: fitted on one part, applied to others, kept in JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

import wengert as wg
from wengert.base.errors import ArgumentError, FileFormatError
from wengert.data import ColumnEncoder, table

NAN = float("nan")
TRAIN = table({
    "size": [1.0, 2.0, NAN, 3.0], "town": ["Bonn", "Köln", "", "Bonn"], "open": [True, True, False, True],
    "tag": ["a", "b", "a", "b"], "same": [7, 7, 7, 7], "void": [NAN] * 4,
})  # fmt: skip


def test_figures_are_those_of_the_training_part() -> None:
    encoder = ColumnEncoder().fit(TRAIN)
    assert encoder.inputs == ["size", "town=Bonn", "town=Köln", "town missing", "open", "tag=a", "tag=b"]
    assert encoder.left_out == {"same": "is the same in every row", "void": "is empty"}
    made = encoder(TRAIN)
    scale = np.sqrt(2 / 3)
    np.testing.assert_allclose(made[:, 0], [-1 / scale, 0, 0, 1 / scale], rtol=1e-6)
    assert made[:, 1:].tolist() == [[1, 0, 0, 1, 1, 0], [0, 1, 0, 1, 0, 1], [0, 0, 1, 0, 1, 0], [1, 0, 0, 1, 0, 1]]
    assert made.dtype == np.float32


OTHER = table({"size": [NAN, 2.0], "town": ["Trier", ""], "open": [0, 1], "tag": ["", "c"], "more": [1, 2]})


def test_new_categories_and_missing_values_are_said() -> None:
    encoder = ColumnEncoder().fit(TRAIN)
    assert encoder(OTHER).tolist() == [[0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0]]
    assert encoder.remarks(OTHER) == [
        "'size': 1 missing, taken for the mean, 2",
        "'town': 1 missing, taken for a category of their own",
        "'town': 1 rows of categories that the training part had not ('Trier'), taken for none of the known",
        "'tag': 1 missing, taken for none of the known categories",
        "'tag': 1 rows of categories that the training part had not ('c'), taken for none of the known",
    ]
    assert encoder.remarks(TRAIN)[:1] == ["'size': 1 missing, taken for the mean, 2"]
    strict = ColumnEncoder(unknown="error").fit(TRAIN)
    with pytest.raises(ArgumentError, match="row 0, column 'town' holds 'Trier'; the training part had no such"):
        strict(OTHER)


def test_texts_that_name_rows_are_left_out() -> None:
    names = [f"n{k}" for k in range(60)]
    half = [f"n{k % 35}" for k in range(60)]
    few = [f"n{k % 20}" for k in range(60)]
    encoder = ColumnEncoder().fit(table({"name": names, "half": half, "few": few}))
    assert encoder.columns == ["few"]
    assert encoder.left_out == {
        "name": "holds 60 different texts, more than 50 categories", "half": "holds 35 different texts in 60 rows",
    }  # fmt: skip


def test_the_state_goes_through_json() -> None:
    encoder = ColumnEncoder(9, "error").fit(TRAIN)
    other = ColumnEncoder()
    other.load_state_dict(json.loads(json.dumps(encoder.state_dict())))
    np.testing.assert_array_equal(other(TRAIN), encoder(TRAIN))
    assert other.state_dict() == encoder.state_dict() and other.unknown == "error"


def broken(**changes):
    state = ColumnEncoder().fit(TRAIN).state_dict()
    state["plans"][0] |= changes
    return state


@pytest.mark.parametrize(
    "state",
    [
        {}, {"plans": []}, {"plans": 3}, broken(kind="date"), broken(scale=0.0), broken(scale="big"), broken(shift=NAN),
        broken(categories=["a"]), broken(name=3), broken(missing=1), broken(stray=1), broken(name="town"),
        {**broken(), "plans": []}, {**broken(), "unknown": "guess"},
    ],
)  # fmt: skip
def test_a_wrong_state_is_refused_and_changes_nothing(state) -> None:
    encoder = ColumnEncoder().fit(TRAIN)
    before = encoder.state_dict()
    with pytest.raises(FileFormatError):
        encoder.load_state_dict(state)
    assert encoder.state_dict() == before


def test_what_cannot_be_encoded_is_named() -> None:
    encoder = ColumnEncoder().fit(TRAIN)
    with pytest.raises(ArgumentError, match="has no column 'town'"):
        encoder(table({"size": [1.0]}))
    with pytest.raises(ArgumentError, match="column 'size' holds values of kind category; needs number"):
        encoder(table({"size": ["big"], "town": ["Bonn"], "open": [True], "tag": ["a"]}))
    with pytest.raises(ArgumentError, match="row 1, column 'size' holds 1e\\+60, too far from the mean"):
        encoder(table({"size": [1.0, 1e60], "town": ["Bonn"] * 2, "open": [True] * 2, "tag": ["a"] * 2}))
    with pytest.raises(ArgumentError, match="column 'x' .* cannot be standardised"):
        ColumnEncoder().fit(table({"x": [1e308, -1e308]}))
    with pytest.raises(ArgumentError, match="no column is of use: 'x' is the same in every row"):
        ColumnEncoder().fit(table({"x": [1, 1]}))
    with pytest.raises(ArgumentError, match=r"call fit\(training part\) first"):
        ColumnEncoder()(TRAIN)
    with pytest.raises(ArgumentError):
        wg.data.ColumnEncoder(unknown="maybe")
