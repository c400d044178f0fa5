"""Products of arrays: matmul, dot, tensordot, einsum and relatives.

Two primitives, both linear in every operand: `matmul`, and `einsum` of one or two operands. The transpose of a
product is another product, with views in place of transposed copies. Everything else is composed.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from wengert.base import dtypes, shapes
from wengert.base.errors import ArgumentError, AxisError, ShapeError, show
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops.arithmetic import multiply
from wengert.ops.complexes import conj
from wengert.ops.indexing import Span, getitem_static
from wengert.ops.joining import stack
from wengert.ops.structure import (
    RESHAPE,
    TRANSPOSE,
    Dims,
    Samples,
    arrayed,
    astype,
    broadcast_to,
    moveaxis,
    pad_rank,
    reshape,
    sum_axes,
    to_front,
)

# The cotangent of one factor reads the other one only: what to keep, by the set of tracked operands.
_OTHERS: dict[int, Shape] = {0: (), 1: (1,), 2: (0,), 3: (0, 1)}


# ----- matmul ------------------------------------------------------------------------------------------
def matrix_view(x: Any) -> Any:
    """The last two axes exchanged (a view; no conjugation)."""
    rank = len(x.shape)
    return bind(TRANSPOSE, (x,), {"axes": (*range(rank - 2), rank - 1, rank - 2)})


def column(x: Any) -> Any:
    """``x[..., None]``."""
    return bind(RESHAPE, (x,), {"shape": (*x.shape, 1)})


def row(x: Any) -> Any:
    """``x[..., None, :]``."""
    return bind(RESHAPE, (x,), {"shape": (*x.shape[:-1], 1, x.shape[-1])})


class Matmul(Primitive):
    """The matrix product over the last two axes; a 1-d operand is a row on the left, a column on the right."""

    name = "matmul"
    linear_in = (0, 1)

    def impl(self, a: Any, b: Any) -> Any:
        if getattr(a, "ndim", 0) > 2 and getattr(b, "ndim", 0) == 2 and a.flags.c_contiguous and a.size:
            # One large product instead of many small ones.
            return np.matmul(a.reshape(-1, a.shape[-1]), b).reshape(a.shape[:-1] + b.shape[1:])
        return np.matmul(a, b)

    def aval(self, a: Any, b: Any) -> Aval:
        if not getattr(a, "shape", ()) or not getattr(b, "shape", ()):
            raise ShapeError(
                f"matmul: got {show(a)} and {show(b)}; both operands need at least one axis", hint="use * for scalars"
            )
        inner = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
        if a.shape[-1] != inner:
            raise ShapeError(
                f"matmul: got shapes {list(a.shape)} and {list(b.shape)}; needs the last axis of the first "
                f"({a.shape[-1]}) equal to the {'second to last' if len(b.shape) > 1 else 'only'} axis of the "
                f"second ({inner})",
                hint="transpose an operand, for example x @ w.T",
            )
        shape = shapes.broadcast("matmul (axes before the last two)", a.shape[:-2], b.shape[:-2])
        rows = a.shape[-2:-1] if len(a.shape) > 1 else ()
        columns = b.shape[-1:] if len(b.shape) > 1 else ()
        return Aval(shape + rows + columns, dtypes.result_type(a, b))

    def vjp(self, g: Any, _y: Any, a: Any, b: Any) -> tuple[Any, ...]:
        rank_a, rank_b = len(a.shape), len(b.shape)
        if rank_a == 1 and rank_b == 1:
            return lambda: g * b, lambda: g * a
        if rank_b == 1:
            return lambda: column(g) * b, lambda: _without(bind(MATMUL, (row(g), a)), -2)
        if rank_a == 1:
            return lambda: _without(bind(MATMUL, (b, column(g))), -1), lambda: column(a) * row(g)
        if rank_a > 2 and rank_b == 2:  # one product over all rows instead of a sum of many
            return lambda: bind(MATMUL, (g, matrix_view(b))), lambda: bind(MATMUL, (matrix_view(_rows(a)), _rows(g)))
        return lambda: bind(MATMUL, (g, matrix_view(b))), lambda: bind(MATMUL, (matrix_view(a), g))

    def reads(self, tracked: int) -> tuple[tuple[int, ...], bool]:
        return _OTHERS[tracked], False

    def batch(self, size: int, xs: Sequence[Any], dims: Dims) -> tuple[Any, int]:
        a, b = (arrayed(x) if d is None else to_front(x, d) for x, d in zip(xs, dims, strict=True))
        rank_a, rank_b = len(a.shape) - (dims[0] is not None), len(b.shape) - (dims[1] is not None)
        if dims[1] is None and rank_b <= 2:
            return bind(MATMUL, (a, b)), 0
        if dims[0] is None and rank_a <= 2:
            if rank_b > 1:
                return bind(MATMUL, (a, b)), 0
            return bind(MATMUL, (b, matrix_view(a) if rank_a == 2 else a)), 0
        a, b = row(a) if rank_a == 1 else a, column(b) if rank_b == 1 else b
        rank = max(rank_a, rank_b, 2)
        a, b = (x if d is None else pad_rank(x, rank) for x, d in zip((a, b), dims, strict=True))
        y = bind(MATMUL, (a, b))
        y = _without(y, -1) if rank_b == 1 else y
        return (_without(y, -2 + (rank_b == 1)) if rank_a == 1 else y), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        for first, second in (
            ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 1, 2, 3), (4, 3, 2)),
            ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,)), ((0, 3), (3, 2)),
            ((2, 0), (0, 2)),
        ):  # fmt: skip
            yield [rng.normal(size=first), rng.normal(size=second)], {}


MATMUL = Matmul()


def _without(x: Any, axis: int) -> Any:
    """`x` without an axis of length 1, counted from the end."""
    place = len(x.shape) + axis
    return bind(RESHAPE, (x,), {"shape": x.shape[:place] + x.shape[place + 1 :]})


def _rows(x: Any) -> Any:
    """All leading axes made one."""
    return bind(RESHAPE, (x,), {"shape": (shapes.size_of(x.shape[:-1]), x.shape[-1])})


def matmul(x1: Any, x2: Any, /) -> Any:
    """Matrix product ``y[…, i, k] = sum_j x1[…, i, j] x2[…, j, k]``.

    Shapes ``(…, n, m), (…, m, p) -> (…, n, p)`` with leading axes broadcast; a 1-d operand is a row on the left and
    a column on the right, and its axis does not appear in the result. Raises `ShapeError`.

    >>> import wengert as wg, numpy as np
    >>> wg.matmul(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0]))
    array([3., 7.])
    """
    return bind(MATMUL, (x1, x2))


matmul.primitive = MATMUL  # type: ignore[attr-defined]


def _ranked(operation: str, x: Any, rank: int) -> Any:
    x = arrayed(x)
    if len(x.shape) != rank:
        raise ShapeError(f"{operation}: got {show(x)}; needs {rank} axes", hint="wg.matmul takes any number of axes")
    return x


def mm(x1: Any, x2: Any, /) -> Any:
    """Matrix product of two matrices (2-d only; PyTorch's name). Raises `ShapeError` for other ranks.

    >>> import wengert as wg, numpy as np
    >>> wg.mm(np.eye(2), np.ones((2, 1))).shape
    (2, 1)
    """
    return bind(MATMUL, (_ranked("mm", x1, 2), _ranked("mm", x2, 2)))


def mv(x1: Any, x2: Any, /) -> Any:
    """Matrix times vector (2-d by 1-d only; PyTorch's name). Raises `ShapeError` for other ranks.

    >>> import wengert as wg, numpy as np
    >>> wg.mv(np.eye(2), np.array([1.0, 2.0]))
    array([1., 2.])
    """
    return bind(MATMUL, (_ranked("mv", x1, 2), _ranked("mv", x2, 1)))


def bmm(x1: Any, x2: Any, /) -> Any:
    """Matrix products of two stacks of equal length (3-d only; PyTorch's name). Raises `ShapeError`.

    >>> import wengert as wg, numpy as np
    >>> wg.bmm(np.ones((5, 2, 3)), np.ones((5, 3, 4))).shape
    (5, 2, 4)
    """
    x1, x2 = _ranked("bmm", x1, 3), _ranked("bmm", x2, 3)
    if x1.shape[0] != x2.shape[0]:
        raise ShapeError(f"bmm: got stacks of {x1.shape[0]} and {x2.shape[0]} matrices; needs equally many")
    return bind(MATMUL, (x1, x2))


def addmm(x: Any, x1: Any, x2: Any, /, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta x + alpha (x1 @ x2)`` for matrices ``x1``, ``x2`` (PyTorch's name).

    >>> import wengert as wg, numpy as np
    >>> wg.addmm(np.ones(2), np.eye(2), np.eye(2), alpha=2.0)
    array([[3., 1.],
           [1., 3.]])
    """
    product = mm(x1, x2)
    return (x if beta == 1 else multiply(beta, x)) + (product if alpha == 1 else alpha * product)


# ----- einsum --------------------------------------------------------------------------------------------
LETTERS = "".join(sorted(string.ascii_letters))
Labelled = tuple[Any, str]


class _Plan(NamedTuple):
    """How a product of two operands becomes one matmul: axes to sum, orders of axes, and how many of each kind."""

    drop_a: Shape
    drop_b: Shape
    order_a: Shape
    order_b: Shape
    counts: tuple[int, int, int, int]  # shared and kept, contracted, only in a, only in b
    order_out: Shape


@cache
def _split(subscripts: str) -> tuple[tuple[str, ...], str]:
    left, out = subscripts.split("->")
    return tuple(left.split(",")), out


@cache
def _plan(subscripts: str) -> _Plan | None:
    """None where NumPy's own loop serves better: a diagonal, or no axis that only one operand has."""
    (a, b), out = _split(subscripts)
    if len(set(a)) < len(a) or len(set(b)) < len(b):
        return None
    kept_a, kept_b = [c for c in a if c in b or c in out], [c for c in b if c in a or c in out]
    shared = [c for c in kept_a if c in b and c in out]
    contracted = [c for c in kept_a if c in b and c not in out]
    rows, columns = [c for c in kept_a if c not in b], [c for c in kept_b if c not in a]
    if shared and not (rows or columns):
        return None
    made = shared + rows + columns
    return _Plan(
        tuple(i for i, c in enumerate(a) if c not in kept_a),
        tuple(i for i, c in enumerate(b) if c not in kept_b),
        tuple(kept_a.index(c) for c in shared + rows + contracted),
        tuple(kept_b.index(c) for c in shared + contracted + columns),
        (len(shared), len(contracted), len(rows), len(columns)),
        tuple(made.index(c) for c in out),
    )


def _contract_pair(plan: _Plan, a: Any, b: Any) -> Any:
    a = np.add.reduce(a, axis=plan.drop_a) if plan.drop_a else a
    b = np.add.reduce(b, axis=plan.drop_b) if plan.drop_b else b
    a, b = np.transpose(a, plan.order_a), np.transpose(b, plan.order_b)
    shared, inner, rows, columns = plan.counts
    lead, left, right = a.shape[:shared], a.shape[shared : shared + rows], b.shape[b.ndim - columns :]
    if inner:
        size = shapes.size_of(a.shape[shared + rows :])
        y = np.matmul(
            a.reshape((*lead, shapes.size_of(left), size)), b.reshape((*lead, size, shapes.size_of(right)))
        ).reshape(lead + left + right)
    else:
        y = a.reshape(lead + left + (1,) * columns) * b.reshape(lead + (1,) * rows + right)
    return np.transpose(y, plan.order_out)


class Einsum(Primitive):
    """Sums of products of one or two operands by labelled axes, each of one length; no ellipsis."""

    name = "einsum"
    linear_in = (0, 1)

    def impl(self, *xs: Any, subscripts: str) -> Any:
        if len(xs) == 2:
            plan = _plan(subscripts)
            if plan is not None:
                return _contract_pair(plan, *xs)
        y = np.einsum(subscripts, *xs)
        return y if len(xs) > 1 or not isinstance(y, np.ndarray) or y.base is None else y.copy()

    def aval(self, *xs: Any, subscripts: str) -> Aval:
        labels, out = _split(subscripts)
        sizes = {c: n for x, own in zip(xs, labels, strict=True) for c, n in zip(own, x.shape, strict=True)}
        return Aval(tuple(sizes[c] for c in out), dtypes.result_type(*(x.dtype for x in xs)))

    def vjp(self, g: Any, _y: Any, *xs: Any, subscripts: str) -> tuple[Any, ...]:
        def term(k: int) -> Any:
            return lambda: _pulled(g, xs, k, subscripts)

        return tuple(term(k) for k in range(len(xs)))

    def reads(self, tracked: int) -> tuple[tuple[int, ...], bool]:
        return _OTHERS[tracked], False

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, subscripts: str) -> tuple[Any, int]:
        labels, out = _split(subscripts)
        extra = _fresh(subscripts, 1)
        moved = [x if d is None else to_front(x, d) for x, d in zip(xs, dims, strict=True)]
        given = ",".join(own if d is None else extra + own for own, d in zip(labels, dims, strict=True))
        return bind(EINSUM, moved, {"subscripts": f"{given}->{extra}{out}"}), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        sizes = {"i": 2, "j": 3, "k": 4, "z": 0}
        for subscripts in (
            "ij,jk->ik", "ij->ji", "ii->i", "ii->", "iij->j", "i,j->ji", "ij,ij->i", "ij,ij->", "ijk,kj->i",
            "ijk,ikj->ik", "ij,k->k", "ij->", "zi,ij->zj", "iz,zj->ij", "i,->i", "ii,ij->j",
        ):  # fmt: skip
            operands = [rng.normal(size=[sizes[c] for c in own]) for own in _split(subscripts)[0]]
            yield operands, {"subscripts": subscripts}


EINSUM = Einsum()


def _fresh(used: str, count: int) -> str:
    free = [c for c in LETTERS if c not in used]
    if len(free) < count:
        raise ShapeError(f"einsum: {used!r} leaves no free label; at most {len(LETTERS)} can be used")
    return "".join(free[:count])


def _pulled(g: Any, xs: Sequence[Any], k: int, subscripts: str) -> Any:
    """The cotangent of operand `k`: the product of g and the other operands."""
    labels, out = _split(subscripts)
    own, shape = labels[k], xs[k].shape
    operands = [(g, out)] + [(x, c) for i, (x, c) in enumerate(zip(xs, labels, strict=True)) if i != k]
    wanted = ""
    for place, c in enumerate(own):
        if c in wanted:  # the transpose of a diagonal is multiplication by the identity
            new = _fresh(subscripts + wanted, 1)
            operands.append((np.eye(shape[place], dtype=g.dtype), c + new))
            wanted += new
        else:
            wanted += c
    known = "".join(c for _, c in operands)
    summed = [c for c in wanted if c not in known]
    y = contract(operands, "".join(c for c in wanted if c not in summed))
    if not summed:
        return y
    y = reshape(y, tuple(1 if c in summed else n for c, n in zip(wanted, shape, strict=True)))
    return broadcast_to(y, shape)


@lru_cache(4096)
def _path(subscripts: str, sizes: tuple[Shape, ...]) -> list[tuple[int, ...]]:
    """The order of pairwise products, from shapes alone."""
    found = np.einsum_path(subscripts, *(np.broadcast_to(0.0, s) for s in sizes), optimize="greedy")[0]
    return list(found[1:])


def contract(operands: Sequence[Labelled], out: str) -> Any:
    """The product of labelled operands as a chain of lines with at most two operands each."""
    rest = list(operands)
    if len(rest) > 2:
        subscripts = ",".join(own for _, own in rest) + "->" + out
        for group in _path(subscripts, tuple(x.shape for x, _ in rest)):
            picked = [rest.pop(i) for i in sorted(group, reverse=True)]
            while len(picked) > 1:
                (a, own_a), (b, own_b) = picked.pop(), picked.pop()
                needed = out + "".join(own for _, own in rest + picked)
                made = "".join(dict.fromkeys(c for c in own_a + own_b if c in needed))
                made = out if not rest and not picked else made
                picked.append((bind(EINSUM, (a, b), {"subscripts": f"{own_a},{own_b}->{made}"}), made))
            rest += picked
    if len(rest) == 1 and rest[0][1] == out:
        return rest[0][0]
    return bind(EINSUM, [x for x, _ in rest], {"subscripts": ",".join(own for _, own in rest) + "->" + out})


def einsum(subscripts: Any, /, *operands: Any, optimize: Any = True) -> Any:
    """Sum of products over labelled axes, ``einsum("ij,jk->ik", a, b)``, in NumPy's notation.

    The string or the interleaved form ``einsum(a, [0, 1], b, [1, 2], [0, 2])``; with ellipsis, repeated labels
    (diagonals and traces) and implicit output. More than two operands are multiplied pairwise in the order that
    ``np.einsum_path`` finds; `optimize` is accepted for compatibility. Raises `ShapeError` where one label has
    two lengths, `ArgumentError` for subscripts that do not fit.

    >>> import wengert as wg, numpy as np
    >>> wg.einsum("ij,j", np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0]))
    array([3., 7.])
    """
    if not isinstance(subscripts, str):
        subscripts, listed = _from_lists((subscripts, *operands))
        operands = tuple(listed)
    xs = [arrayed(x) for x in operands]
    labels, squeezed, out = _prepared(subscripts.replace(" ", ""), tuple(x.shape for x in xs))
    if squeezed is not None:
        xs = [reshape(x, shape) for x, shape in zip(xs, squeezed, strict=True)]
    return contract(list(zip(xs, labels, strict=True)), out)


@lru_cache(4096)
def _prepared(text: str, sizes: tuple[Shape, ...]) -> tuple[list[str], list[Shape] | None, str]:
    """Labels and shapes of operands without the lengths of 1 that broadcast (None: as they are), and the result's."""
    labels, out = _parse(text, sizes)
    lengths = _lengths(text, sizes, labels)
    kept = [[i for i, c in enumerate(own) if s[i] == lengths[c]] for own, s in zip(labels, sizes, strict=True)]
    if all(len(k) == len(own) for k, own in zip(kept, labels, strict=True)):
        return labels, None, out
    labels = ["".join(own[i] for i in k) for k, own in zip(kept, labels, strict=True)]
    return labels, [tuple(s[i] for i in k) for k, s in zip(kept, sizes, strict=True)], out


def _from_lists(arguments: Sequence[Any]) -> tuple[str, list[Any]]:
    """The interleaved form as string and operands."""

    def word(labels: Any) -> str:
        try:
            return "".join("..." if c is Ellipsis else LETTERS[c] for c in labels)
        except (TypeError, IndexError):
            raise ArgumentError(
                f"einsum: got {labels!r} for the axes of an operand; needs a list of numbers 0 … {len(LETTERS) - 1}"
            ) from None

    text = ",".join(word(c) for c in arguments[1::2][: len(arguments) // 2])
    if len(arguments) % 2:
        text += "->" + word(arguments[-1])
    return text, list(arguments[: len(arguments) // 2 * 2 : 2])


def _parse(text: str, sizes: Sequence[Shape]) -> tuple[list[str], str]:
    """One label an axis for every operand and for the result; the ellipsis becomes labels."""
    left, arrow, out = text.partition("->")
    labels = left.split(",")
    if len(labels) != len(sizes):
        raise ArgumentError(f"einsum: {text!r} names {len(labels)} operands, but {len(sizes)} were given")
    ranks = []
    for own, shape in zip(labels, sizes, strict=True):
        named = len(own.replace("...", ""))
        if named > len(shape) or ("..." not in own and named < len(shape)):
            raise ArgumentError(f"einsum: {own!r} of {text!r} does not fit an operand of shape {list(shape)}")
        ranks.append(len(shape) - named)
    dots = _fresh(text, max(ranks, default=0)) if "..." in text else ""
    labels = [own.replace("...", dots[len(dots) - r :]) for own, r in zip(labels, ranks, strict=True)]
    if arrow:
        out = out.replace("...", dots)
    else:
        every = "".join(labels)
        out = dots + "".join(c for c in sorted(set(every)) if every.count(c) == 1 and c not in dots)
    letters = "".join(labels)
    if any(c not in LETTERS for c in letters + out) or len(set(out)) < len(out) or set(out) - set(letters):
        raise ArgumentError(f"einsum: {text!r} is not valid; needs letters, and in the result each label at most once")
    return labels, out


def _lengths(text: str, sizes: Sequence[Shape], labels: Sequence[str]) -> dict[str, int]:
    lengths: dict[str, int] = {}
    for shape, own in zip(sizes, labels, strict=True):
        for c, n in zip(own, shape, strict=True):
            known = lengths.setdefault(c, n)
            if known == 1:
                lengths[c] = n
            elif n not in (1, known):
                given = ", ".join(str(list(s)) for s in sizes)
                raise ShapeError(f"einsum: in {text!r}, label {c!r} has lengths {known} and {n} (shapes {given})")
    return lengths


# ----- compositions ----------------------------------------------------------------------------------------
def tensordot(x1: Any, x2: Any, /, axes: Any = 2) -> Any:
    """Sum of products over pairs of axes: the last `axes` of the first with the first of the second, or two lists.

    Raises `ShapeError` where paired axes differ in length.

    >>> import wengert as wg, numpy as np
    >>> wg.tensordot(np.ones((2, 3)), np.ones((3, 4)), axes=1).shape
    (2, 4)
    """
    x1, x2 = arrayed(x1), arrayed(x2)
    rank1, rank2 = len(x1.shape), len(x2.shape)
    if isinstance(axes, tuple | list):
        first, second = (list(a) if isinstance(a, tuple | list) else [a] for a in axes)
    else:
        if not 0 <= axes <= min(rank1, rank2):
            raise AxisError(f"tensordot: axes={axes} for operands of {rank1} and {rank2} axes")
        first, second = list(range(rank1 - axes, rank1)), list(range(axes))
    first = [shapes.axis_index("tensordot", a, rank1) for a in first]
    second = [shapes.axis_index("tensordot", a, rank2) for a in second]
    if [x1.shape[a] for a in first] != [x2.shape[a] for a in second]:
        raise ShapeError(
            f"tensordot: got shapes {list(x1.shape)} and {list(x2.shape)} with axes {first} and {second}; "
            "needs equal lengths on paired axes"
        )
    labels1, labels2 = LETTERS[:rank1], list(LETTERS[rank1 : rank1 + rank2])
    for a, b in zip(first, second, strict=True):
        labels2[b] = labels1[a]
    out = [c for c in labels1 if c not in labels2] + [c for c in labels2 if c not in labels1]
    return contract([(x1, labels1), (x2, "".join(labels2))], "".join(out))


def dot(x1: Any, x2: Any, /) -> Any:
    """NumPy's dot product: of vectors and matrices the matrix product, with a scalar the elementwise product.

    In general the sum over the last axis of the first and the second to last (or only) axis of the second.

    >>> import wengert as wg, numpy as np
    >>> wg.dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    np.float64(11.0)
    """
    x1, x2 = arrayed(x1), arrayed(x2)
    if not x1.shape or not x2.shape:
        return multiply(x1, x2)
    if len(x2.shape) <= 2:
        return bind(MATMUL, (x1, x2))
    return tensordot(x1, x2, axes=(-1, -2))


def vdot(x1: Any, x2: Any, /) -> Any:
    """``sum(conj(x1) * x2)`` over all elements; both are flattened.

    >>> import wengert as wg, numpy as np
    >>> wg.vdot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    np.float64(11.0)
    """
    x1, x2 = reshape(arrayed(x1), -1), reshape(arrayed(x2), -1)
    return bind(MATMUL, (conjugated(x1), x2))


def conjugated(x: Any) -> Any:
    """The complex conjugate; real values as they are."""
    return conj(x) if x.dtype.kind == "c" else x


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """``sum(conj(x1) * x2)`` along `axis`, the other axes broadcast.

    >>> import wengert as wg, numpy as np
    >>> wg.vecdot(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0]))
    array([3., 7.])
    """
    x1, x2 = arrayed(x1), arrayed(x2)
    x1 = moveaxis(x1, shapes.axis_index("vecdot", axis, len(x1.shape)), -1)
    x2 = moveaxis(x2, shapes.axis_index("vecdot", axis, len(x2.shape)), -1)
    if x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(f"vecdot: got lengths {x1.shape[-1]} and {x2.shape[-1]} along axis {axis}; needs equal ones")
    return einsum("...i,...i->...", conjugated(x1), x2)


def inner(x1: Any, x2: Any, /) -> Any:
    """Sum of products over the last axis of both, without conjugation.

    >>> import wengert as wg, numpy as np
    >>> wg.inner(np.eye(2), np.array([1.0, 2.0]))
    array([1., 2.])
    """
    x1, x2 = arrayed(x1), arrayed(x2)
    return multiply(x1, x2) if not x1.shape or not x2.shape else tensordot(x1, x2, axes=(-1, -1))


def outer(x1: Any, x2: Any, /) -> Any:
    """All products ``y[i, j] = x1[i] * x2[j]``; both are flattened.

    >>> import wengert as wg, numpy as np
    >>> wg.outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[3., 4.],
           [6., 8.]])
    """
    return multiply(reshape(arrayed(x1), (-1, 1)), reshape(arrayed(x2), (1, -1)))


def kron(a: Any, /, b: Any) -> Any:
    """Kronecker product: every element of `a` times the whole of `b`, as blocks.

    >>> import wengert as wg, numpy as np
    >>> wg.kron(np.array([1.0, 10.0]), np.array([1.0, 2.0]))
    array([ 1.,  2., 10., 20.])
    """
    a, b = arrayed(a), arrayed(b)
    rank = max(len(a.shape), len(b.shape))
    long_a, long_b = ((1,) * (rank - len(x.shape)) + x.shape for x in (a, b))
    spread_a = reshape(a, tuple(k for n in long_a for k in (n, 1)))
    spread_b = reshape(b, tuple(k for n in long_b for k in (1, n)))
    return reshape(spread_a * spread_b, tuple(n * m for n, m in zip(long_a, long_b, strict=True)))


def cross(a: Any, /, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Cross product of vectors of length 3 along an axis (`axis` sets all three).

    Raises `ShapeError` for other lengths.

    >>> import wengert as wg, numpy as np
    >>> wg.cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    array([0., 0., 1.])
    """
    a, b = arrayed(a), arrayed(b)
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    a = moveaxis(a, shapes.axis_index("cross", axisa, len(a.shape)), -1)
    b = moveaxis(b, shapes.axis_index("cross", axisb, len(b.shape)), -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ShapeError(f"cross: got vectors of length {a.shape[-1]} and {b.shape[-1]}; needs length 3")
    p, q = ([getitem_static(x, (Ellipsis, i)) for i in range(3)] for x in (a, b))
    parts = [p[i - 2] * q[i - 1] - p[i - 1] * q[i - 2] for i in range(3)]
    return stack(parts, axis=shapes.axis_index("cross", axisc, len(parts[0].shape) + 1))


def diagonals(operation: str, x: Any, offset: int, axis1: int, axis2: int) -> Any:
    """The square part of two axes that has the wanted diagonal as its own, with those two axes last."""
    x = arrayed(x)
    rank = len(x.shape)
    if rank < 2:
        raise ShapeError(f"{operation}: got {show(x)}; needs at least two axes")
    first, second = (shapes.axis_index(operation, a, rank) for a in (axis1, axis2))
    if first == second:
        raise AxisError(f"{operation}: axis1 and axis2 are both {first}; needs two different axes")
    x = moveaxis(x, (first, second), (-2, -1))
    rows, columns = x.shape[-2:]
    top, left = max(-offset, 0), max(offset, 0)
    size = max(min(rows - top, columns - left), 0)
    if size == rows == columns:
        return x
    top, left = min(top, rows), min(left, columns)
    return getitem_static(x, (Ellipsis, Span(top, top + size, None), Span(left, left + size, None)))


def trace(x: Any, /, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    """Sum of a diagonal, over the axes `axis1` and `axis2`.

    >>> import wengert as wg, numpy as np
    >>> wg.trace(np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.float64(5.0)
    """
    x = einsum("...ii->...i", diagonals("trace", x, offset, axis1, axis2))
    x = x if dtype is None else astype(x, dtype)
    return sum_axes(x, (len(x.shape) - 1,))


__all__ = [
    "addmm", "bmm", "cross", "dot", "einsum", "inner", "kron", "matmul", "mm", "mv", "outer", "tensordot", "trace",
    "vdot", "vecdot",
]  # fmt: skip
