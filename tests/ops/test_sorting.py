"""Sorting, places, sets and counts: values as NumPy's, derivatives as differences."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.testing.battery import check_primitive

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", ["argsort", "argpartition", "lexsort", "argmax", "argmin", "nanargmax", "nanargmin",
                                  "searchsorted", "searchsorted_rows"])  # fmt: skip
def test_battery(name):
    check_primitive(name)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sorted_values(axis):
    x = RNG.permutation(15).reshape(3, 5) / 4.0  # no two near each other
    rising = np.sort(x, axis)
    falling = np.flip(rising, axis)
    for f, expected in (
        (lambda a: wg.sort(a, axis), rising),
        (lambda a: wg.sort(a, axis, descending=True), falling),
        (lambda a: wg.topk(a, 2, axis)[0], np.take(falling, [0, 1], axis)),
        (lambda a: wg.topk(a, 3, dim=axis, largest=False)[0], np.take(rising, [0, 1, 2], axis)),
        (lambda a: wg.sort(wg.partition(a, 2, axis), axis), rising),
    ):
        np.testing.assert_array_equal(f(x), expected)
        wg.check_grads(f, (x,))
    places = wg.topk(x, 2, axis)[1]
    np.testing.assert_array_equal(np.take_along_axis(x, places, axis), np.take(falling, [0, 1], axis))


def test_places_are_numpys():
    x = RNG.integers(0, 4, size=(4, 6)).astype(float)
    for axis in (None, 0, 1, -1):
        np.testing.assert_array_equal(wg.argsort(x, axis, kind="stable"), np.argsort(x, axis, kind="stable"))
        np.testing.assert_array_equal(wg.sort(x, axis), np.sort(x, axis))
        for name in ("argmax", "argmin", "nanargmax", "nanargmin"):
            for keepdims in (False, True):
                ours, numpys = (getattr(m, name)(x, axis=axis, keepdims=keepdims) for m in (wg, np))
                np.testing.assert_array_equal(ours, numpys)
                assert ours.shape == numpys.shape
    down = wg.argsort(x, axis=1, stable=True, descending=True)
    np.testing.assert_array_equal(down, np.argsort(-x, axis=1, stable=True))
    np.testing.assert_array_equal(wg.partition(x, (1, 3), axis=1)[:, [1, 3]], np.sort(x, axis=1)[:, [1, 3]])
    np.testing.assert_array_equal(wg.lexsort((x[0], x[1])), np.lexsort((x[0], x[1])))
    assert wg.sort(np.array([np.nan, 1.0])).tolist()[0] == 1 and wg.sort(np.zeros((2, 0))).shape == (2, 0)


def test_words_of_errors():
    with pytest.raises(wg.errors.ShapeError, match=r"argmax: got shape \[2, 0\]"):
        wg.argmax(np.zeros((2, 0)), axis=1)
    with pytest.raises(wg.errors.ArgumentError, match="topk: got k=4 for an axis of length 3"):
        wg.topk(np.zeros(3), 4)
    with pytest.raises(wg.errors.ShapeError, match="sort: got a 0-d array"):
        wg.sort(1.0)
    with pytest.raises(ValueError, match="All-NaN"):
        wg.nanargmax(np.array([np.nan]))
    for f in (wg.nonzero, wg.unique, wg.flatnonzero, wg.argwhere, wg.bincount, wg.histogram):
        with pytest.raises(wg.errors.TracedValueError, match=f.__name__):
            wg.vmap(lambda x, f=f: f(x)[0])(np.ones((2, 3)))


def test_batched():
    x = RNG.normal(size=(3, 5))
    composed = (lambda a: wg.topk(a, 2)[0], lambda a: wg.searchsorted(wg.sort(a), 0.1))
    for f in (wg.sort, wg.argsort, wg.argmax, wg.median, *composed):
        np.testing.assert_array_equal(wg.vmap(f)(x), np.stack([f(row) for row in x]))
    g = wg.grad(lambda a: wg.sum(wg.sort(a) * np.arange(5.0)) + wg.median(a) ** 2)
    np.testing.assert_allclose(wg.vmap(g)(x), np.stack([g(row) for row in x]))


# ----- searching and sets ------------------------------------------------------------------------------
def test_searching_is_numpys():
    a, v = np.array([1.0, 2.0, 2.0, 4.0]), np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    for side in ("left", "right"):
        np.testing.assert_array_equal(wg.searchsorted(a, v, side), np.searchsorted(a, v, side))
        falling = a[::-1].copy()
        np.testing.assert_array_equal(wg.searchsorted(falling, v, side, [3, 2, 1, 0]), np.searchsorted(a, v, side))
    for bins in (a, a[::-1]):
        for right in (False, True):
            np.testing.assert_array_equal(wg.digitize(v, bins, right), np.digitize(v, bins, right))
    with pytest.raises(wg.errors.ArgumentError, match="neither rise nor fall"):
        wg.digitize(v, [1.0, 3.0, 2.0])
    for ours, numpys in zip(wg.histogram(v, 3, (0, 4), True), np.histogram(v, 3, (0, 4), True), strict=True):
        np.testing.assert_array_equal(ours, numpys)
    x = np.array([[0.0, 3.0], [4.0, 0.0]])
    np.testing.assert_array_equal(wg.argwhere(x), np.argwhere(x))
    np.testing.assert_array_equal(wg.flatnonzero(x), np.flatnonzero(x))


def test_bincount_is_linear_in_the_weights():
    places, w = np.array([0, 3, 3, 1]), RNG.normal(size=4)
    np.testing.assert_array_equal(wg.bincount(places, minlength=6), np.bincount(places, minlength=6))
    np.testing.assert_allclose(wg.bincount(places, w), np.bincount(places, w))
    np.testing.assert_array_equal(wg.grad(lambda w: wg.bincount(places, w)[3])(w), [0, 1, 1, 0])


def test_unique_is_numpys():
    x = np.array([[3.0, 1.0, 3.0], [1.0, 2.0, 1.0], [3.0, 1.0, 3.0]])
    for axis in (None, 0, 1):
        for ours, numpys in zip(*(m.unique(x, True, True, True, axis) for m in (wg, np)), strict=True):
            np.testing.assert_array_equal(ours, numpys)
    np.testing.assert_array_equal(wg.grad(lambda a: wg.unique(a)[2])(x), [[1, 0, 0], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(wg.grad(lambda a: wg.unique(a, axis=0)[1, 2])(x), [[0, 0, 1], [0, 0, 0], [0, 0, 0]])
    for name in ("unique_all", "unique_counts", "unique_inverse", "unique_values"):
        ours, numpys = getattr(wg, name)(x), getattr(np, name)(x)
        if name == "unique_values":
            np.testing.assert_array_equal(ours, np.sort(numpys))
            continue
        assert ours._fields == numpys._fields
        for a, b in zip(ours, numpys, strict=True):
            np.testing.assert_array_equal(a, b)
