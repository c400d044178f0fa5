"""check_grads: right derivatives pass, wrong ones are caught by name."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.base.errors import ArgumentError
from wengert.transforms.check import check_grads
from wengert.transforms.custom import custom_jvp, custom_vjp


@pytest.mark.parametrize("modes", [("fwd",), ("rev",), ("fwd", "rev")])
def test_right_derivatives_pass(modes):
    check_grads(lambda x, y: np.sin(x) * y, (np.array([0.3, 2.0]), 1.5), order=3, modes=modes)
    check_grads(lambda p: {"a": p["x"] * p["y"], "b": p["x"]}, ({"x": np.ones(2), "y": 3.0, "n": 2},), modes=modes)
    check_grads(np.exp, (np.float32([0.1, 0.2]),), modes=modes)
    check_grads(lambda z: z * z, (np.array([1 + 2j, 0.5j]),), modes=modes)
    check_grads(lambda x: x * 2.0, (np.zeros((0, 3)),), modes=modes)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_wrong_tangent_is_caught(order):
    @custom_jvp
    def square(x):
        return x * x

    square.defjvp(lambda xs, ts: (square(*xs), 2.001 * xs[0] * ts[0]))
    with pytest.raises(AssertionError, match=r"check_grads\(square\): mode fwd, order 1: tangent of output 0"):
        check_grads(square, (np.array([1.0, 2.0]),), order=order)
    with pytest.raises(AssertionError, match=r"mode rev, order 1: <w J, v> against differences.*got .*needs .*allowed"):
        check_grads(square, (np.array([1.0, 2.0]),), order=order, modes=("rev",))


def test_a_wrong_cotangent_is_caught():
    @custom_vjp
    def square(x):
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, g: (2.001 * x * g,))
    with pytest.raises(AssertionError, match="mode rev, order 1"):
        check_grads(square, (3.0,), order=1, modes=("rev",))


def test_a_wrong_second_derivative_is_caught():
    @custom_vjp
    def twice(x):
        return 2.0 * x

    twice.defvjp(lambda x: (2.0 * x, None), lambda _, g: (2.001 * g,))

    @custom_vjp
    def square(x):
        return x * x

    # the first derivative is right in value, its derivative is not
    square.defvjp(lambda x: (x * x, x), lambda x, g: (twice(x) * g,))
    check_grads(square, (3.0,), order=1)
    with pytest.raises(AssertionError, match="order 2"):
        check_grads(square, (3.0,), order=2)


def test_modes_that_disagree_are_caught(monkeypatch):
    primitive = wg.sin.primitive
    monkeypatch.setattr(type(primitive), "jvp", lambda self, ts, y, *xs: ts[0] * wg.cos(xs[0]) * (1 + 1e-8))
    with pytest.raises(AssertionError, match="against <w, J v> of mode fwd"):
        check_grads(wg.sin, (0.5,), order=1)


def test_a_shape_is_caught_and_bad_requests_are_refused():
    with pytest.raises(ArgumentError, match="modes are 'fwd', 'rev'"):
        check_grads(np.sin, (1.0,), modes=("forward",))
    with pytest.raises(ArgumentError, match="order 0"):
        check_grads(np.sin, (1.0,), order=0)
