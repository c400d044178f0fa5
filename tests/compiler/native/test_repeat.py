"""Cheap values are computed where they are read, and what a group hands over is no more than they follow from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from tests.compiler.native.comparing import compare, tape_of
from wengert.compiler.native.fuse import Group


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32) / 8


def written(f: Any, *xs: np.ndarray) -> list[tuple[Group, list[str]]]:
    """The groups with what each of them writes, once their values were compared with NumPy's."""
    program = compare(tape_of(f, list(xs)), list(xs))
    return [(g, sorted(n.prim.name for n in g.outputs)) for g in program.writing.fusion.groups if g.nodes]


def layers(x: Any, w: Any, b: Any, v: Any) -> Any:
    return (wg.nn.functional.gelu(x @ w + b, approximate="tanh") @ v).sum()


def test_an_activation_hands_over_its_input_and_its_tanh() -> None:
    xs = numbers(128, 24), numbers(24, 130), numbers(130), numbers(130, 7)
    first = next(outputs for g, outputs in written(wg.grad(layers, argnums=(0, 1, 2, 3)), *xs) if g.kind == "matmul")
    assert first == ["add", "multiply", "tanh"]


def test_small_values_are_left_in_memory() -> None:
    xs = numbers(8, 24), numbers(24, 130), numbers(130), numbers(130, 7)
    first = next(outputs for g, outputs in written(wg.grad(layers, argnums=(0, 1, 2, 3)), *xs) if g.kind == "matmul")
    assert len(first) > 3


def test_results_and_operands_of_products_stay() -> None:
    def f(x: Any, w: Any) -> tuple[Any, ...]:
        y = wg.tanh(x)
        z = y * 2.0
        half = y * 0.5
        return half, z @ w, (z @ w) * half[:, :130]

    found = written(f, numbers(130, 130), numbers(130, 130))
    assert ["multiply", "multiply"] in [sorted(o for o in outputs if o == "multiply") for _, outputs in found]


@pytest.mark.parametrize("axis", [0, 1])
def test_readers_that_fold_or_repeat(axis: int) -> None:
    """The reader sees the value turned, in sums over either axis, and beside values of fewer axes."""

    def f(x: Any, y: Any) -> tuple[Any, ...]:
        e = wg.exp(x)
        double, more = e + e, e * e + 1.0
        total = (double @ y).sum(axis, keepdims=True)
        return (double * total + more).sum(axis), (more.T * total.T - double.T).max(axis), e

    found = written(f, numbers(130, 130), numbers(130, 130))
    outputs = found[0][1]
    assert len(outputs) == 2 and "exp" in outputs, "one for the product, one for all the others"
