"""Functions with the user's own derivative."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import wengert as wg
from wengert.base.errors import ArgumentError, GraphError, MissingRuleError, ShapeError
from wengert.core.record import leaf
from wengert.testing.battery import check_primitive
from wengert.transforms.check import check_grads
from wengert.transforms.custom import Function, custom_jvp, custom_vjp


@custom_vjp
def product(x, y):
    return x * x * y


def product_fwd(x, y):
    return x * x * y, (x * x, x * y)


def product_bwd(residuals, g):
    xx, xy = residuals
    return 2.0 * g * xy, g * xx


product.defvjp(product_fwd, product_bwd)


@custom_jvp
def sine(x):
    return np.sin(x)


@sine.defjvp
def sine_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    return sine(x), np.cos(x) * t


class Exp(Function):
    @staticmethod
    def forward(ctx, x, scale=2.0, note="text"):
        y = np.exp(x * scale)
        ctx.save_for_backward(y)
        ctx.scale = scale
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y * ctx.scale, None, None


@pytest.mark.parametrize("name", ["custom_vjp", "custom_jvp", "checkpoint"])
def test_battery(name):
    check_primitive(name)


@pytest.mark.parametrize("modes", [("rev",), ("fwd",), ("fwd", "rev")])
@pytest.mark.parametrize(
    ("f", "args"),
    [
        (product, (np.array([0.5, -1.0]), np.array([2.0, 3.0]))),
        (sine, (np.array([0.5, -1.0]),)),
        (lambda x: Exp.apply(x, 2.0, "text"), (np.array([0.1, 0.2]),)),
    ],
)
def test_all_orders_in_both_modes(f, args, modes):
    check_grads(f, args, order=3, modes=modes)


def test_the_rule_is_used_not_the_function():
    @custom_vjp
    def f(x):
        return x * x

    f.defvjp(lambda x: (x * x, None), lambda _, g: (100.0 * g,))
    assert wg.grad(f)(3.0) == 100.0
    assert wg.jvp(f, (3.0,), (1.0,))[1] == 100.0
    assert_allclose(wg.vmap(wg.grad(f))(np.ones(2)), [100.0, 100.0])
    assert_allclose(wg.grad(lambda x: np.sum(wg.vmap(f)(x)))(np.ones(2)), [100.0, 100.0])
    assert f(3.0) == 9.0


def test_vmap_with_shared_operand():
    xs, y = np.array([1.0, 2.0, 3.0]), 4.0
    assert_allclose(wg.vmap(product, in_axes=(0, None))(xs, y), xs * xs * y)
    assert_allclose(wg.vmap(wg.grad(product, 1), in_axes=(0, None))(xs, y), xs * xs)
    total = wg.grad(lambda y: np.sum(wg.vmap(product, in_axes=(0, None))(xs, y)))(y)
    assert_allclose(total, np.sum(xs * xs))
    nested = wg.vmap(wg.grad(lambda a: wg.grad(product)(a, y)))(xs)
    assert_allclose(nested, np.full(3, 8.0))


def test_residuals_that_are_neither_input_nor_output():
    # d2/dxdy must see that xx and xy depend on x and y.
    assert_allclose(wg.grad(wg.grad(product), 1)(3.0, 4.0), 6.0)
    assert_allclose(wg.grad(wg.grad(wg.grad(product)), 1)(3.0, 4.0), 2.0)


def test_trees_static_arguments_and_defaults():
    @custom_vjp
    def f(params, power=2):
        return {"y": params["a"] ** power, "z": params["b"]}

    def fwd(params, power):
        return f(params, power), (params, power)

    def bwd(residuals, g):
        params, power = residuals
        return {"a": power * params["a"] ** (power - 1) * g["y"], "b": None}, None

    f.defvjp(fwd, bwd)
    gradient = wg.grad(lambda p: f(p, power=3)["y"])({"a": 2.0, "b": 5.0})
    assert_allclose([gradient["a"], gradient["b"]], [12.0, 0.0])


def test_nondiff_argnums():
    @custom_vjp
    def unused(x):
        return x

    def apply(g, x):
        return g(x)

    applied = custom_vjp(apply, nondiff_argnums=(0,))
    applied.defvjp(lambda g, x: (g(x), x), lambda g, x, ct: (7.0 * ct * g(x),))
    assert_allclose(wg.grad(lambda x: applied(np.sin, x))(0.5), 7 * np.sin(0.5))
    tangent = custom_jvp(apply, nondiff_argnums=(0,))
    tangent.defjvp(lambda g, xs, ts: (g(xs[0]), 3.0 * ts[0]))
    assert_allclose(wg.grad(lambda x: tangent(np.sin, x))(0.5), 3.0)


def test_defjvps():
    @custom_jvp
    def f(x, y):
        return x * y

    f.defjvps(lambda t, out, x, y: t * y, None)
    assert wg.grad(f)(2.0, 3.0) == 3.0
    assert wg.grad(f, 1)(2.0, 3.0) == 0.0


def test_functions_numpy_alone_can_compute():
    """The plain function sees arrays, so anything may run inside; residuals that are inputs need no recording."""

    def plain(x):
        assert type(x) in (np.ndarray, np.float64)
        return np.asarray([float(v) ** 3 for v in np.ravel(x)]).reshape(np.shape(x))

    f = custom_vjp(plain)
    f.defvjp(lambda x: (plain(x), x), lambda x, g: (3.0 * x * x * g,))
    assert_allclose(wg.grad(lambda x: np.sum(f(x)))(np.array([1.0, 2.0])), [3.0, 12.0])
    assert_allclose(wg.jvp(f, (np.array([2.0]),), (np.array([1.0]),))[1], [12.0])


def test_session_tensors():
    x = leaf(np.array([0.1, 0.2]))
    y = Exp.apply(x)
    np.sum(y + product(x, 3.0)).backward()
    assert_allclose(x.grad.value, 2 * np.exp(2 * x.value) + 6 * x.value)


def test_function_with_several_results_and_flags():
    seen = []

    class Pair(Function):
        @staticmethod
        def forward(ctx, x, y):
            seen.append(ctx.needs_input_grad)
            ctx.save_for_backward(x, y)
            return x * y, x + y

        @staticmethod
        def backward(ctx, g, h):
            x, y = ctx.saved_tensors
            return g * y + h, g * x + h

    assert_allclose(wg.grad(lambda x: Pair.apply(x, 3.0)[0] + 10.0 * Pair.apply(x, 3.0)[1])(2.0), 13.0)
    assert seen[0] == (True, False)
    a, b = Pair.apply(np.array(2.0), np.array(3.0))
    assert (a, b) == (6.0, 5.0)
    assert isinstance(a, np.ndarray | np.generic)


def test_errors_in_words():
    @custom_vjp
    def f(x):
        return x * x

    with pytest.raises(MissingRuleError, match=r"f: no rule was defined\n  hint: call f.defvjp\(fwd, bwd\)"):
        f(1.0)
    f.defvjp(lambda x: (x * x, None), lambda _, g: (g, g))
    with pytest.raises(ArgumentError, match="one gradient for each of the 1 arguments; got 2 of them"):
        wg.grad(f)(1.0)
    f.defvjp(lambda x: (x * x, None), lambda _, g: (np.ones(3),))
    with pytest.raises(ShapeError, match=r"gave a gradient float64\[3\] for an argument float64\[\]"):
        wg.grad(f)(1.0)
    f.defvjp(lambda x: x * x, None)
    f.bwd = lambda _, g: (g,)
    with pytest.raises(ArgumentError, match=r"must return \(output, residuals\)"):
        wg.grad(f)(1.0)


def test_closed_over_tensor_is_refused():
    def outer(w):
        @custom_vjp
        def f(x):
            return x * w

        f.defvjp(lambda x: (x * w, None), lambda _, g: (g,))
        return f(2.0 * w)

    with pytest.raises(GraphError, match="reads a recorded tensor that is not among its arguments"):
        wg.grad(outer)(1.0)
    with pytest.raises(GraphError, match="pass the tensor as an argument"):
        wg.vmap(outer)(np.ones(2))


def test_a_function_without_methods_says_which_to_write() -> None:
    class Empty(wg.Function):
        pass

    with pytest.raises(wg.errors.MissingRuleError, match=r"Function: needs a static method forward\(ctx, \*args\)"):
        Empty.apply(wg.tensor(1.0, requires_grad=True))
