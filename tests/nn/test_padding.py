"""Padding and packed sequences: what is refused, in words, and what holds beside the values (see tests/peers)."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.base.errors import ArgumentError, ShapeError
from wengert.nn.functional import pad
from wengert.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

X = np.arange(12.0).reshape(1, 3, 4)


def test_padding_in_words() -> None:
    with pytest.raises(ArgumentError, match="ZeroPad2d: got padding=\\(1, 2\\); needs a number, or 4"):
        nn.ZeroPad2d((1, 2))
    with pytest.raises(ShapeError, match=r"ReflectionPad1d: got float64\[1, 3, 4, 5\]; needs \(N, C, L\) or \(C, L\)"):
        nn.ReflectionPad1d(1)(np.zeros((1, 3, 4, 5)))
    with pytest.raises(ShapeError, match="axis 2 of length 4 is too short"):
        pad(X, (4, 0), "reflect")
    with pytest.raises(ShapeError, match="axis 2 of length 4 is too short"):
        pad(X, (-3, -2))
    with pytest.raises(ShapeError, match="two numbers for each of the last axes"):
        pad(X, (1, 2, 3))
    with pytest.raises(ArgumentError, match="got mode='edge'; needs one of constant, reflect, replicate, circular"):
        pad(X, (1, 1), "edge")


@pytest.mark.parametrize("layer", [nn.ZeroPad2d(1), nn.ConstantPad2d((-1, 1, 2, 0), 3.0), nn.ReflectionPad2d(2),
                                   nn.ReplicationPad2d((1, 3, 0, 2)), nn.CircularPad2d(1),
                                   nn.LocalResponseNorm(2, alpha=1.0)], ids=repr)  # fmt: skip
def test_padding_batches_and_differentiates_twice(layer: nn.Module) -> None:
    x = np.random.default_rng(0).normal(size=(2, 2, 3, 4))
    np.testing.assert_allclose(wg.vmap(layer)(x[:, None])[:, 0], layer(x), rtol=1e-14)
    wg.check_grads(layer, (x,), order=2)


def test_packing_in_words() -> None:
    x = np.zeros((4, 2, 3))
    with pytest.raises(ArgumentError, match=r"got the lengths \[1, 4\], which are not sorted"):
        pack_padded_sequence(x, [1, 4])
    for lengths in ([5, 1], [4, 0], [4], [4.0, 1.0]):
        with pytest.raises(ArgumentError, match="needs 2 integers from 1 to 4"):
            pack_padded_sequence(x, lengths)
    with pytest.raises(ShapeError, match=r"got float64\[4\]; needs \(L, N, …\)"):
        pack_padded_sequence(np.zeros(4), [1])
    with pytest.raises(ArgumentError, match="total_length=2 for sequences of up to 4"):
        pad_packed_sequence(pack_padded_sequence(x, [4, 3]), total_length=2)
    with pytest.raises(ShapeError, match="pad_sequence: got nothing; needs sequences"):
        pad_sequence([])


def test_gradients_go_through_packing() -> None:
    """Behind the ends they are 0."""
    x = np.random.default_rng(0).normal(size=(4, 3, 2))
    lengths = [2, 4, 1]

    def through(x):
        return pad_packed_sequence(pack_padded_sequence(x, lengths, enforce_sorted=False))[0]

    alive = (np.arange(4)[:, None] < lengths)[:, :, None] * np.ones(2)
    np.testing.assert_array_equal(wg.grad(lambda x: through(x).sum())(x), alive)
    wg.check_grads(through, (x,), order=2)


def test_a_projection_must_be_shorter() -> None:
    with pytest.raises(ArgumentError, match="got proj_size=4 for hidden_size=4; needs 0 or less than that"):
        nn.LSTM(3, 4, proj_size=4)
    with pytest.raises(ShapeError, match=r"needs 2 of shape \[1, 2, 3\] and \[1, 2, 4\]"):
        nn.LSTM(3, 4, proj_size=3)(np.zeros((5, 2, 3)), (np.zeros((1, 2, 4)), np.zeros((1, 2, 4))))
