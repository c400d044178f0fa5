"""NumPy's functions on tensors: parameter names, defaults, lists, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

X = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("call", [
    lambda x: np.swapaxes(x, axis1=0, axis2=1),
    lambda x: np.swapaxes(a=x, axis1=0, axis2=1),
    lambda x: np.moveaxis(x, source=0, destination=1),
    lambda x: np.sum(a=x, axis=0, keepdims=True),
    lambda x: np.repeat(x, repeats=2, axis=1),
    lambda x: np.tile(x, reps=(2, 1)),
    lambda x: np.append(arr=x, values=x, axis=0),
    lambda x: np.vstack([x, x], dtype=None, casting="same_kind"),
    lambda x: np.concatenate([x, x], axis=1, out=None),
    lambda x: np.tensordot(x, b=X, axes=2),
    lambda x: np.select([X > 3, X > 1], [x, 2 * x], default=-1.0),
    lambda x: np.isin(x, [1.0, 5.0, 9.0], invert=True),
    lambda x: np.gradient(x)[1],
])  # fmt: skip
def test_numpys_names_and_defaults(call):
    np.testing.assert_array_equal(call(wg.asarray(X)).numpy(), call(X))
    recorded = wg.vjp(call, X)[0]
    np.testing.assert_array_equal(recorded, call(X))


def test_lists_of_tensors_where_numpy_dispatches():
    np.testing.assert_array_equal(wg.grad(lambda x: np.append([x[0], x[1]], x).sum())(np.ones(3)), [2, 2, 1])


def test_gradient_gives_a_tuple_as_numpys():
    assert type(np.gradient(wg.asarray(X))) is type(np.gradient(X)) is tuple


@pytest.mark.parametrize("call,words", [
    (lambda x: np.vstack([x, x], dtype=np.float32), "np.vstack: the keyword dtype"),
    (lambda x: np.array([x, x]), "gradient"),
    (lambda x: np.sum(x, out=np.zeros(3), axis=0), "sum: an array cannot take"),
])  # fmt: skip
def test_refusals(call, words):
    with pytest.raises(wg.errors.WengertError, match=words):
        wg.vjp(call, X)
