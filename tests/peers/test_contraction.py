"""Products of arrays against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.ops.test_contraction import EINSUMS, MATMULS
from tests.peers.helpers import compare, compare_hessians

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shapes", MATMULS)
def test_matmul_is_torchs(shapes):
    compare(wg.matmul, torch.matmul, *(RNG.normal(size=s) for s in shapes))


@pytest.mark.parametrize("subscripts,shapes", [(s[0], s[1:]) for s in EINSUMS])
def test_einsum_is_torchs(subscripts, shapes):
    xs = [RNG.normal(size=s) for s in shapes]
    compare(lambda *a: wg.einsum(subscripts, *a), lambda *a: torch.einsum(subscripts, *a), *xs)


def test_second_order():
    a, v = RNG.normal(size=(3, 3)), RNG.normal(size=3)
    compare_hessians(lambda x: wg.einsum("ij,jk,ki->", x, x, x), lambda t: torch.einsum("ij,jk,ki->", t, t, t), a)
    w = torch.tensor(v)
    compare_hessians(lambda x: wg.vdot(x @ v, x @ (x @ v)), lambda t: torch.vdot(t @ w, t @ (t @ w)), a, atol=1e-11)
