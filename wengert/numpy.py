"""The Python array API standard (2024.12) on tensors, with NumPy's default dtypes.

`x.__array_namespace__()` of every tensor is this module, so libraries written for the standard run on recorded
tensors and can be differentiated.

>>> import wengert.numpy as xp
>>> xp.sum(xp.asarray([1.0, 2.0]) ** 2)
tensor(5., dtype=float64)
"""

from __future__ import annotations

from collections.abc import Callable
from math import e, inf, nan, pi
from typing import Any

import numpy as _np
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
from numpy import bool_ as bool

from wengert import fft, linalg
from wengert.base.errors import ArgumentError, OperandError
from wengert.core.record import Tensor, concrete
from wengert.ops import FUNCTIONS

__array_api_version__ = "2024.12"

_RECORDED = """
    abs acos acosh add all any argmax argmin argsort asin asinh astype atan atan2 atanh bitwise_and bitwise_invert
    bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor broadcast_arrays broadcast_to ceil clip concat conj
    copysign cos cosh count_nonzero cumulative_prod cumulative_sum diff divide equal exp expand_dims expm1 flip floor
    floor_divide greater greater_equal hypot imag isfinite isinf isnan less less_equal log log10 log1p log2 logaddexp
    logical_and logical_not logical_or logical_xor matmul matrix_transpose max maximum mean meshgrid min minimum
    moveaxis multiply negative nextafter nonzero not_equal permute_dims positive pow prod real reciprocal remainder
    repeat reshape roll round searchsorted sign signbit sin sinh sort sqrt square squeeze stack std subtract sum take
    take_along_axis tan tanh tensordot tile tril triu trunc unique_all unique_counts unique_inverse unique_values
    unstack var vecdot where
""".split()


def _boxed(x: Any) -> Any:
    """Results of functions that found nothing to record are tensors all the same."""
    if isinstance(x, _np.ndarray | _np.generic):
        return Tensor(_np.asarray(x))
    if isinstance(x, tuple) and not hasattr(x, "_fields"):
        return tuple(map(_boxed, x))
    return x


def _on_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return _boxed(function(*args, **kwargs))

    call.__name__, call.__doc__ = function.__name__, function.__doc__
    return call


globals().update({name: _on_tensors(FUNCTIONS[name]) for name in _RECORDED if name in FUNCTIONS})


def _check_device(device: Any) -> None:
    if device not in (None, "cpu"):
        raise ArgumentError(f"device {device!r} is not available; tensors live on the CPU")


def _maker(name: str) -> Callable[..., Any]:
    """A factory of NumPy that gives tensors."""
    make = getattr(_np, name)

    def create(*args: Any, dtype: Any = None, device: Any = None, **kwargs: Any) -> Tensor:
        _check_device(device)
        return Tensor(_np.asarray(make(*map(_plain, args), dtype=dtype, **kwargs)))

    create.__name__ = name
    create.__doc__ = f"``numpy.{name}`` as a tensor."
    return create


def _plain(x: Any) -> Any:
    return concrete(x) if isinstance(x, Tensor) else x


for _name in ("arange", "empty", "empty_like", "eye", "full", "full_like", "linspace", "ones", "ones_like", "zeros",
              "zeros_like"):  # fmt: skip
    globals()[_name] = _maker(_name)


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """`obj` (numbers, nested lists, arrays, tensors, buffers) as a tensor; a recorded tensor stays recorded."""
    _check_device(device)
    if isinstance(obj, Tensor):
        if dtype is not None and _np.dtype(dtype) != obj.dtype:
            if copy is False:
                raise ArgumentError("asarray: another dtype needs a copy, and copy=False forbids it")
            return FUNCTIONS["astype"](obj, dtype)
        return FUNCTIONS["positive"](obj) if copy and obj.dtype.kind != "b" else Tensor(obj.value, obj.node, obj.rec)
    value = _np.asarray(obj, dtype=dtype, copy=copy)
    if value.dtype.kind not in "biufc":
        raise OperandError(f"asarray: got {type(obj).__name__}, which makes an array of dtype {value.dtype}")
    return Tensor(value)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor of another library's array through the DLPack protocol."""
    _check_device(device)
    return Tensor(_np.from_dlpack(x).copy() if copy else _np.from_dlpack(x))


def _dtype(x: Any) -> Any:
    return x.dtype if hasattr(x, "dtype") and not isinstance(x, type) else x


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether one dtype (or a tensor's) can be converted to another by promotion."""
    return _np.can_cast(_dtype(from_), to)


def result_type(*arrays_and_dtypes: Any) -> Any:
    """The dtype of an operation on these tensors, dtypes and Python scalars."""
    return _np.result_type(*map(_dtype, arrays_and_dtypes))


def finfo(type: Any, /) -> Any:
    """Limits of a floating dtype."""
    return _np.finfo(_dtype(type))


def iinfo(type: Any, /) -> Any:
    """Limits of an integer dtype."""
    return _np.iinfo(_dtype(type))


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind (``"real floating"`` …), or one of several."""
    return _np.isdtype(dtype, kind)


def __array_namespace_info__() -> Any:
    """What this namespace offers."""
    return _np.__array_namespace_info__()


def _namespace(self: Tensor, /, *, api_version: str | None = None) -> Any:
    return _THIS


def _to_device(self: Tensor, device: Any, /, *, stream: Any = None) -> Tensor:
    _check_device(device)
    return self


def _dlpack(self: Tensor, **kwargs: Any) -> Any:
    if self.rec is not None:
        raise OperandError("dlpack: a recorded tensor would lose its gradient; use t.detach()")
    return _np.asarray(concrete(self)).__dlpack__(**kwargs)


def _dlpack_device(self: Tensor) -> Any:
    return _np.asarray(concrete(self)).__dlpack_device__()


import sys as _sys  # noqa: E402

_THIS = _sys.modules[__name__]
Tensor.__array_namespace__ = _namespace  # type: ignore[attr-defined]
Tensor.to_device = _to_device  # type: ignore[attr-defined]
Tensor.__dlpack__ = _dlpack  # type: ignore[attr-defined]
Tensor.__dlpack_device__ = _dlpack_device  # type: ignore[attr-defined]
