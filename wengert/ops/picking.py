"""Picking and collecting along an axis: take, take_along_axis, segments, one-hot, and PyTorch's names for them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.dtypes import get_default_dtype
from wengert.base.errors import ArgumentError, DTypeError, IndexingError, ShapeError, TracedValueError, show
from wengert.core.record import bind, concrete
from wengert.ops.arithmetic import multiply
from wengert.ops.comparison import equal
from wengert.ops.gather import at
from wengert.ops.manipulation import ravel, reshaped
from wengert.ops.rounding import maximum, minimum, remainder, where
from wengert.ops.scattering import GATHER, SCATTER_ADD
from wengert.ops.structure import arrayed, astype, axis_names, broadcast_to


def _indices(what: str, indices: Any) -> Any:
    if isinstance(indices, list | tuple) and not len(indices):
        return np.zeros(0, np.intp)
    indices = arrayed(indices)
    if indices.dtype.kind not in "iu":
        raise IndexingError(f"{what}: got indices {show(indices)}; needs integers")
    return indices


@axis_names
def take(x: Any, indices: Any, /, axis: int | None = None, out: Any = None, mode: str = "raise") -> Any:
    """The elements at `indices` along `axis` (None: of the flattened array), ``y[…, i…, …] = x[…, indices[i…], …]``.

    Indices outside raise `IndexingError`; ``mode="wrap"`` counts them round, ``"clip"`` takes the nearest end.

    >>> import wengert as wg, numpy as np
    >>> wg.take(np.array([1.0, 2.0, 3.0]), [2, 0])
    array([3., 1.])
    """
    x, indices = arrayed(x), _indices("take", indices)
    if axis is None:
        x, axis = ravel(x), 0
    axis = shapes.axis_index("take", axis, len(x.shape))
    length = x.shape[axis]
    if mode not in ("raise", "wrap", "clip"):
        raise ArgumentError(f"take: got mode={mode!r}; needs 'raise', 'wrap' or 'clip'")
    if mode != "raise" and length:
        indices = remainder(indices, length) if mode == "wrap" else minimum(maximum(indices, 0), length - 1)
    return bind(GATHER, (x, indices), {"axes": (axis,), "place": axis})


def _along(what: str, x: Any, indices: Any, axis: int | None) -> tuple[Any, list[Any], int]:
    """x, an index array for every axis of it, and the axis: the picks of ``take_along_axis``."""
    x, indices = arrayed(x), _indices(what, indices)
    if axis is None:
        x, axis = ravel(x), 0
    axis = shapes.axis_index(what, axis, len(x.shape))
    rank = len(x.shape)
    if len(indices.shape) != rank:
        raise ShapeError(f"{what}: got indices {show(indices)} for {show(x)}; needs equally many axes")
    arrays: list[Any] = []
    for a, (n, m) in enumerate(zip(x.shape, indices.shape, strict=True)):
        if a != axis and n != m and 1 not in (n, m):
            raise ShapeError(f"{what}: got indices {show(indices)} for {show(x)}; axis {a} has length {n} against {m}")
        steps = np.zeros(m, np.intp) if n == 1 and m != 1 else np.arange(n)
        arrays.append(indices if a == axis else steps.reshape((1,) * a + (-1,) + (1,) * (rank - a - 1)))
    return x, arrays, axis


@axis_names
def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Any:
    """The elements that an index array of the same rank picks along `axis`, as `argsort` gives them.

    ``y[i, j, k] = x[i, indices[i, j, k], k]`` for axis 1; the other axes broadcast.

    >>> import wengert as wg, numpy as np
    >>> wg.take_along_axis(np.array([[3.0, 1.0, 2.0]]), np.array([[1, 2, 0]]), axis=1)
    array([[1., 2., 3.]])
    """
    x, arrays, _axis = _along("take_along_axis", x, indices, axis)
    return bind(GATHER, (x, *arrays), {"axes": tuple(range(len(x.shape))), "place": 0})


@axis_names
def put_along_axis(x: Any, indices: Any, values: Any, axis: int | None = -1) -> Any:
    """A copy of x with `values` put where `take_along_axis` would take; NumPy's writes into x instead.

    >>> import wengert as wg, numpy as np
    >>> wg.put_along_axis(np.zeros((1, 3)), np.array([[1]]), 5.0, axis=1)
    array([[0., 5., 0.]])
    """
    shape = arrayed(x).shape
    x, arrays, _axis = _along("put_along_axis", x, indices, axis)
    return reshaped(at(x)[tuple(arrays)].set(values), shape)


# ----- segments ----------------------------------------------------------------------------------------------
def _segments(what: str, x: Any, ids: Any, count: Any) -> tuple[Any, Any, int]:
    x, ids = arrayed(x), _indices(what, ids)
    if len(ids.shape) != 1 or not x.shape or x.shape[0] != ids.shape[0]:
        raise ShapeError(f"{what}: got {show(x)} and segment_ids {show(ids)}; needs one id for every row")
    if count is not None:
        return x, ids, operator.index(count)
    try:
        known = np.asarray(concrete(ids, what))
    except TracedValueError:
        raise TracedValueError(f"{what}: the number of segments is not known while recording",
                               hint="pass num_segments") from None  # fmt: skip
    return x, ids, int(known.max(initial=-1)) + 1


def segment_sum(x: Any, segment_ids: Any, num_segments: int | None = None) -> Any:
    """Sums of the rows with equal id: ``y[s] = sum of x[i] where segment_ids[i] == s``, shape (num_segments, …).

    >>> import wengert as wg, numpy as np
    >>> wg.segment_sum(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 0]))
    array([4., 2.])
    """
    x, ids, count = _segments("segment_sum", x, segment_ids, num_segments)
    return bind(SCATTER_ADD, (x, ids), {"shape": (count, *x.shape[1:]), "axes": (0,), "place": 0})


def segment_mean(x: Any, segment_ids: Any, num_segments: int | None = None) -> Any:
    """Means of the rows with equal id; 0 for an id without rows.

    >>> import wengert as wg, numpy as np
    >>> wg.segment_mean(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 0]))
    array([2., 2.])
    """
    x, ids, count = _segments("segment_mean", x, segment_ids, num_segments)
    if x.dtype.kind not in "fc":
        x = astype(x, np.float64)
    rows = segment_sum(np.ones(ids.shape, np.zeros((), x.dtype).real.dtype), ids, count)
    return segment_sum(x, ids, count) / reshaped(maximum(rows, 1), (count,) + (1,) * (len(x.shape) - 1))


def _segment_extremum(what: str, x: Any, ids: Any, count: Any, largest: bool) -> Any:
    x, ids, count = _segments(what, x, ids, count)
    if x.dtype.kind not in "fiu":
        raise DTypeError(f"{what}: got {show(x)}; needs real numbers, which have an order")
    if x.dtype.kind == "f":
        start = -np.inf if largest else np.inf
    else:
        limits = np.iinfo(x.dtype)
        start = limits.min if largest else limits.max
    empty = at(np.full((count, *x.shape[1:]), start, x.dtype))[ids]
    return empty.max(x) if largest else empty.min(x)


def segment_max(x: Any, segment_ids: Any, num_segments: int | None = None) -> Any:
    """Largest of the rows with equal id, element by element; ties share the derivative; -inf for an id without rows.

    >>> import wengert as wg, numpy as np
    >>> wg.segment_max(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 0]))
    array([3., 2.])
    """
    return _segment_extremum("segment_max", x, segment_ids, num_segments, largest=True)


def segment_min(x: Any, segment_ids: Any, num_segments: int | None = None) -> Any:
    """Smallest of the rows with equal id, element by element; ties share the derivative; inf for an id without rows.

    >>> import wengert as wg, numpy as np
    >>> wg.segment_min(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 0]))
    array([1., 2.])
    """
    return _segment_extremum("segment_min", x, segment_ids, num_segments, largest=False)


def one_hot(indices: Any, num_classes: int = -1, dtype: Any = None, axis: int = -1) -> Any:
    """A new axis of length `num_classes` that is 1 at the index and 0 elsewhere, in the default dtype.

    An index outside gives zeros. With ``num_classes=-1`` (known indices only) it is the largest index plus one.

    >>> import wengert as wg, numpy as np
    >>> wg.one_hot(np.array([0, 2]), 3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    indices = _indices("one_hot", indices)
    if num_classes == -1:
        try:
            num_classes = int(np.max(np.asarray(concrete(indices, "one_hot")), initial=-1)) + 1
        except TracedValueError:
            raise TracedValueError("one_hot: the number of classes is not known while recording",
                                   hint="pass num_classes") from None  # fmt: skip
    (count,) = shapes.as_shape("one_hot", num_classes)
    rank = len(indices.shape)
    place = shapes.axis_index("one_hot", axis, rank + 1)
    classes = np.arange(count).reshape((1,) * place + (count,) + (1,) * (rank - place))
    opened = reshaped(indices, (*indices.shape[:place], 1, *indices.shape[place:]))
    return astype(equal(opened, classes), get_default_dtype() if dtype is None else dtype)


# ----- PyTorch's names -----------------------------------------------------------------------------------------
@axis_names
def index_select(x: Any, axis: int, index: Any) -> Any:
    """PyTorch's name of `take` along an axis.

    >>> import wengert as wg, numpy as np
    >>> wg.index_select(np.array([1.0, 2.0]), 0, [1])
    array([2.])
    """
    return take(x, index, axis=axis)


@axis_names
def index_add(x: Any, axis: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """x with the slices of `source` added at `index` along `axis`; repeated indices accumulate.

    >>> import wengert as wg, numpy as np
    >>> wg.index_add(np.zeros(2), 0, [1, 1], np.array([1.0, 2.0]))
    array([0., 3.])
    """
    x = arrayed(x)
    axis = shapes.axis_index("index_add", axis, len(x.shape))
    source = source if type(alpha) is int and alpha == 1 else multiply(source, alpha)
    return at(x)[(slice(None),) * axis + (_indices("index_add", index),)].add(source)


@axis_names
def gather(x: Any, axis: int, index: Any) -> Any:
    """PyTorch's ``gather``: `take_along_axis` that lets the other axes of `index` be shorter than those of x.

    >>> import wengert as wg, numpy as np
    >>> wg.gather(np.array([[1.0, 2.0], [3.0, 4.0]]), 1, np.array([[1], [0]]))
    array([[2.],
           [3.]])
    """
    x, arrays, _axis = _corner("gather", x, axis, index)
    return bind(GATHER, (x, *arrays), {"axes": tuple(range(len(x.shape))), "place": 0})


def _corner(what: str, x: Any, axis: int, index: Any) -> tuple[Any, list[Any], Any]:
    x, index = arrayed(x), _indices(what, index)
    axis = shapes.axis_index(what, axis, len(x.shape))
    rank = len(x.shape)
    if len(index.shape) != rank or any(m > n for a, (n, m) in enumerate(zip(x.shape, index.shape)) if a != axis):  # noqa: B905
        raise ShapeError(f"{what}: got index {show(index)} for {show(x)}; needs as many axes, none but {axis} longer")
    steps: Sequence[Any] = [
        np.arange(m).reshape((1,) * a + (-1,) + (1,) * (rank - a - 1)) for a, m in enumerate(index.shape)
    ]
    return x, [index if a == axis else s for a, s in enumerate(steps)], index


def _source(values: Any, index: Any) -> Any:
    """The values for an index array: PyTorch takes as much of a larger source as the index is long."""
    values = arrayed(values)
    if values.shape and values.shape != index.shape:
        return at(values)[tuple(slice(0, n) for n in index.shape)].get()
    return broadcast_to(values, index.shape)


@axis_names
def scatter(x: Any, axis: int, index: Any, src: Any) -> Any:
    """x with ``y[i, index[i, j]] = src[i, j]`` (for axis 1); of repeated indices the last stays.

    >>> import wengert as wg, numpy as np
    >>> wg.scatter(np.zeros((1, 3)), 1, np.array([[2]]), 5.0)
    array([[0., 0., 5.]])
    """
    x, arrays, index = _corner("scatter", x, axis, index)
    return at(x)[tuple(arrays)].set(_source(src, index))


@axis_names
def scatter_add(x: Any, axis: int, index: Any, src: Any) -> Any:
    """x with ``y[i, index[i, j]] += src[i, j]`` (for axis 1); repeated indices accumulate.

    >>> import wengert as wg, numpy as np
    >>> wg.scatter_add(np.zeros((1, 3)), 1, np.array([[2, 2]]), np.ones((1, 2)))
    array([[0., 0., 2.]])
    """
    x, arrays, index = _corner("scatter_add", x, axis, index)
    return at(x)[tuple(arrays)].add(_source(src, index))


def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    """x with `value` where the mask is true, broadcast.

    >>> import wengert as wg, numpy as np
    >>> wg.masked_fill(np.ones(2), np.array([True, False]), 0.0)
    array([0., 1.])
    """
    return where(mask, value, x)


def masked_select(x: Any, mask: Any) -> Any:
    """The elements where the (broadcast) mask is true, as one axis; the mask must be known when recording.

    >>> import wengert as wg, numpy as np
    >>> wg.masked_select(np.array([1.0, 2.0]), np.array([True, False]))
    array([1.])
    """
    x, mask = arrayed(x), arrayed(mask)
    common = shapes.broadcast("masked_select", x.shape, mask.shape)
    return at(broadcast_to(x, common))[broadcast_to(mask, common)].get()


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """The choice whose condition is the first to be true, element by element; `default` where none is.

    All are broadcast. Raises `ArgumentError` where there are not as many conditions as choices.

    >>> import wengert as wg, numpy as np
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> wg.select([x < 2, x > 2], [-x, 10 * x])
    array([-1.,  0., 30.])
    """
    conditions, choices = list(condlist), list(choicelist)
    if len(conditions) != len(choices) or not choices:
        raise ArgumentError(f"select: got {len(conditions)} conditions and {len(choices)} choices; needs one each")
    y = default
    for condition, choice in zip(conditions[::-1], choices[::-1], strict=True):
        y = where(condition, choice, y)
    return y


@axis_names
def narrow(x: Any, axis: int, start: int, length: int) -> Any:
    """The slice ``start … start + length`` of one axis.

    >>> import wengert as wg, numpy as np
    >>> wg.narrow(np.arange(5.0), 0, 1, 2)
    array([1., 2.])
    """
    x = arrayed(x)
    axis = shapes.axis_index("narrow", axis, len(x.shape))
    if not 0 <= start <= start + length <= x.shape[axis]:
        raise IndexingError(f"narrow: {start} … {start + length} lies outside axis {axis} of length {x.shape[axis]}")
    return at(x)[(slice(None),) * axis + (slice(start, start + length),)].get()


__all__ = [
    "gather", "index_add", "index_select", "masked_fill", "masked_select", "narrow", "one_hot", "put_along_axis",
    "scatter", "scatter_add", "segment_max", "segment_mean", "segment_min", "segment_sum", "select", "take",
    "take_along_axis",
]  # fmt: skip
