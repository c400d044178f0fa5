"""Searching, counting and sets.

Places and counts are integers without derivative. Where the shape of a result depends on values (`unique`,
`nonzero`), the values must be known: under `vmap` and abstract recording they raise `TracedValueError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, ShapeError
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import Tensor, bind, concrete
from wengert.ops.comparison import equal, logical_not, not_equal
from wengert.ops.gather import at, getitem
from wengert.ops.rounding import minimum
from wengert.ops.sorting import sort
from wengert.ops.structure import Dims, Samples, arrayed, axis_names, reshape, stacked

INDEX = np.dtype(np.int64)


# ----- where in a sorted array -------------------------------------------------------------------------
class SearchSorted(Primitive):
    """Where in a sorted array elements would be put in."""

    name = "searchsorted"
    differentiable = False
    complex_domain = False

    def impl(self, a: Any, v: Any, *, side: Any) -> Any:
        return np.searchsorted(a, v, side=side)

    def aval(self, a: Any, v: Any, *, side: str) -> Aval:
        if len(a.shape) != 1:
            raise ShapeError(f"searchsorted: got a sorted array of shape {list(a.shape)}; needs one axis")
        return Aval(v.shape, INDEX)

    def vjp(self, _g: Any, _y: Any, _a: Any, _v: Any, *, side: str) -> tuple[Any, ...]:
        return None, None

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, side: str) -> tuple[Any, int | None]:
        if dims[0] is None:
            return bind(self, xs, {"side": side}), dims[1]
        a, v = (stacked(size, x, d) for x, d in zip(xs, dims, strict=True))
        return bind(SEARCH_ROWS, (a, v), {"side": side}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [np.sort(rng.normal(size=(5,))), rng.normal(size=(2, 3))], {"side": "left"}
        yield [np.sort(rng.normal(size=(5,))), rng.normal(size=())], {"side": "right"}


class SearchRows(Primitive):
    """As `searchsorted`, for one sorted array an example."""

    name = "searchsorted_rows"
    differentiable = False
    complex_domain = False

    def impl(self, a: Any, v: Any, *, side: Any) -> Any:
        y = np.empty(v.shape, INDEX)
        for i in range(len(a)):
            y[i] = np.searchsorted(a[i], v[i], side=side)
        return y

    def aval(self, a: Any, v: Any, *, side: str) -> Aval:
        return Aval(v.shape, INDEX)

    def vjp(self, _g: Any, _y: Any, _a: Any, _v: Any, *, side: str) -> tuple[Any, ...]:
        return None, None

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [np.sort(rng.normal(size=(3, 5)), axis=1), rng.normal(size=(3, 2))], {"side": "left"}


SEARCHSORTED, SEARCH_ROWS = SearchSorted(), SearchRows()


def searchsorted(a: Any, /, v: Any, side: str = "left", sorter: Any = None, *, right: bool = False) -> Any:
    """Where elements `v` would be put into the sorted array `a` (no derivative).

    ``a[i-1] < v <= a[i]`` for side 'left', ``a[i-1] <= v < a[i]`` for 'right'; `sorter` are the places that
    sort `a`.

    >>> import wengert as wg, numpy as np
    >>> wg.searchsorted(np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0]))
    array([1, 2])
    """
    if side not in ("left", "right"):
        raise ArgumentError(f"searchsorted: got side={side!r}; needs 'left' or 'right'")
    a, v = arrayed(a), arrayed(v)
    if sorter is not None:
        a = getitem(a, sorter)
    SEARCHSORTED.aval(a, v, side=side)
    return bind(SEARCHSORTED, (a, v), {"side": "right" if right else side})


def digitize(x: Any, /, bins: Any, right: bool = False) -> Any:
    """In which of the bins elements lie (no derivative); `bins` rise or fall.

    ``bins[i-1] <= x < bins[i]``, with `right` ``bins[i-1] < x <= bins[i]``; falling bins with > and >=.

    >>> import wengert as wg, numpy as np
    >>> wg.digitize(np.array([0.5, 1.0, 9.0]), np.array([0.0, 1.0, 2.0]))
    array([1, 2, 3])
    """
    edges = np.asarray(concrete(bins, "digitize"))
    steps = np.diff(edges)
    side = "left" if right else "right"
    if np.all(steps >= 0):
        return searchsorted(edges, x, side)
    if np.any(steps > 0):
        raise ArgumentError("digitize: bins neither rise nor fall")
    return len(edges) - searchsorted(edges[::-1].copy(), x, side)


# ----- counting ---------------------------------------------------------------------------------------------
def histogram(x: Any, /, bins: Any = 10, range: Any = None, density: bool = False, weights: Any = None) -> Any:
    """Counts of the elements in bins, and the edges of the bins: plain arrays, without derivative.

    >>> import wengert as wg, numpy as np
    >>> wg.histogram(np.array([0.0, 1.0, 1.5, 2.0]), bins=2)
    (array([1, 3]), array([0., 1., 2.]))
    """
    bins = bins if isinstance(bins, str | int) else np.asarray(concrete(bins, "histogram"))
    weights = None if weights is None else concrete(weights, "histogram")
    return np.histogram(np.asarray(concrete(x, "histogram")), bins, range, density=density, weights=weights)


def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """How often every integer 0, 1, 2 … occurs, or the sums of its `weights`.

    Counts have no derivative; with weights the result is linear in them and differentiable.

    >>> import wengert as wg, numpy as np
    >>> wg.bincount(np.array([0, 2, 2]))
    array([1, 0, 2])
    """
    places = np.asarray(concrete(x, "bincount"))
    counts = np.bincount(places, minlength=minlength)
    if weights is None:
        return counts
    weights = arrayed(weights)
    if weights.shape != places.shape:
        raise ShapeError(f"bincount: got weights of shape {list(weights.shape)} for {list(places.shape)}")
    return at(np.zeros(counts.shape, np.result_type(weights.dtype, 1.0)))[places].add(weights)


# ----- places of what is not zero ----------------------------------------------------------------------------
def nonzero(x: Any, /) -> tuple[Any, ...]:
    """The places of the elements that are not 0, one array an axis (no derivative).

    The shape depends on values, so it raises `TracedValueError` under `vmap`; `where` with three arguments works.

    >>> import wengert as wg, numpy as np
    >>> wg.nonzero(np.array([0.0, 3.0, 4.0]))
    (array([1, 2]),)
    """
    return np.nonzero(np.asarray(concrete(x, "nonzero")))


def flatnonzero(x: Any, /) -> Any:
    """The places in the flattened array of the elements that are not 0 (no derivative).

    >>> import wengert as wg, numpy as np
    >>> wg.flatnonzero(np.array([[0, 3], [4, 0]]))
    array([1, 2])
    """
    return np.flatnonzero(np.asarray(concrete(x, "flatnonzero")))


def argwhere(x: Any, /) -> Any:
    """The places of the elements that are not 0, one row each (no derivative).

    >>> import wengert as wg, numpy as np
    >>> wg.argwhere(np.array([[0, 3], [4, 0]]))
    array([[0, 1],
           [1, 0]])
    """
    return np.argwhere(np.asarray(concrete(x, "argwhere")))


# ----- sets ----------------------------------------------------------------------------------------------------
class UniqueAll(NamedTuple):
    """What `unique_all` finds."""

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCounts(NamedTuple):
    """What `unique_counts` finds."""

    values: Any
    counts: Any


class UniqueInverse(NamedTuple):
    """What `unique_inverse` finds."""

    values: Any
    inverse_indices: Any


def _unique(operation: str, x: Any, axis: Any, equal_nan: bool) -> tuple[Any, Any, Any, Any]:
    """Values, first places, inverse and counts; the values are picked from the operand at the first places."""
    x = arrayed(x)
    if axis is not None:
        axis = shapes.axis_index(operation, axis, len(x.shape))
    array = np.asarray(concrete(x, operation))
    values, first, inverse, counts = np.unique(array, True, True, True, axis, equal_nan=equal_nan)
    if isinstance(x, Tensor):
        values = getitem(reshape(x, (-1,)), first) if axis is None else getitem(x, (slice(None),) * axis + (first,))
    return values, first, inverse, counts


@axis_names
def unique(
    x: Any, /, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: Any = None,
    *, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """The distinct elements in order (along `axis` the distinct slices), and on request where and how often.

    The gradient of a value goes to its first occurrence; places and counts have none. The shape depends on values,
    so it raises `TracedValueError` under `vmap`.

    >>> import wengert as wg, numpy as np
    >>> wg.unique(np.array([3.0, 1.0, 3.0]), return_counts=True)
    (array([1., 3.]), array([1, 2]))
    """
    values, *more = _unique("unique", x, axis, equal_nan)
    asked = [m for m, wanted in zip(more, (return_index, return_inverse, return_counts), strict=True) if wanted]
    return (values, *asked) if asked else values


def unique_values(x: Any, /) -> Any:
    """The distinct elements in order (array API); every NaN counts as distinct.

    >>> import wengert as wg, numpy as np
    >>> wg.unique_values(np.array([3.0, 1.0, 3.0]))
    array([1., 3.])
    """
    return _unique("unique_values", x, None, False)[0]


def unique_counts(x: Any, /) -> UniqueCounts:
    """The distinct elements in order and how often they occur (array API).

    >>> import wengert as wg, numpy as np
    >>> wg.unique_counts(np.array([3.0, 1.0, 3.0])).counts
    array([1, 2])
    """
    values, _, _, counts = _unique("unique_counts", x, None, False)
    return UniqueCounts(values, counts)


def unique_inverse(x: Any, /) -> UniqueInverse:
    """The distinct elements in order, and for every element the place of its value (array API).

    >>> import wengert as wg, numpy as np
    >>> wg.unique_inverse(np.array([3.0, 1.0, 3.0])).inverse_indices
    array([1, 0, 1])
    """
    values, _, inverse, _ = _unique("unique_inverse", x, None, False)
    return UniqueInverse(values, inverse)


def unique_all(x: Any, /) -> UniqueAll:
    """The distinct elements, their first places, the places of all in them, and counts (array API).

    >>> import wengert as wg, numpy as np
    >>> wg.unique_all(np.array([3.0, 1.0, 3.0])).indices
    array([1, 0])
    """
    return UniqueAll(*_unique("unique_all", x, None, False))


def isin(
    element: Any, test_elements: Any, /, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Any:
    """Whether each element is among the test elements, or with `invert` whether it is not (no derivative).

    NaN is among none. `assume_unique` and `kind` are accepted for compatibility; the test elements are sorted.

    >>> import wengert as wg, numpy as np
    >>> wg.isin(np.array([1.0, 2.0, 3.0]), [3, 1])
    array([ True, False,  True])
    """
    element, ordered = arrayed(element), reshape(arrayed(test_elements), (-1,))
    size = ordered.shape[0]
    if not size:
        found = not_equal(element, element) & False
    else:
        ordered = sort(ordered)
        found = equal(getitem(ordered, minimum(searchsorted(ordered, element), size - 1)), element)
    return logical_not(found) if invert else found


__all__ = [
    "searchsorted", "digitize", "histogram", "bincount", "nonzero", "flatnonzero", "argwhere", "unique",
    "unique_values", "unique_counts", "unique_inverse", "unique_all", "isin",
]  # fmt: skip
