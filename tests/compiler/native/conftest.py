"""Running one kernel of the convention ``name(inputs …, output, [status], begin, end)`` by itself."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from wengert.compiler.native import engine
from wengert.compiler.native.ir import Module
from wengert.core.primitive import REGISTRY
from wengert.core.tape import Input, Node

GUARD = 128  # bytes around the result that must stay as they are
POISON = 0xA5


class Run(NamedTuple):
    """What a kernel wrote: the result, and its status."""

    value: np.ndarray
    status: int


def node_of(name: str, xs: Sequence[Any], attrs: dict[str, Any]) -> Node:
    """The line ``name(*xs, **attrs)``; arrays become variables."""
    prim = REGISTRY[name]
    result = prim.aval(*xs, **attrs)
    inputs = tuple(Input(x.shape, x.dtype) if isinstance(x, np.ndarray | np.generic) else x for x in xs)
    return Node(prim, inputs, attrs, result.shape, result.dtype)


def padded(x: Any) -> np.ndarray:
    """A contiguous copy with some bytes behind it that may be read."""
    x = np.ascontiguousarray(x)
    memory = np.full(x.nbytes + 64, POISON, np.uint8)
    copy = memory[: x.nbytes].view(x.dtype).reshape(np.shape(x))
    copy[...] = x
    return copy


def run_kernel(lower: Callable[..., Any], name: str, xs: Sequence[Any], attrs: dict[str, Any], *,
               status: bool = False, parts: int = 3) -> Run:  # fmt: skip
    """Compile the line's kernel and run its tasks in `parts` parts, the last one first."""
    node, module = node_of(name, xs, attrs), Module()
    kernel = lower(module, "kernel", node)
    pointers = [f"x{i}" for i in range(len(xs))] + ["y"] + ["status"] * status
    f = module.function("outside", pointers, ["begin", "end"], external=True)
    f.call("kernel", *(f[p] for p in pointers), f["begin"], f["end"])
    f.finish()
    library = engine.Library(engine.object_code(module.text()))
    inputs = [padded(x) for x in xs]
    before = [x.tobytes() for x in inputs]
    dtype, size = np.dtype(node.dtype), int(np.prod(node.shape)) * np.dtype(node.dtype).itemsize
    memory = np.full(size + 2 * GUARD, POISON, np.uint8)
    result, flag = memory[GUARD : GUARD + size], np.zeros(1, np.int64)
    arguments = [x.ctypes.data for x in inputs] + [result.ctypes.data] + [flag.ctypes.data] * status
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(arguments), ctypes.c_int64, ctypes.c_int64)
    native, cuts = kind(library.address("outside")), np.linspace(0, kernel.tasks, parts + 1).astype(int)
    for begin, end in reversed(list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))):
        native(*arguments, begin, end)
    assert [x.tobytes() for x in inputs] == before, "an operand was written"
    assert (memory[:GUARD] == POISON).all() and (memory[GUARD + size :] == POISON).all(), "written beyond the result"
    return Run(np.frombuffer(result.tobytes(), dtype).reshape(node.shape), int(flag[0]))


@pytest.fixture
def run() -> Callable[..., Run]:
    """`run_kernel`."""
    return run_kernel


@pytest.fixture
def line() -> Callable[..., Node]:
    """`node_of`."""
    return node_of
