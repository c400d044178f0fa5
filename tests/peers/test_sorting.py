"""Sorting and places against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.peers.helpers import compare

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sorted_values_are_torchs(axis):
    x = RNG.normal(size=(3, 5))
    compare(lambda a: wg.sort(a, axis), lambda t: torch.sort(t, axis).values, x)
    compare(lambda a: wg.sort(a, axis, descending=True), lambda t: torch.sort(t, axis, descending=True).values, x)
    compare(lambda a: wg.topk(a, 2, axis)[0], lambda t: torch.topk(t, 2, axis).values, x)
    down = {"largest": False}
    compare(lambda a: wg.topk(a, 3, dim=axis, **down)[0], lambda t: torch.topk(t, 3, axis, **down).values, x)
    np.testing.assert_array_equal(wg.topk(x, 2, axis)[1], torch.topk(torch.tensor(x), 2, axis).indices)
    compare(lambda a: wg.sort(wg.partition(a, 2, axis), axis), lambda t: torch.sort(t, axis).values, x)


def test_places_are_torchs():
    x = RNG.integers(0, 4, size=(4, 6)).astype(float)
    down = wg.argsort(x, axis=1, stable=True, descending=True)
    np.testing.assert_array_equal(down, torch.sort(torch.tensor(x), dim=1, stable=True, descending=True).indices)
