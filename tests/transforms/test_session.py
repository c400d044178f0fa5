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
    turned = t.T
    with pytest.raises(wg.errors.AssignmentError, match="values, not windows"):
        turned[0, 1] = 1.0
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


def test_a_hook_registered_twice_is_removed_once() -> None:
    x, seen = wg.tensor([1.0, 2.0], requires_grad=True), []
    first, _ = [x.register_hook(lambda g: seen.append(1)) for _ in range(2)]
    hook = seen.append
    again, _ = x.register_hook(hook), x.register_hook(hook)
    for handle in (first, again):
        handle.remove()
        handle.remove()
    (x * x).sum().backward()
    assert len(seen) == 2


def test_a_hook_keeps_shape_and_dtype() -> None:
    for hook in (lambda g: g.sum(), lambda g: g.double()):
        for on_leaf in (True, False):
            x = wg.tensor([1.0, 2.0], requires_grad=True)
            y = x * x
            (x if on_leaf else y).register_hook(hook)
            with pytest.raises(wg.errors.ShapeError, match="a hook returns None or a gradient of the same shape"):
                y.sum().backward()


def test_retained_gradient_is_that_after_all_hooks() -> None:
    x = wg.tensor(2.0, requires_grad=True)
    y = x * x
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    y.backward()
    assert (y.grad.item(), x.grad.item()) == (2.0, 8.0)


def test_data_and_detach_write_through() -> None:
    x = wg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x.data[0] = 7.0
    x.data.detach().mul_(2)
    x.data -= 1.0
    assert x.tolist() == [13.0, 3.0, 5.0]
    (x * x).sum().backward()
    assert x.grad.tolist() == [26.0, 6.0, 10.0]
    x.grad.data.zero_()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(wg.errors.AssignmentError):
        x.data[:2].zero_()
    y = x * 2
    with pytest.raises(wg.errors.AssignmentError, match="detached from a result that is still in use"):
        y.detach()[0] = 0.0
    w = y.detach().requires_grad_()
    with wg.no_grad():
        w -= 1.0
    assert (w.tolist(), y.tolist()) == ([25.0, 5.0, 9.0], [26.0, 6.0, 10.0])


def test_writing_to_what_is_a_window_in_numpy_is_refused() -> None:
    y, z = wg.tensor([[1.0, 2.0], [3.0, 4.0]]), wg.tensor([1 + 2j])
    for window in (y.diagonal(), z.real, z.imag):
        with pytest.raises(wg.errors.AssignmentError):
            window[0] = 9.0


@pytest.mark.parametrize("f", [
    lambda x: wg.tile(x, 1), lambda x: wg.tile(x, 2), lambda x: wg.repeat(x, 1), lambda x: wg.roll(x, 0, 0),
    lambda x: wg.roll(x, 3), lambda x: wg.pad(x, 0), lambda x: wg.pad(x, 0, mode="edge"), lambda x: wg.block([x]),
    lambda x: wg.meshgrid(x)[0],
])  # fmt: skip
def test_what_numpy_copies_can_be_written_to(f) -> None:
    for x in (np.ones(3), wg.tensor(np.ones(3))):
        y = f(x)
        y[0] = 5.0
        assert x.tolist() == [1.0, 1.0, 1.0]
        assert y.tolist()[0] == 5.0


def test_writing_into_an_indexed_part_writes_into_the_whole() -> None:
    x = wg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1.0
    y[0] += x[2]
    part = y[:2]
    part *= 10.0
    part += 1.0
    assert (y.tolist(), part.tolist()) == ([41.0, 21.0, 3.0], [41.0, 21.0])
    y.sum().backward()
    assert x.grad.tolist() == [10.0, 10.0, 11.0]
    with wg.no_grad():
        x[0] -= 1.0
        x[1:].zero_()
    assert x.tolist() == [0.0, 0.0, 0.0]
    assert x.requires_grad
    with pytest.raises(wg.errors.InPlaceError):
        x[0] += 1.0
    z = wg.tensor([[1.0, 2.0], [3.0, 4.0]])
    z[0][1] = 9.0
    other = z[1]
    for row in z:
        row *= 2.0
    assert z.tolist() == [[2.0, 18.0], [6.0, 8.0]]
    with pytest.raises(wg.errors.EscapedTensorError):
        other.sum()

    def f(x: Any) -> Any:
        y = x * 1.0
        y[0] *= 3.0
        y[1] += y[0] * y[0]
        return wg.sum(y)

    np.testing.assert_array_equal(wg.grad(f)(np.array([1.0, 2.0])), [21.0, 1.0])
    np.testing.assert_array_equal(wg.vmap(wg.grad(f))(np.ones((2, 2))), [[21.0, 1.0]] * 2)


def test_no_grad_on_a_generator() -> None:
    x = wg.tensor([1.0], requires_grad=True)

    @wg.no_grad()
    def steps() -> Any:
        yield (x * 2).requires_grad
        yield (x * 2).requires_grad

    running = steps()
    assert [next(running), (x * 2).requires_grad, next(running)] == [False, True, False]
    assert wg.is_grad_enabled()
