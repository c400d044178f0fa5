"""Trigonometric and hyperbolic functions, their inverses, angles and distances."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ops.comparison import equal
from wengert.ops.complexes import imag, real
from wengert.ops.elementwise import elementwise, example
from wengert.ops.exponential import sqrt
from wengert.ops.family import Family
from wengert.ops.rounding import where
from wengert.ops.structure import arrayed


def _unary(name: str, ufunc: Any, partial: Any, words: str, at: str, result: str, **options: Any) -> Callable[..., Any]:
    return elementwise(name, ufunc, partial, doc=words + example(name, f"np.array({at})", result), **options)


# singular: NaN at infinity, where the argument may be in a branch that was not taken, as in sin(1/x) at 0.
sin = _unary(
    "sin", np.sin, lambda _y, x: cos(x), "Sine.", "[0.0, np.pi / 2]", "array([0., 1.])", singular=True,
)  # fmt: skip
cos: Callable[..., Any] = _unary(
    "cos", np.cos, lambda _y, x: -sin(x), "Cosine.", "[0.0, np.pi]", "array([ 1., -1.])", singular=True,
)  # fmt: skip
tan = _unary(
    "tan", np.tan, lambda y, _x: 1 + y * y, "Tangent; derivative ``1 + tan²``.", "[0.0, np.pi / 4]", "array([0., 1.])",
    low=-1.2, high=1.2, singular=True,
)  # fmt: skip
sinh = _unary(
    "sinh",
    np.sinh,
    lambda _y, x: cosh(x),
    "Hyperbolic sine.",
    "[0.0, 1.0]",
    "array([0.        , 1.17520119])",
    singular=True,  # overflows
)
cosh: Callable[..., Any] = _unary(
    "cosh",
    np.cosh,
    lambda _y, x: sinh(x),
    "Hyperbolic cosine.",
    "[0.0, 1.0]",
    "array([1.        , 1.54308063])",
    singular=True,  # overflows
)
tanh = _unary(
    "tanh", np.tanh, lambda y, _x: 1 - y * y, "Hyperbolic tangent; derivative ``1 - tanh²``.", "[0.0, 1.0]",
    "array([0.        , 0.76159416])",
)  # fmt: skip

# ----- inverses -----------------------------------------------------------------------------------------
# Two roots instead of sqrt(1 - x²): exact near ±1, and on the right branch for complex numbers. Divided one after
# the other: a quotient, unlike a product, keeps a zero cotangent zero beside NaN (outside of the domain).
arcsin = _unary(
    "arcsin", np.arcsin, lambda _y, x: 1 / sqrt(1 - x) / sqrt(1 + x),
    "Inverse sine, in [-π/2, π/2]; the derivative is infinite at ±1.", "[0.0, 1.0]", "array([0.        , 1.57079633])",
    low=-0.8, high=0.8, singular=True,
)  # fmt: skip
arccos = _unary(
    "arccos", np.arccos, lambda _y, x: -1 / sqrt(1 - x) / sqrt(1 + x),
    "Inverse cosine, in [0, π]; the derivative is infinite at ±1.", "[0.0, 1.0]", "array([1.57079633, 0.        ])",
    low=-0.8, high=0.8, singular=True,
)  # fmt: skip
arctan = _unary(
    "arctan", np.arctan, lambda _y, x: 1 / (1 + x * x), "Inverse tangent, in [-π/2, π/2].", "[0.0, 1.0]",
    "array([0.        , 0.78539816])",
)  # fmt: skip
arcsinh = _unary(
    "arcsinh", np.arcsinh, lambda _y, x: 1 / sqrt(1 + x * x), "Inverse hyperbolic sine.", "[0.0, 1.0]",
    "array([0.        , 0.88137359])",
)  # fmt: skip
arccosh = _unary(
    "arccosh", np.arccosh, lambda _y, x: 1 / sqrt(x - 1) / sqrt(x + 1),
    "Inverse hyperbolic cosine, for x >= 1; the derivative is infinite at 1.", "[1.0, 2.0]",
    "array([0.        , 1.3169579])", low=1.2, high=3.0, singular=True,
)  # fmt: skip
arctanh = _unary(
    "arctanh", np.arctanh, lambda _y, x: 1 / (1 - x) / (1 + x),
    "Inverse hyperbolic tangent, for |x| < 1.", "[0.0, 0.5]", "array([0.        , 0.54930614])",
    low=-0.8, high=0.8, singular=True,
)  # fmt: skip


# ----- of two arguments -----------------------------------------------------------------------------------
def _over(x: Any, h: Any) -> Any:
    """``x / h``, but 0 at the origin, where h is 0 too."""
    return x / where(equal(h, 0), 1, h)


hypot = elementwise(
    "hypot",
    np.hypot,
    lambda y, a, _b: _over(a, y),
    lambda y, _a, b: _over(b, y),
    low=0.3,
    complex_domain=False,
    doc="""Distance ``sqrt(x1² + x2²)`` without overflow; the gradient is taken as 0 at the origin.

    >>> import wengert as wg, numpy as np
    >>> wg.hypot(np.array([3.0, 0.0]), np.array([4.0, 0.0]))
    array([5., 0.])
    """,
)
arctan2 = elementwise(
    "arctan2",
    np.arctan2,
    lambda _y, a, b: _over(_over(b, hypot(a, b)), hypot(a, b)),
    lambda _y, a, b: -_over(_over(a, hypot(a, b)), hypot(a, b)),
    low=0.3,
    complex_domain=False,
    doc="""Angle of the point (x2, x1), in [-π, π]; the gradient is taken as 0 at the origin.

    >>> import wengert as wg, numpy as np
    >>> wg.arctan2(np.array([1.0, 0.0]), np.array([0.0, -1.0]))
    array([1.57079633, 3.14159265])
    """,
)


def angle(z: Any, deg: bool = False) -> Any:
    """The angle of a complex number, in (-π, π] (degrees with `deg`); the gradient is taken as 0 at 0.

    >>> import wengert as wg, numpy as np
    >>> wg.angle(np.array([1.0, 1j, -1.0]), deg=True)
    array([  0.,  90., 180.])
    """
    z = arrayed(z)
    radians = arctan2(imag(z), real(z))
    return rad2deg(radians) if deg else radians


_DEGREE = math.pi / 180
deg2rad = _unary(
    "deg2rad", np.deg2rad, _DEGREE, "Degrees to radians.", "[0.0, 180.0]", "array([0.        , 3.14159265])",
    complex_domain=False,
)  # fmt: skip
rad2deg = _unary(
    "rad2deg", np.rad2deg, 1 / _DEGREE, "Radians to degrees.", "[0.0, np.pi]", "array([  0., 180.])",
    complex_domain=False,
)  # fmt: skip


# ----- sinc -------------------------------------------------------------------------------------------------
def _sinc(x: Any, n: int) -> Any:
    """The n-th derivative of sin(πx) / (πx), accurate everywhere."""
    if n == 0:
        return np.sinc(x)
    t = np.multiply(x, math.pi)
    near = np.abs(t) < n + 1
    result = np.where(near, _sinc_near(np.where(near, t, 0), n), _sinc_far(np.where(near, 1, t), n))
    return (result * math.pi**n).astype(np.asarray(t).dtype)


def _sinc_near(t: Any, n: int) -> Any:
    """The power series: sum over even m >= n of ±t**(m-n) / ((m+1) (m-n)!)."""
    total, m = np.zeros_like(t), n + n % 2
    term = t ** (m - n) * (-1.0) ** (m // 2)
    for _ in range(12 + 3 * n):
        total = total + term / (m + 1)
        term = term * t * t * (-1.0 / ((m - n + 1) * (m - n + 2)))
        m += 2
    return total


def _sinc_far(t: Any, n: int) -> Any:
    """From t f(t) = sin t, differentiated n times: t f_n + n f_(n-1) = sin(t + nπ/2)."""
    sine, cosine = np.sin(t), np.cos(t)
    turns = (sine, cosine, -sine, -cosine)
    y = sine / t
    for k in range(1, n + 1):
        y = (turns[k % 4] - k * y) / t
    return y


SINC: Family = Family("sinc", _sinc, lambda _y, x, n: SINC(x, n + 1), (0, 1, 2), (-2.0, 2.0))
SINC.complex_domain = True


def sinc(x: Any, /) -> Any:
    """``sin(πx) / (πx)``, which is 1 at 0; derivatives of every order are accurate there too (sinc''(0) = -π²/3).

    >>> import wengert as wg, numpy as np
    >>> wg.sinc(np.array([0.0, 0.5]))
    array([1.        , 0.63661977])
    """
    return SINC(arrayed(x), 0)


acos, asin, atan, atan2 = arccos, arcsin, arctan, arctan2
acosh, asinh, atanh = arccosh, arcsinh, arctanh
degrees, radians = rad2deg, deg2rad

__all__ = [
    "acos", "acosh", "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "asin", "asinh",
    "atan", "atan2", "atanh", "cos", "cosh", "deg2rad", "degrees", "hypot", "rad2deg", "radians", "sin", "sinc",
    "sinh", "tan", "tanh",
]  # fmt: skip
