"""Constants and dtypes under the names of NumPy and the array API; every namespace for users offers them."""

from __future__ import annotations

from math import e, inf, nan, pi

from numpy import bool_ as bool  # noqa: A004  (the array API's name)
from numpy import (
    complex64,
    complex128,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    newaxis,
    uint8,
    uint16,
    uint32,
    uint64,
)

__all__ = [
    "bool", "complex64", "complex128", "e", "float32", "float64", "inf", "int8", "int16", "int32", "int64",
    "nan", "newaxis", "pi", "uint8", "uint16", "uint32", "uint64",
]  # fmt: skip
