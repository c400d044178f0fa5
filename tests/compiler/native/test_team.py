"""Several threads: the same numbers as one, whatever is shared out; Python threads, forks, other processors."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from llvmlite import binding as llvm

import wengert as wg
from tests.compiler.native.comparing import made, tape_of
from wengert import nn, optim
from wengert.compiler.native import driver
from wengert.testing.programs import random_program

ROUNDS = 2000 if os.environ.get("WENGERT_LONG") else 200


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every kernel with more than one task is shared out, however small it is."""
    monkeypatch.setattr(driver, "_ALONE", 0.0)
    monkeypatch.setattr(driver, "_SMALL", 0.0)
    before = wg.get_num_threads()
    yield
    wg.set_num_threads(before)


def same(found: Any, wanted: Any) -> None:
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def rows(x: Any, w: Any) -> tuple[Any, ...]:
    """Rows, columns, sums of everything, products, scans, index arrays, cumulative sums: all are shared out."""
    y = wg.tanh(x @ w)
    c, ys = wg.scan(lambda c, r: (0.5 * c + wg.tanh(r @ w[: r.shape[0]]), c.sum()), y[0], x)
    picked = y[np.arange(len(y))[::-1].copy()]
    return (
        wg.softmax(y, 1), wg.softmax(y, 0), (y * x.sum()).sum(), y.max(0), wg.cumsum(y, axis=0), c, ys, picked,
        y.T @ picked, (y - y.mean(0)) / wg.sqrt(y.var(0) + 1), y.argmax(1),
    )  # fmt: skip


@pytest.mark.parametrize("count", [2, 3])
def test_one_thread_or_several(count: int, shared: None) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(150, 40)), rng.normal(size=(40, 40)) * 0.2
    tape = tape_of(rows, [x, w])
    wg.set_num_threads(1)
    wanted = made(tape)([x, w])
    wg.set_num_threads(count)
    program = made(tape)
    assert program.threads
    for _ in range(ROUNDS):
        same(program([x, w]), wanted)


def test_random_programs_on_two_threads(shared: None) -> None:
    for seed in range(10):
        program = random_program(np.random.default_rng(seed).integers)
        inputs = [np.asarray(x) for x in program.inputs]
        tape = tape_of(wg.grad(program), inputs)
        wg.set_num_threads(1)
        wanted = made(tape)(inputs)
        wg.set_num_threads(2)
        several = made(tape)
        for _ in range(20):
            same(several(inputs), wanted)


def trained(make: Any, count: int, steps: int) -> list[np.ndarray]:
    """The state after some compiled steps on so many threads."""
    wg.set_num_threads(count)
    wg.random.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 33), nn.BatchNorm1d(33), nn.GELU(), nn.Dropout(0.2), nn.Linear(33, 7))
    optimizer = make(model.parameters())
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 20)).astype(np.float32), rng.integers(0, 7, 50)

    @wg.compile
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    losses = [np.asarray(float(step(x, y))) for _ in range(steps)]
    step.repeat(3, np.stack([x] * 3), np.stack([y] * 3))
    state = wg.tree_leaves(optimizer.state_dict()["state"])
    return [*losses, *model.state_dict().values(), *[np.asarray(s) for s in state]]


@pytest.mark.parametrize("make", [lambda p: optim.Adam(p, lr=1e-2), lambda p: optim.SGD(p, lr=0.1, momentum=0.9)])
def test_a_training_step_on_several_threads(make: Any, shared: None) -> None:
    wanted = trained(make, 1, ROUNDS // 4)
    for count in (2, 3):
        same(trained(make, count, ROUNDS // 4), wanted)


def test_python_threads(shared: None) -> None:
    """The same and different functions, compiled and called by several threads at once."""
    wg.set_num_threads(2)
    rng = np.random.default_rng(0)
    xs = [rng.normal(size=(30, 20)) for _ in range(4)]
    plain = [lambda x: (wg.tanh(x) @ x.T).sum(1), lambda x: wg.softmax(x, 0), lambda x: wg.cumsum(x * x, axis=1)]
    compiled = [wg.compile(f) for f in plain]
    wanted = [[np.asarray(f(x)) for x in xs] for f in plain]
    wrong: list[Any] = []

    def work(number: int) -> None:
        try:
            for k in range(ROUNDS):
                which, x = (number + k) % 3, (number * 7 + k) % 4
                np.testing.assert_allclose(np.asarray(compiled[which](xs[x])), wanted[which][x], rtol=1e-12, atol=1e-14)
        except BaseException as error:  # told by the test
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_fork_after_compiling(shared: None) -> None:
    wg.set_num_threads(2)
    f = wg.compile(lambda x: (wg.tanh(x @ x.T).sum(0), wg.softmax(x, 1)))
    x = np.random.default_rng(0).normal(size=(40, 30))
    wanted = f(x)
    child = os.fork()
    if child == 0:  # pragma: no cover  (in the child)
        good = False
        try:
            same(f(x), wanted)
            np.testing.assert_allclose(wg.compile(lambda x: wg.exp(x).sum(0))(x), np.exp(x).sum(0))
            good = True
        finally:
            os._exit(not good)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    same(f(x), wanted)


PROCESSOR = """
import numpy as np, wengert as wg
from wengert import nn
rng = np.random.default_rng(0)
for dtype in (np.float64, np.float32):
    x, w = rng.normal(size=(37, 19)).astype(dtype), rng.normal(size=(19, 21)).astype(dtype)
    images, kernel = rng.normal(size=(2, 3, 11, 9)).astype(dtype), rng.normal(size=(5, 3, 3, 2)).astype(dtype)
    def f(x, w, images, kernel):
        y = nn.functional.conv2d(images, kernel, padding=1)
        p = nn.functional.max_pool2d(wg.relu(y), 2)
        m = wg.tanh(x @ w * 0.1)
        return (wg.softmax(m, 1), m.sum(), (p * p).sum(), wg.cumsum(m, axis=0), m.argmax(1), wg.exp(m.T)[::-1],
                wg.linalg.norm(m), m[np.array([3, 1, -1])], wg.erf(m))
    def loss(*xs):
        return sum((y * y).sum() for y in f(*xs) if y.dtype == dtype)
    bound = 1e-12 if dtype == np.float64 else 2e-5
    for g in (f, wg.grad(loss, argnums=(0, 1, 3))):
        wanted, found = g(x, w, images, kernel), wg.compile(g)(x, w, images, kernel)
        for a, b in zip(found, wanted):
            a, b = np.asarray(a), np.asarray(b)
            np.testing.assert_allclose(a, b, rtol=bound, atol=bound * max(1.0, float(np.abs(b).max())))
"""


@pytest.mark.parametrize("cpu", ["baseline", "haswell", "skylake-avx512"])
def test_other_processors(cpu: str) -> None:
    """Code for processors with less than this one; with as much, where it has that."""
    if cpu != "baseline" and not _has({"haswell": "avx2", "skylake-avx512": "avx512f"}[cpu]):
        pytest.skip(f"this processor lacks instructions of {cpu}")
    environment = os.environ | {"WENGERT_CPU": cpu, "WENGERT_POISON": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROCESSOR], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _has(feature: str) -> bool:
    return bool(llvm.get_host_cpu_features().get(feature))
