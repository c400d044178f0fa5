"""Comparisons, logic, tests and bits: results without derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.record import concrete
from wengert.ops.elementwise import Elementwise, example, user_function
from wengert.ops.structure import Samples, arrayed


class Discrete(Elementwise):
    """An elementwise function whose values change in jumps: no cotangents, no tangents."""

    differentiable = False

    def __init__(self, name: str, function: Callable[..., Any], count: int, whole: bool) -> None:
        self.whole = whole
        super().__init__(name, function, (None,) * count, ((-2.0, 2.0),) * count, False, not whole)

    def samples(self, rng: np.random.Generator) -> Samples:
        """Numbers, or small integers where only they are taken (bits)."""
        for xs, attrs in super().samples(rng):
            yield ([np.abs(4 * x).astype(np.int64) for x in xs] if self.whole else xs), attrs


def discrete(name: str, function: Callable[..., Any], count: int, doc: str, whole: bool = False) -> Callable[..., Any]:
    """Define an elementwise primitive without derivative and return the user's function for it."""
    return user_function(Discrete(name, function, count, whole), count, doc)


def _compare(name: str, ufunc: Any, sign: str, result: str) -> Callable[..., Any]:
    doc = f"Whether ``x1 {sign} x2``, element by element." + example(name, "np.array([1.0, 2.0, 3.0]), 2.0", result)
    return discrete(name, ufunc, 2, doc)


equal = _compare("equal", np.equal, "==", "array([False,  True, False])")
not_equal = _compare("not_equal", np.not_equal, "!=", "array([ True, False,  True])")
less = _compare("less", np.less, "<", "array([ True, False, False])")
less_equal = _compare("less_equal", np.less_equal, "<=", "array([ True,  True, False])")
greater = _compare("greater", np.greater, ">", "array([False, False,  True])")
greater_equal = _compare("greater_equal", np.greater_equal, ">=", "array([False,  True,  True])")


# ----- logic ------------------------------------------------------------------------------------------
def _logic(name: str, ufunc: Any, words: str, result: str) -> Callable[..., Any]:
    arguments = "np.array([True, True, False]), np.array([True, False, False])"
    return discrete(
        name, ufunc, 2, f"Whether {words}; a number counts as true unless 0." + example(name, arguments, result)
    )


logical_and = _logic("logical_and", np.logical_and, "both are true", "array([ True, False, False])")
logical_or = _logic("logical_or", np.logical_or, "one or both are true", "array([ True,  True, False])")
logical_xor = _logic("logical_xor", np.logical_xor, "exactly one is true", "array([False,  True, False])")
logical_not = discrete(
    "logical_not",
    np.logical_not,
    1,
    "Whether ``x`` is false, that is 0." + example("logical_not", "np.array([0.0, 2.0])", "array([ True, False])"),
)


# ----- tests ------------------------------------------------------------------------------------------
def _test(name: str, function: Callable[..., Any], words: str, result: str) -> Callable[..., Any]:
    doc = f"Whether {words}, element by element." + example(name, "np.array([1.0, -np.inf, np.nan])", result)
    return discrete(name, function, 1, doc)


isnan = _test("isnan", np.isnan, "``x`` is not a number", "array([False, False,  True])")
isinf = _test("isinf", np.isinf, "``x`` is infinite", "array([False,  True, False])")
isfinite = _test("isfinite", np.isfinite, "``x`` is neither infinite nor NaN", "array([ True, False, False])")
isposinf = _test("isposinf", np.isposinf, "``x`` is plus infinity", "array([False, False, False])")
isneginf = _test("isneginf", np.isneginf, "``x`` is minus infinity", "array([False,  True, False])")
isposinf.primitive.complex_domain = isneginf.primitive.complex_domain = False  # type: ignore[attr-defined]
signbit = _test("signbit", np.signbit, "the sign bit is set (also of -0.0)", "array([False,  True, False])")
signbit.primitive.complex_domain = False  # type: ignore[attr-defined]
nextafter = discrete(
    "nextafter",
    np.nextafter,
    2,
    "The next floating number after ``x1`` towards ``x2``; it has no derivative."
    + example("nextafter", "1.0, 2.0", "np.float64(1.0000000000000002)"),
)
nextafter.primitive.complex_domain = False  # type: ignore[attr-defined]


def iscomplex(x: Any, /) -> Any:
    """Whether the imaginary part is not 0, element by element.

    >>> import wengert as wg, numpy as np
    >>> wg.iscomplex(np.array([1 + 1j, 1 + 0j]))
    array([ True, False])
    """
    return not_equal(_imaginary(x), 0)


def isreal(x: Any, /) -> Any:
    """Whether the imaginary part is 0, element by element.

    >>> import wengert as wg, numpy as np
    >>> wg.isreal(np.array([1 + 1j, 1 + 0j]))
    array([False,  True])
    """
    return equal(_imaginary(x), 0)


_imaginary = discrete("imaginary_part", np.imag, 1, "The imaginary part, where only its value is asked for.")


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether ``|a - b| <= atol + rtol |b|``, element by element; equal infinities are close.

    With `equal_nan` also NaN is close to NaN.

    >>> import wengert as wg, numpy as np
    >>> wg.isclose(np.array([1.0, 2.0]), np.array([1.0 + 1e-9, 2.1]))
    array([ True, False])
    """
    return _is_close(a, b, rtol, atol, bool(equal_nan))


def _close(a: Any, b: Any, rtol: Any, atol: Any, equal_nan: Any) -> Any:
    with np.errstate(invalid="ignore"):
        near = np.less_equal(np.abs(np.subtract(a, b)), np.add(atol, np.multiply(rtol, np.abs(b))))
        both = np.isnan(a) & np.isnan(b) & np.not_equal(equal_nan, 0)
        return (near & np.isfinite(b)) | np.equal(a, b) | both


class _Close(Discrete):
    """The test of `isclose`; its tolerances are operands too."""

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 3)), rng.normal(size=3), 0.5, 0.1, False], {}
        yield [rng.normal(size=()), np.array([np.nan, 1.0]), 0.0, 0.1, True], {}


_is_close = user_function(_Close("isclose", _close, 5, False), 5, "")


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close in the sense of `isclose`: a Python bool.

    >>> import wengert as wg, numpy as np
    >>> wg.allclose(np.array([1.0, 2.0]), np.array([1.0 + 1e-9, 2.0]))
    True
    """
    return bool(np.all(concrete(isclose(a, b, rtol, atol, equal_nan), "allclose")))


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    """Whether shapes and all elements are equal: a Python bool.

    >>> import wengert as wg, numpy as np
    >>> wg.array_equal(np.array([1.0, 2.0]), [1, 2])
    True
    """
    first, second = (concrete(arrayed(x), "array_equal") for x in (a1, a2))
    return bool(np.array_equal(first, second, equal_nan=equal_nan))


# ----- bits -------------------------------------------------------------------------------------------
def _bits(name: str, ufunc: Any, sign: str, result: str) -> Callable[..., Any]:
    doc = f"Bit by bit ``x1 {sign} x2`` of integers or booleans." + example(name, "np.array([5, 6]), 3", result)
    return discrete(name, ufunc, 2, doc, whole=True)


bitwise_and = _bits("bitwise_and", np.bitwise_and, "&", "array([1, 2])")
bitwise_or = _bits("bitwise_or", np.bitwise_or, "|", "array([7, 7])")
bitwise_xor = _bits("bitwise_xor", np.bitwise_xor, "^", "array([6, 5])")
bitwise_left_shift = _bits("bitwise_left_shift", np.left_shift, "<<", "array([40, 48])")
bitwise_right_shift = _bits("bitwise_right_shift", np.right_shift, ">>", "array([0, 0])")
bitwise_invert = discrete(
    "bitwise_invert",
    np.bitwise_not,
    1,
    "Every bit turned over, ``~x``, of integers or booleans."
    + example("bitwise_invert", "np.array([0, 5])", "array([-1, -6])"),
    whole=True,
)

left_shift, right_shift = bitwise_left_shift, bitwise_right_shift
invert = bitwise_not = bitwise_invert

__all__ = [
    "allclose", "array_equal", "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "equal", "greater", "greater_equal", "invert", "isclose", "iscomplex",
    "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "left_shift", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "logical_xor", "nextafter", "not_equal", "right_shift", "signbit",
]  # fmt: skip
