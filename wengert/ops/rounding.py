"""Choosing and rounding: where, maximum, clip, abs, sign, floor, remainder and their relatives.

Conventions at the points where no derivative exists: |x| and sign have derivative 0 at 0; ties of maximum and
minimum are shared evenly; clip has derivative 1 at its bounds; functions that are constant between jumps (floor,
round, sign …) have derivative 0 everywhere.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.errors import ArgumentError
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind, concrete
from wengert.ops.arithmetic import positive
from wengert.ops.comparison import (
    equal,
    greater,
    isinf,
    isnan,
    less,
    logical_or,
    signbit,
)
from wengert.ops.complexes import conj, imag, real
from wengert.ops.elementwise import Elementwise, elementwise, user_function
from wengert.ops.family import Family
from wengert.ops.structure import Samples, arrayed


# ----- choosing -----------------------------------------------------------------------------------------
class Where(Elementwise):
    """Elements of one operand or the other; the cotangent goes where the value came from, 0 elsewhere."""

    masks = True

    def __init__(self) -> None:
        super().__init__("where", np.where, (None, 1, 1), ((-2.0, 2.0),) * 3, False, True)

    def pull(self, g: Any, y: Any, xs: list[Any], needs: list[bool], attrs: dict[str, Any]) -> tuple[Any, ...]:
        chosen = xs[0]
        return None, where(chosen, g, 0) if needs[1] else None, where(chosen, 0, g) if needs[2] else None

    def jvp(self, ts: Sequence[Any], _y: Any, chosen: Any, _a: Any, _b: Any) -> Any:
        _, t, u = ts
        return None if t is None and u is None else where(chosen, 0 if t is None else t, 0 if u is None else u)

    def reads(self, tracked: int) -> tuple[tuple[int, ...], bool]:
        return (0,), False

    def samples(self, rng: np.random.Generator) -> Samples:
        for (chosen, a, b), attrs in super().samples(rng):
            yield [chosen > 0, a, b], attrs


WHERE = Where()


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """``x`` where the condition is true, else ``y``, of three broadcast operands.

    The cotangent of the operand that was not taken is exactly 0: infinities and NaN of its derivative do not
    leak. With the condition alone: the indices where it is true (as `nonzero`).

    >>> import wengert as wg, numpy as np
    >>> wg.where(np.array([True, False]), np.array([1.0, 2.0]), 0)
    array([1., 0.])
    """
    if x is None and y is None:
        return np.nonzero(concrete(arrayed(condition), "where(condition)"))
    if x is None or y is None:
        raise ArgumentError("where: got one branch; needs both or none")
    return bind(WHERE, (condition, x, y))


def _share_of(y: Any, a: Any, b: Any) -> Any:
    """The part of `y` that is `a`: 1, 0, or 1/2 where both are equal (or both NaN)."""
    is_a = np.equal(y, a) | (np.isnan(y) & np.isnan(a))
    is_b = np.equal(y, b) | (np.isnan(y) & np.isnan(b))
    return np.where(is_a, np.where(is_b, 0.5, 1.0), 0.0).astype(np.asarray(y).dtype)


_share = elementwise("share", _share_of, None, None, None)
_OWN_SHARE = (lambda y, a, b: _share(y, a, b), lambda y, a, b: _share(y, b, a))


def _extremum(name: str, ufunc: np.ufunc, words: str, result: str) -> Callable[..., Any]:
    doc = f"""The {words}

    The cotangent goes to the operand that was taken; where both are equal each gets half of it.

    >>> import wengert as wg, numpy as np
    >>> wg.{name}(np.array([1.0, np.nan, 3.0]), 2.0)
    {result}
    """
    function = elementwise(name, ufunc, *_OWN_SHARE, doc=doc, complex_domain=False, masks=True)
    return function


maximum = _extremum(
    "maximum", np.maximum, "larger of two operands; NaN where one of them is.", "array([ 2., nan,  3.])"
)
minimum = _extremum(
    "minimum", np.minimum, "smaller of two operands; NaN where one of them is.", "array([ 1., nan,  2.])"
)
fmax = _extremum("fmax", np.fmax, "larger of two operands; a single NaN is passed over.", "array([2., 2., 3.])")
fmin = _extremum("fmin", np.fmin, "smaller of two operands; a single NaN is passed over.", "array([1., 2., 2.])")


def _below(x: Any, bound: Any) -> Any:
    return less(x, bound) if type(bound) in SCALAR_TYPES else logical_or(less(x, bound), isnan(bound))


def _above(x: Any, bound: Any) -> Any:
    return greater(x, bound) if type(bound) in SCALAR_TYPES else logical_or(greater(x, bound), isnan(bound))


def clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """``min(max(x, a_min), a_max)``; a bound that is None does not apply. Also spelled `clamp`, as in PyTorch.

    The derivative by ``x`` is 1 between the bounds and at them, 0 outside; a bound (it may be an array) gets the
    cotangent where it was taken.

    >>> import wengert as wg, numpy as np
    >>> wg.clip(np.array([-1.0, 0.5, 2.0]), 0, 1)
    array([0. , 0.5, 1. ])
    """
    if (a_min is not None and min is not None) or (a_max is not None and max is not None):
        raise ArgumentError("clip: got the same bound twice (a_min and min, or a_max and max)")
    low, high = a_min if a_min is not None else min, a_max if a_max is not None else max
    y = arrayed(x)
    if low is not None:
        y = where(_below(y, low), low, y)
    if high is not None:
        y = where(_above(y, high), high, y)
    return positive(y) if y is x else y


clamp = clip


# ----- absolute value and sign --------------------------------------------------------------------------
def _slope_of_abs(_y: Any, x: Any) -> Any:
    return conj(sign(x)) if x.dtype.kind == "c" else sign(x)


class Absolute(Elementwise):
    """|x|; for complex z the derivative is that of a real function: d|z| = Re(conj(z) dz) / |z|."""

    def __init__(self, name: str, ufunc: np.ufunc) -> None:
        super().__init__(name, ufunc, (_slope_of_abs,), ((0.2, 2.0),), False, name == "abs")

    def jvp(self, ts: Sequence[Any], _y: Any, x: Any) -> Any:
        return real(ts[0] * conj(sign(x))) if x.dtype.kind == "c" else ts[0] * sign(x)


abs = user_function(
    Absolute("abs", np.absolute),
    1,
    """Absolute value ``|x|``, for complex numbers ``sqrt(re² + im²)``.

    The derivative at 0 is 0.

    >>> import wengert as wg, numpy as np
    >>> wg.abs(np.array([-1.5, 2.0]))
    array([1.5, 2. ])
    """,
)
absolute = abs
fabs = user_function(
    Absolute("fabs", np.fabs),
    1,
    """Absolute value of real numbers, always floating; the derivative at 0 is 0.

    >>> import wengert as wg, numpy as np
    >>> wg.fabs(np.array([-1, 2]))
    array([1., 2.])
    """,
)


def _step(name: str, function: Callable[..., Any], words: str, result: str) -> Callable[..., Any]:
    """A function that is constant between its jumps."""
    doc = f"""{words}; the derivative is 0 everywhere.

    >>> import wengert as wg, numpy as np
    >>> wg.{name}(np.array([-1.5, 0.0, 2.7]))
    {result}
    """
    return elementwise(name, function, None, doc=doc, low=0.1, high=0.4, complex_domain=False)


_sign = _step("sign", np.sign, "Sign of a real number", "array([-1.,  0.,  1.])")
floor = _step("floor", np.floor, "Largest whole number not above ``x``", "array([-2.,  0.,  2.])")
ceil = _step("ceil", np.ceil, "Smallest whole number not below ``x``", "array([-1.,  0.,  3.])")
trunc = _step("trunc", np.trunc, "Whole part of ``x``, towards 0", "array([-1.,  0.,  2.])")
rint = _step("rint", np.rint, "Nearest whole number, halves to the even one", "array([-2.,  0.,  3.])")
fix = trunc


def sign(x: Any, /) -> Any:
    """Sign: -1, 0 or 1; for complex numbers ``z / |z|``, and 0 at 0.

    The derivative is 0 for real numbers (also at 0).

    >>> import wengert as wg, numpy as np
    >>> wg.sign(np.array([-1.5, 0.0, 2.7]))
    array([-1.,  0.,  1.])
    """
    x = arrayed(x)
    if x.dtype.kind != "c":
        return _sign(x)
    size = abs(x)
    at_zero = equal(size, 0)
    return where(at_zero, 0, x / where(at_zero, 1, size))


sign.primitive = _sign.primitive  # type: ignore[attr-defined]


def _round(x: Any, n: int) -> Any:
    return np.round(x, n)


ROUND = Family("round", _round, None, (0, 1), (0.01, 0.04))
ROUND.complex_domain = True


def round(x: Any, /, decimals: int = 0) -> Any:
    """The nearest number with `decimals` decimals, halves to the even one; the derivative is 0 everywhere.

    >>> import wengert as wg, numpy as np
    >>> wg.round(np.array([1.25, -0.5, 1.5]), 1), wg.round(2.5)
    (array([ 1.2, -0.5,  1.5]), np.float64(2.0))
    """
    return ROUND(x if isinstance(x, int | float | complex) else arrayed(x), operator.index(decimals))


around = round


# ----- division with remainder ----------------------------------------------------------------------------
def _divmod(name: str, function: Any, quotient: Callable[..., Any] | None, words: str, result: str) -> Any:
    doc = f"""{words}

    >>> import wengert as wg, numpy as np
    >>> wg.{name}(np.array([5.5, -5.5]), 2)
    {result}
    """
    partials = (None, None) if quotient is None else (1, lambda _y, a, b: -quotient(a, b))
    # Between the jumps of the quotient: 4.2/2 … 4.8/1.7 have the whole part 2.
    return elementwise(
        name, function, *partials, doc=doc, low=(4.2, 1.7), high=(4.8, 2.0), singular=True, complex_domain=False
    )


floor_divide = _divmod(
    "floor_divide", np.floor_divide, None, "Quotient rounded down, ``floor(x1 / x2)``; its derivative is 0.",
    "array([ 2., -3.])",
)  # fmt: skip
remainder = _divmod(
    "remainder", np.remainder, floor_divide,
    "Remainder ``x1 - floor(x1 / x2) x2``, with the sign of ``x2`` (Python's ``%``); derivatives 1 and -floor(x1/x2).",
    "array([1.5, 0.5])",
)  # fmt: skip
fmod = _divmod(
    "fmod", np.fmod, lambda a, b: trunc(a / b),
    "Remainder ``x1 - trunc(x1 / x2) x2``, with the sign of ``x1`` (C's fmod); derivatives 1 and -trunc(x1/x2).",
    "array([ 1.5, -1.5])",
)  # fmt: skip
mod = remainder


def divmod(x1: Any, x2: Any, /) -> tuple[Any, Any]:
    """``(floor_divide(x1, x2), remainder(x1, x2))``.

    >>> import wengert as wg
    >>> wg.divmod(7.0, 2.0)
    (np.float64(3.0), np.float64(1.0))
    """
    return floor_divide(x1, x2), remainder(x1, x2)


# ----- relatives ------------------------------------------------------------------------------------------
copysign = elementwise(
    "copysign",
    np.copysign,
    lambda _y, a, b: sign(a) * where(signbit(b), -1, 1),
    None,
    low=0.2,
    complex_domain=False,
    doc="""The size of ``x1`` with the sign of ``x2``; the derivative by ``x1`` is 1 or -1, at 0 it is 0.

    >>> import wengert as wg, numpy as np
    >>> wg.copysign(np.array([1.0, -2.0]), -1.0)
    array([-1., -2.])
    """,
)
heaviside = elementwise(
    "heaviside",
    np.heaviside,
    None,
    lambda _y, x, _at_zero: equal(x, 0),
    low=0.2,
    complex_domain=False,
    doc="""Step: 0 for negative ``x1``, 1 for positive, ``x2`` at 0; the derivative by ``x1`` is 0 everywhere.

    >>> import wengert as wg, numpy as np
    >>> wg.heaviside(np.array([-1.0, 0.0, 2.0]), 0.5)
    array([0. , 0.5, 1. ])
    """,
)


class Ldexp(Primitive):
    """``x 2**n`` for whole n: linear in x."""

    name = "ldexp"
    linear_in = (0,)
    complex_domain = False

    def impl(self, x: Any, n: Any) -> Any:
        return np.ldexp(x, n)

    def aval(self, x: Any, n: Any) -> Aval:
        ones = [type(v)(1) if type(v) in SCALAR_TYPES else np.ones((), v.dtype)[()] for v in (x, n)]
        return Aval(shapes.broadcast("ldexp", *(getattr(v, "shape", ()) for v in (x, n))), np.ldexp(*ones).dtype)

    def vjp(self, g: Any, _y: Any, _x: Any, n: Any) -> tuple[Any, ...]:
        return bind(self, (g, n)), None

    batch = Elementwise.batch

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 3)), rng.integers(-3, 4, 3)], {}
        yield [rng.normal(size=()), np.int64(2)], {}
        yield [rng.normal(size=(0, 1)), rng.integers(-3, 4, (1, 2))], {}


ldexp = user_function(
    Ldexp(),
    2,
    """Scaled by a power of two, ``x1 2**x2``, for whole ``x2`` (which get no derivative).

    >>> import wengert as wg, numpy as np
    >>> wg.ldexp(np.array([1.5, 3.0]), 2)
    array([ 6., 12.])
    """,
)


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """NaN replaced by `nan`, infinities by `posinf` and `neginf` (by default the largest finite numbers).

    The derivative is 1 where the value stays and 0 where it is replaced. `copy` changes nothing: the result is
    always new.

    >>> import wengert as wg, numpy as np
    >>> wg.nan_to_num(np.array([1.0, np.nan, -np.inf]), neginf=-9.0)
    array([ 1.,  0., -9.])
    """
    x = arrayed(x)
    if x.dtype.kind not in "fc":
        return x
    if x.dtype.kind == "c":
        parts = [nan_to_num(part(x), copy, nan, posinf, neginf) for part in (real, imag)]
        return parts[0] + 1j * parts[1]
    limits = np.finfo(x.dtype)
    top = limits.max if posinf is None else posinf
    bottom = limits.min if neginf is None else neginf
    kept = where(isinf(x), where(greater(x, 0), top, bottom), x)
    return where(isnan(x), nan, kept)


__all__ = [
    "abs", "absolute", "around", "ceil", "clamp", "clip", "copysign", "divmod", "fabs", "fix", "floor",
    "floor_divide", "fmax", "fmin", "fmod", "heaviside", "ldexp", "maximum", "minimum", "mod", "nan_to_num",
    "remainder", "rint", "round", "sign", "trunc", "where",
]  # fmt: skip
