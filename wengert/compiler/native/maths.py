"""Exponentials, logarithms and hyperbolic functions of vectors: branch-free, for float and double, of any width.

They are built of fused multiply-adds, shifts, selections and the bits of floating numbers alone, so they are the same
on every processor. NaN, infinities, signed zeros and denormal numbers give what NumPy gives. Errors are at most 2.5
units in the last place: measured for float32 on all its values (`make test-long`), for float64 on millions of samples
against `longdouble` and mpmath.

An exponential is ``2**n exp(r)`` with |r| <= log(2)/2: adding 1.5 2**23 (or 2**52) rounds ``x / log(2)`` to n and
leaves n in the low bits, from where a shift brings it into an exponent. A logarithm takes ``x = 2**e m`` apart by its
bits, with sqrt(1/2) <= m < sqrt(2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.native.ir import F64, Function, Type, Value
from wengert.compiler.native.polynomials import EXP, LOG, SINH, polynomial, table


class Format(NamedTuple):
    """What the functions need to know of a floating format."""

    fraction: int  # bits of the fraction
    one: int  # the bits of 1.0
    magic: float  # adding it leaves the nearest whole number in the low bits
    root_half: int  # the bits of sqrt(1/2)
    smallest: float  # the smallest normal number
    overflow: float  # exp of it is infinite
    underflow: float  # exp of it is 0
    linear: float  # below it, x and log1p(x) are the same number
    saturated: float  # from there on tanh is 1
    ln2: tuple[float, float]  # log(2) as the sum of two numbers


def two_parts(digits: str, kind: Any) -> tuple[float, float]:
    """A decimal number as the sum of two floating ones."""
    first = float(kind(float(digits)))
    return first, float(kind(float(Fraction(digits) - Fraction(first))))


def _format(kind: Any, fraction: int, **limits: float) -> Format:
    whole = np.int32 if kind is np.float32 else np.int64
    return Format(
        fraction=fraction,
        one=int(kind(1).view(whole)),
        magic=1.5 * 2.0**fraction,
        root_half=int(kind(math.sqrt(0.5)).view(whole)),
        smallest=float(np.finfo(kind).smallest_normal),
        ln2=two_parts("0.6931471805599453094172321214581765680755", kind),
        **limits,
    )


FORMATS = {
    "float": _format(np.float32, 23, overflow=89.0, underflow=-104.0, linear=2.0**-26, saturated=9.02),
    "double": _format(np.float64, 52, overflow=710.0, underflow=-746.0, linear=2.0**-55, saturated=19.1),
}
_LOG2E = two_parts("1.4426950408889634073599246810018921374266", np.float64)


def function(body: Callable[..., Any]) -> Callable[..., Any]:
    """A function of `maths`: what it writes is rounded operation by operation, except where it says `fma`."""

    @wraps(body)
    def written(f: Function, *operands: Any, **options: Any) -> Any:
        with f.separately():
            return body(f, *operands, **options)

    return written


def through_double(body: Callable[..., Value]) -> Callable[..., Value]:
    """A function whose float32 form is computed in float64."""

    @wraps(body)
    def written(f: Function, *operands: Value) -> Value:
        kind = operands[0].type
        if kind.element == "double":
            return body(f, *operands)
        return f.cast("fptrunc", body(f, *(f.cast("fpext", x, F64) for x in operands)), kind)

    return written


# ----- small things ---------------------------------------------------------------------------------------
def at_most(f: Function, x: Value, bound: float) -> Value:
    """The smaller of both; a NaN stays one."""
    return f.select(f.compare("ogt", x, bound), bound, x)


def at_least(f: Function, x: Value, bound: float) -> Value:
    """The larger of both; a NaN stays one."""
    return f.select(f.compare("olt", x, bound), bound, x)


def absolute(f: Function, x: Value) -> Value:
    return f.intrinsic("fabs", x)


def with_sign(f: Function, x: Value, sign: Value) -> Value:
    """The size of `x` with the sign of another number."""
    return f.intrinsic("copysign", x, sign)


def is_small(f: Function, x: Value, bound: float) -> Value:
    return f.compare("olt", absolute(f, x), bound)


def is_infinite(f: Function, x: Value) -> Value:
    return f.compare("oeq", absolute(f, x), math.inf)


def power_of_two(f: Function, shifted: Value, kind: Type) -> Value:
    """``2**n`` from n, which stands where a floating number has its exponent."""
    return f.bitcast(shifted + FORMATS[kind.element].one, kind)


# ----- exponentials -----------------------------------------------------------------------------------------
def _reduced(f: Function, x: Value) -> tuple[Value, Value]:
    """The bits that hold n in their lowest places, and r, with ``x = n log(2) + r``."""
    form = FORMATS[x.type.element]
    summed = f.fma(x, _LOG2E[0], form.magic)
    n = summed - form.magic
    r = f.fma(n, -form.ln2[1], f.fma(n, -form.ln2[0], x))
    return f.bitcast(summed, x.type.integer), r


def _expm1_reduced(f: Function, r: Value) -> Value:
    """``exp(r) - 1`` for |r| <= log(2)/2."""
    return f.fma(r * r, polynomial(f, table(EXP, r), r), r)


def _scaled(f: Function, x: Value, bits: Value, less: int = 0) -> Value:
    """``x 2**(n - less)`` in two steps, so that results down to the smallest denormal number are right."""
    fraction = FORMATS[x.type.element].fraction
    half = f.shift_right(bits, 1) << fraction
    rest = (bits << fraction) - half
    if less:
        rest = rest - (less << fraction)
    return x * power_of_two(f, half, x.type) * power_of_two(f, rest, x.type)


def _exponential(f: Function, x: Value, less: int = 0) -> Value:
    """``exp(x) / 2**less``."""
    form = FORMATS[x.type.element]
    x = at_least(f, at_most(f, x, form.overflow + less), form.underflow)
    bits, r = _reduced(f, x)
    return _scaled(f, _expm1_reduced(f, r) + 1.0, bits, less)


@function
def exp(f: Function, x: Value) -> Value:
    """``e**x``."""
    return _exponential(f, x)


def exp_times(f: Function, x: Value, low: Value, a: tuple[Value, Value], b: Value) -> Value:
    """``exp(x + low) (a0 + a1) b`` for negative x, where `low` and a1 are below the last places of x and a0."""
    form = FORMATS[x.type.element]
    x = at_least(f, x, form.underflow)
    summed = f.fma(x, _LOG2E[0], form.magic)
    n = summed - form.magic
    exact = f.fma(n, -form.ln2[0], x)
    rest = f.fma(n, -form.ln2[1], low)
    r = exact + rest
    rest = (exact - r) + rest
    p = r + f.fma(r * r, polynomial(f, table(EXP, r), r), rest)
    factor = a[0] * b
    rest = f.fma(factor, p, f.fma(a[1], b, f.fma(a[0], b, -factor)))
    return _scaled(f, factor + rest, f.bitcast(summed, x.type.integer))


@function
def exp2(f: Function, x: Value) -> Value:
    """``2**x``."""
    form = FORMATS[x.type.element]
    top = float((form.one >> form.fraction) + 2)
    x = at_least(f, at_most(f, x, top), -top - form.fraction)
    summed = x + form.magic
    r = x - (summed - form.magic)
    r = f.fma(r, form.ln2[0], r * form.ln2[1])
    return _scaled(f, _expm1_reduced(f, r) + 1.0, f.bitcast(summed, x.type.integer))


def _expm1_bounded(f: Function, x: Value) -> Value:
    """``exp(x) - 1`` where ``2**n`` is no more than the largest power of two."""
    form = FORMATS[x.type.element]
    bits, r = _reduced(f, x)
    scale = power_of_two(f, (bits << form.fraction) - (1 << form.fraction), x.type)  # 2**(n - 1): n may be 128
    tail = (r * r) * polynomial(f, table(EXP, r), r)
    whole = f.fma(scale, r, scale - 0.5)
    return f.fma(scale, tail, whole) * 2.0


@function
def expm1(f: Function, x: Value) -> Value:
    """``e**x - 1`` without cancellation."""
    form = FORMATS[x.type.element]
    bounded = at_least(f, at_most(f, x, form.overflow), -2.0 * form.saturated)
    return f.select(is_small(f, x, form.linear), x, _expm1_bounded(f, bounded))


# ----- logarithms -------------------------------------------------------------------------------------------
def log_parts(f: Function, x: Value) -> tuple[Value, Value]:
    """``e`` and ``m`` with ``x = 2**e m`` and sqrt(1/2) <= m < sqrt(2), for positive finite x."""
    form, whole = FORMATS[x.type.element], x.type.integer
    bias = form.one >> form.fraction
    tiny = f.compare("olt", x, form.smallest)
    grown = f.select(tiny, x * 2.0 ** (form.fraction + 1), x)
    moved = f.bitcast(grown, whole) + (form.one - form.root_half)
    fractions = moved & ((1 << form.fraction) - 1)
    m = f.bitcast(fractions + form.root_half, x.type)
    large = 2.0**form.fraction  # its low bits are counted in ones
    counted = f.shift_right(moved, form.fraction) | f.bitcast(f.constant(large, x.type), whole)
    offset = f.select(tiny, f.constant(large + bias + form.fraction + 1, x.type), f.constant(large + bias, x.type))
    return f.bitcast(counted, x.type) - offset, m


def log_tail(f: Function, m1: Value) -> Value:
    """``log(1 + m1) - m1`` for sqrt(1/2) <= 1 + m1 <= sqrt(2)."""
    half = (m1 * m1) * 0.5
    if m1.type.element == "float":
        cube = (m1 * m1) * m1
        return f.fma(cube, polynomial(f, table(LOG, m1), m1), -half)
    z = m1 / (m1 + 2.0)
    zz = z * z
    return f.fma(z, f.fma(zz, polynomial(f, table(LOG, m1), zz), half), -half)


def _log_checked(f: Function, x: Value, result: Value) -> Value:
    """`result` for positive finite `x`; -inf at 0, NaN below, `x` itself where it is infinite or NaN."""
    edge = f.select(f.compare("oeq", x, 0.0), -math.inf, f.select(f.compare("olt", x, 0.0), math.nan, x))
    inside = f.compare("ogt", x, 0.0) & f.compare("olt", x, math.inf)
    return f.select(inside, result, edge)


@function
def log(f: Function, x: Value) -> Value:
    """The natural logarithm."""
    e, m = log_parts(f, x)
    high, low = FORMATS[x.type.element].ln2
    m1 = m - 1.0
    rest = f.fma(e, low, log_tail(f, m1))
    return _log_checked(f, x, f.fma(e, high, m1 + rest))


def _log_to_base(f: Function, x: Value, one: tuple[float, float], two: tuple[float, float]) -> Value:
    """The logarithm in a base; `one` is that of e, `two` that of 2, each as a sum."""
    e, m = log_parts(f, x)
    m1 = m - 1.0
    small = f.fma(log_tail(f, m1), one[0], m1 * one[1])
    small = f.fma(m1, one[0], small)
    return _log_checked(f, x, f.fma(e, two[0], f.fma(e, two[1], small)))


@function
def log2(f: Function, x: Value) -> Value:
    """The logarithm to base 2."""
    kind = {"float": np.float32, "double": np.float64}[x.type.element]
    return _log_to_base(f, x, two_parts("1.4426950408889634073599246810018921374266", kind), (1.0, 0.0))


@function
def log10(f: Function, x: Value) -> Value:
    """The logarithm to base 10."""
    kind = {"float": np.float32, "double": np.float64}[x.type.element]
    one = two_parts("0.4342944819032518276511289189166050822944", kind)
    return _log_to_base(f, x, one, two_parts("0.3010299956639811952137388947244930267682", kind))


def _log1p_positive(f: Function, x: Value) -> Value:
    """``log(1 + x)`` for finite ``x > -1``; ``(1 + x) / 2**e - 1`` is found without rounding ``1 + x``."""
    form = FORMATS[x.type.element]
    moved = f.bitcast(x + 1.0, x.type.integer) + (form.one - form.root_half)
    exponent = moved & ~((1 << form.fraction) - 1)
    quarter = f.bitcast(form.one - (exponent - (form.one + (2 << form.fraction))), x.type)  # 4 / 2**e
    m1 = f.fma(x * 0.25, quarter, f.fma(quarter, 0.25, -1.0))
    large = 2.0**form.fraction
    counted = f.shift_right(moved, form.fraction) | f.bitcast(f.constant(large, x.type), x.type.integer)
    e = f.bitcast(counted, x.type) - (large + (form.one >> form.fraction))
    return f.fma(e, form.ln2[0], m1 + f.fma(e, form.ln2[1], log_tail(f, m1)))


@function
def log1p(f: Function, x: Value) -> Value:
    """``log(1 + x)`` without cancellation."""
    result = _log1p_positive(f, x)
    edge = f.select(f.compare("oeq", x, -1.0), -math.inf, f.select(f.compare("olt", x, -1.0), math.nan, x))
    inside = f.compare("ogt", x, -1.0) & f.compare("olt", x, math.inf)
    result = f.select(inside, result, edge)
    return f.select(is_small(f, x, FORMATS[x.type.element].linear), x, result)


# ----- logistic and hyperbolic --------------------------------------------------------------------------------
@function
def expit(f: Function, x: Value) -> Value:
    """``1 / (1 + exp(-x))`` by exponentials of negative numbers only."""
    small = _exponential(f, -absolute(f, x))
    return f.select(f.compare("oge", x, 0.0), 1.0, small) / (small + 1.0)


@function
def softplus(f: Function, x: Value) -> Value:
    """``log(1 + exp(x))`` without overflow."""
    small = _exponential(f, -absolute(f, x))
    curve = f.select(is_small(f, small, FORMATS[x.type.element].linear), small, _log1p_positive(f, small))
    return curve + at_least(f, x, 0.0)


@function
def log_expit(f: Function, x: Value) -> Value:
    """``-log(1 + exp(-x))`` without overflow."""
    return -softplus(f, -x)


@function
def tanh(f: Function, x: Value) -> Value:
    """``q / (q + 2)`` with ``q = exp(2|x|) - 1``."""
    form = FORMATS[x.type.element]
    a = at_most(f, absolute(f, x), form.saturated)
    q = _expm1_bounded(f, a + a)
    result = f.select(f.compare("olt", a, form.linear), a, q / (q + 2.0))
    return with_sign(f, result, x)


@function
def sinh(f: Function, x: Value) -> Value:
    """A polynomial up to 1, beyond half the difference of two exponentials."""
    a = absolute(f, x)
    half = _exponential(f, a, less=1)
    large = with_sign(f, half - 0.25 / half, x)
    small = f.fma((x * x) * x, polynomial(f, table(SINH, x), x * x), x)
    return f.select(f.compare("olt", a, 1.0), small, large)


@function
def cosh(f: Function, x: Value) -> Value:
    """Half the sum of two exponentials."""
    half = _exponential(f, absolute(f, x), less=1)
    return half + 0.25 / half


# ----- inverse hyperbolic -------------------------------------------------------------------------------------
@through_double
@function
def arcsinh(f: Function, x: Value) -> Value:
    """``log1p(a + a² / (1 + sqrt(1 + a²)))``, for large a the logarithm of 2a."""
    a = absolute(f, x)
    far = f.compare("ogt", a, 2.0**28)
    near = f.select(far, 1.0, a)
    square = near * near
    near = near + square / (f.intrinsic("sqrt", square + 1.0) + 1.0)
    return with_sign(f, _log1p_or_log_of_double(f, near, a, far), x)


@through_double
@function
def arccosh(f: Function, x: Value) -> Value:
    """``log1p(t + sqrt(2t + t²))`` with ``t = x - 1``, for large x the logarithm of 2x."""
    far = f.compare("ogt", x, 2.0**28)
    t = f.select(far, 1.0, x) - 1.0
    near = t + f.intrinsic("sqrt", f.fma(t, t, t + t))
    result = _log1p_or_log_of_double(f, near, x, far)
    return f.select(f.compare("olt", x, 1.0), math.nan, result)


def _log1p_or_log_of_double(f: Function, near: Value, x: Value, far: Value) -> Value:
    result = log1p(f, f.select(far, x - 1.0, near))
    return f.select(far, result + FORMATS["double"].ln2[0], result)


@through_double
@function
def arctanh(f: Function, x: Value) -> Value:
    """``log1p(2a / (1 - a)) / 2``."""
    a = absolute(f, x)
    return with_sign(f, log1p(f, (a + a) / (1.0 - a)) * 0.5, x)


__all__ = [
    "FORMATS", "absolute", "arccosh", "arcsinh", "arctanh", "at_least", "at_most", "cosh", "exp", "exp2", "exp_times",
    "expit", "expm1", "function", "is_infinite", "is_small", "log", "log10", "log1p", "log2", "log_expit", "log_parts",
    "log_tail", "power_of_two", "sinh", "softplus", "tanh", "through_double", "two_parts", "with_sign",
]  # fmt: skip
