"""Initial values: bounds and variances."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.base.errors import ArgumentError, ShapeError

WEIGHT = (128, 784)


@pytest.mark.parametrize(
    ("set_", "bound", "deviation"),
    [
        (nn.init.xavier_uniform_, math.sqrt(6 / 912), math.sqrt(2 / 912)),
        (nn.init.xavier_normal_, None, math.sqrt(2 / 912)),
        (nn.init.kaiming_uniform_, math.sqrt(6 / 784), math.sqrt(2 / 784)),
        (nn.init.kaiming_normal_, None, math.sqrt(2 / 784)),
        (lambda p: nn.init.kaiming_normal_(p, mode="fan_out", nonlinearity="tanh"), None, 5 / 3 / math.sqrt(128)),
        (lambda p: nn.init.normal_(p, 0, 0.5), None, 0.5),
        (lambda p: nn.init.uniform_(p, -1, 1), 1.0, 1 / math.sqrt(3)),
        (nn.init.zeros_, 0.0, 0.0),
        (nn.init.lecun_normal_, None, 1 / math.sqrt(784)),
        (nn.init.lecun_uniform_, math.sqrt(3 / 784), 1 / math.sqrt(784)),
        (lambda p: nn.init.trunc_normal_(p, std=0.5, a=-0.5, b=0.5), 0.5, 0.5 * math.sqrt(0.29112509)),
        (nn.init.orthogonal_, None, 1 / math.sqrt(784)),
    ],
)
def test_spread(set_, bound, deviation) -> None:
    wg.manual_seed(1)
    p = nn.Parameter(np.ones(WEIGHT, np.float32))
    assert set_(p) is p
    values = p.detach().numpy()
    assert values.dtype == np.float32
    assert values.std() == pytest.approx(deviation, rel=0.02)
    if bound is not None:
        assert abs(values).max() <= bound * (1 + 1e-6)
        assert abs(values).max() >= bound * 0.99
    assert p.requires_grad
    assert p.is_leaf


def test_linear_default_is_pytorchs() -> None:
    layer = nn.Linear(64, 1000)
    assert 0.12 < abs(layer.weight.detach().numpy()).max() <= 0.125
    assert 0.12 < abs(layer.bias.detach().numpy()).max() <= 0.125


def test_the_seed_repeats_the_draws() -> None:
    wg.manual_seed(3)
    a = nn.Linear(4, 4).state_dict()
    wg.manual_seed(3)
    np.testing.assert_array_equal(a["weight"], nn.Linear(4, 4).state_dict()["weight"])


def test_words() -> None:
    with pytest.raises(ShapeError, match=r"a parameter of shape \[3\] has no fans; needs at least 2 axes"):
        nn.init.xavier_normal_(nn.Parameter(np.zeros(3)))
    with pytest.raises(ArgumentError, match="calculate_gain: got 'gelu'"):
        nn.init.calculate_gain("gelu")
    assert nn.init.calculate_gain("leaky_relu", 0.2) == pytest.approx(math.sqrt(2 / 1.04))


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 2, 3)])
def test_orthogonal(shape) -> None:
    w = nn.init.orthogonal_(nn.Parameter(np.zeros(shape)), 2.0).detach().numpy().reshape(shape[0], -1)
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_sparse_and_identity() -> None:
    w = nn.init.sparse_(nn.Parameter(np.zeros((10, 7))), 0.25).detach().numpy()
    np.testing.assert_array_equal((w == 0).sum(0), 3)
    np.testing.assert_array_equal(nn.init.eye_(nn.Parameter(np.zeros((2, 3)))).detach().numpy(), np.eye(2, 3))
    with pytest.raises(ArgumentError, match="sparse_: got sparsity=2; needs a number from 0 to 1"):
        nn.init.sparse_(nn.Parameter(np.zeros((2, 2))), 2)


def test_constants() -> None:
    p = nn.Parameter(np.zeros((2, 3), np.float32))
    for set_, value in ((nn.init.ones_, 1), (nn.init.zeros_, 0), (lambda p: nn.init.constant_(p, 0.25), 0.25)):
        assert set_(p) is p
        assert p.dtype == np.float32
        np.testing.assert_array_equal(p.detach().numpy(), np.full((2, 3), value, np.float32))
