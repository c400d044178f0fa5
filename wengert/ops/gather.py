"""Indexing: reading by any NumPy index, and updates that give a new array (`setitem`, `at`).

An index is taken apart into two steps: a basic one (integers, slices, new axes), which is an attribute of its line,
and the index arrays that remain, which are operands. Boolean masks become index arrays, so their values must be known.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.base import shapes
from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.errors import DTypeError, IndexingError, ShapeError, TracedValueError, show
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import Tensor, bind, concrete
from wengert.ops.arithmetic import add, divide, multiply, power
from wengert.ops.indexing import ALL, GET_ITEM, PLACE, Index, Span, plain
from wengert.ops.joining import stack
from wengert.ops.rounding import where
from wengert.ops.scattering import GATHER, SCATTER_ADD, SCATTER_EXTREMUM, SCATTER_SET, common_shape, positions
from wengert.ops.structure import AS_TYPE, BROADCAST_TO, RESHAPE, Dims, Samples, arrayed, pad_rank, stacked, to_front


class Taken(NamedTuple):
    """An index taken apart: ``x[basic]``, then the arrays on `axes` of that, their axes put at `place`."""

    basic: Index | None  # None: the whole of x
    axes: Shape
    place: int
    arrays: list[Any]
    users: list[int]  # the axis of x each array indexes, for messages


# ----- taking an index apart ---------------------------------------------------------------------------
def take_apart(x: Any, index: Any) -> Taken:
    """The two steps of ``x[index]``; raises `IndexingError` for what is no index or too long."""
    given = index if type(index) is tuple else (index,)
    items = [_item(i) for i in given]
    if not any(isinstance(i, _Array) for i in items):
        _count(items, x.shape)
        return Taken(tuple(items), (), 0, [], [])
    return _separate(_expanded(_split_masks(items, x.shape), x.shape), x.shape)


class _Array(NamedTuple):
    values: Any
    adds_axis: bool = False  # a single True or False: indexes a new axis of length 1


def _item(item: Any) -> Any:
    """One item of an index: an int, Span, None, Ellipsis, or an `_Array`."""
    if item is None or item is Ellipsis:
        return item
    if isinstance(item, slice):
        return Span(*(None if v is None else _end(v) for v in (item.start, item.stop, item.step)))
    if isinstance(item, bool | np.bool_):
        return _Array(np.zeros(int(item), np.intp), adds_axis=True)
    if isinstance(item, list | tuple):
        item = _listed(item)
    if isinstance(item, Tensor | np.ndarray):
        if item.dtype.kind not in "iub":
            raise IndexingError(f"getitem: got an index of dtype {item.dtype}; needs integers or booleans")
        if item.shape == () and (not isinstance(item, Tensor) or item.rec is None):
            return _item(concrete(item)[()])  # a known number is written into the line
        return _Array(item)
    try:
        return operator.index(item)
    except TypeError:
        raise IndexingError(
            f"getitem: got {show(item)} in an index; needs integers, slices, None, Ellipsis, integer or boolean arrays"
        ) from None


def _end(value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise IndexingError(f"getitem: got a slice with {show(value)}; its ends are integers or None") from None


def _listed(item: Any) -> Any:
    """A list in an index as an array; it may hold recorded integers."""
    if not len(item):
        return np.zeros(0, np.intp)
    if any(isinstance(i, Tensor) for i in item):
        return stack([arrayed(i) for i in item])
    if any(isinstance(i, list | tuple) for i in item):
        rows = [_listed(i) if isinstance(i, list | tuple) else i for i in item]
        return stack(rows)
    return np.asarray(item)


def _uses(item: Any) -> int:
    """How many axes of x an item indexes."""
    if isinstance(item, _Array):
        return 0 if item.adds_axis else max(1, len(item.values.shape) if item.values.dtype.kind == "b" else 1)
    return int(item is not None and item is not Ellipsis)


def _count(items: Sequence[Any], shape: Shape) -> int:
    if sum(i is Ellipsis for i in items) > 1:
        raise IndexingError("getitem: an index can hold one Ellipsis (…), got several")
    used = sum(_uses(i) for i in items)
    if used > len(shape):
        raise IndexingError(f"getitem: got {used} indices for the {len(shape)} axes of {list(shape)}")
    return used


def _split_masks(items: Sequence[Any], shape: Shape) -> list[Any]:
    """Boolean masks as the index arrays of their True elements."""
    free = len(shape) - _count(items, shape)
    axis, found = 0, []
    for item in items:
        if isinstance(item, _Array) and item.values.dtype.kind == "b":
            mask = _known(item.values)
            for a, n in enumerate(mask.shape, axis):
                if n not in (shape[a], 0):  # as in NumPy, a mask without elements fits every length
                    raise IndexingError(
                        f"getitem: a boolean mask of shape {list(mask.shape)} does not fit the axes from {axis} on of "
                        f"{list(shape)}; needs equal lengths"
                    )
            if not mask.shape:
                found.append(_Array(np.zeros(int(mask), np.intp), adds_axis=True))
            found.extend(_Array(rows) for rows in np.nonzero(mask) if mask.shape)
        else:
            found.append(item)
        axis += free if item is Ellipsis else _uses(item)
    return found


def _known(mask: Any) -> np.ndarray:
    try:
        return np.asarray(concrete(mask, "getitem"))
    except TracedValueError:
        raise TracedValueError(
            f"getitem: got a boolean mask {show(mask)} whose values are not known while recording, so the shape of "
            "the result would not be known either",
            hint="use wg.where(mask, x, other), or put the values with x.at[mask].set(number)",
        ) from None


def _expanded(items: list[Any], shape: Shape) -> list[Any]:
    """The Ellipsis, and what was left out at the end, written as full slices behind it."""
    free = len(shape) - _count(items, shape)
    place = next((k for k, i in enumerate(items) if i is Ellipsis), len(items))
    return items[: place + 1] + [ALL] * free + items[place + 1 :]


def _separate(items: Sequence[Any], shape: Shape) -> Taken:
    """NumPy's rule: the arrays' axes stay in place if arrays and integers stand together, else they come first."""
    basic: list[Any] = []
    arrays: list[Any] = []
    axes: list[int] = []
    users: list[int] = []
    advanced: list[int] = []
    out = axis = place = 0
    for k, item in enumerate(items):
        if item is Ellipsis:
            continue  # it stands between arrays also where it stands for no axis
        if isinstance(item, _Array | int):
            place = out if not advanced else place
            advanced.append(k)
        if isinstance(item, _Array):
            basic.append(None if item.adds_axis else ALL)
            axes.append(out)
            arrays.append(item.values)
            users.append(axis)
        else:
            basic.append(item)
        out += not isinstance(item, int)
        axis += _uses(item)
    together = advanced[-1] - advanced[0] == len(advanced) - 1
    whole = len(basic) == len(shape) and all(b == ALL and b is not None for b in basic)
    return Taken(None if whole else tuple(basic), tuple(axes), place if together else 0, arrays, users)


# ----- reading -----------------------------------------------------------------------------------------
def getitem(x: Any, index: Any, /) -> Any:
    """Elements of an array by NumPy's index: integers, slices, None, Ellipsis, integer arrays, boolean masks.

    Linear in x. A repeated index gives its element several times, and the gradient collects them all. Raises
    `IndexingError` for an index outside its axis, `TracedValueError` for a mask whose values are not known.

    >>> import wengert as wg, numpy as np
    >>> wg.grad(lambda x: np.sum(x[[0, 0, 2]]))(np.zeros(3))
    array([2., 0., 1.])
    """
    if type(index) is int:
        return bind(GET_ITEM, (x,), {"index": (index,)})
    x = arrayed(x)
    taken = take_apart(x, index)
    if not taken.arrays:
        return bind(GET_ITEM, (x,), {"index": taken.basic})
    part = x if taken.basic is None else bind(GET_ITEM, (x,), {"index": taken.basic})
    try:
        return bind(GATHER, (part, *taken.arrays), {"axes": taken.axes, "place": taken.place})
    except (IndexingError, ShapeError) as error:
        raise _explained(error, x, taken) from None


def _explained(error: Exception, x: Any, taken: Taken) -> Exception:
    """The error with the axis of the user's array, and as `IndexingError` also where index arrays do not broadcast."""
    if isinstance(error, ShapeError):
        given = ", ".join(str(list(a.shape)) for a in taken.arrays)
        return IndexingError(f"getitem: index arrays of shapes {given} do not broadcast")
    try:
        known = [np.asarray(concrete(a)) for a in taken.arrays]
        positions(known, tuple(x.shape[a] for a in taken.users), tuple(taken.users))
    except IndexingError as better:
        return better
    except TracedValueError:
        pass
    return error


# ----- writing -----------------------------------------------------------------------------------------
class SetItem(Primitive):
    """x with `v` written at a basic index; linear in x and v together."""

    name = "setitem"
    masks = True

    def impl(self, x: Any, v: Any, *, index: Index) -> Any:
        y = np.array(x, order="C")
        y[plain(index)] = v
        return y

    def aval(self, x: Any, v: Any, *, index: Index) -> Aval:
        target = GET_ITEM.aval(x, index=index).shape
        shapes.broadcast("setitem", v.shape, target)
        return Aval(x.shape, x.dtype)

    def vjp(self, g: Any, _y: Any, _x: Any, _v: Any, *, index: Index) -> tuple[Any, ...]:
        kept = bind(SET_ITEM, (g, np.zeros((), g.dtype)), {"index": index})
        return kept, lambda: bind(GET_ITEM, (g,), {"index": index})

    def jvp(self, ts: Sequence[Any], _y: Any, _x: Any, _v: Any, *, index: Index) -> Any:
        x = np.zeros(_x.shape, _x.dtype) if ts[0] is None else ts[0]
        v = np.zeros((), _x.dtype) if ts[1] is None else ts[1]
        return bind(SET_ITEM, (x, v), {"index": index})

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, index: Index) -> tuple[Any, int]:
        x, v = stacked(size, xs[0], dims[0]), xs[1]
        if dims[1] is not None:
            v = pad_rank(to_front(v, dims[1]), len(x.shape) - 1 + sum(i is None for i in index))
            target = GET_ITEM.aval(x, index=(ALL, *index)).shape
            v = bind(RESHAPE, (v,), {"shape": (size, *v.shape[1 + len(v.shape) - len(target) :])})
        return bind(SET_ITEM, (x, v), {"index": (ALL, *index)}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(3, 4)), rng.normal(size=2)], {"index": (1, Span(None, None, 2))}
        yield [rng.normal(size=(3, 4)), rng.normal(size=4)], {"index": (Span(1, None, None),)}
        yield [rng.normal(size=(3, 4)), rng.normal(size=())], {"index": (Ellipsis, 1)}
        yield [rng.normal(size=3), rng.normal(size=(1, 3))], {"index": (None, Span(None, None, -1))}


SET_ITEM = SetItem()


def setitem(x: Any, index: Any, value: Any, /) -> Any:
    """A copy of `x` in which ``x[index]`` is `value` (broadcast); derivatives flow to both.

    Where an index array names an element several times the last value stays, as in NumPy. Raises `ShapeError` where
    the value does not fit and `DTypeError` where the dtype of `x` cannot hold it.

    >>> import wengert as wg, numpy as np
    >>> wg.setitem(np.zeros(3), 1, 5.0)
    array([0., 5., 0.])
    """
    return _Update(x, index, "setitem").put(value)


class _Update:
    """What all updates share: the index taken apart, the part it leads to, and the value made to fit."""

    def __init__(self, x: Any, index: Any, what: str) -> None:
        self.x = arrayed(x)
        self.index, self.what = index, what
        self.mask = self._unknown_mask()
        if self.mask is not None:
            return
        self.taken = taken = take_apart(self.x, index)
        described = Aval(self.x.shape, self.x.dtype)
        self.part = described if taken.basic is None else GET_ITEM.aval(described, index=taken.basic)
        self.attrs = {"axes": taken.axes, "place": taken.place}
        try:
            self.target: Shape = self.part.shape
            if taken.arrays:
                self.target = GATHER.aval(self.part, *taken.arrays, axes=taken.axes, place=taken.place).shape
        except ShapeError as error:
            raise _explained(error, self.x, taken) from None

    def _unknown_mask(self) -> Any:
        """The index, where it is one recorded mask: then only a number can be written, by selecting."""
        index = self.index[0] if type(self.index) is tuple and len(self.index) == 1 else self.index
        if not (isinstance(index, Tensor) and index.dtype.kind == "b" and index.shape):
            return None
        if index.shape != self.x.shape[: len(index.shape)]:
            return None
        try:
            concrete(index)
        except TracedValueError:
            return index
        return None

    def put(self, value: Any) -> Any:
        if self.mask is not None:
            return self._select(value)
        v = self.fitted(value)
        if not self.taken.arrays:
            return bind(SET_ITEM, (self.x, v), {"index": self.taken.basic})
        return self._back(self._bound(SCATTER_SET, (self.read(), v, *self.taken.arrays), self.attrs))

    def add(self, value: Any) -> Any:
        v = self.fitted(value)
        if not self.taken.arrays:
            grown = v
        else:
            operands = (self.spread(v), *self.taken.arrays)
            grown = self._bound(SCATTER_ADD, operands, {"shape": self.part.shape, **self.attrs})
        if self.taken.basic is not None:
            grown = grown if self.taken.arrays else self.spread(grown)
            grown = bind(PLACE, (grown,), {"index": self.taken.basic, "shape": self.x.shape})
        return add(self.x, grown)

    def extremum(self, value: Any, largest: bool) -> Any:
        v = self.fitted(value)
        taken = self.taken
        part, arrays, attrs = self.read(), taken.arrays, self.attrs
        if not arrays:  # as one write to every element of the flattened part
            count = shapes.size_of(self.part.shape)
            arrays, attrs = [np.arange(count)], {"axes": (0,), "place": 0}
            part = bind(RESHAPE, (part,), {"shape": (count,)})
            v = bind(RESHAPE, (self.spread(v),), {"shape": (count,)})
        y = self._bound(SCATTER_EXTREMUM, (part, v, *arrays), {**attrs, "largest": largest})
        return self._back(y if taken.arrays else bind(RESHAPE, (y,), {"shape": self.part.shape}))

    def combine(self, function: Callable[[Any, Any], Any], value: Any) -> Any:
        """``x[index] = function(x[index], value)``, one write to an element after the other."""
        v = self.fitted(value)
        taken = self.taken
        part = self.read()
        if not taken.arrays:
            return self._back(self._same_dtype(function(part, v)))
        common = common_shape(taken.arrays)
        count, place = shapes.size_of(common), taken.place
        full = self.spread(v)
        flat = full.shape[:place] + (count,) + full.shape[place + len(common) :]
        full = bind(RESHAPE, (full,), {"shape": flat})
        arrays = [np.broadcast_to(a, common).reshape(-1) for a in self._known_arrays()]
        for chosen in _rounds(positions(arrays, tuple(self.part.shape[a] for a in taken.axes))):
            writes = [a[chosen] for a in arrays]
            now = bind(GATHER, (full, chosen), {"axes": (place,), "place": place})
            new = self._same_dtype(function(bind(GATHER, (part, *writes), self.attrs), now))
            part = bind(SCATTER_SET, (part, new, *writes), self.attrs)
        return self._back(part)

    # ----- steps -----
    def read(self) -> Any:
        """The part of x the basic step leads to."""
        return self.x if self.taken.basic is None else bind(GET_ITEM, (self.x,), {"index": self.taken.basic})

    def _back(self, part: Any) -> Any:
        return part if self.taken.basic is None else bind(SET_ITEM, (self.x, part), {"index": self.taken.basic})

    def _bound(self, primitive: Primitive, operands: Sequence[Any], attrs: dict[str, Any]) -> Any:
        try:
            return bind(primitive, operands, attrs)
        except IndexingError as error:
            raise _explained(error, self.x, self.taken) from None

    def fitted(self, value: Any) -> Any:
        """The value in x's dtype, and of a shape that broadcasts to what the index picks."""
        if self.mask is not None:
            _known(self.mask)  # raises
        v = self._cast(value)
        while len(v.shape) > len(self.target) and v.shape[0] == 1:
            v = bind(RESHAPE, (v,), {"shape": v.shape[1:]})
        pairs = zip(v.shape[::-1], self.target[::-1], strict=False)
        if len(v.shape) > len(self.target) or any(n not in (1, m) for n, m in pairs):
            raise ShapeError(
                f"{self.what}: got values of shape {list(v.shape)} for an index that picks {list(self.target)}; "
                "needs a shape that broadcasts to it"
            )
        return v

    def _cast(self, value: Any) -> Any:
        dtype = self.x.dtype
        if isinstance(value, list | tuple):
            value = _stacked_list(value)
        kind = np.dtype(type(value)) if type(value) in SCALAR_TYPES else arrayed(value).dtype
        weak = type(value) in SCALAR_TYPES and "biufc".index(kind.kind) <= "biufc".index(dtype.kind.replace("u", "i"))
        if not weak and not np.can_cast(kind, dtype, "same_kind"):
            raise DTypeError(
                f"{self.what}: got {show(value)} for an array of {dtype}, which cannot hold it",
                hint=f"convert the array first: x = wg.astype(x, {kind.name!r})",
            )
        if type(value) in SCALAR_TYPES:
            return np.asarray(value, dtype)
        v = arrayed(value)
        return v if v.dtype == dtype else bind(AS_TYPE, (v,), {"dtype": dtype})

    def spread(self, v: Any) -> Any:
        return v if v.shape == self.target else bind(BROADCAST_TO, (v,), {"shape": self.target})

    def _same_dtype(self, new: Any) -> Any:
        if new.dtype == self.x.dtype:
            return new
        raise DTypeError(f"{self.what}: the result is {new.dtype}, which an array of {self.x.dtype} cannot hold")

    def _known_arrays(self) -> list[np.ndarray]:
        try:
            return [np.asarray(concrete(a)) for a in self.taken.arrays]
        except TracedValueError:
            raise TracedValueError(
                f"{self.what}: got an index array whose values are not known while recording, so repeated indices "
                "could not be told apart",
                hint="make the index a NumPy array; add, set, min and max take recorded indices",
            ) from None

    def _select(self, value: Any) -> Any:
        v = self._cast(value)
        if v.shape:
            _known(self.mask)  # raises: which value goes where would depend on the mask
        shape = self.mask.shape + (1,) * (len(self.x.shape) - len(self.mask.shape))
        return where(bind(RESHAPE, (self.mask,), {"shape": shape}), v, self.x)


def _stacked_list(value: Sequence[Any]) -> Any:
    """Nested lists that may hold tensors, as one array."""
    if any(isinstance(v, Tensor) or (isinstance(v, list | tuple) and _holds_tensor(v)) for v in value):
        return stack([_stacked_list(v) if isinstance(v, list | tuple) else v for v in value])
    return np.asarray(value)


def _holds_tensor(value: Sequence[Any]) -> bool:
    return any(isinstance(v, Tensor) or (isinstance(v, list | tuple) and _holds_tensor(v)) for v in value)


def _rounds(cells: np.ndarray) -> list[np.ndarray]:
    """The numbers of the writes, in rounds within which no cell is written twice, in the order given."""
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    first = np.searchsorted(ordered, ordered, side="left")
    turn = np.empty(cells.size, np.intp)
    turn[order] = np.arange(cells.size) - first
    return [np.flatnonzero(turn == k) for k in range(int(turn.max(initial=-1)) + 1)]


class At:
    """Updates of chosen elements that give a new array: ``x.at[index].set(v)``; made by `at`."""

    __slots__ = ("_x",)

    def __init__(self, x: Any) -> None:
        self._x = x

    def __getitem__(self, index: Any) -> AtIndex:
        return AtIndex(self._x, index)

    def __repr__(self) -> str:
        return f"at({show(self._x)})"


class AtIndex:
    """The chosen elements; every method gives a new array. Repeated indices are applied one after the other."""

    __slots__ = ("_index", "_x")

    def __init__(self, x: Any, index: Any) -> None:
        self._x, self._index = x, index

    def get(self) -> Any:
        """``x[index]``."""
        return getitem(self._x, self._index)

    def set(self, value: Any) -> Any:
        """The array with the elements replaced; of repeated indices the last value stays."""
        return _Update(self._x, self._index, "at.set").put(value)

    def add(self, value: Any) -> Any:
        """The array with `value` added; repeated indices accumulate."""
        return _Update(self._x, self._index, "at.add").add(value)

    def subtract(self, value: Any) -> Any:
        """The array with `value` subtracted; repeated indices accumulate."""
        return _Update(self._x, self._index, "at.subtract").add(-arrayed(value))

    def multiply(self, value: Any) -> Any:
        """The array with the elements multiplied by `value`."""
        return _Update(self._x, self._index, "at.multiply").combine(multiply, value)

    def divide(self, value: Any) -> Any:
        """The array with the elements divided by `value`."""
        return _Update(self._x, self._index, "at.divide").combine(divide, value)

    def power(self, value: Any) -> Any:
        """The array with the elements raised to `value`."""
        return _Update(self._x, self._index, "at.power").combine(power, value)

    def min(self, value: Any) -> Any:
        """The array with the smaller of element and `value`; ties share the derivative evenly."""
        return _Update(self._x, self._index, "at.min").extremum(value, largest=False)

    def max(self, value: Any) -> Any:
        """The array with the larger of element and `value`; ties share the derivative evenly."""
        return _Update(self._x, self._index, "at.max").extremum(value, largest=True)

    def apply(self, function: Callable[[Any], Any]) -> Any:
        """The array with `function` applied to the elements."""
        return _Update(self._x, self._index, "at.apply").put(function(self.get()))

    mul = multiply
    div = divide
    sub = subtract


def at(x: Any, /) -> At:
    """Updates that give a new array: ``at(x)[index].set(v)``, also ``add subtract multiply divide power min max``.

    On tensors ``x.at[index].add(v)``. Any index of `getitem`; derivatives flow to x and v, to all orders. Repeated
    indices accumulate in ``add``; in ``set`` the last stays.

    >>> import wengert as wg, numpy as np
    >>> wg.at(np.zeros(3))[[0, 0, 2]].add(1.0)
    array([2., 0., 1.])
    """
    return At(arrayed(x))


__all__ = ["getitem", "setitem", "at"]
