"""Normalisers, fitted on the training part; and folds."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.base.errors import ArgumentError, ShapeError
from wengert.data import MinMax, PerChannel, Standardizer, Whitening, k_fold

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(50, 3)) @ RNG.normal(size=(3, 3)) + 5
KINDS = {"MinMax": MinMax, "PerChannel": PerChannel, "Standardizer": Standardizer, "Whitening": Whitening}


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back_with_the_training_parts_figures(kind) -> None:
    train, test = ROWS[:30], ROWS[30:]
    fitted = KINDS[kind]().fit(train)
    np.testing.assert_allclose(fitted.inverse(fitted(test)), test, rtol=1e-10)
    again = KINDS[kind]()
    again.load_state_dict(fitted.state_dict())
    np.testing.assert_array_equal(again(test), fitted(test))
    assert fitted(train.astype(np.float32)[:2]).shape == (2, 3)
    with pytest.raises(ShapeError, match=f"{kind}: got rows of shape .2., fitted on .3."):
        fitted(test[:, :2])
    with pytest.raises(ArgumentError, match="call fit"):
        KINDS[kind]()(test)
    with pytest.raises(ArgumentError, match="row 1 holds NaN"):
        KINDS[kind]().fit([[1.0], [np.nan]])
    with pytest.raises(ArgumentError, match="got no rows"):
        KINDS[kind]().fit(np.zeros((0, 3)))


def test_images_by_channel() -> None:
    images = RNG.normal(size=(10, 3, 4, 5)).astype(np.float32) * np.array([1, 2, 3], np.float32)[:, None, None]
    found = PerChannel().fit(images)(images)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean((0, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(found.std((0, 2, 3)), 1, rtol=1e-5)


def test_constant_columns() -> None:
    x = np.array([[1.0, 7.0], [2.0, 7.0]])
    np.testing.assert_array_equal(MinMax().fit(x)(x), [[0, 0], [1, 0]])
    np.testing.assert_array_equal(PerChannel().fit(x)(x), [[-1, 0], [1, 0]])
    with pytest.raises(ArgumentError, match="no variance"):
        Whitening(eps=0.0).fit(x)


@pytest.mark.parametrize("stratified", [True, False])
def test_folds(stratified) -> None:
    labels = RNG.integers(0, 3, size=47)
    folds = k_fold(labels, 5, seed=3, stratified=stratified)
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(47))
    for train, test in folds:
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(47))
    assert {len(test) for _, test in folds} <= {9, 10}
    if stratified:
        counts = np.array([np.bincount(labels[test], minlength=3) for _, test in folds])
        assert (np.ptp(counts, axis=0) <= 1).all()
    same = k_fold(labels, 5, seed=3, stratified=stratified)
    assert all((a[1] == b[1]).all() for a, b in zip(folds, same, strict=True))
    with pytest.raises(ArgumentError, match="got k=1 for 47 examples"):
        k_fold(labels, 1, seed=0)
    with pytest.raises(ArgumentError, match="seed=-1"):
        k_fold(labels, 2, seed=-1)
