"""Basic indexing (integers, slices, new axes) and its transpose."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import IndexingError
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops.structure import Dims, Samples, to_front


class Span(NamedTuple):
    """A slice that can be an attribute of a line (Python's own is not hashable before 3.12)."""

    start: int | None
    stop: int | None
    step: int | None

    def __repr__(self) -> str:
        ends = ["" if v is None else str(v) for v in self]
        return ":".join(ends if self.step is not None else ends[:2])


ALL = Span(None, None, None)
Index = tuple[Any, ...]  # of int, Span, None and Ellipsis


def plain(index: Index) -> tuple[Any, ...]:
    """The index NumPy understands."""
    return tuple(slice(*i) if isinstance(i, Span) else i for i in index)


class GetItem(Primitive):
    """Elements picked by integers and slices: a linear map that only moves values."""

    name = "getitem"
    masks = True
    linear_in = (0,)
    window = True

    def impl(self, x: Any, *, index: Index) -> Any:
        return x[plain(index)]

    def aval(self, x: Any, *, index: Index) -> Aval:
        try:
            return Aval(np.broadcast_to(np.zeros(()), x.shape)[plain(index)].shape, x.dtype)
        except IndexError as error:
            raise IndexingError(f"getitem: got index {index} for shape {list(x.shape)}: {error}") from None

    def vjp(self, g: Any, _y: Any, _x: Any, *, index: Index) -> tuple[Any, ...]:
        return (bind(PLACE, (g,), {"index": index, "shape": _x.shape}),)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, index: Index) -> tuple[Any, int]:
        return bind(self, (to_front(xs[0], dims[0]),), {"index": (ALL, *index)}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(3, 4))], {"index": (1, Span(None, None, 2))}
        yield [rng.normal(size=(3, 4))], {"index": (Ellipsis, Span(None, None, -1))}
        yield [rng.normal(size=(3,))], {"index": (None, Span(1, None, None))}
        yield [rng.normal(size=(3, 2))], {"index": (Span(3, None, None),)}


GET_ITEM = GetItem()


class Place(Primitive):
    """Zeros with the operand put at a basic index: the transpose of `getitem`."""

    name = "place"
    linear_in = (0,)

    def impl(self, x: Any, *, index: Index, shape: Shape) -> Any:
        y = np.zeros(shape, x.dtype)
        y[plain(index)] = x
        return y

    def aval(self, x: Any, *, index: Index, shape: Shape) -> Aval:
        return Aval(shape, x.dtype)

    def vjp(self, g: Any, _y: Any, _x: Any, *, index: Index, shape: Shape) -> tuple[Any, ...]:
        return (bind(GET_ITEM, (g,), {"index": index}),)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, index: Index, shape: Shape) -> tuple[Any, int]:
        attrs = {"index": (ALL, *index), "shape": (size, *shape)}
        return bind(self, (to_front(xs[0], dims[0]),), attrs), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2,))], {"index": (1, Span(None, None, 2)), "shape": (3, 4)}
        yield [rng.normal(size=(0, 2))], {"index": (Span(3, None, None),), "shape": (3, 2)}


PLACE = Place()


def getitem_static(x: Any, index: Index) -> Any:
    """``x[index]`` for an index in the form of a line's attribute."""
    return bind(GET_ITEM, (x,), {"index": index})


def part(x: Any, axis: int, start: int | None, stop: int | None, step: int | None = None) -> Any:
    """``x[…, start:stop:step, …]`` along `axis`."""
    return bind(GET_ITEM, (x,), {"index": (ALL,) * axis + (Span(start, stop, step),)})


def index_first(x: Any, i: int) -> Any:
    """``x[i]`` along the first axis."""
    return bind(GET_ITEM, (x,), {"index": (operator.index(i),)})


__all__: list[str] = []
