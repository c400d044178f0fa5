"""Scans over single numbers are one loop in registers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from tests.compiler.native.comparing import compare, tape_of

X = np.linspace(-1.0, 1.0, 9)


def loops(f: Any, *arguments: Any) -> list[bool]:
    """For each scan of a function whether it calls no other kernel; it computes what NumPy does."""
    program = compare(tape_of(f, list(arguments)), list(arguments))
    texts = [t for t in program.writing.text.split("define ") if "@scan" in t.split("(")[0]]
    return ["call void @kernel" not in text and "memmove" not in text for text in texts]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 2, 9])
def test_slices_rows_and_constants(length: int, reverse: bool) -> None:
    def f(c: Any, w: Any, xs: Any) -> Any:
        return wg.scan(lambda c, x: (wg.tanh(w * c) + x * 0.5, (c * 2, x - 1, 3.0)), c, xs, reverse=reverse)

    arguments = np.array(0.3), np.array(1.5), X[:length]
    assert loops(f, *arguments) == [True]
    assert all(loops(wg.grad(lambda *a: sum((y * y).sum() for y in wg.tree_leaves(f(*a))), (0, 1, 2)), *arguments))


def test_dtypes() -> None:
    def f(a: Any, b: Any, flag: Any, xs: Any) -> Any:
        def body(c: Any, x: Any) -> Any:
            a, b, flag = c
            less = a < x
            return (wg.where(less, a * 1.5, a - x).astype(np.float32), b // 3 + 100, wg.logical_xor(flag, less)), (
                flag,
                b,
            )

        return wg.scan(body, (a, b, flag), xs)

    assert loops(f, np.float32(0.1), np.int8(100), np.bool_(True), X.astype(np.float32)) == [True]


def test_what_changes_places_and_what_stays() -> None:
    assert loops(
        lambda a, b, xs: wg.scan(lambda c, x: ((c[1], c[0]), c[0]), (a, b), xs), np.float64(1), np.float64(2), X
    ) == [True]
    assert loops(lambda a, xs: wg.scan(lambda c, x: (c, x), a, xs), np.float64(1), X) == [True]
    assert loops(lambda a: wg.fori_loop(0, 7, lambda i, c: c * 0.5 + i, a), np.float64(1)) == [True]


def test_other_scans_have_kernels() -> None:
    assert loops(lambda c, xs: wg.scan(lambda c, x: (c * x, c), c, xs), np.ones(3), X) == [False]


def test_chains_of_other_numbers() -> None:
    """Newton's method, one start a lane."""
    root = lambda a: wg.fori_loop(0, 20, lambda _, x: 0.5 * (x + a / x), 1.0)  # noqa: E731
    found = wg.compile(wg.vmap(root))(X + 2)
    np.testing.assert_allclose(found, np.sqrt(X + 2))
    np.testing.assert_allclose(wg.compile(root)(np.array(7.0)), np.sqrt(7.0))
