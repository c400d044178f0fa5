"""Making tensors: from data, filled, ranges.

Factories give tensors that nothing records. Where no dtype is asked for, Python floats take the default dtype
(`wg.set_default_dtype`), Python integers int64, and NumPy arrays keep theirs. ``requires_grad=True`` makes a leaf.
What is made from other tensors (`array`, `linspace`, `full` …) stays recorded.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.dtypes import SCALAR_TYPES, get_default_dtype, result_type
from wengert.base.errors import ArgumentError, DTypeError, OperandError, ShapeError, show
from wengert.base.shapes import Shape
from wengert.core.record import Tensor, bind, concrete, leaf
from wengert.core.tree import listed
from wengert.ops.joining import stack
from wengert.ops.structure import AS_TYPE, arrayed, broadcast_to, moveaxis, reshape


# ----- dtypes, devices, leaves ---------------------------------------------------------------------------
def _dtype(what: str, dtype: Any) -> np.dtype[Any]:
    """The dtype asked for, or the default one."""
    if dtype is None:
        return get_default_dtype()
    try:
        wanted: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        raise DTypeError(f"{what}: {dtype!r} is not a dtype") from None
    if wanted.kind not in "biufc":
        raise DTypeError(f"{what}: got dtype {wanted}; needs booleans, integers, floating or complex numbers")
    return wanted


def _default_of(kind: str) -> np.dtype[Any]:
    """The dtype of Python numbers: default floating, its complex partner, int64, bool."""
    floating = get_default_dtype()
    if kind in "fc":
        return floating if kind == "f" else np.result_type(floating, np.complex64)
    return np.dtype(np.bool_ if kind == "b" else np.int64)


def _check_device(what: str, device: Any) -> None:
    if device is not None and str(device) != "cpu":
        raise ArgumentError(f"{what}: device {device!r} is not available; tensors live on the CPU")


def _made(what: str, value: Any, requires_grad: bool, device: Any = None) -> Tensor:
    """A tensor of a new array; a leaf where its gradient is wanted."""
    _check_device(what, device)
    if not requires_grad:
        return value if isinstance(value, Tensor) else Tensor(value)
    if value.dtype.kind not in "fc":
        raise DTypeError(
            f"{what}: got {value.dtype} with requires_grad=True; only floating and complex tensors have gradients",
            hint="give a floating dtype, such as dtype=wg.float64",
        )
    if isinstance(value, Tensor):
        if value.rec is not None:
            raise OperandError(f"{what}: this result is recorded; only tensors made from numbers can be leaves")
        value = value.value
    return leaf(value)


# ----- from data -----------------------------------------------------------------------------------------
def _plain_array(what: str, data: Any, dtype: np.dtype[Any] | None) -> np.ndarray:
    """A new array of numbers, nested lists of them, or arrays."""
    try:
        value = np.array(data, dtype=dtype)
    except OverflowError as error:
        raise DTypeError(f"{what}: {error}") from None
    except (ValueError, TypeError) as error:
        raise ShapeError(f"{what}: got a {type(data).__name__} that makes no array ({error})") from None
    if value.dtype.kind not in "biufc":
        raise OperandError(f"{what}: got a {type(data).__name__} that makes an array of {value.dtype}; needs numbers")
    if dtype is not None or hasattr(data, "__array__") or value.dtype.kind == "u":  # u: integers beyond int64
        return value
    if any(isinstance(x, np.ndarray | np.generic) for x in listed(data)):
        return value
    return value.astype(_default_of(value.dtype.kind if value.size else "f"), copy=False)


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A new tensor of a copy of `data`: a number, nested lists, or an array.

    Python floats get the default dtype and integers int64; arrays keep their dtype. With ``requires_grad`` it is a
    leaf that `backward` gives a gradient; raises `DTypeError` for integers then, `ShapeError` for ragged lists.

    >>> import wengert as wg, numpy as np
    >>> wg.tensor([[1.0, 2.0], [3.0, 4.0]]).shape
    (2, 2)
    """
    wanted = None if dtype is None else _dtype("tensor", dtype)
    if isinstance(data, Tensor) or any(isinstance(x, Tensor) for x in listed(data)):
        for x in listed(data):
            if isinstance(x, Tensor) and x.rec is not None:
                raise OperandError(
                    "tensor: got recorded tensors, whose gradient a new tensor would lose",
                    hint="use wg.array([...]) or t.clone() to stay recorded, t.detach() for the value alone",
                )
        data = concrete(array(data))
    return _made("tensor", _plain_array("tensor", data, wanted), requires_grad, device)


def array(data: Any, dtype: Any = None, *, copy: bool = True, ndmin: int = 0) -> Any:
    """A tensor of numbers, arrays, tensors, or nested lists of all these; recorded tensors stay recorded.

    ``array([a, b])`` of tensors is ``stack([a, b])``, differentiable in both.

    >>> import wengert as wg, numpy as np
    >>> wg.grad(lambda x: wg.array([x, 2 * x]).sum())(1.0)
    np.float64(3.0)
    """
    wanted = None if dtype is None else _dtype("array", dtype)
    if isinstance(data, Tensor):
        y = clone(data) if copy else data
    elif any(isinstance(x, Tensor) for x in listed(data)):
        y = _stacked(data, result_type(*(x if type(x) in SCALAR_TYPES else arrayed(x) for x in listed(data))))
    else:
        y = Tensor(_plain_array("array", data, wanted))
    if wanted is not None and y.dtype != wanted:
        y = bind(AS_TYPE, (y,), {"dtype": wanted})
    return y if len(y.shape) >= ndmin else reshape(y, (1,) * (ndmin - len(y.shape)) + y.shape)


def _stacked(data: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(data, list | tuple):
        return stack([_stacked(x, dtype) for x in data]) if len(data) else np.zeros(0, dtype)
    if type(data) in SCALAR_TYPES:
        return np.asarray(data, dtype)
    return data


def asarray(data: Any, dtype: Any = None, *, copy: bool | None = None, device: Any = None) -> Any:
    """`data` as a tensor; a tensor of the right dtype is given back as it is.

    A writeable NumPy array is copied, so that later writes to it cannot change the tensor, unless ``copy=False``
    asks for shared memory; a read-only one is shared.

    >>> import wengert as wg, numpy as np
    >>> wg.asarray(np.arange(3.0)).dtype
    dtype('float64')
    """
    _check_device("asarray", device)
    wanted = None if dtype is None else _dtype("asarray", dtype)
    if isinstance(data, np.ndarray) and (wanted is None or data.dtype == wanted) and data.dtype.kind in "biufc":
        return Tensor(data if copy is False or (copy is None and not data.flags.writeable) else data.copy())
    if copy is False and not (isinstance(data, Tensor) and (wanted is None or wanted == data.dtype)):
        raise ArgumentError(f"asarray: {show(data)} as {wanted or 'a tensor'} needs a copy, and copy=False forbids it")
    if isinstance(data, Tensor) and not copy:
        return data if wanted is None or wanted == data.dtype else bind(AS_TYPE, (data,), {"dtype": wanted})
    return array(data, wanted)


as_tensor = asarray


def from_numpy(x: np.ndarray, /) -> Tensor:
    """A tensor that shares the memory of a NumPy array: writes to the array are seen by the tensor.

    >>> import wengert as wg, numpy as np
    >>> a = np.zeros(2)
    >>> t = wg.from_numpy(a)
    >>> a[0] = 5.0
    >>> float(t[0])
    5.0
    """
    if not isinstance(x, np.ndarray):
        raise OperandError(f"from_numpy: got {show(x)}; needs a NumPy array", hint="use wg.tensor(…)")
    if x.dtype.kind not in "biufc":
        raise OperandError(f"from_numpy: got an array of dtype {x.dtype}; needs numbers")
    return Tensor(x)


def clone(x: Any, /) -> Any:
    """A copy that stays recorded: the derivative passes through.

    >>> import wengert as wg, numpy as np
    >>> wg.clone(np.ones(2))
    array([1., 1.])
    """
    x = arrayed(x)
    return bind(AS_TYPE, (x,), {"dtype": x.dtype})


def copy(x: Any, order: str = "C", subok: bool = False) -> Any:
    """`clone` under NumPy's name; `order` and `subok` change nothing here.

    >>> import wengert as wg, numpy as np
    >>> wg.copy(np.ones(2))
    array([1., 1.])
    """
    return clone(x)


# ----- filled --------------------------------------------------------------------------------------------
def _sizes(what: str, given: Sequence[Any], dtype: Any) -> tuple[Shape, Any]:
    """The shape from ``f(2, 3)`` or ``f((2, 3))``, and the dtype that NumPy takes second."""
    if len(given) == 1 and isinstance(given[0], tuple | list):
        return shapes.as_shape(what, given[0]), dtype
    if len(given) == 2 and dtype is None and not _is_number(given[1]):
        return shapes.as_shape(what, given[0]), given[1]
    return shapes.as_shape(what, tuple(given)), dtype


def _is_number(x: Any) -> bool:
    return isinstance(x, int | np.integer) or (hasattr(x, "__index__") and not isinstance(x, type))


def _filled(make: Callable[..., Any], name: str, content: str, result: str) -> Callable[..., Tensor]:
    def factory(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
        shape, asked = _sizes(name, size, dtype)
        return _made(name, make(shape, _dtype(name, asked)), requires_grad, device)

    factory.__name__ = factory.__qualname__ = name
    factory.__doc__ = f"""A tensor {content}, of shape ``{name}(2, 3)`` or ``{name}((2, 3))``.

    >>> import wengert as wg
    >>> wg.{name}(2, 3){result}
    """
    return factory


zeros = _filled(np.zeros, "zeros", "of zeros", ".tolist()\n    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]")
ones = _filled(np.ones, "ones", "of ones", ".tolist()\n    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]")
empty = _filled(np.empty, "empty", "whose values are not set", ".shape\n    (2, 3)")


def full(shape: Any, fill_value: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor of `shape` with every element `fill_value`, which may be a recorded tensor (then broadcast).

    >>> import wengert as wg
    >>> wg.full((2,), 7).tolist()
    [7, 7]
    """
    wanted = shapes.as_shape("full", shape)
    value = array(fill_value, None if dtype is None else _dtype("full", dtype), copy=False)
    if value.rec is not None:
        return _made("full", broadcast_to(value, wanted), requires_grad, device)
    return _made("full", np.array(broadcast_to(value.value, wanted)), requires_grad, device)


def _like(x: Any, value: Callable[[Shape, np.dtype[Any]], Any], what: str, dtype: Any, shape: Any, leaf_: bool) -> Any:
    """A constant like `x`: a tensor for a tensor, an array for an array."""
    x = arrayed(x)
    wanted = x.dtype if dtype is None else _dtype(what, dtype)
    made = value(x.shape if shape is None else shapes.as_shape(what, shape), wanted)
    return _made(what, made, leaf_) if leaf_ or isinstance(x, Tensor) else made


def zeros_like(x: Any, dtype: Any = None, *, requires_grad: bool = False, shape: Any = None, **_layout: Any) -> Any:
    """Zeros of the shape and dtype of `x`: a tensor for a tensor, an array for an array.

    >>> import wengert as wg, numpy as np
    >>> wg.zeros_like(np.ones(2))
    array([0., 0.])
    """
    return _like(x, np.zeros, "zeros_like", dtype, shape, requires_grad)


def ones_like(x: Any, dtype: Any = None, *, requires_grad: bool = False, shape: Any = None, **_layout: Any) -> Any:
    """Ones of the shape and dtype of `x`.

    >>> import wengert as wg, numpy as np
    >>> wg.ones_like(np.zeros(2))
    array([1., 1.])
    """
    return _like(x, np.ones, "ones_like", dtype, shape, requires_grad)


def empty_like(x: Any, dtype: Any = None, *, requires_grad: bool = False, shape: Any = None, **_layout: Any) -> Any:
    """An array of the shape and dtype of `x` whose values are not set.

    >>> import wengert as wg, numpy as np
    >>> wg.empty_like(np.zeros(2)).shape
    (2,)
    """
    return _like(x, np.empty, "empty_like", dtype, shape, requires_grad)


def full_like(
    x: Any, fill_value: Any, dtype: Any = None, *, requires_grad: bool = False, shape: Any = None, **_layout: Any
) -> Any:
    """`fill_value` in every element, of the shape and dtype of `x`; a recorded `fill_value` stays recorded.

    >>> import wengert as wg, numpy as np
    >>> wg.full_like(np.zeros(2), 7)
    array([7., 7.])
    """
    if isinstance(fill_value, Tensor):
        x = arrayed(x)
        value = asarray(fill_value, x.dtype if dtype is None else dtype)
        return broadcast_to(value, x.shape if shape is None else shapes.as_shape("full_like", shape))
    return _like(x, lambda s, d: np.full(s, fill_value, d), "full_like", dtype, shape, requires_grad)


def eye(n: int, m: int | None = None, k: int = 0, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """The identity matrix, or ones on diagonal `k` of an n x m matrix.

    >>> import wengert as wg
    >>> wg.eye(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    rows, columns = shapes.as_shape("eye", (n, n if m is None else m))
    return _made("eye", np.eye(rows, columns, k, dtype=_dtype("eye", dtype)), requires_grad)


def identity(n: int, dtype: Any = None) -> Tensor:
    """The identity matrix with `n` rows.

    >>> import wengert as wg
    >>> wg.identity(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return eye(n, dtype=dtype)


def tri(n: int, m: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on and below diagonal `k`, zeros above.

    >>> import wengert as wg
    >>> wg.tri(2).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    rows, columns = shapes.as_shape("tri", (n, n if m is None else m))
    return Tensor(np.tri(rows, columns, k, dtype=_dtype("tri", dtype)))


# ----- ranges --------------------------------------------------------------------------------------------
def arange(
    start: Any, stop: Any = None, step: Any = 1, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """The numbers ``start, start + step, …`` below `stop`; int64 for integers, else the default floating dtype.

    >>> import wengert as wg
    >>> wg.arange(2, 8, 3).tolist()
    [2, 5]
    """
    start, stop = (0, start) if stop is None else (start, stop)
    ends = [concrete(x, "arange") for x in (start, stop, step)]
    for x in ends:
        if getattr(x, "shape", ()) != () or not isinstance(x, int | float | np.generic | np.ndarray):
            raise ArgumentError(f"arange: got {show(x)}; start, stop and step are real numbers")
    first, last, by = (x.item() if hasattr(x, "item") else x for x in ends)
    if by == 0 or not all(map(math.isfinite, (first, last, by))):
        raise ArgumentError(f"arange: got start={first}, stop={last}, step={by}; needs finite numbers and a step not 0")
    shapes.as_shape("arange", max(0, math.ceil((last - first) / by)))
    whole = all(isinstance(x, int) for x in (first, last, by))
    wanted = (np.dtype(np.int64) if whole else get_default_dtype()) if dtype is None else _dtype("arange", dtype)
    return _made("arange", np.arange(first, last, by).astype(wanted), requires_grad, device)


def _weights(what: str, num: Any, endpoint: bool) -> np.ndarray:
    """Where the points lie between start (0) and stop (1)."""
    try:
        (count,) = shapes.as_shape(what, operator.index(num))
    except TypeError:
        raise ArgumentError(f"{what}: got num={num!r}; needs a number of points") from None
    return np.linspace(0.0, 1.0, count, endpoint=endpoint)


def _between(
    what: str, ends: Sequence[Any], num: Any, endpoint: bool, dtype: Any, axis: int,
    on_numbers: Callable[..., Any], on_tensors: Callable[[Any, Any, Any], Any],
) -> Any:  # fmt: skip
    """Points between two ends: NumPy's where nothing is recorded, else by operations."""
    weights = _weights(what, num, endpoint)
    common = result_type(*(x if type(x) in SCALAR_TYPES else arrayed(x) for x in ends), 1.0)
    python = all(type(x) in SCALAR_TYPES for x in ends)
    wanted = (_default_of(common.kind) if python else common) if dtype is None else _dtype(what, dtype)
    if not any(isinstance(x, Tensor) and x.rec is not None for x in ends):
        first, last = (concrete(arrayed(x)) for x in ends)
        return Tensor(np.asarray(on_numbers(first, last, len(weights), endpoint=endpoint, axis=axis)).astype(wanted))
    first, last = (x if type(x) in SCALAR_TYPES else arrayed(x) for x in ends)
    shape = shapes.broadcast(what, *(() if type(x) in SCALAR_TYPES else x.shape for x in (first, last)))
    weights = weights.reshape((len(weights),) + (1,) * len(shape)).astype(np.zeros((), wanted).real.dtype)
    y = on_tensors(first, last, weights)
    y = y if y.dtype == wanted else bind(AS_TYPE, (y,), {"dtype": wanted})
    return y if axis == 0 else moveaxis(y, 0, axis)


def _mixed(a: Any, b: Any, t: Any) -> Any:
    return a * (1 - t) + b * t


def linspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0, *, steps: Any = None, requires_grad: bool = False,
) -> Any:  # fmt: skip
    """`num` points from `start` to `stop` at equal distances; differentiable in tensors `start` and `stop`.

    ``steps`` is PyTorch's name of `num`; with ``retstep`` the distance is given too.

    >>> import wengert as wg
    >>> wg.linspace(0, 1, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    num = num if steps is None else steps
    y = _between("linspace", (start, stop), num, endpoint, dtype, axis, np.linspace, _mixed)
    if requires_grad:
        y = _made("linspace", y, True)
    return (y, (stop - start) / (num - 1 if endpoint else num)) if retstep else y


def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0,
    *, steps: Any = None,
) -> Any:  # fmt: skip
    """`num` points from ``base ** start`` to ``base ** stop`` at equal ratios.

    >>> import wengert as wg
    >>> wg.logspace(0, 2, 3).tolist()
    [1.0, 10.0, 100.0]
    """
    count = num if steps is None else steps
    if isinstance(base, Tensor) and base.rec is not None:
        return asarray(base ** linspace(start, stop, count, endpoint, False, base.dtype, axis), dtype)

    def on_numbers(a: Any, b: Any, n: int, endpoint: bool, axis: int) -> Any:
        return np.logspace(a, b, n, endpoint=endpoint, base=concrete(base), axis=axis)

    def on_tensors(a: Any, b: Any, t: Any) -> Any:
        return base ** _mixed(a, b, t)

    return _between("logspace", (start, stop), count, endpoint, dtype, axis, on_numbers, on_tensors)


def geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """`num` points from `start` to `stop` at equal ratios; both of the same sign and not 0.

    >>> import wengert as wg
    >>> wg.geomspace(1, 100, 3).tolist()
    [1.0, 10.0, 100.0]
    """

    def on_tensors(a: Any, b: Any, t: Any) -> Any:
        return a * (b / a) ** t

    try:
        return _between("geomspace", (start, stop), num, endpoint, dtype, axis, np.geomspace, on_tensors)
    except ValueError as error:
        raise ArgumentError(f"geomspace: {error}") from None


__all__ = [
    "arange", "array", "as_tensor", "asarray", "clone", "copy", "empty", "empty_like", "eye", "from_numpy", "full",
    "full_like", "geomspace", "identity", "linspace", "logspace", "ones", "ones_like", "tensor", "tri", "zeros",
    "zeros_like",
]  # fmt: skip
