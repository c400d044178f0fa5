"""Error functions, powers and roots of vectors; accuracy and portability as in `maths`."""

from __future__ import annotations

import math

from wengert.compiler.native.ir import Function, Value
from wengert.compiler.native.maths import (
    FORMATS,
    absolute,
    at_least,
    at_most,
    exp,
    exp_times,
    function,
    is_infinite,
    log_parts,
    power_of_two,
    through_double,
    two_parts,
    with_sign,
)
from wengert.compiler.native.polynomials import ERF, ERFCX, ERFLOG, EXP, POWLOG, horner, polynomial, table

_CENTRE = {"float": 2.0, "double": 4.0}
_LAST = {"float": 10.1, "double": 27.3}  # erfc is 0 from there on


# ----- error functions --------------------------------------------------------------------------------------
def centred(f: Function, a: Value) -> tuple[Value, Value, Value]:
    """``1 / (a + k)``, ``(a - k) / (a + k)``, and by how much relatively the first is too small."""
    k = f.constant(_CENTRE[a.type.element], a.type)
    inside = f.compare("olt", a, k)
    total = a + k
    lost = f.select(inside, a, k) - (total - f.select(inside, k, a))
    inverse = 1.0 / total
    correction = f.fma(-inverse, total, 1.0) - inverse * lost
    rounded = (a - k) * inverse
    return inverse, rounded + f.fma(rounded, correction, f.fma(a - k, inverse, -rounded)), correction


def _erfc_positive(f: Function, a: Value) -> Value:
    """erfc for a >= 0: ``exp(-a²) p(t) / (a + k)`` with ``t = (a - k) / (a + k)``.

    What ``1 / (a + k)`` and ``a²`` lose by rounding goes into the exponential.
    """
    a = at_most(f, a, _LAST[a.type.element])
    inverse, t, correction = centred(f, a)
    square = a * a
    low = correction - f.fma(a, a, -square)
    first, *others = table(ERFCX, a)
    curve = horner(f, others, t)  # two halves round once more, which is too much here
    scaled = f.fma(t, curve, first)
    return exp_times(f, -square, low, (scaled, f.fma(t, curve, first - scaled)), inverse)


def _erf_near(f: Function, x: Value) -> Value:
    """erf for |x| <= 1."""
    return f.fma(x, polynomial(f, table(ERF, x), x * x), x)


@function
def erf(f: Function, x: Value) -> Value:
    """A polynomial up to 1, beyond 1 - erfc."""
    a = absolute(f, x)
    if x.type.element == "float":
        t = at_most(f, a, 4.0)
        rest = exp(f, polynomial(f, table(ERFLOG, x), t))
    else:
        rest = _erfc_positive(f, at_most(f, a, 6.0))
    return f.select(f.compare("olt", a, 1.0), _erf_near(f, x), with_sign(f, 1.0 - rest, x))


@function
def erfc(f: Function, x: Value) -> Value:
    """``1 - erf(x)`` with full relative accuracy for large x."""
    a = absolute(f, x)
    tail = _erfc_positive(f, a)
    far = f.select(f.compare("olt", x, 0.0), 2.0 - tail, tail)
    near = f.fma(-x, polynomial(f, table(ERF, x), x * x), 1.0 - x)
    return f.select(f.compare("olt", a, 0.8), near, far)


# ----- powers -------------------------------------------------------------------------------------------------
def _two_sum(a: Value, b: Value) -> tuple[Value, Value]:
    """a + b as a sum of two numbers, for |a| >= |b|."""
    total = a + b
    return total, b - (total - a)


def _two_product(f: Function, a: Value, b: Value) -> tuple[Value, Value]:
    product = a * b
    return product, f.fma(a, b, -product)


def _log2_in_two(f: Function, x: Value) -> tuple[Value, Value]:
    """The logarithm to base 2 of a positive finite double to about 68 bits."""
    e, m = log_parts(f, x)
    m1, m2 = m - 1.0, m + 1.0
    m2_low = m - (m2 - 1.0)
    z = m1 / m2
    z_low = (f.fma(-z, m2, m1) - z * m2_low) / m2
    zz = z * z
    zz_low = f.fma(z, z, -zz) + (z + z) * z_low
    # 2 atanh(z) = 2 z + z³ (2/3 + z² p(z²))
    third, third_low = 2 / 3, 3.700743415417188e-17
    s, s_low = _two_sum(f.lift(third, z.type), zz * polynomial(f, POWLOG["double"], zz))
    s_low = s_low + third_low
    cube, cube_low = _two_product(f, zz, z)
    cube_low = cube_low + f.fma(zz, z_low, zz_low * z)
    tail, tail_low = _two_product(f, cube, s)
    tail_low = tail_low + f.fma(cube, s_low, cube_low * s)
    log, log_low = _two_sum(z + z, tail)
    log_low = log_low + (tail_low + (z_low + z_low))
    one, one_low = two_parts("1.4426950408889634073599246810018921374266", float)
    high, low = _two_product(f, log, f.lift(one, z.type))
    low = low + f.fma(log, one_low, log_low * one)
    total = e + high
    rest = f.select(f.compare("oeq", e, 0.0), low, (high - (total - e)) + low)
    return _two_sum(f.select(f.compare("oeq", e, 0.0), high, total), rest)


def _exp2_of_sum(f: Function, high: Value, low: Value) -> Value:
    """``2**(high + low)`` of doubles."""
    form = FORMATS["double"]
    bounded = at_least(f, at_most(f, high, 1030.0), -1080.0)
    summed = bounded + form.magic
    r = (bounded - (summed - form.magic)) + f.select(f.compare("oeq", bounded, high), low, 0.0)
    r = f.fma(r, form.ln2[0], r * form.ln2[1])
    p = f.fma(r * r, polynomial(f, EXP["double"], r), r) + 1.0
    bits = f.bitcast(summed, high.type.integer)
    half = f.shift_right(bits, 1) << form.fraction
    rest = (bits << form.fraction) - half
    return p * power_of_two(f, half, p.type) * power_of_two(f, rest, p.type)


@through_double
@function
def power(f: Function, x: Value, y: Value) -> Value:
    """``x**y`` with all special cases of IEEE: by a logarithm of twice the precision, times y, and 2 to that."""
    a = absolute(f, x)
    usual = f.compare("ogt", a, 0.0) & f.compare("olt", a, math.inf)
    log, log_low = _log2_in_two(f, f.select(usual, a, 1.0))
    limited = at_least(f, at_most(f, y, 2.0**70), -(2.0**70))
    high, low = _two_product(f, limited, log)
    low = f.fma(limited, log_low, low)
    result = _exp2_of_sum(f, high, low)
    # bases 0 and infinity: 0 or infinity by the sign of y
    grows = f.compare("ogt", a, 1.0) ^ f.compare("olt", y, 0.0)
    edge = f.select(grows, f.constant(math.inf, x.type), f.constant(0.0, x.type))
    result = f.select(usual, result, edge)
    whole = f.compare("oeq", f.intrinsic("floor", y), y)
    half = y * 0.5
    odd = whole & f.compare("one", f.intrinsic("floor", half), half) & f.negation(is_infinite(f, y))
    negative = f.compare("slt", f.bitcast(x, x.type.integer), 0)
    result = f.select(negative & odd, -result, result)
    outside = f.compare("olt", x, 0.0) & f.negation(whole) & f.compare("ogt", x, -math.inf)
    result = f.select(outside | f.compare("uno", x, y), math.nan, result)
    one = f.compare("oeq", y, 0.0) | f.compare("oeq", x, 1.0)
    one = one | (f.compare("oeq", x, -1.0) & is_infinite(f, y))
    return f.select(one, 1.0, result)


@through_double
@function
def cbrt(f: Function, x: Value) -> Value:
    """The real cube root: a first guess by exponential and logarithm, and one step of Newton's."""
    a = absolute(f, x)
    usual = f.compare("ogt", a, 0.0) & f.compare("olt", a, math.inf)
    e, m = log_parts(f, f.select(usual, a, 1.0))
    third = f.intrinsic("rint", e * (1 / 3))
    left = f.fma(third, -3.0, e)  # -1, 0 or 1
    m = m * f.select(
        f.compare("ogt", left, 0.5), 2.0, f.select(f.compare("olt", left, -0.5), f.constant(0.5, x.type), 1.0)
    )
    t = _cube_root_guess(f, m)
    square, square_low = _two_product(f, t, t)
    error = f.fma(square, t, -m) + square_low * t
    t = t - error / (square * 3.0)
    bits = f.bitcast(third + FORMATS["double"].magic, x.type.integer) << FORMATS["double"].fraction
    return with_sign(f, f.select(usual, t * power_of_two(f, bits, x.type), a), x)


def _cube_root_guess(f: Function, m: Value) -> Value:
    """The cube root for 0.35 <= m < 2.83 to 40 bits: a parabola and three steps of Newton's."""
    t = f.fma(f.fma(m, -0.0762, 0.5186), m, 0.5581)
    for _ in range(3):
        t = t - (t - m / (t * t)) * (1 / 3)
    return t


@through_double
@function
def hypot(f: Function, x: Value, y: Value) -> Value:
    """``sqrt(x² + y²)`` without overflow and underflow."""
    a, b = absolute(f, x), absolute(f, y)
    larger = f.select(f.compare("ogt", a, b), a, b)
    huge, tiny = f.compare("ogt", larger, 2.0**500), f.compare("olt", larger, 2.0**-500)
    down = f.select(huge, f.constant(2.0**-600, x.type), f.select(tiny, f.constant(2.0**600, x.type), 1.0))
    up = f.select(huge, f.constant(2.0**600, x.type), f.select(tiny, f.constant(2.0**-600, x.type), 1.0))
    a, b = a * down, b * down
    result = f.intrinsic("sqrt", f.fma(a, a, b * b)) * up
    return f.select(is_infinite(f, x) | is_infinite(f, y), math.inf, result)


__all__ = ["cbrt", "centred", "erf", "erfc", "hypot", "power"]
