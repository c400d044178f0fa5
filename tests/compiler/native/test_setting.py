"""Written slices: NumPy's result bit for bit, for steps, signs, new axes and broadcast values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wengert.compiler.native import setting
from wengert.core.primitive import REGISTRY
from wengert.ops.indexing import ALL, Span

CASES: list[tuple[tuple[int, ...], tuple[Any, ...], tuple[int, ...]]] = [
    ((7,), (2,), ()),
    ((7,), (Span(None, None, -2),), (4,)),
    ((7,), (None, Span(1, None, None)), (1, 6)),
    ((5, 40), (3,), (40,)),
    ((5, 40), (-1, Span(2, 30, None)), ()),
    ((5, 40), (Span(1, 4, 2), Span(None, None, 3)), (2, 1)),
    ((5, 40), (Span(4, None, -3),), (1, 1, 2, 40)),
    ((5, 40), (Ellipsis, 7), (5,)),
    ((4, 3, 17), (ALL, 1), (4, 17)),
    ((4, 3, 17), (Ellipsis, None, Span(None, None, -1)), (1, 17)),
    ((4, 3, 17), (Span(9, None, None),), ()),
    ((0, 3), (ALL, 1), ()),
    ((4, 3), (), (3,)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtypes", [("float32", "float32"), ("float64", "int32"), ("bool", "bool"), ("int8", "int64")])
def test_written_slices(run: Any, line: Any, case: Any, dtypes: tuple[str, str]) -> None:
    shape, index, given = case
    rng = np.random.default_rng(8)
    x, v = (np.asarray(rng.normal(size=s) * 9).astype(d) for s, d in zip((shape, given), dtypes, strict=True))
    node = line("setitem", [x, v], {"index": index})
    assert setting.supported(node)
    got = run(setting.lower_setitem, "setitem", [x, v], {"index": index}).value
    np.testing.assert_array_equal(got, REGISTRY["setitem"].impl(x, v, index=index))


def test_samples(run: Any) -> None:
    for xs, attrs in REGISTRY["setitem"].samples(np.random.default_rng(0)):
        got = run(setting.lower_setitem, "setitem", [np.asarray(x) for x in xs], attrs).value
        np.testing.assert_array_equal(got, REGISTRY["setitem"].impl(*xs, **attrs))
