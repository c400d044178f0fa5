"""Determinants, norms, pseudo-inverse and matrix functions against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.ops.test_linalg import KINDS, MATRIX_ORDERS, ORDERS
from tests.peers.helpers import compare, compare_hessians, draw

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

INF = np.inf


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (1, 1), (5, 5)])
def test_det_and_slogdet(kind, shape):
    a = draw(kind, *shape, seed=3)
    compare(wg.linalg.det, torch.linalg.det, a, atol=1e-9)
    compare(lambda a: wg.linalg.slogdet(a).logabsdet, lambda t: torch.linalg.slogdet(t).logabsdet, a, atol=1e-9)
    compare(lambda a: wg.linalg.slogdet(a).sign, lambda t: torch.linalg.slogdet(t).sign + 0 * t.sum(), a, atol=1e-9)
    if kind == "real" and len(shape) == 2:
        compare_hessians(wg.linalg.det, torch.linalg.det, a, 1e-8)
        compare_hessians(lambda a: wg.linalg.slogdet(a)[1], lambda t: torch.linalg.slogdet(t)[1], a, 1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2)])
def test_pinv(kind, shape):
    a = draw(kind, *shape, seed=3)
    compare(wg.linalg.pinv, torch.linalg.pinv, a, atol=1e-9)
    if kind == "real" and len(shape) == 2:
        w = draw("real", *shape[::-1])
        t = torch.tensor(w)
        compare_hessians(lambda a: wg.vdot(w, wg.linalg.pinv(a)), lambda a: (t * torch.linalg.pinv(a)).sum(), a, 1e-8)


@pytest.mark.parametrize("shape,right", [((4, 2), (4,)), ((4, 2), (4, 3)), ((2, 4), (2,)), ((3, 3), (3, 1))])
def test_lstsq(shape, right):
    a, b = draw("real", *shape, seed=3), draw("real", *right, seed=4)
    compare(lambda a, b: wg.linalg.lstsq(a, b)[0], lambda a, b: torch.linalg.pinv(a) @ b, a, b, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms(kind, keepdims):
    a = draw(kind, 3, 4, seed=3)
    for order in ORDERS:
        compare(
            lambda a, p=order: wg.linalg.norm(a, p, 0, keepdims),
            lambda t, p=order: torch.linalg.norm(t, p, 0, keepdims),
            a,
            atol=1e-9,
        )
    for order in MATRIX_ORDERS:
        compare(
            lambda a, p=order: wg.linalg.norm(a, p, (0, 1), keepdims),
            lambda t, p=order: torch.linalg.matrix_norm(t, p or "fro", (0, 1), keepdims),
            a,
            atol=1e-9,
        )


def test_norm_second_order():
    x = draw("real", 4, seed=3)
    for order in (2, 3, 1.5):
        compare_hessians(
            lambda x, p=order: wg.linalg.norm(x, p), lambda t, p=order: torch.linalg.norm(t, p), x, atol=1e-8
        )


def torch_cond(t, p):  # torch's own changes a matrix in place that its derivative needs
    if p in (None, 2, -2):
        return torch.linalg.cond(t, p)
    return torch.linalg.matrix_norm(t, p) * torch.linalg.matrix_norm(torch.linalg.inv(t), p)


@pytest.mark.parametrize("p", [None, 1, -1, 2, -2, INF, -INF, "fro"])
def test_cond(p):
    compare(lambda a: wg.linalg.cond(a, p), lambda t: torch_cond(t, p), draw("real", 3, 3, seed=3), atol=1e-7)


@pytest.mark.parametrize("n", [-3, -1, 1, 2, 5])
def test_matrix_power(n):
    a = draw("real", 2, 3, 3, seed=3) / 2
    compare(lambda a: wg.linalg.matrix_power(a, n), lambda t: torch.linalg.matrix_power(t, n), a, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_expm(kind):
    a = draw(kind, 3, 3, seed=3)
    compare(wg.linalg.expm, torch.linalg.matrix_exp, np.stack([a, a / 3]), atol=1e-9)
    if kind == "real":
        w = draw("real", 3, 3)
        t = torch.tensor(w)
        compare_hessians(
            lambda a: wg.vdot(w, wg.linalg.expm(a)), lambda a: (t * torch.linalg.matrix_exp(a)).sum(), a, 1e-8
        )
