"""The runner: slots are shared, values freed at their last reader, errors in the words of eager code."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.compiler.rewrite import rewrite
from wengert.compiler.runner import Runner
from wengert.compiler.text import parse
from wengert.core.record import record_flat
from wengert.core.tape import Const


def test_a_chain_needs_one_slot_beyond_its_input() -> None:
    def chain(x: Any) -> list[Any]:
        for _ in range(50):
            x = np.sin(x)
        return [x]

    runner = Runner(record_flat(chain, [np.zeros(3)]))
    assert len(runner.start) == 1
    np.testing.assert_array_equal(runner([np.zeros(3)])[0], np.zeros(3))


def test_values_live_until_their_last_reader() -> None:
    """At each line only what is still to be read is alive."""
    tape = parse("""tape(x0:float64[3])
      v0:float64[3] = sin(x0)
      v1:float64[3] = cos(v0)
      v2:float64[3] = multiply(v0, v1)
      v3:float64[3] = exp(v2)
      v4:float64[3] = add(v3, x0)
      return v4, v3""")
    runner = Runner(tape)
    results: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def watched(step: Any) -> Any:
        def call(*xs: Any) -> Any:
            alive.append(sum(r() is not None for r in results))
            y = step.function(*xs)
            results.append(weakref.ref(y))
            return y

        return step._replace(function=call)

    runner.steps = [watched(s) for s in runner.steps]
    runner([np.ones(3)])
    assert alive == [0, 1, 2, 1, 1]  # before each line: nothing, v0, v0 and v1, v2, v3
    assert len(runner.start) == 3


def test_lines_nobody_reads_and_outputs_that_are_inputs() -> None:
    tape = parse("tape(x0:float64[2], x1:float64[2])\n  v0:float64[2] = sin(x0)\n  return x1, c0, 2.0", c0=np.ones(2))
    x1 = np.arange(2.0)
    found = Runner(tape)([np.zeros(2), x1])
    assert found[0] is x1
    assert found[2] == 2.0
    np.testing.assert_array_equal(found[1], np.ones(2))


def test_the_same_input_may_be_given_twice() -> None:
    tape = parse("tape(x0:float64[2], x1:float64[2])\n  v0:float64[2] = multiply(x0, x1)\n  return v0")
    x = np.array([2.0, 3.0])
    np.testing.assert_array_equal(Runner(tape)([x, x])[0], [4.0, 9.0])
    np.testing.assert_array_equal(x, [2.0, 3.0])


def test_what_numpy_refuses_is_worded_as_in_eager_code() -> None:
    runner = Runner(parse("tape(x0:float64[2])\n  v0:float64[2] = bitwise_and(x0, 1)\n  return v0"))
    with pytest.raises(TypeError) as ours:
        runner([np.ones(2)])
    with pytest.raises(TypeError) as eager:
        wg.bitwise_and(np.ones(2), 1)
    assert str(ours.value).splitlines()[0] == str(eager.value).splitlines()[0]


def test_a_replacement_of_another_type_is_a_mistake_of_the_pass() -> None:
    tape = parse("tape(x0:float64[2])\n  v0:float64[2] = sin(x0)\n  return v0")
    with pytest.raises(AssertionError, match=r"sin: float64\[2\] was replaced by float32\[2\]"):
        rewrite(tape, lambda *_: Const(np.ones(2, np.float32)))
