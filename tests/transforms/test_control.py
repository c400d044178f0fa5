"""Control flow: values, both modes, batches, closures, carries, words."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import wengert as wg
from wengert.base.errors import ArgumentError, DTypeError, MissingRuleError, ShapeError, TreeError
from wengert.core.record import leaf, record_flat
from wengert.testing.battery import check_primitive
from wengert.transforms.check import check_grads
from wengert.transforms.control import cond, fori_loop, scan, switch, while_loop
from wengert.transforms.sublists import run

XS = np.array([0.5, -1.5, 2.0])


@pytest.mark.parametrize("name", ["switch", "scan"])
def test_battery(name):
    check_primitive(name)


def abstractly(f, *args):
    """Record `f` without values, then run the list."""
    tape = record_flat(lambda *a: [f(*a)], args).verify()
    return run(tape, args)[0]


# ----- cond ------------------------------------------------------------------------------------------
def branch(x):
    return cond(x > 0, lambda a: a * a * 3.0, lambda a: np.sin(a), x)


@pytest.mark.parametrize("x", [0.7, -0.7])
def test_cond(x):
    wanted = 3 * x * x if x > 0 else np.sin(x)
    slope = 6 * x if x > 0 else np.cos(x)
    assert_allclose(branch(x), wanted)
    assert_allclose(abstractly(branch, np.float64(x)), wanted)
    assert_allclose(wg.grad(branch)(x), slope)
    assert_allclose(abstractly(wg.grad(branch), np.float64(x)), slope)
    assert_allclose(wg.jvp(branch, (x,), (2.0,))[1], 2 * slope)
    check_grads(lambda v: wg.vmap(branch)(v), (np.array([x, 1.0, -2.0]),), order=2)


def test_cond_batched_and_nested_orders():
    slopes = np.where(XS > 0, 6 * XS, np.cos(XS))
    assert_allclose(wg.vmap(wg.grad(branch))(XS), slopes)
    assert_allclose(wg.grad(lambda v: np.sum(wg.vmap(branch)(v)))(XS), slopes)
    assert_allclose(wg.vmap(wg.grad(wg.grad(branch)))(XS), np.where(XS > 0, 6.0, -np.sin(XS)))
    shared = wg.vmap(lambda p, a: cond(p, lambda b: b * a, lambda b: b + a, a), in_axes=(None, 0))
    assert_allclose(shared(True, XS), XS * XS)
    assert_allclose(wg.vmap(shared, in_axes=(0, None))(np.array([True, False]), XS), [XS * XS, XS + XS])


def test_no_nan_from_the_branch_not_taken():
    f = lambda x: cond(x > 0, np.log, lambda a: a, x)  # noqa: E731
    assert_allclose(wg.vmap(wg.grad(f))(np.array([2.0, -1.0, 0.0])), [0.5, 1.0, 1.0])


def test_closures_become_operands():
    def f(w, p):
        return wg.vmap(lambda q: cond(q, lambda: w * w, lambda: np.sin(w)))(p)[0]

    assert_allclose(wg.grad(f)(3.0, np.array([True])), 6.0)
    assert_allclose(wg.grad(f)(3.0, np.array([False])), np.cos(3.0))


def test_switch():
    cases = [lambda x: x, lambda x: x * x, lambda x: x * x * x]
    for i, k in [(-4, 0), (0, 0), (1, 1), (2, 2), (9, 2)]:
        assert switch(i, cases, 2.0) == 2.0 ** (k + 1)
        assert_allclose(abstractly(lambda i, x: switch(i, cases, x), np.int64(i), np.float64(2)), 2.0 ** (k + 1))
    numbers = np.array([5, 0, 1])
    assert_allclose(wg.vmap(lambda i, x: switch(i, cases, x))(numbers, np.full(3, 2.0)), [8.0, 2.0, 4.0])
    slopes = wg.vmap(wg.grad(lambda x, i: switch(i, cases, x)))(np.full(3, 2.0), numbers)
    assert_allclose(slopes, [12.0, 1.0, 4.0])


def test_words_of_branches():
    flat = [np.float64(1.0)]

    def recorded(true, false):
        record_flat(lambda x: [cond(x > 0, true, false, x)], flat)

    with pytest.raises(TreeError, match=r"branch 'true' returns the tree \(\*, \*\), branch 'false' \*"):
        recorded(lambda x: (x, x), lambda x: x)
    with pytest.raises(ShapeError, match=r"result 0 differs between the branches: 'false' float64\[\], 'true' float"):
        recorded(lambda x: x * np.ones(2), lambda x: x)
    with pytest.raises(DTypeError, match="needs equal shapes and dtypes"):
        recorded(lambda x: x.astype(np.float32), lambda x: x)
    with pytest.raises(ShapeError, match=r"cond: got a predicate of shape \[2\]; needs a scalar"):
        cond(np.array([True, False]), np.sin, np.cos, 1.0)
    with pytest.raises(ArgumentError, match="switch: got the index"):
        switch(0.5, [np.sin], 1.0)
    recorded(lambda x: 0, lambda x: x)  # a Python scalar takes the other branch's dtype


# ----- scan ------------------------------------------------------------------------------------------
def recurrence(w, h, xs):
    def step(h, x):
        h = np.tanh(w * h + x)
        return h, h * x

    return scan(step, h, xs)


def plain(w, h, xs, reverse=False):
    ys = []
    for x in xs[::-1] if reverse else xs:
        h = np.tanh(w * h + x)
        ys.append(h * x)
    return h, np.array(ys[::-1] if reverse else ys)


def test_scan_values_and_derivatives():
    h, ys = recurrence(0.5, 0.1, XS)
    h2, ys2 = plain(0.5, 0.1, XS)
    assert_allclose(h, h2)
    assert_allclose(ys, ys2)
    check_grads(recurrence, (0.5, 0.1, XS), order=3)
    backwards = scan(lambda h, x: (np.tanh(0.5 * h + x), h), 0.1, XS, reverse=True)
    assert_allclose(backwards[0], plain(0.5, 0.1, XS, reverse=True)[0])


def test_scan_gradient_against_recorded_loop():
    def loop(w, h, xs):
        total = 0.0
        for i in range(3):
            h = np.tanh(w * h + xs[i])
            total = total + h * xs[i]
        return total * h

    def scanned(w, h, xs):
        h, ys = recurrence(w, h, xs)
        return np.sum(ys) * h

    for a, b in zip(wg.grad(scanned, (0, 1, 2))(0.5, 0.1, XS), wg.grad(loop, (0, 1, 2))(0.5, 0.1, XS), strict=True):
        assert_allclose(a, b, rtol=1e-12)
    assert_allclose(wg.hessian(scanned)(0.5, 0.1, XS), wg.hessian(loop)(0.5, 0.1, XS))
    assert_allclose(abstractly(wg.grad(scanned), np.float64(0.5), np.float64(0.1), XS), wg.grad(loop)(0.5, 0.1, XS))


def test_scan_batched():
    batch = np.stack([XS, XS + 1, -XS])
    ws, hs = np.array([0.1, 0.2, 0.3]), np.array([0.0, 1.0, 2.0])
    cases = [((None, None, 0), (0.5, 0.1, batch)), ((0, None, None), (ws, 0.1, XS)), ((0, 0, 1), (ws, hs, batch.T))]
    for axes, args in cases:
        got = wg.vmap(recurrence, in_axes=axes)(*args)
        for i in range(3):
            one = [a if d is None else np.take(a, i, d) for a, d in zip(args, axes, strict=True)]
            assert_allclose(got[0][i], plain(*one)[0])
            assert_allclose(got[1][i], plain(*one)[1])
    per_example = wg.vmap(wg.grad(lambda w, xs: np.sum(recurrence(w, 0.1, xs)[1])), in_axes=(None, 0))(0.5, batch)
    assert_allclose(per_example[2], wg.grad(lambda w: np.sum(recurrence(w, 0.1, batch[2])[1]))(0.5))
    total = wg.grad(lambda w: np.sum(wg.vmap(lambda x: recurrence(w, 0.1, x)[1])(batch)))(0.5)
    assert_allclose(total, np.sum(per_example))


def test_scan_trees_lengths_and_empty():
    def step(state, x):
        return {"n": state["n"] + 1, "s": state["s"] + x["a"] * x["b"]}, None

    out, nothing = scan(step, {"n": 0, "s": 0.0}, {"a": XS, "b": XS})
    assert nothing is None and out["n"] == 3
    assert_allclose(out["s"], XS @ XS)
    gradient = wg.grad(lambda a: scan(step, {"n": 0, "s": 0.0}, {"a": a, "b": XS})[0]["s"])(XS)
    assert_allclose(gradient, XS)
    assert_allclose(scan(lambda c, _: (c * 2.0, c), 1.0, None, length=4)[1], [1, 2, 4, 8])
    carry, ys = scan(lambda c, x: (c + x, c), 1.0, np.zeros((0,)))
    assert carry == 1.0 and ys.shape == (0,)
    assert scan(lambda c, x: (c + x, c), 0.0, np.ones(3, np.float32))[0].dtype == np.float32


def test_session_tensors_and_printing():
    w = leaf(np.array(0.5))
    h, ys = recurrence(w, np.float64(0.1), XS)
    (np.sum(ys) + h).backward()
    assert_allclose(w.grad.value, wg.grad(lambda w: np.sum(recurrence(w, 0.1, XS)[1]) + recurrence(w, 0.1, XS)[0])(0.5))
    tape = record_flat(lambda w: recurrence(w, 0.1, XS), [np.float64(1)])
    assert "body:" in str(tape) and "tanh" in str(tape)


def test_words_of_scan():
    with pytest.raises(TreeError, match=r"the carry starts as the tree \* and becomes \(\*, \*\)"):
        scan(lambda c, x: ((c, c), x), 0.0, XS)
    with pytest.raises(ShapeError, match=r"leaf 0 of the carry starts as float64\[\] and becomes float64\[3\]"):
        scan(lambda c, x: (c + XS, x), np.float64(0.0), XS)
    with pytest.raises(DTypeError, match="needs the same dtype in every step"):
        scan(lambda c, x: (c + x, x), np.float32(0.0), XS)
    with pytest.raises(TreeError, match=r"needs a pair \(carry, y\)"):
        scan(lambda c, x: c, 0.0, XS)
    with pytest.raises(ShapeError, match=r"different lengths \[2, 3\]"):
        scan(lambda c, x: (c, None), 0.0, (XS, np.ones(2)))
    with pytest.raises(ArgumentError, match="xs is empty; needs `length`"):
        scan(lambda c, x: (c, None), 0.0)


# ----- loops -----------------------------------------------------------------------------------------
def newton(a):
    """Square root by Newton's method, until it stands still."""
    return while_loop(lambda c: np.abs(c[0] - c[1]) > 1e-13, lambda c: ((c[0] + a / c[0]) / 2.0, c[0]), (a, a + 1.0))[0]


def test_while_loop():
    assert_allclose(newton(2.0), np.sqrt(2))
    assert_allclose(abstractly(newton, np.float64(9)), 3.0)
    assert_allclose(wg.jvp(newton, (4.0,), (1.0,))[1], 0.25)
    assert_allclose(wg.jacfwd(wg.jacfwd(newton))(4.0), -1 / 32, rtol=1e-6)
    values = np.array([1.0, 2.0, 1e4])
    assert_allclose(wg.vmap(newton)(values), np.sqrt(values))
    assert_allclose(wg.vmap(lambda a: wg.jvp(newton, (a,), (1.0,))[1])(values), 0.5 / np.sqrt(values))
    steps = wg.vmap(lambda n: while_loop(lambda c: c < n, lambda c: c * 2, 1))(np.array([1, 5, 100]))
    assert steps.tolist() == [1, 8, 128]


def test_while_loop_refuses_reverse_mode():
    with pytest.raises(MissingRuleError, match=r"reverse mode needs the number of steps(.|\n)*wg.fori_loop.*wg.scan"):
        wg.grad(newton)(2.0)
    with pytest.raises(ShapeError, match=r"the condition returned bool\[3\]; needs one boolean scalar"):
        while_loop(lambda c: c > 0, lambda c: c, XS)


def test_fori_loop():
    power = lambda x, n: fori_loop(0, n, lambda i, c: c * x, 1.0)  # noqa: E731
    assert power(2.0, 5) == 32.0
    assert wg.grad(power)(2.0, 5) == 80.0
    assert wg.grad(wg.grad(power))(2.0, 5) == 160.0
    assert fori_loop(3, 1, lambda i, c: c + 1, 7) == 7
    assert fori_loop(2, 5, lambda i, c: c + i, 0) == 9
    assert wg.vmap(lambda n: fori_loop(0, n, lambda i, c: c + i, 0))(np.array([0, 3, 5])).tolist() == [0, 3, 10]
    slope = lambda n, x: wg.jvp(lambda x: power(x, n), (x,), (1.0,))[1]  # noqa: E731
    assert_allclose(abstractly(slope, np.int64(5), np.float64(2)), 80.0)
    with pytest.raises(ArgumentError, match="got bounds 0, 1.5; needs integers"):
        fori_loop(0, 1.5, lambda i, c: c, 0.0)
