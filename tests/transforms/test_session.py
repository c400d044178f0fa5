"""The imperative API beyond the lectures' listings: copies, hooks, retained gradients, windows."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg


def leaf(*values: float) -> wg.Tensor:
    return wg.tensor(np.array(values), requires_grad=True)


def test_deep_copy_of_a_leaf_is_a_leaf_of_its_own() -> None:
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    y = copy.deepcopy(x)
    assert y.is_leaf and y.requires_grad and y is not x
    np.testing.assert_array_equal(y.grad.numpy(), [2.0, 4.0])
    y.grad = None
    (3 * y).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])
    np.testing.assert_array_equal(y.grad.numpy(), [3.0, 3.0])


def test_deep_copy_of_a_result_is_refused() -> None:
    with pytest.raises(wg.errors.GraphError, match="cannot be copied deeply"):
        copy.deepcopy(leaf(1.0) * 2)


def test_deep_copied_module_trains_alone() -> None:
    model = wg.nn.Linear(2, 1)
    twin = copy.deepcopy(model)
    twin(wg.ones(1, 2)).sum().backward()
    assert model.weight.grad is None and twin.weight.grad is not None
    assert type(twin.weight) is type(model.weight)


def test_pickle_keeps_values_and_flag() -> None:
    x = pickle.loads(pickle.dumps(leaf(1.0, 2.0)))
    assert x.requires_grad and x.is_leaf
    np.testing.assert_array_equal(x.detach().numpy(), [1.0, 2.0])


def test_leaf_hook_sees_the_whole_gradient_once() -> None:
    x, seen = leaf(1.0, 2.0), []
    handle = x.register_hook(lambda g: seen.append(g.numpy().copy()) or g * 2)
    (x * x + x * 3).sum().backward()
    np.testing.assert_array_equal(seen, [[5.0, 7.0]])
    np.testing.assert_array_equal(x.grad.numpy(), [10.0, 14.0])
    handle.remove()
    handle.remove()
    x.grad = None
    x.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 1.0])


def test_hook_on_a_result_replaces_its_gradient() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [20.0, 40.0])


def test_retained_gradients_end_with_their_block() -> None:
    x = leaf(1.0)
    y = x * 2
    z = y * 3
    with wg.retain_gradients():
        z.backward()
    assert y.grad_fn.gradient.item() == 3.0
    w = x * 2
    (w * 3).backward()
    assert w.grad is None


def test_old_list_keeps_the_values_it_read() -> None:
    """An update under no_grad makes a new leaf variable: lines recorded before are still right."""
    x = leaf(3.0)
    y = x * x
    with wg.no_grad():
        x += 1.0
    y.backward()
    assert x.grad.item() == 6.0 and x.item() == 4.0


def test_writing_to_a_base_makes_its_windows_unreadable() -> None:
    t = wg.tensor(np.arange(6.0).reshape(2, 3))
    row = t[0]
    t[0, 0] = 10.0
    assert t[0, 0].item() == 10.0
    with pytest.raises(wg.errors.EscapedTensorError, match="written to"):
        row + 1


def test_writing_to_a_window_in_use_is_refused() -> None:
    t = wg.tensor(np.arange(6.0).reshape(2, 3))
    row = t[0]
    with pytest.raises(wg.errors.AssignmentError, match="values, not windows"):
        row[0] = 1.0
    alone = wg.tensor(np.arange(6.0)).reshape(2, 3)
    alone[0, 0] = 5.0  # nobody else sees this memory
    assert alone[0, 0].item() == 5.0


def test_item_assignment_is_recorded() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * 2
    y[1] = x[0] * 5
    np.testing.assert_array_equal(y.detach().numpy(), [2.0, 5.0, 6.0])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [7.0, 0.0, 2.0])


def test_released_value_read_by_another_list_is_named() -> None:
    x = leaf(1.0, 2.0)
    h = wg.exp(x)
    first, second = (h * h).sum(), (h * 2 * h).sum()
    first.backward()
    with pytest.raises(wg.errors.GraphError, match="retain_graph=True"):
        second.backward()


def test_create_graph_gives_gradients_that_are_recorded() -> None:
    x = leaf(2.0)
    (g,) = wg.autograd.grad(x**3, x, create_graph=True)
    (h,) = wg.autograd.grad(g, x, create_graph=True)
    (k,) = wg.autograd.grad(h, x)
    assert (g.item(), h.item(), k.item()) == (12.0, 12.0, 6.0)


@pytest.mark.parametrize("mode", [wg.no_grad, wg.enable_grad, lambda: wg.set_grad_enabled(False)])
def test_a_mode_as_decorator_holds_in_the_function_alone(mode: Callable[[], Any]) -> None:
    wanted = mode is wg.enable_grad

    @mode()
    def recording(depth: int) -> bool:
        return wg.is_grad_enabled() if not depth else recording(depth - 1)

    for _ in range(2):
        assert recording(3) is wanted
        assert wg.is_grad_enabled()
