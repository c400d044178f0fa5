"""Dtypes: the default, and promotion as NumPy 2 does it."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.base.dtypes import get_default_dtype, is_differentiable, result_type, set_default_dtype
from wengert.base.errors import DTypeError
from wengert.core.primitive import Aval


def test_default() -> None:
    assert get_default_dtype() == np.float32
    try:
        set_default_dtype("float64")
        assert get_default_dtype() == np.float64
    finally:
        set_default_dtype(np.float32)


@pytest.mark.parametrize("bad", ["int32", "complex64", "bool"])
def test_default_is_real_floating(bad: str) -> None:
    with pytest.raises(DTypeError, match=rf"set_default_dtype: got {bad}; needs a real floating dtype"):
        set_default_dtype(bad)


def test_differentiable() -> None:
    assert all(map(is_differentiable, [1.0, 1j, np.float16(1), np.zeros(2), np.zeros(2, complex)]))
    assert not any(map(is_differentiable, [1, True, "x", np.arange(2), np.array([True])]))


def test_result_type() -> None:
    f4 = np.zeros(2, np.float32)
    assert result_type(f4, 1.0) == np.float32
    assert result_type(f4, np.float64(1.0)) == np.float64
    assert result_type(f4, 1j) == np.complex64
    assert result_type(np.arange(2), 1.0) == np.float64
    assert result_type(Aval((2,), np.dtype(np.int8)), np.dtype(np.float32)) == np.float32
    with pytest.raises(DTypeError, match="no common dtype"):
        result_type(f4, np.array(["2026-01-01"], "M8[D]"))
