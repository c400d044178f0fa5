"""SPEC 5: the modes of differentiation, on the lectures' worked examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.core.primitive import REGISTRY


def double(value: Any) -> Any:
    return wg.tensor(np.asarray(value, dtype=np.float64), requires_grad=True)


def test_exponential_of_an_affine_map_step_by_step(golden: Any) -> None:
    g = golden("G01")
    w, x, b = (double(g.input(n)) for n in "wxb")
    z = w * x
    a = z + b
    y = wg.exp(a)
    with wg.retain_gradients():
        y.backward()
    g.check(z=z, a=a, y=y, dy_da=a.grad, dy_db=b.grad, dy_dz=z.grad, dy_dx=x.grad, dy_dw=w.grad)

    def f(v: Any) -> Any:
        return np.exp(v[0] * v[1] + v[2])

    g.check(hessian_wxb=wg.hessian(f)(np.array([2.0, 3.0, -4.0])))


def test_squared_norm_of_a_linear_map(golden: Any) -> None:
    g = golden("G02")
    weight, x = g.input("W"), g.input("x")

    def f(weight: Any, x: Any) -> Any:
        return np.sum(np.dot(weight, x) ** 2)

    value, (by_weight, by_x) = wg.value_and_grad(f, argnums=(0, 1))(weight, x)
    g.check(f=value, grad_W=by_weight, grad_x=by_x, hessian_x=wg.hessian(f, argnums=1)(weight, x))
    g.check(grad_y=wg.grad(lambda y: np.sum(y**2))(weight @ x))


def test_polynomials_and_their_derivatives(golden: Any) -> None:
    for name, f, value in (
        ("G06", lambda x: (2 * x + 1) ** 2, "f"),
        ("G07", lambda x: 2 * (3 + x**2) ** 4, "y"),
    ):
        g = golden(name)
        x = g.input("x")
        first = wg.elementwise_grad(f)
        g.check(**{value: f(x), "d1": first(x), "d2": wg.elementwise_grad(first)(x)})


def test_two_layer_sigmoid_chain(golden: Any) -> None:
    g = golden("G11")
    w1, w2 = double(g.input("w1")), double(g.input("w2"))
    h1 = wg.sigmoid(w1 * g.input("x"))
    h2 = wg.sigmoid(w2 * h1)
    loss = 0.5 * (g.input("y") - h2) ** 2
    with wg.retain_gradients():
        loss.backward()
    g.check(h1=h1, h2=h2, L=loss, dL_dh2=h2.grad, dL_dw2=w2.grad, dL_dh1=h1.grad, dL_dw1=w1.grad)


def test_logistic_unit_as_list_of_primitives(golden: Any) -> None:
    g = golden("G12")
    w, x, b, t = (double(g.input(n)) for n in "wxbt")
    t1 = w * x
    z = t1 + b
    t3 = -z
    t4 = wg.exp(t3)
    t5 = 1 + t4
    y = 1 / t5
    t6 = y - t
    t7 = t6**2
    loss = t7 / 2
    names = "t1 z t3 t4 t5 y t6 t7".split()
    lines = dict(zip(names, (t1, z, t3, t4, t5, y, t6, t7), strict=True))
    recorded = [node.prim.name for node in wg.tape_of(loss)]
    assert recorded == ["multiply", "add", "negative", "exp", "add", "divide", "subtract", "power", "divide"]
    with wg.retain_gradients():
        loss.backward()
    g.check(L=loss, adj_w=w.grad, adj_x=x.grad, adj_b=b.grad, adj_t=t.grad)
    g.check(**lines, **{f"adj_{n}": v.grad for n, v in lines.items()})


def test_wikipedia_example_in_both_modes(golden: Any) -> None:
    g = golden("G21")
    x1, x2 = double(g.input("x1")), double(g.input("x2"))
    w3, w4 = x1 * x2, wg.sin(x1)
    w5 = w3 + w4
    with wg.retain_gradients():
        w5.backward()
    g.check(w3=w3, w4=w4, f=w5, adj_w5=w5.grad, adj_w4=w4.grad, adj_w3=w3.grad, adj_w2=x2.grad, adj_w1=x1.grad)
    via_w3 = w3.grad_fn.name, 3.0
    assert via_w3 == ("MultiplyBackward", g.expected["adj_w1_via_w3"])

    def f(a: Any, b: Any) -> Any:
        return a * b + np.sin(a)

    g.check(
        tangent_seed_x1=wg.jvp(f, (2.0, 3.0), (1.0, 0.0))[1],
        tangent_seed_x2=wg.jvp(f, (2.0, 3.0), (0.0, 1.0))[1],
        hessian=wg.hessian(lambda v: f(v[0], v[1]))(np.array([2.0, 3.0])),
    )


def test_value_jvp_and_vjp_of_one_function(golden: Any) -> None:
    g = golden("G67")
    x = g.input("x")

    def f(v: Any) -> Any:
        return wg.stack([v[0] * v[1], np.exp(v[0]), v[1] ** 2 * v[2]])

    value, tangent = wg.jvp(f, (x,), (g.input("tangent"),))
    _, pullback = wg.vjp(f, x)
    (cotangent,) = pullback(g.input("cotangent"))
    matrix = wg.jacobian(f)(x)
    g.check(value=value, jvp=tangent, vjp=cotangent, jacobian=matrix, det=np.linalg.det(matrix))
    g.check(vjp_dot_tangent=cotangent @ g.input("tangent"))


def test_six_derivatives_of_tanh(golden: Any) -> None:
    g = golden("G30")
    f: Any = np.tanh
    x = np.linspace(-7, 7, 200)
    for order in range(7):
        np.testing.assert_allclose(f(x), g.expected[f"d{order}"], rtol=1e-9, atol=1e-12)
        f = wg.elementwise_grad(f)
    few, f = golden("G31"), np.tanh
    for order in range(7):
        np.testing.assert_allclose(f(few.input("x")), few.expected[f"d{order}"], rtol=1e-10, atol=1e-12)
        f = wg.elementwise_grad(f)


def test_backward_order_of_the_products_is_cheaper(golden: Any) -> None:
    """The cost counter of topic 5.4: scalar multiplications of dense products J_L J_softmax J_z."""
    g = golden("G26")
    rows, inner, parameters = 1, g.input("d2"), g.input("P")

    def cost(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, tuple[int, int]]:
        assert left[1] == right[0]
        return left[0] * left[1] * right[1], (left[0], right[1])

    first, shape = cost((rows, inner), (inner, inner))
    backward = first + cost(shape, (inner, parameters))[0]
    second, shape = cost((inner, inner), (inner, parameters))
    forward = second + cost((rows, inner), shape)[0]
    g.check(backward_left_to_right=backward, forward_right_to_left=forward)
    # Both orders give the same derivative.
    generator = np.random.default_rng(0)
    weight, x = generator.normal(size=(3, 4)), generator.normal(size=4)

    def loss(weight: Any) -> Any:
        return -wg.log_softmax(weight @ x)[1]

    np.testing.assert_allclose(wg.jacfwd(loss)(weight), wg.jacrev(loss)(weight), rtol=1e-12)


def test_numerical_derivative_has_an_error_valley(golden: Any) -> None:
    g = golden("G47")
    exact = wg.grad(np.exp)(1.0)
    assert exact == np.e
    steps = g.input("h")
    forward = np.abs((np.exp(1 + steps) - np.exp(1)) / steps - exact)
    central = np.abs((np.exp(1 + steps) - np.exp(1 - steps)) / (2 * steps) - exact)
    assert 0.1 <= steps[np.argmin(forward)] / g.expected["best_h_forward"] <= 10.0001
    assert 0.1 <= steps[np.argmin(central)] / g.expected["best_h_central"] <= 10.0001
    np.testing.assert_allclose(forward[0], g.expected["err_forward_1e_1"], rtol=1e-6)
    assert forward[-1] > g.expected["err_forward_1e_15_at_least"]


def test_program_with_control_flow() -> None:
    def f(x: Any) -> Any:
        while x < 10:
            x = x * x if x > 2 else x + 1.5
        return x

    assert wg.grad(f)(1.0) == 2 * 2.5 * (1 if 2.5**2 >= 10 else 2 * 2.5**2)
    np.testing.assert_allclose(wg.grad(f)(1.0), (f(1.0 + 1e-6) - f(1.0 - 1e-6)) / 2e-6, rtol=1e-6)


def test_own_operation_with_its_own_derivative() -> None:
    """5.14: a new unit needs no more than its own derivative."""

    @wg.custom_vjp
    def cube(x: Any) -> Any:
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, g: (3 * x**2 * g,))
    assert wg.grad(lambda x: 2 * cube(x))(2.0) == 24.0
    assert wg.grad(wg.grad(cube))(2.0) == 12.0
    wg.check_grads(cube, (np.array([0.3, -1.2]),), order=2, modes=("rev",))


def test_checkpoint_recomputes_and_agrees(golden: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """5.15: keeping values saves time, recomputing saves memory."""
    g = golden("G19")
    evaluations = []

    def counted(x: Any) -> Any:
        evaluations.append(1)
        return np.sin(x)

    monkeypatch.setattr(REGISTRY["sin"], "impl", counted)
    plain = wg.grad(lambda w: wg.sin(wg.sin(wg.sin(w))))(g.input("w"))
    stored = len(evaluations)
    part = wg.checkpoint(wg.sin)
    recomputed = wg.grad(lambda w: part(part(part(w))))(g.input("w"))
    g.check(dz_dw_sin=plain)
    assert plain == recomputed
    assert (stored, len(evaluations) - stored) == (3, 6)


@pytest.mark.parametrize("name", ["sin", "exp", "square", "tanh"])
def test_three_times_the_same_function(golden: Any, name: str) -> None:
    g = golden("G19")
    f = getattr(np, name)
    value, gradient = wg.value_and_grad(lambda w: f(f(f(w))))(g.input("w"))
    g.check(**{f"z_{name}": value, f"dz_dw_{name}": gradient})
