"""Determinants, norms, pseudo-inverse, matrix functions: values as NumPy's, derivatives against torch, edges."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

import wengert as wg

RNG = np.random.default_rng(0)
KINDS = ["real", "complex"]
INF = np.inf


def draw(kind, *shape):
    return RNG.normal(size=shape) + (1j * RNG.normal(size=shape) if kind == "complex" else 0)


def against_torch(f, g, *xs, atol=1e-9):
    """Values, gradients of the real part of a random weighting (torch's are conjugated), and vmap."""
    ts = [torch.tensor(x, requires_grad=True) for x in xs]
    y = g(*ts)
    np.testing.assert_allclose(f(*xs), y.detach().resolve_conj().numpy(), atol=atol)
    w = RNG.normal(size=tuple(y.shape)) + (1j * RNG.normal(size=tuple(y.shape)) if y.is_complex() else 0)
    expected = torch.autograd.grad((y * torch.tensor(w)).sum().real, ts)
    w = w[()]
    for ours, theirs in zip(wg.vjp(f, *xs)[1](w), expected, strict=True):
        np.testing.assert_allclose(ours, theirs.conj().resolve_conj().numpy(), atol=atol)
    pulled = lambda *given: wg.vjp(f, *given)[1](w)
    batched = wg.vmap(pulled)(*(np.stack([x, x]) for x in xs))
    for ours, one in zip(batched, pulled(*xs), strict=True):
        np.testing.assert_allclose(ours[1], one, atol=atol)


def hessian_is_torchs(f, g, x, atol=1e-8):
    expected = torch.autograd.functional.hessian(g, torch.tensor(x))
    np.testing.assert_allclose(wg.hessian(f)(x), expected.numpy(), atol=atol)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (1, 1), (5, 5)])
def test_det_and_slogdet(kind, shape):
    a = draw(kind, *shape)
    against_torch(wg.linalg.det, torch.linalg.det, a)
    against_torch(lambda a: wg.linalg.slogdet(a).logabsdet, lambda t: torch.linalg.slogdet(t).logabsdet, a)
    against_torch(lambda a: wg.linalg.slogdet(a).sign, lambda t: torch.linalg.slogdet(t).sign + 0 * t.sum(), a)
    if kind == "real" and len(shape) == 2:
        hessian_is_torchs(wg.linalg.det, torch.linalg.det, a)
        hessian_is_torchs(lambda a: wg.linalg.slogdet(a)[1], lambda t: torch.linalg.slogdet(t)[1], a)


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
    against_torch(wg.linalg.pinv, torch.linalg.pinv, a)
    if kind == "real" and len(shape) == 2:
        w = RNG.normal(size=shape[::-1])
        t = torch.tensor(w)
        hessian_is_torchs(lambda a: wg.vdot(w, wg.linalg.pinv(a)), lambda a: (t * torch.linalg.pinv(a)).sum(), a)


def test_pinv_at_equal_singular_values():
    np.testing.assert_allclose(wg.jacobian(wg.linalg.pinv)(np.eye(2)), wg.jacobian(wg.linalg.inv)(np.eye(2)))


@pytest.mark.parametrize("shape,right", [((4, 2), (4,)), ((4, 2), (4, 3)), ((2, 4), (2,)), ((3, 3), (3, 1))])
def test_lstsq(shape, right):
    a, b = RNG.normal(size=shape), RNG.normal(size=right)
    ours, theirs = wg.linalg.lstsq(a, b), np.linalg.lstsq(a, b)
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-12)
        assert np.shape(x) == np.shape(y)
    against_torch(lambda a, b: wg.linalg.lstsq(a, b)[0], lambda a, b: torch.linalg.pinv(a) @ b, a, b)


ORDERS = [None, 1, 2, 3, 0.5, 1.5, INF, -INF, -1, -2]
MATRIX_ORDERS = [None, "fro", "nuc", 1, -1, 2, -2, INF, -INF]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms(kind, keepdims):
    a = draw(kind, 3, 4)
    for order in [*ORDERS, 0]:
        np.testing.assert_allclose(wg.linalg.norm(a, order, 1, keepdims), np.linalg.norm(a, order, 1, keepdims))
        if order not in (None, 0):
            against_torch(
                lambda a: wg.linalg.norm(a, order, 0, keepdims), lambda t: torch.linalg.norm(t, order, 0, keepdims), a
            )
    for order in MATRIX_ORDERS:
        np.testing.assert_allclose(
            wg.linalg.norm(a, order, (1, 0), keepdims), np.linalg.norm(a, order, (1, 0), keepdims)
        )
        np.testing.assert_allclose(
            wg.linalg.matrix_norm(a, keepdims=keepdims, ord=order or "fro"),
            np.linalg.matrix_norm(a, keepdims=keepdims, ord=order or "fro"),
        )
        against_torch(
            lambda a: wg.linalg.norm(a, order, (0, 1), keepdims),
            lambda t: torch.linalg.matrix_norm(t, order or "fro", (0, 1), keepdims),
            a,
        )
    np.testing.assert_allclose(wg.linalg.norm(a), np.linalg.norm(a))
    np.testing.assert_allclose(wg.linalg.vector_norm(a, ord=3), np.linalg.vector_norm(a, ord=3))
    np.testing.assert_allclose(wg.linalg.vector_norm(a, axis=0, ord=1), np.linalg.vector_norm(a, axis=0, ord=1))


@pytest.mark.parametrize("order", [None, 1, 1.5, 2, 3, INF])
def test_norm_at_zero_has_gradient_zero(order):
    np.testing.assert_array_equal(wg.grad(lambda x: wg.linalg.norm(x, order))(np.zeros(3)), 0)
    assert np.all(np.isfinite(wg.hessian(lambda x: wg.linalg.norm(x, order))(np.array([0.0, 0.0, 1.0]))))
    f = lambda x: wg.linalg.norm(x, order)
    assert wg.grad(f)(np.ones(2, np.float32)).dtype == np.float32


def test_norm_takes_torchs_names():
    x = RNG.normal(size=(2, 3))
    np.testing.assert_allclose(wg.linalg.norm(x, dim=1, keepdim=True), np.linalg.norm(x, axis=1, keepdims=True))


def test_norm_second_order():
    x = RNG.normal(size=4)
    for order in (2, 3, 1.5):
        hessian_is_torchs(lambda x: wg.linalg.norm(x, order), lambda t: torch.linalg.norm(t, order), x)


def torch_cond(t, p):  # torch's own changes a matrix in place that its derivative needs
    if p in (None, 2, -2):
        return torch.linalg.cond(t, p)
    return torch.linalg.matrix_norm(t, p) * torch.linalg.matrix_norm(torch.linalg.inv(t), p)


@pytest.mark.parametrize("p", [None, 1, -1, 2, -2, INF, -INF, "fro"])
def test_cond(p):
    a = RNG.normal(size=(3, 3))
    np.testing.assert_allclose(wg.linalg.cond(a, p), np.linalg.cond(a, p))
    against_torch(lambda a: wg.linalg.cond(a, p), lambda t: torch_cond(t, p), a, atol=1e-7)


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 5])
def test_matrix_power(n):
    a = RNG.normal(size=(2, 3, 3))
    np.testing.assert_allclose(wg.linalg.matrix_power(a, n), np.linalg.matrix_power(a, n), atol=1e-9)
    if n:
        against_torch(
            lambda a: wg.linalg.matrix_power(a, n), lambda t: torch.linalg.matrix_power(t, n), a / 2, atol=1e-6
        )


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
        against_torch(wg.linalg.expm, torch.linalg.matrix_exp, np.stack([a, a / 3]))
        if kind == "real":
            w = RNG.normal(size=(3, 3))
            t = torch.tensor(w)
            hessian_is_torchs(lambda a: wg.vdot(w, wg.linalg.expm(a)), lambda a: (t * torch.linalg.matrix_exp(a)).sum(), a)


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
