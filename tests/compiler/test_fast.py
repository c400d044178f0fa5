"""Calls that are machine code from the first guard to the returned object: nothing is ever stale, lost or leaked."""

from __future__ import annotations

import copy
import ctypes
import gc
import sys
import threading
import types
import weakref
from typing import Any, ClassVar

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.base.errors import NonFiniteError
from wengert.compiler import native
from wengert.compiler.fast import Whole
from wengert.compiler.native import memory
from wengert.compiler.native.call import Sheet
from wengert.core.epoch import EPOCH
from wengert.core.tree import flatten

if not native.available() or memory.POISON:
    pytest.skip("in test mode, and on NumPy, no call is machine code throughout", allow_module_level=True)

FACTOR = 2.0
X = np.arange(4.0)
SHIFT = wg.tensor(2.5, dtype="float64")


def factor() -> float:
    return FACTOR


def whole(step: Any) -> Whole:
    """The way that calls of a compiled function take now."""
    way = step._whole
    assert way is not None
    assert way.others or isinstance(type(step).__call__, types.BuiltinFunctionType)
    return way


def warm(f: Any, *args: Any) -> Any:
    step = wg.compile(f)
    for _ in range(2):
        step(*args)
    return step


# ----- what is returned -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2,
        lambda x: np.sum(x),
        lambda x: (x + 1, np.sum(x)),
        lambda x: {"a": x + 1, "b": [np.sum(x), x.reshape(2, 2) * 3]},
        lambda x: SHIFT * x,
        lambda x: (SHIFT * x, x + 1, "a word", None),
        lambda x: (SHIFT + x).sum(),
    ],
)
def test_what_is_returned(f: Any) -> None:
    step = warm(f, X)
    whole(step)
    found, wanted = step(X + 1), f(X + 1)
    assert flatten(found)[1] == flatten(wanted)[1]
    for a, b in zip(wg.tree_leaves(found), wg.tree_leaves(wanted), strict=True):
        assert type(a) is type(b)
        if isinstance(a, wg.Tensor):
            assert a.node is None and a.rec is None
            a, b = np.asarray(a.value), np.asarray(b.value)
        if isinstance(a, np.ndarray | np.generic):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b)
        else:
            assert a == b
    assert len(step.retraces) == 1


def test_arguments_of_other_kinds_take_the_general_way() -> None:
    step = warm(lambda x, scale=1.0: x * scale, X)
    for x in (X.astype(np.float32), np.arange(5.0), np.arange(8.0)[::2], X.reshape(2, 2), wg.tensor(X), 3.0):
        found = step(x)
        np.testing.assert_array_equal(np.asarray(found), np.asarray(x))
        assert isinstance(found, wg.Tensor) is isinstance(x, wg.Tensor)
    np.testing.assert_array_equal(step(X, scale=3.0), 3 * X)
    np.testing.assert_array_equal(step(X, 3.0), 3 * X)
    np.testing.assert_array_equal(step(X), X)
    with pytest.raises(TypeError):
        step(X, X, X)
    with pytest.raises(TypeError):
        step()


def test_an_index_out_of_bounds() -> None:
    step = warm(lambda x, i: x[i], X, np.array([0, 3]))
    whole(step)
    for _ in range(2):
        with pytest.raises(IndexError):
            step(X, np.array([0, 9]))
        np.testing.assert_array_equal(step(X, np.array([1, 2])), [1.0, 2.0])


# ----- guards ---------------------------------------------------------------------------------------------
def test_names_and_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    shift = 1.0

    def f(x: Any) -> Any:
        return x * factor() + shift + abs(-1)  # noqa: F821

    step = warm(f, X)
    assert not whole(step).others
    shift = 5.0
    np.testing.assert_array_equal(step(X), 2 * X + 6)
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    np.testing.assert_array_equal(step(X), 3 * X + 6)
    monkeypatch.setitem(globals(), "abs", lambda x: 10.0)  # hides Python's own
    np.testing.assert_array_equal(step(X), 3 * X + 15)
    monkeypatch.setitem(globals(), "factor", lambda: 0.0)
    np.testing.assert_array_equal(step(X), 0 * X + 15)
    del shift
    with pytest.raises(NameError):
        step(X)


def test_guards_that_python_looks_at() -> None:
    settings = {"scale": 2.0}
    step = warm(lambda x: x * settings["scale"], X)
    assert whole(step).others
    settings["scale"] = 7.0
    np.testing.assert_array_equal(step(X), 7 * X)
    assert whole(step).others


def test_the_default_dtype() -> None:
    step = warm(lambda x: wg.zeros(2) + x, np.ones(2, np.float32))
    whole(step)
    wg.set_default_dtype("float64")
    try:
        assert step(np.ones(2, np.float32)).dtype == np.float64
    finally:
        wg.set_default_dtype("float32")
    assert step(np.ones(2, np.float32)).dtype == np.float32


def test_recording_is_of_a_thread() -> None:
    """A step that asks whether it records, called where it does and where it does not, and while others do not."""
    x, held, left = np.ones(3), threading.Event(), threading.Event()

    def f(x: Any) -> Any:
        return x * (3.0 if wg.is_grad_enabled() else -1.0)

    def other() -> None:
        with wg.no_grad():
            held.set()
            left.wait(10)

    step, quiet = warm(f, x), wg.compile(f)
    whole(step)
    with wg.no_grad():
        np.testing.assert_array_equal(step(x), -x)
        for _ in range(3):
            np.testing.assert_array_equal(quiet(x), -x)
        whole(quiet)
        with wg.enable_grad():
            np.testing.assert_array_equal(step(x), 3 * x)
            np.testing.assert_array_equal(quiet(x), 3 * x)
    np.testing.assert_array_equal(step(x), 3 * x)
    np.testing.assert_array_equal(quiet(x), 3 * x)
    thread = threading.Thread(target=other)
    thread.start()
    assert held.wait(10)
    np.testing.assert_array_equal(step(x), 3 * x)
    np.testing.assert_array_equal(quiet(x), 3 * x)
    with wg.no_grad():  # two threads now
        np.testing.assert_array_equal(step(x), -x)
        np.testing.assert_array_equal(quiet(x), -x)
    left.set()
    thread.join()
    with wg.no_grad():
        np.testing.assert_array_equal(quiet(x), -x)
    np.testing.assert_array_equal(step(x), 3 * x)


def test_inside_other_recordings() -> None:
    inner = warm(lambda x: x * x, X)
    whole(inner)
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(inner(x)))(X), 2 * X)
    outer = warm(lambda y: inner(X) + inner(y), X)
    np.testing.assert_array_equal(outer(2 * X), 5 * X * X)
    t = wg.tensor(X, requires_grad=True)
    inner(t).sum().backward()
    np.testing.assert_array_equal(t.grad.value, 2 * X)


# ----- training -------------------------------------------------------------------------------------------
def trained(compiled: bool, steps: int) -> tuple[Any, Any, list[float]]:
    wg.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    x = np.random.default_rng(0).normal(size=(5, 3))

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    run = wg.compile(step) if compiled else step
    return run, optimizer, [float(run(x).detach()) for _ in range(steps)]


def test_training() -> None:
    step, optimizer, losses = trained(True, 20)
    assert not whole(step).others
    np.testing.assert_allclose(losses, trained(False, 20)[2], rtol=1e-12)
    optimizer.param_groups[0]["lr"] = 0.0
    x = np.ones((5, 3))
    assert float(step(x).detach()) == float(step(x).detach())
    before = [p.detach().value.copy() for g in optimizer.param_groups for p in g["params"]]
    for _ in range(2):
        with pytest.raises(NonFiniteError):
            step(np.full((5, 3), np.nan))
    for p, value in zip(optimizer.param_groups[0]["params"], before, strict=True):
        np.testing.assert_array_equal(p.detach().value, value)


# ----- lifetimes ------------------------------------------------------------------------------------------
def test_nothing_leaks() -> None:
    x = np.random.default_rng(0).normal(size=(4, 4))
    for f in (lambda x: x * 2, lambda x: np.sum(x), lambda x: (x - 1, [x + 1]), lambda x: SHIFT * x):
        step = warm(f, x)
        whole(step)
        gc.collect()
        counts = [sys.getrefcount(thing) for thing in (x, x.dtype, wg.Tensor, None, NotImplemented, False)]
        blocks = sys.getallocatedblocks()
        for _ in range(1000):
            step(x)
        gc.collect()
        now = [sys.getrefcount(thing) for thing in (x, x.dtype, wg.Tensor, None, NotImplemented, False)]
        assert all(abs(a - b) < 50 for a, b in zip(counts, now, strict=True))
        assert abs(sys.getallocatedblocks() - blocks) < 200
        for _ in range(1000):  # refused each time
            step(x[::2])
        gc.collect()
        assert abs(sys.getallocatedblocks() - blocks) < 1000


def test_it_dies_with_its_object() -> None:
    table = np.array([2.0, 3.0, 4.0, 5.0])
    step = warm(lambda x: x * table, X)
    whole(step)
    assert not table.flags.writeable
    held, gone = type(step).__call__, weakref.ref(step)
    with_gc = gc.isenabled()
    gc.disable()
    try:
        del step
        assert gone() is None  # at once, without a search for circles
    finally:
        if with_gc:
            gc.enable()
    with pytest.raises(ReferenceError):
        held(X)
    del held
    gc.collect()
    assert table.flags.writeable


class Late:
    """Calls a compiled function when both are found to be garbage."""

    answers: ClassVar[list[Any]] = []

    def __init__(self, step: Any) -> None:
        self.step, self.held = step, type(step).__call__

    def __del__(self) -> None:
        try:
            self.answers.append(self.held(X))
        except ReferenceError as gone:
            self.answers.append(str(gone))


@pytest.mark.parametrize("first", [False, True])
def test_called_by_a_finalizer(first: bool) -> None:
    """In a circle of garbage finalizers run one after the other; the machine code is still there."""
    Late.answers.clear()
    for _ in range(10):
        late = Late.__new__(Late) if first else None
        step = warm(lambda x: x * 3, X)
        late = late or Late.__new__(Late)
        late.__init__(step)  # type: ignore[misc]
        step.extra = late
        del step, late
        gc.collect()
    assert len(Late.answers) == 10
    assert all(isinstance(x, str) or np.array_equal(x, 3 * X) for x in Late.answers)


def test_threads_that_ended_paused() -> None:
    """The system uses the numbers of threads again."""
    step = warm(lambda x: x * (3.0 if wg.is_grad_enabled() else -1.0), X)
    found: list[Any] = []

    def pausing() -> None:
        wg.set_grad_enabled(False)
        found.append(step(X))

    for target in (pausing, lambda: found.append(step(X)), pausing, pausing, lambda: found.append(step(X))):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    for x, factor in zip(found, (-1, 3, -1, -1, 3), strict=True):
        np.testing.assert_array_equal(x, factor * X)
    assert EPOCH[2] == 0


def test_half_made() -> None:
    with pytest.raises(TypeError):
        copy.deepcopy(warm(lambda x: x + 1, X))  # warnings of finalizers are errors in these tests


def test_forgotten() -> None:
    step = warm(lambda x: x + 1, X)
    held = type(step).__call__
    step.clear()
    assert type(step).__call__ is not held
    np.testing.assert_array_equal(held(X), X + 1)  # recorded anew
    assert len(step.retraces) == 2


def test_two_kinds_of_calls_that_take_turns() -> None:
    step = wg.compile(lambda x: x + 1)
    for _ in range(3):
        for n in (3, 4):
            np.testing.assert_array_equal(step(np.ones(n)), 2 * np.ones(n))
    first = whole(step)
    assert first.trace.tape.inputs[0].shape == (3,)
    for _ in range(3):
        step(np.ones(4))
    assert whole(step) is not first


def test_the_latest_call() -> None:
    """What is shown is the list of the latest call, whichever way it went."""
    step = wg.compile(lambda x, n=1: x + n)

    def shape() -> tuple[int, ...]:
        return tuple(step.tape.inputs[0].shape)

    for n in (3, 4, 3, 3, 4, 5, 5, 5, 3):
        step(np.ones(n))
        assert shape() == (n,)
        step(np.ones(7), n=2)
        assert shape() == (7,)


def test_copies() -> None:
    step = warm(lambda x: x + 1, X)
    other = copy.copy(step)
    np.testing.assert_array_equal(other(X), X + 1)
    del other
    for _ in range(3):
        np.testing.assert_array_equal(step(X), X + 1)
    step.clear()


def test_no_memory() -> None:
    step = warm(lambda x: (x + 1, x + 2), X)
    sheet = whole(step).sheet
    before = sheet[Sheet.EMPTY]
    sheet[Sheet.EMPTY] = ctypes.cast(ctypes.pythonapi.PyErr_NoMemory, ctypes.c_void_p).value
    with pytest.raises(MemoryError):
        step(X)
    sheet[Sheet.EMPTY] = before
    np.testing.assert_array_equal(step(X)[1], X + 2)


def test_many_threads() -> None:
    step, wrong = warm(lambda x: np.cos(x) + x, X), []
    wanted = [np.cos(X + k) + X + k for k in range(8)]

    def run(k: int) -> None:
        wrong.extend(k for _ in range(2000) if not np.allclose(step(X + k), wanted[k]))

    threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
