"""SPEC 7 and 8: the computation graph, and dynamic programming on it."""

from __future__ import annotations

from typing import Any

import numpy as np

import wengert as wg


def test_node_holds_value_gradient_operation_and_inputs() -> None:
    """7.1-7.3: the slide's names, on z = A x."""
    matrix = wg.tensor(np.array([[1.0, 2.0, 3.0], [-1.0, 0.0, 0.5]]), requires_grad=True)
    x = wg.tensor(np.array([0.5, -2.0, 1.0]), requires_grad=True)
    z = matrix @ x
    node = z.grad_fn
    np.testing.assert_array_equal(node.value, z.detach())
    assert node.gradient is None
    assert [n.name for n in node.input_nodes] == ["AccumulateGrad", "AccumulateGrad"]
    grad_matrix, grad_x = node.grad_operation(np.array([1.0, 0.0]))
    np.testing.assert_array_equal(grad_x, matrix.detach()[0])
    np.testing.assert_array_equal(grad_matrix, [[0.5, -2.0, 1.0], [0.0, 0.0, 0.0]])
    with wg.retain_gradients():
        z.sum().backward()
    np.testing.assert_array_equal(z.grad_fn.gradient, [1.0, 1.0])


def test_parameter_node_is_a_leaf_that_survives_rebuilds() -> None:
    weight = wg.tensor([2.0], requires_grad=True)
    first, second = weight * 3.0, weight * 4.0
    assert first.grad_fn.input_nodes[0] == second.grad_fn.input_nodes[0]
    first.backward()
    second.backward()
    assert weight.is_leaf and weight.grad.item() == 7.0
    assert weight.grad_fn is None


def test_shared_subexpression_is_swept_once(golden: Any) -> None:
    """7.4, 8.5: reverse topological order is linear; recursion into every path is exponential."""
    g = golden("G54")
    x = wg.tensor(np.float64(1.0), requires_grad=True)
    v = x
    for _ in range(g.input("n")):
        v = v + v
    calls = 0
    stack = [v.grad_fn]
    while stack:
        calls += 1
        stack.extend(stack.pop().input_nodes)
    nodes = len(wg.tape_of(v)) + 1
    v.backward()
    g.check(value=v, grad=x.grad, naive_backward_calls=calls, nodes=nodes)


def test_each_backward_rule_runs_once() -> None:
    """7.10."""
    count = []

    @wg.custom_vjp
    def counted(x: Any) -> Any:
        return 2 * x

    counted.defvjp(lambda x: (2 * x, None), lambda _r, g: (count.append(1) or 2 * g,))

    def f(x: Any) -> Any:
        y = counted(x)
        return y * y + np.sin(y) + y

    np.testing.assert_allclose(wg.grad(f)(0.3), 2 * (2 * 0.6 + np.cos(0.6) + 1))
    assert len(count) == 1


def test_graph_is_made_by_running(golden: Any) -> None:
    """7.5, 7.8: data decides; frozen parameters are absent; a shared module appears twice."""
    w, frozen = wg.tensor([2.0], requires_grad=True), wg.tensor([3.0])

    def net(x: float) -> Any:
        y = w * x
        return y * y if x > 0 else y + frozen

    assert [n.prim.name for n in wg.tape_of(net(1.0))] == ["multiply", "multiply"]
    assert [n.prim.name for n in wg.tape_of(net(-1.0))] == ["multiply", "add"]
    twice = w * (w * 5.0)
    assert sum(n.prim.name == "multiply" for n in wg.tape_of(twice)) == 2


def test_fused_and_primitive_units_agree() -> None:
    """7.6: softmax with cross-entropy as one unit, or written out."""
    z = np.array([0.2, -1.0, 3.0])

    def written_out(z: Any) -> Any:
        e = np.exp(z - np.max(z))
        return -np.log(e[2] / np.sum(e))

    fused = wg.grad(lambda z: -wg.log_softmax(z)[2])(z)
    np.testing.assert_allclose(fused, wg.grad(written_out)(z), rtol=1e-12)


def test_unrolled_recurrence_shares_its_weight() -> None:
    """1.10, 7.9: a cycle is unfolded; the weight's gradient sums over the steps."""

    def run(w: Any) -> Any:
        h = 0.5
        for x in (1.0, -0.3, 0.8):
            h = np.tanh(w * h + x)
        return h

    wg.check_grads(run, (0.7,), order=2)
    assert len(wg.record(run, 0.7).tape) == 9


def test_graph_of_a_classifier() -> None:
    """7.7: x, W, b -> z -> softmax -> L as a list of lines."""
    weight, b = (wg.tensor(np.ones(s), requires_grad=True) for s in ((3, 2), (3,)))
    loss = -wg.log(wg.softmax(weight @ np.array([1.0, 2.0]) + b)[1])
    text = str(wg.tape_of(loss))
    assert "matmul(" in text and "add(" in text and "log(" in text
    assert text.splitlines()[-1].startswith("  return v")
