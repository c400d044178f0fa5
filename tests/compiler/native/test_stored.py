"""Programs that are found on disk are those that were written."""

from __future__ import annotations

import gc
import json
import pickle
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import wengert as wg
from tests.compiler.test_jit import programs
from wengert import nn, optim
from wengert.compiler.native import cache, memory, writing
from wengert.compiler.native.writing import Writing

pytestmark = pytest.mark.skipif(
    memory.POISON,
    reason="WENGERT_POISON watches what kernels do, so each program is written and none is read from disk",
)

RNG = np.random.default_rng(0)
X, W, ROWS = RNG.standard_normal((9, 7)), RNG.standard_normal((7, 7)), RNG.integers(0, 9, 5)


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("WENGERT_CACHE", raising=False)
    monkeypatch.delenv("WENGERT_SHOW", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def written(monkeypatch) -> list[Any]:
    """The lists that were written."""
    found: list[Any] = []

    class Noted(Writing):
        def __init__(self, *given: Any) -> None:
            found.append(given)
            super().__init__(*given)

    monkeypatch.setattr(writing, "Writing", Noted)
    return found


def plans(place: Path) -> list[Path]:
    return [entry.path for entry in cache.entries(place) if entry.path.suffix == cache.PLAN]


def same(a: Any, b: Any) -> None:
    """Equal in every bit."""
    a, b = wg.tree_leaves(a), wg.tree_leaves(b)
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert type(x) is type(y)
        x, y = np.asarray(x), np.asarray(y)
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        assert x.tobytes() == y.tobytes()


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "elementwise": (lambda x: wg.tanh(x) * 2 + 1, (X,)),
    "several results": (lambda x, w: (x @ w, x.sum(), x.T), (X, W)),
    "windows of results": (lambda x: ((x * 2)[1:, ::2], (x * 2).T), (X,)),
    "an argument handed through": (lambda x: (x, x + 1), (X,)),
    "numbers of NumPy": (lambda x: (x + 1, np.float64(0.1), np.int32(3), float("nan"), -0.0, 1j), (X,)),
    "fixed values": (lambda x: (x + 1, 3, None, 2.5, np.arange(3), W), (X,)),
    "a constant": (lambda x: x @ W + W[0], (X,)),
    "a scan": (lambda x, w: wg.scan(lambda c, row: (wg.tanh(c @ w + row), c.sum()), x[0], x), (X, W)),
    "a branch": (lambda x: wg.cond(x.sum() > 0, lambda: x * 2, lambda: x - 1), (X,)),
    "a gradient": (wg.grad(lambda w, x: (wg.exp(x @ w) ** 2).mean()), (W, X)),
    "indices": (lambda x, i: wg.softmax(x[i], -1), (X, ROWS)),
    "single precision": (lambda x: wg.softmax(x, -1).sum(0), (X.astype(np.float32),)),
    "numbers": (lambda x, n: x * n, (X, 3)),
    "nothing": (lambda x: x * 2, (X[:0],)),
    "threads": (lambda x, w: wg.tanh(x @ w) @ w, (RNG.standard_normal((400, 300)), RNG.standard_normal((300, 300)))),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_second_time_nothing_is_written(place, written, name) -> None:
    f, arguments = FUNCTIONS[name]
    first = wg.compile(f)
    wanted = [first(*arguments) for _ in range(3)]
    assert len(written) == len(plans(place)) == 1
    again = wg.compile(f)
    for value in wanted:
        same(again(*arguments), value)
    assert len(written) == 1
    moved = [np.flip(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in arguments]
    same(again(*moved), first(*moved))
    assert len(again.explain().splitlines()) == len(first.explain().splitlines())  # it is written for that
    assert again.plan == first.plan
    assert again.native_source == first.native_source


@given(program=programs())
@settings(max_examples=30, deadline=None)
def test_random_programs(program) -> None:
    arguments = [np.asarray(x) for x in program.inputs]
    for f in (program, wg.grad(program, argnums=tuple(range(len(arguments))))):
        one, other = wg.compile(f), wg.compile(f)
        for _ in range(2):
            same(other(*arguments), one(*arguments))


def step_of(optimizer: str, seed: int = 0) -> tuple[Any, Any, Any]:
    wg.manual_seed(seed)
    model = nn.Sequential(nn.Linear(7, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.3), nn.Linear(12, 9))
    chosen = getattr(optim, optimizer)(model.parameters(), lr=0.01)
    loss_of = nn.CrossEntropyLoss()

    @wg.compile
    def step(x: Any, y: Any) -> Any:
        chosen.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        chosen.step()
        return loss

    return model, chosen, step


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
def test_training_steps(place, written, optimizer) -> None:
    x, y = X.astype(np.float32), np.arange(9)
    ends = []
    for count in (1, 1):
        model, chosen, step = step_of(optimizer)
        losses = [step(x, y) for _ in range(4)]
        losses += list(step.repeat(3, np.stack([x] * 3), np.stack([y] * 3)))
        ends.append((losses, model.state_dict(), chosen.state_dict()["state"]))
        assert len(written) == count
    same(*ends)


def test_a_call_that_fails_says_why(place, written) -> None:
    x, y = X.astype(np.float32), np.arange(9)
    for _ in range(2):
        model, chosen, step = step_of("Adam")
        step(x, y)
        before = model.state_dict()
        with pytest.raises(wg.errors.NonFiniteError, match="in step 2"):
            step(x * np.inf, y)
        for key, value in model.state_dict().items():
            assert "running" in key or "batches" in key or np.array_equal(value, before[key])
        assert chosen.steps == 1
        picked = wg.compile(lambda x, i: x[i] * 2)
        picked(X, ROWS)
        with pytest.raises(IndexError, match="9"):
            picked(X, ROWS * 0 + 9)
    assert len(written) == 2


def test_results_may_be_written_to(place) -> None:
    """Also those that are constants of the list."""

    def f(x: Any) -> Any:
        return x * 2, wg.ones((3,)) * 2, W[1:3] * 1.0, x[:0].sum(0)

    for _ in range(2):
        g = wg.compile(f)
        wanted = [np.array(y) for y in g(X)]
        for y in g(X):
            y[...] = 77
        same(list(g(X)), wanted)


def test_programs_that_are_dropped_go_at_once(place) -> None:
    """Nothing of a program that was found is part of a circle."""
    for _ in range(2):
        f = wg.compile(lambda x: x * 2)
        f(X)
        gone = weakref.ref(f._latest().native.program)
        gc.collect()
        gc.disable()
        try:
            del f
            assert gone() is None
        finally:
            gc.enable()


def test_arrays_that_were_pickled(place) -> None:
    """Their dtype is another object than NumPy's own."""
    x = pickle.loads(pickle.dumps(X))
    assert x.dtype is not X.dtype
    for first, second in ((x, X), (X, x)):
        f = wg.compile(lambda a, b: (a * 2 + b).sum(0))
        for _ in range(2):
            np.testing.assert_allclose(f(first, second), (X * 2 + X).sum(0), rtol=1e-12)
    for _ in range(2):
        g = wg.compile(lambda a: a + x)
        np.testing.assert_array_equal(g(x), X + X)


def test_what_computes_nothing_is_not_kept(place, written) -> None:
    for count in (1, 2):
        assert wg.compile(lambda x: (x, 3))(X)[1] == 3
        assert len(written) == count
    assert plans(place) == []


def test_lines_on_numpy_are_not_kept(place, written) -> None:
    for count in (1, 2):
        np.testing.assert_array_equal(wg.compile(lambda x: wg.sort(x, 0) * 2)(X), np.sort(X, 0) * 2)
        assert len(written) == count
    assert plans(place) == []


def test_large_constants_are_not_kept(place, written) -> None:
    """They are those of the list, which is there anyway."""
    large = RNG.standard_normal((300, 300))
    for shift, count in ((0.0, 1), (0.0, 1), (1.0, 2)):
        data = large + shift
        np.testing.assert_allclose(wg.compile(lambda x, data=data: data @ x)(X[0].repeat(43)[:300]),
                                   data @ X[0].repeat(43)[:300], rtol=1e-12)  # fmt: skip
        assert len(written) == count
    assert all(path.stat().st_size < 4000 for path in plans(place))


@pytest.mark.parametrize("harm", ["empty", "no plan", "half a plan", "an odd number", "no code", "other bytes"])
def test_what_is_harmed_is_written_anew(place, written, harm) -> None:
    f = wg.compile(lambda x: x @ W + 1)
    wanted = f(X)
    (path,) = plans(place)
    whole = cache.load(path.stem, cache.PLAN)
    assert whole is not None
    body = json.loads(whole)
    if harm == "no code":
        (place / f"{body['code']}{cache.CODE}").unlink()
    elif harm == "other bytes":
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    else:
        short = {k: v for k, v in body.items() if k != "slots"}
        odd = {**body, "allocated": [1000]}
        texts = {"empty": "", "no plan": "[]", "half a plan": json.dumps(short), "an odd number": json.dumps(odd)}
        cache.store(path.stem, texts[harm].encode(), cache.PLAN)
    same(wg.compile(lambda x: x @ W + 1)(X), wanted)
    assert len(written) == 2
    assert cache.load(path.stem, cache.PLAN) == whole
    same(wg.compile(lambda x: x @ W + 1)(X), wanted)
    assert len(written) == 2


def test_what_shows_the_passes_runs_them(place, written, monkeypatch, capfd) -> None:
    for count in (1, 2):
        monkeypatch.setenv("WENGERT_SHOW", "passes")
        wg.compile(lambda x: x * 2 + 0)(X)
        assert "recorded (2 lines)" in capfd.readouterr().err
        assert len(written) == count
