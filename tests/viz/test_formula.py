"""Formulas are read safely: what is allowed has its value, and everything else an error that points at it."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wengert as wg
from wengert.base.errors import ArgumentError
from wengert.viz import parse
from wengert.viz.formula import KNOWN, MAX_DEPTH, MAX_LENGTH


@pytest.mark.parametrize(
    ("text", "values", "wanted"),
    [
        ("exp(w*x + b)", {"w": 2, "x": 3, "b": -4}, math.exp(2)),
        ("z = w*x; a = z+b; y = exp(a)", {"w": 2, "x": 3, "b": -4}, math.exp(2)),
        ("z = 3*x;", {"x": 2}, 6),
        ("-x**2", {"x": 3}, -9),
        ("2**-1 * +x", {"x": 3}, 1.5),
        ("x/y/z", {"x": 12, "y": 3, "z": 2}, 2),
        ("1e-3 + .5 + 2.", {}, 2.501),
        ("e**(2*pi)", {}, math.e ** (2 * math.pi)),
        ("e*pi", {"e": 2}, 2 * math.pi),
        ("ln(x)", {"x": 2}, math.log(2)),
        ("sigmoid(x) + relu(x) + norm(v)", {"x": 0, "v": [3, 4]}, 5.5),
        ("max(x, 2) - min(x, 2) + max(v)", {"x": 5, "v": [1, 7]}, 10),
        ("sum(W @ x) + W[1][-1] + x[0]", {"W": [[1, 2], [3, 4]], "x": [1, 1]}, 15),
        ("exp(-θ*x_1)", {"θ": 1, "x_1": 2}, math.exp(-2)),
        ("log(x)", {"x": -1}, math.nan),
    ],
)
def test_values(text: str, values: dict[str, Any], wanted: float) -> None:
    np.testing.assert_allclose(parse(text)(**values), wanted, rtol=1e-15)


def test_names_come_in_the_order_of_appearance_and_bind_like_arguments() -> None:
    f = parse("z = b*a; z + c + pi")
    assert f.names == ("b", "a", "c")
    assert f(2, 3, c=1) == 7 + math.pi
    assert wg.grad(f)(2.0, 3.0, 1.0) == 3.0
    assert repr(f) == "Formula('z = b*a; z + c + pi')"


@pytest.mark.parametrize(
    ("text", "words", "caret"),
    [
        ("__import__('os')", '"\'" has no meaning', 11),
        ("__import__(os)", "__import__ is no known function", 0),
        ("eval(x)", "eval is no known function", 0),
        ("x + __builtins__", "not allowed as a name", 4),
        ("1 + x.real", "a dot behind a name (an attribute) is not allowed", 5),
        ("exp.__globals__", "a dot behind a name", 3),
        ("(x)(3)", "x is no known function", 0),
        ("exp(x)(3)", "only a function's plain name", 0),
        ("f(x)", "f is no known function", 0),
        ("2*expp(x)", "expp is no known function", 2),
        ("lambda: x", "':' has no meaning", 6),
        ("[i for i in x]", "a loop is not allowed", 0),
        ("x if y else z", "if is not allowed", 0),
        ("x < 1", "'<' has no meaning", 2),
        ("x and y", "and/or is not allowed", 0),
        ("not x", "not is not allowed", 0),
        ("x // y", "this operator is not allowed", 0),
        ("x[y]", "an index is a whole number", 2),
        ("x[0, 1]", "an index is a whole number", 2),
        ("x[True]", "an index is a whole number", 2),
        ("exp(*x)", "arguments are given by position", 4),
        ("y = sum(x, axis=0)", "arguments are given by position", 11),
        ("x, y", "a comma here is not allowed", 0),
        ("1j*x", "is no real number", 0),
        ("True*x", "is no real number", 0),
        ("1e999", "too large", 0),
        ("99999999999999999999", "too large", 0),
        ("exp(x", "'(' was never closed", 3),
        ("2x", "invalid decimal literal", 0),
        ("3 + * x", "invalid syntax", 4),
        ("θθ + §", "'§' has no meaning", 5),
        ("θ.x", "a dot behind a name", 1),
        ("x²", "'²' is no operator", 1),
        ("x·y", "'·' is no operator", 1),
        ("2^x", "'^' is no operator", 1),
        ("ｅxp(x)", "'ｅ' has no meaning", 0),
        ("x\n+1", "has no meaning", 1),
        ("x\x00", "has no meaning", 1),
        ("x; y", "a line before the last needs a name", 1),
        ("z = 1; z = 2", "z has a value already", 7),
        ("y = x; x = 2", "x has a value already", 7),
        ("a = a + 1", "a is read in its own line", 0),
        ("f(x) = 3", "'f(x)' is no name", 0),
        ("y = ", "an expression is missing", 3),
    ],
)
def test_what_is_not_allowed_is_pointed_at(text: str, words: str, caret: int) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse(text)
    first, _, mark, *_ = caught.value.message.split("\n")
    assert words in first
    assert mark == "  " + " " * caret + "^"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9**9**9", "the exponent is too large"),
        ("9**9**9**9", "the exponent is too large"),
        ("x**1e9", "the exponent is too large"),
        ("(10**15)**900", "too large"),
        ("10**15 * 10**15", "the number becomes too large"),
        ("10.0**999", "too large"),
        ("(-8)**0.5", "the complex number"),
        ("1/0", "division by the number zero"),
        ("0**-1", "division by the number zero"),
        ("exp(x, x)", "takes 1 positional argument"),
        ("x[0]", "a single number has no elements"),
        ("v[7]", "index 7 is out of bounds"),
        ("1e300*1e300", "the number becomes too large"),
        ("v @ u", "matmul"),
    ],
)
def test_what_goes_wrong_with_values_is_pointed_at(text: str, words: str) -> None:
    f = parse(text)
    values = {"x": 1, "v": [1, 2], "u": [1, 2, 3]}
    start = time.perf_counter()
    with pytest.raises(ArgumentError) as caught:
        f(**{n: values[n] for n in f.names})
    assert time.perf_counter() - start < 1
    assert words.lower() in caught.value.message.lower()
    assert caught.value.message.rstrip().endswith("^")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 400 + "x" + ")" * 400, "-" * 900 + "x", "x+" * (MAX_DEPTH + 5) + "x",
        "exp(" * 120 + "x" + ")" * 120, "x" + "[0]" * 200, "2**" * 300 + "x",
    ],
)  # fmt: skip
def test_deep_nesting(text: str) -> None:
    with pytest.raises(ArgumentError, match="nested"):
        parse(text)


def test_long_text() -> None:
    with pytest.raises(ArgumentError, match=f"the limit is {MAX_LENGTH}"):
        parse("x+" * 10**6 + "x")
    with pytest.raises(ArgumentError) as caught:  # only the surroundings are shown
        parse("x" * 500 + "." + "y" * 300)
    assert all(len(line) < 90 for line in caught.value.message.split("\n"))


def test_missing_and_unknown_values() -> None:
    f = parse("w*x")
    for args, values, words in [
        ((2,), {}, "no value for x"), ((1, 2, 3), {}, "got 3 values"), ((1,), {"w": 1, "x": 1}, "got w twice"),
        ((1, 2), {"y": 3}, "y is not in it"), ((1, "a"), {}, "x has no numbers as value"),
        ((1, [[1], [1, 2]]), {}, "x has no numbers as value"), ((1, 10**400), {}, "x has no numbers as value"),
    ]:  # fmt: skip
        with pytest.raises(ArgumentError, match=words):
            f(*args, **values)
    with pytest.raises(ArgumentError, match="got int"):
        parse(3)
    with pytest.raises(ArgumentError, match="empty"):
        parse("  ")


def test_no_known_function_makes_memory_from_a_number() -> None:
    assert not {"ones", "zeros", "arange", "tile", "repeat", "eye", "outer", "broadcast_to", "load"} & set(KNOWN)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("x0123456789.()[]+-*/@=;, expθ_", max_size=60))
def test_any_text_has_a_value_or_our_error(text: str) -> None:
    try:
        f = parse(text)
        f(*[1.5] * len(f.names))
    except ArgumentError as error:
        assert error.message
