"""Exponentials, logarithms and roots."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ops.arithmetic import power, reciprocal
from wengert.ops.comparison import equal, isinf, logical_and
from wengert.ops.elementwise import elementwise, example
from wengert.ops.rounding import where

_LN2, _LN10 = math.log(2), math.log(10)


exp = elementwise(
    "exp",
    np.exp,
    lambda y, _x: y,
    singular=True,  # overflows; the value may stand in a branch that was not taken
    doc="Exponential ``e**x``." + example("exp", "np.array([0.0, 1.0])", "array([1.        , 2.71828183])"),
)
exp2 = elementwise(
    "exp2",
    np.exp2,
    lambda y, _x: y * _LN2,
    singular=True,  # overflows
    doc="Power of two ``2**x``." + example("exp2", "np.array([0.0, 3.0])", "array([1., 8.])"),
)
expm1 = elementwise(
    "expm1",
    np.expm1,
    lambda y, _x: y + 1,
    singular=True,  # overflows
    doc="``exp(x) - 1`` without cancellation near 0."
    + example("expm1", "np.array([0.0, 1e-20])", "array([0.e+00, 1.e-20])"),
)
log = elementwise(
    "log",
    np.log,
    lambda _y, x: reciprocal(x),
    low=0.5,
    singular=True,
    doc="Natural logarithm; derivative ``1/x``." + example("log", "np.array([1.0, np.e])", "array([0., 1.])"),
)
log2 = elementwise(
    "log2",
    np.log2,
    lambda _y, x: 1 / (x * _LN2),
    low=0.5,
    singular=True,
    doc="Logarithm to base 2." + example("log2", "np.array([1.0, 8.0])", "array([0., 3.])"),
)
log10 = elementwise(
    "log10",
    np.log10,
    lambda _y, x: 1 / (x * _LN10),
    low=0.5,
    singular=True,
    doc="Logarithm to base 10." + example("log10", "np.array([1.0, 100.0])", "array([0., 2.])"),
)
log1p = elementwise(
    "log1p",
    np.log1p,
    lambda _y, x: 1 / (1 + x),
    low=-0.5,
    singular=True,
    doc="``log(1 + x)`` without cancellation near 0."
    + example("log1p", "np.array([0.0, 1e-20])", "array([0.e+00, 1.e-20])"),
)
sqrt = elementwise(
    "sqrt",
    np.sqrt,
    lambda y, _x: 0.5 / y,
    low=0.5,
    singular=True,
    doc="""Square root; derivative ``1 / (2 sqrt(x))``, infinite at 0 (but 0 where the cotangent is 0).

    >>> import wengert as wg, numpy as np
    >>> wg.sqrt(np.array([0.0, 9.0]))
    array([0., 3.])
    """,
)
rsqrt = elementwise(
    "rsqrt",
    lambda x: np.reciprocal(np.sqrt(x)),
    lambda y, x: -0.5 * y / x,
    low=0.5,
    singular=True,
    doc="``1 / sqrt(x)``." + example("rsqrt", "np.array([1.0, 4.0])", "array([1. , 0.5])"),
)
cbrt = elementwise(
    "cbrt",
    np.cbrt,
    lambda y, _x: 1 / (3 * y * y),
    low=0.5,
    singular=True,
    complex_domain=False,
    doc="Real cube root, also of negative numbers." + example("cbrt", "np.array([-8.0, 27.0])", "array([-2.,  3.])"),
)


# ----- of two arguments ------------------------------------------------------------------------------
def _logistic(x: Any) -> Any:
    """1 / (1 + exp(-x)) with exponentials of non-positive numbers only, so that nothing overflows."""
    small = np.exp(-np.abs(x))
    return np.where(np.greater_equal(x, 0), 1, small) / (1 + small)


expit: Callable[..., Any] = elementwise(
    "expit",
    _logistic,
    # Not y (1 - y): expit(-x) keeps its relative accuracy where 1 - y is all cancellation.
    lambda y, x: y * expit(-x),
    low=-4.0,
    high=4.0,
    complex_domain=False,
    doc="Logistic function ``1 / (1 + exp(-x))``."
    + example("expit", "np.array([-1e3, 0.0, 1e3])", "array([0. , 0.5, 1. ])"),
)


def _excess(a: Any, b: Any) -> Any:
    """``a - b``, but 0 where both are the same infinity."""
    return where(logical_and(equal(a, b), isinf(a)), 0, a - b)


logaddexp = elementwise(
    "logaddexp",
    np.logaddexp,
    lambda _y, a, b: expit(_excess(a, b)),
    lambda _y, a, b: expit(_excess(b, a)),
    complex_domain=False,
    doc="""``log(exp(x1) + exp(x2))`` without overflow; the derivatives are the parts of the sum and add to 1.

    >>> import wengert as wg, numpy as np
    >>> wg.logaddexp(np.array([0.0, 1000.0]), np.array([0.0, 0.0]))
    array([6.93147181e-01, 1.00000000e+03])
    """,
)
logaddexp2 = elementwise(
    "logaddexp2",
    np.logaddexp2,
    lambda _y, a, b: expit(_excess(a, b) * _LN2),
    lambda _y, a, b: expit(_excess(b, a) * _LN2),
    complex_domain=False,
    doc="""``log2(2**x1 + 2**x2)`` without overflow.

    >>> import wengert as wg, numpy as np
    >>> wg.logaddexp2(np.array([0.0, 3.0]), np.array([0.0, 3.0]))
    array([1., 4.])
    """,
)

pow = power

__all__ = [
    "cbrt", "exp", "exp2", "expit", "expm1", "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2", "pow",
    "rsqrt", "sqrt",
]  # fmt: skip
