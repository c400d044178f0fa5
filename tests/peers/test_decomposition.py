"""Decompositions against PyTorch to second order, in functions that do not depend on signs, phases and order."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.ops.test_decomposition import KINDS, hermitian, real
from tests.peers.helpers import compare, draw

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")


def definite(kind, *shape):
    a = draw(kind, *shape, seed=3)
    return a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(shape[-1])


@pytest.mark.parametrize("kind", KINDS)
def test_cholesky(kind):
    compare(
        lambda a: wg.linalg.cholesky(hermitian(wg.asarray(a))),
        lambda t: torch.linalg.cholesky(hermitian(t)),
        definite(kind, 3, 3),
        order=2,
        atol=1e-9,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (1, 1)])
def test_qr(kind, shape):
    for part in range(2):
        compare(
            lambda a, i=part: wg.linalg.qr(a)[i],
            lambda t, i=part: torch.linalg.qr(t)[i],
            draw(kind, *shape, seed=3),
            order=2,
            atol=1e-9,
        )


@pytest.mark.parametrize("kind", KINDS)
def test_eigh(kind):
    w, c = draw(kind, 3, 3), draw("real", 3)
    d, e = torch.tensor(w), torch.tensor(c)

    def f(a):  # invariant under phases: the projectors V diag(c) V^H
        values, v = wg.linalg.eigh(hermitian(wg.asarray(a)))
        return wg.vdot(c, values * values) + real(wg.vdot(np.conj(w), (v * c) @ wg.conj(v).T))

    def g(t):
        values, v = torch.linalg.eigh(hermitian(t))
        return (values * values * e).sum() + (((v * e) @ v.mH) * d).sum().real

    compare(f, g, definite(kind, 3, 3), order=2, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (1, 1)])
def test_svd(kind, shape):
    w, c = draw(kind, *shape), draw("real", min(shape))
    d, e = torch.tensor(w), torch.tensor(c)

    def f(a):  # invariant under phases: U diag(c) Vh
        u, s, vh = wg.linalg.svd(a, full_matrices=False)
        return wg.vdot(c, s * s * s) + real(wg.vdot(np.conj(w), (u * c) @ vh))

    def g(t):
        u, s, vh = torch.linalg.svd(t, full_matrices=False)
        return (s**3 * e).sum() + (((u * e.to(u.dtype)) @ vh) * d).sum().real

    compare(f, g, draw(kind, *shape, seed=3), order=2, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_eig(kind):
    c = draw("real", 3)
    e = torch.tensor(c)

    def f(a):  # invariant under order and phases
        values, v = wg.linalg.eig(a)
        return real(wg.vdot(np.ones(3), values**3)) + wg.vdot(np.ones(9).reshape(3, 3), wg.abs(v) ** 4 * c[:, None])

    def g(t):
        values, v = torch.linalg.eig(t)
        return (values**3).sum().real + (v.abs() ** 4 * e[:, None]).sum()

    compare(f, g, draw(kind, 3, 3, seed=3), order=2, atol=1e-7)
