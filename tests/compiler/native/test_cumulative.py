"""Cumulative kernels: NumPy's numbers in NumPy's order, bit for bit but for logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wengert.compiler.native import cumulative
from wengert.core.primitive import REGISTRY

NAMES = ["cummax_index", "cummin_index", "cumprod", "cumsum", "linear_recurrence", "logcumsumexp"]
FORMS = [((37,), 0), ((3, 5), 1), ((9, 20), 1), ((8, 4), 0), ((5, 16), 0), ((2, 7, 33), 1), ((4, 1, 3), 1), ((2, 0), 1),
         ((0, 3), 1), ((1, 1), 0)]  # fmt: skip


def check(run: Any, line: Any, name: str, xs: list[Any], axis: int) -> None:
    assert cumulative.supported(line(name, xs, {"axis": axis}))
    got = run(cumulative.lower_cumulative, name, xs, {"axis": axis}).value
    with np.errstate(all="ignore"):
        want = REGISTRY[name].impl(*xs, axis=axis)
    assert got.dtype == want.dtype
    if name == "logcumsumexp":
        bound = 2e-6 if got.dtype == np.float32 else 1e-13
        np.testing.assert_allclose(got, want, rtol=bound, atol=bound)
    else:
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_forms(run: Any, line: Any, name: str, form: Any) -> None:
    shape, axis = form
    rng = np.random.default_rng(4)
    for dtype in (np.float32, np.float64):
        xs = [rng.normal(size=shape).astype(dtype) for _ in range(1 + (name == "linear_recurrence"))]
        check(run, line, name, xs, axis)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "uint16", "uint64"])
@pytest.mark.parametrize("name", [n for n in NAMES if n != "logcumsumexp"])
def test_whole_numbers(run: Any, line: Any, name: str, dtype: str) -> None:
    if dtype == "bool" and name == "linear_recurrence":
        return
    rng = np.random.default_rng(5)
    xs = [rng.integers(0, 99, (6, 11)).astype(dtype) for _ in range(1 + (name == "linear_recurrence"))]
    for axis in (0, 1):
        check(run, line, name, xs, axis)


@pytest.mark.parametrize("name", NAMES)
def test_special_values(run: Any, line: Any, name: str) -> None:
    x = np.array([1, 2, 2, -np.inf, -np.inf, np.inf, np.inf, 3, np.nan, 5, np.nan, 7.0])
    for rolled in (x, x[:7], x[::-1], x[3:5]):
        xs = [rolled.copy() for _ in range(1 + (name == "linear_recurrence"))]
        check(run, line, name, xs, 0)
        check(run, line, name, [np.repeat(z[:, None], 9, 1) for z in xs], 0)


def test_mixed_dtypes_of_a_recurrence(run: Any, line: Any) -> None:
    rng = np.random.default_rng(6)
    check(run, line, "linear_recurrence", [rng.normal(size=(4, 6)).astype(np.float32), rng.normal(size=(4, 6))], 1)
