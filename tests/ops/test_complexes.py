"""Parts and conjugates: values, and the convention of their derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.testing.battery import check_primitive

Z = np.array([1 + 2j, -3j, 0.5 - 1j])


@pytest.mark.parametrize("name", ["real", "imag", "conj"])
def test_battery(name):
    assert check_primitive(name)


def test_values():
    for name in ("real", "imag", "conj", "conjugate"):
        np.testing.assert_array_equal(getattr(wg, name)(Z), getattr(np, name)(Z))
        x = np.array([1.5, -2.0])
        np.testing.assert_array_equal(getattr(wg, name)(x), getattr(np, name)(x))
    assert wg.imag(np.float32(1)).dtype == wg.real(np.complex64(1j)).dtype == np.float32


def test_gradients_are_df_dx_minus_i_df_dy():
    np.testing.assert_allclose(wg.grad(lambda z: wg.sum(wg.real(z)))(Z), np.ones(3))
    np.testing.assert_allclose(wg.grad(lambda z: wg.sum(wg.imag(z)))(Z), -1j * np.ones(3))
    # |z|² = z conj(z) = x² + y²: df/dx - i df/dy = 2x - 2iy
    np.testing.assert_allclose(wg.grad(lambda z: wg.sum(wg.real(z * wg.conj(z))))(Z), 2 * Z.conj())


def test_tangents():
    t = np.array([1j, 1.0, 2 - 1j])
    for name in ("real", "imag", "conj"):
        np.testing.assert_allclose(wg.jvp(getattr(wg, name), (Z,), (t,))[1], getattr(np, name)(t))


def test_real_operands():
    assert wg.grad(lambda x: wg.real(x) + wg.imag(x) + wg.conj(x))(2.0) == 2.0
    assert wg.vmap(wg.imag)(np.ones(3)).tolist() == [0, 0, 0]


def test_real_if_close():
    close = np.array([1 + 1e-17j])
    assert wg.real_if_close(close).dtype == np.float64
    assert wg.real_if_close(Z).dtype == np.complex128
    assert wg.grad(lambda x: wg.sum(wg.real_if_close(x * (1 + 0j))))(np.ones(2)).tolist() == [1, 1]
