"""What every pass keeps: values bit for bit, the list's invariants; and twice is once."""

from __future__ import annotations

from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import wengert as wg
from wengert.compiler.passes import PASSES, optimise
from wengert.compiler.text import text
from wengert.core.record import evaluate, record_flat
from wengert.core.tape import Tape
from wengert.testing.programs import Program, random_program

laws = hypothesis.settings(derandomize=True, deadline=None, max_examples=100, database=None)


@st.composite
def programs(draw: Any) -> Program:
    return random_program(lambda n: draw(st.integers(0, n - 1)), 30, 3)


def gradient_of(program: Program) -> Tape:
    f = wg.value_and_grad(program, tuple(range(len(program.inputs))))
    return record_flat(lambda *xs: wg.tree_leaves(f(*xs)), program.inputs)


def equal_bits(a: Tape, b: Tape, xs: list[Any]) -> None:
    with np.errstate(all="ignore"):
        pairs = list(zip(evaluate(a, xs), evaluate(b, xs), strict=True))
    for x, y in pairs:
        x, y = np.asarray(x), np.asarray(y)
        assert (x.shape, x.dtype, x.tobytes()) == (y.shape, y.dtype, y.tobytes())


@pytest.mark.parametrize(("name", "one"), PASSES, ids=[name for name, _ in PASSES])
@laws
@hypothesis.given(programs())
def test_a_pass_changes_no_bit(name: str, one: Any, program: Program) -> None:
    for tape in (record_flat(lambda *xs: [program(*xs)], program.inputs), gradient_of(program)):
        after = one(tape).verify()
        assert len(after) <= len(tape)
        equal_bits(tape, after, program.inputs)
        assert text(one(after)) == text(after) or name == "simplify"


@laws
@hypothesis.given(programs())
def test_all_passes_change_no_bit(program: Program) -> None:
    tape = gradient_of(program)
    after = optimise(tape)
    equal_bits(tape, after, program.inputs)
    equal_bits(tape, after, [np.asfortranarray(x)[::-1] if x.ndim else x for x in program.inputs])
    equal_bits(tape, after, [np.full_like(x, np.nan) for x in program.inputs])
    equal_bits(tape, after, [np.full_like(x, -0.0) for x in program.inputs])
    equal_bits(tape, after, [np.full_like(x, np.inf) for x in program.inputs])
    assert text(optimise(after)) == text(after)


def test_the_gradient_of_a_chain_is_as_short_as_by_hand() -> None:
    tape = record_flat(lambda x: [wg.grad(lambda x: np.sum(np.tanh(x) ** 2))(x)], [np.zeros(4)])
    assert [node.prim.name for node in optimise(tape)] == ["tanh", "multiply", "multiply", "subtract", "multiply"]


def test_show_prints_the_list_after_each_pass(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("WENGERT_SHOW", "passes")
    optimise(record_flat(lambda x: [wg.grad(np.sin)(x)], [np.zeros(())]), "gradient")
    shown = capsys.readouterr().err
    assert shown.startswith("--- gradient: recorded (")
    assert "--- gradient: simplify (" in shown
    assert "cos(x0)" in shown
