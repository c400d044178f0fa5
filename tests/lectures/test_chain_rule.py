"""SPEC 6: the chain rule and Jacobians."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg


def test_jacobian_of_a_linear_map(golden: Any) -> None:
    g = golden("G13")
    matrix, x = g.input("A"), g.input("x")
    z, pullback = wg.vjp(lambda x: matrix @ x, x)
    g.check(z=z, jacobian=wg.jacobian(lambda x: matrix @ x)(x), vjp_ones=pullback(np.ones(2))[0])
    g.check(d_Ax_d_x1=wg.jacfwd(lambda x: matrix @ x)(x)[:, 0])


def test_jacobian_by_the_matrix_itself(golden: Any) -> None:
    g = golden("G14")
    matrix, x, grad_z = g.input("A"), g.input("x"), g.input("grad_z")
    full = wg.jacobian(lambda a: a @ x)(matrix).reshape(2, 6)
    g.check(J_A_z=full, J_A_z_T=full.T, J_T_grad_z=full.T @ grad_z)
    g.check(grad_A=wg.vjp(lambda a: a @ x, matrix)[1](grad_z)[0])


def test_gradient_through_a_linear_map(golden: Any) -> None:
    g = golden("G15")
    matrix, x = g.input("A"), g.input("x")

    def h(z: Any) -> Any:
        return z[0] ** 2 + z[1] ** 2 + z[0] * z[1]

    g.check(z=matrix @ x, grad_z=wg.grad(h)(matrix @ x), grad_x=wg.grad(lambda x: h(matrix @ x))(x))


def test_scalar_product(golden: Any) -> None:
    g = golden("G16")
    value, gradient = wg.value_and_grad(lambda x: np.dot(x, g.input("a")))(g.input("x"))
    g.check(f=value, grad=gradient)


def test_sum_over_all_paths(golden: Any) -> None:
    g = golden("G17")
    x = g.input("x")

    def inner(x: Any) -> Any:
        return wg.stack([x[0] * x[1] + x[2], np.sin(x[0]) * x[2]])

    def outer(y: Any) -> Any:
        return y[0] ** 2 * y[1]

    by_y, by_x = wg.grad(outer)(inner(x)), wg.jacobian(inner)(x)
    g.check(y=inner(x), df_dy=by_y, dy_dx=by_x, dh_dx=wg.grad(lambda x: outer(inner(x)))(x))
    np.testing.assert_allclose(by_y @ by_x, g.expected["dh_dx"], rtol=1e-12)
    g.check(dh_dx1_path1=by_y[0] * by_x[0, 0], dh_dx1_path2=by_y[1] * by_x[1, 0])


def test_two_branches_of_a_loss(golden: Any) -> None:
    g = golden("G18")
    x1, x2, x3 = (wg.tensor(np.float64(g.input(n)), requires_grad=True) for n in ("x1", "x2", "x3"))
    y1, y2 = x1 * x2, wg.sin(x3)
    loss = y1 + y2
    with wg.retain_gradients():
        loss.backward()
    g.check(L=loss, dL_dx1=x1.grad, dL_dx2=x2.grad, dL_dx3=x3.grad, dL_dy1=y1.grad, dL_dy2=y2.grad)


def test_scalar_network(golden: Any) -> None:
    g = golden("G08")
    a1, a2, a3 = (wg.tensor(np.float64(g.input(n)), requires_grad=True) for n in ("a1", "a2", "a3"))
    z1 = (a1 * g.input("x")) ** 2
    z2 = (a2 * z1) ** 2
    o = a3 * z2
    loss = (o - g.input("y")) ** 2
    with wg.retain_gradients():
        loss.backward()
    g.check(z1=z1, z2=z2, o=o, L=loss, dL_do=o.grad, dL_dz2=z2.grad, dL_dz1=z1.grad)
    g.check(dL_da1=a1.grad, dL_da2=a2.grad, dL_da3=a3.grad)
    assert a2.grad.item() != pytest.approx(g.wrong["dL_da2"])
    with wg.no_grad():
        for a in (a1, a2, a3):
            a -= g.input("lr") * a.grad
    g.check(a_after_one_step=[a1.item(), a2.item(), a3.item()])


def test_softmax_classifier(golden: Any) -> None:
    g = golden("G25")
    weight, b, x = (wg.tensor(g.input(n), requires_grad=True) for n in ("W", "b", "x"))
    z = weight @ x + b
    p = wg.softmax(z)
    loss = -wg.log_softmax(z)[g.input("y")]
    with wg.retain_gradients():
        loss.backward()
    g.check(z=z, p=p, L=loss, dL_dz=z.grad, dL_dW=weight.grad, dL_db=b.grad, dL_dx=x.grad)


def test_logsumexp_and_softmax(golden: Any) -> None:
    g = golden("G23")
    x = g.input("x")

    def plus(x: Any) -> Any:
        return wg.logsumexp(np.concatenate([np.zeros(1), x]))

    g.check(logsumexp_plus=plus(x), grad_plus=wg.grad(plus)(x), hessian_plus=wg.hessian(plus)(x))
    g.check(logsumexp=wg.logsumexp(x), grad_lse=wg.grad(wg.logsumexp)(x))
    assert not np.allclose(wg.grad(plus)(x), g.wrong["grad_plus"])


def test_softplus_far_out(golden: Any) -> None:
    g = golden("G22")
    x = g.input("x")
    first = wg.elementwise_grad(wg.softplus)
    np.testing.assert_allclose(wg.softplus(x), g.expected["softplus"], rtol=1e-12)
    np.testing.assert_allclose(first(x), g.expected["d1"], rtol=1e-12)
    np.testing.assert_allclose(wg.elementwise_grad(first)(x), g.expected["d2"], rtol=1e-12, atol=1e-300)


def test_softmax_does_not_overflow(golden: Any) -> None:
    g = golden("G24")
    g.check(softmax=wg.softmax(g.input("x")), softmax_small=wg.softmax(g.input("x_small")))
    g.check(log_softmax=wg.log_softmax(g.input("x")))


def test_five_layers_forward_and_backward(golden: Any) -> None:
    g = golden("G62")
    theta = wg.tensor(g.input("theta"), requires_grad=True)
    z: Any = g.input("x")
    values = []
    for k in range(5):
        z = wg.tanh(theta[k] * z)
        z.retain_grad()
        values.append(z)
    z.backward()
    g.check(z=[v.item() for v in values], grad_theta=theta.grad)
    g.check(grad_z1_to_z4=[v.grad.item() for v in values[:4]])


def test_determinant_is_an_area_ratio(golden: Any) -> None:
    g = golden("G68")
    g.check(det_A=np.linalg.det(wg.jacobian(lambda x: g.input("A") @ x)(np.zeros(2))))

    def polar(v: Any) -> Any:
        return wg.stack([v[0] * np.cos(v[1]), v[0] * np.sin(v[1])])

    g.check(det_polar=np.linalg.det(wg.jacobian(polar)(np.array([g.input("r"), g.input("t")]))))


def test_jacobian_is_the_local_linear_map() -> None:
    """6.5: f(x+e) - f(x) - J e is of second order in e."""

    def f(v: Any) -> Any:
        return wg.stack([v[0] * np.cos(v[1]), v[0] * np.exp(v[1])])

    x, e = np.array([2.0, 0.7]), np.array([0.3, -0.4])
    rest = [np.linalg.norm(f(x + h * e) - f(x) - wg.jacobian(f)(x) @ (h * e)) for h in (1e-2, 1e-3)]
    assert 90 < rest[0] / rest[1] < 110


@pytest.mark.parametrize(("inputs", "outputs"), [((), ()), ((3,), ()), ((), (2,)), ((3,), (2,))])
def test_four_shapes_of_a_jacobian(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
    weights = np.arange(1.0, 1 + np.prod(outputs + inputs, dtype=int)).reshape(outputs + inputs)

    def f(x: Any) -> Any:
        return np.tensordot(weights, x, len(inputs))

    x = np.full(inputs, 0.5)
    for mode in (wg.jacobian, wg.jacfwd, wg.jacrev):
        np.testing.assert_array_equal(mode(f)(x), weights)


def test_mismatched_factors_raise_with_both_shapes() -> None:
    with pytest.raises(wg.errors.ShapeError, match=r"\[2, 3\].*\[2, 3\]"):
        wg.jacobian(lambda x: np.matmul(x, x))(np.ones((2, 3)))


def test_slopes_of_chains(golden: Any) -> None:
    g = golden("G66")
    g.check(sigmoid_slope0=wg.grad(wg.sigmoid)(0.0), tanh_slope0=wg.grad(np.tanh)(0.0), sin_slope0=wg.grad(np.sin)(0.0))

    def chain(f: Any) -> Any:
        def run(x: Any) -> Any:
            for _ in range(10):
                x = f(x)
            return x

        return run

    # At the steepest point of every layer: the ten slopes of 1/4 multiply.
    g.check(sigmoid_chain10=wg.grad(chain(lambda x: wg.sigmoid(x) - 0.5))(0.0))
    g.check(linear_half=wg.grad(chain(lambda x: 0.5 * x))(1.0), linear_two=wg.grad(chain(lambda x: 2 * x))(1.0))


def test_two_affine_maps_are_one(golden: Any) -> None:
    g = golden("G57")
    a, b, c, d = (g.input(n) for n in "abcd")

    def composed(x: Any) -> Any:
        return c * (a * x + b) + d

    g.check(w_of_v=composed(g.input("x")), slope=wg.grad(composed)(0.3), intercept=composed(0.0))


def test_conventions_at_kinks(golden: Any) -> None:
    g = golden("G63")
    g.check(
        torch_relu=wg.grad(wg.relu)(0.0),
        torch_clamp_min0=wg.grad(lambda x: wg.clamp(x, min=0))(0.0),
        torch_elu=wg.grad(wg.elu)(0.0),
        torch_abs=wg.grad(np.abs)(0.0),
        torch_softsign=wg.grad(wg.softsign)(0.0),
        torch_norm_at_zero_vector=wg.grad(np.linalg.norm)(np.zeros(3)),
        torch_max_ties_share=wg.grad(np.max)(np.array([1.0, 2.0, 2.0])),
        torch_maximum_tie=wg.grad(np.maximum)(2.0, 2.0),
    )


def test_dead_relu_has_no_gradient(golden: Any) -> None:
    g = golden("G65")
    x = g.input("X")

    def total(activation: Any) -> Any:
        return wg.grad(lambda w, b: np.mean(activation(x @ w + b)), argnums=(0, 1))(g.input("w"), g.input("b"))

    grad_w, grad_b = total(wg.relu)
    g.check(grad_w=grad_w, grad_b=grad_b)
    scale = len(x)
    leaky_w, leaky_b = wg.grad(lambda w, b: np.sum(wg.leaky_relu(x @ w + b, 0.01)), argnums=(0, 1))(
        g.input("w"), g.input("b")
    )
    g.check(leaky_grad_w=leaky_w, leaky_grad_b=leaky_b)
    assert scale == 3
