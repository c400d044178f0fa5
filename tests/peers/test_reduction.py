"""Means, deviations, extrema, products and the softmax family against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.peers.helpers import compare, compare_hessians

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_gradients_are_torchs(axis):
    x = RNG.normal(size=(2, 3, 4))
    dim = tuple(range(3)) if axis is None else axis
    compare(lambda a: wg.mean(a, axis), lambda t: torch.mean(t, dim), x)
    compare(lambda a: wg.var(a, axis, ddof=1), lambda t: torch.var(t, dim, correction=1), x)
    compare(lambda a: wg.std(a, axis), lambda t: torch.std(t, dim, correction=0), x)
    compare(lambda a: wg.max(a, axis), lambda t: torch.amax(t, dim), x)
    compare(lambda a: wg.min(a, axis, keepdims=True), lambda t: torch.amin(t, dim, keepdim=True), x)
    compare(lambda a: wg.logsumexp(a, axis), lambda t: torch.logsumexp(t, dim), x)


def test_ties_share_evenly():
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    compare(lambda a: wg.max(a, 1), lambda t: torch.amax(t, 1), x)
    compare(wg.min, torch.amin, x)


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_product_with_zeros_to_second_order(zeros):
    x = RNG.normal(size=5)
    x[:zeros] = 0
    compare(wg.prod, torch.prod, x)
    compare_hessians(wg.prod, torch.prod, x)


def test_softmax_gradients_are_torchs():
    x = RNG.normal(size=(3, 4))
    compare(lambda a: wg.softmax(a, axis=1), lambda t: torch.softmax(t, 1), x)
    compare(lambda a: wg.log_softmax(a, dim=0), lambda t: torch.log_softmax(t, 0), x)
    compare_hessians(wg.logsumexp, lambda t: torch.logsumexp(t, 0), x[0])
