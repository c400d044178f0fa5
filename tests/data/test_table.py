"""Tables from arrays, and what is taken from them."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.base.errors import ArgumentError, DTypeError, ShapeError

TABLE = wg.data.table({"n": [3, 1, 2], "word": ["b", "", "a"], "flag": [True, False, True], "x": [0.5, np.nan, 1e20]})


def test_arrays_become_columns() -> None:
    assert {c.name: c.kind for c in TABLE} == {"n": "number", "word": "category", "flag": "boolean", "x": "number"}
    assert TABLE["word"].texts == ["b", "", "a"] and TABLE["word"].missing.tolist() == [False, True, False]
    assert TABLE["x"].texts == ["0.5", "", "1e+20"] and TABLE["n"].texts == ["3", "1", "2"]
    np.testing.assert_array_equal(TABLE.numbers("n", "flag"), [[3, 1], [1, 0], [2, 1]])
    assert TABLE.numbers().shape == (3, 3)


def test_rows_are_taken_by_place_or_mask() -> None:
    for chosen in ([0, 2], [True, False, True]):
        part = TABLE.take(chosen)
        assert len(part) == 2 and part["n"].texts == ["3", "2"] and part["word"].texts == ["b", "a"]


def test_categories_that_are_numbers_sort_by_value() -> None:
    assert wg.data.table({"c": ["10", "9", "x"]})["c"].categories == ("9", "10", "x")


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"columns of \[1, 2\] rows"):
        wg.data.table({"a": [1], "b": [1, 2]})
    with pytest.raises(ShapeError, match="'a' of int64"):
        wg.data.table({"a": [[1]]})
    with pytest.raises(DTypeError, match="'a' of complex128"):
        wg.data.table({"a": [1j]})
    with pytest.raises(ArgumentError, match="'a' holds infinity"):
        wg.data.table({"a": [np.inf]})
    with pytest.raises(ArgumentError, match="has no column 'words'") as caught:
        TABLE["words"]
    assert caught.value.hint == "did you mean 'word'?"
    with pytest.raises(DTypeError, match="'word' holds categories"):
        TABLE.numbers("n", "word")
