"""A stratified split is exact to rounding, disjoint, complete and repeatable; bad requests are refused by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wengert.base.errors import ArgumentError, DTypeError, ShapeError, WengertError
from wengert.data import digits, stratified_split

MANY = np.repeat(np.arange(4), [50, 20, 11, 7])


def test_a_fifth_of_the_digits() -> None:
    labels = digits().labels
    rest, held_out = stratified_split(labels, (0.8, 0.2), seed=0)
    assert (len(rest), len(held_out)) == (1438, 359)
    counts, whole = np.bincount(labels[held_out]), np.bincount(labels)
    assert np.all(np.abs(counts - 0.2 * whole) < 1)


@settings(derandomize=True, deadline=None, database=None)
@given(
    sizes=st.lists(st.integers(8, 60), min_size=1, max_size=12),
    weights=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    seed=st.integers(0, 2**32),
)
def test_every_class_in_every_part(sizes: list[int], weights: list[int], seed: int) -> None:
    fractions = [w / sum(weights) for w in weights]
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    try:
        parts = stratified_split(labels, fractions, seed)
    except ArgumentError as error:
        # Only right where a part's share of some class is less than one example.
        assert "would get none" in error.message and min(sizes) * min(fractions) < 1
        return
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    for part, fraction in zip(parts, fractions, strict=True):
        assert part.dtype == np.int64 and np.all(np.diff(part) > 0)
        counts = np.bincount(labels[part], minlength=len(sizes))
        for count, size in zip(counts, sizes, strict=True):
            exact = round(size * fraction, 9)
            assert math.floor(exact) <= count <= math.ceil(exact)
        # Rounding evens out over the classes: the part as a whole is off by less than one each side of its share.
        assert abs(len(part) - fraction * len(labels)) < len(fractions)


def test_the_seed_decides() -> None:
    first, again, other = (stratified_split(MANY, (0.5, 0.5), seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_the_same_numbers_on_every_machine() -> None:
    train, test = stratified_split([0] * 6 + [1] * 6, (0.5, 0.5), seed=0)
    assert (train.tolist(), test.tolist()) == ([0, 3, 4, 6, 9, 10], [1, 2, 5, 7, 8, 11])


def test_labels_may_be_strings_and_lists() -> None:
    left, right = stratified_split(["b", "a", "b", "a"], [0.5, 0.5], seed=1)
    assert sorted("baba"[i] for i in left) == sorted("baba"[i] for i in right) == ["a", "b"]


def test_a_small_class_reaches_every_part() -> None:
    labels = [0] * 40 + [1] * 4
    parts = stratified_split(labels, (0.6, 0.2, 0.2), seed=0)
    assert [np.bincount(np.asarray(labels)[p]).tolist() for p in parts] == [[24, 2], [8, 1], [8, 1]]


def test_one_part_is_everything() -> None:
    (everything,) = stratified_split([1, 0, 1], (1.0,), seed=0)
    assert everything.tolist() == [0, 1, 2]


FRACTIONS = "needs positive numbers that add up to 1"


@pytest.mark.parametrize(
    ("labels", "fractions", "seed", "kind", "message"),
    [
        (MANY, (0.8, 0.3), 0, ArgumentError, f"got fractions=(0.8, 0.3); {FRACTIONS}"),
        (MANY, (0.8, 0.1), 0, ArgumentError, f"got fractions=(0.8, 0.1); {FRACTIONS}"),
        (MANY, (1.2, -0.2), 0, ArgumentError, f"got fractions=(1.2, -0.2); {FRACTIONS}"),
        (MANY, (1.0, 0.0), 0, ArgumentError, f"got fractions=(1.0, 0.0); {FRACTIONS}"),
        (MANY, (float("nan"), 1.0), 0, ArgumentError, f"got fractions=(nan, 1.0); {FRACTIONS}"),
        (MANY, (), 0, ArgumentError, f"got fractions=(); {FRACTIONS}"),
        (MANY, 0.2, 0, ArgumentError, f"got fractions=0.2; {FRACTIONS}"),
        (MANY, ("most", "rest"), 0, ArgumentError, f"got fractions=('most', 'rest'); {FRACTIONS}"),
        (MANY, (0.5, 0.5), -1, ArgumentError, "got seed=-1; needs an integer of at least 0"),
        (MANY, (0.5, 0.5), None, ArgumentError, "got seed=None; needs an integer of at least 0"),
        (MANY, (0.5, 0.5), 0.5, ArgumentError, "got seed=0.5; needs an integer of at least 0"),
        (
            [0, 0, 0, 7],
            (0.5, 0.5),
            0,
            ArgumentError,
            "class 7 has 1 example; part 0 of fraction 0.5 would get none",
        ),
        (
            [0] * 50 + [1] * 3,
            (0.5, 0.3, 0.1, 0.1),
            0,
            ArgumentError,
            "class 1 has 3 examples; part 3 of fraction 0.1 would get none",
        ),
        ([], (0.5, 0.5), 0, ArgumentError, "got no labels; needs at least one example for each part"),
        (np.eye(3), (0.5, 0.5), 0, ShapeError, "got labels[3, 3]; needs labels[n], one class for each example"),
        ([0.5, 1.5], (0.5, 0.5), 0, DTypeError, "got labels of float64; needs integers, booleans or strings"),
    ],
)
def test_bad_requests(labels: Any, fractions: Any, seed: Any, kind: type[WengertError], message: str) -> None:
    with pytest.raises(kind) as caught:
        stratified_split(labels, fractions, seed)
    assert caught.value.message == f"stratified_split: {message}"
