"""Losses: derivatives, ordered classes, batching, words. Values are compared in tests/peers."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.base.errors import ArgumentError, ShapeError
from wengert.nn import functional

RNG = np.random.default_rng(11)
A, B, C = (RNG.normal(size=(4, 3)) for _ in range(3))
SIGNS, LABELS = np.array([1.0, -1.0, -1.0, 1.0]), np.array([0, 2, 1, 1])
SHARES = np.exp(B) / np.exp(B).sum(1, keepdims=True)

SMOOTH = [
    lambda a: nn.HuberLoss(delta=0.6)(a, B),
    lambda a: nn.SmoothL1Loss(beta=0.6)(a, B),
    lambda a: nn.CrossEntropyLoss(np.array([1.0, 2.0, 0.5]), label_smoothing=0.1, ignore_index=2)(a, LABELS),
    lambda a: nn.BCEWithLogitsLoss(pos_weight=np.array([1.0, 2.0, 3.0]))(a, SHARES),
    lambda a: nn.MultiLabelSoftMarginLoss()(a, SHARES),
    lambda a: nn.KLDivLoss("batchmean")(a, SHARES),
    lambda a: nn.PoissonNLLLoss()(a, SHARES * 5),
    lambda a: nn.GaussianNLLLoss()(a, B, np.exp(C)),
    lambda a: nn.SoftMarginLoss()(a[:, 0], SIGNS),
    lambda a: nn.HingeLoss()(a[:, 0], SIGNS),
    lambda a: nn.MultiMarginLoss(p=2)(a, LABELS),
    lambda a: nn.CosineEmbeddingLoss(margin=0.1)(a, B, SIGNS),
    lambda a: nn.TripletMarginLoss()(a, B, C),
    lambda a: nn.CTCLoss()(functional.log_softmax(a[:, None], -1), np.array([[1, 2]]), np.array([4]), np.array([2])),
    lambda a: functional.ordinal_loss(a[:, 0], LABELS, np.array([-0.5, 0.7])),
]


@pytest.mark.parametrize("index", range(len(SMOOTH)))
def test_derivatives_and_batching(index: int) -> None:
    loss = SMOOTH[index]
    wg.check_grads(loss, (A,), order=2, rtol=1e-5)
    stacked = np.stack([A, A[::-1] + 1])
    np.testing.assert_allclose(wg.vmap(loss)(stacked), [loss(a) for a in stacked], rtol=1e-12)


def test_what_is_ignored_has_no_influence() -> None:
    loss = nn.CrossEntropyLoss(ignore_index=2)
    assert loss(A, LABELS) == pytest.approx(nn.CrossEntropyLoss()(A[[0, 2, 3]], LABELS[[0, 2, 3]]))
    gradient = wg.grad(loss)(A, LABELS)
    np.testing.assert_array_equal(gradient[1], 0)


def test_an_alignment_that_does_not_exist() -> None:
    log_p = functional.log_softmax(A, -1)
    too_long = (np.array([1, 1, 1]), 4, 3)  # repeats need blanks between: 5 steps
    assert nn.CTCLoss()(log_p, *too_long) == np.inf
    assert nn.CTCLoss(zero_infinity=True)(log_p, *too_long) == 0
    assert (wg.grad(lambda a: nn.CTCLoss(zero_infinity=True)(a, *too_long))(log_p) == 0).all()


def test_positives_count_more() -> None:
    z, y = np.array([0.3, -0.2]), np.array([1.0, 0.0])
    plain, weighted = nn.BCEWithLogitsLoss("none")(z, y), nn.BCEWithLogitsLoss("none", pos_weight=3.0)(z, y)
    np.testing.assert_allclose(weighted, plain * [3, 1])


# ----- ordered classes ----------------------------------------------------------------------------------------
def test_ordinal_probabilities_are_differences_of_sigmoids() -> None:
    score, thresholds = np.array([-1.0, 0.4, 30.0, -800.0]), np.array([-0.5, 0.1, 2.0])
    log_p = functional.ordinal_log_probabilities(score, thresholds)
    below = np.concatenate([np.zeros((3, 1)), 1 / (1 + np.exp(score[:3, None] - thresholds)), np.ones((3, 1))], 1)
    np.testing.assert_allclose(np.exp(log_p)[:3], np.diff(below), rtol=1e-6, atol=1e-14)
    assert np.isfinite(log_p).all()
    assert np.isfinite(wg.grad(lambda s: np.sum(functional.ordinal_log_probabilities(s, thresholds)))(score)).all()


def test_ordinal_loss_learns_its_thresholds() -> None:
    loss = nn.OrdinalLoss(4)
    np.testing.assert_allclose(loss.thresholds().detach().numpy(), [-1, 0, 1], rtol=1e-6)
    assert [n for n, _ in loss.named_parameters()] == ["first", "gaps"]
    x = np.linspace(-3, 3, 60)
    labels = np.digitize(x, [-2.0, 0.5, 1.0])
    optimizer = wg.optim.Adam(loss.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        value = loss(x * 8, labels)
        value.backward()
        optimizer.step()
    np.testing.assert_allclose(loss.thresholds().detach().numpy() / 8, [-2.0, 0.5, 1.0], atol=0.15)
    assert (loss.probabilities(x * 8).detach().numpy().argmax(1) == labels).mean() > 0.9
    assert nn.OrdinalLoss(2)(np.zeros(2), np.array([0, 1])).item() == pytest.approx(np.log(2))


@pytest.mark.parametrize(("call", "kind", "words"), [
    (lambda: nn.CrossEntropyLoss(np.ones(2))(A, LABELS), ShapeError,
     "nll_loss: got the weight float64[2]; needs one number for each of 3 classes"),
    (lambda: nn.CrossEntropyLoss(label_smoothing=2)(A, LABELS), ArgumentError,
     "cross_entropy: got label_smoothing=2; needs a number from 0 to 1"),
    (lambda: nn.CrossEntropyLoss()(A, np.array([0, 1, 2, -1])), ArgumentError,
     "cross_entropy: got the label -1 for classes 0 to 2"),
    (lambda: nn.HuberLoss(delta=0)(A, B), ArgumentError, "huber_loss: got delta=0; needs a positive number"),
    (lambda: nn.KLDivLoss("average"), ArgumentError,
     "KLDivLoss: got reduction='average'; needs 'mean', 'sum', 'batchmean' or 'none'"),
    (lambda: nn.CosineEmbeddingLoss()(A, B, SIGNS[:2]), ShapeError,
     "cosine_embedding_loss: got vectors float64[4, 3] and targets float64[2]; needs (N, D) and (N,)"),
    (lambda: nn.GaussianNLLLoss()(A, B, np.ones(2)), ShapeError,
     "gaussian_nll_loss: got the variance float64[2] for a prediction float64[4, 3]"),
    (lambda: functional.ordinal_loss(A[:, 0], LABELS, np.array([1.0, 1.0])), ArgumentError,
     "ordinal: the thresholds must increase from class to class"),
    (lambda: nn.CTCLoss()(A, LABELS[:2], 5, 2), ArgumentError,
     "ctc_loss: got input lengths int64[1]; needs 1 integers from 0 to 4"),
    (lambda: nn.MultiMarginLoss()(A, LABELS + 1), ArgumentError,
     "multi_margin_loss: got the label 3 for classes 0 to 2"),
])  # fmt: skip
def test_words(call, kind, words) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.message == words
