"""The gamma function, its logarithm and the derivative of that in native code, computed in float64.

Between 1 and 3 the logarithm is (x - 1) (x - 2) times a polynomial, so that its zeros are exact; arguments up to 10 are
brought there by a product, larger ones go by Stirling's series. Negative arguments are reflected.
"""

from __future__ import annotations

import math

from wengert.compiler.native import angles, errors, maths
from wengert.compiler.native.ir import Function, Value
from wengert.compiler.native.maths import function, through_double
from wengert.compiler.native.polynomials import polynomial
from wengert.compiler.native.scalar_rules import DType, rule
from wengert.core.tape import Node

# log(gamma(z)) / ((z - 1) (z - 2)) in z - 2 for 1 <= z <= 3; fitted as those of `polynomials`, 2**-54.4.
_NEAR = [
    0.42278433509846713, -0.10031730167435422, 0.03296500062115701, -0.012384192193334302, 0.004998641164621539,
    -0.0021081308352712456, 0.0009153769241614251, -0.0004057073757676268, 0.00018255261399405452,
    -8.309532819444817e-05, 3.8169086161771714e-05, -1.7660511151384264e-05, 8.221192493107386e-06,
    -3.851752547329241e-06, 1.811514014390126e-06, -8.415158694504747e-07, 3.956461318453685e-07,
    -2.120040217145935e-07, 1.045461647330073e-07, -1.875918358420426e-08, 5.592262715994969e-09,
    -2.99396528222402e-08, 1.638537229108769e-08, 7.638309442677814e-09, -4.379214331716478e-09,
    -3.059741395286566e-09, 1.584965067179678e-09,
]  # fmt: skip
# Stirling's series in 1 / x², for the logarithm (times 1 / x) and for the derivative (times 1 / x²).
_STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400]
_SLOPES = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160]
_FAR = 10.0


def _near(f: Function, x: Value, below: Value, far: Value) -> tuple[Value, Value]:
    """``log(gamma(z))`` and a product, with ``gamma(x + below) = gamma(z) product`` where x is not far."""
    z, product = f.select(below, x + 1.0, f.select(far, 2.0, x)), f.constant(1.0, x.type)
    for _ in range(int(_FAR) - 3):
        high = f.compare("oge", z, 3.0)
        z = f.select(high, z - 1.0, z)
        product = f.select(high, product * z, product)
    return polynomial(f, _NEAR, z - 2.0) * (z - 1.0) * (z - 2.0), product


def _positive(f: Function, x: Value) -> Value:
    """log(gamma(x)) for x > 0."""
    below, far = f.compare("olt", x, 1.0), f.compare("oge", x, _FAR)
    base, product = _near(f, x, below, far)
    log = maths.log(f, f.select(below | far, x, product))
    near = f.select(below, base - log, base + log)
    over = 1.0 / f.select(far, x, 1.0)
    series = polynomial(f, _STIRLING, over * over) * over
    stirling = f.fma(x - 0.5, log, (series + 0.5 * math.log(2 * math.pi)) - x)
    stirling = f.select(f.compare("ogt", x, 1e17), x * (log - 1.0), stirling)
    result = f.select(far, stirling, near)
    return f.select(f.compare("oeq", x, math.inf), x, result)


def _from_whole(f: Function, x: Value) -> Value:
    """The distance to the nearest whole number."""
    return x - f.intrinsic("rint", x)


@through_double
@function
def gammaln(f: Function, x: Value) -> Value:
    """``log|gamma(x)|``; infinite at 0, -1, -2 …"""
    a = maths.absolute(f, x)
    size = _positive(f, f.select(f.compare("oeq", a, 0.0), 1.0, a))
    sine = maths.absolute(f, angles.sin(f, _from_whole(f, x) * math.pi)) * a
    reflected = maths.log(f, math.pi / f.select(f.compare("oeq", sine, 0.0), 1.0, sine)) - size
    result = f.select(f.compare("olt", x, 0.0), reflected, size)
    pole = f.compare("ole", x, 0.0) & f.compare("oeq", f.intrinsic("floor", x), x)
    result = f.select(pole, math.inf, result)
    return f.select(f.compare("oeq", x, -math.inf), x, result)  # as SciPy has it


@through_double
@function
def digamma(f: Function, x: Value) -> Value:
    """The derivative of ``log(gamma(x))``: the series from 10 on, below by steps of ``psi(x) = psi(x + 1) - 1 / x``."""
    negative = f.compare("ole", x, 0.0)
    z = f.select(negative, 1.0 - x, x)
    sums = f.constant(0.0, x.type)
    for _ in range(int(_FAR)):
        low = f.compare("olt", z, _FAR)
        sums = f.select(low, sums + 1.0 / z, sums)
        z = f.select(low, z + 1.0, z)
    over = 1.0 / z
    square = over * over
    value = maths.log(f, z) - over * 0.5 - square * polynomial(f, _SLOPES, square) - sums
    value = f.select(f.compare("oeq", z, math.inf), z, value)
    turned = _from_whole(f, x) * math.pi
    result = f.select(negative, value - math.pi / angles.tan(f, turned), value)
    pole = negative & f.compare("oeq", f.intrinsic("floor", x), x)
    at_zero = maths.with_sign(f, f.constant(math.inf, x.type), -x)
    return f.select(pole, f.select(f.compare("oeq", x, 0.0), at_zero, math.nan), result)


def _gamma_positive(f: Function, x: Value) -> Value:
    """gamma(x) for x > 0; far out ``sqrt(2 pi) x**(x - 1/2) exp(-x)`` times the series, the power in two halves."""
    below, far = f.compare("olt", x, 1.0), f.compare("oge", x, _FAR)
    base, product = _near(f, x, below, far)
    near = maths.exp(f, base)
    near = f.select(below, near / x, near * product)
    large = maths.at_most(f, f.select(far, x, _FAR), 200.0)
    over = 1.0 / large
    half = errors.power(f, large, f.fma(large, 0.5, -0.25))
    series = maths.exp(f, polynomial(f, _STIRLING, over * over) * over) * math.sqrt(2 * math.pi)
    return f.select(far, half * (maths.exp(f, -large) * series) * half, near)


def _is_pole(f: Function, x: Value) -> Value:
    return f.compare("olt", x, 0.0) & f.compare("oeq", f.intrinsic("floor", x), x)


@through_double
@function
def gammasgn(f: Function, x: Value) -> Value:
    """The sign of the gamma function; NaN at its poles -1, -2 …"""
    floor = f.intrinsic("floor", x)
    half = floor * 0.5
    odd = f.compare("olt", x, 0.0) & f.compare("une", f.intrinsic("floor", half), half)
    sign = f.select(odd, f.constant(-1.0, x.type), 1.0)
    sign = f.select(f.compare("oeq", x, 0.0), maths.with_sign(f, f.constant(1.0, x.type), x), sign)
    return f.select(_is_pole(f, x) | f.compare("uno", x, x), math.nan, sign)


@through_double
@function
def gamma(f: Function, x: Value) -> Value:
    """The gamma function; NaN at -1, -2 …, infinite at 0."""
    a = maths.absolute(f, x)
    size = _gamma_positive(f, a)
    sine = maths.absolute(f, angles.sin(f, _from_whole(f, x) * math.pi))
    size = f.select(f.compare("olt", x, 0.0), math.pi / (a * sine * size), size)
    size = f.select(f.compare("oeq", x, 0.0), math.inf, size)
    return size * gammasgn(f, x)


@through_double
@function
def rgamma(f: Function, x: Value) -> Value:
    """Its reciprocal, 0 at 0, -1, -2 …"""
    value = gamma(f, x)
    none = _is_pole(f, x) | f.compare("oeq", x, 0.0)
    return f.select(none, 0.0, 1.0 / value)


def _rule(name: str) -> None:
    @rule(name)
    def body(f: Function, x: Value, dtype: DType) -> Value:
        written: Value = globals()[name](f, x)
        return written


for _name in ("gamma", "gammaln", "gammasgn", "rgamma"):
    _rule(_name)


def _first(node: Node) -> bool:
    return bool(node.attrs["n"] == 0)


@rule("polygamma", check=_first)
def _polygamma(f: Function, x: Value, dtype: DType) -> Value:
    written: Value = digamma(f, x)
    return written


__all__ = ["digamma", "gamma", "gammaln", "gammasgn", "rgamma"]
