"""Shapes: broadcasting and axes as pure functions of tuples; every clash is worded here."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

from wengert.base.errors import ArgumentError, AxisError, ShapeError

Shape = tuple[int, ...]


def broadcast(operation: str, *shapes: Shape) -> Shape:
    """The common shape of `shapes` under NumPy's broadcasting; `ShapeError` names the first clash."""
    rank = max((len(s) for s in shapes), default=0)
    result = [1] * rank
    for number, shape in enumerate(shapes):
        for back in range(1, len(shape) + 1):
            length, so_far = shape[-back], result[-back]
            if so_far == 1:
                result[-back] = length
            elif length not in (1, so_far):
                given = ", ".join(str(list(s)) for s in shapes)
                raise ShapeError(
                    f"{operation}: shapes {given} do not broadcast "
                    f"(operand {number}, axis -{back}: {length} against {so_far}); "
                    "needs equal lengths or 1 on every axis, counted from the right",
                    hint="insert an axis with x[:, None], or reshape one operand",
                )
    return tuple(result)


def axis_index(operation: str, axis: Any, rank: int) -> int:
    """`axis` as a number in 0 … rank - 1."""
    try:
        number = operator.index(axis)
    except TypeError:
        raise AxisError(f"{operation}: axis {axis!r} is not an integer") from None
    if not -rank <= number < rank:
        raise AxisError(f"{operation}: axis {number} is out of range for {rank} axes; needs {-rank} … {rank - 1}")
    return number % rank if rank else 0


def axes_tuple(operation: str, axis: Any, rank: int) -> Shape:
    """`axis` (None, a number, or several) as a sorted tuple of distinct non-negative axes."""
    if axis is None:
        return tuple(range(rank))
    if isinstance(axis, (tuple, list)):
        axes = sorted(axis_index(operation, a, rank) for a in axis)
        if len(set(axes)) != len(axes):
            raise AxisError(f"{operation}: axis {tuple(axis)} names an axis twice")
        return tuple(axes)
    return (axis_index(operation, axis, rank),)


def reduced(shape: Shape, axes: Iterable[int], keepdims: bool) -> Shape:
    """The shape that is left when `axes` are reduced."""
    gone = set(axes)
    if keepdims:
        return tuple(1 if i in gone else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in gone)


def size_of(shape: Sequence[int]) -> int:
    """Number of elements."""
    size = 1
    for n in shape:
        size *= n
    return size


def as_shape(operation: str, shape: Any) -> Shape:
    """`shape` (a number or a sequence of numbers) as a tuple of non-negative ints."""
    try:
        result = (operator.index(shape),) if not isinstance(shape, (tuple, list)) else tuple(map(operator.index, shape))
    except TypeError:
        raise ShapeError(f"{operation}: shape {shape!r} is not made of integers") from None
    if any(n < 0 for n in result):
        raise ShapeError(f"{operation}: shape {result} has a negative length")
    if size_of(result) >= 2**60:
        raise ArgumentError(f"{operation}: shape {result} has {size_of(result)} elements, more than memory can hold")
    return result


def reshaped(operation: str, shape: Shape, new: Any) -> Shape:
    """`new` with its single -1 resolved so that it holds as many elements as `shape`."""
    try:
        wanted = (operator.index(new),) if not isinstance(new, (tuple, list)) else tuple(map(operator.index, new))
    except TypeError:
        raise ShapeError(f"{operation}: shape {new!r} is not made of integers") from None
    size, known = size_of(shape), size_of([n for n in wanted if n != -1])
    open_axes = [i for i, n in enumerate(wanted) if n == -1]
    if any(n < -1 for n in wanted) or len(open_axes) > 1:
        raise ShapeError(f"{operation}: new shape {wanted} may hold one -1 and no other negative length")
    if open_axes and known and size % known == 0:
        place = open_axes[0]
        return wanted[:place] + (size // known,) + wanted[place + 1 :]
    if open_axes or known != size:
        raise ShapeError(
            f"{operation}: cannot give {list(shape)} ({size} elements) the shape {list(wanted)}"
            + (f" ({known} elements)" if not open_axes else f" (not divisible by {known})")
        )
    return wanted
