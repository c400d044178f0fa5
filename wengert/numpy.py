"""The Python array API standard (2025.12) on tensors, with NumPy's default dtypes.

`x.__array_namespace__()` of every tensor is this module, so libraries written for the standard run on recorded
tensors and can be differentiated.

>>> import wengert.numpy as xp
>>> xp.sum(xp.asarray([1.0, 2.0]) ** 2)
tensor(5., dtype=float64)
"""

from __future__ import annotations

import builtins
import functools
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as _np

from wengert.base import shapes
from wengert.base.constants import *  # noqa: F403
from wengert.base.constants import float64
from wengert.base.errors import ArgumentError, OperandError
from wengert.core.record import Tensor, concrete
from wengert.ops import FUNCTIONS

__array_api_version__ = "2025.12"

_RECORDED = """
    abs acos acosh add all any argmax argmin asin asinh atan atan2 atanh bitwise_and bitwise_invert
    bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor broadcast_arrays broadcast_to ceil concat conj
    copysign cos cosh count_nonzero cumulative_prod cumulative_sum diff divide equal exp expand_dims flip floor
    floor_divide greater greater_equal hypot imag isfinite isin isinf isnan less less_equal log log10 log1p log2
    logaddexp logical_and logical_not logical_or logical_xor matmul matrix_transpose max maximum mean meshgrid min
    minimum moveaxis multiply negative nextafter nonzero not_equal permute_dims positive pow prod real reciprocal
    remainder repeat reshape roll round searchsorted sign signbit sin sinh sort sqrt square squeeze stack std subtract
    sum take take_along_axis tan tanh tensordot tile tril triu trunc unique_all unique_counts unique_inverse
    unique_values unstack var vecdot where
""".split()
_LINALG = """
    cholesky cross det diagonal eig eigh eigvals eigvalsh inv matmul matrix_norm matrix_power matrix_rank
    matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot trace vecdot vector_norm
""".split()
_FFT = """
    fft fftfreq fftn fftshift hfft ifft ifftn ifftshift ihfft irfft irfftn rfft rfftfreq rfftn
""".split()


# ----- functions of arrays ----------------------------------------------------------------------------
def _boxed(x: Any) -> Any:
    """Results of functions that found nothing to record are tensors all the same."""
    if isinstance(x, _np.ndarray | _np.generic):
        return Tensor(_np.asarray(x))
    if isinstance(x, tuple):
        boxed = map(_boxed, x)
        return type(x)(*boxed) if hasattr(x, "_fields") else tuple(boxed)
    return x


def _on_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with tensors as results, under its own signature."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return _boxed(function(*args, **kwargs))

    return call


def _extension(prefix: str, names: list[str]) -> SimpleNamespace:
    return SimpleNamespace(**{name: _on_tensors(FUNCTIONS[f"{prefix}.{name}"]) for name in names})


globals().update({name: _on_tensors(FUNCTIONS[name]) for name in _RECORDED})
linalg = _extension("linalg", _LINALG)
fft = _extension("fft", _FFT)


def argsort(x: Any, /, *, axis: int = -1, descending: builtins.bool = False, stable: builtins.bool = True) -> Any:
    """The places that sort the elements along `axis`; equal ones keep their order unless `stable` is false."""
    return _boxed(FUNCTIONS["argsort"](x, axis, descending=descending, stable=stable))


def astype(x: Any, dtype: Any, /, *, copy: builtins.bool = True, device: Any = None) -> Any:
    """The values converted to `dtype`; see `wengert.astype`."""
    _check_device(device)
    return _boxed(FUNCTIONS["astype"](x, dtype, copy=copy))


def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
    """The values brought between two bounds; see `wengert.clip`."""
    return _boxed(FUNCTIONS["clip"](x, min, max))


def expm1(x: Any, /) -> Any:
    """``exp(x) - 1``; the real part of ``expm1(-0.0 + 0j)`` is +0 here, as the standard has it, and -0 in NumPy."""
    y = _boxed(FUNCTIONS["expm1"](x))
    return y + complex(0.0, -0.0) if y.dtype.kind == "c" else y


def _frequencies(name: str) -> Callable[..., Any]:
    function = FUNCTIONS[f"fft.{name}"]

    def create(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
        return _created(_np.asarray(function(n, d=d), dtype=dtype), device)

    create.__name__, create.__doc__ = name, function.__doc__
    return create


# ----- factories --------------------------------------------------------------------------------------
def _check_device(device: Any) -> None:
    if device not in (None, "cpu"):
        raise ArgumentError(f"device {device!r} is not available; tensors live on the CPU")


def _created(value: _np.ndarray, device: Any) -> Tensor:
    _check_device(device)
    return Tensor(value)


def _plain(x: Any) -> Any:
    """The value of a tensor that gives a number of a factory."""
    return concrete(x) if isinstance(x, Tensor) else x


def arange(
    start: float, /, stop: float | None = None, step: float = 1, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """Evenly spaced numbers ``start, start + step, …`` below `stop`; below `start`, from 0, where it is alone."""
    first, last = (0, start) if stop is None else (start, stop)
    return _created(_np.arange(_plain(first), _plain(last), _plain(step), dtype=dtype), device)


def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of any values."""
    return _created(_np.empty(shape, dtype), device)


def empty_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """As `empty`, with the shape and dtype of `x`."""
    return empty(x.shape, dtype=dtype or x.dtype, device=device)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Tensor:
    """Ones on diagonal `k` of a matrix, and zeros."""
    return _created(_np.eye(n_rows, n_cols, k, dtype or float64), device)


def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor filled with one number."""
    return _created(_np.full(shape, _plain(fill_value), dtype), device)


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """As `full`, with the shape and dtype of `x`."""
    return full(x.shape, fill_value, dtype=dtype or x.dtype, device=device)


def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: builtins.bool = True
) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`, which is left out without `endpoint`."""
    return _created(_np.linspace(_plain(start), _plain(stop), num, endpoint=endpoint, dtype=dtype), device)


def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of ones."""
    return _created(_np.ones(shape, dtype), device)


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """As `ones`, with the shape and dtype of `x`."""
    return ones(x.shape, dtype=dtype or x.dtype, device=device)


def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of zeros."""
    return _created(_np.zeros(shape, dtype or float64), device)


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """As `zeros`, with the shape and dtype of `x`."""
    return zeros(x.shape, dtype=dtype or x.dtype, device=device)


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: builtins.bool | None = None) -> Tensor:
    """`obj` (numbers, nested lists, arrays, tensors, buffers) as a tensor; a recorded tensor stays recorded."""
    _check_device(device)
    if isinstance(obj, Tensor):
        if dtype is not None and _np.dtype(dtype) != obj.dtype:
            if copy is False:
                raise ArgumentError("asarray: another dtype needs a copy, and copy=False forbids it")
            return FUNCTIONS["astype"](obj, dtype)
        return FUNCTIONS["astype"](obj, obj.dtype) if copy else obj
    value = _np.asarray(obj, dtype=dtype, copy=copy)
    if value.dtype.kind not in "biufc":
        raise OperandError(f"asarray: got {type(obj).__name__}, which makes an array of dtype {value.dtype}")
    return Tensor(value)


def from_dlpack(x: Any, /, *, device: Any = None, copy: builtins.bool | None = None) -> Tensor:
    """A tensor of another library's array through the DLPack protocol."""
    _check_device(device)
    return Tensor(_np.from_dlpack(x).copy() if copy else _np.from_dlpack(x))


# ----- dtypes and shapes ------------------------------------------------------------------------------
class FloatInfo(NamedTuple):
    """Limits of a floating dtype, as Python numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: Any


def _dtype(x: Any) -> Any:
    return x.dtype if hasattr(x, "dtype") and not isinstance(x, type) else x


def can_cast(from_: Any, to: Any, /) -> builtins.bool:
    """Whether one dtype (or a tensor's) can be converted to another by promotion."""
    return _np.can_cast(_dtype(from_), to)


def result_type(*arrays_and_dtypes: Any) -> Any:
    """The dtype of an operation on these tensors, dtypes and Python scalars."""
    return _np.result_type(*map(_dtype, arrays_and_dtypes))


def finfo(type: Any, /) -> FloatInfo:
    """Limits of a floating dtype, or of the real partner of a complex one."""
    found = _np.finfo(_dtype(type))
    eps, largest, least, normal = map(float, (found.eps, found.max, found.min, found.smallest_normal))
    return FloatInfo(found.bits, eps, largest, least, normal, found.dtype)


def iinfo(type: Any, /) -> Any:
    """Limits of an integer dtype."""
    return _np.iinfo(_dtype(type))


def isdtype(dtype: Any, kind: Any) -> builtins.bool:
    """Whether a dtype is of a kind (``"real floating"`` …), or one of several."""
    return _np.isdtype(dtype, kind)


def broadcast_shapes(*lengths: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to which arrays of these shapes are broadcast."""
    return shapes.broadcast("broadcast_shapes", *lengths)


class Information:
    """What this namespace offers."""

    def __init__(self) -> None:
        self._numpy = _np.__array_namespace_info__()

    def capabilities(self) -> Any:
        """Indexing by masks and shapes that depend on values are there; ranks go up to 64."""
        return self._numpy.capabilities()

    def default_device(self) -> str:
        """The CPU."""
        return "cpu"

    def default_dtypes(self, *, device: Any = None) -> Any:
        """What factories of this namespace make where no dtype is asked for."""
        _check_device(device)
        return self._numpy.default_dtypes()

    def devices(self) -> tuple[str, ...]:
        """The CPU alone."""
        return ("cpu",)

    def dtypes(self, *, device: Any = None, kind: Any = None) -> Any:
        """The dtypes of a kind, or all."""
        _check_device(device)
        return self._numpy.dtypes(kind=kind)


__array_namespace_info__ = Information


# ----- what the standard wants of tensors ---------------------------------------------------------------
def _namespace(self: Tensor, /, *, api_version: str | None = None) -> Any:
    return sys.modules[__name__]


def _to_device(self: Tensor, device: Any, /, *, stream: Any = None) -> Tensor:
    _check_device(device)
    return self


def _dlpack(
    self: Tensor, /, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
) -> Any:
    if self.rec is not None:
        raise OperandError("dlpack: a recorded tensor would lose its gradient; use t.detach()")
    options = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
    return _np.asarray(concrete(self)).__dlpack__(**options)


def _dlpack_device(self: Tensor, /) -> Any:
    return _np.asarray(concrete(self)).__dlpack_device__()


fft.fftfreq, fft.rfftfreq = _frequencies("fftfreq"), _frequencies("rfftfreq")
Tensor.__array_namespace__ = _namespace  # type: ignore[attr-defined]
Tensor.to_device = _to_device  # type: ignore[attr-defined]
Tensor.__dlpack__ = _dlpack  # type: ignore[attr-defined]
Tensor.__dlpack_device__ = _dlpack_device  # type: ignore[attr-defined]
