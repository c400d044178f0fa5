"""Factories: dtypes, shapes, copies, leaves, and what stays recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.base.errors import ArgumentError, DTypeError, OperandError, ShapeError


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, np.float32), (2, np.int64), (True, np.bool_), (1j, np.complex64), ([1.0, 2], np.float32),
        ([1, 2], np.int64), ([], np.float32), (np.float64(1), np.float64), (np.ones(2, np.float16), np.float16),
        ([np.float64(1), 2.0], np.float64), ([np.ones(2), np.zeros(2)], np.float64), (range(3), np.int64),
    ],
)  # fmt: skip
def test_dtypes_of_data(data: Any, dtype: Any) -> None:
    for make in (wg.tensor, wg.array, wg.asarray):
        t = make(data)
        assert isinstance(t, wg.Tensor) and t.dtype == dtype
        np.testing.assert_array_equal(t.numpy(), np.asarray(data))


def test_the_default_dtype_is_used() -> None:
    wg.set_default_dtype("float64")
    made = [wg.tensor(1.0), wg.zeros(2), wg.linspace(0, 1, 3), wg.arange(0.0, 1.0), wg.eye(2), wg.full((1,), 2.0)]
    assert all(t.dtype == np.float64 for t in made) and wg.tensor(1j).dtype == np.complex128
    wg.set_default_dtype("float32")
    assert all(t.dtype == np.float32 for t in [wg.ones(2), wg.empty(1), wg.tri(2), wg.identity(2), wg.arange(0.0, 1.0)])


def test_sizes_as_numpy_and_pytorch_write_them() -> None:
    for f in (wg.zeros, wg.ones, wg.empty):
        assert f(2, 3).shape == f((2, 3)).shape == f([2, 3]).shape == (2, 3)
        assert f(4).shape == (4,) and f(()).shape == f().shape == () and f(0, 2).shape == (0, 2)
        assert f((2,), "int32").dtype == f(2, np.int32).dtype == f(2, dtype=wg.int32).dtype == np.int32
    assert wg.full((2, 2), 3).dtype == np.int64 and wg.full(2, 1.0).dtype == np.float32


def test_memory_is_copied_or_shared_as_documented() -> None:
    a = np.zeros(3)
    copied, shared, asked, safe = wg.tensor(a), wg.from_numpy(a), wg.asarray(a, copy=False), wg.asarray(a)
    a[0] = 1.0
    assert [float(t[0]) for t in (copied, shared, asked, safe)] == [0.0, 1.0, 1.0, 0.0]
    t = wg.tensor([1.0])
    assert wg.asarray(t) is t and wg.clone(t) is not t


def test_leaves() -> None:
    made = [
        wg.tensor([1.0, 2.0], requires_grad=True), wg.zeros(2, requires_grad=True), wg.ones(2, requires_grad=True),
        wg.full((2,), 1.0, requires_grad=True), wg.zeros_like(wg.zeros(2), requires_grad=True),
        wg.linspace(0, 1, 2, requires_grad=True), wg.arange(2.0, requires_grad=True),
    ]  # fmt: skip
    for t in made:
        assert t.requires_grad and t.is_leaf
        (t * 3).sum().backward()
        assert t.grad.tolist() == [3.0, 3.0]
    with pytest.raises(DTypeError, match="only floating and complex tensors have gradients"):
        wg.tensor([1, 2], requires_grad=True)


def test_like() -> None:
    for like, plain in ((wg.zeros_like, 0), (wg.ones_like, 1), (lambda x: wg.full_like(x, 7), 7)):
        array, tensor = like(np.ones((2, 3), np.float16)), like(wg.tensor(np.ones((2, 3), np.float16)))
        assert isinstance(array, np.ndarray) and isinstance(tensor, wg.Tensor)
        assert array.dtype == tensor.dtype == np.float16
        np.testing.assert_array_equal(array, np.full((2, 3), plain))
        np.testing.assert_array_equal(tensor.numpy(), array)
    assert wg.empty_like(np.ones(2), shape=(3,)).shape == (3,)
    assert wg.grad(lambda x: np.sum(np.ones_like(x) * x))(np.zeros(2)).tolist() == [1.0, 1.0]
    assert wg.grad(lambda x: np.full_like(np.zeros(3), 2.0) @ (np.zeros_like(x) + x))(np.ones(3)).tolist() == [2.0] * 3


def test_what_is_made_from_tensors_stays_recorded() -> None:
    assert wg.grad(lambda x: wg.array([[x, 2.0], [1, x * x]]).sum())(3.0) == 7.0
    assert wg.grad(lambda x: wg.full((2, 2), x).sum())(3.0) == 4.0
    assert wg.grad(lambda x: wg.clone(x) * 2)(3.0) == 2.0
    assert wg.array([wg.tensor(1.0), 2.0]).dtype == np.float32
    np.testing.assert_allclose(wg.jacobian(lambda a: np.linspace(a, 2.0, 5))(1.0), [1, 0.75, 0.5, 0.25, 0])
    np.testing.assert_allclose(wg.jacobian(lambda b: np.linspace(0.0, b, 4, endpoint=False))(1.0), [0, 0.25, 0.5, 0.75])
    for f in (wg.linspace, wg.logspace, wg.geomspace):
        values, tangents = wg.jvp(lambda a, b, f=f: f(a, b, 4), (1.0, 2.0), (1.0, 0.5))
        (above, below) = (f(np.float64(1 + h), np.float64(2 + h / 2), 4).numpy() for h in (1e-6, -1e-6))
        np.testing.assert_allclose(values, f(np.float64(1), np.float64(2), 4).numpy(), rtol=1e-14)
        np.testing.assert_allclose(tangents, (above - below) / 2e-6, rtol=1e-7)


def test_ranges_are_those_of_numpy() -> None:
    wg.set_default_dtype("float64")
    for arguments in ((5,), (2, 9), (9, 2, -3), (0.0, 1.0, 0.1), (3, 1), (0.5, 4)):
        np.testing.assert_array_equal(wg.arange(*arguments).numpy(), np.arange(*arguments))
        assert wg.arange(*arguments).dtype == np.arange(*arguments).dtype
    np.testing.assert_array_equal(wg.linspace(0, 1, 7).numpy(), np.linspace(0, 1, 7))
    np.testing.assert_array_equal(wg.linspace(0, 1, steps=7).numpy(), np.linspace(0, 1, 7))
    zeros, ones = np.zeros(2), np.ones(2)
    np.testing.assert_array_equal(wg.linspace(zeros, ones, 3, axis=1).numpy(), np.linspace(zeros, ones, 3, axis=1))
    assert wg.linspace(0, 1, 5, retstep=True)[1] == 0.25
    np.testing.assert_array_equal(wg.logspace(0, 2, 5, base=2).numpy(), np.logspace(0, 2, 5, base=2))
    np.testing.assert_array_equal(wg.geomspace(1, 8, 4).numpy(), np.geomspace(1, 8, 4))
    np.testing.assert_array_equal(wg.eye(2, 3, 1).numpy(), np.eye(2, 3, 1))
    wg.set_default_dtype("float32")


@pytest.mark.parametrize(
    ("error", "words", "call"),
    [
        (ShapeError, "zeros: shape (-1,) has a negative length", lambda: wg.zeros(-1)),
        (ArgumentError, "more than memory can hold", lambda: wg.zeros(10**10, 10**10)),
        (ArgumentError, "more than memory can hold", lambda: wg.arange(1e30)),
        (ShapeError, "is not made of integers", lambda: wg.zeros((2.5, 1))),
        (ShapeError, "makes no array", lambda: wg.tensor([[1], [1, 2]])),
        (OperandError, "makes an array of <U1", lambda: wg.tensor("a")),
        (OperandError, "wg.array([...]) or t.clone()", lambda: wg.grad(lambda x: wg.tensor(x) * x)(1.0)),
        (OperandError, "from_numpy: got list", lambda: wg.from_numpy([1.0])),
        (ArgumentError, "step not 0", lambda: wg.arange(0, 1, 0)),
        (ArgumentError, "device 'cuda' is not available", lambda: wg.zeros(2, device="cuda")),
        (ArgumentError, "copy=False forbids it", lambda: wg.asarray([1.0], copy=False)),
        (DTypeError, "'nothing' is not a dtype", lambda: wg.ones(2, dtype="nothing")),
    ],
)
def test_errors_say_what_is_needed(error: type, words: str, call: Any) -> None:
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)
