"""Run one generated kernel, for the tests of all of them."""

from __future__ import annotations

import ctypes
import itertools
from typing import Any

import numpy as np

from wengert.compiler.native.engine import Library, object_code
from wengert.compiler.native.ir import Module
from wengert.compiler.native.kernel import Kernel
from wengert.core.primitive import REGISTRY, Aval
from wengert.core.tape import Node, Var


def aligned(count: int, dtype: Any) -> np.ndarray:
    """Room for `count` numbers on a boundary of 64 bytes, with the padding an arena has, filled with NaN."""
    size = np.dtype(dtype).itemsize
    room = np.full(count + 128 // size + 1, np.nan if np.dtype(dtype).kind == "f" else 255, dtype)
    start = -room.ctypes.data % 64 // size
    return room[start : start + count + 64 // size]


def placed(x: np.ndarray) -> np.ndarray:
    """A copy of an array where a kernel may read."""
    room = aligned(x.size, x.dtype)
    room[: x.size] = x.ravel()
    return room


def call(module: Module, kernel: Kernel, pointers: list[np.ndarray], parts: int = 1) -> None:
    """Compile a kernel's module and run all of its tasks, as `parts` threads would, one after the other."""
    f = module.function("run", [f"p{i}" for i in range(len(pointers) + 1)], counts=["begin", "end"], external=True)
    f.call(kernel.name, *f.arguments.values())
    f.finish()
    library = Library(object_code(module.text()))
    scratch = aligned(kernel.scratch + 64, np.uint8)
    addresses = [ctypes.c_void_p(p.ctypes.data) for p in (*pointers, scratch)]
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(addresses), ctypes.c_int64, ctypes.c_int64)(
        library.address("run")
    )
    bounds = [kernel.tasks * i // parts for i in range(parts + 1)]
    for begin, end in itertools.pairwise(bounds):
        run(*addresses, begin, end)


def line(name: str, operands: list[np.ndarray], attrs: dict[str, Any]) -> Node:
    """A line of a list, as a compiler gets it."""
    prim = REGISTRY[name]
    result = prim.aval(*[Aval(x.shape, x.dtype) for x in operands], **attrs)
    return Node(prim, tuple(Var(x.shape, x.dtype) for x in operands), attrs, result.shape, result.dtype)
