"""Joining arrays: concatenate and stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base import dtypes, shapes
from wengert.base.errors import ShapeError
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops.indexing import part
from wengert.ops.structure import RESHAPE, Dims, Samples, arrayed, stacked


class Concatenate(Primitive):
    """Arrays one after the other along an axis."""

    name = "concatenate"

    def impl(self, *xs: Any, axis: int) -> Any:
        return np.concatenate(xs, axis=axis)

    def aval(self, *xs: Any, axis: int) -> Aval:
        first = xs[0].shape
        for x in xs:
            if len(x.shape) != len(first) or any(
                n != m for i, (n, m) in enumerate(zip(x.shape, first, strict=True)) if i != axis
            ):
                raise ShapeError(
                    f"concatenate: got shapes {', '.join(str(list(x.shape)) for x in xs)}; needs equal lengths on "
                    f"every axis but {axis}"
                )
        total = sum(x.shape[axis] for x in xs)
        return Aval(first[:axis] + (total,) + first[axis + 1 :], dtypes.result_type(*(x.dtype for x in xs)))

    def vjp(self, g: Any, _y: Any, *_xs: Any, axis: int) -> tuple[Any, ...]:
        start, parts = 0, []
        for x in _xs:
            stop = start + x.shape[axis]
            parts.append(part(g, axis, start, stop))
            start = stop
        return tuple(parts)

    def jvp(self, ts: Sequence[Any], _y: Any, *_xs: Any, axis: int) -> Any:
        moved = [np.zeros(x.shape, x.dtype) if t is None else t for t, x in zip(ts, _xs, strict=True)]
        return bind(self, moved, {"axis": axis})

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, axis: int) -> tuple[Any, int]:
        moved = [stacked(size, x, d) for x, d in zip(xs, dims, strict=True)]
        return bind(self, moved, {"axis": axis + 1}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 3)), rng.normal(size=(2, 1)), rng.normal(size=(2, 0))], {"axis": 1}
        yield [rng.normal(size=(2,)), rng.normal(size=(3,))], {"axis": 0}


CONCATENATE = Concatenate()


def concatenate(arrays: Any, /, axis: int | None = 0) -> Any:
    """Join arrays along an existing axis; with ``axis=None`` they are flattened first.

    Shapes equal but for `axis`; raises `ShapeError` otherwise.

    >>> import wengert as wg, numpy as np
    >>> wg.concatenate([np.array([1.0]), np.array([2.0, 3.0])])
    array([1., 2., 3.])
    """
    xs = [arrayed(x) for x in arrays]
    if not xs:
        raise ShapeError("concatenate: needs at least one array")
    if axis is None:
        xs, axis = [bind(RESHAPE, (x,), {"shape": (shapes.size_of(x.shape),)}) for x in xs], 0
    for x in xs:
        if not x.shape:
            raise ShapeError("concatenate: zero-dimensional arrays cannot be joined", hint="use wg.stack")
    axis = shapes.axis_index("concatenate", axis, len(xs[0].shape))
    CONCATENATE.aval(*xs, axis=axis)
    return bind(CONCATENATE, xs, {"axis": axis})


def stack(arrays: Any, /, axis: int = 0) -> Any:
    """Join arrays of one shape along a new axis.

    >>> import wengert as wg, numpy as np
    >>> wg.stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])], axis=1)
    array([[1., 3.],
           [2., 4.]])
    """
    xs = [arrayed(x) for x in arrays]
    if not xs:
        raise ShapeError("stack: needs at least one array")
    shape = xs[0].shape
    if any(x.shape != shape for x in xs):
        raise ShapeError(f"stack: got shapes {', '.join(str(list(x.shape)) for x in xs)}; needs equal shapes")
    axis = shapes.axis_index("stack", axis, len(shape) + 1)
    rows = [bind(RESHAPE, (x,), {"shape": shape[:axis] + (1,) + shape[axis:]}) for x in xs]
    return bind(CONCATENATE, rows, {"axis": axis})


concat = concatenate

__all__ = ["concatenate", "concat", "stack"]
