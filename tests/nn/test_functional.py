"""Layers and losses: worked examples of the lectures, stability, and the words of the errors."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.base.errors import ArgumentError, ShapeError
from wengert.nn import functional

LOGITS = np.array([[1.0, 2.0, 0.5], [0.1, -1.0, 3.0]])


def test_cross_entropy_of_indices_and_probabilities() -> None:
    loss = nn.CrossEntropyLoss()
    labels = np.array([1, 0])
    assert loss(LOGITS, labels) == pytest.approx(1.7175715015342181, rel=1e-14)
    assert loss(LOGITS, np.eye(3)[labels]) == pytest.approx(1.7175715015342181, rel=1e-14)
    assert nn.CrossEntropyLoss(reduction="sum")(LOGITS, labels) == pytest.approx(3.4351430030684362)
    assert nn.CrossEntropyLoss(reduction="none")(LOGITS, labels).shape == (2,)
    expected = (np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True) - np.eye(3)[labels]) / 2
    np.testing.assert_allclose(wg.grad(loss)(LOGITS, labels), expected, rtol=1e-12)


def test_cross_entropy_is_stable() -> None:
    loss = nn.CrossEntropyLoss()
    z = np.array([[1000.0, 0.0], [-1000.0, 0.0]])
    assert loss(z, np.array([1, 0])) == 1000
    assert np.isfinite(wg.grad(loss)(z, np.array([1, 0]))).all()


def test_binary_cross_entropy_with_logits_is_stable() -> None:
    z, y = np.array([-30.0, -2, 0, 2, 30]), np.array([1.0, 0, 1, 1, 0])
    loss = nn.BCEWithLogitsLoss(reduction="none")
    expected = [30.000000000000092, 0.1269280110429727, 0.6931471805599453, 0.1269280110429725, 30.000000000000092]
    np.testing.assert_allclose(loss(z, y), expected, rtol=1e-14)
    np.testing.assert_allclose(wg.elementwise_grad(loss)(z, y), 1 / (1 + np.exp(-z)) - y, rtol=1e-12)


def test_binary_cross_entropy() -> None:
    loss = nn.BCELoss()
    assert loss(np.array([0.8]), np.array([1.0])) == pytest.approx(0.2231435513142097)
    assert wg.grad(loss)(np.array([0.8]), np.array([1.0]))[0] == pytest.approx(-1.25)
    assert loss(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0
    with pytest.raises(ArgumentError, match="outside"):
        loss(np.array([1.5]), np.array([1.0]))


def test_squared_error() -> None:
    a, b = np.array([1.0, 2.5, -0.5]), np.array([0.0, 3.0, 1.0])
    assert nn.MSELoss(reduction="sum")(a, b) == 3.5
    assert nn.MSELoss()(a, b) == pytest.approx(3.5 / 3)
    assert nn.L1Loss()(a, b) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: nn.MSELoss()(np.zeros(3), np.zeros((3, 1))), ShapeError,
         "mse_loss: got a prediction float64[3] and a target float64[3, 1]; needs the same shape"),
        (lambda: nn.CrossEntropyLoss()(LOGITS, np.array([0, 3])), ArgumentError,
         "cross_entropy: got the label 3 for classes 0 to 2"),
        (lambda: nn.CrossEntropyLoss()(LOGITS, np.array([0, -1])), ArgumentError,
         "cross_entropy: got the label -1 for classes 0 to 2"),
        (lambda: nn.CrossEntropyLoss()(LOGITS, np.array([0])), ShapeError,
         "nll_loss: got scores float64[2, 3] and targets int64[1]; needs (N, C) and (N,), or (C,) and ()"),
        (lambda: nn.MSELoss("average"), ArgumentError,
         "MSELoss: got reduction='average'; needs 'mean', 'sum' or 'none'"),
        (lambda: nn.Linear(3, 2)(np.zeros((4, 5))), ShapeError,
         "linear: got x float64[4, 5] for a weight [2, 3]; needs 3 features on the last axis of x"),
    ],
)  # fmt: skip
def test_words(call, kind, words) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.message == words


def test_softmax_without_dim_takes_the_last_axis_and_warns() -> None:
    x = np.arange(6.0).reshape(1, 2, 3)
    with pytest.warns(UserWarning, match="no dim given, the last axis is used"):
        y = nn.Softmax()(x)
    np.testing.assert_allclose(y.sum(-1), 1)
    np.testing.assert_allclose(nn.Softmax(dim=1)(x).sum(1), 1)


def test_dropout() -> None:
    wg.manual_seed(0)
    layer, x = nn.Dropout(0.25), np.ones(10_000, np.float32)
    y = layer(x)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1) / np.float32(0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.02
    assert y.dtype == np.float32
    assert layer.eval()(x) is x
    assert (functional.dropout(x, 1.0) == 0).all()


def test_losses_batch() -> None:
    z, y = np.random.default_rng(0).normal(size=(4, 5, 3)), np.tile([0, 1, 2, 1, 0], (4, 1))
    found = wg.vmap(nn.CrossEntropyLoss())(z, y)
    np.testing.assert_allclose(found, [nn.CrossEntropyLoss()(a, b) for a, b in zip(z, y, strict=True)])
