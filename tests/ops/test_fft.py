"""Fourier transforms: values as NumPy's in every form, derivatives as differences."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5))
Z = X + 1j * RNG.normal(size=(4, 5))

ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
MANY = ["fft2", "ifft2", "fftn", "ifftn", "rfft2", "irfft2", "rfftn", "irfftn"]


def operand(name):
    return X if name.startswith("rfft") or name == "ihfft" else Z


def check(f, x):
    """Derivatives as differences, batches as a loop."""
    wg.check_grads(f, (x,))
    np.testing.assert_allclose(wg.vmap(f)(np.stack([x, 2 * x]))[1], 2 * f(x), atol=1e-12)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("name", ONE)
def test_one_axis(name, norm):
    x = operand(name)
    ours, theirs = getattr(wg.fft, name), getattr(np.fft, name)
    for n in (None, 3, 4, 8, 9):
        for axis in (0, -1):
            np.testing.assert_allclose(ours(x, n, axis, norm), theirs(x, n, axis, norm), atol=1e-12)
    for n in (None, 3, 8):
        check(lambda a, n=n: ours(a, n, norm=norm), x)


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize(
    "s,axes", [(None, (0, 1)), ((3, 8), (0, 1)), ((3, 8), (1, 0)), ((6, 5), (-2, -1)), (None, (1, 0))]
)
def test_several_axes(name, s, axes):
    x = operand(name)
    np.testing.assert_allclose(getattr(wg.fft, name)(x, s, axes), getattr(np.fft, name)(x, s, axes), atol=1e-12)
    check(lambda a: getattr(wg.fft, name)(a, s, axes, "ortho"), x)


def test_single_precision_stays():
    x = np.ones(4, np.float32)
    assert wg.fft.fft(x).dtype == np.complex64
    assert wg.fft.rfft(x).dtype == np.complex64
    assert wg.fft.irfft(wg.fft.rfft(x)).dtype == np.float32
    g = wg.grad(lambda a: wg.linalg.norm(wg.fft.irfft(wg.fft.rfft(a) * 2)))(x)
    assert g.dtype == np.float32
    assert wg.fft.fft(np.arange(3)).dtype == np.complex128


def test_shifts_and_frequencies():
    for n in (1, 4, 5):
        x = np.arange(n * 3.0).reshape(n, 3)
        for axes in (None, 0, (0, 1), -1):
            np.testing.assert_array_equal(wg.fft.fftshift(x, axes), np.fft.fftshift(x, axes))
            np.testing.assert_array_equal(wg.fft.ifftshift(x, axes), np.fft.ifftshift(x, axes))
        np.testing.assert_array_equal(wg.fft.fftfreq(n, 0.5), np.fft.fftfreq(n, 0.5))
        np.testing.assert_array_equal(wg.fft.rfftfreq(n, 0.5), np.fft.rfftfreq(n, 0.5))


def test_parseval_second_order():
    """|fft(x)|^2 = n |x|^2, so the Hessian is 2 n I."""
    h = wg.hessian(lambda x: wg.linalg.vector_norm(wg.fft.fft(x)) ** 2)(RNG.normal(size=5))
    np.testing.assert_allclose(h, 10 * np.eye(5), atol=1e-10)


def test_numpys_functions_reach_ours():
    x = RNG.normal(size=4)
    g = wg.grad(lambda a: np.linalg.norm(np.fft.rfft(a)))(x)
    h = wg.grad(lambda a: wg.linalg.norm(wg.fft.rfft(a)))(x)
    np.testing.assert_array_equal(g, h)


@pytest.mark.parametrize("call,error,words", [
    (lambda: wg.fft.fft(np.ones(3), norm="half"), ValueError, "needs 'backward'"),
    (lambda: wg.fft.fft(np.ones(3), 0), ValueError, "at least one"),
    (lambda: wg.fft.fft(np.ones(3), axis=1), IndexError, "out of range"),
    (lambda: wg.fft.rfft(np.ones(3) * 1j), TypeError, "needs real values"),
    (lambda: wg.fft.irfft(np.ones(1)), ValueError, "at least one"),
    (lambda: wg.fft.fftn(np.ones((2, 2)), (2,), (0, 1)), ValueError, "one length an axis"),
])  # fmt: skip
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()
