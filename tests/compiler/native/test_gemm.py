"""Generated matrix products against NumPy's."""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from wengert.compiler.native.engine import Library, object_code
from wengert.compiler.native.gemm import Matrix, gemm, store_epilogue
from wengert.compiler.native.ir import F32, F64, Module
from wengert.compiler.native.kernel import Kernel

pytest.importorskip("llvmlite")

KINDS = {np.float32: F32, np.float64: F64}


def aligned(count: int, dtype: Any) -> np.ndarray:
    """Room for `count` numbers on a boundary of 64 bytes, with the padding an arena has, filled with NaN."""
    size = np.dtype(dtype).itemsize
    room = np.full(count + 128 // size + 1, np.nan, dtype)
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
    assert not kernel.scratch or np.isnan(scratch[kernel.scratch :]).all() or scratch.dtype == np.uint8


def gemm_call(x: np.ndarray, y: np.ndarray, ta: bool, tb: bool, parts: int = 2) -> np.ndarray:
    """op(x) op(y) by a generated kernel; three axes are a batch, of which one operand may have length 1."""
    batch = max(x.shape[0], y.shape[0]) if x.ndim == 3 else 1
    (m, k), n = x.shape[-2:][:: -1 if ta else 1], y.shape[-2 if tb else -1]
    module = Module()
    a = Matrix("a", x.shape[-1], ta, x[0].size if x.ndim == 3 and x.shape[0] > 1 else 0)
    b = Matrix("b", y.shape[-1], tb, y[0].size if y.ndim == 3 and y.shape[0] > 1 else 0)
    kernel = gemm(
        module, "product", m, n, k, KINDS[x.dtype.type], a, b, store_epilogue("c", n, m * n), ["a", "b", "c"], batch
    )
    c = aligned(batch * m * n, x.dtype)
    call(module, kernel, [placed(x), placed(y), c], parts)
    assert np.isnan(c[batch * m * n :]).all(), "written past the end"
    shape = (batch, m, n) if x.ndim == 3 else (m, n)
    return c[: batch * m * n].reshape(shape)


def check(rng: np.random.Generator, m: int, n: int, k: int, ta: bool, tb: bool, dtype: Any, batch: Any = None) -> None:
    """One product against NumPy's."""
    lead_a, lead_b = ((), ()) if batch is None else ((batch[0],), (batch[1],))
    x = rng.standard_normal((*lead_a, *((k, m) if ta else (m, k)))).astype(dtype)
    y = rng.standard_normal((*lead_b, *((n, k) if tb else (k, n)))).astype(dtype)
    expected = np.matmul(x.swapaxes(-1, -2) if ta else x, y.swapaxes(-1, -2) if tb else y)
    bound = 4 * np.finfo(dtype).eps * max(k, 1) ** 0.5 * 4
    np.testing.assert_allclose(gemm_call(x, y, ta, tb), expected, rtol=0, atol=bound)
