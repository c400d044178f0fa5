"""The Wengert list: cutting, verifying, printing, and the locks on arrays it reads."""

from __future__ import annotations

import gc
import re
import threading
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.core.record import evaluate, record_flat, trace
from wengert.core.tape import Const, Input, Leaf, Node, Tape, Var, cut, lock, unlock
from wengert.ops.arithmetic import add, multiply
from wengert.ops.structure import transpose

ADD, MULTIPLY = add.primitive, multiply.primitive  # type: ignore[attr-defined]
F8 = np.dtype(np.float64)


def line(prim: Any, *inputs: Any) -> Node:
    return Node(prim, inputs, {}, (2,), F8)


@pytest.fixture
def three() -> tuple[Input, Node, Node, Node]:
    """x; a = x + 1; b = a * a; c = a + b."""
    x = Input((2,), F8)
    a = line(ADD, x, 1)
    b = line(MULTIPLY, a, a)
    return x, a, b, line(ADD, a, b)


# ----- cut ------------------------------------------------------------------------------------------
def test_cut_takes_what_the_output_needs_in_order(three: tuple[Any, ...]) -> None:
    x, a, b, c = three
    assert cut([c], [x]).nodes == [a, b, c]
    assert cut([b], [x]).nodes == [a, b]
    assert cut([b, a], [x]).nodes == [a, b]
    assert cut([x], [x]).nodes == []
    assert cut([], [x]).nodes == []
    assert len(cut([c], [x])) == 3


def test_cut_stops_at_its_inputs(three: tuple[Any, ...]) -> None:
    _, a, b, c = three
    tape = cut([c], [a])
    assert tape.nodes == [b, c]
    tape.verify()


def test_cut_is_in_the_order_of_execution_whatever_the_order_of_use() -> None:
    x = Input((2,), F8)
    rng = np.random.default_rng(0)
    nodes: list[Any] = [x]
    for _ in range(200):
        nodes.append(line(ADD, *(nodes[i] for i in rng.integers(0, len(nodes), 2))))
    tape = cut([nodes[-1], nodes[100]], [x]).verify()
    numbers = [n.number for n in tape.nodes]
    assert numbers == sorted(set(numbers))


def test_cut_does_not_recurse() -> None:
    node: Any = Input((2,), F8)
    first = node
    for _ in range(50_000):
        node = line(ADD, node, 1)
    assert len(cut([node], [first]).verify()) == 50_000
    del node
    gc.collect()


# ----- verify ---------------------------------------------------------------------------------------
def test_verify_accepts_a_recorded_list() -> None:
    tape = record_flat(lambda x: [transpose(x) @ x * 2.0], [np.zeros((2, 3))])
    assert tape.verify() is tape


def test_verify_finds_a_value_read_before_it_is_written(three: tuple[Any, ...]) -> None:
    x, a, b, c = three
    with pytest.raises(AssertionError, match=rf"v{c.number}:float64\[2\] = add reads v{b.number}.* before it is"):
        Tape([x], [a, c, b], [c]).verify()


def test_verify_finds_a_line_that_is_not_in_the_list(three: tuple[Any, ...]) -> None:
    x, a, _, c = three
    with pytest.raises(AssertionError, match="before it is written"):
        Tape([x], [a, c], [c]).verify()


def test_verify_finds_an_input_of_another_list(three: tuple[Any, ...]) -> None:
    _, a, b, _ = three
    with pytest.raises(AssertionError, match="before it is written"):
        Tape([Input((2,), F8)], [a, b], [b]).verify()


def test_verify_finds_a_line_twice(three: tuple[Any, ...]) -> None:
    x, a, b, _ = three
    with pytest.raises(AssertionError, match="is written twice"):
        Tape([x], [a, b, a], [b]).verify()


def test_verify_finds_an_output_nobody_writes(three: tuple[Any, ...]) -> None:
    x, a, b, c = three
    with pytest.raises(AssertionError, match="is never written"):
        Tape([x], [a, b], [c]).verify()


def test_verify_finds_an_array_that_is_no_variable() -> None:
    x = Input((2,), F8)
    bad = line(ADD, x, np.ones(2))
    with pytest.raises(AssertionError, match="reads array"):
        Tape([x], [bad], [bad]).verify()


def test_verify_finds_a_line_without_primitive() -> None:
    x = Input((2,), F8)
    bad = line(None, x)
    with pytest.raises(AssertionError, match="has no primitive"):
        Tape([x], [bad], [bad]).verify()


def test_verify_looks_into_sublists(three: tuple[Any, ...]) -> None:
    x, a, b, c = three
    outer = Node(ADD, (x, x), {"body": Tape([x], [a, c, b], [c])}, (2,), F8)
    with pytest.raises(AssertionError, match="before it is written"):
        Tape([x], [outer], [outer]).verify()


def test_python_scalars_and_constants_may_be_read() -> None:
    x = Input((2,), F8)
    a = line(ADD, x, Const(np.ones(2)))
    b = line(MULTIPLY, a, 2.5)
    Tape([x], [a, b], [b, 1.0, Const(np.ones(2))]).verify()


# ----- print ----------------------------------------------------------------------------------------
def strip(tape: Tape) -> str:
    """The text without the places in this file."""
    return re.sub(r"  # \S+:\d+ in \S+", "", str(tape))


def test_print() -> None:
    def f(x: Any, y: Any) -> list[Any]:
        z = x * y + 1
        return [z * z - np.ones(3), transpose(y)]

    tape = record_flat(f, [np.zeros((2, 3)), np.zeros(3, np.float32)])
    assert strip(tape) == (
        "tape(x0:float64[2,3], x1:float32[3])\n"
        "  v0:float64[2,3] = multiply(x0, x1)\n"
        "  v1:float64[2,3] = add(v0, 1)\n"
        "  v2:float64[2,3] = multiply(v1, v1)\n"
        "  v3:float64[2,3] = subtract(v2, c0)\n"
        "  v4:float32[3] = transpose(x1, axes=(0,))\n"
        "  return v3, v4"
    )
    assert re.search(r"v0:\S+ = multiply\(x0, x1\)  # test_tape.py:\d+ in f\n", str(tape))


def test_print_of_scalars_sublists_and_names() -> None:
    x = Input((), F8)
    inner = Input((), F8)
    step = Node(ADD, (inner, 1), {}, (), F8)
    outer = Node(MULTIPLY, (x, x), {"body": Tape([inner], [step], [step]), "times": 3}, (), F8)
    leaf = Leaf(np.float64(1.0))
    leaf.cell.name = "weight"
    last = Node(ADD, (outer, leaf), {}, (), F8)
    assert str(Tape([x], [outer, last], [last, 2.5])) == (
        "tape(x0:float64[])\n"
        "  v0:float64[] = multiply(x0, x0, times=3)\n"
        "    body:\n"
        "      tape(x0:float64[])\n"
        "        v0:float64[] = add(x0, 1)\n"
        "        return v0\n"
        "  v1:float64[] = add(v0, weight)\n"
        "  return v1, 2.5"
    )


def test_variables_show_themselves() -> None:
    x = Input((2, 0), np.dtype(np.float32))
    assert repr(x) == f"x{x.number}:float32[2,0]"
    pair = Node(ADD, (x,), {}, ((2,), ()), (F8, F8))
    assert repr(pair) == f"v{pair.number}:(float64[2], float64[])"


def test_numbers_grow_along_the_list() -> None:
    tape = trace(lambda x: [x * x + x], [np.ones(2)], "grad").tape
    for node in tape:
        assert all(v.number < node.number for v in node.inputs if isinstance(v, Var))
        assert node.outputs == (node,)
        assert node.where.startswith("test_tape.py:")


def test_evaluate_runs_the_list_again() -> None:
    tape = record_flat(lambda x, y: [x * y + x, y], [np.zeros(2), np.zeros(2)])
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    found = evaluate(tape, [x, y])
    np.testing.assert_array_equal(found[0], x * y + x)
    assert found[1] is y
    np.testing.assert_array_equal(wg.elementwise_grad(lambda v: evaluate(tape, [v, y])[0])(x), y + 1)


# ----- locks ----------------------------------------------------------------------------------------
def test_a_lock_is_counted() -> None:
    x = np.ones(3)
    first, second = lock(x), lock(x)
    assert not x.flags.writeable
    unlock(first)
    assert not x.flags.writeable
    unlock(second)
    assert x.flags.writeable


def test_an_array_that_is_read_only_stays_so() -> None:
    x = np.ones(3)
    x.flags.writeable = False
    constant = Const(x)
    assert constant.locked == []
    del constant
    assert not x.flags.writeable


def test_the_owner_of_a_view_is_locked_too() -> None:
    x = np.ones(6)
    constant = Const(x[2:4])
    with pytest.raises(ValueError, match="read-only"):
        x[3] = 1.0
    constant.release()
    assert constant.value is None
    x[3] = 2.0


def test_views_become_writable_in_any_order_of_release() -> None:
    x = np.arange(6.0)
    arrays = [x, x[:3], x[3:], x[::2], x.reshape(2, 3)]
    rng = np.random.default_rng(0)
    for _ in range(50):
        constants = [Const(arrays[i]) for i in rng.permutation(5)]
        for i in rng.permutation(5):
            constants[i].release()
        assert all(a.flags.writeable for a in arrays)
        del constants


def test_locks_of_many_threads() -> None:
    x = np.ones(4)

    def work() -> None:
        for _ in range(500):
            Const(x)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert x.flags.writeable
