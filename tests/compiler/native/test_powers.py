"""Powers of two and signs are drawn out of products and sums, exactly; equal terms of a sum become one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from tests.compiler.native.comparing import compare, tape_of
from wengert.compiler.native.expand import expand
from wengert.compiler.runner import Runner

X, Y, Z = np.random.default_rng(0).normal(size=(3, 40))
EDGES = np.array([0.0, -0.0, 1.5, -2.0, np.inf, -np.inf, np.nan])
GRID = tuple(x.ravel() for x in np.meshgrid(EDGES, EDGES, EDGES))


def names(f: Any, count: int = 3) -> list[str]:
    """The lines of a function of x, y, z after the pass."""
    return sorted(n.prim.name for n in expand(tape_of(f, [X, Y, Z][:count])).nodes)


def bits(f: Any, *arguments: np.ndarray) -> None:
    """The list after the pass gives the same bits, if computed line by line."""
    tape = tape_of(f, list(arguments))
    with np.errstate(all="ignore"):
        found, wanted = Runner(expand(tape))(arguments), Runner(tape)(arguments)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        np.testing.assert_array_equal(np.signbit(a[~np.isnan(a)]), np.signbit(b[~np.isnan(b)]))
        np.testing.assert_array_equal(a, b)


EXACT = [
    (lambda x, y, z: (2 * x) * (y * -4) * 0.5, ["multiply", "multiply"]),
    (lambda x, y, z: 2 * x + 2 * y, ["add", "multiply"]),
    (lambda x, y, z: 2 * x - 8 * y, ["multiply", "multiply", "subtract"]),
    (lambda x, y, z: (-x) * (-y), ["multiply"]),
    (lambda x, y, z: wg.negative(-x), []),
    (lambda x, y, z: -x - y, ["multiply", "subtract"]),
    (lambda x, y, z: y - x, ["subtract"]),
    (lambda x, y, z: -x + y, ["subtract"]),
    (lambda x, y, z: -x + 2 * y, ["multiply", "subtract"]),
    (lambda x, y, z: -2 * x - 4 * y, ["multiply", "multiply", "subtract"]),
    (lambda x, y, z: (2 * x * y) * z + (y * 4 * x) * z, None),
    (lambda x, y, z: (x * y, (2 * y) * (-x), (x * 0.5) * y), ["multiply"] * 3),
    (lambda x, y, z: wg.exp(2 * x) * 2, ["exp", "multiply", "multiply"]),
    (lambda x, y, z: x / 2 - y, ["multiply", "multiply", "subtract"]),
    (lambda x, y, z: (-2 * x) / (y * 4), ["divide", "multiply"]),
    (lambda x, y, z: (2 * x)[1:] * (y * -4)[:-1], ["getitem"] * 2 + ["multiply"] * 3),
    (lambda x, y, z: (-x).reshape(-1, 1) * (-y).reshape(1, -1).T, None),
    (lambda x, y, z: wg.vjp(lambda x: (x[1:] - x[:-1]) * -2, x)[1](y[1:]), None),
    (lambda x, y, z: wg.vjp(lambda x: (x[:-1] * z[1:], x[:-1] - z[:-1]), x)[1]((y[1:], z[1:])), None),
    (lambda x, y, z: (x / y, x / (y * 8)), ["divide", "multiply"]),
]


@pytest.mark.parametrize("number", range(len(EXACT)))
def test_exact(number: int) -> None:
    f, wanted = EXACT[number]
    assert wanted is None or names(f) == wanted
    bits(f, X, Y, Z)
    bits(f, *GRID)
    bits(f, *(x.astype(np.float32) for x in GRID))
    compare(tape_of(f, [X, Y, Z]), [X, Y, Z])


def test_equal_terms() -> None:
    assert names(lambda x, y, z: ((x + y) + z) + y) == ["add", "add", "multiply"]
    assert names(lambda x, y, z: x + x + x) == ["multiply"]
    assert names(lambda x, y, z: (x - y) - y - y - z) == ["multiply", "subtract", "subtract"]
    assert names(lambda x, y, z: (x + y) + (x + y)) == ["add", "multiply"]
    assert names(lambda x, y, z: ((x + y) + x, x + y)) == ["add", "add"]  # the sum is there anyway
    assert names(lambda x, y, z: ((x + y) + x, (x + y) + y)) == ["add"] * 3
    assert names(lambda x, y, z: ((x + y) + x, (x + y) + z)) == ["add"] * 3
    for f in (lambda x, y, z: ((x + y) + z) + y, lambda x, y, z: 3 * (x - y) - y - 2 * y - z + x * 4):
        compare(tape_of(f, [X, Y, Z]), [X, Y, Z])


def test_rounding_errors_are_found_out() -> None:
    """Knuth's sum of two, and Kahan's of many: their whole point are terms that cancel."""

    def two(a: Any, b: Any) -> Any:
        s = a + b
        t = s - a
        return s, (a - (s - t)) + (b - t)

    a, b = X * 1e8, Y
    bits(two, a, b)
    total, error = wg.compile(two)(a, b)
    wanted = [np.longdouble(p) + np.longdouble(q) for p, q in zip(a, b, strict=True)]
    np.testing.assert_array_equal(total.astype(np.longdouble) + error, wanted)

    def error(a: Any, b: Any) -> Any:
        s = a + b
        return ((s + a) - s) - a

    def negated(a: Any, b: Any) -> Any:
        s = a + b
        d = -s - b
        return s, d, (d + s) + b

    def doubled(a: Any, b: Any) -> Any:
        s = a + b
        d = 2 * s + a
        return d, a - (d - s - s)

    for f, *pair in ((error, a, b), (error, b, a), (negated, a, b), (negated, b, a), (doubled, b, a)):
        for found, wanted in zip(wg.tree_leaves(wg.compile(f)(*pair)), wg.tree_leaves(f(*pair)), strict=True):
            np.testing.assert_array_equal(found, wanted)

    def three(a: Any, b: Any) -> Any:
        c = a * b
        s = a + b
        t = s + c
        u = t - s
        return t, c - u, (t - c) - s

    def split(a: Any, b: Any) -> Any:
        p, q = a * 134217729.0, b * 134217729.0
        high, other = p - (p - a), q - (q - b)
        low, rest = a - high, b - other
        product = a * b
        return product, ((high * other - product) + high * rest + low * other) + low * rest

    def neumaier(a: Any, b: Any) -> Any:
        total = a + b
        lost = wg.where(abs(a) >= abs(b), (a - total) + b, (b - total) + a)
        again = total + b
        return again + (lost + wg.where(abs(total) >= abs(b), (total - again) + b, (b - again) + total))

    def repeated(a: Any, b: Any) -> Any:
        s = a + b + b
        return s, (s - a) - 2 * b

    for f in (three, split, neumaier, repeated):
        bits(f, a, b)
        bits(f, b, a)

    def kahan(xs: Any) -> Any:
        def body(state: Any, x: Any) -> Any:
            total, lost = state
            y = x - lost
            t = total + y
            return (t, (t - total) - y), None

        zero = np.zeros(xs.shape[1])
        return wg.scan(body, (zero, zero), xs)[0][0]

    xs = np.full((10_000, 2), 0.1)
    np.testing.assert_array_equal(wg.compile(kahan)(xs), [1000.0, 1000.0])


def test_places_that_are_the_same_are_one() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        return wg.vjp(lambda x: (x[:-1] * z[1:], x[:-1] * 3.0), x)[1]((y[1:], z[1:]))

    assert names(f).count("place") == 1


def test_the_identity_is_no_factor() -> None:
    a = np.arange(9.0).reshape(3, 3)
    for f in (lambda a: np.eye(3) @ a, lambda a: a @ np.eye(3)):
        assert [n.prim.name for n in expand(tape_of(f, [a])).nodes] == []
        compare(tape_of(f, [a]), [a])
    for other in (np.eye(3) * 2, np.eye(3)[::-1], np.eye(3) + 1e-300, np.eye(3, 4), np.eye(3, dtype=np.float32)):
        tape = tape_of(lambda a, other=other: a @ other, [a])
        assert [n.prim.name for n in expand(tape).nodes][-1] == "matmul"
        compare(tape, [a])


def test_large_factors_stay() -> None:
    """Who multiplies by a million wants it done before small numbers meet."""
    scale = 2.0**20
    tiny = np.full(3, 1e-25, np.float32)
    f = lambda x: (x * scale) * (x * scale)  # noqa: E731
    bits(f, tiny)
    assert np.all(wg.compile(f)(tiny) > 0)
    assert names(f, 1) == ["multiply", "multiply"]


def test_no_other_dtypes() -> None:
    n = np.arange(5)
    assert names(lambda x: x * -1.0 * -1.0, 1) == []
    bits(lambda n: (n * 2) * (n * 2) - (-n), n)


def test_fewer_lines_of_higher_derivatives() -> None:
    f: Any = np.tanh
    for _ in range(6):
        f = wg.elementwise_grad(f)
    tape = tape_of(f, [X])
    assert len(expand(tape).nodes) < 0.45 * len(tape.nodes)
    compare(tape, [X])
