"""Branches and loops of unknown length as machine code: what NumPy's runner gives, for every way through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from tests.compiler.native.comparing import made
from wengert.compiler.passes import optimise
from wengert.compiler.runner import Runner
from wengert.core.record import record_flat
from wengert.core.tree import flatten


def native(f: Callable[..., Any], *args: Any) -> list[str]:
    """Compare machine code with NumPy on the same list; returns the kinds of its groups."""
    values = [np.asarray(x) for x in args]
    tape = optimise(record_flat(lambda *xs: flatten(f(*xs))[0], values))
    program = made(tape)
    wanted = Runner(tape)(values)
    for _ in range(2):
        found = program(values)
        assert found is not None
        for a, b in zip(found, wanted, strict=True):
            assert np.asarray(a).dtype == np.asarray(b).dtype
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    return [group.kind for group in program.writing.order]


def branch(x: Any, y: Any) -> Any:
    return wg.cond(np.sum(x) > 0, lambda a, b: np.sin(a) * b, lambda a, b: a - b @ b, x, y)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_either_branch(sign: float) -> None:
    x, y = sign * np.ones((3, 3)), np.linspace(0, 1, 9).reshape(3, 3)
    assert "control" in native(branch, x, y)
    assert "control" in native(wg.grad(lambda a, b: np.sum(branch(a, b) ** 2), (0, 1)), x, y)


@pytest.mark.parametrize("number", [-3, 0, 1, 2, 7])
def test_a_number_of_a_branch_is_kept_within_them(number: int) -> None:
    branches = [lambda a: a * 2.0, np.exp, lambda a: a[::-1]]
    kinds = native(lambda x, i: wg.switch(i, branches, x), np.arange(4.0), np.array(number))
    assert kinds == ["control"]


def grown(x: Any) -> Any:
    return wg.while_loop(lambda c: np.sum(c[0]) < 100.0, lambda c: (c[0] * 1.5 + 0.1, c[1] + 1), (x, 0))


@pytest.mark.parametrize("start", [0.0, 1.0, 1e6])
def test_loops_of_unknown_length(start: float) -> None:
    x = np.full(5, start) + np.arange(5.0)
    assert native(grown, x) == ["control"]
    assert "control" in native(lambda v: wg.jvp(lambda u: grown(u)[0], (v,), (np.ones_like(v),))[1], x)


def test_each_example_of_a_batch_ends_by_itself() -> None:
    native(wg.vmap(lambda x: grown(x)[0]), np.arange(15.0).reshape(3, 5))


def test_what_is_inside_without_a_kernel_runs_on_numpy() -> None:
    def body(c: Any) -> Any:
        return c[0] + 1, np.linalg.solve(np.eye(2) * 2.0, c[1])

    assert native(lambda x: wg.while_loop(lambda c: c[0] < 3, body, (0, x))[1], np.ones(2)) == ["host", "host"]


NESTED = {
    "scan of cond": lambda x: wg.scan(
        lambda c, r: (wg.cond(r < 3, lambda a, b: a - b, lambda a, b: a + b, c, r), c), x[0], x
    ),
    "scan of while": lambda x: wg.scan(
        lambda c, r: (wg.while_loop(lambda a: a < 100.0, lambda a: a * 2.0, c) + r, c * 2), x[0], x
    ),
    "scan of scan": lambda x: wg.scan(lambda c, r: (wg.scan(lambda a, b: (a + b * r, a), c, x)[0], c * 2), x[0], x),
    "while of cond": lambda x: wg.while_loop(
        lambda c: c.sum() < 1000, lambda c: wg.cond(c[0] < 3, lambda a: a * 2.0, lambda a: a * 3.0, c), x
    ),
    "cond of scan": lambda x: wg.cond(
        x[0] < 9, lambda a: a + wg.scan(lambda c, r: (c + r, c * 1.0), a, wg.stack([a, a]))[0], lambda a: a + 1, x
    ),
    "gradient of scan of cond": wg.grad(
        lambda x: wg.scan(lambda c, r: (c + r * wg.cond(r < 3, wg.sin, wg.exp, r), c * 2), x[0], x)[0]
    ),
    "gradient of scan of scan": wg.grad(
        lambda x: wg.scan(lambda c, r: (wg.scan(lambda a, b: (wg.tanh(a + b * r), a), c, x)[0], c), x[0], x)[0]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NESTED)
def test_control_flow_within_control_flow(name: str) -> None:
    x = np.linspace(0.5, 4.0, 6)
    compiled = wg.compile(NESTED[name])
    for given in (x, x[::-1].copy()):
        for found, wanted in zip(wg.tree_leaves(compiled(given)), wg.tree_leaves(NESTED[name](given)), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-13)
