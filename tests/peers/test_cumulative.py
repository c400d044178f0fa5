"""Cumulative functions, differences and integrals against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.peers.helpers import compare, compare_hessians

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cumulative_functions_are_torchs(axis):
    x = RNG.normal(size=(3, 4))
    compare(lambda a: wg.cumsum(a, axis), lambda t: torch.cumsum(t, axis), x)
    compare(lambda a: wg.cumprod(a, axis), lambda t: torch.cumprod(t, axis), x)
    compare(lambda a: wg.cummax(a, axis), lambda t: torch.cummax(t, axis).values, x)
    compare(lambda a: wg.cummin(a, dim=axis), lambda t: torch.cummin(t, axis).values, x)
    compare(lambda a: wg.logcumsumexp(a, axis), lambda t: torch.logcumsumexp(t, axis), x)


@pytest.mark.parametrize("zeros", [(), (0,), (1,), (0, 2), (0, 1, 2, 3)])
def test_cumulative_products_with_zeros(zeros):
    x, w = RNG.normal(size=4), RNG.normal(size=4)
    x[list(zeros)] = 0
    compare(wg.cumprod, lambda t: torch.cumprod(t, 0), x)
    compare_hessians(
        lambda a: wg.sum(wg.cumprod(a) * w), lambda t: sum(w[k] * torch.prod(t[: k + 1]) for k in range(4)), x
    )


def test_diff():
    x = RNG.normal(size=(3, 5))
    compare(lambda a: wg.diff(a, n=2, axis=0), lambda t: torch.diff(t, n=2, dim=0), x)


@pytest.mark.parametrize("edge_order", [1, 2])
def test_gradient(edge_order):
    x, places = RNG.normal(size=(4, 5)), np.cumsum(RNG.uniform(0.5, 1, 5))
    spacing = (torch.tensor(places),)
    compare(
        lambda a: wg.gradient(a, places, axis=1, edge_order=edge_order),
        lambda t: torch.gradient(t, spacing=spacing, dim=1, edge_order=edge_order)[0],
        x,
    )


def test_trapezoid():
    y, x = RNG.normal(size=(3, 4)), RNG.normal(size=4)
    compare(wg.trapezoid, torch.trapezoid, y, x)
