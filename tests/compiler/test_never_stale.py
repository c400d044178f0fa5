"""Whatever happens between its calls, a compiled step does what the eager one does: random histories of a training."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import wengert as wg
from wengert import nn, optim


class Pair:
    """Two equal trainings, one with a compiled step; every action is done to both."""

    def __init__(self, optimizer: int) -> None:
        wg.random.manual_seed(optimizer)
        make: Callable[[Any], optim.Optimizer] = [
            lambda ps: optim.SGD(ps, lr=0.05, momentum=0.5),
            lambda ps: optim.AdamW(ps, lr=0.05),
            lambda ps: optim.RAdam(ps, lr=0.05),
        ][optimizer]
        model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.3), nn.Linear(5, 2))
        self.models = [model, copy.deepcopy(model)]
        self.optimizers = [make(m.parameters()) for m in self.models]
        self.eager = [self.step(m, o) for m, o in zip(self.models, self.optimizers, strict=True)]
        self.compiled = wg.compile(self.eager[0])
        self.accumulate = wg.compile(self.gradients(self.models[0]))
        self.saved = [(m.state_dict(), o.state_dict()) for m, o in zip(self.models, self.optimizers, strict=True)]
        self.held: list[tuple[Any, Any]] = []
        self.handles: list[Any] = []
        self.rng = np.random.default_rng(0)

    def step(self, model: Any, optimizer: Any) -> Any:
        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return step

    def gradients(self, model: Any) -> Any:
        def gradients(x: Any, y: Any) -> Any:
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            return loss

        return gradients

    def both(self, ours: Any, theirs: Any) -> None:
        x, y = self.rng.normal(size=(6, 3)), self.rng.integers(0, 2, 6)
        state = wg.random.get_rng_state()
        a = ours(x, y)
        wg.random.set_rng_state(state)
        b = theirs(x, y)
        np.testing.assert_allclose(float(a), float(b), rtol=1e-9)

    def act(self, action: int, choice: int) -> None:
        acts: list[Callable[[], Any]] = [
            lambda: self.both(self.compiled, self.eager[1]),
            lambda: self.both(self.accumulate, self.gradients(self.models[1])),
            lambda: self.both(self.eager[0], self.eager[1]),
            lambda: self.each(lambda m, o: m.train(not m.training)),
            lambda: self.each(lambda m, o: o.param_groups[0].update(lr=0.01 * (choice + 1))),
            lambda: self.each(lambda m, o: o.param_groups[0].__setitem__("weight_decay", 0.1 * (choice % 2))),
            lambda: self.each(lambda m, o: o.zero_grad()),
            lambda: self.each(lambda m, o: m[0].bias.requires_grad_(not m[0].bias.requires_grad)),
            lambda: self.each(lambda m, o: setattr(m[3], "p", 0.1 * choice)),
            lambda: self.each(lambda m, o: m[4].weight.assign_(np.full((2, 5), 0.1 * choice))),
            lambda: self.each(lambda m, o: m.__setitem__(2, (nn.Tanh, nn.ReLU, nn.Sigmoid)[choice % 3]())),
            self.save, self.load, self.hook, self.hold,
        ]  # fmt: skip
        acts[action % len(acts)]()

    def each(self, change: Callable[[Any, Any], Any]) -> None:
        for m, o in zip(self.models, self.optimizers, strict=True):
            change(m, o)

    def save(self) -> None:
        self.saved = [(m.state_dict(), o.state_dict()) for m, o in zip(self.models, self.optimizers, strict=True)]

    def load(self) -> None:
        for m, o, (values, state) in zip(self.models, self.optimizers, self.saved, strict=True):
            m.load_state_dict(values)
            o.load_state_dict(state)

    def hook(self) -> None:
        if self.handles:
            while self.handles:
                self.handles.pop().remove()
        else:
            self.handles = [m[4].weight.register_hook(lambda g: g * 0.5) for m in self.models]

    def hold(self) -> None:
        for p in self.models[0].parameters():
            for t in (p.detach(), p.grad):
                if t is not None:
                    self.held.append((t.numpy(), t.numpy().copy()))

    def check(self) -> None:
        ours, theirs = (m.state_dict() for m in self.models)
        for key in ours:
            np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-8, atol=1e-11, err_msg=key)
        for p, q in zip(*(m.parameters() for m in self.models), strict=True):
            assert (p.grad is None) == (q.grad is None)
            if p.grad is not None:
                np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-8, atol=1e-11)
        for entries in zip(*(o.state_dict()["state"].values() for o in self.optimizers), strict=True):
            assert list(entries[0]) == list(entries[1])
            for key in entries[0]:
                np.testing.assert_allclose(entries[0][key], entries[1][key], rtol=1e-8, atol=1e-11)
        for array, kept in self.held:
            np.testing.assert_array_equal(array, kept)


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    wg.set_default_dtype(np.float64)
    yield
    wg.set_default_dtype(np.float32)


# Steps come more often than the rest.
actions = st.lists(
    st.tuples(st.one_of(st.integers(0, 2), st.integers(0, 14)), st.integers(0, 5)), min_size=5, max_size=25
)


def follow(optimizer: int, history: list[tuple[int, int]]) -> None:
    pair = Pair(optimizer)
    for action, choice in history:
        pair.act(action, choice)
        pair.check()


@pytest.mark.filterwarnings("ignore:.*the gradients were not used by any step")
@hypothesis.settings(derandomize=True, deadline=None, max_examples=40, database=None)
@hypothesis.given(st.integers(0, 2), actions)
def test_random_histories_on_numpy(optimizer: int, history: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WENGERT_BACKEND", "numpy")
        follow(optimizer, history)


@pytest.mark.filterwarnings("ignore:.*the gradients were not used by any step")
@hypothesis.settings(derandomize=True, deadline=None, max_examples=5, database=None)
@hypothesis.given(st.integers(0, 2), actions)
def test_random_histories(optimizer: int, history: list[tuple[int, int]]) -> None:
    follow(optimizer, history)
