"""Products of arrays: values as NumPy's, derivatives as differences, batching against loops."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

RNG = np.random.default_rng(0)

MATMULS = [
    ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 1, 2, 3), (4, 3, 2)), ((4, 2, 3), (3, 2)),
    ((2, 3), (4, 3, 2)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,)), ((0, 3), (3, 2)), ((2, 0), (0, 2)), ((1, 1), (1, 1)),
]  # fmt: skip
EINSUMS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij->ji", (2, 3)), ("ba", (2, 3)), ("ii->i", (3, 3)),
    ("ii", (3, 3)), ("iij->j", (2, 2, 3)), ("i,j->ji", (2,), (3,)), ("ij,ij->i", (2, 3), (2, 3)),
    ("ij,k->k", (2, 3), (4,)),
    ("ij->", (2, 3)), ("...ij,...jk->...ik", (5, 2, 3), (3, 4)), ("...ij->...ji", (5, 2, 3)), ("i...->...", (2, 3)),
    ("bij,bjk->bik", (5, 2, 3), (5, 3, 4)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("ij,jk,ki->", (2, 3), (3, 4), (4, 2)),
    ("i,i,i->i", (3,), (3,), (3,)), (",i->i", (), (3,)), ("ij,ij->ij", (1, 3), (2, 3)), ("zi,ij->zj", (0, 2), (2, 3)),
    ("iz,zj->ij", (2, 0), (0, 3)), ("ii,ij->j", (3, 3), (3, 2)), ("a,b,c,d->dcba", (2,), (3,), (4,), (2,)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", MATMULS)
def test_matmul_is_numpys(shapes):
    xs = [RNG.normal(size=s) for s in shapes]
    np.testing.assert_allclose(wg.matmul(*xs), np.matmul(*xs), atol=1e-12)
    wg.check_grads(wg.matmul, xs)


@pytest.mark.parametrize("shapes", MATMULS)
@pytest.mark.parametrize("axes", [(0, 0), (1, None), (None, 0), (-1, 0)])
def test_matmul_batches_as_a_loop(shapes, axes):
    size = 3
    xs = [RNG.normal(size=s if a is None else (size, *s)) for s, a in zip(shapes, axes, strict=True)]
    given = [x if a is None else np.moveaxis(x, 0, a) for x, a in zip(xs, axes, strict=True)]
    expected = [np.matmul(*(x if a is None else x[i] for x, a in zip(xs, axes, strict=True))) for i in range(size)]
    np.testing.assert_allclose(wg.vmap(wg.matmul, in_axes=axes)(*given), expected, atol=1e-12)


@pytest.mark.parametrize("subscripts,shapes", [(s[0], s[1:]) for s in EINSUMS])
def test_einsum_is_numpys(subscripts, shapes):
    xs = [RNG.normal(size=s) for s in shapes]
    np.testing.assert_allclose(wg.einsum(subscripts, *xs), np.einsum(subscripts, *xs), atol=1e-12)
    wg.check_grads(lambda *a: wg.einsum(subscripts, *a), xs)
    batched = [RNG.normal(size=(2, *s)) for s in shapes]
    expected = [np.einsum(subscripts, *(x[i] for x in batched)) for i in range(2)]
    np.testing.assert_allclose(wg.vmap(lambda *a: wg.einsum(subscripts, *a))(*batched), expected, atol=1e-12)


def test_einsum_interleaved():
    a, b = RNG.normal(size=(2, 3)), RNG.normal(size=(3, 4))
    np.testing.assert_allclose(wg.einsum(a, [0, 1], b, [1, 2], [2, 0]), np.einsum(a, [0, 1], b, [1, 2], [2, 0]))
    np.testing.assert_allclose(wg.einsum(a, [..., 1], b, [1, 2]), np.einsum(a, [..., 1], b, [1, 2]))


def test_second_order():
    """Of tr(x^3) in a direction v it is 3 (v x + x v)^T."""
    x, v, b = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=3)
    h = wg.hessian(lambda x: wg.einsum("ij,jk,ki->", x, x, x))(x)
    np.testing.assert_allclose(np.einsum("ijkl,kl->ij", h, v), 3 * (v @ x + x @ v).T, atol=1e-12)
    wg.check_grads(lambda x: wg.vdot(x @ b, x @ (x @ b)), (x,), order=3)


@pytest.mark.parametrize("name,args", [
    ("dot", [(3,), (3,)]), ("dot", [(2, 3), (3, 2)]), ("dot", [(), (3,)]), ("dot", [(2, 3), (4, 3, 2)]),
    ("inner", [(2, 3), (4, 3)]), ("outer", [(2,), (2, 2)]), ("kron", [(2, 3), (2,)]), ("kron", [(2,), (3, 1, 2)]),
    ("vdot", [(2, 3), (3, 2)]), ("vecdot", [(2, 3), (3,)]), ("cross", [(2, 3), (3,)]), ("tensordot", [(2, 3), (2, 3)]),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["real", "complex", "float32"])
def test_compositions_are_numpys(name, args, kind):
    xs = [RNG.normal(size=s) + (1j * RNG.normal(size=s) if kind == "complex" else 0) for s in args]
    xs = [np.asarray(x, np.float32) for x in xs] if kind == "float32" else xs
    ours, theirs = getattr(wg, name)(*xs), getattr(np, name)(*xs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-5 if kind == "float32" else 1e-12)


def test_tensordot_axes_and_trace():
    a, b = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(4, 2, 5))
    np.testing.assert_allclose(wg.tensordot(a, b, ([0, 2], [1, 0])), np.tensordot(a, b, ([0, 2], [1, 0])))
    np.testing.assert_allclose(wg.tensordot(a, b, 0), np.tensordot(a, b, 0))
    for offset in (-3, -1, 0, 1, 2, 9):
        for axes in ((0, 1), (2, 0)):
            np.testing.assert_allclose(wg.trace(a, offset, *axes), np.trace(a, offset, *axes))
    np.testing.assert_array_equal(wg.grad(lambda x: wg.trace(x, 1))(np.ones((2, 2))), [[0, 1], [0, 0]])


def test_integers_stay():
    a = np.arange(6).reshape(2, 3)
    assert wg.einsum("ij,kj->ik", a, a).dtype == (a @ a.T).dtype
    np.testing.assert_array_equal(wg.matmul(a, a.T), a @ a.T)


@pytest.mark.parametrize("call,words", [
    (lambda: wg.matmul(np.ones((2, 3)), np.ones((2, 3))), "needs the last axis of the first"),
    (lambda: wg.matmul(np.ones(3), 2.0), "needs? at least one axis|at least one axis"),
    (lambda: wg.einsum("ij,jk", np.ones((2, 3)), np.ones((4, 2))), "label 'j' has lengths 3 and 4"),
    (lambda: wg.einsum("ij->k", np.ones((2, 3))), "not valid"),
    (lambda: wg.einsum("ij,j", np.ones((2, 3))), "names 2 operands"),
    (lambda: wg.einsum("i", np.ones((2, 3))), "does not fit"),
    (lambda: wg.mm(np.ones(3), np.ones((3, 3))), "needs 2 axes"),
    (lambda: wg.bmm(np.ones((2, 3, 3)), np.ones((3, 3, 3))), "equally many"),
    (lambda: wg.cross(np.ones(2), np.ones(2)), "length 3"),
    (lambda: wg.tensordot(np.ones((2, 3)), np.ones((2, 3)), axes=1), "equal lengths"),
])  # fmt: skip
def test_errors_say_what_is_needed(call, words):
    with pytest.raises(ValueError, match=words):
        call()
