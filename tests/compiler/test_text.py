"""Text of lists: `parse` is the inverse of printing, for every primitive and for random programs."""

from __future__ import annotations

from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import wengert as wg
from wengert.base.errors import FileFormatError
from wengert.compiler.text import parse, same, text
from wengert.core.primitive import REGISTRY, Aval
from wengert.core.record import bind, evaluate, record_flat
from wengert.core.tape import Const, Leaf, Tape
from wengert.testing.programs import Program, random_program

CODE = {"custom_vjp", "custom_jvp", "part"}  # hold code, which has no text; or have no samples


@st.composite
def programs(draw: Any) -> Program:
    return random_program(lambda n: draw(st.integers(0, n - 1)), 25, 2)


def reparsed(tape: Tape) -> Tape:
    given = {n: v.value for v, n in named(tape) if isinstance(v, Const | Leaf)}
    return parse(str(tape), **given)


def named(tape: Tape) -> list[tuple[Any, str]]:
    names = tape.names()
    return [(v, names[id(v)]) for v in tape.variables()]


@hypothesis.settings(derandomize=True, deadline=None, max_examples=60, database=None)
@hypothesis.given(programs())
def test_parse_inverts_printing(program: Program) -> None:
    gradient = wg.value_and_grad(program, tuple(range(len(program.inputs))))
    tape = record_flat(lambda *xs: wg.tree_leaves(gradient(*xs)), [Aval(x.shape, x.dtype) for x in program.inputs])
    again = reparsed(tape)
    assert same(tape, again)
    for a, b in zip(evaluate(tape, program.inputs), evaluate(again, program.inputs), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("name", sorted(set(REGISTRY) - CODE))
def test_every_primitive_is_read_back(name: str) -> None:
    prim = REGISTRY[name]
    for xs, attrs in prim.samples(np.random.default_rng(0)):
        if name == "checkpoint":
            continue  # its list prints as a plain one

        def call(*a: Any, attrs: dict[str, Any] = attrs) -> Any:
            y = bind(prim, a, attrs)
            return y if prim.multi else [y]

        places = [i for i, x in enumerate(xs) if isinstance(x, np.ndarray | np.generic)]
        full = list(xs)

        def flat(*a: Any, full: list[Any] = full, places: list[int] = places, call: Any = call) -> Any:
            for i, x in zip(places, a, strict=True):
                full[i] = x
            return call(*full)

        tape = record_flat(flat, [Aval(np.shape(xs[i]), xs[i].dtype) for i in places])
        assert text(reparsed(tape)) == text(tape)


@pytest.mark.parametrize(
    "line",
    [
        "v0:float64[3] = multiply(x0, -2.5)",
        "v0:float64[3] = multiply(x0, nan)",
        "v0:float64[3] = multiply(x0, -inf)",
        "v0:float64[3] = multiply(x0, 1e-05)",
        "v0:complex128[3] = multiply(x0, (1.5-2e-07j))",
        "v0:complex128[3] = multiply(x0, -2j)",
        "v0:float64[3] = multiply(x0, True)",
        "v0:float64[] = getitem(x0, index=(-1,))",
        "v0:float64[1,2] = getitem(x0, index=(None, Ellipsis, 1:))",
        "v0:float64[3] = getitem(x0, index=(::-1,))",
        "v0:float32[3] = astype(x0, dtype=dtype('float32'))",
        "v0:float64[3] = sum(x0, axes=(), keepdims=False)",
    ],
)
def test_literals(line: str) -> None:
    source = f"tape(x0:float64[3])\n  {line}\n  return v0"
    assert text(parse(source)) == source


def test_lists_inside_lines() -> None:
    tape = record_flat(
        lambda x: wg.tree_leaves(wg.scan(lambda c, a: (c * a, wg.sin(c)), 1.0, x)), [Aval((4,), np.dtype(float))]
    )
    assert "    body:\n      tape(" in str(tape)
    assert text(reparsed(tape)) == text(tape)


def test_constants_and_leaves_are_given_by_name() -> None:
    source = "tape(x0:float64[2])\n  v0:float64[2] = multiply(x0, c0)\n  v1:float64[2] = add(v0, p0)\n  return v1"
    tape = parse(source, c0=np.array([1.0, 2.0]), p0=np.array([3.0, 4.0]))
    assert text(tape) == source
    assert same(tape, parse(source, c0=np.array([1.0, 2.0]), p0=np.zeros(2)))
    assert not same(tape, parse(source, c0=np.array([1.0, 2.5]), p0=np.zeros(2)))
    np.testing.assert_array_equal(evaluate(tape, [np.array([10.0, 10.0])])[0], [13.0, 24.0])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "the text is empty"),
        ("tape(x0:float64[3])\n  return v0", "line 2: 'v0' is written nowhere above"),
        ("tape(x0:float64[3])\n  v0:float64[3] = sine(x0)\n  return v0", "line 2: there is no primitive 'sine'"),
        ("tape(x0:float64[3])\n  v0:float64[3] = sin(x0", "line 2, column 25: needs ',', got ''"),
        ("tape(x0:float64[3])\n  v0:floaty[3] = sin(x0)\n  return v0", "needs a dtype"),
        ("tape(x0:float64[3])\n  v0:float64[3] = sin(x0) + 1\n  return v0", "needs the end of the line"),
        ("tape(x0:float64[3])\n  v0:float64[3] = sin(x0)", "needs one 'return' at the end"),
        ("tape(x0:float64[3])\n  v0:float64[3] = sin(x0, a=__import__('os'))\n  return v0", "needs a literal"),
    ],
)
def test_what_is_no_list_is_refused(source: str, words: str) -> None:
    with pytest.raises(FileFormatError, match=words.replace("(", r"\(")):
        parse(source)
