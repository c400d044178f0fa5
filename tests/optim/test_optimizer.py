"""Optimizers: the lectures' closed forms, groups, state, and refusals."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from wengert import nn, optim
from wengert.base.errors import ArgumentError, NonFiniteError, OperandError

START = np.array([1.0, -2.0])
SCALE = np.array([10.0, 1.0])


def run(make, steps, change=None):
    """The path on f = (10 x² + y²) / 2 from (1, -2)."""
    p = nn.Parameter(START)
    optimizer = make([p])
    path = []
    for step in range(steps):
        if change:
            change(optimizer, step)
        optimizer.zero_grad()
        (p * p * SCALE).sum().backward()
        p.grad = p.grad * 0.5
        optimizer.step()
        path.append(p.detach().numpy().copy())
    return np.array(path)


def test_gradient_descent() -> None:
    expected = [[0.5, -1.9], [0.25, -1.805], [0.125, -1.71475], [0.0625, -1.6290125], [0.03125, -1.547561875]]
    np.testing.assert_allclose(run(lambda p: optim.SGD(p, lr=0.05), 5), expected, rtol=1e-12)


def test_momentum() -> None:
    expected = [[0.5, -1.9], [-0.2, -1.715], [-0.73, -1.46275], [-0.842, -1.1625875], [-0.5218, -0.834311875]]
    np.testing.assert_allclose(run(lambda p: optim.SGD(p, lr=0.05, momentum=0.9), 5), expected, rtol=1e-12)


def test_momentum_with_a_changing_rate_is_pytorchs() -> None:
    def drop(optimizer, step):
        optimizer.param_groups[0]["lr"] = 0.05 if step < 2 else 0.005

    path = run(lambda p: optim.SGD(p, lr=0.05, momentum=0.9), 4, drop)
    np.testing.assert_allclose(path[-1], [-0.28805, -1.6586236249999997], rtol=1e-12)


def test_adagrad() -> None:
    path = run(lambda p: optim.Adagrad(p, lr=0.5, eps=1e-10), 5)
    np.testing.assert_allclose(path[0], [0.500000000005, -1.500000000025], rtol=1e-12)
    np.testing.assert_allclose(path[-1], [0.05089130424192548, -0.6827902184734933], rtol=1e-12)


def test_first_step_of_adam_is_the_learning_rate() -> None:
    np.testing.assert_allclose(run(lambda p: optim.Adam(p, lr=0.1), 1)[0], [0.9, -1.9], rtol=1e-7)


def test_groups_have_their_own_options() -> None:
    a, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1)
    (a + b).sum().backward()
    optimizer.step()
    assert a.item() == pytest.approx(0.9)
    assert b.item() == 0.5
    with pytest.raises(ArgumentError, match="is given twice"):
        optimizer.add_param_group({"params": [a]})
    with pytest.raises(ArgumentError, match=r"unknown options \['rate'\]"):
        optim.SGD([{"params": [a], "rate": 1}])


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW, optim.Adagrad, optim.RMSprop])
def test_state_goes_round(kind) -> None:
    options = {"momentum": 0.9} if kind in (optim.SGD, optim.RMSprop) else {}

    def resumed(params):
        return kind(params, lr=0.01, **options)

    whole = run(resumed, 6)
    p = nn.Parameter(START)
    optimizer = resumed([p])
    for step in range(6):
        if step == 3:  # a new optimizer takes over
            state = optimizer.state_dict()
            optimizer = resumed([p])
            optimizer.load_state_dict(state)
        optimizer.zero_grad()
        (p * p * SCALE * 0.5).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(p.detach().numpy(), whole[-1], rtol=1e-12)


def test_loading_a_state_that_does_not_fit_changes_nothing() -> None:
    a, b = optim.Adam([nn.Parameter([1.0])]), optim.Adam([nn.Parameter([1.0]), nn.Parameter([2.0])])
    with pytest.raises(ArgumentError, match=r"got groups of \[2\] parameters; needs \[1\]"):
        a.load_state_dict(b.state_dict())


def test_a_non_finite_gradient_is_refused_by_name() -> None:
    model = nn.Sequential(nn.Linear(1, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    model(np.ones((1, 1), np.float32)).sum().backward()
    model[0].bias.grad = np.array([np.nan], np.float32)
    before = model.state_dict()
    with pytest.raises(NonFiniteError) as caught:
        optimizer.step()
    assert caught.value.message == (
        "SGD.step: the gradient of parameter '0.bias' float32[1] is NaN in step 1; no parameter was changed"
    )
    np.testing.assert_array_equal(model.state_dict()["0.weight"], before["0.weight"])
    optimizer.check_finite = False
    optimizer.step()
    assert np.isnan(model[0].bias.item())


def test_large_finite_gradients_pass() -> None:
    p = nn.Parameter(np.zeros(2, np.float32))
    optimizer = optim.SGD([p], lr=1e-38)
    p.grad = np.full(2, 3e38, np.float32)
    optimizer.step()
    assert np.isfinite(p.detach().numpy()).all()


def test_step_without_parentheses_is_noticed() -> None:
    p = nn.Parameter([1.0])
    optimizer = optim.SGD([p], lr=0.1)

    def iteration():
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step

    iteration()
    with pytest.warns(UserWarning, match="without parentheses"):
        iteration()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        iteration()  # once is enough


def test_closure() -> None:
    p = nn.Parameter([1.0])
    optimizer = optim.SGD([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1.0
    assert p.item() == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: optim.SGD([]), ArgumentError, "SGD: got no parameters"),
        (lambda: optim.SGD(nn.Parameter([1.0])), OperandError, "needs an iterable of parameters"),
        (lambda: optim.SGD([nn.Parameter([1.0]) * 2]), ArgumentError, "only leaf tensors can be optimised"),
        (lambda: optim.SGD([np.zeros(2)]), OperandError, r"got float64\[2\]; needs tensors with requires_grad"),
        (lambda: optim.Adam([nn.Parameter([1.0])], lr=-1), ArgumentError, "Adam: got lr=-1; needs"),
        (lambda: optim.Adam([nn.Parameter([1.0])], betas=(1.0, 0.9)), ArgumentError, "Adam: got beta1=1.0"),
        (lambda: optim.SGD([nn.Parameter([1.0])], nesterov=True), ArgumentError, "nesterov needs a momentum"),
    ],
)
def test_words(call, kind, words) -> None:
    with pytest.raises(kind, match=words):
        call()
