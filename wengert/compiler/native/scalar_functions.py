"""Exponential, trigonometric, special and activation functions in native code, of float32 and float64."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from wengert.compiler.native import angles, errors, maths
from wengert.compiler.native.ir import I64, Function, Value
from wengert.compiler.native.scalar_rules import DType, convert, operand_dtype, rule, uniform
from wengert.core.tape import Node


def _of_one(name: str, function: Callable[[Function, Value], Value]) -> None:
    @rule(name, check=uniform if name in ("expit", "softplus", "log_expit") else None)
    def body(f: Function, x: Value, dtype: DType) -> Value:
        return function(f, x)


for _name in (
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "tanh", "sinh", "cosh", "arcsinh", "arccosh", "arctanh",
    "expit", "softplus", "log_expit",
):  # fmt: skip
    _of_one(_name, getattr(maths, _name))
for _name in ("sin", "cos", "tan", "arcsin", "arccos", "arctan"):
    _of_one(_name, getattr(angles, _name))
for _name in ("erf", "erfc", "cbrt"):
    _of_one(_name, getattr(errors, _name))
_of_one("log_guarded", maths.log)


@rule("sqrt", "root")
def sqrt(f: Function, x: Value, dtype: DType) -> Value:
    return f.intrinsic("sqrt", x)


@rule("rsqrt")
def rsqrt(f: Function, x: Value, dtype: DType) -> Value:
    return 1.0 / f.intrinsic("sqrt", x)


@rule("arctan2")
def arctan2(f: Function, y: Value, x: Value, dtype: DType) -> Value:
    return angles.arctan2(f, y, x)


@rule("hypot")
def hypot(f: Function, x: Value, y: Value, dtype: DType) -> Value:
    return errors.hypot(f, x, y)


@rule("deg2rad")
def deg2rad(f: Function, x: Value, dtype: DType) -> Value:
    return x * (math.pi / 180)


@rule("rad2deg")
def rad2deg(f: Function, x: Value, dtype: DType) -> Value:
    return x * (180 / math.pi)


@rule("sinc", check=lambda node: node.attrs["n"] == 0)
def sinc(f: Function, x: Value, dtype: DType) -> Value:
    y = f.select(f.compare("oeq", x, 0.0), 1e-20, x) * math.pi
    return angles.sin(f, y) / y


# ----- powers -------------------------------------------------------------------------------------------------
_LARGEST_REPEATED = 8  # up to this exponent multiplications are as exact as the logarithm, and cheaper


def _repeated(x: Value, n: int) -> Value:
    """``x**n`` for n >= 1 by squaring."""
    result: Value | None = None
    while True:
        if n & 1:
            result = x if result is None else result * x
        n >>= 1
        if not n:
            assert result is not None
            return result
        x = x * x


def _plain_power(node: Node) -> bool:
    """Floating numbers; whole ones to a power written as a number."""
    if node.dtype.kind == "f":
        return True
    exponent = node.inputs[1]
    return type(exponent) is int and 0 <= exponent and operand_dtype(node.inputs[0]).kind != "b"


@rule("power", loop="own", kinds="iuf", check=_plain_power)
def power(f: Function, node: Node, x: Value, y: Value) -> Value:
    exponent = node.inputs[1]
    x = convert(f, x, operand_dtype(node.inputs[0]), node.dtype)
    if node.dtype.kind != "f":
        return _repeated(x, exponent) if exponent else f.constant(1, x.type)
    if exponent == 0.5 and type(exponent) is float:
        return f.intrinsic("sqrt", x)
    if type(exponent) in (int, float) and 1 <= abs(exponent) <= _LARGEST_REPEATED and exponent == int(exponent):
        with f.separately():
            return _repeated(x if exponent > 0 else 1.0 / x, int(abs(exponent)))
    x, y = f.same(x, convert(f, y, operand_dtype(exponent), node.dtype))
    return errors.power(f, x, y)


@rule("float_power")
def float_power(f: Function, x: Value, y: Value, dtype: DType) -> Value:
    return errors.power(f, x, y)


@rule("power_or_zero", loop="own", check=uniform)
def power_or_zero(f: Function, node: Node, x: Value, y: Value) -> Value:
    if node.inputs[1] == 0.5 and type(node.inputs[1]) is float:
        return f.intrinsic("sqrt", x)
    y = convert(f, y, operand_dtype(node.inputs[1]), node.dtype)
    return f.select(f.compare("oeq", x, 0.0), 0.0, errors.power(f, x, y))


def _whole_exponent(node: Node) -> bool:
    return operand_dtype(node.inputs[1]).kind in "biu" and operand_dtype(node.inputs[0]).kind == "f"


@rule("ldexp", loop="own", check=_whole_exponent)
def ldexp(f: Function, node: Node, x: Value, n: Value) -> Value:
    """In three steps; all but the last keep 2**53 in hand, so that a denormal result is rounded once."""
    form = maths.FORMATS[x.type.element]
    bias = form.one >> form.fraction
    n = convert(f, n, operand_dtype(node.inputs[1]), np.dtype(np.int64))
    n = f.select(f.compare("sgt", n, 5000), 5000, f.select(f.compare("slt", n, -5000), -5000, n))
    for _ in range(2):
        up, down = f.compare("sgt", n, bias), f.compare("slt", n, 1 - bias)
        back = f.select(down, f.constant(2 - bias + form.fraction, n.type), 0)
        step = f.select(up, bias, back)
        x = x * _two_to(f, step, x)
        n = n - step
    n = f.select(f.compare("sgt", n, bias), bias, f.select(f.compare("slt", n, 1 - bias), 1 - bias, n))
    return x * _two_to(f, n, x)


def _two_to(f: Function, n: Value, like: Value) -> Value:
    whole = like.type.integer.vector(n.type.width)
    if whole.element != I64.element:
        n = f.cast("trunc", n, whole)
    return maths.power_of_two(f, n << maths.FORMATS[like.type.element].fraction, like.type.vector(n.type.width))


# ----- logarithms of sums and products --------------------------------------------------------------------------
@rule("logaddexp")
def logaddexp(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    return added(f, a, b)


@rule("logaddexp2")
def logaddexp2(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    def curve(f: Function, x: Value) -> Value:
        return maths.log1p(f, maths.exp2(f, x)) * math.log2(math.e)

    return _added(f, a, b, curve, 1.0)


def added(f: Function, a: Value, b: Value) -> Value:
    """``log(exp(a) + exp(b))``."""
    return _added(f, a, b, maths.softplus, math.log(2))


def _added(f: Function, a: Value, b: Value, curve: Callable[[Function, Value], Value], equal: float) -> Value:
    """The larger one and the curve of the (negative) difference; equal ones, infinite too, are twice one."""
    first = f.select(f.compare("ogt", a, b), a, b)
    second = f.select(f.compare("ogt", a, b), b, a)
    with f.separately():
        result = first + curve(f, second - first)
        return f.select(f.compare("oeq", a, b), a + equal, result)


def _times(f: Function, x: Value, y: Value, log: Value) -> Value:
    nothing = f.compare("oeq", x, 0.0) & f.compare("ord", y, y)
    return f.select(nothing, 0.0, x * log)


@rule("xlogy", check=uniform)
def xlogy(f: Function, x: Value, y: Value, dtype: DType) -> Value:
    return _times(f, x, y, maths.log(f, y))


@rule("xlog1py", check=uniform)
def xlog1py(f: Function, x: Value, y: Value, dtype: DType) -> Value:
    return _times(f, x, y, maths.log1p(f, y))


@rule("entr", check=uniform)
def entr(f: Function, x: Value, dtype: DType) -> Value:
    product = -(x * maths.log(f, x))
    return f.select(f.compare("oeq", x, 0.0), 0.0, f.select(f.compare("olt", x, 0.0), -math.inf, product))


@rule("logit", check=uniform)
def logit(f: Function, x: Value, dtype: DType) -> Value:
    return _logit(f, x)


@maths.through_double
@maths.function
def _logit(f: Function, x: Value) -> Value:
    """In the middle ``2 arctanh(2x - 1)``, since the difference of the logarithms cancels there."""
    middle = f.compare("olt", maths.absolute(f, x - 0.5), 0.25)
    near = maths.arctanh(f, f.select(middle, x + x - 1.0, 0.0)) * 2.0
    return f.select(middle, near, maths.log(f, x) - maths.log1p(f, -x))


# ----- activations ------------------------------------------------------------------------------------------------
@rule("leaky_relu", check=uniform)
def leaky_relu(f: Function, x: Value, slope: Value, dtype: DType) -> Value:
    return f.select(f.compare("ogt", x, 0.0), x, slope * x)


@rule("elu", check=uniform)
def elu(f: Function, x: Value, alpha: Value, dtype: DType) -> Value:
    below = maths.expm1(f, f.select(f.compare("ogt", x, 0.0), 0.0, x))
    return f.select(f.compare("ogt", x, 0.0), x, alpha * below)


__all__ = ["added"]
