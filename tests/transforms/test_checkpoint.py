"""checkpoint: the same derivatives, fewer values kept, one evaluation more."""

from __future__ import annotations

import gc

import numpy as np
from numpy.testing import assert_allclose

import wengert as wg
from wengert.core.record import leaf
from wengert.core.tape import Node
from wengert.ops.arithmetic import square
from wengert.transforms.check import check_grads
from wengert.transforms.checkpoint import checkpoint


def chain(x):
    for _ in range(5):
        x = np.sin(x) * 1.5
    return x


def test_derivatives_are_those_of_the_function():
    x = np.array([0.1, 0.7])
    f = checkpoint(chain)
    assert_allclose(f(x), chain(x))
    assert_allclose(wg.elementwise_grad(f)(x), wg.elementwise_grad(chain)(x))
    assert_allclose(wg.jvp(f, (x,), (x,))[1], wg.jvp(chain, (x,), (x,))[1])
    assert_allclose(wg.vmap(wg.grad(f))(x), wg.vmap(wg.grad(chain))(x))
    assert_allclose(wg.grad(lambda x: np.sum(wg.vmap(f)(x)))(x), wg.elementwise_grad(chain)(x))
    check_grads(f, (x,), order=3)


def test_counts_of_evaluation(monkeypatch):
    counts = {"square": 0}
    plain = square.primitive.impl

    def counting(x):
        counts["square"] += 1
        return plain(x)

    monkeypatch.setattr(square.primitive, "impl", counting)
    calls = []

    def f(x):
        calls.append(1)
        return square(square(x))

    g = checkpoint(f)
    _, back = wg.vjp(g, 2.0)
    assert (counts["square"], len(calls)) == (2, 1)
    assert back(1.0) == (32.0,)
    assert (counts["square"], len(calls)) == (4, 1)
    back(1.0)
    assert counts["square"] == 6


def test_only_the_inputs_are_kept():
    x = leaf(np.ones(100))
    y = checkpoint(chain)(x)
    gc.collect()
    node = y.node.inputs[0]
    assert node.prim.name == "checkpoint"
    inner = [v.value for v in node.attrs["body"].variables() if isinstance(v, Node)]
    assert inner and all(v is None for v in inner)
    assert node.value is None
    assert node.inputs[0].value is x.value
    assert "body:" in str(wg.core.tape.cut([y.node]).verify())


def test_nested_closures_and_branches():
    w = leaf(np.array(3.0))

    def inner(x):
        return np.sin(x * w)

    def outer(x):
        if x > 0:  # values are there, Python may branch
            return checkpoint(inner)(x) * w
        return x

    x = leaf(np.array(0.5))
    checkpoint(outer)(x).backward()
    assert_allclose(x.grad.value, 9 * np.cos(1.5))
    assert_allclose(w.grad.value, np.sin(1.5) + 1.5 * np.cos(1.5))
    gradient = wg.grad(lambda a: wg.grad(lambda b: checkpoint(lambda c: np.sin(c * a))(b))(2.0))
    assert_allclose(gradient(3.0), np.cos(6.0) - 6 * np.sin(6.0))


def test_trees_and_plain_calls():
    f = checkpoint(lambda p, *, name, k=2: {"out": p["a"] * k, "label": None, "count": 3})
    out = f({"a": np.ones(2)}, name="x")
    assert_allclose(out["out"], [2.0, 2.0])
    assert out["label"] is None
    assert isinstance(out["out"], np.ndarray)
    assert_allclose(wg.grad(lambda p: np.sum(f(p, name="y", k=5)["out"]))({"a": np.ones(2)})["a"], [5.0, 5.0])
