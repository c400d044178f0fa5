"""Sums, products, extrema, softmax: values as NumPy's and SciPy's, derivatives as differences, edges."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import wengert as wg
from wengert.testing.battery import check_primitive

RNG = np.random.default_rng(0)
AXES = [None, 0, 1, -1, (0, 2), ()]
BINARY = {"sum", "prod", "mean", "var", "std", "max", "min", "ptp", "amax", "amin"}


@pytest.mark.parametrize("name", ["max", "min", "prod", "any", "all", "extremum_share", "logsumexp", "softmax",
                                  "log_softmax", "sum", "root"])  # fmt: skip
def test_battery(name):
    check_primitive(name)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", [*sorted(BINARY), "any", "all", "count_nonzero"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.bool_, np.int8])
def test_values_are_numpys(name, axis, keepdims, dtype):
    if dtype is np.bool_ and name == "ptp" or (axis == () and name == "ptp"):
        return
    x = (RNG.normal(size=(2, 3, 4)) * 2).astype(dtype)
    ours, numpys = (getattr(m, name)(x, axis=axis, keepdims=keepdims) for m in (wg, np))
    np.testing.assert_array_equal(ours, numpys)
    assert ours.dtype == numpys.dtype and type(ours) is type(numpys)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std"])
@pytest.mark.parametrize("dtype", [np.complex128, np.float16])
def test_other_dtypes(name, dtype):
    x = (RNG.normal(size=(3, 4)) + (1j * RNG.normal(size=(3, 4)) if dtype is np.complex128 else 0)).astype(dtype)
    ours, numpys = getattr(wg, name)(x, axis=1), getattr(np, name)(x, axis=1)
    np.testing.assert_allclose(ours, numpys, rtol=1e-3 if dtype is np.float16 else 1e-14)
    assert ours.dtype == numpys.dtype


def test_numpy_names_of_arguments():
    x, mask = RNG.normal(size=(3, 4)), RNG.uniform(size=(3, 4)) > 0.4
    mask[:, 0] = True
    for name in ("sum", "prod", "mean", "var", "std", "any", "all"):
        np.testing.assert_allclose(getattr(wg, name)(x, axis=1, where=mask), getattr(np, name)(x, axis=1, where=mask))
    for name in ("max", "min"):
        np.testing.assert_array_equal(
            getattr(wg, name)(x, axis=1, initial=0.5, where=mask), getattr(np, name)(x, axis=1, initial=0.5, where=mask)
        )
    assert wg.sum(x, initial=2.0) == np.sum(x, initial=2.0) and wg.prod(x, initial=2.0) == np.prod(x, initial=2.0)
    assert wg.max(np.zeros((0, 2)), axis=0, initial=3.0).tolist() == [3.0, 3.0]
    np.testing.assert_allclose(wg.var(x, 1, correction=1), np.var(x, 1, ddof=1))
    np.testing.assert_allclose(wg.sum(x, dim=1, keepdim=True), x.sum(1, keepdims=True))
    assert wg.sum(x.astype(np.float32), dtype=np.float64).dtype == np.float64


def test_words_of_errors():
    x = np.zeros((2, 0))
    with pytest.raises(wg.errors.ShapeError, match=r"max: got shape \[2, 0\].*\n.*initial"):
        wg.max(x, axis=1)
    with pytest.raises(wg.errors.AxisError, match="sum: axis 2 is out of range"):
        wg.sum(x, axis=2)
    with pytest.raises(wg.errors.ArgumentError, match="both axis and dim"):
        wg.sum(x, axis=1, dim=1)
    with pytest.raises(wg.errors.DTypeError, match="keepdims=True"):
        wg.sum(x, 1, True)


@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_gradients_are_differences(axis):
    x = RNG.permutation(24).reshape(2, 3, 4) / 8 - 1.1  # no two near each other, for max and min
    for f in (wg.sum, wg.prod, wg.mean, wg.var, wg.std, wg.max, wg.min, wg.ptp, wg.logsumexp):
        wg.check_grads(lambda a, f=f: f(a, axis=axis), (x,))
    wg.check_grads(lambda a: wg.var(a, axis, ddof=1, keepdims=True), (x,))


def test_ties_share_evenly():
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_allclose(wg.grad(lambda a: wg.sum(wg.max(a, 1)))(x), [[0, 1 / 2, 1 / 2], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_array_equal(wg.grad(wg.min)(x), [[1, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(wg.grad(wg.max)(np.array([1.0, np.nan])), [0, 0])


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_product_with_zeros_to_second_order(zeros):
    x = RNG.normal(size=5)
    x[:zeros] = 0
    wg.check_grads(wg.prod, (x,), order=3)
    np.testing.assert_allclose(wg.vmap(wg.grad(wg.prod))(np.stack([x, x + 1]))[0], wg.grad(wg.prod)(x))


def test_std_of_equal_elements_has_gradient_zero():
    np.testing.assert_array_equal(wg.grad(lambda x: wg.std(x))(np.ones(3)), np.zeros(3))


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
def test_softmax_family_is_scipys(axis):
    x = RNG.normal(size=(3, 4)) * 300
    for name in ("softmax", "log_softmax", "logsumexp"):
        ours, scipys = (getattr(m, name)(x, axis=axis) for m in (wg, scipy.special))
        np.testing.assert_allclose(ours, scipys, atol=1e-15)
        assert getattr(wg, name)(x.astype(np.float32), axis=axis).dtype == np.float32
    b = RNG.normal(size=(4,))
    b[1] = 0
    x = RNG.normal(size=(3, 4))
    ours = wg.logsumexp(x, axis=axis, b=b, return_sign=True)
    for a, e in zip(ours, scipy.special.logsumexp(x, axis=axis, b=b, return_sign=True), strict=True):
        np.testing.assert_allclose(a, e, atol=1e-12)
    np.testing.assert_allclose(wg.logsumexp(x, axis, np.abs(b), keepdims=True),
                               scipy.special.logsumexp(x, axis, np.abs(b), keepdims=True))  # fmt: skip


def test_softmax_gradients_are_differences():
    x = RNG.normal(size=(3, 4))
    wg.check_grads(lambda a: wg.softmax(a, axis=1), (x,))
    wg.check_grads(lambda a: wg.log_softmax(a, dim=0), (x,))
    p = scipy.special.softmax(x[0])
    np.testing.assert_allclose(wg.hessian(wg.logsumexp)(x[0]), np.diag(p) - np.outer(p, p), atol=1e-12)


def test_masked_rows():
    """-inf is a masked element: it gets gradient 0, also where everything is masked."""
    row, w = np.array([0.0, -np.inf, 1.0]), np.array([1.0, 2.0, -1.0])
    for f in (wg.softmax, wg.log_softmax):
        g = wg.grad(lambda x, f=f: wg.sum(wg.where(np.isfinite(row), f(x) * w, 0)))(row)
        assert np.all(np.isfinite(g)) and g[1] == 0
    np.testing.assert_allclose(wg.grad(wg.logsumexp)(row), scipy.special.softmax(row))
    dead = np.full(3, -np.inf)
    np.testing.assert_array_equal(wg.softmax(dead), np.zeros(3))
    np.testing.assert_array_equal(wg.grad(lambda x: wg.log_softmax(x)[0])(dead), np.zeros(3))
    assert wg.logsumexp(dead) == -np.inf and not np.any(wg.grad(wg.logsumexp)(dead))
    assert not np.any(wg.grad(lambda x: wg.logsumexp(x, b=np.array([1.0, 2.0, 3.0])))(dead))


def test_tensors_and_numpy_dispatch():
    t = wg.Tensor([[1.0, 2.0], [3.0, 5.0]])
    assert np.sum(t).item() == 11 and t.mean(dim=0).tolist() == [2.0, 3.5] and t.max(axis=1).tolist() == [2.0, 5.0]
    assert np.add.reduce(t).tolist() == [4.0, 7.0] and np.maximum.reduce(t, axis=None).item() == 5
    g = wg.grad(lambda x: np.var(x, ddof=1) + np.max(x, axis=0)[0] + np.prod(x))(np.array([[1.0, 2.0]]))
    np.testing.assert_allclose(g, [[-1 + 1 + 2, 1 + 1]])


def test_abstract_and_batched():
    x = RNG.normal(size=(3, 2, 4))
    for f in (wg.max, wg.prod, wg.std, wg.logsumexp, wg.softmax, lambda a: wg.mean(a, axis=0), wg.ptp):
        np.testing.assert_allclose(wg.vmap(f)(x), np.stack([f(row) for row in x]))
        g = wg.grad(lambda a, f=f: wg.sum(f(a)))
        np.testing.assert_allclose(wg.vmap(g)(x), np.stack([g(row) for row in x]), atol=1e-12)


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3, 0), (1,)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_small_and_empty(shape):
    x = np.zeros(shape)
    for f in (wg.sum, wg.prod, wg.mean, wg.var, wg.logsumexp, wg.softmax, wg.log_softmax):
        assert wg.grad(lambda a, f=f: wg.sum(f(a)))(x).shape == shape
    assert np.array_equal(wg.mean(x), np.mean(x), equal_nan=True) and wg.prod(x) == np.prod(x)
