"""`wg.compile` of whole training steps: what eager code gives, never stale, and nothing lost when something fails."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim

OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda ps: optim.SGD(ps, lr=0.1),
    "momentum": lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "nesterov": lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True),
    "rate inside": lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, rate_inside=True, maximize=True),
    "adam": lambda ps: optim.Adam(ps, lr=0.02, weight_decay=0.01),
    "amsgrad": lambda ps: optim.Adam(ps, lr=0.02, amsgrad=True),
    "adamw": lambda ps: optim.AdamW(ps, lr=0.02),
    "adagrad": lambda ps: optim.Adagrad(ps, lr=0.1, lr_decay=0.1),
    "rmsprop": lambda ps: optim.RMSprop(ps, lr=0.01, momentum=0.5, centered=True),
    "rmsprop nesterov": lambda ps: optim.RMSprop(ps, lr=0.01, momentum=0.5, nesterov=True),
    "adadelta": lambda ps: optim.Adadelta(ps),
    "adamax": lambda ps: optim.Adamax(ps),
    "nadam": lambda ps: optim.NAdam(ps, decoupled_weight_decay=True, weight_decay=0.1),
    "radam": lambda ps: optim.RAdam(ps, lr=0.01),
    "lion": lambda ps: optim.Lion(ps, lr=0.01, weight_decay=0.1),
    "muon": lambda ps: optim.Muon([p for p in ps if p.ndim == 2], lr=0.01),
}


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    wg.set_default_dtype(np.float64)
    wg.random.manual_seed(0)
    yield
    wg.set_default_dtype(np.float32)


class Twin:
    """The same training twice: a compiled step and an eager one."""

    def __init__(self, model: Any, make: Callable[[Any], optim.Optimizer], loss: Any = None) -> None:
        self.models = [model, copy.deepcopy(model)]
        self.optimizers = [make(m.parameters()) for m in self.models]
        self.loss = loss or nn.CrossEntropyLoss()
        self.steps = [self.step(m, o) for m, o in zip(self.models, self.optimizers, strict=True)]
        self.compiled = self.steps[0] = wg.compile(self.steps[0])

    def step(self, model: Any, optimizer: Any) -> Any:
        loss_of = self.loss

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return step

    def run(self, x: Any, y: Any) -> None:
        state = wg.random.get_rng_state()
        ours = self.steps[0](x, y)
        after = wg.random.get_rng_state()
        wg.random.set_rng_state(state)
        theirs = self.steps[1](x, y)
        np.testing.assert_array_equal(after, wg.random.get_rng_state())
        np.testing.assert_allclose(float(ours), float(theirs), rtol=1e-12)

    def check(self, rtol: float = 1e-12, atol: float = 1e-14) -> None:
        same_models(*self.models, rtol=rtol, atol=atol)
        a, b = (o.state_dict() for o in self.optimizers)
        assert a["steps"] == b["steps"]
        assert a["param_groups"] == b["param_groups"]
        for one, other in zip(a["state"].values(), b["state"].values(), strict=True):
            assert list(one) == list(other)
            for key in one:
                assert type(one[key]) is type(other[key]), key
                np.testing.assert_allclose(one[key], other[key], rtol=rtol, atol=atol)


def same_models(ours: Any, theirs: Any, rtol: float = 1e-12, atol: float = 1e-14) -> None:
    a, b = ours.state_dict(), theirs.state_dict()
    assert list(a) == list(b)
    for key in a:
        assert (a[key].shape, a[key].dtype) == (b[key].shape, b[key].dtype)
        np.testing.assert_allclose(a[key], b[key], rtol=rtol, atol=atol, err_msg=key)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None), name
        assert p.requires_grad == q.requires_grad
        assert p.is_leaf
        if p.grad is not None:
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=rtol, atol=atol, err_msg=name)


def batches(n: int, features: int = 3, classes: int = 2, size: int = 8, seed: int = 0) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(size, features)), rng.integers(0, classes, size)) for _ in range(n)]


def network() -> Any:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


# ----- optimizers -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str) -> None:
    twin = Twin(network(), OPTIMIZERS[name])
    for x, y in batches(20):
        twin.run(x, y)
    twin.check()
    assert len(twin.compiled.retraces) == (2 if name == "radam" else 1)  # RAdam trusts its variance from step 6 on


def test_groups_with_options_of_their_own() -> None:
    def make(ps: Any) -> Any:
        ps = list(ps)
        return optim.Adam([{"params": ps[:1], "lr": 0.1}, {"params": ps[1:], "betas": (0.5, 0.6), "amsgrad": True}])

    twin = Twin(network(), make)
    for x, y in batches(6):
        twin.run(x, y)
    twin.check()


def test_float32_stays_float32() -> None:
    wg.set_default_dtype(np.float32)
    twin = Twin(network(), OPTIMIZERS["adamw"])
    for x, y in batches(10):
        x = x.astype(np.float32)
        np.testing.assert_allclose(*(float(step(x, y)) for step in twin.steps), rtol=1e-5)
    twin.check(rtol=1e-4)
    entry = twin.optimizers[0].state[next(twin.models[0].parameters())]
    assert entry["exp_avg"].dtype == np.float32
    assert type(entry["step"]) is int


# ----- layers -----------------------------------------------------------------------------------------------
LAYERS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "conv1d": (lambda: nn.Conv1d(2, 3, 3, padding=1), (4, 2, 5)),
    "conv2d": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2)), (4, 2, 6, 6)),
    "avg pool": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.AvgPool2d(2)), (3, 1, 6, 6)),
    "transposed": (lambda: nn.ConvTranspose2d(2, 3, 3, stride=2), (2, 2, 4, 4)),
    "batch norm": (lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)), (6, 3)),
    "cumulative batch norm": (lambda: nn.BatchNorm1d(3, momentum=None), (6, 3)),
    "batch norm 2d": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), (4, 1, 5, 5)),
    "layer norm": (lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)), (6, 3)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (3, 4, 5)),
    "instance norm": (lambda: nn.InstanceNorm2d(2, affine=True, track_running_stats=True), (3, 2, 4, 4)),
    "rms norm": (lambda: nn.RMSNorm(3), (6, 3)),
    "dropout": (lambda: nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2), nn.Dropout(0.1)), (6, 3)),
    "dropout2d": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Dropout2d(0.5)), (3, 1, 5, 5)),
    "alpha dropout": (lambda: nn.Sequential(nn.Linear(3, 8), nn.SELU(), nn.AlphaDropout(0.2)), (6, 3)),
    "lstm": (lambda: nn.LSTM(3, 4, batch_first=True), (2, 5, 3)),
    "gru": (lambda: nn.GRU(3, 4, num_layers=2, bidirectional=True), (5, 2, 3)),
    "rnn": (lambda: nn.RNN(3, 4), (5, 2, 3)),
    "attention": (lambda: nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True), (2, 5, 8)),
    "activations": (lambda: nn.Sequential(nn.PReLU(), nn.GELU(), nn.Softplus(), nn.Linear(3, 3)), (4, 3)),
}  # fmt: skip


def tensor_of(y: Any) -> Any:
    return y[0] if isinstance(y, tuple) else y


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    make, shape = LAYERS[name]
    twin = Twin(make(), OPTIMIZERS["momentum"], lambda y, target: (tensor_of(y) ** 2).sum() + (target * 0).sum())
    rng = np.random.default_rng(1)
    for _ in range(4):
        twin.run(rng.normal(size=shape), np.zeros(2))
    twin.check(rtol=1e-9, atol=1e-10)  # some gradients are 0 but for rounding
    assert len(twin.compiled.retraces) == 1


def test_an_embedding() -> None:
    twin = Twin(nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 3)), OPTIMIZERS["adam"])
    rng = np.random.default_rng(1)
    for _ in range(4):
        twin.run(rng.integers(0, 10, (5, 3)), rng.integers(0, 3, 5))
    twin.check()


def test_training_and_evaluation() -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))
    twin = Twin(model, OPTIMIZERS["adam"])
    predict = wg.compile(lambda x: model(x))
    data = batches(12)
    for k, (x, y) in enumerate(data):
        twin.run(x, y)
        if k % 3 == 2:
            for m in twin.models:
                m.eval()
            with wg.no_grad():
                ours, theirs = predict(x), twin.models[1](x)
            assert type(ours) is type(theirs)
            assert not ours.requires_grad
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)
            for m in twin.models:
                m.train()
    twin.check()
    assert len(predict.retraces) == 1
    assert predict.eager_calls == 0
    for m in twin.models:
        m.eval()  # a step in evaluation: no dropout, running statistics
    for x, y in data:
        twin.run(x, y)
    twin.check()
    assert twin.compiled.retraces[1:] == ["Sequential changed"]


def test_results_that_the_session_would_record_run_eagerly() -> None:
    model = network()
    predict = wg.compile(lambda x: model(x))
    (x, _), *_ = batches(1)
    y = predict(x)
    assert y.requires_grad
    y.sum().backward()
    assert model[0].weight.grad is not None
    assert predict.eager_calls == 1
    with wg.no_grad():
        np.testing.assert_allclose(predict(x).numpy(), y.detach().numpy(), rtol=1e-14)
    assert predict.eager_calls == 1


# ----- what changes between calls -----------------------------------------------------------------------------
def test_rates_schedules_and_options_do_not_record_anew() -> None:
    twin = Twin(network(), OPTIMIZERS["momentum"])
    schedules = [optim.OneCycleLR(o, max_lr=0.2, total_steps=12) for o in twin.optimizers]
    for k, (x, y) in enumerate(batches(12)):
        twin.run(x, y)
        if k < 11:
            for s in schedules:
                s.step()
        if k == 5:
            for o in twin.optimizers:
                o.param_groups[0]["weight_decay"] = 0.2
    twin.check()
    assert len(twin.compiled.retraces) == 1
    for o in twin.optimizers:
        o.param_groups[0]["weight_decay"] = 0.0  # Python decides by whether there is any
        o.param_groups[0]["nesterov"] = False
    twin.run(x, y)
    twin.check()
    assert len(twin.compiled.retraces) == 2
    for o in twin.optimizers:
        o.param_groups[0].update(nesterov=True, dampening=0.0)
    twin.run(x, y)
    twin.check()
    assert twin.compiled.retraces[2] == "the options of SGD changed"


def test_states_that_are_loaded() -> None:
    twin = Twin(network(), OPTIMIZERS["adam"])
    data = batches(12)
    kept: list[Any] = []
    for k, (x, y) in enumerate(data):
        if k == 4:
            kept = [(m.state_dict(), o.state_dict()) for m, o in zip(twin.models, twin.optimizers, strict=True)]
        if k == 8:
            for m, o, (values, state) in zip(twin.models, twin.optimizers, kept, strict=True):
                m.load_state_dict(values)
                o.load_state_dict(state)
        twin.run(x, y)
    twin.check()
    assert twin.optimizers[0].steps == 8


def test_a_state_of_another_optimizer_is_loaded() -> None:
    twin = Twin(network(), OPTIMIZERS["adam"])
    other = optim.Adam(network().parameters())
    for x, y in batches(3):
        twin.run(x, y)
    for o in twin.optimizers:
        o.load_state_dict({**other.state_dict(), "state": {}})
    for x, y in batches(3):
        twin.run(x, y)
    twin.check()


def test_parameters_and_layers_are_replaced() -> None:
    twin = Twin(network(), OPTIMIZERS["sgd"])
    for x, y in batches(3):
        twin.run(x, y)
    for m, o in zip(twin.models, twin.optimizers, strict=True):
        m[0].weight = nn.Parameter(np.ones((4, 3)))
        o.add_param_group({"params": m[0].weight, "lr": 0.01})
    for x, y in batches(3):
        twin.run(x, y)
    twin.check()
    for m in twin.models:
        m[1] = nn.ReLU()
    for x, y in batches(3):
        twin.run(x, y)
    twin.check()
    for m in twin.models:
        m[0].bias.requires_grad_(False)
    for x, y in batches(3):
        twin.run(x, y)
    twin.check()
    with wg.no_grad():
        for m in twin.models:
            m[2].bias.fill_(0.5)
            m[2].weight.assign_(np.ones((2, 4)))
            m[0].weight[0, 0] = 3.0
    for x, y in batches(3):
        twin.run(x, y)
    twin.check()


def test_hooks_that_come_later() -> None:
    twin = Twin(network(), OPTIMIZERS["sgd"])
    for x, y in batches(2):
        twin.run(x, y)
    handles = [m[0].weight.register_hook(lambda g: g * 0.5) for m in twin.models]
    handles += [m[1].register_forward_hook(lambda _m, _a, y: y * 2.0) for m in twin.models]
    for x, y in batches(2):
        twin.run(x, y)
    twin.check()
    for handle in handles:
        handle.remove()
    for x, y in batches(2):
        twin.run(x, y)
    twin.check()
    assert len(twin.compiled.retraces) == 3


def test_hooks_on_gradients_alone() -> None:
    twin = Twin(network(), OPTIMIZERS["sgd"])
    share = [0.5]
    for x, y in batches(2):
        twin.run(x, y)
    handles = [m[0].weight.register_hook(lambda g: g * share[0]) for m in twin.models]
    for x, y in batches(2):
        twin.run(x, y)
    share[0] = 0.25  # what a hook closes over
    for x, y in batches(2):
        twin.run(x, y)
    twin.check()
    for handle in handles:
        handle.remove()
    twin.run(x, y)
    twin.check()
    assert len(twin.compiled.retraces) == 4


FACTOR = 2.0


class Scaled(nn.Module):
    """Reads a global in its own code and in a method."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.power = nn.Linear(3, 2), [1.0]

    def forward(self, x: Any) -> Any:
        return self.scaled(self.layer(x))

    def scaled(self, y: Any) -> Any:
        return y * FACTOR * self.power[0]


def test_the_code_of_modules_is_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = Twin(nn.Sequential(Scaled()), OPTIMIZERS["sgd"])
    (x, y), *_ = batches(1)
    twin.run(x, y)
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    twin.run(x, y)
    for m in twin.models:
        m[0].power = [0.5]
    twin.run(x, y)
    monkeypatch.setattr(Scaled, "scaled", lambda self, y: y * 0.1)
    twin.run(x, y)
    twin.check()
    assert twin.compiled.retraces[1:] == [
        "global `FACTOR` changed from 2.0 to 3.0", "Scaled.power changed from [1.0] to [0.5]",
        twin.compiled.retraces[3],
    ]  # fmt: skip
    assert "scaled changed" in twin.compiled.retraces[3]


class Options:
    def __init__(self) -> None:
        self.scale, self.more = 1.0, {"k": [1.0]}


class Configured(nn.Module):
    """Reads what may change inside its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.options, self.table = nn.Linear(3, 2), Options(), {"a": {"b": 1.0}}

    def forward(self, x: Any) -> Any:
        factor = self.options.scale + self.options.more["k"][0] + self.table["a"]["b"]
        return self.layer(x) * factor


def test_what_changes_inside_the_attributes_of_modules_is_seen() -> None:
    twin = Twin(nn.Sequential(Configured()), OPTIMIZERS["sgd"])
    changes: list[Callable[[Any], Any]] = [
        lambda m: None,
        lambda m: setattr(m.options, "scale", 0.5),
        lambda m: m.options.more["k"].__setitem__(0, 0.25),
        lambda m: m.table["a"].update(b=0.75),
        lambda m: setattr(m, "options", Options()),
    ]
    for change in changes:
        for m in twin.models:
            change(m[0])
        for x, y in batches(2):
            twin.run(x, y)
    twin.check()
    assert len(twin.compiled.retraces) == len(changes)
    assert "Configured.options.scale changed from 1.0 to 0.5" in twin.compiled.retraces[1]


def test_modules_that_are_made_inside() -> None:
    """A loss written in place; what a module keeps from call to call must not be made there."""
    weight = np.array([1.0, 3.0])
    twin = Twin(network(), OPTIMIZERS["adam"], lambda z, y: nn.CrossEntropyLoss(weight=weight)(nn.Tanh()(z), y))
    for x, y in batches(4):
        twin.run(x, y)
    twin.check()
    assert len(twin.compiled.retraces) == 1
    assert twin.compiled.eager_calls == 0

    def normalised(x: Any) -> Any:
        layer = nn.BatchNorm1d(3, affine=False)
        layer(x)
        return layer.running_mean * 1

    x = np.arange(12.0).reshape(4, 3)
    compiled = wg.compile(normalised)
    for _ in range(3):  # it is another one in each call
        np.testing.assert_allclose(compiled(x), normalised(x), rtol=1e-15)
    with pytest.raises(wg.errors.CompileError, match="Linear.weight is set while the function is recorded"):
        wg.compile(lambda x: nn.Linear(3, 2)(x))(np.ones((4, 3)))


# ----- the first step ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_first_step_is_compiled(name: str) -> None:
    """But where parameters that the optimizer does not clear get their first gradient."""
    twin = Twin(network(), OPTIMIZERS[name])
    (batch,) = batches(1)
    twin.run(*batch)
    twin.check()
    assert twin.compiled.eager_calls == (name in ("muon", "momentum"))  # this one has dampening


class Remembering(optim.Optimizer):
    """An optimizer whose steps are written by a function of (optimizer, p, g, state)."""

    def __init__(self, params: Any, how: Callable[..., Any]) -> None:
        super().__init__(params, {"lr": 0.1})
        self.how = how

    def update(self, p: Any, g: Any, state: Any, group: Any) -> Any:
        return p - group["lr"] * self.how(self, p, g, state)


def array(_: Any, p: Any, g: Any, state: Any) -> Any:
    m = state["m"] = 0.9 * state.get("m", np.full(p.shape, 0.5, p.dtype)) + g
    return m


def number(_: Any, _p: Any, g: Any, state: Any) -> Any:
    state["m"] = state.get("m", 0.5) * 0.9
    return state["m"] * g


def by_default(_: Any, _p: Any, g: Any, state: Any) -> Any:
    state["m"] = state.setdefault("m", 0.5) * 0.9
    return state["m"] * g


def steps_and_array(_: Any, p: Any, g: Any, state: Any) -> Any:
    state.update(t=state.get("t", 0) + 1)
    state |= {"m": state.get("m", np.zeros(p.shape, p.dtype)) + g}
    return state["m"] / state["t"]


@pytest.mark.parametrize("how", [array, number, by_default, steps_and_array], ids=lambda f: f.__name__)
def test_what_is_asked_for_with_a_default_begins_with_it(how: Callable[..., Any]) -> None:
    twin = Twin(network(), lambda ps: Remembering(ps, how))
    for x, y in batches(4):
        twin.run(x, y)
        twin.check()
    assert twin.compiled.eager_calls == 0
    assert len(twin.compiled.retraces) == 1


def _counted(state: Any) -> Any:
    t = state["t"] = state.get("t", 0) + 1
    return t


def _raised(state: Any) -> bool:
    try:
        state["t"]
    except KeyError:
        return True
    return False


# Each asks in its own way whether this is the first step, and begins a state by which that could be overlooked.
FIRSTS: dict[str, Callable[..., bool]] = {
    "length": lambda _o, state: len(state) == 0,
    "truth": lambda _o, state: not state,
    "in": lambda _o, state: "t" not in state,
    "keys": lambda _o, state: "t" not in list(state.keys()),
    "items": lambda _o, state: not dict(state.items()),
    "iteration": lambda _o, state: not list(state),
    "error": lambda _o, state: _raised(state),
    "none": lambda _o, state: state.get("t") is None,
    "another default": lambda _o, state: state.get("t", -1) == -1,
    "of the optimizer": lambda o, _state: not any(o.state.values()),
    "never set": lambda _o, state: state.get("n", True) is True,
}


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", FIRSTS)
def test_who_asks_for_the_first_step_is_told(name: str, late: bool) -> None:
    """State that was begun while recording must not freeze what is decided in the first step."""

    def how(optimizer: Any, _p: Any, g: Any, state: Any) -> Any:
        first = False if late else FIRSTS[name](optimizer, state)
        if late:
            t = state.get("t", 0)
            first = FIRSTS[name](optimizer, state)
            state["t"] = t + 1
        else:
            _counted(state)
        return g if first else 0.5 * g

    twin = Twin(network(), lambda ps: Remembering(ps, how))
    for x, y in batches(4):
        twin.run(x, y)
        twin.check()


KINDS: dict[str, Callable[..., Any]] = {
    "a float": lambda state, _g: state.get("m", 1) * 0.9,
    "an array": lambda state, g: 0.9 * state.get("m", 0.0) + g,
    "an array for a whole number": lambda state, g: state.get("m", 0) + g,
    "a larger array": lambda state, g: state.get("m", np.zeros(1)) + g,
}


@pytest.mark.parametrize("name", KINDS)
def test_a_value_of_another_kind(name: str) -> None:
    """What begins as one kind of value and goes on as another has the first step eager."""

    def how(_: Any, _p: Any, g: Any, state: Any) -> Any:
        state["m"] = KINDS[name](state, g)
        return state["m"] * g

    twin = Twin(network(), lambda ps: Remembering(ps, how))
    for x, y in batches(4):
        twin.run(x, y)
        twin.check()
    assert twin.compiled.eager_calls == 1


def test_containers_in_a_state() -> None:
    """Their changes are not seen, so such steps run eagerly."""

    def how(_: Any, _p: Any, g: Any, state: Any) -> Any:
        inner = state.setdefault("inner", {"t": 0})
        inner["t"] += 1
        return g / inner["t"]

    twin = Twin(network(), lambda ps: Remembering(ps, how))
    for x, y in batches(3):
        twin.run(x, y)
    same_models(*twin.models)
    assert [o.state_dict()["state"][0]["inner"]["t"] for o in twin.optimizers] == [3, 3]
    assert twin.compiled.eager_calls == 3


def test_entries_that_go() -> None:
    def how(_: Any, _p: Any, g: Any, state: Any) -> Any:
        old = state.pop("m", 0.0)
        state["m"] = old + 1.0
        return g * state["m"]

    twin = Twin(network(), lambda ps: Remembering(ps, how))
    for x, y in batches(3):
        twin.run(x, y)
        twin.check()


def test_nothing_is_begun_where_recording_fails() -> None:
    model = network()
    optimizer = optim.Adam(model.parameters())
    loss_of = nn.CrossEntropyLoss()

    @wg.compile
    def step(x: Any, y: Any) -> Any:
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        if loss > 1000:  # no value is known here
            return loss
        return loss * 2

    (batch,) = batches(1)
    with pytest.raises(wg.errors.TracedValueError):
        step(*batch)
    assert not optimizer.state
    assert optimizer.state_dict()["state"] == {}
    assert optimizer.steps == 0


def test_nothing_is_begun_where_a_recording_is_refused() -> None:
    model = network()
    optimizers = [optim.Adam(model.parameters()), optim.RMSprop(model.parameters())]
    loss_of = nn.CrossEntropyLoss()
    changed, kept = [0], []

    def train(x: Any, y: Any) -> Any:
        optimizers[0].zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss

    def writes(x: Any, y: Any) -> Any:
        loss = train(x, y)
        x += 1
        return loss

    def impure(x: Any, y: Any) -> Any:
        np.random.rand()
        return train(x, y)

    def keeps(x: Any, y: Any) -> Any:
        kept.append(train(x, y))
        return changed[0]

    (batch,) = batches(1)
    for f in (writes, impure, keeps):
        with pytest.raises(wg.errors.CompileError):
            wg.compile(f)(*batch)
        kept.clear()
        for optimizer in optimizers:
            assert optimizer.state_dict()["state"] == {}
            assert optimizer.steps == 0


def test_a_first_step_that_is_refused_changes_nothing() -> None:
    twin = Twin(network(), OPTIMIZERS["adam"])
    model, optimizer, step = twin.models[0], twin.optimizers[0], twin.compiled
    before = {k: v.copy() for k, v in model.state_dict().items()}
    (x, y), (good, labels) = batches(2)
    with pytest.raises(wg.errors.NonFiniteError, match="in step 1"):
        step(x * np.inf, y)
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[key])
    assert optimizer.steps == 0
    assert optimizer.state_dict()["state"] == {}
    step(good, labels)
    assert optimizer.steps == 1
    assert {entry["step"] for entry in optimizer.state_dict()["state"].values()} == {1}


def test_parameters_join_later() -> None:
    """The state of some is older than that of others."""
    twin = Twin(network(), OPTIMIZERS["adam"])
    late = [next(iter(m.parameters())) for m in twin.models]
    for p in late:
        p.requires_grad_(False)
    data = batches(6)
    for x, y in data[:3]:
        twin.run(x, y)
    for p in late:
        p.requires_grad_(True)
    for x, y in data[3:]:
        twin.run(x, y)
    twin.check()
    assert sorted(entry["step"] for entry in twin.optimizers[0].state_dict()["state"].values()) == [3, 6, 6, 6]
    assert twin.compiled.eager_calls == 0


def test_eager_steps_in_between() -> None:
    twin = Twin(network(), OPTIMIZERS["adam"])
    eager = [twin.step(m, o) for m, o in zip(twin.models, twin.optimizers, strict=True)]
    for k, (x, y) in enumerate(batches(12)):
        if k % 3 == 2:
            for step in eager:
                step(x, y)
        else:
            twin.run(x, y)
    twin.check()
    assert len(twin.compiled.retraces) == 1


def test_two_compiled_functions_on_one_model() -> None:
    model, other = network(), None
    other = copy.deepcopy(model)
    makes = [lambda ps: optim.Adam(ps, lr=0.1), lambda ps: optim.SGD(ps, lr=0.1, momentum=0.5)]
    pairs = [[make(m.parameters()) for make in makes] for m in (model, other)]
    loss_of = nn.CrossEntropyLoss()

    def steps(m: Any, optimizers: Any) -> list[Any]:
        def first(x: Any, y: Any) -> Any:
            optimizers[0].zero_grad()
            loss = loss_of(m(x), y)
            loss.backward()
            optimizers[0].step()
            return loss

        def second(x: Any, y: Any) -> Any:
            loss = loss_of(m(x), y) * 2
            loss.backward()  # adds to what the first left
            optimizers[1].step()
            optimizers[1].zero_grad()
            return loss

        return [first, second, first]

    ours = steps(model, pairs[0])
    compiled = [wg.compile(ours[0]), wg.compile(ours[1]), ours[2]]
    for x, y in batches(8):
        for a, b in zip(compiled, steps(other, pairs[1]), strict=True):
            np.testing.assert_allclose(float(a(x, y)), float(b(x, y)), rtol=1e-12)
    same_models(model, other)


def test_a_parameter_that_two_models_share() -> None:
    def shared() -> Any:
        a, b = nn.Linear(3, 3), nn.Linear(3, 3)
        b.weight = a.weight
        return nn.Sequential(a, nn.Tanh(), b)

    wg.random.manual_seed(3)
    model = shared()
    twin = Twin(model, OPTIMIZERS["momentum"])
    for x, y in batches(6):
        twin.run(x, y)
    twin.check()
    assert twin.models[0][0].weight is twin.models[0][2].weight


# ----- gradients ----------------------------------------------------------------------------------------------
def test_accumulation_and_clipping() -> None:
    def step(m: Any, o: Any) -> Any:
        def run(x: Any, y: Any) -> Any:
            o.zero_grad()
            total = 0.0
            for half in (slice(0, 4), slice(4, 8)):
                loss = nn.functional.cross_entropy(m(x[half]), y[half]) * 10.0
                loss.backward()
                total = total + loss.detach()
            norm = nn.utils.clip_grad_norm_(m.parameters(), 0.5)
            nn.utils.clip_grad_value_(m.parameters(), 0.2)
            o.step()
            return total, norm

        return run

    models = [network()]
    models.append(copy.deepcopy(models[0]))
    ours, theirs = (step(m, OPTIMIZERS["momentum"](m.parameters())) for m in models)
    ours = wg.compile(ours)
    for x, y in batches(8):
        for a, b in zip(ours(x, y), theirs(x, y), strict=True):
            np.testing.assert_allclose(float(a), float(b), rtol=1e-12)
    same_models(*models)
    assert len(ours.retraces) == 1


def test_gradients_are_left_for_the_next_call() -> None:
    w = wg.tensor([1.0, 2.0], requires_grad=True)

    @wg.compile
    def add(x: Any) -> Any:
        loss = (w * x).sum()
        loss.backward()
        return loss

    add(np.array([1.0, 0.0]))
    kept = w.grad
    assert kept.tolist() == [1.0, 0.0]
    add(np.array([1.0, 3.0]))
    assert w.grad.tolist() == [2.0, 3.0]
    assert kept is w.grad  # the sum goes into the same tensor, as in eager code
    w.grad = None
    add(np.array([5.0, 3.0]))
    assert w.grad.tolist() == [5.0, 3.0]
    assert kept.tolist() == [2.0, 3.0]
    assert "gradient" in add.retraces[1]


def test_gradients_without_backward() -> None:
    w = wg.tensor([1.0, 2.0], requires_grad=True)

    @wg.compile
    def curvature(x: Any) -> Any:
        (g,) = wg.autograd.grad(((w * x) ** 3).sum(), w, create_graph=True)
        (h,) = wg.autograd.grad(g.sum(), w)
        return g, h

    for x in (np.ones(2), np.array([2.0, 3.0])):
        g, h = curvature(x)
        np.testing.assert_allclose(g.numpy(), 3 * w.detach().numpy() ** 2 * x**3)
        np.testing.assert_allclose(h.numpy(), 6 * w.detach().numpy() * x**3)
        assert not g.requires_grad
    assert w.grad is None


def test_who_holds_an_old_array_keeps_the_old_values() -> None:
    twin = Twin(network(), OPTIMIZERS["adam"])
    data = batches(6)
    for x, y in data[:3]:
        twin.run(x, y)
    model, optimizer = twin.models[0], twin.optimizers[0]
    p = model[0].weight
    kept = [p.detach().numpy(), p.grad.numpy(), optimizer.state[p]["exp_avg"]]
    copies = [x.copy() for x in kept]
    y_before = model(data[0][0])  # recorded lines hold the values they read
    for x, y in data[3:]:
        twin.run(x, y)
    for x, wanted in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(x, wanted)
    assert not np.array_equal(p.detach().numpy(), copies[0])
    twin.check()
    y_before.sum().backward()


# ----- failures -------------------------------------------------------------------------------------------------
def everything(model: Any, optimizer: Any) -> Any:
    gradients = [None if p.grad is None else p.grad.numpy().copy() for p in model.parameters()]
    return model.state_dict(), optimizer.state_dict(), gradients, wg.random.get_rng_state()


def assert_equal_trees(a: Any, b: Any) -> None:
    for x, y in zip(wg.tree_leaves(a), wg.tree_leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_gradient_that_is_not_finite(name: str) -> None:
    twin = Twin(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), OPTIMIZERS[name])
    for x, y in batches(3):
        twin.run(x, y)
    before = everything(twin.models[0], twin.optimizers[0])
    bad = np.full((8, 3), np.nan)
    with pytest.raises(wg.errors.NonFiniteError, match=r"gradient of parameter '.*' .* is NaN in step 4"):
        twin.compiled(bad, y)
    after = everything(twin.models[0], twin.optimizers[0])
    assert_equal_trees(
        [before[0], before[1], before[3]], [after[0], after[1], after[3]]
    )  # gradients may be the bad ones
    with pytest.raises(wg.errors.NonFiniteError):
        twin.steps[1](bad, y)
    assert np.isfinite(float(twin.compiled(x, y)))


def test_a_step_that_fails_while_it_is_recorded() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    (x, y), *_ = batches(1)
    model(x)
    before = everything(model, optimizer)

    @wg.compile
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        with wg.no_grad():
            model(x)
        raise KeyError("on purpose")

    for _ in range(2):
        with pytest.raises(KeyError, match="on purpose"):
            step(x, y)
        assert_equal_trees(before, everything(model, optimizer))
    for p in model.parameters():
        assert type(p.value) is np.ndarray
        assert p.is_leaf
        assert p.requires_grad
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()


def test_a_shape_that_does_not_fit_changes_nothing() -> None:
    twin = Twin(network(), OPTIMIZERS["adam"])
    for x, y in batches(2):
        twin.run(x, y)
    before = everything(twin.models[0], twin.optimizers[0])
    with pytest.raises(wg.errors.ShapeError):
        twin.compiled(np.ones((8, 5)), y)
    assert_equal_trees(before, everything(twin.models[0], twin.optimizers[0]))
    twin.run(x, y)
    twin.check()


def test_a_leaf_that_is_made_inside_belongs_to_the_call() -> None:
    @wg.compile
    def attack(x: Any) -> Any:
        x = wg.tensor(np.zeros(3)) + x
        x = x.detach().requires_grad_()
        (x**3).sum().backward()
        total = wg.tensor(np.zeros(3))
        total.add_(x.grad)
        return total

    for x in (np.ones(3), np.arange(3.0)):
        np.testing.assert_allclose(attack(x).numpy(), 3 * x**2)


def test_history_from_outside_is_refused() -> None:
    w = wg.tensor([1.0, 2.0], requires_grad=True)
    z = w * 2

    @wg.compile
    def step(x: Any) -> Any:
        loss = (z * x).sum()
        loss.backward()
        return loss

    with pytest.raises(wg.errors.GraphError, match="computed before the compiled function ran"):
        step(np.ones(2))
    (z * 3).sum().backward()
    assert w.grad.tolist() == [6.0, 6.0]


# ----- numbers of steps ---------------------------------------------------------------------------------------
def test_parameters_that_are_updated_at_different_times() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 2), nn.Linear(3, 2)
            self.first = True

        def forward(self, x: Any) -> Any:
            return self.a(x) if self.first else self.a(x) + self.b(x)

    twin = Twin(Two(), OPTIMIZERS["adam"])
    for k, (x, y) in enumerate(batches(9)):
        for m in twin.models:
            m.first = k % 3 == 0
        twin.run(x, y)
        twin.check()
    a, b = (twin.optimizers[0].state[p]["step"] for p in (twin.models[0].a.bias, twin.models[0].b.bias))
    assert (a, b) == (9, 6)
    assert type(a) is int


def test_answers_about_numbers_that_the_step_changes() -> None:
    class Warm(optim.Optimizer):
        """Small steps first: Python asks for the number of the step in each call."""

        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 0.1, "warm": 3})

        def update(self, p: Any, g: Any, state: Any, group: Any) -> Any:
            t = state["step"] = state.get("step", 0) + 1
            rate = group["lr"] * t / group["warm"] if t <= group["warm"] else group["lr"]
            return p - rate * g

    twin = Twin(network(), Warm)
    for x, y in batches(8):
        twin.run(x, y)
    twin.check()
    assert len(twin.compiled.retraces) == 2
    for o in twin.optimizers:
        o.param_groups[0]["warm"] = 20
    for x, y in batches(3):
        twin.run(x, y)
    twin.check()
    assert len(twin.compiled.retraces) == 3


# ----- averages, other ways to write a step -------------------------------------------------------------------
@pytest.mark.parametrize("average", [None, optim.get_ema_avg_fn(0.9)])
def test_averaged_weights(average: Any) -> None:
    models = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))]
    models.append(copy.deepcopy(models[0]))
    means = [optim.AveragedModel(m, avg_fn=average) for m in models]

    def step(m: Any, o: Any, mean: Any) -> Any:
        def run(x: Any, y: Any) -> Any:
            o.zero_grad()
            loss = nn.functional.cross_entropy(m(x), y)
            loss.backward()
            o.step()
            mean.update_parameters(m)
            return loss

        return run

    runs = [step(m, optim.SGD(m.parameters(), lr=0.1), a) for m, a in zip(models, means, strict=True)]
    runs[0] = wg.compile(runs[0])
    for x, y in batches(6):
        for run in runs:
            run(x, y)
    same_models(*models)
    same_models(*means)
    assert int(means[0].n_averaged) == 6
    assert len(runs[0].retraces) == 2  # the first weights are taken as they are


def test_updates_by_hand_and_buffers_of_ones_own() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(np.ones(3))
            self.register_buffer("calls", np.array(0))
            self.register_buffer("mean", wg.tensor(np.zeros(3)))

        def forward(self, x: Any) -> Any:
            self.calls = self.calls + 1
            with wg.no_grad():
                self.mean.mul_(0.5).add_(x * 0.5)
            return (self.w * x).sum()

    models = [Counting()]
    models.append(copy.deepcopy(models[0]))

    def step(m: Any) -> Any:
        def run(x: Any) -> Any:
            for p in m.parameters():
                p.grad = None
            loss = m(x)
            loss.backward()
            with wg.no_grad():
                for p in m.parameters():
                    p -= 0.1 * p.grad
            return loss

        return run

    runs = [wg.compile(step(models[0])), step(models[1])]
    for k in range(5):
        a, b = (run(np.arange(3.0) + k) for run in runs)
        np.testing.assert_allclose(float(a), float(b), rtol=1e-12)
    same_models(*models)
    assert int(models[0].calls) == 5
    assert len(runs[0].retraces) == 1


def test_random_draws() -> None:
    @wg.compile
    def noisy(x: Any) -> Any:
        return x + wg.random.randn(3) * wg.random.rand(3), wg.random.randperm(4)

    wg.random.manual_seed(7)
    ours = [noisy(np.zeros(3)) for _ in range(4)]
    after = wg.random.get_rng_state()
    wg.random.manual_seed(7)
    for a, p in ours:
        b = np.zeros(3) + wg.random.randn(3) * wg.random.rand(3)
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12)
        np.testing.assert_array_equal(np.asarray(p), wg.random.randperm(4).numpy())
    np.testing.assert_array_equal(after, wg.random.get_rng_state())
    assert len(noisy.retraces) == 1


def test_modules_among_the_arguments() -> None:
    gradient = wg.compile(wg.value_and_grad(lambda m, x: (m(x) ** 2).sum()))
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    x = np.ones((2, 3))
    with wg.no_grad():
        for _ in range(3):
            state = wg.random.get_rng_state()
            value, g = gradient(model, x)
            wg.random.set_rng_state(state)
            wanted = wg.value_and_grad(lambda m, x: (m(x) ** 2).sum())(model, x)
            np.testing.assert_allclose(float(value), float(wanted[0]), rtol=1e-12)
            for a, b in zip(wg.tree_leaves(g), wg.tree_leaves(wanted[1]), strict=True):
                np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12)
            model = wg.tree_map(lambda p, q: p - 0.1 * q, model, g)
        assert gradient.eager_calls == 0
        model.eval()
        np.testing.assert_allclose(float(gradient(model, x)[0]), float((model(x) ** 2).sum()), rtol=1e-12)
        assert len(gradient.retraces) == 2
        norm = nn.BatchNorm1d(3)
        gradient(norm, x)
        assert gradient.eager_calls == 1
        assert int(norm.num_batches_tracked) == 0


# ----- refused -------------------------------------------------------------------------------------------------
KEPT: Any = None


def test_tensors_of_the_recording_cannot_be_kept() -> None:
    class Box:
        pass

    box, model = Box(), network()

    def in_a_global(x: Any) -> Any:
        global KEPT
        KEPT = x * 2
        return x

    def in_an_attribute(x: Any) -> Any:
        box.kept = x * 2
        return x

    def in_a_module(x: Any) -> Any:
        model.kept = x * 2
        return x

    for f, words in {
        in_a_global: "in_a_global changes what it reads: global `KEPT`",
        in_an_attribute: r"in_an_attribute keeps a tensor .* test_imperative.py:\d+ in in_an_attribute",
        in_a_module: "Sequential.kept is set while the function is recorded",
    }.items():
        with pytest.raises(wg.errors.CompileError, match=words):
            wg.compile(f)(np.ones(2))
    assert not hasattr(model, "kept")


def test_what_would_happen_once_is_refused() -> None:
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    schedule = optim.StepLR(optimizer, 1)
    newton = optim.LBFGS(model.parameters())
    for f, words in {
        (lambda x: str(model(x))): "print: .* is not known while",
        (lambda x: f"{model(x)}"): "print: ",
        (lambda x: model.train() and x): "train: not possible",
        (lambda x: schedule.step()): r"the options of SGD\['lr'\] is set while",
        (lambda x: newton.step(lambda: x)): "LBFGS.step: not possible",
        (lambda x: model.load_state_dict({})): "load_state_dict: not possible",
        (lambda x: model.state_dict()): "state_dict: not possible",
        (lambda x: optimizer.add_param_group({"params": []})): "add_param_group: not possible",
        (lambda x: model[0].weight.register_hook(print)): "register_hook: not possible",
        (lambda x: wg.random.manual_seed(3)): "the seed of a generator: not possible",
        (lambda x: 1 if model(x).sum() > 0 else 0): "is not known while",
    }.items():
        with pytest.raises((wg.errors.CompileError, wg.errors.TracedValueError), match=words) as caught:
            wg.compile(f)(np.ones(3))
        assert "test_imperative.py:" in str(caught.value)
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert model.training


# ----- many steps at once ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["sgd", "adam", "radam"])
def test_repeat(name: str) -> None:
    twin = Twin(nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.Linear(4, 2)), OPTIMIZERS[name])
    data = batches(12)
    xs, ys = (np.stack(column) for column in zip(*data, strict=True))
    state = wg.random.get_rng_state()
    losses = [twin.compiled.repeat(6, xs[:6], ys[:6]), twin.compiled.repeat(6, xs[6:], ys[6:])]
    wg.random.set_rng_state(state)
    wanted = [float(twin.steps[1](x, y)) for x, y in data]
    assert losses[0].shape == (6,)
    np.testing.assert_allclose(np.concatenate([x.numpy() for x in losses]), wanted, rtol=1e-12)
    twin.check()


def test_repeat_of_a_function() -> None:
    squares = wg.compile(lambda x, k: {"y": x * k, "k": k})
    found = squares.repeat(3, np.arange(6.0).reshape(3, 2), 2)
    np.testing.assert_array_equal(found["y"], np.arange(6.0).reshape(3, 2) * 2)
    assert found["k"].tolist() == [2, 2, 2]
    with pytest.raises(wg.errors.ShapeError, match="needs arrays of 4 rows"):
        squares.repeat(4, np.ones((3, 2)), 2)
    with pytest.raises(wg.errors.ArgumentError, match="got n=0"):
        squares.repeat(0, np.ones((0, 2)), 2)
