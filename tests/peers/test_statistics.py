"""Order statistics against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.peers.helpers import compare

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

X = np.random.default_rng(0).normal(size=6)


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_gradients_of_quantiles_are_torchs(method):
    compare(lambda x: wg.quantile(x, 0.33, method=method), lambda t: torch.quantile(t, 0.33, interpolation=method), X)
