"""SPEC 14: the autograd tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg


def test_requires_grad_propagates(golden: Any) -> None:
    g = golden("G05")
    x, y, z = (wg.tensor(g.input(n)) for n in "xyz")
    assert x.requires_grad is g.expected["default"]
    assert (x + y).requires_grad is g.expected["x_plus_y"]
    z.requires_grad = True
    assert (x + z).requires_grad is g.expected["x_plus_z"]
    assert z.is_leaf is g.expected["z_leaf"]
    assert (x + z).is_leaf is g.expected["x_plus_z_leaf"]
    assert (z.grad is None) is g.expected["grad_is_none"]


def test_norm_both_ways(golden: Any) -> None:
    g = golden("G03")
    x = wg.tensor(g.input("x"), requires_grad=True)
    length = x.norm()
    found = wg.autograd.grad(length, (x,), retain_graph=True)
    assert isinstance(found, tuple) and len(found) == 1 and x.grad is None
    length.backward()
    g.check(l=length, grad=found[0])
    g.check(grad=x.grad)


def test_second_derivative_by_create_graph(golden: Any) -> None:
    g = golden("G04")
    x = wg.tensor(g.input("x"), requires_grad=True)
    phi = x.pow(2).sum()
    found = wg.autograd.grad(phi, x, create_graph=True)
    assert type(found).__name__ == g.expected["grad_returns"] and len(found) == g.expected["len"]
    (g1,) = found
    assert g1.grad_fn is not None
    psi = g1[0].exp() - g1[2].exp()
    (g2,) = wg.autograd.grad(psi, x)
    g.check(phi=phi, g1=g1, psi=psi, g2=g2)
    with pytest.raises(IndexError):
        found[2]  # the slide indexes the tuple


def test_gradients_accumulate(golden: Any) -> None:
    g = golden("G55")
    x = wg.tensor(g.input("x"), requires_grad=True)
    (x * x).sum().backward()
    g.check(after_one=x.grad)
    (x * x).sum().backward()
    g.check(after_two=x.grad)
    x.grad.zero_()
    g.check(after_zero=x.grad)


def test_grad_has_the_type_of_its_tensor() -> None:
    for dtype in (np.float32, np.float64):
        x = wg.tensor(np.ones(3, dtype), requires_grad=True)
        (x * np.ones(3)).sum().backward()
        assert x.grad.dtype == dtype and x.grad.shape == x.shape and x.device == "cpu"


def test_in_place_updates_of_leaves() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    alias = x
    (x * x).sum().backward()
    with wg.no_grad():
        x -= 0.5 * x.grad
    assert alias is x and x.is_leaf and x.requires_grad
    np.testing.assert_array_equal(x.detach().numpy(), [0.0, 0.0])
    with pytest.raises(wg.errors.InPlaceError, match="no_grad"):
        x -= 1.0


def test_numpy_by_force_is_that_of_the_detached() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(wg.errors.TracedValueError, match="detach"):
        (x * 2).numpy()
    np.testing.assert_array_equal((x * 2).numpy(force=True), [2.0, 4.0])
    assert (x.numpy(force=True) == x.detach().numpy()).all()


def test_scaled_random_tensor_is_no_leaf() -> None:
    """ERRATA D5b: requires_grad before the product makes the scaled tensor a result."""
    early = wg.randn(2, 3, requires_grad=True) * 0.3
    late = (wg.randn(2, 3) * 0.3).requires_grad_()
    assert not early.is_leaf and late.is_leaf


def test_gradient_of_two_outputs_is_the_gradient_of_their_sum(golden: Any) -> None:
    g = golden("G55")
    x = wg.tensor(g.input("x"), requires_grad=True)
    (found,) = wg.autograd.grad([(x**3).sum(), (3 * x).sum()], x)
    g.check(grad_of_two_outputs=found)
