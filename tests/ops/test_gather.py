"""Indexing, updates and picking against NumPy, and their derivatives."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.base.errors import DTypeError, IndexingError, ShapeError, TracedValueError
from wengert.testing.battery import check_primitive

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 5))
ITEMS: list[Any] = [
    0, -1, np.int64(2), slice(None), slice(1, None, 2), slice(None, None, -1), None, Ellipsis, [0, 2], [], True, False,
    np.array([[1], [2]]), np.array([True, False, True]), np.array(1), np.zeros((3, 4), bool), X > 0.3, X[0, :, 0] > 0,
]  # fmt: skip


def indices(count: int) -> list[tuple[Any, ...]]:
    every = list(itertools.product(range(len(ITEMS)), repeat=count))
    chosen = every if count < 3 else [every[i] for i in RNG.choice(len(every), 400, replace=False)]
    return [tuple(ITEMS[i] for i in c) for c in chosen]


@pytest.mark.parametrize("name", ["gather", "scatter_add", "scatter_set", "scatter_extremum", "winner", "setitem"])
def test_primitives_keep_their_promises(name: str) -> None:
    assert check_primitive(name) > 100


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_every_index_reads_and_writes_as_in_numpy(count: int) -> None:
    for index in indices(count):
        try:
            wanted = X[index]
        except IndexError:
            with pytest.raises(IndexError):
                wg.getitem(X, index)
            continue
        np.testing.assert_array_equal(wg.getitem(X, index), wanted)
        v = RNG.normal(size=wanted.shape)
        copy = X.copy()
        copy[index] = v
        np.testing.assert_array_equal(wg.setitem(X, index, v), copy)
        for ufunc, method in ((np.add, "add"), (np.maximum, "max"), (np.minimum, "min"), (np.multiply, "multiply")):
            copy = X.copy()
            ufunc.at(copy, index, v)
            np.testing.assert_allclose(getattr(wg.at(X)[index], method)(v), copy, rtol=1e-13)


@pytest.mark.parametrize(
    "index", [1, (0, slice(1, 3)), ([0, 0, 2],), (slice(None), [3, 3]), (0, [1, 1], None), X > 0.3]
)
@pytest.mark.parametrize("method", ["set", "add", "multiply", "divide", "max", "min", "subtract", "power"])
def test_updates_differentiate_in_both_modes(index: Any, method: str) -> None:
    x = 0.5 + RNG.permutation(60).reshape(X.shape) / 30  # no two numbers near each other, for max and min
    v = 0.5 + (RNG.permutation(x[index].size).reshape(x[index].shape) + 0.5) / 30
    wg.check_grads(lambda x, v: np.sum(getattr(wg.at(x)[index], method)(v) ** 2), (x, v))


def test_the_last_of_repeated_writes_gets_the_gradient() -> None:
    gradient = wg.grad(lambda v: wg.setitem(np.zeros(3), [1, 1, 0], v) @ np.array([1.0, 10.0, 100.0]))(np.ones(3))
    np.testing.assert_array_equal(gradient, [0.0, 10.0, 1.0])


def test_repeated_reads_collect_their_gradients() -> None:
    h = wg.hessian(lambda x: np.sum(x[[0, 0, 2]] ** 3))(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(h, np.diag([12.0, 0.0, 18.0]))


def read_outside() -> Any:
    return wg.getitem(X, (0, [7]))


def test_ties_share_evenly() -> None:
    gx, gv = wg.grad(lambda x, v: x.at[[0, 0]].max(v)[0], argnums=(0, 1))(np.array([1.0, 5.0]), np.array([1.0, 1.0]))
    np.testing.assert_allclose(gx, [1 / 3, 0])
    np.testing.assert_allclose(gv, [1 / 3, 1 / 3])


def test_batched_indices_and_gradients() -> None:
    picks = np.array([2, 0, 3])
    out = wg.vmap(wg.grad(lambda x, i: x[i] ** 2))(X[:, :, 0], picks)
    wanted = np.zeros((3, 4))
    wanted[np.arange(3), picks] = 2 * X[np.arange(3), picks, 0]
    np.testing.assert_allclose(out, wanted)
    updated = wg.vmap(lambda x, i, v: x.at[i].set(v), in_axes=(None, 0, 0))(X[0], picks, np.arange(3.0))
    for k, i in enumerate(picks):
        np.testing.assert_array_equal(updated[k, i], np.full(5, float(k)))
    np.testing.assert_array_equal(wg.vmap(lambda x: x.at[x > 0].set(0.0))(X), np.minimum(X, 0))


def test_item_assignment_of_recorded_tensors() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        y[1:] = y[:-1] * x[1:]
        y[[0]] = 1.0
        return np.sum(y)

    wg.check_grads(f, (np.array([1.0, 2.0, 3.0]),))


def test_small_dtypes_stay() -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert wg.grad(lambda x: x[[0, 0]].sum())(x).dtype == np.float32
    assert wg.at(x)[0, [1]].multiply(2.0).dtype == np.float32
    assert wg.at(np.arange(3, dtype=np.uint8))[0].set(7).dtype == np.uint8


@pytest.mark.parametrize(
    ("error", "words", "call"),
    [
        (IndexingError, "index 7 is out of bounds for axis 1 of length 4; needs -4 … 3", lambda: read_outside()),
        (IndexingError, "got 4 indices for the 3 axes", lambda: wg.getitem(X, (0, 0, 0, [0]))),
        (IndexingError, "float64[2] in an index|dtype float64", lambda: wg.getitem(X, np.ones(2))),
        (IndexingError, "one Ellipsis", lambda: wg.getitem(X, (..., 0, ...))),
        (IndexingError, "mask of shape [2] does not fit", lambda: wg.getitem(X, np.ones(2, bool))),
        (IndexingError, "shapes [2], [3] do not broadcast", lambda: wg.getitem(X, ([0, 1], [0, 1, 2]))),
        (IndexingError, "got a slice with 1.5", lambda: wg.getitem(X, slice(1.5))),
        (ShapeError, "values of shape [3] for an index that picks [4, 5]", lambda: wg.setitem(X, 0, np.ones(3))),
        (DTypeError, "got 1.5 for an array of int64", lambda: wg.setitem(np.arange(3), 0, 1.5)),
        (TracedValueError, "wg.where", lambda: wg.vmap(lambda x: x[x > 0])(X)),
        (TracedValueError, "at.multiply", lambda: wg.vmap(lambda i: wg.at(X[0])[[i, i]].multiply(2.0))(np.arange(2))),
    ],
)
def test_errors_name_index_axis_and_repair(error: type, words: str, call: Any) -> None:
    with pytest.raises(error) as caught:
        call()
    assert any(part in str(caught.value) for part in words.split("|"))


def test_take_in_all_modes() -> None:
    for mode in ("raise", "wrap", "clip"):
        picks = np.array([[0, -1], [2, 1]]) if mode == "raise" else np.array([[-7, 9], [2, 0]])
        for axis in (None, 0, -2):
            found, wanted = (take(X, picks, axis=axis, mode=mode) for take in (wg.take, np.take))
            np.testing.assert_array_equal(found, wanted)
    with pytest.raises(IndexingError):
        wg.take(X, [3], axis=0)


def test_along_an_axis() -> None:
    for axis in (0, 1, 2, -1, None):
        order = np.argsort(X, axis=axis)
        np.testing.assert_array_equal(wg.take_along_axis(X, order, axis), np.take_along_axis(X, order, axis))
        copy = X.copy()
        np.put_along_axis(copy, order[:1], 7.0, axis)
        np.testing.assert_array_equal(wg.put_along_axis(X, order[:1], 7.0, axis), copy)
    wg.check_grads(lambda x: np.sum(np.take_along_axis(x, np.argsort(X, axis=1)[:, :2], 1) ** 2), (X,))


def test_segments_and_one_hot() -> None:
    ids = np.array([0, 2, 0])
    np.testing.assert_allclose(wg.segment_sum(X, ids, 4)[0], X[0] + X[2])
    np.testing.assert_allclose(wg.segment_mean(X, ids)[0], (X[0] + X[2]) / 2)
    np.testing.assert_allclose(wg.segment_max(X, ids)[0], np.maximum(X[0], X[2]))
    np.testing.assert_allclose(wg.segment_min(X, ids)[2], X[1])
    for f in (wg.segment_sum, wg.segment_mean):
        wg.check_grads(lambda x, f=f: np.sum(f(x, ids, 4) ** 2), (X,))
    np.testing.assert_array_equal(wg.one_hot(np.array([[0, 2]])), np.eye(3, dtype=np.float32)[[[0, 2]]])
    assert wg.vmap(lambda i: wg.one_hot(i, 3))(np.arange(3)).tolist() == np.eye(3).tolist()


def test_numpys_writing_function_is_refused() -> None:
    with pytest.raises(TypeError, match="np.put_along_axis"):
        np.put_along_axis(wg.tensor(X), np.argsort(X), 1.0, -1)


def test_nothing_leaks_from_elements_that_were_not_picked() -> None:
    x = np.array([0.0, 4.0])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(np.sqrt(x)[[1]]))(x), [0.0, 0.25])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(np.sqrt(x).at[[0]].set(0.0)))(x), [0.0, 0.25])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(np.sqrt(x).at[0].set(0.0)))(x), [0.0, 0.25])
