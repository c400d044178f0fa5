"""Groups that are alike share their kernels: the program is the one that is made without that, to the letter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from tests.compiler.native.comparing import close, made, tape_of
from wengert.compiler.native import alike
from wengert.compiler.runner import Runner

RNG = np.random.default_rng(0)


def layers(x: Any, w: Any, b: Any) -> Any:
    """Three times the same layer, then three times another one of other constants."""
    for _ in range(3):
        x = wg.tanh(x @ w + b)
    for k in (1.0, 2.0, 2.0, -0.0, 0.0):
        x = wg.maximum(x @ w * k, 0.25)
    return x


def attention(x: Any, w: Any, b: Any) -> Any:
    for _ in range(3):
        q = wg.softmax((x @ w) @ x.T, -1)
        x = (q @ x + b).reshape(12, 12).T.copy()
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return x


def gradients(x: Any, w: Any, b: Any) -> Any:
    weights = np.arange(144, dtype=np.float32).reshape(12, 12) % 7
    return wg.grad(lambda w: (layers(x, w, b) * weights).sum() + (attention(x, w, b) * weights).sum())(w)


def recurrent(x: Any, w: Any, b: Any) -> Any:
    return wg.scan(lambda c, row: (wg.tanh(c @ w + row + b), c[0]), x, x[:, None] * np.ones((1, 12, 1), np.float32))


def picks(x: Any, w: Any, b: Any) -> Any:
    i = np.array([3, 1, 2])
    j = np.array([3, 1, 1])
    return x[i] * 2, x[j] * 2, x[i] * 3, wg.cumsum(x, 0), wg.cumsum(w, 0), wg.cumsum(w, 1)


@pytest.mark.parametrize("f", [layers, attention, gradients, recurrent, picks], ids=lambda f: f.__name__)
def test_same_text_same_places_right_results(f: Callable[..., Any], monkeypatch) -> None:
    arguments = [RNG.standard_normal(s).astype(np.float32) / 4 for s in ((12, 12), (12, 12), (12,))]
    tape = tape_of(f, arguments)
    shared = made(tape)
    with monkeypatch.context() as patch:
        patch.setattr(alike, "signature", lambda fusion, group: None)
        alone = made(tape)
    assert shared.writing.text == alone.writing.text
    assert [s.kernel for s in shared.writing.steps] == [s.kernel for s in alone.writing.steps]
    wanted = Runner(tape)(arguments)
    for found, value in zip(shared(arguments) or (), wanted, strict=True):
        close(found, value, 2e-4)


def test_what_is_compared() -> None:
    """Kernels are written once for each kind of group, not once for each group."""
    arguments = [RNG.standard_normal(s).astype(np.float32) for s in ((12, 12), (12, 12), (12,))]
    program = made(tape_of(layers, arguments))
    names = [s.kernel.name for s in program.writing.steps]
    assert len(names) == 8
    # The first three are one; of the others, factors 1, 2, -0 and 0 are four.
    assert len(set(names)) == 5
