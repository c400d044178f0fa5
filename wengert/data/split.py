"""Splits that keep the proportions of the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, DTypeError, ShapeError

Indices = np.ndarray[Any, np.dtype[np.int64]]

# Fractions like 0.1 are not exact in binary: closer than this to a whole number counts as whole.
NEARLY = 1e-9


def stratified_split(labels: Any, fractions: Sequence[float], seed: int) -> tuple[Indices, ...]:
    """Cut examples into parts that hold every class in the given fractions, at random but repeatable.

    A class of n examples gives floor(n f) or ceil(n f) of them to a part of fraction f, and every part at least one.
    labels: (n,) integers, booleans or strings -> one array of ascending indices for each fraction

    >>> import wengert as wg
    >>> train, test = wg.data.stratified_split([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], (0.8, 0.2), seed=0)
    >>> len(train), len(test), sorted([*train.tolist(), *test.tolist()]) == list(range(10))
    (8, 2, True)

    The parts are disjoint and together hold every index; the same seed gives the same parts.
    """
    classes, members = _members(labels)
    shares = _shares(fractions)
    if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ArgumentError(f"stratified_split: got seed={seed!r}; needs an integer of at least 0")
    counts = _allocate([len(m) for m in members], shares, classes)
    generator = np.random.Generator(np.random.Philox(int(seed)))
    parts: list[list[Indices]] = [[] for _ in shares]
    for indices, row in zip(members, counts, strict=True):
        pieces = np.split(generator.permutation(indices), np.cumsum(row)[:-1])
        for part, piece in zip(parts, pieces, strict=True):
            part.append(piece)
    return tuple(np.sort(np.concatenate(part)) for part in parts)


def _members(labels: Any) -> tuple[list[Any], list[Indices]]:
    """The classes in ascending order and the indices of each one's examples."""
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ShapeError(
            f"stratified_split: got labels{list(array.shape)}; needs labels[n], one class for each example",
            hint="for one-hot rows write labels.argmax(axis=1)" if array.ndim == 2 else None,
        )
    if array.size == 0:
        raise ArgumentError("stratified_split: got no labels; needs at least one example for each part")
    if array.dtype.kind not in "biuUS":
        raise DTypeError(f"stratified_split: got labels of {array.dtype}; needs integers, booleans or strings")
    classes, codes = np.unique(array, return_inverse=True)
    return classes.tolist(), [np.flatnonzero(codes == i) for i in range(len(classes))]


def _shares(fractions: Sequence[float]) -> list[float]:
    try:
        shares = [float(f) for f in fractions]
    except (TypeError, ValueError):
        shares = []
    good = shares and all(math.isfinite(f) and f > 0 for f in shares) and abs(math.fsum(shares) - 1) <= NEARLY
    if not good:
        raise ArgumentError(
            f"stratified_split: got fractions={fractions!r}; needs positive numbers that add up to 1",
            hint="for a fifth held out write (0.8, 0.2)",
        )
    return shares


def _allocate(sizes: list[int], shares: list[float], classes: list[Any]) -> list[list[int]]:
    """How many examples of each class (rows) go to each part (columns)."""
    rows = []
    owed = [0.0] * len(shares)  # what the classes so far should have given each part and did not
    for label, size in zip(classes, sizes, strict=True):
        exact = [size * share for share in shares]
        row = [math.floor(e + NEARLY) for e in exact]
        owed = [o + e - r for o, e, r in zip(owed, exact, row, strict=True)]
        uneven = [j for j, (e, r) in enumerate(zip(exact, row, strict=True)) if e - r > NEARLY]
        # What rounding down left over: first to a part that would stay empty, then to the one that is owed most.
        uneven.sort(key=lambda j: (row[j] > 0, -owed[j]))
        for j in uneven[: size - sum(row)]:
            row[j] += 1
            owed[j] -= 1
        if 0 in row:
            part = row.index(0)
            raise ArgumentError(
                f"stratified_split: class {label!r} has {size} example{'s' * (size != 1)}; "
                f"part {part} of fraction {shares[part]:g} would get none",
                hint="take larger fractions, or leave such classes out",
            )
        rows.append(row)
    return rows


def k_fold(labels: Any, k: int, seed: int, stratified: bool = True) -> list[tuple[Indices, Indices]]:
    """`k` pairs (train, test) of ascending indices; every example is tested exactly once.

    With `stratified` every class is spread evenly: its counts in the test parts differ by at most one, and so do the
    sizes of the parts. Without, `labels` may be any array with a row for each example.

    >>> import wengert as wg
    >>> folds = wg.data.k_fold([0, 0, 0, 1, 1, 1], 3, seed=0)
    >>> [len(test) for _, test in folds], [len(train) for train, _ in folds]
    ([2, 2, 2], [4, 4, 4])
    """
    count = len(labels)
    if not 2 <= k <= count:
        raise ArgumentError(f"k_fold: got k={k} for {count} examples; needs between 2 and as many as there are")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ArgumentError(f"k_fold: got seed={seed!r}; needs an integer of at least 0")
    generator = np.random.Generator(np.random.Philox(int(seed)))
    members = _members(labels)[1] if stratified else [np.arange(count)]
    # Dealt like cards, class after class: the rest of a class goes on where the last one ended.
    dealt = np.concatenate([generator.permutation(indices) for indices in members])
    tests = [np.sort(dealt[place::k]) for place in range(k)]
    everything = np.arange(count)
    return [(np.setdiff1d(everything, test, assume_unique=True), test) for test in tests]
