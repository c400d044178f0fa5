"""Rearranging arrays: axes, joining and splitting.

Everything here is composed of reshape, transpose, broadcast, indexing and concatenation, so the derivatives follow.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, AxisError, DTypeError, ShapeError, TracedValueError, show
from wengert.base.shapes import Shape
from wengert.core.record import Tensor, bind, concrete
from wengert.core.tree import tree_leaves
from wengert.ops.creation import array
from wengert.ops.indexing import ALL, GET_ITEM, part
from wengert.ops.joining import concatenate
from wengert.ops.scattering import GATHER
from wengert.ops.structure import (
    RESHAPE,
    TRANSPOSE,
    apart,
    arrayed,
    astype,
    axis_names,
    broadcast_to,
    moveaxis,
    transpose,
)


# ----- helpers ---------------------------------------------------------------------------------------------
def reshaped(x: Any, shape: Shape) -> Any:
    return x if x.shape == shape else bind(RESHAPE, (x,), {"shape": shape})


def picked(x: Any, axis: int, index: np.ndarray) -> Any:
    """The elements at a known index array along one axis."""
    return bind(GATHER, (x, index), {"axes": (axis,), "place": axis})


def known_values(what: str, x: Any, role: str) -> np.ndarray:
    """An argument on which the shape of the result depends, so that its values must be known."""
    try:
        return np.asarray([concrete(v, what) for v in x] if isinstance(x, list | tuple) else concrete(x, what))
    except TracedValueError:
        raise TracedValueError(
            f"{what}: got {role} {show(x)} whose values are not known while recording, so the shape of the result "
            "would not be known either",
            hint=f"pass {role} as a NumPy array or a number",
        ) from None


# ----- axes ------------------------------------------------------------------------------------------------
def ravel(x: Any, /, order: str = "C") -> Any:
    """All elements in row-major order along one axis.

    >>> import wengert as wg, numpy as np
    >>> wg.ravel(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 2., 3., 4.])
    """
    x = arrayed(x)
    if order == "F":
        x = transpose(x)
    elif order not in ("C", "K", "A"):
        raise ArgumentError(f"ravel: got order={order!r}; needs 'C' or 'F'")
    return reshaped(x, (shapes.size_of(x.shape),))


def flatten(x: Any, /, start_dim: int | str = 0, end_dim: int = -1) -> Any:
    """The axes `start_dim` … `end_dim` joined into one; by default all.

    >>> import wengert as wg, numpy as np
    >>> wg.flatten(np.zeros((2, 3, 4)), 1).shape
    (2, 12)
    """
    x = arrayed(x)
    if not x.shape:
        return reshaped(x, (1,))
    if isinstance(start_dim, str):  # NumPy's method takes the order there
        return ravel(x, start_dim)
    start, end = (shapes.axis_index("flatten", a, len(x.shape)) for a in (start_dim, end_dim))
    if start > end:
        raise AxisError(f"flatten: start_dim {start} lies behind end_dim {end}")
    return reshaped(x, x.shape[:start] + (shapes.size_of(x.shape[start : end + 1]),) + x.shape[end + 1 :])


def swapaxes(x: Any, /, axis1: int, axis2: int) -> Any:
    """Two axes exchanged.

    >>> import wengert as wg, numpy as np
    >>> wg.swapaxes(np.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = arrayed(x)
    a, b = (shapes.axis_index("swapaxes", i, len(x.shape)) for i in (axis1, axis2))
    order = list(range(len(x.shape)))
    order[a], order[b] = b, a
    return x if a == b else bind(TRANSPOSE, (x,), {"axes": tuple(order)})


def rollaxis(x: Any, axis: int, start: int = 0) -> Any:
    """Axis `axis` moved until it stands before axis `start`.

    >>> import wengert as wg, numpy as np
    >>> wg.rollaxis(np.zeros((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    x = arrayed(x)
    rank = len(x.shape)
    axis = shapes.axis_index("rollaxis", axis, rank)
    before = start if start == rank else shapes.axis_index("rollaxis", start, rank)
    return moveaxis(x, axis, before - (axis < before))


def matrix_transpose(x: Any, /) -> Any:
    """The last two axes exchanged.

    >>> import wengert as wg, numpy as np
    >>> wg.matrix_transpose(np.zeros((2, 3, 4))).shape
    (2, 4, 3)
    """
    x = arrayed(x)
    if len(x.shape) < 2:
        raise ShapeError(f"matrix_transpose: got {show(x)}; needs at least two axes")
    return swapaxes(x, -1, -2)


def permute(x: Any, /, *dims: Any) -> Any:
    """The axes in another order (PyTorch's name of `transpose`): ``permute(x, (2, 0, 1))``.

    >>> import wengert as wg, numpy as np
    >>> wg.permute(np.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    return transpose(x, dims[0] if len(dims) == 1 and isinstance(dims[0], tuple | list) else dims)


@axis_names
def expand_dims(x: Any, /, axis: Any = 0) -> Any:
    """New axes of length 1 at the places `axis` of the result.

    >>> import wengert as wg, numpy as np
    >>> wg.expand_dims(np.zeros((2, 3)), (0, -1)).shape
    (1, 2, 3, 1)
    """
    x = arrayed(x)
    many = axis if isinstance(axis, tuple | list) else (axis,)
    new = shapes.axes_tuple("expand_dims", tuple(many), len(x.shape) + len(many))
    old = iter(x.shape)
    return reshaped(x, tuple(1 if a in new else next(old) for a in range(len(x.shape) + len(many))))


@axis_names
def unsqueeze(x: Any, /, axis: Any) -> Any:
    """A new axis of length 1 (PyTorch's name of `expand_dims`).

    >>> import wengert as wg, numpy as np
    >>> wg.unsqueeze(np.zeros(3), 1).shape
    (3, 1)
    """
    return expand_dims(x, axis)


@axis_names
def squeeze(x: Any, /, axis: Any = None) -> Any:
    """Axes of length 1 removed: all of them, or those of `axis`; `ShapeError` if one of those is longer.

    >>> import wengert as wg, numpy as np
    >>> wg.squeeze(np.zeros((1, 3, 1))).shape
    (3,)
    """
    x = arrayed(x)
    if axis is None:
        return reshaped(x, tuple(n for n in x.shape if n != 1))
    gone = shapes.axes_tuple("squeeze", axis, len(x.shape))
    for a in gone:
        if x.shape[a] != 1:
            raise ShapeError(f"squeeze: axis {a} of {list(x.shape)} has length {x.shape[a]}; needs 1")
    return reshaped(x, tuple(n for a, n in enumerate(x.shape) if a not in gone))


def atleast_1d(*xs: Any) -> Any:
    """Numbers as arrays of one element; arrays as they are. Several arguments give a tuple.

    >>> import wengert as wg, numpy as np
    >>> wg.atleast_1d(np.float64(2.0))
    array([2.])
    """
    return _each(xs, lambda x: reshaped(x, x.shape or (1,)))


def atleast_2d(*xs: Any) -> Any:
    """Arrays of at least two axes; new axes come first.

    >>> import wengert as wg, numpy as np
    >>> wg.atleast_2d(np.zeros(3)).shape
    (1, 3)
    """
    return _each(xs, lambda x: reshaped(x, (1,) * (2 - len(x.shape)) + x.shape))


def atleast_3d(*xs: Any) -> Any:
    """Arrays of at least three axes: ``(n,) -> (1, n, 1)`` and ``(m, n) -> (m, n, 1)``.

    >>> import wengert as wg, numpy as np
    >>> wg.atleast_3d(np.zeros((2, 3))).shape
    (2, 3, 1)
    """

    def raised(x: Any) -> Any:
        return reshaped(x, {0: (1, 1, 1), 1: (1, *x.shape, 1), 2: (*x.shape, 1)}.get(len(x.shape), x.shape))

    return _each(xs, raised)


def _each(xs: Sequence[Any], f: Callable[[Any], Any]) -> Any:
    results = tuple(f(np.asarray(x) if isinstance(x, np.generic) else arrayed(x)) for x in xs)
    return results[0] if len(results) == 1 else results


def broadcast_arrays(*xs: Any) -> tuple[Any, ...]:
    """All arrays broadcast to their common shape.

    >>> import wengert as wg, numpy as np
    >>> [a.shape for a in wg.broadcast_arrays(np.zeros((2, 1)), np.zeros(3))]
    [(2, 3), (2, 3)]
    """
    given = [arrayed(x) for x in xs]
    common = shapes.broadcast("broadcast_arrays", *(x.shape for x in given))
    return tuple(broadcast_to(x, common) for x in given)


def meshgrid(*xs: Any, indexing: str = "xy", sparse: bool = False, copy: bool = True) -> tuple[Any, ...]:
    """Coordinate arrays of the grid spanned by one-dimensional arrays.

    ``indexing="ij"`` gives the shape ``(len(x0), len(x1), …)``; ``"xy"`` exchanges the first two axes.

    >>> import wengert as wg, numpy as np
    >>> wg.meshgrid(np.arange(3.0), np.arange(2.0))[1]
    array([[0., 0., 0.],
           [1., 1., 1.]])
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"meshgrid: got indexing={indexing!r}; needs 'xy' or 'ij'")
    given = [arrayed(x) for x in (xs[0] if len(xs) == 1 and isinstance(xs[0], tuple | list) else xs)]
    for x in given:
        if len(x.shape) > 1:
            raise ShapeError(f"meshgrid: got {show(x)}; needs arrays of one axis")
    rank = len(given)
    places = [1, 0, *range(2, rank)] if indexing == "xy" and rank > 1 else list(range(rank))
    open_ = [
        reshaped(x, (1,) * p + (shapes.size_of(x.shape),) + (1,) * (rank - 1 - p))
        for x, p in zip(given, places, strict=True)
    ]
    grid = tuple(open_) if sparse else broadcast_arrays(*open_)
    return tuple(apart(y, *given) for y in grid) if copy else grid


# ----- joining ---------------------------------------------------------------------------------------------
def hstack(arrays: Any, /) -> Any:
    """Arrays side by side: along the second axis, or the first of one-dimensional ones.

    >>> import wengert as wg, numpy as np
    >>> wg.hstack([np.zeros((2, 1)), np.zeros((2, 3))]).shape
    (2, 4)
    """
    xs = [atleast_1d(x) for x in arrays]
    return concatenate(xs, axis=0 if xs and len(xs[0].shape) == 1 else 1)


def vstack(arrays: Any, /) -> Any:
    """Arrays one below the other; one-dimensional ones become rows.

    >>> import wengert as wg, numpy as np
    >>> wg.vstack([np.zeros(3), np.zeros((2, 3))]).shape
    (3, 3)
    """
    return concatenate([atleast_2d(x) for x in arrays], axis=0)


def dstack(arrays: Any, /) -> Any:
    """Arrays one behind the other, along the third axis.

    >>> import wengert as wg, numpy as np
    >>> wg.dstack([np.zeros((2, 3)), np.zeros((2, 3))]).shape
    (2, 3, 2)
    """
    return concatenate([atleast_3d(x) for x in arrays], axis=2)


def column_stack(arrays: Any, /) -> Any:
    """One-dimensional arrays as the columns of a matrix; matrices side by side.

    >>> import wengert as wg, numpy as np
    >>> wg.column_stack([np.zeros(3), np.zeros((3, 2))]).shape
    (3, 3)
    """
    xs = [atleast_1d(x) for x in arrays]
    return concatenate([reshaped(x, (*x.shape, 1)) if len(x.shape) == 1 else x for x in xs], axis=1)


def block(arrays: Any, /) -> Any:
    """One array from nested lists of blocks: the innermost lists are joined along the last axis, and so on outwards.

    >>> import wengert as wg, numpy as np
    >>> wg.block([[np.eye(2), np.zeros((2, 1))], [np.ones((1, 3))]])
    array([[1., 0., 0.],
           [0., 1., 0.],
           [1., 1., 1.]])
    """
    depth = _depth(arrays)
    rank = max(depth, _largest_rank(arrays))

    def joined(item: Any, level: int) -> Any:
        if isinstance(item, list):
            return concatenate([joined(x, level - 1) for x in item], axis=rank - level)
        x = arrayed(item)
        return reshaped(np.asarray(x) if isinstance(x, np.generic) else x, (1,) * (rank - len(x.shape)) + x.shape)

    return apart(joined(arrays, depth), *tree_leaves(arrays))


def _depth(item: Any) -> int:
    if not isinstance(item, list):
        return 0
    depths = {_depth(x) for x in item}
    if len(depths) != 1:
        raise ShapeError("block: the lists are nested to different depths, or one is empty")
    return 1 + depths.pop()


def _largest_rank(item: Any) -> int:
    return max(map(_largest_rank, item)) if isinstance(item, list) else len(arrayed(item).shape)


def append(x: Any, values: Any, axis: int | None = None) -> Any:
    """`values` joined to the end of x; flattened first where `axis` is None.

    >>> import wengert as wg, numpy as np
    >>> wg.append(np.array([1.0]), [2.0, 3.0])
    array([1., 2., 3.])
    """
    return concatenate([_listed(x), _listed(values)], axis=axis)


def _listed(x: Any) -> Any:
    """Nested lists of tensors as one tensor (NumPy's protocol hands them to us as they are)."""
    return array(x) if isinstance(x, list | tuple) and any(isinstance(y, Tensor) for y in tree_leaves(x)) else x


def insert(x: Any, index: Any, values: Any, axis: int | None = None) -> Any:
    """`values` inserted before the given indices (numbers, known when recording) along `axis`.

    >>> import wengert as wg, numpy as np
    >>> wg.insert(np.array([1.0, 2.0]), 1, 5.0)
    array([1., 5., 2.])
    """
    x, values = arrayed(x), arrayed(values)
    if axis is None:
        x, axis = ravel(x), 0
    axis = shapes.axis_index("insert", axis, len(x.shape))
    known = np.arange(x.shape[axis])[index] if isinstance(index, slice) else known_values("insert", index, "indices")
    new = reshaped(values, (1,) * (len(x.shape) - len(values.shape)) + values.shape)
    if not known.shape:
        new = moveaxis(new, 0, axis)
    count = new.shape[axis] if known.size == 1 else known.size
    new = broadcast_to(new, x.shape[:axis] + (count,) + x.shape[axis + 1 :])
    length = x.shape[axis]
    try:
        order = np.insert(np.arange(length), known.item() if known.size == 1 else known, length + np.arange(count))
    except IndexError:
        raise AxisError(f"insert: index {known} is out of bounds for axis {axis} of length {length}") from None
    if new.dtype != x.dtype:
        new = _as(new, x.dtype)
    return picked(concatenate([x, new], axis=axis), axis, order)


def _as(x: Any, dtype: Any) -> Any:
    if not np.can_cast(x.dtype, dtype, "same_kind"):
        raise DTypeError(f"insert: got values of {x.dtype} for an array of {dtype}, which cannot hold them")
    return astype(x, dtype)


def delete(x: Any, index: Any, axis: int | None = None) -> Any:
    """x without the elements at the given indices (numbers, slices or masks, known when recording).

    >>> import wengert as wg, numpy as np
    >>> wg.delete(np.array([1.0, 2.0, 3.0]), 1)
    array([1., 3.])
    """
    x = arrayed(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = shapes.axis_index("delete", axis, len(x.shape))
    known = index if isinstance(index, slice) else known_values("delete", index, "indices")
    try:
        kept = np.delete(np.arange(x.shape[axis]), known if isinstance(known, slice) or known.shape else known.item())
    except (IndexError, ValueError) as error:
        raise AxisError(f"delete: {error}") from None
    return picked(x, axis, kept)


def compress(condition: Any, x: Any, axis: int | None = None) -> Any:
    """The elements along `axis` where `condition` (known when recording) is true.

    >>> import wengert as wg, numpy as np
    >>> wg.compress([True, False, True], np.array([1.0, 2.0, 3.0]))
    array([1., 3.])
    """
    x = arrayed(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = shapes.axis_index("compress", axis, len(x.shape))
    return picked(x, axis, np.flatnonzero(known_values("compress", condition, "the condition")))


def extract(condition: Any, x: Any) -> Any:
    """The elements of x, in row-major order, where `condition` (known when recording) is true.

    >>> import wengert as wg, numpy as np
    >>> wg.extract(np.array([[True, False], [False, True]]), np.eye(2))
    array([1., 1.])
    """
    return compress(ravel(known_values("extract", condition, "the condition")), x)


# ----- splitting -------------------------------------------------------------------------------------------
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """x cut into parts along `axis`: nearly equal ones for a number, or before the given indices.

    >>> import wengert as wg, numpy as np
    >>> [p.shape for p in wg.array_split(np.zeros(5), 3)]
    [(2,), (2,), (1,)]
    """
    x = arrayed(x)
    axis = shapes.axis_index("array_split", axis, len(x.shape))
    length = x.shape[axis]
    known = known_values("array_split", indices_or_sections, "the sections")
    if known.shape:
        cuts = [None, *known.tolist(), None]
    else:
        count = operator.index(known.item())
        if count < 1:
            raise ArgumentError(f"array_split: got {count} sections; needs at least 1")
        sizes = [length // count + (k < length % count) for k in range(count)]
        cuts = [0, *np.cumsum(sizes).tolist()]
    return [part(x, axis, a, b) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """x cut along `axis` into equal parts (a number of them), or before the given indices, as NumPy does.

    PyTorch's ``split`` counts in lengths instead; `chunk` and `array_split` take any length.
    Raises `ShapeError` where the parts would be unequal.

    >>> import wengert as wg, numpy as np
    >>> [p.shape for p in wg.split(np.zeros(6), 3)]
    [(2,), (2,), (2,)]
    """
    x = arrayed(x)
    axis = shapes.axis_index("split", axis, len(x.shape))
    known = known_values("split", indices_or_sections, "the sections")
    if not known.shape and known.item() > 0 and x.shape[axis] % known.item():
        raise ShapeError(
            f"split: axis {axis} of length {x.shape[axis]} does not divide into {known} equal parts",
            hint="wg.array_split allows unequal ones",
        )
    return array_split(x, known, axis)


def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the second axis, or the first of a one-dimensional array.

    >>> import wengert as wg, numpy as np
    >>> wg.hsplit(np.zeros((2, 4)), 2)[0].shape
    (2, 2)
    """
    return split(x, indices_or_sections, 1 if len(arrayed(x).shape) > 1 else 0)


def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the first axis of at least two.

    >>> import wengert as wg, numpy as np
    >>> wg.vsplit(np.zeros((2, 4)), 2)[0].shape
    (1, 4)
    """
    if len(arrayed(x).shape) < 2:
        raise ShapeError(f"vsplit: got {show(arrayed(x))}; needs at least two axes")
    return split(x, indices_or_sections, 0)


def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the third axis.

    >>> import wengert as wg, numpy as np
    >>> wg.dsplit(np.zeros((1, 2, 4)), 2)[0].shape
    (1, 2, 2)
    """
    if len(arrayed(x).shape) < 3:
        raise ShapeError(f"dsplit: got {show(arrayed(x))}; needs at least three axes")
    return split(x, indices_or_sections, 2)


@axis_names
def chunk(x: Any, chunks: int, axis: int = 0) -> list[Any]:
    """At most `chunks` parts along `axis`, all of one length but the last (PyTorch's ``chunk``).

    >>> import wengert as wg, numpy as np
    >>> [p.shape for p in wg.chunk(np.zeros(7), 3)]
    [(3,), (3,), (1,)]
    """
    x = arrayed(x)
    if chunks < 1:
        raise ArgumentError(f"chunk: got {chunks} chunks; needs at least 1")
    axis = shapes.axis_index("chunk", axis, len(x.shape))
    length = max(1, -(-x.shape[axis] // chunks))
    return [part(x, axis, a, a + length) for a in range(0, max(1, x.shape[axis]), length)]


@axis_names
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The slices along `axis`, without it.

    >>> import wengert as wg, numpy as np
    >>> [p.shape for p in wg.unstack(np.zeros((2, 3)), axis=1)]
    [(2,), (2,), (2,)]
    """
    x = arrayed(x)
    axis = shapes.axis_index("unstack", axis, len(x.shape))
    return tuple(bind(GET_ITEM, (x,), {"index": (ALL,) * axis + (k,)}) for k in range(x.shape[axis]))


__all__ = [
    "append", "array_split", "atleast_1d", "atleast_2d", "atleast_3d", "block", "broadcast_arrays", "chunk",
    "column_stack", "compress", "delete", "dsplit", "dstack", "expand_dims", "extract", "flatten", "hsplit", "hstack",
    "insert", "matrix_transpose", "meshgrid", "permute", "ravel", "rollaxis", "split", "squeeze", "swapaxes",
    "unsqueeze", "unstack", "vsplit", "vstack",
]  # fmt: skip
