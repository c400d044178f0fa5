"""The array API namespace: what the suite of the standard (tests/conformance) does not ask."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
import wengert.numpy as xp


def test_everything_gives_tensors():
    results = [
        xp.asarray(np.ones(2)), xp.zeros(2), xp.linalg.svd(np.eye(2)), xp.fft.fft(np.ones(2)), xp.fft.fftfreq(3),
        xp.broadcast_arrays(np.ones(2), 1.0), xp.unique_counts(np.ones(2)), xp.isin(np.ones(2), np.ones(1)),
    ]  # fmt: skip
    for x in results:
        assert all(isinstance(y, wg.Tensor) for y in (x if isinstance(x, tuple) else [x]))
    assert xp.linalg.svd(np.eye(2))._fields == ("U", "S", "Vh")
    assert xp.zeros(2).dtype == xp.float64 and xp.full(2, 1).dtype == xp.int64


def test_programs_for_the_standard_are_differentiated():
    def f(x):
        space = x.__array_namespace__()  # NumPy for the check's own arrays
        return space.sum(space.linalg.inv(x) ** 2) + space.sum(space.abs(space.fft.fft(x)))

    assert xp.asarray(1.0).__array_namespace__() is xp
    wg.check_grads(f, (np.array([[3.0, 1.0], [0.5, 2.0]]),))


def test_signed_zero_of_expm1_and_its_gradient():
    assert not np.signbit(xp.expm1(xp.asarray(complex(-0.0, 0.0))).numpy().real)
    np.testing.assert_allclose(wg.grad(lambda x: xp.real(xp.expm1(x)))(0.5 + 1j), np.exp(0.5 + 1j))


def test_pinv_takes_a_tolerance_for_each_matrix():
    a, limits = np.stack([np.diag([1.0, 0.1])] * 2), np.array([1e-3, 0.5])
    np.testing.assert_allclose(xp.linalg.pinv(a, rtol=limits).numpy(), np.linalg.pinv(a, rtol=limits))
    assert xp.linalg.matrix_rank(a, rtol=xp.asarray(limits)).tolist() == [2, 1]


def test_full_decompositions_of_values_but_not_of_recorded_tensors():
    x = np.array([[1.0], [2.0]])
    np.testing.assert_allclose(xp.linalg.qr(xp.asarray(x), mode="complete").Q.numpy(), np.linalg.qr(x, "complete").Q)
    assert xp.linalg.svd(xp.asarray(x)).U.shape == (2, 2)
    with pytest.raises(wg.errors.ArgumentError, match="not determined"):
        wg.grad(lambda x: xp.sum(xp.linalg.svd(x).U))(x)


def test_devices_and_dlpack():
    with pytest.raises(wg.errors.ArgumentError, match="device 'cuda' is not available"):
        xp.ones(2, device="cuda")
    assert xp.__array_namespace_info__().devices() == ("cpu",)
    with pytest.raises(wg.errors.OperandError, match="lose its gradient"):
        wg.vjp(lambda x: x.__dlpack__(), np.ones(2))
