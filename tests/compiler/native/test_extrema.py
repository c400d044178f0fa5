"""argmax and argmin: NumPy's first place, with ties and NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wengert.compiler.native import extrema

FORMS = [((1,), 0), ((5,), 0), ((16,), 0), ((33,), 0), ((3, 100), 1), ((40, 7), 1), ((9, 20), 0), ((4, 6, 33), 1),
         ((4, 6, 16), 1), ((0, 3), 1), ((3, 1), 1)]  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint8", "int64", "bool"])
def test_forms(run: Any, line: Any, form: Any, dtype: str) -> None:
    shape, axis = form
    rng = np.random.default_rng(1)
    xs = [(rng.normal(size=shape) * 90).astype(dtype), rng.integers(0, 3, shape).astype(dtype)]
    for name, x, keepdims in zip(("argmax", "argmin"), xs, (True, False), strict=True):
        attrs = {"axis": axis, "keepdims": keepdims}
        assert extrema.supported(line(name, [x], attrs))
        want = getattr(np, name)(x, **attrs)
        np.testing.assert_array_equal(run(extrema.lower_extremum, name, [x], attrs).value, want)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_nan_and_infinities(run: Any, name: str) -> None:
    rng = np.random.default_rng(2)
    x = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0], size=(60, 37), p=[0.02, 0.1, 0.1, 0.3, 0.3, 0.18])
    for axis in (0, 1):
        attrs = {"axis": axis, "keepdims": False}
        for dtype in (np.float32, np.float64):
            got = run(extrema.lower_extremum, name, [x.astype(dtype)], attrs).value
            np.testing.assert_array_equal(got, getattr(np, name)(x, axis=axis))
