"""Activations: corners, the table of their properties, outputs for tasks."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.base.errors import ArgumentError, ShapeError
from wengert.nn import functional

X = np.linspace(-12, 12, 4801)
PER_ELEMENT = [r for r in nn.activations.table() if r.name not in ("Softmax", "LogSoftmax", "Softmin", "GLU")]


def made(name: str) -> nn.Module:
    layer = nn.Threshold(0.5, 0.5) if name == "Threshold" else getattr(nn, name)()
    return layer.double().eval()  # RReLU draws its slopes while training


@pytest.mark.parametrize("row", PER_ELEMENT, ids=lambda r: r.name)
def test_the_table_tells_the_range(row) -> None:
    layer = made(row.name)
    y = np.asarray(wg.tree_map(lambda p: p.detach().numpy(), layer)(X))
    assert row.low - 1e-12 <= y.min()
    assert y.max() <= row.high + 1e-12
    # Finite bounds are reached or approached.
    if np.isfinite(row.low):
        assert y.min() < row.low + 0.08
    if np.isfinite(row.high):
        assert y.max() > row.high - 0.08


@pytest.mark.parametrize("row", PER_ELEMENT, ids=lambda r: r.name)
def test_derivatives(row) -> None:
    wg.check_grads(made(row.name), (np.array([-3.7, -1.3, -0.3, 0.2, 0.8, 2.9, 6.7]),), order=2, rtol=1e-5)


def test_the_table_names_every_activation() -> None:
    named = {row.name for row in nn.activations.table()}
    offered = {n for n in dir(nn.activations) + dir(nn.hard) if isinstance(getattr(nn, n, None), type)}
    assert offered - named <= {"Module", "Parameter", "Heaviside", "Swish"}
    assert nn.activations.table()["Tanh"].squashing
    assert not nn.activations.table()["ReLU"].squashing
    assert len(repr(nn.activations.table()).splitlines()) == len(named) + 1
    with pytest.raises(ArgumentError, match="no activation is called 'Relu'; they are Sigmoid, Tanh"):
        nn.activations.table()["Relu"]


@pytest.mark.parametrize(("task", "activation"), [
    ("regression", "Identity"), ("binary", "Sigmoid"), ("multiclass", "Softmax"), ("multilabel", "Sigmoid"),
])  # fmt: skip
def test_output_for_a_task(task: str, activation: str) -> None:
    found = nn.output_for(task)
    assert found.activation == activation
    assert hasattr(nn, found.loss)
    with pytest.raises(ArgumentError, match="output_for: got 'ranking'; tasks are regression, binary"):
        nn.output_for("ranking")


@pytest.mark.parametrize(("f", "corners"), [
    (functional.hardtanh, [-1, 1]), (functional.relu6, [0, 6]), (functional.hardsigmoid, [-3, 3]),
    (functional.softshrink, [-0.5, 0.5]), (functional.hardshrink, [-0.5, 0.5]),
    (lambda x: functional.threshold(x, 0.5, 0.0), [0.5]),
])  # fmt: skip
def test_derivatives_at_corners_are_zero(f, corners) -> None:
    np.testing.assert_array_equal(wg.elementwise_grad(f)(np.array(corners, float)), 0)


def test_inplace_is_accepted_and_changes_nothing() -> None:
    x = np.array([-1.0, 2.0])
    assert nn.ReLU(inplace=True)(x)[0] == 0
    assert x[0] == -1


def test_words() -> None:
    with pytest.raises(ShapeError, match=r"glu: got float64\[2, 3\]; needs an even length along axis 1"):
        nn.GLU()(np.ones((2, 3)))
    with pytest.raises(ArgumentError, match="Hardtanh: got the bounds 2 and 1; needs min_val < max_val"):
        nn.Hardtanh(2, 1)
