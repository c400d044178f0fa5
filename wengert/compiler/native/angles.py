"""Sine, cosine, tangent and the inverse functions of vectors; accuracy and portability as in `maths`.

An angle is brought to |r| <= pi/4 by subtracting a multiple of pi/2 that stands as a sum of three numbers
(Cody and Waite). Beyond 2**16 (float) or 2**28 (double) a loop over the lanes multiplies the number by 2/pi in whole
numbers of 192 bits (Payne and Hanek), so angles are right up to the largest number; a vector without such lanes
passes by.
"""

from __future__ import annotations

import math

from wengert.compiler.native.ir import F64, I32, I64, Function, Value
from wengert.compiler.native.maths import FORMATS, absolute, function, is_infinite, with_sign
from wengert.compiler.native.polynomials import ARCSIN, ARCTAN, COS, SIN, TAN, polynomial, table

_FURTHEST = {"float": 2.0**16, "double": 2.0**28}
# pi/2 as a sum of three numbers of each format, and of two.
_HALF_PI = {
    "float": (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058993e-15),
    "double": (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33),
}


# ----- reduction --------------------------------------------------------------------------------------------
def _reduced(f: Function, x: Value) -> tuple[Value, Value, Value]:
    """Whole numbers whose two low bits are n mod 4, r, and what is lost of r, with ``x = n pi/2 + r``."""
    form, (first, second, third) = FORMATS[x.type.element], _HALF_PI[x.type.element]
    summed = f.fma(x, 2 / math.pi, form.magic)
    n = summed - form.magic
    exact, product = f.fma(n, -first, x), n * second
    r = exact - product
    low = f.fma(n, -third, ((exact - r) - product) - f.fma(n, second, -product))
    quarter = f.bitcast(summed, x.type.integer)
    size = absolute(f, x)
    far = f.compare("ogt", size, _FURTHEST[x.type.element]) & f.compare("olt", size, math.inf)
    found = f.when(f.any(far), lambda: _reduced_far(f, x, far, quarter, r, low), [quarter, r, low])
    return found[0], found[1], found[2]


def _reduced_far(f: Function, x: Value, far: Value, quarter: Value, r: Value, low: Value) -> list[Value]:
    """The same with the far lanes from the slow function."""
    width, wide = x.type.width, x.type.element == "double"
    _declare_reduction(f)
    places = [f.local(kind, width) for kind in (F64, F64, F64, I64)]
    f.store(x if wide else f.cast("fpext", x, F64), places[0])
    f.call("wengert_reduce_angles", *places, f.constant(width, I64))
    exact, lost, turns = (f.load(p, k.vector(width)) for p, k in zip(places[1:], (F64, F64, I64), strict=True))
    if wide:
        return [f.select(far, turns, quarter), f.select(far, exact, r), f.select(far, lost, low)]
    single = f.cast("fptrunc", exact, x.type)
    lost = f.cast("fptrunc", exact - f.cast("fpext", single, F64), x.type)
    return [f.select(far, f.cast("trunc", turns, I32), quarter), f.select(far, single, r), f.select(far, lost, low)]


# 2/pi in binary digits, written as hexadecimal ones.
_TWO_OVER_PI = (
    "A2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561B7246E3A424DD2E006492EEA09D1921CFE1DEB1CB129A73E"
    "E88235F52EBB4484E99C7026B45F7E413991D639835339F49C845F8BBDF9283B1FF897FFDE05980FEF2F118B5A0A6D1F6D367ECF27CB09B7"
    "4F463F669E5FEA2D7527BAC7EBE5F17B3D0739F78A5292EA6BFB5FB11F8D5D0856033046FC7B6BABF0CFBC209AF4361DA9E391615EE61B08"
)
_REDUCTION = """
define internal void @wengert_reduce_angles(ptr %x, ptr %r, ptr %l, ptr %q, i64 %n) noinline nounwind {
entry:
  br label %lane
lane:
  %i = phi i64 [ 0, %entry ], [ %next, %done ]
  %xp = getelementptr double, ptr %x, i64 %i
  %rp = getelementptr double, ptr %r, i64 %i
  %lp = getelementptr double, ptr %l, i64 %i
  %qp = getelementptr i64, ptr %q, i64 %i
  %bits = load i64, ptr %xp, align 8
  %shifted = lshr i64 %bits, 52
  %exponent = and i64 %shifted, 2047
  %large = icmp uge i64 %exponent, 1039
  %finite = icmp ult i64 %exponent, 2047
  %needed = and i1 %large, %finite
  br i1 %needed, label %reduce, label %skip
skip:
  store double 0.0, ptr %rp, align 8
  store double 0.0, ptr %lp, align 8
  store i64 0, ptr %qp, align 8
  br label %done
reduce:
  ; x = m 2**(exponent - 1075); digits of 2/pi that make multiples of 4 are left out
  %fraction = and i64 %bits, 4503599627370495
  %m = or i64 %fraction, 4503599627370496
  %start = sub i64 %exponent, 1013
  %word = lshr i64 %start, 6
  %by = and i64 %start, 63
  %p0 = getelementptr i64, ptr @wengert_two_over_pi, i64 %word
  %p1 = getelementptr i64, ptr %p0, i64 1
  %p2 = getelementptr i64, ptr %p0, i64 2
  %p3 = getelementptr i64, ptr %p0, i64 3
  %w0 = load i64, ptr %p0, align 8
  %w1 = load i64, ptr %p1, align 8
  %w2 = load i64, ptr %p2, align 8
  %w3 = load i64, ptr %p3, align 8
  %high = call i64 @llvm.fshl.i64(i64 %w0, i64 %w1, i64 %by)
  %mid = call i64 @llvm.fshl.i64(i64 %w1, i64 %w2, i64 %by)
  %low = call i64 @llvm.fshl.i64(i64 %w2, i64 %w3, i64 %by)
  %mw = zext i64 %m to i128
  %lowwide = zext i64 %low to i128
  %lowproduct = mul i128 %mw, %lowwide
  %carry = lshr i128 %lowproduct, 64
  %midwide = zext i64 %mid to i128
  %midproduct = mul i128 %mw, %midwide
  %midsum = add i128 %midproduct, %carry
  %below = trunc i128 %midsum to i64
  %carries = lshr i128 %midsum, 64
  %carried = trunc i128 %carries to i64
  %highproduct = mul i64 %m, %high
  %value = add i64 %highproduct, %carried
  ; the nearest whole number stands in the two top bits, what remains is at most 1/2
  %rounded = add i64 %value, 2305843009213693952
  %turns = lshr i64 %rounded, 62
  %whole = shl i64 %turns, 62
  %rest = sub i64 %value, %whole
  %upper = and i64 %rest, -2048
  %lower = and i64 %rest, 2047
  %a = sitofp i64 %upper to double
  %lowerfloat = uitofp i64 %lower to double
  %belowfloat = uitofp i64 %below to double
  %b0 = call double @llvm.fma.f64(double %lowerfloat, double 0x43F0000000000000, double %belowfloat)
  %as = fmul double %a, 0x3C10000000000000
  %bs = fmul double %b0, 0x3810000000000000
  %t0 = fmul double %bs, 0x3FF921FB54442D18
  %t1 = call double @llvm.fma.f64(double %as, double 0x3C91A62633145C07, double %t0)
  %t2 = call double @llvm.fma.f64(double %as, double 0x3FF921FB54442D18, double %t1)
  %t3 = fneg double %t2
  %t4 = call double @llvm.fma.f64(double %as, double 0x3FF921FB54442D18, double %t3)
  %lost = fadd double %t4, %t1
  %lneg = fneg double %lost
  %negative = icmp slt i64 %bits, 0
  %tneg = fneg double %t2
  %qneg = sub i64 0, %turns
  %rs = select i1 %negative, double %tneg, double %t2
  %ls = select i1 %negative, double %lneg, double %lost
  %qs = select i1 %negative, i64 %qneg, i64 %turns
  store double %rs, ptr %rp, align 8
  store double %ls, ptr %lp, align 8
  store i64 %qs, ptr %qp, align 8
  br label %done
done:
  %next = add i64 %i, 1
  %again = icmp slt i64 %next, %n
  br i1 %again, label %lane, label %leave
leave:
  ret void
}
"""


def _declare_reduction(f: Function) -> None:
    """Put the slow reduction into the module, once."""
    symbol = "wengert_reduce_angles"
    if symbol in f.module.declarations:
        return
    words = [0] + [int(_TWO_OVER_PI[i : i + 16], 16) for i in range(0, len(_TWO_OVER_PI), 16)]
    listed = ", ".join(f"i64 {w - (w >> 63 << 64)}" for w in words)
    f.declare("llvm.fma.f64", "declare double @llvm.fma.f64(double, double, double)")
    f.declare("llvm.fshl.i64", "declare i64 @llvm.fshl.i64(i64, i64, i64)")
    f.declare(symbol, f"@wengert_two_over_pi = internal constant [{len(words)} x i64] [{listed}]\n{_REDUCTION}")


# ----- sine, cosine, tangent --------------------------------------------------------------------------------
def _sine_or_cosine(f: Function, x: Value, ahead: int) -> Value:
    """The sine of ``x + ahead pi/2``."""
    quarter, r, low = _reduced(f, x)
    r = r + low
    if ahead:
        quarter = quarter + ahead
    sine, cosine = _near_sine_cosine(f, r)
    return _turned(f, f.select(f.compare("ne", quarter & 1, 0), cosine, sine), quarter)


def _near_sine_cosine(f: Function, r: Value) -> tuple[Value, Value]:
    """Sine and cosine for |r| <= pi/4."""
    rr = r * r
    sine = f.fma(rr * r, polynomial(f, table(SIN, r), rr), r)
    return sine, f.fma(rr * rr, polynomial(f, table(COS, r), rr), f.fma(rr, -0.5, 1.0))


def _turned(f: Function, x: Value, quarter: Value) -> Value:
    """`x` with the other sign in the lower half of the circle."""
    sign = (quarter & 2) << (x.type.bits - 2)
    return f.bitcast(f.bitcast(x, quarter.type) ^ sign, x.type)


@function
def sin(f: Function, x: Value) -> Value:
    """The sine."""
    return f.select(f.compare("oeq", x, 0.0), x, _sine_or_cosine(f, x, 0))


@function
def cos(f: Function, x: Value) -> Value:
    """The cosine."""
    return _sine_or_cosine(f, x, 1)


@function
def sin_cos(f: Function, x: Value) -> tuple[Value, Value]:
    """Sine and cosine of angles within the range of the quick reduction."""
    form, (first, second, third) = FORMATS[x.type.element], _HALF_PI[x.type.element]
    summed = f.fma(x, 2 / math.pi, form.magic)
    n = summed - form.magic
    r = f.fma(n, -third, f.fma(n, -second, f.fma(n, -first, x)))
    quarter = f.bitcast(summed, x.type.integer)
    sine, cosine = _near_sine_cosine(f, r)
    odd = f.compare("ne", quarter & 1, 0)
    return (
        _turned(f, f.select(odd, cosine, sine), quarter),
        _turned(f, f.select(odd, sine, cosine), quarter + 1),
    )


@function
def tan(f: Function, x: Value) -> Value:
    """The tangent; in every other quarter -1 over that of r."""
    quarter, r, low = _reduced(f, x)
    rr = r * r
    beyond = (rr * r) * polynomial(f, table(TAN, r), rr)
    rough = r + beyond
    near = r + f.fma(low, f.fma(rough, rough, 1.0), beyond)
    result = f.select(f.compare("ne", quarter & 1, 0), -1.0 / near, near)
    return f.select(f.compare("oeq", x, 0.0), x, result)


# ----- inverse functions ------------------------------------------------------------------------------------
def _arcsin_parts(f: Function, x: Value) -> tuple[Value, Value, Value]:
    """Whether |x| > 1/2; a root s; the part of arcsin(s) beyond s. There, ``s**2 = (1 - |x|) / 2``, else s = |x|."""
    a = absolute(f, x)
    outer = f.compare("ogt", a, 0.5)
    z = f.select(outer, f.fma(a, -0.5, 0.5), a * a)
    s = f.select(outer, f.intrinsic("sqrt", z), a)
    return outer, s, (s * z) * polynomial(f, table(ARCSIN, x), z)


@function
def arcsin(f: Function, x: Value) -> Value:
    """A polynomial up to 1/2, beyond ``pi/2 - 2 arcsin(sqrt((1 - |x|) / 2))``."""
    outer, s, rest = _arcsin_parts(f, x)
    high, low, _ = _HALF_PI[x.type.element]
    result = s + rest
    return with_sign(f, f.select(outer, high - (result * 2.0 - low), result), x)


@function
def arccos(f: Function, x: Value) -> Value:
    """``pi/2 - arcsin(x)``, without cancellation near 1."""
    outer, s, rest = _arcsin_parts(f, x)
    high, low, _ = _HALF_PI[x.type.element]
    negative = f.compare("olt", x, 0.0)
    inner = high - with_sign(f, s + (rest - with_sign(f, f.constant(low, x.type), x)), x)
    twice = (s + rest) * 2.0
    far = f.select(negative, 2 * high - (twice - 2 * low), twice)
    return f.select(outer, far, inner)


def _arctan_of(f: Function, x: Value) -> Value:
    """The inverse tangent for |x| <= 1."""
    xx = x * x
    return f.fma(x * xx, polynomial(f, table(ARCTAN, x), xx), x)


@function
def arctan(f: Function, x: Value) -> Value:
    """A polynomial up to 1, beyond ``pi/2 - arctan(1 / x)``."""
    a = absolute(f, x)
    outer = f.compare("ogt", a, 1.0)
    high, low, _ = _HALF_PI[x.type.element]
    angle = _arctan_of(f, f.select(outer, -1.0 / a, a))
    return with_sign(f, f.select(outer, (angle + low) + high, angle), x)


@function
def arctan2(f: Function, y: Value, x: Value) -> Value:
    """The angle of the point (x, y); signs of zeros and infinities count, as IEEE says."""
    ay, ax = absolute(f, y), absolute(f, x)
    steep = f.compare("ogt", ay, ax)
    small, large = f.select(steep, ax, ay), f.select(steep, ay, ax)
    ratio = small / large
    ratio = f.select(f.compare("oeq", large, 0.0), 0.0, ratio)
    ratio = f.select(is_infinite(f, small) & is_infinite(f, large), 1.0, ratio)
    high, low, _ = _HALF_PI[x.type.element]
    angle = _arctan_of(f, ratio)
    angle = f.select(steep, high - (angle - low), angle)
    left = f.compare("slt", f.bitcast(x, x.type.integer), 0)
    angle = f.select(left, 2 * high - (angle - 2 * low), angle)
    angle = f.select(f.compare("uno", x, y), math.nan, angle)
    return with_sign(f, angle, y)


__all__ = ["arccos", "arcsin", "arctan", "arctan2", "cos", "sin", "sin_cos", "tan"]
