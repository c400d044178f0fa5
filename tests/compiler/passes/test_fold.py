"""Constant folding."""

from __future__ import annotations

import numpy as np

from wengert.compiler.passes import fold
from wengert.compiler.text import parse, same, text
from wengert.core.tape import Const, Tape


def test_what_is_known_is_computed() -> None:
    tape = fold(
        parse(
            """tape(x0:float64[2])
      v0:float64[2] = sin(c0)
      v1:float64[2] = multiply(v0, 2.0)
      v2:float64[2] = add(x0, v1)
      return v2, v0""",
            c0=np.array([1.0, 2.0]),
        )
    )
    assert text(tape) == "tape(x0:float64[2])\n  v0:float64[2] = add(x0, c0)\n  return v0, c1"
    (line,) = tape.nodes
    np.testing.assert_array_equal(line.inputs[1].value, np.sin([1.0, 2.0]) * 2.0)
    np.testing.assert_array_equal(tape.outputs[1].value, np.sin([1.0, 2.0]))


def kept(tape: Tape) -> bool:
    return fold(tape) is tape


def test_large_results_are_not_stored() -> None:
    assert kept(
        parse("tape()\n  v0:float64[1000,1000] = broadcast_to(c0, shape=(1000, 1000))\n  return v0", c0=np.ones(()))
    )


def test_draws_and_lines_with_several_values_stay() -> None:
    key = np.array([1, 2], np.uint32)
    assert kept(parse("tape()\n  v0:uint32[3] = random_bits(c0, shape=(3,), width=32)\n  return v0", c0=key))
    assert kept(parse("tape()\n  v0:(float64[2], float64[2,2]) = eigh(c0)\n  v1:float64[2] = part(v0, index=0)\n"
                      "  return v1", c0=np.eye(2)))  # fmt: skip


def test_what_numpy_refuses_is_left_for_the_call() -> None:
    assert kept(parse("tape()\n  v0:float64[2,2] = inv(c0)\n  return v0", c0=np.zeros((2, 2))))


def test_the_type_of_a_scalar_stays() -> None:
    tape = fold(parse("tape()\n  v0:float32[] = multiply(c0, 2.0)\n  return v0", c0=np.float32(0.1)))
    (result,) = tape.outputs
    assert isinstance(result, Const)
    assert type(result.value) is np.float32
    assert same(tape, parse("tape()\n  return c0", c0=np.float32(0.1) * 2.0))
