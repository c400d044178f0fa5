"""Containers: names, indices, slices."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.base.errors import IndexingError


def test_sequential_grows_by_name() -> None:
    model = nn.Sequential()
    model.add_module("W0", nn.Linear(8, 16))
    model.add_module("tanh", nn.Tanh())
    model.add_module("W1", nn.Linear(16, 1))
    assert [n for n, _ in model.named_parameters()] == ["W0.weight", "W0.bias", "W1.weight", "W1.bias"]
    assert model(np.zeros((3, 8), np.float32)).shape == (3, 1)
    assert [n for n, _ in model[1:].named_children()] == ["tanh", "W1"]


def test_indices() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert isinstance(model[-1], nn.Linear)
    assert len(model[:2]) == 2
    model[1] = nn.Tanh()
    assert isinstance(model[1], nn.Tanh)
    with pytest.raises(IndexingError, match="index 3 is out of range for 3 modules"):
        model[3]


def test_list_and_dict() -> None:
    parts = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)]).append(nn.Tanh())
    assert len(parts) == 4
    assert len(list(parts.parameters())) == 6
    named = nn.ModuleDict({"a": nn.Linear(1, 1)})
    named["b"] = nn.Linear(1, 1)
    assert list(named.keys()) == ["a", "b"]
    assert "a" in named


def test_flatten_and_identity() -> None:
    x = np.zeros((2, 3, 4))
    assert nn.Flatten()(x).shape == (2, 12)
    assert nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.Identity(3, some=1)(x) is x


def test_a_function_as_a_module() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Lambda(np.exp))
    x = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(model(x).detach().numpy(), np.exp(model[0](x).detach().numpy()))
    assert list(model.state_dict()) == ["0.weight", "0.bias"]
    assert repr(model[1]) == "Lambda(exp)"
    slopes = wg.elementwise_grad(nn.Lambda(np.square))(np.array([1.0, -3.0]))
    np.testing.assert_array_equal(slopes, [2.0, -6.0])
