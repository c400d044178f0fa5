"""Repeating, flipping, padding, triangles and diagonals.

All are compositions of reshape, broadcast, indexing and concatenation.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.errors import ArgumentError, AxisError, ShapeError, show
from wengert.core.record import Tensor, bind
from wengert.core.windows import join
from wengert.ops.arithmetic import power
from wengert.ops.indexing import GET_ITEM, PLACE, Span, part
from wengert.ops.joining import CONCATENATE
from wengert.ops.manipulation import known_values, picked, ravel, reshaped, swapaxes
from wengert.ops.rounding import where
from wengert.ops.scattering import GATHER, SCATTER_ADD
from wengert.ops.structure import apart, arrayed, astype, axis_names, broadcast_to


# ----- repeating ---------------------------------------------------------------------------------------------
def tile(x: Any, /, reps: Any) -> Any:
    """x laid out `reps` times along each axis; missing axes are added in front.

    >>> import wengert as wg, numpy as np
    >>> wg.tile(np.array([1.0, 2.0]), 2)
    array([1., 2., 1., 2.])
    """
    x = arrayed(x)
    counts = shapes.as_shape("tile", reps)
    rank = max(len(counts), len(x.shape))
    counts = (1,) * (rank - len(counts)) + counts
    lengths = (1,) * (rank - len(x.shape)) + x.shape
    y = reshaped(x, tuple(n for length in lengths for n in (1, length)))
    y = broadcast_to(y, tuple(n for pair in zip(counts, lengths, strict=True) for n in pair))
    return apart(reshaped(y, tuple(n * m for n, m in zip(counts, lengths, strict=True))), x)


@axis_names
def repeat(x: Any, /, repeats: Any, axis: int | None = None, **_size: Any) -> Any:
    """Every element repeated along `axis` (None: flattened), one number of times or its own (known when recording).

    As NumPy's; PyTorch's method ``t.repeat`` is `tile` here.

    >>> import wengert as wg, numpy as np
    >>> wg.repeat(np.array([1.0, 2.0]), [2, 1])
    array([1., 1., 2.])
    """
    x = arrayed(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = shapes.axis_index("repeat", axis, len(x.shape))
    counts = known_values("repeat", repeats, "repeats")
    length = x.shape[axis]
    if counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ArgumentError(f"repeat: got repeats={repeats!r}; needs integers, not negative")
    if counts.size != 1:
        if counts.shape != (length,):
            raise ShapeError(f"repeat: got {counts.size} repeats for axis {axis} of length {length}; needs one each")
        return picked(x, axis, np.repeat(np.arange(length), counts))
    times = int(counts.item())
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    y = broadcast_to(reshaped(x, (*before, length, 1, *after)), (*before, length, times, *after))
    return apart(reshaped(y, (*before, length * times, *after)), x)


def resize(x: Any, /, new_shape: Any) -> Any:
    """The elements in row-major order under a new shape, repeated or cut off as needed.

    >>> import wengert as wg, numpy as np
    >>> wg.resize(np.array([1.0, 2.0]), 3)
    array([1., 2., 1.])
    """
    x = ravel(x)
    shape = shapes.as_shape("resize", new_shape)
    size = shapes.size_of(shape)
    if not x.shape[0]:
        return np.zeros(shape, x.dtype)
    return reshaped(picked(x, 0, np.arange(size) % x.shape[0]), shape)


# ----- order -------------------------------------------------------------------------------------------------
@axis_names
def flip(x: Any, /, axis: Any = None, *, dims: Any = None) -> Any:
    """The order of the elements reversed along `axis`: one, several, or all where None.

    >>> import wengert as wg, numpy as np
    >>> wg.flip(np.array([1.0, 2.0, 3.0]))
    array([3., 2., 1.])
    """
    x = arrayed(x)
    axes = shapes.axes_tuple("flip", dims if axis is None else axis, len(x.shape))
    index = tuple(Span(None, None, -1 if a in axes else None) for a in range(len(x.shape)))
    return bind(GET_ITEM, (x,), {"index": index}) if axes else x


def fliplr(x: Any, /) -> Any:
    """The columns in reverse order.

    >>> import wengert as wg, numpy as np
    >>> wg.fliplr(np.array([[1.0, 2.0]]))
    array([[2., 1.]])
    """
    return flip(x, 1)


def flipud(x: Any, /) -> Any:
    """The rows in reverse order.

    >>> import wengert as wg, numpy as np
    >>> wg.flipud(np.array([1.0, 2.0]))
    array([2., 1.])
    """
    return flip(x, 0)


def rot90(x: Any, /, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """The plane of two axes turned by `k` quarters, from the first axis towards the second.

    >>> import wengert as wg, numpy as np
    >>> wg.rot90(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 4.],
           [1., 3.]])
    """
    x = arrayed(x)
    first, second = (shapes.axis_index("rot90", a, len(x.shape)) for a in axes)
    if first == second:
        raise AxisError(f"rot90: got axes {tuple(axes)}; needs two different ones")
    turns = operator.index(k) % 4
    if turns == 2:
        return flip(x, (first, second))
    if turns == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second) if turns == 3 else x


@axis_names
def roll(x: Any, shift: Any = None, axis: Any = None, *, shifts: Any = None, dims: Any = None) -> Any:
    """The elements moved on by `shift` places along `axis`, those that leave coming back at the other end.

    Several shifts go with several axes; with ``axis=None`` the flattened array is rolled.

    >>> import wengert as wg, numpy as np
    >>> wg.roll(np.array([1.0, 2.0, 3.0]), 1)
    array([3., 1., 2.])
    """
    x = given = arrayed(x)
    shift, axis = shifts if shift is None else shift, dims if axis is None else axis
    if axis is None:
        moved = roll(ravel(x), sum(np.ravel(known_values("roll", shift, "shifts")).tolist()), 0)
        return apart(reshaped(moved, x.shape), x)
    moves = np.broadcast_arrays(known_values("roll", shift, "shifts"), np.asarray(axis))
    if len(moves[0].shape) > 1:
        raise ArgumentError("roll: shift and axis are numbers or flat sequences of them")
    for by, a in zip(moves[0].ravel().tolist(), moves[1].ravel().tolist(), strict=True):
        place = shapes.axis_index("roll", a, len(x.shape))
        cut = -operator.index(by) % x.shape[place] if x.shape[place] else 0
        if cut:
            x = bind(CONCATENATE, (part(x, place, cut, None), part(x, place, None, cut)), {"axis": place})
    return apart(x, given)


# ----- padding -----------------------------------------------------------------------------------------------
_MOVED = ("edge", "reflect", "symmetric", "wrap")


def pad(x: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0, **options: Any) -> Any:
    """x with `pad_width` more elements before and after on each axis, in NumPy's forms of ``pad_width``.

    ``mode`` is ``"constant"`` (`constant_values`, which may be a recorded number), ``"edge"``, ``"reflect"``,
    ``"symmetric"``, ``"wrap"`` or ``"empty"`` (zeros here).

    >>> import wengert as wg, numpy as np
    >>> wg.pad(np.array([1.0, 2.0, 3.0]), (1, 2), mode="reflect")
    array([2., 1., 2., 3., 2., 1.])
    """
    x = given = arrayed(x)
    widths = _widths(x, pad_width)
    if mode in _MOVED:
        for axis, width in enumerate(widths):
            if width != (0, 0):
                x = picked(x, axis, _padded_indices(x.shape[axis], axis, width, mode, options))
        return apart(x, given)
    if mode not in ("constant", "empty") or options:
        raise ArgumentError(
            f"pad: got mode={mode!r}{f' with {sorted(options)}' if options else ''}; "
            f"needs one of constant, {', '.join(_MOVED)}, empty"
        )
    if not any(map(any, widths)):
        return apart(x, given)
    if type(constant_values) in SCALAR_TYPES and not constant_values:
        shape = tuple(n + a + b for n, (a, b) in zip(x.shape, widths, strict=True))
        index = tuple(Span(a, a + n, None) for n, (a, _) in zip(x.shape, widths, strict=True))
        return bind(PLACE, (x,), {"index": index, "shape": shape})
    for axis, (width, ends) in enumerate(zip(widths, _constants(constant_values, len(x.shape)), strict=True)):
        x = _framed(x, axis, width, ends)
    return x


def _widths(x: Any, pad_width: Any) -> list[tuple[int, int]]:
    rank = len(x.shape)
    if isinstance(pad_width, dict):
        given = {shapes.axis_index("pad", a, rank): w for a, w in pad_width.items()}
        pad_width = [given.get(a, (0, 0)) for a in range(rank)]
        pad_width = [(w, w) if isinstance(w, int) else w for w in pad_width]
    try:
        table = np.broadcast_to(known_values("pad", pad_width, "pad_width"), (rank, 2))
    except ValueError:
        raise ShapeError(
            f"pad: got pad_width={pad_width} for {rank} axes; needs a number, a pair, or a pair for every axis"
        ) from None
    if table.size and (table.dtype.kind not in "iu" or (table < 0).any()):
        raise ArgumentError(f"pad: got pad_width={pad_width}; needs integers, not negative")
    return [(int(a), int(b)) for a, b in table.tolist()]


def _padded_indices(length: int, axis: int, width: tuple[int, int], mode: Any, options: dict[str, Any]) -> np.ndarray:
    """NumPy's own padding of the numbers 0 … length - 1."""
    if options.get("reflect_type", "even") != "even" or set(options) - {"reflect_type"}:
        raise ArgumentError(f"pad: got {options}; only reflect_type='even' is recorded")
    if not length:
        raise ShapeError(f"pad: axis {axis} is empty; mode {mode!r} needs at least one element")
    return np.pad(np.arange(length), width, mode=mode)


def _constants(values: Any, rank: int) -> list[Any]:
    """The two numbers of every axis; a recorded number serves all."""
    if isinstance(values, Tensor) and not values.shape:
        return [(values, values)] * rank
    if isinstance(values, tuple | list) and any(isinstance(v, Tensor) for v in values):
        return [tuple(values)] * rank
    return [tuple(row) for row in np.broadcast_to(np.asarray(values), (rank, 2))]


def _framed(x: Any, axis: int, width: tuple[int, int], ends: Any) -> Any:
    def side(count: int, value: Any) -> Any:
        value = astype(value, x.dtype, copy=False)
        return broadcast_to(value, (*x.shape[:axis], count, *x.shape[axis + 1 :]))

    parts = [side(width[0], ends[0])] * (width[0] > 0) + [x] + [side(width[1], ends[1])] * (width[1] > 0)
    return bind(CONCATENATE, parts, {"axis": axis}) if len(parts) > 1 else x


# ----- triangles and diagonals ---------------------------------------------------------------------------------
def _triangle(what: str, x: Any, k: int, upper: bool) -> Any:
    x = arrayed(x)
    if len(x.shape) < 2:
        raise ShapeError(f"{what}: got {show(x)}; needs at least two axes")
    rows, columns = x.shape[-2:]
    below = np.tri(rows, columns, k, dtype=bool)
    return where(~below if upper else below, x, np.zeros((), x.dtype))


def triu(x: Any, /, k: int = 0, *, diagonal: int | None = None) -> Any:
    """Zeros below diagonal `k` of the last two axes (PyTorch calls it ``diagonal``).

    >>> import wengert as wg, numpy as np
    >>> wg.triu(np.ones((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """
    k = operator.index(k if diagonal is None else diagonal)
    return _triangle("triu", x, k - 1, upper=True)


def tril(x: Any, /, k: int = 0, *, diagonal: int | None = None) -> Any:
    """Zeros above diagonal `k` of the last two axes (PyTorch calls it ``diagonal``).

    >>> import wengert as wg, numpy as np
    >>> wg.tril(np.ones((2, 2)))
    array([[1., 0.],
           [1., 1.]])
    """
    k = operator.index(k if diagonal is None else diagonal)
    return _triangle("tril", x, k, upper=False)


def diagonal(x: Any, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """A diagonal of the axes `axis1` and `axis2`, as last axis of the result.

    >>> import wengert as wg, numpy as np
    >>> wg.diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])
    """
    x = arrayed(x)
    rank = len(x.shape)
    if rank < 2:
        raise ShapeError(f"diagonal: got {show(x)}; needs at least two axes")
    rows, columns = (shapes.axis_index("diagonal", a, rank) for a in (axis1, axis2))
    if rows == columns:
        raise AxisError(f"diagonal: axis1 and axis2 are both {rows}; needs two different axes")
    top, left = max(-offset, 0), max(offset, 0)
    along = np.arange(max(min(x.shape[rows] - top, x.shape[columns] - left), 0))
    places = sorted([(rows, along + top), (columns, along + left)], key=lambda p: p[0])
    attrs = {"axes": tuple(p[0] for p in places), "place": rank - 2}
    y = bind(GATHER, (x, *(p[1] for p in places)), attrs)
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        join(x, y)  # a window in NumPy, though gathered here
    return y


def diag(x: Any, /, k: int = 0, *, diagonal: int | None = None) -> Any:
    """The matrix with a vector on diagonal `k`, or diagonal `k` of a matrix.

    >>> import wengert as wg, numpy as np
    >>> wg.diag(np.array([1.0, 2.0]))
    array([[1., 0.],
           [0., 2.]])
    """
    x = arrayed(x)
    k = operator.index(k if diagonal is None else diagonal)
    if len(x.shape) == 2:
        return _diagonal(x, k)
    if len(x.shape) != 1:
        raise ShapeError(f"diag: got {show(x)}; needs one or two axes", hint="wg.diagonal takes any number of axes")
    size = x.shape[0] + abs(k)
    along = np.arange(x.shape[0])
    operands = (x, along + max(-k, 0), along + max(k, 0))
    return bind(SCATTER_ADD, operands, {"shape": (size, size), "axes": (0, 1), "place": 0})


_diagonal = diagonal  # `diag` takes PyTorch's argument of this name


def diagflat(x: Any, /, k: int = 0) -> Any:
    """The matrix with all elements of x on diagonal `k`.

    >>> import wengert as wg, numpy as np
    >>> wg.diagflat(np.array([[1.0], [2.0]]))
    array([[1., 0.],
           [0., 2.]])
    """
    return diag(ravel(x), k)


def vander(x: Any, /, n: int | None = None, increasing: bool = False) -> Any:
    """The powers of a vector's elements as rows, the highest first unless `increasing`.

    >>> import wengert as wg, numpy as np
    >>> wg.vander(np.array([2.0, 3.0]), 3)
    array([[4., 2., 1.],
           [9., 3., 1.]])
    """
    x = arrayed(x)
    if len(x.shape) != 1:
        raise ShapeError(f"vander: got {show(x)}; needs one axis")
    (count,) = shapes.as_shape("vander", x.shape[0] if n is None else n)
    exponents = np.arange(count) if increasing else np.arange(count)[::-1]
    x = astype(x, np.promote_types(x.dtype, np.int64), copy=False)  # as NumPy does
    return power(reshaped(x, (x.shape[0], 1)), exponents.astype(np.zeros((), x.dtype).real.dtype))


__all__ = [
    "diag", "diagflat", "diagonal", "flip", "fliplr", "flipud", "pad", "repeat", "resize", "roll", "rot90", "tile",
    "tril", "triu", "vander",
]  # fmt: skip
