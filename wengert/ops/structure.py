"""Structural operations that need no arithmetic: reshape, transpose, broadcast_to, sum, astype.

They stand below the elementwise operations because un-broadcasting and batching are made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, wraps
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, AxisError, DTypeError, ShapeError
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import Tensor, as_array, bind

Samples = Iterator[tuple[list[Any], dict[str, Any]]]
Dims = Sequence[int | None]


def arrayed(x: Any) -> Any:
    """`x` as something with shape and dtype: a tensor stays, numbers and lists become arrays."""
    return x if isinstance(x, Tensor | np.ndarray | np.generic) else as_array(x)


_TORCH_NAMES = {"dim": "axis", "keepdim": "keepdims"}


def axis_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let `function` take PyTorch's ``dim`` and ``keepdim`` for ``axis`` and ``keepdims``."""

    @wraps(function)
    def named(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            for torch_name, name in _TORCH_NAMES.items():
                if torch_name in kwargs:
                    if name in kwargs:
                        raise ArgumentError(f"{function.__name__}: got both {name} and {torch_name}; they are the same")
                    kwargs[name] = kwargs.pop(torch_name)
        return function(*args, **kwargs)

    return named


class Reshape(Primitive):
    """The same elements in the same (row-major) order under another shape."""

    name = "reshape"
    linear_in = (0,)
    window = True

    def impl(self, x: Any, *, shape: Shape) -> Any:
        return np.reshape(x, shape)

    def aval(self, x: Any, *, shape: Shape) -> Aval:
        return Aval(shapes.reshaped("reshape", x.shape, shape), x.dtype)

    def vjp(self, g: Any, _y: Any, _x: Any, *, shape: Shape) -> tuple[Any, ...]:
        return (bind(RESHAPE, (g,), {"shape": _x.shape}),)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, shape: Shape) -> tuple[Any, int]:
        return bind(RESHAPE, (to_front(xs[0], dims[0]),), {"shape": (size, *shape)}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 6))], {"shape": (3, 4)}
        yield [rng.normal(size=())], {"shape": (1, 1)}
        yield [rng.normal(size=(0, 3))], {"shape": (3, 0, 2)}


RESHAPE = Reshape()


def reshape(x: Any, /, shape: Any, order: str = "C", *, copy: bool | None = None) -> Any:
    """The same elements in row-major order under a new shape.

    ``y.ravel()[k] = x.ravel()[k]``; one length may be -1 and is worked out. Shapes ``(…) -> shape``.
    Raises `ShapeError` where the number of elements differs.

    >>> import wengert as wg, numpy as np
    >>> wg.reshape(np.arange(6.0), (2, -1))
    array([[0., 1., 2.],
           [3., 4., 5.]])
    """
    if order != "C":
        raise ShapeError(f"reshape: got order={order!r}; only row-major order 'C' is recorded")
    x = arrayed(x)
    wanted = shapes.reshaped("reshape", x.shape, shape)
    return x if wanted == x.shape and not copy else bind(RESHAPE, (x,), {"shape": wanted})


class Transpose(Primitive):
    """The axes in another order."""

    name = "transpose"
    linear_in = (0,)
    window = True

    def impl(self, x: Any, *, axes: Shape) -> Any:
        return np.transpose(x, axes)

    def aval(self, x: Any, *, axes: Shape) -> Aval:
        return Aval(tuple(x.shape[a] for a in axes), x.dtype)

    def vjp(self, g: Any, _y: Any, _x: Any, *, axes: Shape) -> tuple[Any, ...]:
        back = [0] * len(axes)
        for place, axis in enumerate(axes):
            back[axis] = place
        return (bind(TRANSPOSE, (g,), {"axes": tuple(back)}),)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, axes: Shape) -> tuple[Any, int]:
        return bind(TRANSPOSE, (to_front(xs[0], dims[0]),), {"axes": (0, *(a + 1 for a in axes))}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 3, 4))], {"axes": (2, 0, 1)}
        yield [rng.normal(size=(0, 3))], {"axes": (1, 0)}
        yield [rng.normal(size=())], {"axes": ()}


TRANSPOSE = Transpose()


def transpose(x: Any, /, axes: Any = None) -> Any:
    """The axes in another order, by default reversed.

    ``y[i_axes[0], i_axes[1], …] = x[i_0, i_1, …]``; raises `AxisError` where `axes` is no permutation.

    >>> import wengert as wg, numpy as np
    >>> wg.transpose(np.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    x = arrayed(x)
    rank = len(x.shape)
    order = tuple(range(rank))[::-1] if axes is None else tuple(shapes.axis_index("transpose", a, rank) for a in axes)
    if sorted(order) != list(range(rank)):
        raise AxisError(f"transpose: axes {tuple(axes)} are not a permutation of the {rank} axes of {list(x.shape)}")
    return bind(TRANSPOSE, (x,), {"axes": order})


def moveaxis(x: Any, /, source: Any, destination: Any) -> Any:
    """Move axes to other places; the others keep their order.

    >>> import wengert as wg, numpy as np
    >>> wg.moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = arrayed(x)
    rank = len(x.shape)
    sources = source if isinstance(source, tuple | list) else (source,)
    targets = destination if isinstance(destination, tuple | list) else (destination,)
    start = [shapes.axis_index("moveaxis", a, rank) for a in sources]
    end = [shapes.axis_index("moveaxis", a, rank) for a in targets]
    if len(start) != len(end) or len(set(start)) != len(start) or len(set(end)) != len(end):
        raise AxisError(f"moveaxis: source {source} and destination {destination} must be distinct and equally many")
    order = [a for a in range(rank) if a not in start]
    for place, axis in sorted(zip(end, start, strict=True)):
        order.insert(place, axis)
    if order == list(range(rank)):
        return x
    return bind(TRANSPOSE, (x,), {"axes": tuple(order)})


class BroadcastTo(Primitive):
    """The array repeated along new axes and along axes of length 1."""

    name = "broadcast_to"
    linear_in = (0,)

    def impl(self, x: Any, *, shape: Shape) -> Any:
        if not x.shape:  # the cotangent of a full sum; NumPy's own function takes ten times as long
            return np.ndarray(shape, x.dtype, np.asarray(x), 0, (0,) * len(shape))
        return np.broadcast_to(x, shape)

    def aval(self, x: Any, *, shape: Shape) -> Aval:
        if shapes.broadcast("broadcast_to", x.shape, shape) != tuple(shape):
            raise ShapeError(f"broadcast_to: cannot repeat {list(x.shape)} to the shape {list(shape)}")
        return Aval(tuple(shape), x.dtype)

    def vjp(self, g: Any, _y: Any, _x: Any, *, shape: Shape) -> tuple[Any, ...]:
        return (unbroadcast(g, _x.shape),)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, shape: Shape) -> tuple[Any, int]:
        x = pad_rank(to_front(xs[0], dims[0]), len(shape))
        return bind(BROADCAST_TO, (x,), {"shape": (size, *shape)}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(3, 1))], {"shape": (2, 3, 4)}
        yield [rng.normal(size=())], {"shape": (2,)}
        yield [rng.normal(size=(1, 2))], {"shape": (0, 2)}


BROADCAST_TO = BroadcastTo()


def apart(y: Any, *xs: Any) -> Any:
    """`y` where NumPy gives a copy: none of the operands `xs` itself, no window onto one, no shared memory."""
    if isinstance(y, Tensor):
        same = any(y is x for x in xs)
        return bind(AS_TYPE, (y,), {"dtype": y.dtype}) if same else Tensor(y.value, y.node, y.rec)
    return y.copy() if any(isinstance(x, np.ndarray) and np.may_share_memory(x, y) for x in xs) else y


def broadcast_to(x: Any, /, shape: Any) -> Any:
    """The array repeated to `shape` under NumPy's broadcasting.

    Raises `ShapeError` where a length is neither equal nor 1.

    >>> import wengert as wg, numpy as np
    >>> wg.broadcast_to(np.array([1.0, 2.0]), (2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    x = arrayed(x)
    wanted = shapes.as_shape("broadcast_to", shape)
    if wanted == x.shape:
        return x
    BROADCAST_TO.aval(x, shape=wanted)
    return bind(BROADCAST_TO, (x,), {"shape": wanted})


@cache
def _sum_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.add.reduce(np.zeros(1, dtype)).dtype


class OverAxes(Primitive):
    """An operation over the axes of its attribute `axes`; the examples of a batch stand on one more in front."""

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, axes: Shape, **attrs: Any) -> tuple[Any, int]:
        return bind(self, (to_front(xs[0], dims[0]),), {"axes": tuple(a + 1 for a in axes), **attrs}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 3, 4))], {"axes": (0, 2), "keepdims": False}
        yield [rng.normal(size=(2, 3))], {"axes": (1,), "keepdims": True}
        yield [rng.normal(size=(2, 0))], {"axes": (0,), "keepdims": False}
        yield [rng.normal(size=())], {"axes": (), "keepdims": False}


class Sum(OverAxes):
    """The sum over some axes."""

    name = "sum"
    linear_in = (0,)

    def impl(self, x: Any, *, axes: Shape, keepdims: bool) -> Any:
        return np.add.reduce(x, axis=axes, keepdims=keepdims)  # type: ignore[call-overload]  # an empty tuple of axes too

    def aval(self, x: Any, *, axes: Shape, keepdims: bool) -> Aval:
        return Aval(shapes.reduced(x.shape, axes, keepdims), _sum_dtype(x.dtype))

    def vjp(self, g: Any, _y: Any, _x: Any, *, axes: Shape, keepdims: bool) -> tuple[Any, ...]:
        return (spread(g, _x.shape, axes),)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield from super().samples(rng)
        yield [rng.normal(size=(0, 3))], {"axes": (0,), "keepdims": False}


SUM = Sum()


class AsType(Primitive):
    """The values in another dtype; from complex to real the imaginary part is dropped."""

    name = "astype"
    linear_in = (0,)

    def impl(self, x: Any, *, dtype: np.dtype[Any]) -> Any:
        if x.dtype.kind == "c" and dtype.kind not in "cb":
            x = x.real
        return x.astype(dtype)

    def aval(self, x: Any, *, dtype: np.dtype[Any]) -> Aval:
        return Aval(x.shape, dtype)

    def vjp(self, g: Any, _y: Any, _x: Any, *, dtype: np.dtype[Any]) -> tuple[Any, ...]:
        return (bind(AS_TYPE, (g,), {"dtype": _x.dtype}) if _x.dtype.kind in "fc" else None,)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, dtype: np.dtype[Any]) -> tuple[Any, int | None]:
        return bind(AS_TYPE, (xs[0],), {"dtype": dtype}), dims[0]

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 3))], {"dtype": np.dtype(np.float64)}
        yield [rng.normal(size=(2,))], {"dtype": np.dtype(np.complex128)}


AS_TYPE = AsType()


def astype(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    """The values converted to `dtype`; complex to real keeps the real part.

    >>> import wengert as wg, numpy as np
    >>> wg.astype(np.array([1.5, -2.5]), np.int64)
    array([ 1, -2])
    """
    x = arrayed(x)
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        raise DTypeError(f"astype: {dtype!r} is not a dtype") from None
    return x if wanted == x.dtype and not copy else bind(AS_TYPE, (x,), {"dtype": wanted})


# ----- helpers of the rules and of the sweeps ------------------------------------------------------
def sum_axes(x: Any, axes: Shape, keepdims: bool = False) -> Any:
    """The sum over the given non-negative axes."""
    return bind(SUM, (x,), {"axes": axes, "keepdims": keepdims}) if axes or keepdims else x


def spread(g: Any, shape: Shape, axes: Shape) -> Any:
    """Give back the reduced `axes` of a value to `shape`: the transpose of the sum."""
    keep = shapes.reduced(shape, axes, keepdims=True)
    if g.shape and keep != g.shape:
        g = bind(RESHAPE, (g,), {"shape": keep})
    return g if g.shape == shape else bind(BROADCAST_TO, (g,), {"shape": shape})


def unbroadcast(g: Any, shape: Shape) -> Any:
    """Sum over the axes that broadcasting to ``g.shape`` added to or stretched in `shape`."""
    extra = len(g.shape) - len(shape)
    if extra > 0:
        g = bind(SUM, (g,), {"axes": tuple(range(extra)), "keepdims": False})
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return bind(SUM, (g,), {"axes": stretched, "keepdims": True}) if stretched else g


def to_front(x: Any, dim: int | None) -> Any:
    """Move axis `dim` (the examples) to the front."""
    return x if not dim else moveaxis(x, dim, 0)


def pad_rank(x: Any, rank: int) -> Any:
    """Insert axes of length 1 behind the first (examples) axis until each example has `rank` axes."""
    shape = x.shape
    missing = rank - (len(shape) - 1)
    return x if missing <= 0 else bind(RESHAPE, (x,), {"shape": (shape[0],) + (1,) * missing + shape[1:]})


def stacked(size: int, x: Any, dim: int | None) -> Any:
    """`x` with its axis of examples in front, repeated `size` times where it has none."""
    if dim is not None:
        return to_front(x, dim)
    x = arrayed(x)
    return bind(BROADCAST_TO, (x,), {"shape": (size, *x.shape)})


permute_dims = transpose

__all__ = ["reshape", "transpose", "permute_dims", "moveaxis", "broadcast_to", "astype"]
