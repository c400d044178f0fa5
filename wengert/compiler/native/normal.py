"""The normal distribution in native code: scaled and inverse error functions, distribution function and quantiles.

Computed in float64 throughout. The inverse functions start from polynomials (fitted offline with mpmath as those of
`polynomials`; errors below 2**-21) and take two steps of Halley's.
"""

from __future__ import annotations

import math

from wengert.compiler.native import errors, maths
from wengert.compiler.native.errors import centred
from wengert.compiler.native.ir import Function, Value
from wengert.compiler.native.maths import function, through_double
from wengert.compiler.native.polynomials import ERFCX, polynomial
from wengert.compiler.native.scalar_rules import DType, rule, uniform

# erfinv(y) / y in w = -log(1 - y²) for w <= 6.5; beyond, erfinv(y) / s in 1 / s with s = sqrt(w), up to s = 27.3.
_INNER = [
    0.8862267587708282, 0.23201859669931635, 0.011525331436409283, -0.0022904567748742643, -0.00016876430634900607,
    6.64105438754854e-05, -2.8127746323870973e-06, -7.426439357137197e-07, 1.0002105168479467e-07,
    -3.835056612697746e-09,
]  # fmt: skip
_OUTER = [
    1.000146431888954, -0.01923561348686342, -1.3925960203634193, 6.723860981154387, -26.23989072485767,
    81.18906188926822, -166.62879604926493, 197.03632049828366, -101.3744561486024,
]  # fmt: skip
_ASYMPTOTIC = [1.0, -1.0, 3.0, -15.0, 105.0, -945.0, 10395.0]  # of erfcx(x) x sqrt(pi), in 1 / (2 x²)
_ROOT_PI = math.sqrt(math.pi)
_ROOT_HALF = math.sqrt(0.5)


def _erfcx_positive(f: Function, a: Value) -> Value:
    """exp(a²) erfc(a) for a >= 0."""
    near = maths.at_most(f, a, 27.0)
    inverse, t, correction = centred(f, near)
    scaled = polynomial(f, ERFCX["double"], t) * inverse
    scaled = f.fma(scaled, correction, scaled)
    over = 1.0 / maths.at_least(f, a, 20.0)
    far = polynomial(f, _ASYMPTOTIC, over * over * 0.5) * over * (1 / _ROOT_PI)
    return f.select(f.compare("ogt", a, 27.0), far, scaled)


@through_double
@function
def erfcx(f: Function, x: Value) -> Value:
    """``exp(x²) erfc(x)``."""
    scaled = _erfcx_positive(f, maths.absolute(f, x))
    square = x * x
    grown = maths.exp(f, square)
    twice = grown + grown
    left = f.select(f.compare("olt", grown, math.inf), f.fma(twice, f.fma(x, x, -square), twice), grown)
    return f.select(f.compare("olt", x, 0.0), left - scaled, scaled)


@through_double
@function
def ndtr(f: Function, x: Value) -> Value:
    """The distribution function, ``erfc(-x / sqrt(2)) / 2``."""
    return errors.erfc(f, x * -_ROOT_HALF) * 0.5


@through_double
@function
def log_ndtr(f: Function, x: Value) -> Value:
    """Its logarithm; on the left by the scaled function, where the distribution function would underflow."""
    t = x * _ROOT_HALF
    left = maths.log(f, _erfcx_positive(f, maths.absolute(f, t)) * 0.5) - t * t
    right = maths.log1p(f, errors.erfc(f, t) * -0.5)
    return f.select(f.compare("olt", x, -1.0), left, right)


def _inverse(f: Function, p: Value, y: Value) -> Value:
    """The number x >= 0 with erfc(x) = p and erf(x) = y, both given since each is exact on its side."""
    w = -maths.log(f, p * (y + 1.0))
    s = f.intrinsic("sqrt", maths.at_least(f, w, 6.0))
    inner = polynomial(f, _INNER, maths.at_most(f, w, 6.6)) * y
    x = f.select(f.compare("olt", w, 6.5), inner, polynomial(f, _OUTER, 1.0 / s) * s)
    for _ in range(2):
        half = maths.exp(f, x * x * 0.5)
        inside = half * half * (errors.erf(f, x) - y)
        outside = (half * p) * half - _erfcx_positive(f, x)
        u = f.select(f.compare("olt", y, 0.5), inside, outside) * (_ROOT_PI / 2)
        x = x - u / f.fma(x, u, 1.0)
    edge = f.select(f.compare("oeq", p, 0.0), f.constant(math.inf, x.type), math.nan)
    return f.select(f.compare("ogt", p, 0.0), x, edge)


@through_double
@function
def erfinv(f: Function, y: Value) -> Value:
    """The inverse of erf on [-1, 1]."""
    a = maths.absolute(f, y)
    return maths.with_sign(f, _inverse(f, 1.0 - a, a), y)


@through_double
@function
def erfcinv(f: Function, q: Value) -> Value:
    """The inverse of erfc on [0, 2]."""
    upper = f.compare("ogt", q, 1.0)
    p = f.select(upper, 2.0 - q, q)
    x = _inverse(f, p, 1.0 - p)
    return f.select(upper, -x, x)


@through_double
@function
def ndtri(f: Function, p: Value) -> Value:
    """The quantile, ``-sqrt(2) erfcinv(2 p)``."""
    return erfcinv(f, p + p) * -math.sqrt(2)


def _rule(name: str) -> None:
    @rule(name, check=uniform)
    def body(f: Function, x: Value, dtype: DType) -> Value:
        written: Value = globals()[name](f, x)
        return written


for _name in ("erfcx", "ndtr", "log_ndtr", "erfinv", "erfcinv", "ndtri"):
    _rule(_name)


def _log_ratio(f: Function, x: Value, y: Value) -> Value:
    """``log(x / y)``, also where both are nearly the same, and where the quotient overflows or underflows."""
    ratio = x / y
    near = f.compare("ogt", ratio, 0.5) & f.compare("olt", ratio, 2.0)
    smallest = maths.FORMATS[x.type.element].smallest
    usual = f.compare("ogt", ratio, smallest) & f.compare("olt", ratio, math.inf)
    plain = f.select(usual, maths.log(f, f.select(usual, ratio, x)), maths.log(f, x) - maths.log(f, y))
    return f.select(near, maths.log1p(f, (x - y) / y), plain)


@rule("rel_entr", check=uniform)
def rel_entr(f: Function, x: Value, y: Value, dtype: DType) -> Value:
    """``x log(x / y)`` where both are positive, 0 where x is 0 and y is not negative, else infinite."""
    edge = f.select(f.compare("oeq", x, 0.0) & f.compare("oge", y, 0.0), f.constant(0.0, x.type), math.inf)
    inside = f.compare("ogt", x, 0.0) & f.compare("ogt", y, 0.0)
    value = f.select(inside, x * _log_ratio(f, x, y), edge)
    return f.select(f.compare("uno", x, y), math.nan, value)


__all__ = ["erfcinv", "erfcx", "erfinv", "log_ndtr", "ndtr", "ndtri"]
