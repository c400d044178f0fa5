"""Random programs: recording changes nothing, both modes agree with differences, vmap is the loop."""

from __future__ import annotations

from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import wengert as wg
from wengert.testing.programs import BINARY, UNARY, Program, random_program

hypothesis.settings.register_profile("laws", derandomize=True, deadline=None, max_examples=120, database=None)
hypothesis.settings.load_profile("laws")


def programs(operations: int, inputs: int = 3) -> st.SearchStrategy[Program]:
    @st.composite
    def build(draw: Any) -> Program:
        return random_program(lambda n: draw(st.integers(0, n - 1)), operations, inputs)

    return build()


def derivative(f: Any, at: list[Any], along: list[Any], step: float = 1e-4) -> Any:
    def moved(k: int) -> Any:
        return f(*(x + k * step * t for x, t in zip(at, along, strict=True)))

    return (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * step)


def directions(program: Program, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1, 1, x.shape) for x in program.inputs]


def examples(program: Program, size: int = 3) -> list[Any]:
    rng = np.random.default_rng(1)
    return [x + 0.01 * rng.uniform(-1, 1, (size, *x.shape)) for x in program.inputs]


def everything(program: Program) -> tuple[int, ...]:
    return tuple(range(len(program.inputs)))


@hypothesis.given(programs(40))
def test_recording_computes_what_numpy_computes(program: Program) -> None:
    value, _ = wg.value_and_grad(program, everything(program))(*program.inputs)
    np.testing.assert_allclose(value, program(*program.inputs), rtol=1e-12, atol=1e-13)


@hypothesis.given(programs(40))
def test_reverse_is_forward_is_differences(program: Program) -> None:
    ts = directions(program)
    gradient = wg.grad(program, everything(program))(*program.inputs)
    backward = sum(np.sum(g * t) for g, t in zip(gradient, ts, strict=True))
    _, forward = wg.jvp(program, program.inputs, ts)
    np.testing.assert_allclose(backward, forward, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(forward, derivative(program, program.inputs, ts), rtol=1e-5, atol=1e-8)
    for g, x in zip(gradient, program.inputs, strict=True):
        assert np.shape(g) == np.shape(x)
        assert np.asarray(g).dtype == x.dtype


@hypothesis.given(programs(25))
def test_vmap_is_the_loop(program: Program) -> None:
    rows = examples(program)
    found = wg.vmap(program)(*rows)
    wanted = [program(*(r[k] for r in rows)) for k in range(3)]
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


@hypothesis.given(programs(25))
def test_vmap_of_grad_is_the_loop(program: Program) -> None:
    rows = examples(program)
    gradient = wg.grad(program, everything(program))
    found = wg.vmap(gradient)(*rows)
    for k in range(3):
        for a, b in zip(found, gradient(*(r[k] for r in rows)), strict=True):
            np.testing.assert_allclose(a[k], b, rtol=1e-9, atol=1e-11)


@hypothesis.given(programs(12, inputs=1))
def test_hessian_is_symmetric(program: Program) -> None:
    x = program.inputs[0]
    size = x.size
    hessian = np.reshape(wg.hessian(program)(x), (size, size))
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-8, atol=1e-10)
    reverse = np.reshape(wg.jacrev(wg.grad(program))(x), (size, size))
    np.testing.assert_allclose(hessian, reverse, rtol=1e-8, atol=1e-10)
    t = directions(program)[0]
    product = np.ravel(wg.hvp(program, (x,), (t,)))
    np.testing.assert_allclose(product, hessian @ np.ravel(t), rtol=1e-8, atol=1e-10)
    steps = derivative(wg.grad(program), [x], [t])
    np.testing.assert_allclose(np.ravel(steps), product, rtol=1e-4, atol=1e-7)


@hypothesis.given(programs(25))
def test_float32_stays_float32(program: Program) -> None:
    narrow = [x.astype(np.float32) for x in program.inputs]
    for g in wg.grad(program, everything(program))(*narrow):
        assert np.asarray(g).dtype == np.float32


@hypothesis.given(programs(25))
def test_backward_is_grad(program: Program) -> None:
    tensors = [wg.tensor(x, requires_grad=True) for x in program.inputs]
    loss = program(*tensors)
    wanted = wg.grad(program, everything(program))(*program.inputs)
    if not loss.requires_grad:
        assert not any(np.any(g) for g in wanted)
        return
    loss.backward()
    for t, g in zip(tensors, wanted, strict=True):
        found = 0.0 * g if t.grad is None else t.grad.numpy()
        np.testing.assert_allclose(found, g, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [*UNARY, *BINARY])
@pytest.mark.parametrize("seed", range(4))
def test_every_operation_alone(name: str, seed: int) -> None:
    """Each step of the vocabulary by itself, where its shapes fit."""
    program = random_program(np.random.default_rng(seed).integers, operations=4, only=[name, "halve"])
    ts = directions(program)
    gradient = wg.grad(program, everything(program))(*program.inputs)
    backward = sum(np.sum(g * t) for g, t in zip(gradient, ts, strict=True))
    np.testing.assert_allclose(backward, derivative(program, program.inputs, ts), rtol=1e-6, atol=1e-9)
