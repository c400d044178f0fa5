"""Determinants, norms, pseudo-inverse, matrix functions: values as NumPy's, derivatives as differences, edges."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

import wengert as wg

RNG = np.random.default_rng(0)
KINDS = ["real", "complex"]
INF = np.inf


def draw(kind, *shape):
    return RNG.normal(size=shape) + (1j * RNG.normal(size=shape) if kind == "complex" else 0)


def check(f, *xs, order=1, rtol=None):
    """Derivatives as differences; batches of pullbacks as a loop."""
    wg.check_grads(f, xs, order=order, rtol=rtol)
    w = draw("complex" if np.iscomplexobj(f(*xs)) else "real", *np.shape(f(*xs)))

    def pulled(*given):
        return wg.vjp(f, *given)[1](w)

    batched = wg.vmap(pulled)(*(np.stack([x, x]) for x in xs))
    for ours, one in zip(batched, pulled(*xs), strict=True):
        np.testing.assert_allclose(ours[1], one, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (1, 1), (5, 5)])
def test_det_and_slogdet(kind, shape):
    a = draw(kind, *shape)
    np.testing.assert_allclose(wg.linalg.det(a), np.linalg.det(a), atol=1e-12)
    for ours, numpys in zip(wg.linalg.slogdet(a), np.linalg.slogdet(a), strict=True):
        np.testing.assert_allclose(ours, numpys, atol=1e-12)
    check(wg.linalg.det, a, order=2)
    check(lambda a: wg.linalg.slogdet(a).logabsdet, a, order=2)
    check(lambda a: wg.linalg.slogdet(a).sign, a)


EPSILON = np.linalg.det(np.eye(3)[np.indices((3, 3, 3)).reshape(3, -1).T]).round().reshape(3, 3, 3)


def expanded_det(a):
    """The determinant of 3 x 3 as a polynomial."""
    return wg.einsum("ijk,lmn,il,jm,kn->", EPSILON, EPSILON, a, a, a) / 6


@pytest.mark.parametrize("a", [
    np.zeros((3, 3)), np.eye(3), np.ones((3, 3)), np.diag([1.0, 2.0, 0.0]), np.diag([1.0, 0.0, 0.0]),
    np.array([[1.0, 2, 3], [2, 4, 6], [0, 1, 5]]),
])  # fmt: skip
def test_det_of_singular_matrices_to_second_order(a):
    np.testing.assert_allclose(wg.grad(wg.linalg.det)(a), wg.grad(expanded_det)(a), atol=1e-12)
    np.testing.assert_allclose(wg.hessian(wg.linalg.det)(a), wg.hessian(expanded_det)(a), atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2)])
def test_pinv(kind, shape):
    a = draw(kind, *shape)
    np.testing.assert_allclose(wg.linalg.pinv(a), np.linalg.pinv(a), atol=1e-12)
    check(wg.linalg.pinv, a, order=2)


def test_pinv_at_equal_singular_values():
    np.testing.assert_allclose(wg.jacobian(wg.linalg.pinv)(np.eye(2)), wg.jacobian(wg.linalg.inv)(np.eye(2)))


@pytest.mark.parametrize("shape,right", [((4, 2), (4,)), ((4, 2), (4, 3)), ((2, 4), (2,)), ((3, 3), (3, 1))])
def test_lstsq(shape, right):
    a, b = RNG.normal(size=shape), RNG.normal(size=right)
    ours, theirs = wg.linalg.lstsq(a, b), np.linalg.lstsq(a, b)
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-12)
        assert np.shape(x) == np.shape(y)
    check(lambda a, b: wg.linalg.lstsq(a, b)[0], a, b)


ORDERS = [None, 1, 2, 3, 0.5, 1.5, INF, -INF, -1, -2]
MATRIX_ORDERS = [None, "fro", "nuc", 1, -1, 2, -2, INF, -INF]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms(kind, keepdims):
    a = draw(kind, 3, 4)
    for order in [*ORDERS, 0]:
        np.testing.assert_allclose(wg.linalg.norm(a, order, 1, keepdims), np.linalg.norm(a, order, 1, keepdims))
        if order not in (None, 0):
            check(lambda a, p=order: wg.linalg.norm(a, p, 0, keepdims), a)
    for order in MATRIX_ORDERS:
        np.testing.assert_allclose(
            wg.linalg.norm(a, order, (1, 0), keepdims), np.linalg.norm(a, order, (1, 0), keepdims)
        )
        np.testing.assert_allclose(
            wg.linalg.matrix_norm(a, keepdims=keepdims, ord=order or "fro"),
            np.linalg.matrix_norm(a, keepdims=keepdims, ord=order or "fro"),
        )
        check(lambda a, p=order: wg.linalg.norm(a, p, (0, 1), keepdims), a)
    np.testing.assert_allclose(wg.linalg.norm(a), np.linalg.norm(a))
    np.testing.assert_allclose(wg.linalg.vector_norm(a, ord=3), np.linalg.vector_norm(a, ord=3))
    np.testing.assert_allclose(wg.linalg.vector_norm(a, axis=0, ord=1), np.linalg.vector_norm(a, axis=0, ord=1))


@pytest.mark.parametrize("order", [None, 1, 1.5, 2, 3, INF])
def test_norm_at_zero_has_gradient_zero(order):
    np.testing.assert_array_equal(wg.grad(lambda x: wg.linalg.norm(x, order))(np.zeros(3)), 0)
    assert np.all(np.isfinite(wg.hessian(lambda x: wg.linalg.norm(x, order))(np.array([0.0, 0.0, 1.0]))))
    assert wg.grad(lambda x: wg.linalg.norm(x, order))(np.ones(2, np.float32)).dtype == np.float32


def test_norm_takes_torchs_names():
    x = RNG.normal(size=(2, 3))
    np.testing.assert_allclose(wg.linalg.norm(x, dim=1, keepdim=True), np.linalg.norm(x, axis=1, keepdims=True))


def test_norm_second_order():
    x = RNG.normal(size=4)
    for order in (2, 3, 1.5):
        wg.check_grads(lambda x, p=order: wg.linalg.norm(x, p), (x,), order=2)


@pytest.mark.parametrize("p", [None, 1, -1, 2, -2, INF, -INF, "fro"])
def test_cond(p):
    a = RNG.normal(size=(3, 3))
    np.testing.assert_allclose(wg.linalg.cond(a, p), np.linalg.cond(a, p))
    check(lambda a: wg.linalg.cond(a, p), a)


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 5])
def test_matrix_power(n):
    a = RNG.normal(size=(2, 3, 3))
    np.testing.assert_allclose(wg.linalg.matrix_power(a, n), np.linalg.matrix_power(a, n), atol=1e-9)
    check(lambda a: wg.linalg.matrix_power(a, n), a / 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0])
def test_expm(kind, scale):
    a = scale * draw(kind, 3, 3)
    expected = scipy.linalg.expm(a)
    np.testing.assert_allclose(wg.linalg.expm(a), expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())
    e = draw(kind, 3, 3)
    expected = scipy.linalg.expm_frechet(a, e, compute_expm=False)
    found = wg.jvp(wg.linalg.expm, (a,), (e,))[1]
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
    if scale == 1:
        check(wg.linalg.expm, np.stack([a, a / 3]), order=2)


def test_multi_dot():
    sizes = [(4, 10), (10, 2), (2, 7), (7, 3)]
    xs = [RNG.normal(size=s) for s in sizes]
    np.testing.assert_allclose(wg.linalg.multi_dot(xs), np.linalg.multi_dot(xs))
    xs[0], xs[-1] = xs[0][0], xs[-1][:, 0]
    np.testing.assert_allclose(wg.linalg.multi_dot(xs), np.linalg.multi_dot(xs))


def test_array_api_views():
    x = RNG.normal(size=(2, 3, 4))
    for offset in (-2, 0, 1):
        np.testing.assert_array_equal(wg.linalg.diagonal(x, offset=offset), np.linalg.diagonal(x, offset=offset))
        np.testing.assert_allclose(wg.linalg.trace(x, offset=offset), np.linalg.trace(x, offset=offset))
    np.testing.assert_array_equal(wg.linalg.matrix_transpose(x), np.linalg.matrix_transpose(x))


def test_matrix_rank():
    x = np.stack([np.eye(3), np.ones((3, 3)), np.zeros((3, 3))])
    np.testing.assert_array_equal(wg.linalg.matrix_rank(x), np.linalg.matrix_rank(x))
    np.testing.assert_array_equal(wg.vmap(wg.linalg.matrix_rank)(x), [3, 1, 0])


def test_numpys_functions_reach_ours():
    a = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
    for name in ("det", "norm", "cond"):
        np.testing.assert_array_equal(wg.grad(getattr(np.linalg, name))(a), wg.grad(getattr(wg.linalg, name))(a))
    g = wg.grad(lambda a: np.trace(np.linalg.inv(a) @ np.linalg.eigh(a @ a.T)[1] ** 2))(a)
    assert g.shape == (3, 3)


@pytest.mark.parametrize("call,error,words", [
    (lambda: wg.linalg.det(np.ones((2, 3))), ValueError, "det: got .* needs square"),
    (lambda: wg.linalg.norm(np.ones(3), "fro"), ValueError, "ord='fro' for vectors"),
    (lambda: wg.linalg.norm(np.ones((3, 3)), 3), ValueError, "ord=3 for matrices"),
    (lambda: wg.linalg.norm(np.ones((3, 3, 3)), 1), ValueError, "one or two axes"),
    (lambda: wg.linalg.norm(np.ones((3, 3)), axis=(0, 0)), ValueError, "two different"),
    (lambda: wg.linalg.lstsq(np.ones((3, 2)), np.ones(2)), ValueError, "lstsq: got"),
    (lambda: wg.linalg.matrix_power(np.eye(2), 0.5), ValueError, "needs an integer"),
    (lambda: wg.linalg.multi_dot([np.eye(2)]), ValueError, "at least two"),
    (lambda: wg.grad(lambda a: wg.linalg.slogdet(a)[1])(np.zeros((2, 2))), np.linalg.LinAlgError, "inv: got"),
])  # fmt: skip
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_derivative_of_pinv_at_constant_rank():
    rng = np.random.default_rng(0)
    x, c = rng.normal(size=(3, 1)), rng.normal(size=(3, 3))
    wg.check_grads(lambda x: wg.sum(wg.linalg.pinv(wg.concatenate([x, 2 * x, x], axis=1)) * c), (x,))
