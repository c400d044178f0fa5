"""Linear equations: values as NumPy's and SciPy's, derivatives as differences, batching, errors."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

import wengert as wg

RNG = np.random.default_rng(0)


def draw(kind, *shape, regular=True):
    x = RNG.normal(size=shape) + (1j * RNG.normal(size=shape) if kind == "complex" else 0)
    return x + 3 * np.eye(shape[-1]) if regular else x


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize(
    "a,b", [((3, 3), (3, 2)), ((3, 3), (3,)), ((2, 3, 3), (2, 3, 4)), ((2, 3, 3), (3, 1)), ((1, 1), (1,))]
)
def test_solve(kind, a, b):
    a, b = draw(kind, *a), draw(kind, *b, regular=False)
    np.testing.assert_allclose(wg.linalg.solve(a, b), np.linalg.solve(a, b), atol=1e-12)
    np.testing.assert_allclose(wg.linalg.inv(a), np.linalg.inv(a), atol=1e-12)
    wg.check_grads(wg.linalg.solve, (a, b))
    wg.check_grads(wg.linalg.inv, (a,))


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("unit", [True, False])
def test_solve_triangular(kind, lower, unit):
    a, b = draw(kind, 3, 3), draw(kind, 3, 2, regular=False)
    for trans in (0, 1, 2, "N", "T", "C"):
        found = wg.linalg.solve_triangular(a, b, trans, lower, unit)
        np.testing.assert_allclose(found, scipy.linalg.solve_triangular(a, b, trans, lower, unit), atol=1e-12)
        wg.check_grads(lambda a, b, t=trans: wg.linalg.solve_triangular(a, b, t, lower, unit), (a, b), order=1)


def test_cho_solve():
    a, b = draw("complex", 3, 3), draw("complex", 3, regular=False)
    a = a @ a.conj().T
    c = wg.linalg.cholesky(a)
    np.testing.assert_allclose(wg.linalg.cho_solve((c, True), b), np.linalg.solve(a, b))
    np.testing.assert_allclose(wg.linalg.cho_solve((c.conj().T, False), b), np.linalg.solve(a, b))


def test_tensorsolve_and_tensorinv():
    a, b = RNG.normal(size=(2, 3, 6)), RNG.normal(size=(2, 3))
    np.testing.assert_allclose(wg.linalg.tensorsolve(a, b), np.linalg.tensorsolve(a, b))
    np.testing.assert_allclose(wg.linalg.tensorinv(a), np.linalg.tensorinv(a))
    a, b = RNG.normal(size=(2, 6, 3)), RNG.normal(size=(2, 3))
    np.testing.assert_allclose(wg.linalg.tensorsolve(a, b, (1,)), np.linalg.tensorsolve(a, b, (1,)))


def test_second_order_and_batching():
    a, b = draw("real", 3, 3), draw("real", 3, regular=False)

    def f(a):
        return wg.vdot(wg.linalg.solve(a, b), b)

    wg.check_grads(f, (a,), order=3)
    stack = np.stack([a, 2 * a])
    np.testing.assert_allclose(wg.vmap(wg.grad(f))(stack), [wg.grad(f)(x) for x in stack], atol=1e-12)
    found = wg.vmap(lambda b: wg.linalg.solve(a, b))(np.stack([b, 2 * b]))
    np.testing.assert_allclose(found, [np.linalg.solve(a, b), np.linalg.solve(a, 2 * b)])


def test_dtypes():
    assert wg.linalg.solve(np.eye(2, dtype=np.float32), np.ones(2, np.float32)).dtype == np.float32
    assert wg.linalg.inv([[1, 0], [0, 2]]).dtype == np.float64
    with pytest.raises(TypeError, match="inv: got float16"):
        wg.linalg.inv(np.eye(2, dtype=np.float16))


@pytest.mark.parametrize("call,error,words", [
    (lambda: wg.linalg.inv(np.zeros((2, 2))), np.linalg.LinAlgError, r"inv: got float64\[2, 2\]; NumPy says: Singular"),
    (lambda: wg.linalg.solve(np.ones((2, 2)), np.ones(2)), np.linalg.LinAlgError, "solve: got"),
    (lambda: wg.linalg.solve_triangular(np.zeros((2, 2)), np.ones(2)), np.linalg.LinAlgError, "zero on the diagonal"),
    (lambda: wg.linalg.inv(np.ones((2, 3))), ValueError, "needs square"),
    (lambda: wg.linalg.inv(np.ones(3)), ValueError, "at least two axes"),
    (lambda: wg.linalg.solve(np.eye(2), np.ones(3)), ValueError, "as many rows"),
    (lambda: wg.linalg.solve_triangular(np.eye(2), np.ones(2), 3), ValueError, "trans=3"),
    (lambda: wg.linalg.tensorinv(np.ones((2, 3)), 1), ValueError, "as many elements"),
])  # fmt: skip
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()
