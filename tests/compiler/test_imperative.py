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

    def check(self, rtol: float = 1e-12) -> None:
        same_models(*self.models, rtol=rtol)
        a, b = (o.state_dict() for o in self.optimizers)
        assert a["steps"] == b["steps"]
        assert a["param_groups"] == b["param_groups"]
        for one, other in zip(a["state"].values(), b["state"].values(), strict=True):
            assert list(one) == list(other)
            for key in one:
                assert type(one[key]) is type(other[key]), key
                np.testing.assert_allclose(one[key], other[key], rtol=rtol, atol=1e-14)


def same_models(ours: Any, theirs: Any, rtol: float = 1e-12) -> None:
    a, b = ours.state_dict(), theirs.state_dict()
    assert list(a) == list(b)
    for key in a:
        assert (a[key].shape, a[key].dtype) == (b[key].shape, b[key].dtype)
        np.testing.assert_allclose(a[key], b[key], rtol=rtol, atol=1e-14, err_msg=key)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None), name
        assert p.requires_grad == q.requires_grad
        assert p.is_leaf
        if p.grad is not None:
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=rtol, atol=1e-14, err_msg=name)


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
