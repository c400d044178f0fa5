"""Discrete Fourier transforms (numpy.fft's names).

One primitive for complex and one for real input (and their inverse), over one or several axes. The matrix of a
transform is symmetric, so the complex one is its own transpose; that of the real ones is written with the complex
one. Lengths `n` and `s` are brought about by cutting or padding with zeros before.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, DTypeError, ShapeError, show
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval
from wengert.core.record import bind
from wengert.ops.complexes import real
from wengert.ops.contraction import conjugated
from wengert.ops.indexing import ALL, PLACE, Span, part
from wengert.ops.joining import concatenate
from wengert.ops.structure import OverAxes, Samples, arrayed

_OPPOSITE = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


class FourierTransform(OverAxes):
    """The complex transform over `axes`; `inverse` has the other sign in the exponent, `norm` says where 1/n is."""

    name = "fftn"
    linear_in = (0,)

    def impl(self, x: Any, *, axes: Shape, inverse: bool, norm: Any) -> Any:
        return (np.fft.ifftn if inverse else np.fft.fftn)(x, axes=axes, norm=norm)

    def aval(self, x: Any, *, axes: Shape, inverse: bool, norm: str) -> Aval:
        return Aval(x.shape, complex_dtype(x.dtype))

    def vjp(self, g: Any, _y: Any, _x: Any, *, axes: Shape, inverse: bool, norm: str) -> tuple[Any, ...]:
        return (bind(FOURIER, (g,), {"axes": axes, "inverse": inverse, "norm": norm}),)

    def samples(self, rng: np.random.Generator) -> Samples:
        x = rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4))
        for norm in _OPPOSITE:
            for inverse in (False, True):
                yield [x], {"axes": (1,), "inverse": inverse, "norm": norm}
                yield [x], {"axes": (0, 1), "inverse": inverse, "norm": norm}
        yield [x.real], {"axes": (0,), "inverse": False, "norm": "backward"}


FOURIER = FourierTransform()


class RealTransform(OverAxes):
    """The transform of real values over the last of `axes`, of which only half is kept; then over the others."""

    name = "rfftn"
    linear_in = (0,)
    complex_domain = False

    def impl(self, x: Any, *, axes: Shape, norm: Any) -> Any:
        return np.fft.rfftn(x, axes=axes, norm=norm)

    def aval(self, x: Any, *, axes: Shape, norm: str) -> Aval:
        last = axes[-1]
        return Aval((*x.shape[:last], x.shape[last] // 2 + 1, *x.shape[last + 1 :]), complex_dtype(x.dtype))

    def vjp(self, g: Any, _y: Any, _x: Any, *, axes: Shape, norm: str) -> tuple[Any, ...]:
        # The transpose of "keep half" pads with zeros; of "take real values as complex" takes the real part.
        last = axes[-1]
        half = (ALL,) * last + (Span(None, g.shape[last], None),)
        whole = bind(PLACE, (g,), {"index": half, "shape": _x.shape})
        return (real(bind(FOURIER, (whole,), {"axes": axes, "inverse": False, "norm": norm})),)

    def samples(self, rng: np.random.Generator) -> Samples:
        for norm in _OPPOSITE:
            yield [rng.normal(size=(3, 4))], {"axes": (1,), "norm": norm}
            yield [rng.normal(size=(4, 3))], {"axes": (0, 1), "norm": norm}
            yield [rng.normal(size=(4, 3))], {"axes": (1, 0), "norm": norm}


REAL_FOURIER = RealTransform()


class InverseRealTransform(OverAxes):
    """Real values from the kept half of a Hermitian spectrum; `length` values along the last of `axes`."""

    name = "irfftn"
    linear_in = (0,)

    def impl(self, x: Any, *, axes: Shape, length: int, norm: Any) -> Any:
        return np.fft.irfftn(x, s=[*(x.shape[a] for a in axes[:-1]), length], axes=axes, norm=norm)

    def aval(self, x: Any, *, axes: Shape, length: int, norm: str) -> Aval:
        last = axes[-1]
        real = np.zeros((), complex_dtype(x.dtype)).real.dtype
        return Aval((*x.shape[:last], length, *x.shape[last + 1 :]), real)

    def vjp(self, g: Any, _y: Any, _x: Any, *, axes: Shape, length: int, norm: str) -> tuple[Any, ...]:
        # y = Re of the inverse transform of the kept half with every term that stands for two counted twice.
        last = axes[-1]
        y = bind(REAL_FOURIER, (g,), {"axes": axes, "norm": _OPPOSITE[norm]})
        weights = np.full(y.shape[last], 2, g.dtype)
        weights[0] = 1
        if length % 2 == 0:
            weights[-1] = 1
        return (conjugated(y) * weights.reshape(-1, *(1,) * (len(y.shape) - last - 1)),)

    def samples(self, rng: np.random.Generator) -> Samples:
        x = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
        for norm in _OPPOSITE:
            yield [x], {"axes": (1,), "length": 4, "norm": norm}
            yield [x], {"axes": (1,), "length": 5, "norm": norm}
            yield [x], {"axes": (1, 0), "length": 4, "norm": norm}
            yield [x], {"axes": (0, 1), "length": 5, "norm": norm}


INVERSE_REAL_FOURIER = InverseRealTransform()


# ----- arguments ---------------------------------------------------------------------------------------
def complex_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The complex dtype NumPy transforms `dtype` to."""
    return np.dtype(np.complex64) if dtype.char in "efF" else np.result_type(dtype, np.complex128)


def _norm(operation: str, norm: Any) -> str:
    if norm not in (None, *_OPPOSITE):
        raise ArgumentError(f"{operation}: got norm={norm!r}; needs 'backward', 'ortho' or 'forward'")
    return norm or "backward"


def _axes(operation: str, x: Any, s: Any, axes: Any) -> tuple[Shape, list[int | None]]:
    """The axes, in the order given, and the length wanted along each (None: as it is)."""
    rank = len(x.shape)
    if axes is None:
        axes = range(rank) if s is None else range(rank - len(s), rank)
    found = tuple(shapes.axis_index(operation, a, rank) for a in axes)
    lengths: list[int | None] = [None] * len(found) if s is None else list(s)
    if not found or len(lengths) != len(found):
        raise ArgumentError(f"{operation}: got s={s} for axes {list(axes)} of {show(x)}; needs one length an axis")
    for axis, n in zip(found, lengths, strict=True):
        points = x.shape[axis] if n is None else n
        if points < 1:
            raise ShapeError(f"{operation}: got {points} points along axis {axis}; needs at least one")
    return found, lengths


def _resized(x: Any, axes: Sequence[int], lengths: Sequence[int | None]) -> Any:
    """Cut, or pad with zeros, to the wanted lengths."""
    for axis, n in zip(axes, lengths, strict=True):
        if n is None or n == x.shape[axis]:
            continue
        if n < x.shape[axis]:
            x = part(x, axis, None, operator.index(n))
        else:
            index = (ALL,) * axis + (Span(None, x.shape[axis], None),)
            x = bind(PLACE, (x,), {"index": index, "shape": (*x.shape[:axis], n, *x.shape[axis + 1 :])})
    return x


def _complex_transform(operation: str, x: Any, s: Any, axes: Any, norm: Any, inverse: bool) -> Any:
    x = arrayed(x)
    norm = _norm(operation, norm)
    found, lengths = _axes(operation, x, s, axes)
    if len(set(found)) < len(found):
        raise ArgumentError(f"{operation}: axes {list(found)} name an axis twice")
    return bind(FOURIER, (_resized(x, found, lengths),), {"axes": found, "inverse": inverse, "norm": norm})


def _real_transform(operation: str, x: Any, s: Any, axes: Any, norm: Any) -> Any:
    x = arrayed(x)
    if x.dtype.kind == "c":
        raise DTypeError(f"{operation}: got {show(x)}; needs real values", hint="use wg.fft.fft for complex ones")
    norm = _norm(operation, norm)
    found, lengths = _axes(operation, x, s, axes)
    return bind(REAL_FOURIER, (_resized(x, found, lengths),), {"axes": found, "norm": norm})


def _inverse_real_transform(operation: str, x: Any, s: Any, axes: Any, norm: Any) -> Any:
    x = arrayed(x)
    norm = _norm(operation, norm)
    found, lengths = _axes(operation, x, s, axes)
    length = lengths[-1] if lengths[-1] is not None else 2 * (x.shape[found[-1]] - 1)
    if length < 1:
        raise ShapeError(f"{operation}: got {show(x)}, which makes {length} points; needs at least one", hint="give n")
    x = _resized(x, found, [*lengths[:-1], length // 2 + 1])
    return bind(INVERSE_REAL_FOURIER, (x,), {"axes": found, "length": operator.index(length), "norm": norm})


def _one(n: Any) -> Any:
    return None if n is None else (n,)


# ----- functions ------------------------------------------------------------------------------------------
def fft(a: Any, /, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """The discrete Fourier transform ``y[k] = sum_j x[j] exp(-2 pi i j k / n)`` along an axis.

    Cut or padded with zeros to `n` points; `norm` "ortho" divides by sqrt(n), "forward" by n. The result is complex.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.fft(np.array([1.0, 0.0]))
    array([1.+0.j, 1.+0.j])
    """
    return _complex_transform("fft", a, _one(n), (axis,), norm, False)


def ifft(a: Any, /, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """The inverse of `fft`: ``x[j] = sum_k y[k] exp(2 pi i j k / n) / n`` along an axis.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.ifft(np.array([1.0, 1.0]))
    array([1.+0.j, 0.+0.j])
    """
    return _complex_transform("ifft", a, _one(n), (axis,), norm, True)


def fft2(a: Any, /, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    """The Fourier transform over two axes; see `fftn`.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.fft2(np.ones((2, 2)))[0, 0]
    np.complex128(4+0j)
    """
    return _complex_transform("fft2", a, s, axes, norm, False)


def ifft2(a: Any, /, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    """The inverse Fourier transform over two axes; see `ifftn`.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.ifft2(np.ones((2, 2)))[0, 0]
    np.complex128(1+0j)
    """
    return _complex_transform("ifft2", a, s, axes, norm, True)


def fftn(a: Any, /, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
    """The Fourier transform over several axes (by default all), of lengths `s`; see `fft`.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.fftn(np.ones((2, 2)))[0, 0]
    np.complex128(4+0j)
    """
    return _complex_transform("fftn", a, s, axes, norm, False)


def ifftn(a: Any, /, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
    """The inverse Fourier transform over several axes (by default all); see `ifft`.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.ifftn(np.ones((2, 2)))[0, 0]
    np.complex128(1+0j)
    """
    return _complex_transform("ifftn", a, s, axes, norm, True)


def rfft(a: Any, /, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """The Fourier transform of real values: the first ``n // 2 + 1`` terms, which determine the others.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.rfft(np.array([1.0, 0.0, 0.0]))
    array([1.+0.j, 1.+0.j])
    """
    return _real_transform("rfft", a, _one(n), (axis,), norm)


def irfft(a: Any, /, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """The inverse of `rfft`: `n` real values (by default ``2 (m - 1)`` from m terms).

    >>> import wengert as wg, numpy as np
    >>> wg.fft.irfft(np.array([1.0, 1.0]), 3).round(3)
    array([1., 0., 0.])
    """
    return _inverse_real_transform("irfft", a, _one(n), (axis,), norm)


def rfft2(a: Any, /, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    """The Fourier transform of real values over two axes; see `rfftn`.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.rfft2(np.ones((4, 4))).shape
    (4, 3)
    """
    return _real_transform("rfft2", a, s, axes, norm)


def irfft2(a: Any, /, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    """The inverse of `rfft2`.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.irfft2(np.ones((4, 3))).shape
    (4, 4)
    """
    return _inverse_real_transform("irfft2", a, s, axes, norm)


def rfftn(a: Any, /, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
    """The Fourier transform of real values over several axes; of the last one half the terms are kept.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.rfftn(np.ones((4, 4))).shape
    (4, 3)
    """
    return _real_transform("rfftn", a, s, axes, norm)


def irfftn(a: Any, /, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
    """The inverse of `rfftn`.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.irfftn(np.ones((4, 3))).shape
    (4, 4)
    """
    return _inverse_real_transform("irfftn", a, s, axes, norm)


def hfft(a: Any, /, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """The Fourier transform, real, of a signal with Hermitian symmetry of which the first half is given.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.hfft(np.array([1.0, 0.0]))
    array([1., 1.])
    """
    return _inverse_real_transform("hfft", conjugated(arrayed(a)), _one(n), (axis,), _OPPOSITE[_norm("hfft", norm)])


def ihfft(a: Any, /, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """The inverse of `hfft`.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.ihfft(np.array([1.0, 1.0]))
    array([1.-0.j, 0.-0.j])
    """
    return conjugated(_real_transform("ihfft", a, _one(n), (axis,), _OPPOSITE[_norm("ihfft", norm)]))


def _shifted(operation: str, x: Any, axes: Any, backwards: bool) -> Any:
    x = arrayed(x)
    for axis in shapes.axes_tuple(operation, axes, len(x.shape)):
        size = x.shape[axis]
        cut = size // 2 if backwards else size - size // 2
        if size > 1:
            x = concatenate([part(x, axis, cut, None), part(x, axis, None, cut)], axis=axis)
    return x


def fftshift(x: Any, /, axes: Any = None) -> Any:
    """Move the zero frequency to the middle of the axes.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.fftshift(np.array([0.0, 1.0, -1.0]))
    array([-1.,  0.,  1.])
    """
    return _shifted("fftshift", x, axes, False)


def ifftshift(x: Any, /, axes: Any = None) -> Any:
    """The inverse of `fftshift`.

    >>> import wengert as wg, numpy as np
    >>> wg.fft.ifftshift(np.array([-1.0, 0.0, 1.0]))
    array([ 0.,  1., -1.])
    """
    return _shifted("ifftshift", x, axes, True)


def fftfreq(n: int, /, d: Any = 1.0) -> Any:
    """The frequencies of `fft` for `n` points at distance `d`.

    >>> import wengert as wg
    >>> wg.fft.fftfreq(4)
    array([ 0.  ,  0.25, -0.5 , -0.25])
    """
    return np.fft.fftfreq(n) / d


def rfftfreq(n: int, /, d: Any = 1.0) -> Any:
    """The frequencies of `rfft` for `n` points at distance `d`.

    >>> import wengert as wg
    >>> wg.fft.rfftfreq(4)
    array([0.  , 0.25, 0.5 ])
    """
    return np.fft.rfftfreq(n) / d


__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft", "irfft",
    "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip
