"""Decompositions: values, derivatives of gauge-invariant functions as differences to second order, batching, edges."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

RNG = np.random.default_rng(0)
KINDS = ["real", "complex"]


def draw(kind, *shape):
    return RNG.normal(size=shape) + (1j * RNG.normal(size=shape) if kind == "complex" else 0)


def definite(kind, *shape):
    a = draw(kind, *shape)
    return a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(shape[-1])


def weight(size):
    return RNG.normal(size=size)


def real(x):
    return wg.real(x) if x.dtype.kind == "c" else x


def hermitian(a):
    """The Hermitian part of a matrix, ours or PyTorch's."""
    return (a + a.mH) / 2


@pytest.mark.parametrize("kind", KINDS)
def test_cholesky(kind):
    a = definite(kind, 3, 3)
    y = wg.linalg.cholesky(a)
    np.testing.assert_allclose(y, np.linalg.cholesky(a), atol=1e-12)
    np.testing.assert_allclose(wg.linalg.cholesky(a, upper=True), y.conj().T)
    np.testing.assert_allclose(wg.linalg.cholesky(np.tril(a)), y)
    np.testing.assert_allclose(wg.linalg.cholesky(np.triu(a), upper=True), y.conj().T)
    wg.check_grads(lambda a: wg.linalg.cholesky(hermitian(wg.asarray(a))), (a,))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (1, 1)])
def test_qr(kind, shape):
    a = draw(kind, *shape)
    q, r = wg.linalg.qr(a)
    expected = np.linalg.qr(a)
    np.testing.assert_allclose(q, expected.Q, atol=1e-12)
    np.testing.assert_allclose(r, expected.R, atol=1e-12)
    np.testing.assert_allclose(wg.linalg.qr(a, "r"), expected.R, atol=1e-12)
    wg.check_grads(lambda a: tuple(wg.linalg.qr(a)), (a,))


@pytest.mark.parametrize("kind", KINDS)
def test_eigh(kind):
    a, w, c = definite(kind, 3, 3), draw(kind, 3, 3), weight(3)
    values, vectors = wg.linalg.eigh(a)
    np.testing.assert_allclose(a @ vectors, vectors * values, atol=1e-12)

    def f(a):  # invariant under phases: the projectors V diag(c) V^H
        values, v = wg.linalg.eigh(hermitian(wg.asarray(a)))
        return wg.vdot(c, values * values) + real(wg.vdot(np.conj(w), (v * c) @ wg.conj(v).T))

    wg.check_grads(f, (a,))
    np.testing.assert_allclose(wg.linalg.eigvalsh(a), np.linalg.eigvalsh(a))


@pytest.mark.parametrize("name,option", [("cholesky", {}), ("cholesky", {"upper": True}), ("eigvalsh", {"UPLO": "U"})])
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_lies_in_the_triangle_that_is_read(name, option, kind):
    """Only one triangle is read, so the gradient is that of the Hermitian matrix, folded into it."""
    a, w = definite(kind, 3, 3), draw(kind, 3, 3)
    w = np.conj(w[0] if name == "eigvalsh" else w)

    def f(a):
        return real(wg.vdot(w, getattr(wg.linalg, name)(a, **option)))

    g, whole = wg.grad(f)(a), wg.grad(lambda a: f(hermitian(wg.asarray(a))))(a)
    other = np.tril if option else np.triu
    assert not np.any(other(g, -1 if option else 1))
    np.testing.assert_allclose((g + g.conj().T) / 2, whole, atol=1e-12)
    wg.check_grads(f, (a,))


def test_eigh_reads_the_wanted_triangle():
    a = RNG.normal(size=(3, 3))
    for uplo in ("L", "U"):
        np.testing.assert_allclose(wg.linalg.eigvalsh(a, uplo), np.linalg.eigvalsh(a, uplo))
        g = wg.grad(lambda a, u=uplo: wg.linalg.eigvalsh(a, u) @ np.arange(3.0))(a)
        assert not np.any(np.triu(g, 1) if uplo == "L" else np.tril(g, -1))


def test_eigh_of_equal_eigenvalues_is_finite():
    g = wg.grad(lambda a: wg.linalg.norm(wg.linalg.eigh(a).eigenvectors))(np.eye(3))
    np.testing.assert_array_equal(g, 0)
    np.testing.assert_allclose(wg.grad(lambda a: wg.vdot(np.ones(3), wg.linalg.eigvalsh(a)))(np.eye(3)), np.eye(3))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (1, 1)])
def test_svd(kind, shape):
    a, w, c = draw(kind, *shape), draw(kind, *shape), weight(min(shape))
    u, s, vh = wg.linalg.svd(a, full_matrices=False)
    np.testing.assert_allclose((u * s) @ vh, a, atol=1e-12)
    np.testing.assert_allclose(wg.linalg.svdvals(a), np.linalg.svd(a, compute_uv=False), atol=1e-12)

    def f(a):  # invariant under phases: U diag(c) Vh
        u, s, vh = wg.linalg.svd(a, full_matrices=False)
        return wg.vdot(c, s * s * s) + real(wg.vdot(np.conj(w), (u * c) @ vh))

    wg.check_grads(f, (a,))


@pytest.mark.parametrize("kind", KINDS)
def test_eig(kind):
    a, c = draw(kind, 3, 3), weight(3)
    values, vectors = wg.linalg.eig(a)
    np.testing.assert_allclose(a @ vectors, vectors * values, atol=1e-12)
    np.testing.assert_allclose(values, np.linalg.eigvals(a), atol=1e-12)

    def f(a):  # invariant under order and phases
        values, v = wg.linalg.eig(a)
        return real(wg.vdot(np.ones(3), values**3)) + wg.vdot(np.ones(9).reshape(3, 3), wg.abs(v) ** 4 * c[:, None])

    wg.check_grads(f, (a,))


def test_eig_of_an_empty_matrix():
    assert wg.grad(lambda a: wg.sum(wg.abs(wg.linalg.eig(a)[1])))(np.zeros((0, 0))).shape == (0, 0)


@pytest.mark.parametrize("name", ["cholesky", "eigvalsh", "svdvals", "eigvals"])
def test_batches_as_a_loop(name):
    f = getattr(wg.linalg, name)
    a = definite("real", 3, 2, 2)
    np.testing.assert_allclose(wg.vmap(f)(a), [f(x) for x in a])
    np.testing.assert_allclose(f(a), [f(x) for x in a])

    def scalar(x):
        return real(wg.vdot(np.arange(f(a[0]).size), f(x)))

    np.testing.assert_allclose(wg.vmap(wg.grad(scalar))(a), [wg.grad(scalar)(x) for x in a], atol=1e-12)


def test_names_of_the_results():
    a = definite("real", 2, 2)
    assert wg.linalg.svd(a, full_matrices=False)._fields == ("U", "S", "Vh")
    assert wg.linalg.eigh(a)._fields == ("eigenvalues", "eigenvectors")
    assert wg.linalg.qr(a)._fields == ("Q", "R")
    np.testing.assert_allclose(wg.linalg.svd(np.ones((3, 2))).U.shape, (3, 3))
    assert wg.linalg.eigh(a.astype(np.float32))[0].dtype == np.float32


@pytest.mark.parametrize("call,error,words", [
    (lambda: wg.linalg.cholesky(-np.eye(2)), np.linalg.LinAlgError, r"cholesky: got float64\[2, 2\].*positive def"),
    (lambda: wg.grad(lambda a: wg.linalg.svd(a).U[0, 0])(np.ones((3, 2))), ValueError, "full_matrices=False"),
    (lambda: wg.grad(lambda a: wg.linalg.qr(a, "complete").Q[0, 0])(np.ones((3, 2))), ValueError, "mode='reduced'"),
    (lambda: wg.linalg.qr(np.eye(2), "raw"), ValueError, "needs 'reduced'"),
    (lambda: wg.linalg.eigh(np.eye(2), "X"), ValueError, "UPLO='X'"),
    (lambda: wg.linalg.eigh(np.ones((2, 3))), ValueError, "needs square"),
    (lambda: wg.linalg.eig(np.full((2, 2), np.nan)), np.linalg.LinAlgError, "eig: got"),
])  # fmt: skip
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()
