"""Arithmetic: + - * / ** and their relatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ops.elementwise import Elementwise, elementwise, multiply_no_nan, user_function

add = elementwise(
    "add",
    np.add,
    1,
    1,
    doc="""Sum ``x1 + x2`` of two broadcast operands.

    >>> import wengert as wg, numpy as np
    >>> wg.add(np.array([1.0, 2.0]), 1)
    array([2., 3.])
    """,
)
subtract = elementwise(
    "subtract",
    np.subtract,
    1,
    -1,
    doc="""Difference ``x1 - x2``.

    >>> import wengert as wg, numpy as np
    >>> wg.subtract(np.array([1.0, 2.0]), 1)
    array([0., 1.])
    """,
)
multiply = elementwise(
    "multiply",
    np.multiply,
    lambda _y, _a, b: b,
    lambda _y, a, _b: a,
    doc="""Elementwise (Hadamard) product ``x1 * x2``.

    >>> import wengert as wg, numpy as np
    >>> wg.multiply(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([3., 8.])
    """,
)


def _inverse(b: Any) -> Any:
    """1 / b, also for a Python number 0, which NumPy divides by and Python does not."""
    return math.copysign(math.inf, b) if type(b) in (int, float) and b == 0 else 1 / b


divide = elementwise(
    "divide",
    np.divide,
    lambda _y, _a, b: _inverse(b),
    lambda y, _a, b: -y / b,
    low=(-2.0, 0.5),
    singular=True,
    doc="""Quotient ``x1 / x2``.

    >>> import wengert as wg, numpy as np
    >>> wg.divide(np.array([1.0, 2.0]), 4)
    array([0.25, 0.5 ])
    """,
)
negative = elementwise(
    "negative",
    np.negative,
    -1,
    doc="""The negative ``-x``.

    >>> import wengert as wg, numpy as np
    >>> wg.negative(np.array([1.0, -2.0]))
    array([-1.,  2.])
    """,
)
positive = elementwise(
    "positive",
    np.positive,
    1,
    doc="""A copy ``+x``.

    >>> import wengert as wg, numpy as np
    >>> wg.positive(np.array([1.0, -2.0]))
    array([ 1., -2.])
    """,
)
square = elementwise(
    "square",
    np.square,
    lambda _y, x: 2 * x,
    doc="""The square ``x * x``.

    >>> import wengert as wg, numpy as np
    >>> wg.square(np.array([3.0, -2.0]))
    array([9., 4.])
    """,
)
reciprocal = elementwise(
    "reciprocal",
    np.reciprocal,
    lambda y, _x: -y * y,
    low=0.5,
    singular=True,
    doc="""The reciprocal ``1 / x``.

    >>> import wengert as wg, numpy as np
    >>> wg.reciprocal(np.array([2.0, 4.0]))
    array([0.5 , 0.25])
    """,
)


def _log_of_base(y: Any, a: Any, b: Any) -> Any:
    """d(a**b)/db = y log a, taken as 0 at a = 0 (for b > 0 it is, for b <= 0 it does not exist)."""
    return multiply_no_nan(log_guarded(a), multiply_no_nan(y, a != 0))


def _power_partial(_y: Any, a: Any, b: Any) -> Any:
    """d(a**b)/da = b a**(b-1), which is 0 for b = 0 also at a = 0."""
    return multiply_no_nan(power(a, b - 1), b)


log_guarded = elementwise(
    "log_guarded",
    lambda x: _quiet_log(x),
    lambda _y, x: reciprocal(x),
    low=0.5,
    singular=True,
    doc="""Logarithm without NumPy's warnings, for rules whose factor is 0 where it is infinite.

    >>> import wengert as wg, numpy as np
    >>> wg.log_guarded(np.array([0.0, 1.0]))
    array([-inf,   0.])
    """,
)


def _quiet_log(x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.log(x)


class Power(Elementwise):
    """``a ** b``; a whole or fractional exponent >= 1 written as a number has the plain rule, finite everywhere."""

    def __init__(self) -> None:
        domain = ((0.5, 2.0), (-2.0, 2.0))
        super().__init__("power", np.power, (_power_partial, _log_of_base), domain, True, True)

    def pull(self, g: Any, y: Any, xs: list[Any], needs: list[bool], attrs: dict[str, Any]) -> tuple[Any, ...]:
        a, b = xs
        if type(b) in (int, float) and b >= 1:
            return g * (2 * a if b == 2 else b * power(a, b - 1)), None
        return super().pull(g, y, xs, needs, attrs)

    def pull_behind_mask(
        self, g: Any, y: Any, xs: list[Any], needs: list[bool], attrs: dict[str, Any]
    ) -> tuple[Any, ...]:
        return super().pull(g, y, xs, needs, attrs)  # `singular`: safe where the plain rule is not


power = user_function(
    Power(),
    2,
    """Power ``x1 ** x2``.

    The derivative by the exponent is ``y log(x1)``, taken as 0 for a base 0 and NaN for a negative base; the
    derivative by the base is 0 where the exponent is 0.

    >>> import wengert as wg, numpy as np
    >>> wg.power(np.array([2.0, 3.0]), 2)
    array([4., 9.])
    """,
)
float_power: Callable[..., Any] = elementwise(
    "float_power",
    np.float_power,
    lambda _y, a, b: multiply_no_nan(float_power(a, b - 1), b),
    _log_of_base,
    low=(0.5, -2.0),
    singular=True,
    doc="""Power ``x1 ** x2`` computed in at least float64, also for integers and negative exponents.

    >>> import wengert as wg, numpy as np
    >>> wg.float_power(np.array([2, 3]), -1)
    array([0.5       , 0.33333333])
    """,
)

stop_gradient = elementwise(
    "stop_gradient",
    lambda x: x,
    None,
    doc="""The value as it is, with derivative zero: what follows treats it as a constant.

    >>> import wengert as wg
    >>> wg.grad(lambda x: x * wg.stop_gradient(x))(3.0)
    np.float64(3.0)
    """,
)

true_divide = divide

__all__ = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "true_divide",
    "negative",
    "positive",
    "square",
    "reciprocal",
    "power",
    "float_power",
    "stop_gradient",
]
