"""Gathering and scattering by index arrays: the primitives under advanced indexing.

All share one form. ``axes`` of x are indexed, each by one integer array; the arrays broadcast to a common shape B.
What is gathered has the other axes of x in order, with B inserted at position ``place`` among them::

    y[r_1 … r_place, b…, r_place+1 …] = x[the r on the other axes, indices[k][b…] on axes[k]]

Index arrays are operands (they may be recorded) and have no derivative. Negative indices count from the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.errors import IndexingError
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops.elementwise import multiply_no_nan
from wengert.ops.structure import AS_TYPE, RESHAPE, Dims, Samples, moveaxis, pad_rank, stacked, to_front


# ----- shapes and cells ------------------------------------------------------------------------------
def common_shape(indices: Sequence[Any]) -> Shape:
    """B, to which the index arrays broadcast."""
    return shapes.broadcast("getitem", *(i.shape for i in indices))


def gathered_shape(shape: Shape, indices: Sequence[Any], axes: Shape, place: int) -> Shape:
    """The shape of what the index arrays pick."""
    rest = tuple(n for a, n in enumerate(shape) if a not in axes)
    return rest[:place] + common_shape(indices) + rest[place:]


def out_of_bounds(index: Any, axis: int, length: int) -> IndexingError | None:
    """The error that names the first index outside its axis; None where all are inside."""
    wrong = (index >= length) | (index < -length)
    if not np.any(wrong):
        return None
    bad = np.asarray(index)[wrong].flat[0]
    needs = f"{-length} … {length - 1}" if length else "none, the axis is empty"
    return IndexingError(f"getitem: index {bad} is out of bounds for axis {axis} of length {length}; needs {needs}")


def positions(indices: Sequence[Any], lengths: Shape, axes: Shape | None = None) -> np.ndarray:
    """The index arrays as one flat array of positions among the cells, checked."""
    flat = np.zeros((), np.intp)
    for k, (index, length) in enumerate(zip(np.broadcast_arrays(*indices), lengths, strict=True)):
        error = out_of_bounds(index, axes[k] if axes else k, length)
        if error is not None:
            raise error
        number = np.asarray(index).astype(np.intp)
        flat = np.asarray(flat * length + np.where(number < 0, number + length, number))
    return flat.reshape(-1)


def _cells_first(x: Any, axes: Shape) -> Any:
    """A contiguous copy with the indexed axes flattened in front: (cells, elements of a cell)."""
    front = np.moveaxis(x, axes, range(len(axes)))
    cells = shapes.size_of(front.shape[: len(axes)])
    return np.array(front, order="C").reshape(cells, shapes.size_of(front.shape[len(axes) :]))


def _cells_back(cells: Any, shape: Shape, axes: Shape) -> Any:
    """The inverse of `_cells_first`."""
    lengths = tuple(shape[a] for a in axes)
    rest = tuple(n for a, n in enumerate(shape) if a not in axes)
    return np.moveaxis(cells.reshape(lengths + rest), range(len(axes)), axes)


def _rows(v: Any, shape: Shape, indices: Sequence[Any], axes: Shape, place: int) -> Any:
    """`v`, broadcast to what is gathered from `shape`, as (writes, elements of a cell)."""
    common = common_shape(indices)
    full = np.broadcast_to(v, gathered_shape(shape, indices, axes, place))
    rank = len(common)
    front = np.moveaxis(full, range(place, place + rank), range(rank))
    return np.reshape(front, (shapes.size_of(common), shapes.size_of(front.shape[rank:])))


def _add_at(cells: np.ndarray, where: np.ndarray, rows: np.ndarray) -> None:
    """``cells[where[k]] += rows[k]``; NumPy's ``add.at`` is fast for flat arrays only."""
    width = cells.shape[1]
    if width == 1:
        np.add.at(cells.reshape(-1), where, np.ascontiguousarray(rows).reshape(-1))
    elif width <= 128:
        flat = (where[:, None] * width + np.arange(width)).reshape(-1)
        np.add.at(cells.reshape(-1), flat, np.ascontiguousarray(rows).reshape(-1))
    else:
        for k, row in zip(where.tolist(), rows, strict=True):
            cells[k] += row


# ----- batching ----------------------------------------------------------------------------------------
def _examples_indexed(size: int, indices: Sequence[Any], dims: Dims) -> list[Any]:
    """Index arrays for stacked examples: the number of the example first, then the examples' own indices."""
    ranks = [len(i.shape) - (d is not None) for i, d in zip(indices, dims, strict=True)]
    rank = max(ranks)
    moved = [i if d is None else pad_rank(to_front(i, d), rank) for i, d in zip(indices, dims, strict=True)]
    return [np.arange(size).reshape((size,) + (1,) * rank), *moved]


def _values_placed(v: Any, dim: int | None, rank: int, place: int) -> Any:
    """`v` (lower rank allowed) with an axis of examples, or one of length 1, at `place` of its `rank` axes."""
    if type(v) in SCALAR_TYPES:
        return v
    if dim is not None:
        return moveaxis(pad_rank(to_front(v, dim), rank), 0, place)
    shape = (1,) * (rank - len(v.shape)) + v.shape
    return bind(RESHAPE, (v,), {"shape": shape[:place] + (1,) + shape[place:]})


def _rank_without(x: Any, dim: int | None) -> int:
    return len(x.shape) - (dim is not None)


def _rank_of_picked(rank: int, indices: Sequence[Any], dims: Dims) -> int:
    common = max(_rank_without(i, d) for i, d in zip(indices, dims, strict=True))
    return rank - len(indices) + common


def _shift(axes: Shape) -> Shape:
    return tuple(a + 1 for a in axes)


# ----- primitives --------------------------------------------------------------------------------------
class Gather(Primitive):
    """Elements picked by index arrays; linear in x."""

    name = "gather"
    masks = True
    linear_in = (0,)

    def impl(self, x: Any, *indices: Any, axes: Shape, place: int) -> Any:
        try:
            if len(axes) == 1 and place == axes[0]:
                return np.take(x, indices[0], axis=place)
            picked = x[tuple(indices[axes.index(a)] if a in axes else slice(None) for a in range(x.ndim))]
        except IndexError:
            for index, axis in zip(indices, axes, strict=True):
                error = out_of_bounds(index, axis, x.shape[axis])
                if error is not None:
                    raise error from None
            raise
        consecutive = axes == tuple(range(axes[0], axes[0] + len(axes)))
        there = axes[0] if consecutive else 0
        if there == place:
            return picked
        rank = len(common_shape(indices))
        return np.moveaxis(picked, range(there, there + rank), range(place, place + rank))

    def aval(self, x: Any, *indices: Any, axes: Shape, place: int) -> Aval:
        return Aval(gathered_shape(x.shape, indices, axes, place), x.dtype)

    def vjp(self, g: Any, _y: Any, _x: Any, *indices: Any, axes: Shape, place: int) -> tuple[Any, ...]:
        attrs = {"shape": _x.shape, "axes": axes, "place": place}
        return (bind(SCATTER_ADD, (g, *indices), attrs), *(None for _ in indices))

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, axes: Shape, place: int) -> tuple[Any, int]:
        x, indices = xs[0], xs[1:]
        if all(d is None for d in dims[1:]):
            return bind(self, (to_front(x, dims[0]), *indices), {"axes": _shift(axes), "place": place + 1}), 0
        if dims[0] is None:
            moved = _examples_indexed(size, indices, dims[1:])[1:]
            if len(moved) > 1 or dims[1] is not None:
                return bind(self, (x, *moved), {"axes": axes, "place": place}), place
        moved = _examples_indexed(size, indices, dims[1:])
        x = stacked(size, x, dims[0])
        return bind(self, (x, *moved), {"axes": (0, *_shift(axes)), "place": place}), place

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(3, 4)), rng.integers(-3, 3, 5)], {"axes": (0,), "place": 0}
        places = [rng.integers(0, 3, (2, 1)), rng.integers(-4, 4, 3)]
        yield [rng.normal(size=(2, 3, 4)), *places], {"axes": (1, 2), "place": 1}
        yield [rng.normal(size=(2, 3, 2)), rng.integers(0, 2, 4), rng.integers(0, 2, ())], {"axes": (0, 2), "place": 0}
        yield [rng.normal(size=(3, 0)), rng.integers(0, 3, 2)], {"axes": (0,), "place": 1}
        yield [rng.normal(size=4), np.zeros(0, np.int64)], {"axes": (0,), "place": 0}


class ScatterAdd(Primitive):
    """Zeros of `shape` to which the operand is added at index arrays; repeated indices accumulate."""

    name = "scatter_add"
    linear_in = (0,)

    def impl(self, v: Any, *indices: Any, shape: Shape, axes: Shape, place: int) -> Any:
        lengths = tuple(shape[a] for a in axes)
        where = positions(indices, lengths, axes)
        rows = _rows(v, shape, indices, axes, place)
        cells = np.zeros((shapes.size_of(lengths), rows.shape[1]), rows.dtype)
        _add_at(cells, where, rows)
        return _cells_back(cells, shape, axes)

    def aval(self, v: Any, *indices: Any, shape: Shape, axes: Shape, place: int) -> Aval:
        _fits(v, gathered_shape(shape, indices, axes, place))
        return Aval(shape, v.dtype)

    def vjp(self, g: Any, _y: Any, _v: Any, *indices: Any, shape: Shape, axes: Shape, place: int) -> tuple[Any, ...]:
        return (bind(GATHER, (g, *indices), {"axes": axes, "place": place}), *(None for _ in indices))

    def batch(
        self, size: int, xs: Sequence[Any], dims: Dims, *, shape: Shape, axes: Shape, place: int
    ) -> tuple[Any, int]:
        v, indices = xs[0], xs[1:]
        rank = _rank_of_picked(len(shape), indices, dims[1:])
        if all(d is None for d in dims[1:]):
            attrs = {"shape": (size, *shape), "axes": _shift(axes), "place": place + 1}
            return bind(self, (pad_rank(to_front(v, dims[0]), rank), *indices), attrs), 0
        moved = _examples_indexed(size, indices, dims[1:])
        attrs = {"shape": (size, *shape), "axes": (0, *_shift(axes)), "place": place}
        return bind(self, (_values_placed(v, dims[0], rank, place), *moved), attrs), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(5, 4)), rng.integers(-3, 3, 5)], {"shape": (3, 4), "axes": (0,), "place": 0}
        yield [rng.normal(size=(2, 4)), rng.integers(0, 3, 4)], {"shape": (2, 3), "axes": (1,), "place": 1}
        yield [rng.normal(size=(4, 3)), rng.integers(0, 2, 4), rng.integers(0, 2, ())], {
            "shape": (2, 3, 2), "axes": (0, 2), "place": 0,
        }  # fmt: skip
        yield [rng.normal(size=(2, 3)), rng.integers(0, 4, (2, 3))], {"shape": (4,), "axes": (0,), "place": 0}
        yield [rng.normal(size=()), rng.integers(0, 4, 3)], {"shape": (4,), "axes": (0,), "place": 0}


def _fits(v: Any, wanted: Shape) -> None:
    shapes.broadcast("scatter", () if type(v) in SCALAR_TYPES else v.shape, wanted)


class Winner(Primitive):
    """For every write to cells of `lengths`, whether it is the last one to its cell, which is the one that stays."""

    name = "winner"
    differentiable = False

    def impl(self, *indices: Any, lengths: Shape) -> Any:
        where = positions(indices, lengths)
        number = np.arange(where.size)
        last = np.zeros(shapes.size_of(lengths), np.intp)
        np.maximum.at(last, where, number)
        return (last[where] == number).reshape(common_shape(indices))

    def aval(self, *indices: Any, lengths: Shape) -> Aval:
        return Aval(common_shape(indices), np.dtype(np.bool_))

    def vjp(self, _g: Any, _y: Any, *_indices: Any, lengths: Shape) -> tuple[Any, ...]:
        return tuple(None for _ in _indices)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, lengths: Shape) -> tuple[Any, int]:
        return bind(self, _examples_indexed(size, xs, dims), {"lengths": (size, *lengths)}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.integers(-3, 3, 6)], {"lengths": (3,)}
        yield [rng.integers(0, 2, (2, 1)), rng.integers(0, 2, 3)], {"lengths": (2, 2)}


class _Written(Primitive):
    """Shared by the scatters that write `v` into x: shapes and batching."""

    masks = True

    def aval(self, x: Any, v: Any, *indices: Any, axes: Shape, place: int, **_more: Any) -> Aval:
        _fits(v, gathered_shape(x.shape, indices, axes, place))
        return Aval(x.shape, x.dtype)

    def batch(
        self, size: int, xs: Sequence[Any], dims: Dims, *, axes: Shape, place: int, **more: Any
    ) -> tuple[Any, int]:
        x, v, indices = stacked(size, xs[0], dims[0]), xs[1], xs[2:]
        rank = _rank_of_picked(len(x.shape) - 1, indices, dims[2:])
        if all(d is None for d in dims[2:]):
            v = v if dims[1] is None else pad_rank(to_front(v, dims[1]), rank)
            return bind(self, (x, v, *indices), {"axes": _shift(axes), "place": place + 1, **more}), 0
        moved = _examples_indexed(size, indices, dims[2:])
        v = _values_placed(v, dims[1], rank, place)
        return bind(self, (x, v, *moved), {"axes": (0, *_shift(axes)), "place": place, **more}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        for attrs in self.more:
            yield [rng.normal(size=(3, 4)), rng.normal(size=(5, 4)), rng.integers(-3, 3, 5)], {
                "axes": (0,), "place": 0, **attrs,
            }  # fmt: skip
            yield [rng.normal(size=(2, 3, 2)), rng.normal(size=3), rng.integers(0, 2, 4), rng.integers(0, 2, ())], {
                "axes": (0, 2), "place": 0, **attrs,
            }  # fmt: skip
            yield [rng.normal(size=(2, 4)), rng.normal(size=(2, 1)), rng.integers(0, 4, 3)], {
                "axes": (1,), "place": 1, **attrs,
            }  # fmt: skip

    more: tuple[dict[str, Any], ...] = ({},)


class ScatterSet(_Written):
    """x with `v` written at index arrays; of repeated indices the last write stays. Linear in x and v together."""

    name = "scatter_set"

    def impl(self, x: Any, v: Any, *indices: Any, axes: Shape, place: int) -> Any:
        where = positions(indices, tuple(x.shape[a] for a in axes), axes)
        cells = _cells_first(x, axes)
        cells[where] = _rows(v, x.shape, indices, axes, place)
        return _cells_back(cells, x.shape, axes)

    def vjp(self, g: Any, _y: Any, _x: Any, _v: Any, *indices: Any, axes: Shape, place: int) -> tuple[Any, ...]:
        attrs = {"axes": axes, "place": place}

        def from_values() -> Any:
            stays = bind(WINNER, indices, {"lengths": tuple(_x.shape[a] for a in axes)})
            trailing = len(_x.shape) - len(axes) - place
            stays = bind(RESHAPE, (stays,), {"shape": (*stays.shape, *(1,) * trailing)})
            return multiply_no_nan(bind(GATHER, (g, *indices), attrs), stays)

        kept = bind(SCATTER_SET, (g, np.zeros((), g.dtype), *indices), attrs)
        return (kept, from_values, *(None for _ in indices))

    def jvp(self, ts: Sequence[Any], _y: Any, _x: Any, _v: Any, *indices: Any, axes: Shape, place: int) -> Any:
        x = np.zeros(_x.shape, _x.dtype) if ts[0] is None else ts[0]
        v = np.zeros((), _x.dtype) if ts[1] is None else ts[1]
        return bind(SCATTER_SET, (x, v, *indices), {"axes": axes, "place": place})


class ScatterExtremum(_Written):
    """x with every cell replaced by the largest (smallest) of itself and what is written to it; ties share evenly."""

    name = "scatter_extremum"
    complex_domain = False
    more = ({"largest": True}, {"largest": False})

    def impl(self, x: Any, v: Any, *indices: Any, axes: Shape, place: int, largest: bool) -> Any:
        where = positions(indices, tuple(x.shape[a] for a in axes), axes)
        cells = _cells_first(x, axes)
        (np.maximum if largest else np.minimum).at(cells, where, _rows(v, x.shape, indices, axes, place))
        return _cells_back(cells, x.shape, axes)

    def vjp(
        self, g: Any, y: Any, x: Any, v: Any, *indices: Any, axes: Shape, place: int, largest: bool
    ) -> tuple[Any, ...]:
        attrs = {"axes": axes, "place": place}
        x_wins = bind(AS_TYPE, (x == y,), {"dtype": g.dtype})
        v_wins = bind(AS_TYPE, (v == bind(GATHER, (y, *indices), attrs),), {"dtype": g.dtype})
        share = g / (x_wins + bind(SCATTER_ADD, (v_wins, *indices), {"shape": x.shape, **attrs}))
        return (
            share * x_wins,
            lambda: bind(GATHER, (share, *indices), attrs) * v_wins,
            *(None for _ in indices),
        )


GATHER = Gather()
SCATTER_ADD = ScatterAdd()
WINNER = Winner()
SCATTER_SET = ScatterSet()
SCATTER_EXTREMUM = ScatterExtremum()

__all__: list[str] = []
