"""Minibatches and normalisation."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.base.errors import ArgumentError, ShapeError
from wengert.data import Standardizer, batches

X, Y = np.arange(20.0).reshape(10, 2), np.arange(10)


def test_every_row_comes_once_an_epoch_in_another_order() -> None:
    loader = batches(X, Y, batch_size=3, seed=1)
    assert len(loader) == 4
    orders = [np.concatenate([y for _, y in loader]) for _ in range(2)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), Y)
    assert not np.array_equal(*orders)
    again = batches(X, Y, batch_size=3, seed=1)
    again.epoch = 1
    np.testing.assert_array_equal(np.concatenate([y for _, y in again]), orders[1])
    for x, y in loader:
        np.testing.assert_array_equal(x, X[y])


@pytest.mark.parametrize(("size", "count"), [(1, 10), (10, 1), (3, 3)])
def test_sizes(size, count) -> None:
    assert len(list(batches(X, Y, batch_size=size, drop_last=True))) == count
    assert [y[0] for _, y in batches(X, Y, batch_size=5, shuffle=False)] == [0, 5]


def test_words() -> None:
    with pytest.raises(ShapeError, match="needs arrays with equally many rows"):
        batches(X, Y[:3])
    with pytest.raises(ArgumentError, match="got no rows"):
        batches(X[:0], Y[:0])
    with pytest.raises(ArgumentError, match="batch_size=0"):
        batches(X, batch_size=0)


def test_standardizer_uses_the_training_part_only() -> None:
    x = np.array([[1.0, 5.0], [3.0, 5.0], [100.0, 6.0]])
    s = Standardizer().fit(x[:2])
    np.testing.assert_allclose(s(x), [[-1, 0], [1, 0], [98, 1]])
    np.testing.assert_allclose(s.inverse(s(x)), x)
    other = Standardizer()
    other.load_state_dict(s.state_dict())
    np.testing.assert_array_equal(other(x), s(x))
    assert abs(Standardizer(together=True).fit(x)(x).mean()) < 1e-12


def test_standardizer_words() -> None:
    with pytest.raises(ArgumentError, match="row 1 holds NaN or infinity"):
        Standardizer().fit(np.array([[1.0], [np.nan]]))
    with pytest.raises(ShapeError, match=r"got rows of shape \[3\], fitted on \[2\]"):
        Standardizer().fit(X)(np.zeros((1, 3)))
    with pytest.raises(ArgumentError, match="call fit"):
        Standardizer()(X)


def test_with_replacement() -> None:
    x = np.arange(1000)
    made = batches(x, batch_size=100, replacement=True, seed=1)
    (first,), *_ = (epochs := [tuple(np.concatenate(part) for part in zip(*made, strict=True)) for _ in range(2)])
    assert first.shape == (1000,) and (first != epochs[1][0]).any()
    assert 580 < len(np.unique(first)) < 690  # a share of 1 - 1/e


def test_an_epoch_can_be_taken_up_in_the_middle() -> None:
    made = batches(np.arange(10), batch_size=3, seed=2)
    for epoch in range(2):
        whole = [part.tolist() for (part,) in made]
        assert [part.tolist() for (part,) in made.rows(epoch, 2)] == whole[2:]
    other = batches(np.arange(10), batch_size=3, seed=2)
    other.load_state_dict(made.state_dict())
    assert [p.tolist() for (p,) in other] == [p.tolist() for (p,) in made]
    with pytest.raises(ArgumentError, match="belongs to other batches: seed=2 for 3"):
        batches(np.arange(10), batch_size=3, seed=3).load_state_dict(made.state_dict())
