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
