"""Modules: registration, names, state, and modules as trees."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.base.errors import ArgumentError, DTypeError, OperandError


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(4, 2, bias=False)
        self.scale = nn.Parameter([2.0])
        self.register_buffer("offset", np.zeros(2, np.float32))

    def forward(self, x):
        return self.second(np.tanh(self.first(x))) * self.scale + self.offset


X = np.linspace(-1, 1, 15, dtype=np.float32).reshape(5, 3)


def test_attributes_register_in_order() -> None:
    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["scale", "first.weight", "first.bias", "second.weight"]
    assert [n for n, _ in net.named_buffers()] == ["offset"]
    assert [n for n, _ in net.named_modules()] == ["", "first", "second"]
    assert list(net.children()) == [net.first, net.second]
    assert net.first.weight.node.cell.name == "first.weight"
    assert net.scale.dtype == np.float32
    assert net(X).shape == net.forward(X).shape == (5, 2)


def test_shared_parts_come_once() -> None:
    layer = nn.Linear(2, 2)
    assert len(list(nn.Sequential(layer, nn.Tanh(), layer).parameters())) == 2


def test_replacing_and_deleting() -> None:
    net = Net()
    net.second = None
    assert [n for n, _ in net.named_parameters()] == ["scale", "first.weight", "first.bias"]
    del net.first
    assert not hasattr(net, "first")
    with pytest.raises(OperandError, match="Net.scale is a parameter and cannot become a float"):
        net.scale = 3.0


def test_assignment_before_init_is_refused() -> None:
    class Early(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"Early: call super\(\).__init__\(\) before assigning 'layer'"):
        Early()


def test_state_goes_round() -> None:
    a, b = Net(), Net()
    state = a.state_dict()
    assert list(state) == ["scale", "offset", "first.weight", "first.bias", "second.weight"]
    assert b.load_state_dict(state) == ([], [])
    np.testing.assert_array_equal(a(X).detach().numpy(), b(X).detach().numpy())
    state["scale"][...] = 7  # a copy: the model does not see it
    assert a.scale.item() == b.scale.item() == 2.0


def test_loading_is_all_or_nothing_and_names_every_fault() -> None:
    net = Net()
    before = net.state_dict()
    state = {**before, "first.bias": np.zeros(5), "extra": np.zeros(1), "scale": np.zeros(1)}
    del state["second.weight"]
    with pytest.raises(ArgumentError) as caught:
        net.load_state_dict(state)
    assert caught.value.message == (
        "Net.load_state_dict: nothing was changed; missing 'second.weight'; unexpected 'extra'; "
        "'first.bias' has the shape [4], the state [5]"
    )
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    del state["first.bias"]
    result = net.load_state_dict(state, strict=False)
    assert result.missing_keys == ["first.bias", "second.weight"]
    assert result.unexpected_keys == ["extra"]
    assert net.scale.item() == 0.0


def test_modes_and_freezing() -> None:
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2))
    net.eval()
    assert [m.training for m in net.modules()] == [False] * 3
    assert net.train().training
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())


def test_repr_is_like_pytorchs() -> None:
    assert repr(nn.Sequential(nn.Linear(2, 3), nn.ReLU())) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n  (1): ReLU()\n)"
    )


def test_gradient_of_a_module_is_a_module() -> None:
    net = Net()
    loss = lambda m: np.mean(m(X) ** 2)  # noqa: E731
    gradient = wg.grad(loss)(net)
    assert isinstance(gradient, Net)
    loss(net).backward()
    for name, p in net.named_parameters():
        found = dict(gradient.named_parameters())[name]
        np.testing.assert_allclose(found.detach().numpy(), p.grad.numpy(), rtol=1e-6)


def test_frozen_parameters_are_no_leaves() -> None:
    net = Net()
    net.scale.requires_grad_(False)
    assert len(wg.tree_leaves(net)) == 3
    assert wg.tree_map(lambda p: p, net).scale is net.scale


def test_a_step_by_tree_map() -> None:
    net = wg.tree_map(lambda p: p.detach().numpy(), Net())
    loss = lambda m: np.mean(m(X) ** 2)  # noqa: E731
    for _ in range(20):
        net = wg.tree_map(lambda p, g: p - 0.1 * g, net, wg.grad(loss)(net))
    assert loss(net) < 0.2 * loss(Net()) + 0.05
    assert isinstance(net.first.weight, np.ndarray)


def test_stacked_models_are_batched() -> None:
    nets = [Net() for _ in range(3)]
    stacked = wg.tree_map(lambda *ps: np.stack([p.detach().numpy() for p in ps]), *nets)
    found = wg.vmap(lambda m: m(X))(stacked)
    np.testing.assert_allclose(found, np.stack([n(X).detach().numpy() for n in nets]), rtol=1e-5, atol=1e-6)


def test_hooks_see_and_change() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    x = np.ones((1, 2), np.float32)
    plain = net(x)
    seen = []
    handles = [
        net[0].register_forward_pre_hook(lambda m, args: seen.append(type(m).__name__)),
        net[0].register_forward_hook(lambda m, args, y: seen.append(y.shape)),
        net[1].register_forward_hook(lambda m, args, y: y + 1),
        net.register_forward_pre_hook(lambda m, args: args[0] * 1),
    ]
    np.testing.assert_array_equal(net(x).detach().numpy(), plain.detach().numpy() + 1)
    assert seen == ["Linear", (1, 3)]
    for handle in handles:
        handle.remove()
    np.testing.assert_array_equal(net(x).detach().numpy(), plain.detach().numpy())


def test_to_another_dtype_keeps_the_parameters() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    before = list(net.parameters())
    net.double()
    assert all(
        a is b and a.dtype == np.float64 and a.requires_grad for a, b in zip(before, net.parameters(), strict=True)
    )
    assert {name: b.dtype.name for name, b in net.named_buffers()} == {
        "1.running_mean": "float64", "1.running_var": "float64", "1.num_batches_tracked": "int64",
    }  # fmt: skip
    assert net(np.ones((2, 2))).dtype == np.float64
    assert net.to("cpu") is net
    assert net.float()[0].weight.dtype == np.float32
    with pytest.raises(DTypeError, match="Sequential.to: got 'cuda'; needs a floating dtype"):
        net.to("cuda")


def test_summary_of_calls() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(8, 3))
    text = net.summary((5, 1, 4, 4))
    assert [line.split()[:5] for line in text.splitlines()[1:4]] == [
        ["(model)", "Sequential", "[5,", "3]", "0"],
        ["0", "Conv2d", "[5,", "2,", "2,"],
        ["1", "BatchNorm2d", "[5,", "2,", "2,"],
    ]  # fmt: skip
    assert text.splitlines()[-1].split()[:2] == ["total", "51"]
    assert net.training
    assert net[1].num_batches_tracked == 0
    assert "[3]" in net.summary()
