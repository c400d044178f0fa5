"""`wg.compile`: the results of eager code bit for bit, recorded when needed, never stale."""

from __future__ import annotations

import dataclasses
import functools
import gc
import random
import threading
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import wengert as wg
from wengert.base.errors import CompileError, DTypeError, EscapedTensorError, OperandError, TracedValueError
from wengert.compiler import native
from wengert.testing.programs import Program, random_program

SCALE = 2.0
TABLE = np.array([1.0, 2.0, 3.0])
SETTINGS = {"power": 2, "names": ["a"]}


def bits(tree: Any) -> list[Any]:
    return [
        (type(x), x.shape, x.dtype, x.tobytes()) if isinstance(x, np.ndarray | np.generic) else x
        for x in wg.tree_leaves(tree)
    ]


TOLERANCES = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-12, np.dtype(np.complex128): 1e-12}


def alike(found: Any, wanted: Any, dtype: Any = None) -> None:
    """The same kinds of values, bit for bit on NumPy; machine code may round otherwise (in `dtype`)."""
    if not native.available():
        assert bits(found) == bits(wanted)
        return
    found, wanted = wg.tree_leaves(found), wg.tree_leaves(wanted)
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        if not isinstance(b, np.ndarray | np.generic):
            assert a == b
            continue
        assert (type(a), a.shape, a.dtype) == (type(b), b.shape, b.dtype)
        tolerance = TOLERANCES.get(np.dtype(dtype or b.dtype), 0.0)
        scale = max(1.0, float(np.max(np.abs(b[np.isfinite(b)]), initial=0.0))) if b.ndim else max(1.0, abs(b))
        np.testing.assert_allclose(a, b, rtol=100 * tolerance, atol=tolerance * scale)


def same(f: Any, *args: Any, dtype: Any = None) -> None:
    """Compiled is eager on the first and the second call."""
    compiled = wg.compile(f)
    wanted = f(*args)
    alike(compiled(*args), wanted, dtype)
    alike(compiled(*args), wanted, dtype)
    assert len(compiled.retraces) == 1


@st.composite
def programs(draw: Any) -> Program:
    return random_program(lambda n: draw(st.integers(0, n - 1)), 30, 3)


# ----- what it computes ---------------------------------------------------------------------------------
@hypothesis.settings(derandomize=True, deadline=None, max_examples=80, database=None)
@hypothesis.given(programs())
def test_random_programs(program: Program) -> None:
    def scalar(*xs: Any) -> Any:
        return program(*xs)

    everything = tuple(range(len(program.inputs)))
    same(wg.value_and_grad(scalar, everything), *program.inputs)
    same(scalar, *program.inputs)
    other = [np.asfortranarray(x)[::-1] if x.ndim else x for x in program.inputs]
    compiled = wg.compile(wg.grad(scalar, everything))
    compiled(*program.inputs)
    alike(compiled(*other), wg.grad(scalar, everything)(*other))


@hypothesis.settings(derandomize=True, deadline=None, max_examples=25, database=None)
@hypothesis.given(programs())
def test_random_programs_in_batches_and_float32(program: Program) -> None:
    def scalar(*xs: Any) -> Any:
        return program(*xs)

    everything = tuple(range(len(program.inputs)))
    rows = [np.stack([x, x + 0.01, -x]) for x in program.inputs]
    same(wg.vmap(wg.grad(scalar, everything)), *rows)
    same(wg.grad(scalar, everything), *(x.astype(np.float32) for x in program.inputs))


def quartic(x: Any) -> Any:
    return np.sum(np.sin(x) ** 4 + x[0] * x)


@pytest.mark.parametrize(
    "f",
    [
        quartic, wg.grad(quartic), wg.hessian(quartic), wg.jacobian(lambda x: np.outer(x, np.exp(x))),
        wg.vmap(lambda x: wg.grad(np.tanh)(x)), lambda x: wg.hvp(quartic, (x,), (np.ones_like(x),)),
        lambda x: wg.scan(lambda c, a: (c * np.cos(a), c + a), 1.0, x),
        wg.grad(lambda x: wg.scan(lambda c, a: (c * np.cos(a), c), 1.0, x)[0]),
        lambda x: wg.cond(np.sum(x) > 0, np.sin, np.cos, x),
        lambda x: wg.while_loop(lambda c: np.sum(c) < 100.0, lambda c: c * 2.0, x),
        wg.grad(lambda x: np.sum(wg.checkpoint(lambda y: np.sin(np.exp(y)))(x))),
        lambda x: np.linalg.svd(np.outer(x, x) + np.eye(3)), lambda x: np.sort(x)[::-1],
        lambda x: x, lambda x: (x, x), lambda x: np.reshape(x, (3, 1)), lambda x: x.T,
        lambda x: {"a": x + 1, "b": [None, "text", 3, 2.5, np.arange(2)]}, lambda x: (), lambda x: 7,
        lambda x: np.argmax(x), lambda x: x > 1, lambda x: x.astype(np.float32),
    ],
)  # fmt: skip
def test_functions(f: Any) -> None:
    same(f, np.array([0.3, 1.5, -0.7]))


def test_trees_and_keywords() -> None:
    @dataclasses.dataclass
    class Layer:
        w: Any
        b: Any

    def f(layers: Any, *, scale: Any, flip: bool = False) -> Any:
        total = sum(np.sum(layer.w * scale + layer.b) for layer in layers)
        return Layer(-total if flip else total, scale)

    compiled = wg.compile(f)
    layers = [Layer(np.ones(3), np.float32(2)), Layer(np.arange(2.0), np.zeros(()))]
    for flip in (False, True):
        found, wanted = (g(layers, scale=np.float64(3), flip=flip) for g in (compiled, f))
        assert type(found) is Layer
        assert bits(found) == bits(wanted)
    assert len(compiled.retraces) == 2


def test_custom_rules() -> None:
    @wg.custom_vjp
    def clipped(x: Any) -> Any:
        return x * 1.0

    clipped.defvjp(lambda x: (x * 1.0, None), lambda _, g: (np.minimum(g, 1.0),))
    same(wg.grad(lambda x: np.sum(5.0 * clipped(x))), np.array([1.0, 2.0]))


def test_random_numbers_by_key() -> None:
    def noisy(key: Any, x: Any) -> Any:
        return wg.grad(lambda x: np.sum(x * wg.random.normal(key, (3,)) ** 2))(x)

    same(noisy, wg.random.key(3), np.ones(3), dtype=np.float32)
    compiled = wg.compile(noisy)
    assert not np.array_equal(compiled(wg.random.key(3), np.ones(3)), compiled(wg.random.key(4), np.ones(3)))


def test_results_are_the_users() -> None:
    compiled = wg.compile(lambda x: (x * 2, x * 2, np.reshape(x * 3, (1, 3)), np.ones(3)))
    a, b, c, d = compiled(np.ones(3))
    for y in (a, b, c, d):
        y += 1
    assert [float(y.ravel()[0]) for y in (a, b, c, d)] == [3.0, 3.0, 4.0, 2.0]
    assert float(compiled(np.ones(3))[3][0]) == 1.0


def test_the_words_of_errors_stay() -> None:
    compiled = wg.compile(np.linalg.inv)
    compiled(np.eye(2))
    for f in (np.linalg.inv, compiled):
        with pytest.raises(np.linalg.LinAlgError):
            f(np.zeros((2, 2)))


def test_inside_transforms_and_inside_itself() -> None:
    inner = wg.compile(lambda x: np.sum(np.sin(x)))
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(wg.grad(inner)(x), np.cos(x))
    np.testing.assert_array_equal(wg.compile(wg.grad(inner))(x), np.cos(x))
    np.testing.assert_array_equal(wg.grad(lambda a: wg.compile(lambda b: np.sum(a * b))(x))(np.ones(2)), x)
    t = wg.tensor([1.0, 2.0], requires_grad=True)
    inner(t).backward()
    np.testing.assert_allclose(t.grad.numpy(), np.cos([1.0, 2.0]), rtol=1e-6)


# ----- tensors --------------------------------------------------------------------------------------------
def test_tensors_in_tensors_out() -> None:
    compiled = wg.compile(lambda x, y: (x * y, y * y))
    found = compiled(wg.tensor([1.0, 2.0]), np.array([3.0, 4.0], np.float32))
    assert isinstance(found[0], wg.Tensor)
    assert isinstance(found[1], np.ndarray)
    np.testing.assert_array_equal(found[0].numpy(), [3.0, 8.0])


def test_leaves_are_read_at_each_call() -> None:
    w = wg.tensor([1.0, 2.0], requires_grad=True)
    fixed = wg.tensor([10.0, 10.0])

    def f(x: Any) -> Any:
        decay = (w * w).sum()  # of no argument at all
        return np.sum(x * w + fixed) + decay

    compiled = wg.compile(wg.grad(f))
    same_value = wg.compile(f)
    x = np.array([1.0, 1.0], np.float32)
    with wg.no_grad():
        np.testing.assert_array_equal(compiled(x).numpy(), [1.0, 2.0])
        assert float(same_value(x)) == 28.0
        w.assign_([3.0, 4.0])
        np.testing.assert_array_equal(compiled(x).numpy(), [3.0, 4.0])
        assert float(same_value(x)) == 52.0
        fixed.assign_([0.0, 0.0])
        assert float(same_value(x)) == 32.0
    assert len(compiled.retraces) == 1
    assert compiled.eager_calls == 0


def test_no_gradient_of_a_captured_leaf_is_lost() -> None:
    w = wg.tensor([1.0, 2.0], requires_grad=True)
    compiled = wg.compile(lambda x: (w * w * x).sum())
    for _ in range(2):
        (compiled(np.ones(2, np.float32)) + w.sum()).backward()
    np.testing.assert_array_equal(w.grad.numpy(), [6.0, 10.0])
    assert compiled.eager_calls == 2
    assert "2 calls ran eagerly" in compiled.explain()


def test_a_tensor_whose_value_was_asked_for() -> None:
    scale = wg.tensor(2.0)
    compiled = wg.compile(lambda x: x * scale.item())
    assert compiled(np.ones(1))[0] == 2.0
    scale.assign_(3.0)
    assert compiled(np.ones(1))[0] == 3.0


# ----- when it is recorded again ----------------------------------------------------------------------------
def test_one_recording_for_each_signature() -> None:
    calls = []

    def f(x: Any, n: int) -> Any:
        local_calls.append(1)
        return x * n

    local_calls = calls
    with pytest.raises(CompileError, match="changes what it reads: `local_calls`"):
        wg.compile(f)(np.ones(2), 1)

    def g(x: Any, n: Any) -> Any:
        return x * n

    compiled = wg.compile(g)
    for n in (1, 1, 1.0, True, -0.0, 0.0, float("nan"), float("nan")):
        assert bits(compiled(np.ones(2), n)) == bits(g(np.ones(2), n))
    compiled(np.ones(3), 1)
    compiled(np.ones(3, np.float32), 1)
    assert compiled.retraces == [
        "first call: (float64[2], 1)",
        "leaf 1 of the arguments changed from 1 to 1.0",
        "leaf 1 of the arguments changed from 1.0 to True",
        "leaf 1 of the arguments changed from True to -0.0",
        "leaf 1 of the arguments changed from -0.0 to 0.0",
        "leaf 1 of the arguments changed from 0.0 to nan",
        "leaf 0 of the arguments changed from float64[2] to float64[3]",
        "leaf 0 of the arguments changed from float64[3] to float32[3]",
    ]


def test_the_cache_is_bounded() -> None:
    compiled = wg.compile(lambda x: x + 1, cache_size=2)
    for n in (1, 2, 3, 1, 1):
        compiled(np.ones(n))
    assert len(compiled._traces) == 2
    assert len(compiled.retraces) == 4


def scaled(x: Any) -> Any:
    return helper(x) * SCALE


def helper(x: Any) -> Any:
    return x ** SETTINGS["power"]


def test_globals_are_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = wg.compile(wg.grad(lambda x: np.sum(scaled(x))))
    assert compiled(np.array([3.0]))[0] == 12.0
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert compiled(np.array([3.0]))[0] == 18.0
    monkeypatch.setitem(SETTINGS, "power", 3)
    assert compiled(np.array([3.0]))[0] == 81.0
    monkeypatch.setitem(globals(), "helper", np.sin)
    np.testing.assert_array_equal(compiled(np.array([3.0])), 3.0 * np.cos([3.0]))
    assert compiled.retraces[1] == "global `SCALE` changed from 2.0 to 3.0"
    assert "global `SETTINGS` changed from {'power': 2, 'names': ['a']} to {'power': 3" in compiled.retraces[2]
    assert compiled.retraces[3].startswith("global `helper` changed")


def test_closures_defaults_and_attributes_are_guarded() -> None:
    class Config:
        rate = 1.0

    config = Config()
    config.rate = 2.0
    factor = 5.0

    def f(x: Any, shift: Any = (1.0,)) -> Any:
        return x * config.rate * factor + shift[0]

    compiled = wg.compile(f)
    one = np.ones(1)
    assert compiled(one)[0] == 11.0
    config.rate = 3.0
    assert compiled(one)[0] == 16.0
    factor = 6.0
    assert compiled(one)[0] == 19.0
    f.__defaults__ = ((2.0,),)
    assert compiled(one)[0] == 20.0
    assert compiled.retraces[1] == "`config`, which f closes over,.rate changed from 2.0 to 3.0"


class Physics:
    """Attributes read in methods, of the class, behind a property and in slots."""

    damping = 2.0

    def __init__(self) -> None:
        self.mass = 3.0
        self.part = Slotted()

    @property
    def twice(self) -> float:
        return 2.0 * self.mass

    @staticmethod
    def shifted(x: Any) -> Any:
        return x + Physics.damping

    def helper(self, x: Any) -> Any:
        return x * self.twice + self.part.value

    def force(self, x: Any) -> Any:
        return self.shifted(self.helper(x))


class Slotted:
    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 1.0


def test_objects_are_guarded_through_their_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    physics = Physics()
    compiled = wg.compile(physics.force)
    one = np.ones(1)
    assert compiled(one)[0] == physics.force(one)[0] == 9.0
    physics.mass = 4.0
    assert compiled(one)[0] == 11.0
    physics.part.value = 2.0
    assert compiled(one)[0] == 12.0
    monkeypatch.setattr(Physics, "damping", 3.0)
    assert compiled(one)[0] == 13.0
    monkeypatch.setattr(Physics, "helper", lambda self, x: x * self.mass)
    assert compiled(one)[0] == 7.0
    assert compiled(one)[0] == 7.0
    assert len(compiled.retraces) == 5


def test_a_builtin_that_is_hidden_later(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = wg.compile(lambda x: sum([x, x]))
    assert compiled(np.ones(1))[0] == 2.0
    monkeypatch.setitem(globals(), "sum", lambda xs: xs[0])
    assert compiled(np.ones(1))[0] == 1.0


def test_draws_from_generators_outside_are_refused() -> None:
    rng = np.random.default_rng(0)
    for f, words in {
        (lambda x: x + rng.normal(size=2)): "`rng`",
        (lambda x: x + np.random.normal(size=2)): "NumPy's global generator",
        (lambda x: x + random.random()): "the generator of Python's random",
    }.items():
        with pytest.raises(CompileError, match=words):
            wg.compile(f)(np.ones(2))


def test_partial_is_guarded() -> None:
    options = [2.0]
    compiled = wg.compile(functools.partial(lambda o, x: x * o[0], options))
    assert compiled(np.ones(1))[0] == 2.0
    options[0] = 3.0
    assert compiled(np.ones(1))[0] == 3.0


def test_the_default_dtype_counts() -> None:
    compiled = wg.compile(lambda x: x * wg.ones(2).numpy())
    assert compiled(np.ones(2, np.float32)).dtype == np.float32
    wg.set_default_dtype(np.float64)
    assert compiled(np.ones(2, np.float32)).dtype == np.float64
    wg.set_default_dtype(np.float32)


def test_captured_arrays_are_locked_while_the_function_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.array([1.0, 2.0])
    compiled = wg.compile(lambda x: x * (table * 2.0))
    assert bits(compiled(np.ones(2))) == bits(np.array([2.0, 4.0]))
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 5.0
    compiled.clear()
    table[0] = 5.0
    assert compiled(np.ones(2))[0] == 10.0
    del compiled
    gc.collect()
    table[0] = 6.0
    other = wg.compile(lambda x: x * TABLE)
    other(np.ones(3))
    monkeypatch.setitem(globals(), "TABLE", np.array([4.0, 5.0, 6.0]))
    assert other(np.ones(3))[0] == 4.0
    assert other.retraces[1] == "global `TABLE` is another array, float64[3]"


# ----- what is refused --------------------------------------------------------------------------------------
def branching(x: Any) -> Any:
    return x if x[0] > 0 else -x


@pytest.mark.parametrize("f", [branching, lambda x: float(x[0]), lambda x: np.zeros(int(x[0])), lambda x: x.tolist()])
def test_branching_on_values(f: Any) -> None:
    with pytest.raises(TracedValueError, match="compile") as caught:
        wg.compile(f)(np.ones(2))
    assert "test_jit.py:" in str(caught.value)


def test_writing_to_an_argument_is_refused() -> None:
    def f(x: Any) -> Any:
        x[0] = 1.0
        return x * 2

    with pytest.raises(CompileError, match="f writes to one of its arguments"):
        wg.compile(f)(np.zeros(2))

    def copied(x: Any) -> Any:
        y = x + 0
        y[0] = 1.0
        return y * 2

    assert wg.compile(copied)(np.zeros(2))[0] == 2.0


def test_a_traced_value_that_escapes() -> None:
    kept = []

    def leak(x: Any) -> Any:
        kept.append(x)
        return x

    with pytest.raises(CompileError, match="changes what it reads: `kept`"):
        wg.compile(leak)(np.ones(2))
    with pytest.raises(EscapedTensorError, match="recorded by `compile`"):
        kept[0] + 1


def test_arguments_that_could_change_unseen() -> None:
    class Box:
        pass

    with pytest.raises(OperandError, match="type Box, whose content could change unseen"):
        wg.compile(lambda b: b)(Box())
    with pytest.raises(DTypeError, match="needs numbers"):
        wg.compile(lambda x: x)(np.array(["a"]))
    with pytest.raises(OperandError, match="needs a function"):
        wg.compile(3)


# ----- looking ----------------------------------------------------------------------------------------------
def test_tape_and_explain() -> None:
    step = wg.compile(wg.grad(lambda x: np.sum(np.sin(x))))
    with pytest.raises(ValueError, match="was not called yet"):
        step.tape
    step(np.ones(3))
    assert [node.prim.name for node in step.tape] == ["cos"]
    assert "1 lines (" in step.explain()
    assert "cos" in step.explain()
    assert "numpy" in step.explain()


def test_decorator_with_options_keeps_name_and_doc() -> None:
    @wg.compile(cache_size=4)
    def squared(x: Any) -> Any:
        """Square."""
        return x * x

    assert squared.__name__ == "squared"
    assert squared.__doc__ == "Square."
    assert squared(np.float64(3.0)) == 9.0


def test_methods_of_trees() -> None:
    @dataclasses.dataclass
    class Model:
        w: Any

        @wg.compile
        def __call__(self, x: Any) -> Any:
            return self.w * x

    assert Model(np.full(2, 3.0))(np.ones(2))[0] == 3.0
    assert Model(np.full(2, 4.0))(np.ones(2))[0] == 4.0


def test_many_threads() -> None:
    step = wg.compile(wg.grad(lambda x: np.sum(np.tanh(x) ** 2)))
    wanted = wg.grad(lambda x: np.sum(np.tanh(x) ** 2))
    failures: list[Any] = []

    def work(k: int) -> None:
        for i in range(30):
            x = np.full(1 + i % 3, 0.1 * k)
            if not np.allclose(step(x), wanted(x), rtol=1e-13, atol=0):
                failures.append((k, i))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures
    assert len(step.retraces) == 3
