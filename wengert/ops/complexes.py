"""Complex numbers: parts and conjugates.

These maps are linear over the real numbers only. With the cotangent G of w defined by dL = Re(G dw), the cotangents
of z are: of ``real(z)`` G, of ``imag(z)`` -iG, of ``conj(z)`` conj(G).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.record import bind, concrete
from wengert.ops.elementwise import Elementwise
from wengert.ops.structure import Samples, apart, arrayed


class RealLinear(Elementwise):
    """An elementwise map that is linear over the real numbers."""

    def __init__(self, name: str, function: Callable[..., Any], transpose: Callable[[Any], Any]) -> None:
        self.transpose = transpose
        super().__init__(name, function, (1,), ((-2.0, 2.0),), False, True)

    def pull(self, g: Any, y: Any, xs: list[Any], needs: list[bool], attrs: dict[str, Any]) -> tuple[Any, ...]:
        return (self.transpose(g) if xs[0].dtype.kind == "c" else self.transpose_real(g),)

    def transpose_real(self, g: Any) -> Any:
        """The same for a real operand, which has no imaginary part that could move."""
        return None if self.name == "imag" else g

    def jvp(self, ts: Sequence[Any], _y: Any, _x: Any) -> Any:
        return bind(self, ts)

    def reads(self, tracked: int) -> tuple[tuple[int, ...], bool]:
        return (), False

    def samples(self, rng: np.random.Generator) -> Samples:
        for xs, attrs in super().samples(rng):
            yield xs, attrs
            yield [x * (1 - 0.5j) for x in xs], attrs


REAL = RealLinear("real", lambda x: np.real(x).copy(), lambda g: g)
IMAG = RealLinear("imag", lambda x: np.imag(x).copy(), lambda g: g * -1j)
REAL.window = IMAG.window = True  # in NumPy they share memory with the complex array
CONJ = RealLinear("conj", np.conj, lambda g: conj(g))


def real(val: Any, /) -> Any:
    """The real part; a real array as it is.

    >>> import wengert as wg, numpy as np
    >>> wg.real(np.array([1 + 2j, 3j]))
    array([1., 0.])
    """
    x = arrayed(val)
    return bind(REAL, (x,)) if x.dtype.kind == "c" else x


def imag(val: Any, /) -> Any:
    """The imaginary part; zeros for a real array.

    >>> import wengert as wg, numpy as np
    >>> wg.imag(np.array([1 + 2j, 3j]))
    array([2., 3.])
    """
    x = arrayed(val)
    y = bind(IMAG, (x,))
    return y if x.dtype.kind == "c" else apart(y, x)


def conj(x: Any, /) -> Any:
    """The complex conjugate; a real array as it is.

    >>> import wengert as wg, numpy as np
    >>> wg.conj(np.array([1 + 2j, 3j]))
    array([1.-2.j, 0.-3.j])
    """
    x = arrayed(x)
    return bind(CONJ, (x,)) if x.dtype.kind == "c" else x


conjugate = conj


def real_if_close(a: Any, tol: float = 100) -> Any:
    """The real part where all imaginary parts are below `tol` machine epsilons (or `tol` itself if not above 1).

    The values decide about the dtype of the result: not possible where only shapes are known.

    >>> import wengert as wg, numpy as np
    >>> wg.real_if_close(np.array([2.0 + 1e-17j]))
    array([2.])
    """
    x = arrayed(a)
    if x.dtype.kind != "c":
        return x
    values = np.asarray(concrete(x, "real_if_close"))
    return real(x) if np.isrealobj(np.real_if_close(values, tol)) else x


__all__ = ["conj", "conjugate", "imag", "real", "real_if_close"]
