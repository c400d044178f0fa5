"""Algebraic simplification: what is done, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.compiler.passes import dead_code, simplify
from wengert.compiler.text import parse, text
from wengert.core.tape import Tape

HEAD = "tape(x0:float64[2,3], x1:float64[3], x2:float32[2,3], x3:complex128[3], x4:int64[3])"
# With a constant in row-major order the result is surely so too; x0 itself may be any view.
DENSE = "v0:float64[2,3] = add(x0, c0)"
GIVEN = {"c0": np.ones((2, 3)), "c1": np.zeros((2, 3)), "c2": np.full((2, 3), -0.0)}


def written(*lines: str) -> Tape:
    """The list that returns the last of these lines."""
    last = lines[-1].split(":")[0]
    return parse("\n  ".join([HEAD, *lines, f"return {last}"]), **GIVEN)


def simplified(*lines: str) -> list[str]:
    """The lines that are left of it."""
    return [line.strip() for line in text(dead_code(simplify(written(*lines)))).splitlines()[1:]]


@pytest.mark.parametrize(
    "line",
    [
        "multiply(v0, 1.0)", "multiply(1, v0)", "multiply(v0, c0)", "multiply(c0, v0)", "divide(v0, 1.0)",
        "add(v0, -0.0)", "add(c2, v0)", "subtract(v0, 0.0)", "subtract(v0, 0)", "subtract(v0, c1)", "positive(v0)",
        "stop_gradient(v0)", "astype(v0, dtype=dtype('float64'))", "sum(v0, axes=(), keepdims=False)",
        "reshape(v0, shape=(2, 3))", "broadcast_to(v0, shape=(2, 3))", "transpose(v0, axes=(0, 1))",
    ],
)  # fmt: skip
def test_what_does_nothing_goes(line: str) -> None:
    assert simplified(DENSE, f"v1:float64[2,3] = {line}") == [DENSE, "return v0"]


@pytest.mark.parametrize(
    "line",
    [
        "multiply(v0, 0.0)", "multiply(v0, c1)", "multiply(v0, -1.0)", "add(v0, 0.0)", "add(v0, 0)", "add(v0, c1)",
        "subtract(v0, -0.0)", "subtract(v0, c2)", "subtract(v0, v0)", "divide(v0, v0)", "divide(v0, 2.0)",
        "power(v0, 1.0)", "power(v0, 2)",
    ],
)  # fmt: skip
def test_what_would_change_a_bit_stays(line: str) -> None:
    tape = written(DENSE, f"v1:float64[2,3] = {line}")
    assert text(simplify(tape)) == text(tape)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("v0:complex128[3] = multiply(x3, 1.0)", "x3"),
        ("v0:float64[2,3] = multiply(x0, 1.0)", "x0"),  # x0 may be a strided view, which sums round differently
        ("v0:float64[2,3] = multiply(x2, c0)", "x2"),  # promotes
        ("v0:float64[2,3] = multiply(x1, c0)", "x1"),  # repeats
    ],
)
def test_what_would_change_type_shape_or_layout_stays(line: str, left: str) -> None:
    assert simplified(line) == [line, "return v0"]


def test_integers_have_one_zero() -> None:
    lines = ["v0:int64[3] = multiply(x4, x4)", "v1:int64[3] = reshape(x4, shape=(3,))"]
    assert simplified(*lines, "v2:int64[3] = add(v1, 0)")[-1] == "return v0"
    assert simplified(lines[1]) == ["return x4"]


def test_pairs() -> None:
    assert simplified(DENSE, "v1:float64[2,3] = negative(v0)", "v2:float64[2,3] = negative(v1)") == [DENSE, "return v0"]
    assert simplified(DENSE, "v1:float64[2,3] = negative(v0)", "v2:float64[2,3] = abs(v1)") == [
        DENSE, "v1:float64[2,3] = abs(v0)", "return v1",
    ]  # fmt: skip
    assert simplified(DENSE, "v1:float64[2,3] = abs(v0)", "v2:float64[2,3] = abs(v1)") == [
        DENSE, "v1:float64[2,3] = abs(v0)", "return v1",
    ]  # fmt: skip


def test_transposes_become_one() -> None:
    swap = "v0:float64[3,2] = transpose(x0, axes=(1, 0))"
    assert simplified(swap, "v1:float64[2,3] = transpose(v0, axes=(1, 0))") == ["return x0"]
    three = ["v0:float64[1,2,3] = reshape(x0, shape=(1, 2, 3))", "v1:float64[2,3,1] = transpose(v0, axes=(1, 2, 0))"]
    assert simplified(*three, "v2:float64[3,1,2] = transpose(v1, axes=(1, 2, 0))") == [
        three[0], "v1:float64[3,1,2] = transpose(v0, axes=(2, 0, 1))", "return v1",
    ]  # fmt: skip


def test_reshapes_become_one_where_the_operand_is_contiguous() -> None:
    flat, back = "v1:float64[6] = reshape(v0, shape=(6,))", "v2:float64[3,2] = reshape(v1, shape=(3, 2))"
    assert simplified(DENSE, flat, back) == [DENSE, "v1:float64[3,2] = reshape(v0, shape=(3, 2))", "return v1"]
    assert simplified(DENSE, flat, "v2:float64[2,3] = reshape(v1, shape=(2, 3))") == [DENSE, "return v0"]
    swapped = "v0:float64[3,2] = transpose(x0, axes=(1, 0))"
    assert simplified(swapped, flat, back)[1:] == [flat, back, "return v2"]


def test_broadcasts() -> None:
    row = "v0:float64[2,3] = broadcast_to(x1, shape=(2, 3))"
    assert simplified(row, "v1:float64[4,2,3] = broadcast_to(v0, shape=(4, 2, 3))") == [
        "v0:float64[4,2,3] = broadcast_to(x1, shape=(4, 2, 3))", "return v0",
    ]  # fmt: skip
    assert simplified(row, "v1:float64[2,3] = multiply(v0, x0)") == ["v0:float64[2,3] = multiply(x1, x0)", "return v0"]
    assert simplified(row, "v1:float64[2,3] = multiply(v0, v0)")[1] == "v1:float64[2,3] = multiply(x1, v0)"


def test_casts() -> None:
    narrow = ["v0:float32[2,3] = exp(x2)", "v1:float64[2,3] = astype(v0, dtype=dtype('float64'))"]
    assert simplified(*narrow, "v2:float32[2,3] = astype(v1, dtype=dtype('float32'))") == [narrow[0], "return v0"]
    wide = [DENSE, "v1:float32[2,3] = astype(v0, dtype=dtype('float32'))"]
    assert len(simplified(*wide, "v2:float64[2,3] = astype(v1, dtype=dtype('float64'))")) == 4


def test_the_sum_of_nothing_is_zero() -> None:
    tape = parse("tape(x0:float64[0,3])\n  v0:float64[3] = sum(x0, axes=(0,), keepdims=False)\n  return v0")
    assert text(simplify(tape)) == "tape(x0:float64[0,3])\n  return c0"
    np.testing.assert_array_equal(simplify(tape).outputs[0].value, np.zeros(3))
