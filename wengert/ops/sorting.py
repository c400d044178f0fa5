"""Sorting and where extrema stand.

Places (argsort, argmax …) are integers without derivative; sorted values are picked by them, so the derivative of
`sort` is the gather's.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, DTypeError, ShapeError
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops.cumulative import taken_along
from wengert.ops.indexing import part
from wengert.ops.structure import Dims, Samples, arrayed, axis_names, reshape, stacked, to_front

INDEX = np.dtype(np.int64)


# ----- primitives --------------------------------------------------------------------------------------
class Places(Primitive):
    """Integers that tell where elements stand along an axis; no derivative."""

    differentiable = False

    def aval(self, x: Any, *, axis: int, **_: Any) -> Aval:
        return Aval(x.shape, INDEX)

    def vjp(self, _g: Any, _y: Any, *_xs: Any, **_: Any) -> tuple[Any, ...]:
        return (None,)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, axis: int, **more: Any) -> tuple[Any, int]:
        return bind(self, (to_front(xs[0], dims[0]),), {"axis": axis + 1, **more}), 0


class ArgSort(Places):
    """The places of the elements in sorted order; equal elements keep their order where `stable`."""

    name = "argsort"

    def impl(self, x: Any, *, axis: int, stable: bool, descending: bool) -> Any:
        kind: Any = "stable" if stable else None
        if not descending:
            return np.argsort(x, axis=axis, kind=kind)
        # Sorted upwards from behind and read backwards: equal elements keep their order.
        back = np.flip(np.argsort(np.flip(x, axis), axis=axis, kind=kind), axis)
        return x.shape[axis] - 1 - back

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 3))], {"axis": 1, "stable": True, "descending": True}
        yield [rng.normal(size=(3,))], {"axis": 0, "stable": False, "descending": False}
        yield [rng.normal(size=(0, 2))], {"axis": 0, "stable": False, "descending": True}


class ArgPartition(Places):
    """Places by which the elements at `kth` stand as if sorted, smaller ones before and larger ones behind."""

    name = "argpartition"

    def impl(self, x: Any, *, kth: tuple[int, ...], axis: int) -> Any:
        return np.argpartition(x, kth, axis=axis)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 5))], {"kth": (2,), "axis": 1}


class ArgExtremum(Places):
    """The place of the first largest or smallest element along an axis."""

    def __init__(self, name: str, function: Any) -> None:
        self.name, self.function = name, function
        super().__init__()

    def impl(self, x: Any, *, axis: int, keepdims: bool) -> Any:
        return self.function(x, axis=axis, keepdims=keepdims)

    def aval(self, x: Any, *, axis: int, keepdims: bool) -> Aval:  # type: ignore[override]
        if x.shape[axis] == 0:
            raise ShapeError(f"{self.name}: got shape {list(x.shape)}, which has no element along axis {axis}")
        return Aval(shapes.reduced(x.shape, (axis,), keepdims), INDEX)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 3))], {"axis": 1, "keepdims": False}
        yield [rng.normal(size=(3,))], {"axis": 0, "keepdims": True}


class LexSort(Primitive):
    """The places that sort by the last key, ties by the key before, and so on."""

    name = "lexsort"
    differentiable = False

    def impl(self, *keys: Any, axis: int) -> Any:
        return np.lexsort(keys, axis=axis)

    def aval(self, *keys: Any, axis: int) -> Aval:
        if any(k.shape != keys[0].shape for k in keys):
            got = ", ".join(str(list(k.shape)) for k in keys)
            raise ShapeError(f"lexsort: got keys of shapes {got}; needs one shape")
        return Aval(keys[0].shape, INDEX)

    def vjp(self, _g: Any, _y: Any, *_keys: Any, axis: int) -> tuple[Any, ...]:
        return (None,) * len(_keys)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, axis: int) -> tuple[Any, int]:
        return bind(self, [stacked(size, x, d) for x, d in zip(xs, dims, strict=True)], {"axis": axis + 1}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(2, 3)), np.array([[0.0, 1.0, 0.0], [2.0, 2.0, 1.0]])], {"axis": 1}


ARGSORT, ARGPARTITION, LEXSORT = ArgSort(), ArgPartition(), LexSort()
ARGMAX, ARGMIN = ArgExtremum("argmax", np.argmax), ArgExtremum("argmin", np.argmin)
NANARGMAX, NANARGMIN = ArgExtremum("nanargmax", np.nanargmax), ArgExtremum("nanargmin", np.nanargmin)


# ----- arguments -----------------------------------------------------------------------------------------
def _along(operation: str, x: Any, axis: Any) -> tuple[Any, int]:
    """The operand (flattened for ``axis=None``) and the axis as a number."""
    x = arrayed(x)
    if axis is None:
        return reshape(x, (-1,)), 0
    if not x.shape:
        raise ShapeError(f"{operation}: got a 0-d array; needs at least one axis", hint="axis=None flattens it")
    return x, shapes.axis_index(operation, axis, len(x.shape))


def _order(operation: str, x: Any, axis: Any, kind: Any, stable: Any, descending: bool) -> tuple[Any, Any, int]:
    """The operand, the places of its elements in order, and the axis."""
    if kind not in (None, "quicksort", "heapsort", "mergesort", "stable"):
        raise ArgumentError(f"{operation}: got kind={kind!r}; needs 'quicksort', 'heapsort', 'mergesort' or 'stable'")
    x, axis = _along(operation, x, axis)
    attrs = {"axis": axis, "stable": bool(stable) or kind in ("mergesort", "stable"), "descending": bool(descending)}
    return x, bind(ARGSORT, (x,), attrs), axis


# ----- sorting ---------------------------------------------------------------------------------------------
@axis_names
def sort(x: Any, /, axis: Any = -1, kind: Any = None, *, stable: Any = None, descending: bool = False) -> Any:
    """The elements along `axis` in order; with ``axis=None`` those of the flattened array. NaN comes last.

    ``y_k = x_{p_k}`` with the places p of `argsort`; the gradient goes back to these places.

    >>> import wengert as wg, numpy as np
    >>> wg.sort(np.array([3.0, 1.0, 2.0]))
    array([1., 2., 3.])
    """
    x, places, axis = _order("sort", x, axis, kind, stable, descending)
    return taken_along(x, places, axis)


@axis_names
def argsort(x: Any, /, axis: Any = -1, kind: Any = None, *, stable: Any = None, descending: bool = False) -> Any:
    """The places that sort the elements along `axis` (no derivative).

    >>> import wengert as wg, numpy as np
    >>> wg.argsort(np.array([3.0, 1.0, 2.0]))
    array([1, 2, 0])
    """
    return _order("argsort", x, axis, kind, stable, descending)[1]


def _partitioned(operation: str, x: Any, kth: Any, axis: Any) -> tuple[Any, Any, int]:
    x, axis = _along(operation, x, axis)
    n = x.shape[axis]
    places = tuple(operator.index(k) for k in (kth if isinstance(kth, tuple | list) else (kth,)))
    if any(not -n <= k < n for k in places):
        raise ArgumentError(f"{operation}: got kth={kth} for an axis of length {n}; needs {-n} … {n - 1}")
    return x, bind(ARGPARTITION, (x,), {"kth": tuple(k % n for k in places), "axis": axis}), axis


@axis_names
def partition(x: Any, /, kth: Any, axis: Any = -1) -> Any:
    """The elements along `axis` with those at `kth` where sorting would put them, smaller before, larger behind.

    >>> import wengert as wg, numpy as np
    >>> wg.partition(np.array([3.0, 1.0, 2.0]), 1)
    array([1., 2., 3.])
    """
    x, places, axis = _partitioned("partition", x, kth, axis)
    return taken_along(x, places, axis)


@axis_names
def argpartition(x: Any, /, kth: Any, axis: Any = -1) -> Any:
    """The places by which `partition` orders the elements (no derivative).

    >>> import wengert as wg, numpy as np
    >>> int(wg.argpartition(np.array([3.0, 1.0, 2.0]), 0)[0])
    1
    """
    return _partitioned("argpartition", x, kth, axis)[1]


@axis_names
def topk(x: Any, /, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Any, Any]:
    """The `k` largest (or smallest) elements along `axis` in order, and their places (PyTorch's ``topk``).

    Values are differentiable, places are not; of equal elements the first comes first. They are always sorted.

    >>> import wengert as wg, numpy as np
    >>> wg.topk(np.array([3.0, 1.0, 2.0]), 2)
    (array([3., 2.]), array([0, 2]))
    """
    x, axis = _along("topk", x, axis)
    k = operator.index(k)
    if not 0 <= k <= x.shape[axis]:
        raise ArgumentError(f"topk: got k={k} for an axis of length {x.shape[axis]}; needs 0 … {x.shape[axis]}")
    places = bind(ARGSORT, (x,), {"axis": axis, "stable": True, "descending": bool(largest)})
    places = part(places, axis, 0, k)
    return taken_along(x, places, axis), places


def lexsort(keys: Any, /, axis: int = -1) -> Any:
    """The places that sort by the last of `keys`, ties by the one before, and so on (no derivative).

    >>> import wengert as wg, numpy as np
    >>> wg.lexsort([np.array([3, 1, 2]), np.array([0, 1, 0])])
    array([2, 0, 1])
    """
    arrays = [arrayed(k) for k in keys]
    if not arrays:
        raise ArgumentError("lexsort: got no key; needs at least one")
    axis = shapes.axis_index("lexsort", axis, len(arrays[0].shape))
    LEXSORT.aval(*arrays, axis=axis)
    return bind(LEXSORT, arrays, {"axis": axis})


# ----- places of extrema -------------------------------------------------------------------------------------
def _place(prim: Primitive, x: Any, axis: Any, keepdims: bool) -> Any:
    x = arrayed(x)
    rank = len(x.shape)
    if x.dtype.kind == "c" and prim.name.startswith("nan"):
        raise DTypeError(f"{prim.name}: not defined for {x.dtype}")
    flat, number = (reshape(x, (-1,)), 0) if axis is None or not rank else _along(prim.name, x, axis)
    prim.aval(flat, axis=number, keepdims=False)
    y = bind(prim, (flat,), {"axis": number, "keepdims": bool(keepdims) and axis is not None})
    return reshape(y, (1,) * rank) if keepdims and axis is None else y


@axis_names
def argmax(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Any:
    """The place of the first largest element along `axis`, or in the flattened array (no derivative).

    >>> import wengert as wg, numpy as np
    >>> wg.argmax(np.array([[1.0, 3.0], [4.0, 2.0]]), axis=1)
    array([1, 0])
    """
    return _place(ARGMAX, x, axis, keepdims)


@axis_names
def argmin(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Any:
    """The place of the first smallest element along `axis`, or in the flattened array (no derivative).

    >>> import wengert as wg, numpy as np
    >>> wg.argmin(np.array([[1.0, 3.0], [4.0, 2.0]]), axis=1)
    array([0, 1])
    """
    return _place(ARGMIN, x, axis, keepdims)


@axis_names
def nanargmax(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Any:
    """As `argmax`, NaN left out; raises `ValueError` where there is nothing else.

    >>> import wengert as wg, numpy as np
    >>> int(wg.nanargmax(np.array([1.0, np.nan, 2.0])))
    2
    """
    return _place(NANARGMAX, x, axis, keepdims)


@axis_names
def nanargmin(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Any:
    """As `argmin`, NaN left out; raises `ValueError` where there is nothing else.

    >>> import wengert as wg, numpy as np
    >>> int(wg.nanargmin(np.array([np.nan, 1.0, 2.0])))
    1
    """
    return _place(NANARGMIN, x, axis, keepdims)


__all__ = [
    "sort", "argsort", "partition", "argpartition", "topk", "lexsort", "argmax", "argmin", "nanargmax", "nanargmin",
]  # fmt: skip
