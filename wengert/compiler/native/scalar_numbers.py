"""Arithmetic, comparisons, choices, bits and rounding in native code, for every dtype NumPy has them for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.compiler.native import maths
from wengert.compiler.native.ir import Function, Value
from wengert.compiler.native.scalar_rules import (
    DType,
    common_dtype,
    convert,
    known,
    operand_dtype,
    rule,
)
from wengert.core.tape import Node


def less(f: Function, dtype: DType, a: Value, b: Value) -> Value:
    """``a < b``, false beside NaN."""
    return f.compare({"f": "olt", "i": "slt"}.get(dtype.kind, "ult"), a, b)


# ----- arithmetic -------------------------------------------------------------------------------------------
@rule("add", kinds="biuf")
def add(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    return a | b if dtype.kind == "b" else a + b


@rule("subtract", kinds="iuf")
def subtract(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    return a - b


@rule("multiply", kinds="biuf")
def multiply(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    return a & b if dtype.kind == "b" else a * b


@rule("multiply_no_nan", kinds="biuf")
def multiply_no_nan(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    product = multiply(f, a, b, dtype)
    if dtype.kind != "f":
        return product
    wrong = f.compare("uno", product, product)

    def mended() -> Value:
        zero = f.compare("oeq", a, 0.0) | f.compare("oeq", b, 0.0)
        return f.select(zero & wrong, 0.0, product)

    (product,) = f.when(f.any(wrong), mended, [product])  # rare: nothing is asked of zeros before
    return product


@rule("divide")
def divide(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    return a / b


@rule("negative", kinds="iuf")
def negative(f: Function, x: Value, dtype: DType) -> Value:
    return -x


@rule("positive", "stop_gradient", "conj", "real", kinds="biuf")
def positive(f: Function, x: Value, dtype: DType) -> Value:
    return x


@rule("imag", "imaginary_part", kinds="biuf")
def imaginary(f: Function, x: Value, dtype: DType) -> Value:
    return f.constant(0, x.type)


@rule("square", kinds="biuf")
def square(f: Function, x: Value, dtype: DType) -> Value:
    return x if dtype.kind == "b" else x * x


@rule("reciprocal")
def reciprocal(f: Function, x: Value, dtype: DType) -> Value:
    return 1.0 / x


@rule("reciprocal_or_zero")
def reciprocal_or_zero(f: Function, x: Value, dtype: DType) -> Value:
    return f.select(f.compare("oeq", x, 0.0), 0.0, 1.0 / x)


@rule("abs", kinds="biuf")
def absolute(f: Function, x: Value, dtype: DType) -> Value:
    if dtype.kind == "f":
        return maths.absolute(f, x)
    return f.select(f.compare("slt", x, 0), -x, x) if dtype.kind == "i" else x


@rule("fabs")
def fabs(f: Function, x: Value, dtype: DType) -> Value:
    return maths.absolute(f, x)


@rule("sign", kinds="iuf")
def sign(f: Function, x: Value, dtype: DType) -> Value:
    if dtype.kind == "f":
        one = maths.with_sign(f, f.constant(1.0, x.type), x)
        return f.select(f.compare("one", x, 0.0), one, f.select(f.compare("oeq", x, 0.0), 0.0, x))
    zero = f.constant(0, x.type)
    positive = f.select(f.compare("ne", x, 0), f.constant(1, x.type), zero)
    return f.select(f.compare("slt", x, 0), -1, positive) if dtype.kind == "i" else positive


def _step(name: str) -> None:
    @rule(name, kinds="biuf")
    def body(f: Function, x: Value, dtype: DType) -> Value:
        return f.intrinsic(name, x) if dtype.kind == "f" else x


for _name in ("floor", "ceil", "trunc"):
    _step(_name)


@rule("rint")
def rint(f: Function, x: Value, dtype: DType) -> Value:
    return f.intrinsic("rint", x)


def _whole_places(node: Node) -> bool:
    return bool(node.attrs["n"] >= 0 or node.dtype.kind == "f")


@rule("round", loop="own", kinds="iuf", check=_whole_places)
def rounded(f: Function, node: Node, x: Value) -> Value:
    n = node.attrs["n"]
    if node.dtype.kind != "f" or n == 0:
        return x if node.dtype.kind != "f" else f.intrinsic("rint", x)
    scale = 10.0 ** abs(n)
    return f.intrinsic("rint", x * scale) / scale if n > 0 else f.intrinsic("rint", x / scale) * scale


# ----- division with remainder --------------------------------------------------------------------------------
def _safe_division(f: Function, a: Value, b: Value, dtype: DType) -> tuple[Value, Value, Value]:
    """Quotient and remainder of whole numbers towards 0, and whether they are defined; where not, those by 1."""
    undefined = f.compare("eq", b, 0)
    if dtype.kind == "i":
        lowest = f.compare("eq", a, int(np.iinfo(dtype).min))
        undefined = undefined | (lowest & f.compare("eq", b, -1))
    divisor = f.select(undefined, 1, b)
    word = "sdiv" if dtype.kind == "i" else "udiv"
    a, divisor = f.same(a, divisor)
    quotient = f.line(a.type, f"{word} {a.type} {a.name}, {divisor.name}")
    return quotient, a - quotient * divisor, f.compare("ne", b, 0)


def _towards_below(f: Function, b: Value, remainder: Value, dtype: DType) -> Value:
    """Where a quotient towards 0 is one too large for one that is rounded down."""
    zero = f.constant(0, remainder.type)
    return f.compare("ne", remainder, zero) & f.compare("slt", remainder ^ b, zero)


@rule("floor_divide", kinds="iuf")
def floor_divide(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    if dtype.kind == "f":
        return _float_division(f, a, b)[0]
    quotient, remainder, defined = _safe_division(f, a, b, dtype)
    if dtype.kind == "i":
        quotient = f.select(_towards_below(f, b, remainder, dtype), quotient - 1, quotient)
    return f.select(defined, quotient, 0)


@rule("remainder", kinds="iuf")
def remainder(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    if dtype.kind == "f":
        return _float_division(f, a, b)[1]
    _, rest, defined = _safe_division(f, a, b, dtype)
    if dtype.kind == "i":
        rest = f.select(_towards_below(f, b, rest, dtype), rest + b, rest)
    return f.select(defined, rest, 0)


@rule("fmod", kinds="iuf")
def fmod(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    if dtype.kind == "f":
        return f.remainder(a, b)
    _, rest, defined = _safe_division(f, a, b, dtype)
    return f.select(defined, rest, 0)


def _float_division(f: Function, a: Value, b: Value) -> tuple[Value, Value]:
    """Quotient rounded down and remainder with the sign of b, step by step as NumPy finds them."""
    with f.separately():
        rest = f.remainder(a, b)
        quotient = (a - rest) / b
        zero = f.compare("oeq", rest, 0.0)
        opposite = f.compare("olt", b, 0.0) ^ f.compare("olt", rest, 0.0)
        moved = opposite & f.compare("une", rest, 0.0)
        quotient = f.select(moved, quotient - 1.0, quotient)
        rest = f.select(moved, rest + b, rest)
        rest = f.select(zero, maths.with_sign(f, f.constant(0.0, rest.type), b), rest)
        whole = f.intrinsic("floor", quotient)
        whole = f.select(f.compare("ogt", quotient - whole, 0.5), whole + 1.0, whole)
        plain = a / b
        whole = f.select(f.compare("une", quotient, 0.0), whole, maths.with_sign(f, f.constant(0.0, rest.type), plain))
        by_zero = f.compare("oeq", b, 0.0)
        return f.select(by_zero, plain, whole), f.select(by_zero, math.nan, rest)


# ----- comparisons --------------------------------------------------------------------------------------------
def _signs_agree(node: Node) -> bool:
    """Not int64 beside uint64, which NumPy compares as the numbers they are."""
    kinds = {operand_dtype(x).kind for x in node.inputs if type(x) not in SCALAR_TYPES}
    return not (kinds >= {"i", "u"} and common_dtype(node.inputs).kind == "f")


def _comparison(name: str, floating: str, signed: str, unsigned: str) -> None:
    @rule(name, loop="common", kinds="biuf", check=_signs_agree)
    def body(f: Function, a: Value, b: Value, dtype: DType) -> Value:
        return f.compare({"f": floating, "i": signed}.get(dtype.kind, unsigned), a, b)


for _words in (
    ("equal", "oeq", "eq", "eq"), ("not_equal", "une", "ne", "ne"), ("less", "olt", "slt", "ult"),
    ("less_equal", "ole", "sle", "ule"), ("greater", "ogt", "sgt", "ugt"), ("greater_equal", "oge", "sge", "uge"),
):  # fmt: skip
    _comparison(*_words)


def truth(f: Function, x: Value, of: Any) -> Value:
    """Whether the value of an operand is not 0."""
    return convert(f, x, operand_dtype(of), np.dtype(bool))


@rule("logical_and", loop="own", kinds="biuf")
def logical_and(f: Function, node: Node, a: Value, b: Value) -> Value:
    return truth(f, a, node.inputs[0]) & truth(f, b, node.inputs[1])


@rule("logical_or", loop="own", kinds="biuf")
def logical_or(f: Function, node: Node, a: Value, b: Value) -> Value:
    return truth(f, a, node.inputs[0]) | truth(f, b, node.inputs[1])


@rule("logical_xor", loop="own", kinds="biuf")
def logical_xor(f: Function, node: Node, a: Value, b: Value) -> Value:
    return truth(f, a, node.inputs[0]) ^ truth(f, b, node.inputs[1])


@rule("logical_not", loop="own", kinds="biuf")
def logical_not(f: Function, node: Node, x: Value) -> Value:
    return f.negation(truth(f, x, node.inputs[0]))


def _test(name: str, floating: Any, whole: bool) -> None:
    @rule(name, loop="common", kinds="biuf")
    def body(f: Function, x: Value, dtype: DType) -> Value:
        return floating(f, x) if dtype.kind == "f" else f.constant(int(whole), x.type.flag)


_test("isnan", lambda f, x: f.compare("uno", x, x), False)
_test("isinf", lambda f, x: f.compare("oeq", maths.absolute(f, x), math.inf), False)
_test("isfinite", lambda f, x: f.compare("olt", maths.absolute(f, x), math.inf), True)
_test("isposinf", lambda f, x: f.compare("oeq", x, math.inf), False)
_test("isneginf", lambda f, x: f.compare("oeq", x, -math.inf), False)


@rule("signbit", loop="common", kinds="biuf")
def signbit(f: Function, x: Value, dtype: DType) -> Value:
    if dtype.kind in "bu":
        return f.constant(0, x.type.flag)
    return f.compare("slt", f.bitcast(x, x.type.integer) if dtype.kind == "f" else x, 0)


def _one_float(node: Node) -> bool:
    floats = {operand_dtype(x) for x in node.inputs if type(x) not in SCALAR_TYPES and operand_dtype(x).kind != "b"}
    return len(floats) == 1 and floats.pop().kind == "f" and all(type(x) in SCALAR_TYPES for x in node.inputs[2:])


@rule("isclose", loop="common", check=_one_float)
def isclose(f: Function, a: Value, b: Value, rtol: Value, atol: Value, equal_nan: Value, dtype: DType) -> Value:
    with f.separately():
        size = maths.absolute(f, b)
        near = f.compare("ole", maths.absolute(f, a - b), rtol * size + atol) & f.compare("olt", size, math.inf)
    both = f.compare("uno", a, a) & f.compare("uno", b, b) & f.compare("une", equal_nan, 0.0)
    return near | f.compare("oeq", a, b) | both


# ----- choices ------------------------------------------------------------------------------------------------
@rule("where", loop="own", kinds="biuf")
def where(f: Function, node: Node, flag: Value, a: Value, b: Value) -> Value:
    a, b = (convert(f, x, operand_dtype(of), node.dtype) for x, of in zip((a, b), node.inputs[1:], strict=True))
    return f.select(truth(f, flag, node.inputs[0]), a, b)


@rule("share")
def share(f: Function, y: Value, a: Value, b: Value, dtype: DType) -> Value:
    def same(x: Value) -> Value:
        return f.compare("oeq", y, x) | (f.compare("uno", y, y) & f.compare("uno", x, x))

    half = f.select(same(b), f.constant(0.5, y.type), f.constant(1.0, y.type))
    return f.select(same(a), half, 0.0)


def larger(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    """The larger one, NaN where one is."""
    return f.maximum(a, b) if dtype.kind == "f" else f.select(less(f, dtype, a, b), b, a)


def smaller(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    """The smaller one, NaN where one is."""
    return f.minimum(a, b) if dtype.kind == "f" else f.select(less(f, dtype, a, b), a, b)


rule("maximum", kinds="biuf")(larger)
rule("minimum", kinds="biuf")(smaller)


@rule("fmax", kinds="biuf")
def fmax(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    if dtype.kind != "f":
        return larger(f, a, b, dtype)
    return f.select(f.compare("ogt", a, b) | f.compare("uno", b, b), a, b)


@rule("fmin", kinds="biuf")
def fmin(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    if dtype.kind != "f":
        return smaller(f, a, b, dtype)
    return f.select(f.compare("olt", a, b) | f.compare("uno", b, b), a, b)


@rule("relu", kinds="iuf")
def relu(f: Function, x: Value, dtype: DType) -> Value:
    if dtype.kind == "f":
        return maths.at_least(f, x, 0.0)
    return f.select(f.compare("slt", x, 0), 0, x) if dtype.kind == "i" else x


@rule("copysign")
def copysign(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    return maths.with_sign(f, a, b)


@rule("heaviside")
def heaviside(f: Function, x: Value, at_zero: Value, dtype: DType) -> Value:
    step = f.select(f.compare("ogt", x, 0.0), f.constant(1.0, x.type), 0.0)
    step = f.select(f.compare("oeq", x, 0.0), at_zero, step)
    return f.select(f.compare("uno", x, x), x, step)


@rule("step")
def step(f: Function, x: Value, dtype: DType) -> Value:
    flag = f.select(f.compare("ogt", x, 0.0), f.constant(1.0, x.type), 0.0)
    return f.select(f.compare("uno", x, x), x, flag)


@rule("nextafter")
def nextafter(f: Function, x: Value, y: Value, dtype: DType) -> Value:
    bits = f.bitcast(x, x.type.integer)
    away = f.compare("olt", x, y) ^ f.compare("slt", bits, 0)
    moved = f.bitcast(bits + f.select(away, f.constant(1, bits.type), -1), x.type)
    first = maths.with_sign(f, f.constant(np.finfo(dtype).smallest_subnormal, x.type), y)
    moved = f.select(f.compare("oeq", x, 0.0), first, moved)
    moved = f.select(f.compare("oeq", x, y), y, moved)
    return f.select(f.compare("uno", x, y), math.nan, moved)


# ----- bits ---------------------------------------------------------------------------------------------------
@rule("bitwise_and", kinds="biu")
def bitwise_and(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    return a & b


@rule("bitwise_or", kinds="biu")
def bitwise_or(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    return a | b


@rule("bitwise_xor", kinds="biu")
def bitwise_xor(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    return a ^ b


@rule("bitwise_invert", kinds="biu")
def bitwise_invert(f: Function, x: Value, dtype: DType) -> Value:
    return f.negation(x)


@rule("bitwise_left_shift", kinds="iu")
def left_shift(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    inside = f.compare("ult", b, 8 * dtype.itemsize)
    return f.select(inside, a << f.select(inside, b, 0), 0)


@rule("bitwise_right_shift", kinds="iu")
def right_shift(f: Function, a: Value, b: Value, dtype: DType) -> Value:
    inside = f.compare("ult", b, 8 * dtype.itemsize)
    by = f.select(inside, b, 0)
    if dtype.kind == "i":
        return f.select(inside, a >> by, a >> (8 * dtype.itemsize - 1))
    return f.select(inside, f.shift_right(a, by), 0)


def _target_known(node: Node) -> bool:
    return known(node.attrs["dtype"])


@rule("astype", loop="own", kinds="biuf", check=_target_known)
def astype(f: Function, node: Node, x: Value) -> Value:
    return convert(f, x, operand_dtype(node.inputs[0]), node.dtype)


__all__ = ["larger", "less", "smaller", "truth"]
