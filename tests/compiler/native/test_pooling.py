"""Generated pooling against the primitives' own implementations."""

from __future__ import annotations

import math
import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tests.compiler.native.running import aligned, call, line, placed
from wengert.compiler.native import pooling
from wengert.compiler.native.ir import Module
from wengert.core.primitive import REGISTRY


def run(name: str, operands: list[np.ndarray], attrs: dict[str, Any], rank: int, parts: int = 2) -> np.ndarray:
    """One line by its kernel, whose epilogue only stores."""
    node, module = line(name, operands, attrs), Module()
    assert pooling.supported(node)
    places = math.prod(node.shape[len(node.shape) - rank :])
    names = ["a", "b"][: len(operands)]

    def store(f: Any, x: Any, row: Any, column: Any, lanes: int, _batch: Any) -> None:
        f.store(x, f["y"], row * places + column, lanes)

    kernel = pooling.pooling(module, "work", node, names, store, [*names, "y"])
    size = math.prod(node.shape)
    y = aligned(size, node.dtype)
    behind = y[size:].copy()
    call(module, kernel, [*map(placed, operands), y], parts)
    np.testing.assert_array_equal(y[size:], behind, "written past the end")
    return y[:size].reshape(node.shape)


def windows(kernel: Any, stride: Any, padding: Any, dilation: Any) -> dict[str, Any]:
    return {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}


CASES = {
    "halves": ((2, 3, 28, 28), windows((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))),
    "short rows": ((3, 4, 10, 10), windows((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))),
    "overlapping": ((2, 17, 19), windows((3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1))),
    "one axis": ((2, 3, 6), windows((2,), (2,), ((0, 0),), (1,))),
    "uneven": ((2, 5, 6), windows((3, 2), (2, 1), ((1, 1), (0, 1)), (1, 2))),
    "single elements": ((4, 3), windows((1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1))),
    "three axes": ((2, 6, 5, 9), windows((2, 2, 3), (1, 2, 3), ((1, 0), (0, 1), (1, 1)), (2, 1, 2))),
    "whole planes": ((5, 8, 8), windows((8, 8), (8, 8), ((0, 0), (0, 0)), (1, 1))),
    "long windows": ((2, 50), windows((40,), (1,), ((3, 5),), (1,))),
    "side by side": ((2, 4, 6, 20), windows((2, 3, 2), (2, 3, 2), ((0, 0),) * 3, (1, 1, 1))),
    "gaps": ((1, 9, 33), windows((2, 2), (3, 3), ((0, 0), (0, 1)), (1, 1))),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_like_numpy(case: str, dtype: Any) -> None:
    """Whole numbers, so that sums are exact and maxima tie; a NaN counts as largest."""
    shape, attrs = CASES[case]
    rank, rng = len(attrs["kernel"]), np.random.default_rng(0)
    x = rng.integers(-3, 4, shape).astype(dtype)
    total = REGISTRY["window_sum"].impl(x, **attrs)
    np.testing.assert_array_equal(run("window_sum", [x], attrs, rank), total)
    holed = x.copy()
    holed.ravel()[rng.integers(0, x.size, 3)] = np.nan
    for values in (x, holed, np.full_like(x, -np.inf)):
        index = REGISTRY["window_argmax"].impl(values, **attrs)
        np.testing.assert_array_equal(run("window_argmax", [values], attrs, rank), index)
    g = rng.integers(-3, 4, total.shape).astype(dtype)
    sizes = {"sizes": shape[len(shape) - rank :]}
    spread = run("window_spread", [g], {**sizes, **attrs}, rank)
    np.testing.assert_array_equal(spread, REGISTRY["window_spread"].impl(g, **sizes, **attrs))
    taken = run("pool_take", [x, index], {"rank": rank}, rank)
    np.testing.assert_array_equal(taken, REGISTRY["pool_take"].impl(x, index, rank=rank))
    put = run("pool_put", [g, index], sizes, rank)
    np.testing.assert_array_equal(put, REGISTRY["pool_put"].impl(g, index, **sizes))


def test_what_has_no_kernel() -> None:
    attrs = windows((2,), (2,), ((0, 0),), (1,))
    assert not pooling.supported(line("window_sum", [np.zeros((2, 4), int)], attrs))
    assert not pooling.supported(line("window_sum", [np.zeros((0, 4))], attrs))


_OTHER = """
import sys, numpy as np
sys.path.insert(0, {root!r})
from tests.compiler.native.test_pooling import CASES, test_like_numpy
for case in ("halves", "uneven", "three axes"):
    test_like_numpy(case, np.float32)
"""


@pytest.mark.parametrize("name", ["haswell", "baseline"])
def test_processors_with_narrower_registers(name: str) -> None:
    code = _OTHER.format(root=str(pathlib.Path(__file__).parents[3]))
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "WENGERT_CPU": name}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
