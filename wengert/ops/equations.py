"""Linear equations: solve, inverse, triangular systems; the rules of the decompositions are made of these.

All are batched over leading axes as in NumPy. A singular matrix raises `LinearAlgebraError`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from wengert.base import dtypes, shapes
from wengert.base.errors import ArgumentError, DTypeError, LinearAlgebraError, ShapeError, show
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops.complexes import real
from wengert.ops.contraction import MATMUL, column, conjugated, matrix_view
from wengert.ops.elementwise import elementwise
from wengert.ops.structure import AS_TYPE, Dims, Samples, arrayed, moveaxis, pad_rank, reshape, to_front


# ----- helpers of this chapter -----------------------------------------------------------------------
def matrices(operation: str, x: Any, square: bool = False) -> Any:
    """`x` as floating matrices (integers become float64, as NumPy's), with the rank checked."""
    x = arrayed(x)
    if len(x.shape) < 2:
        raise ShapeError(f"{operation}: got {show(x)}; needs a matrix, or a stack of them, with at least two axes")
    if square and x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"{operation}: got {show(x)}; needs square matrices in the last two axes")
    return floating(operation, x)


def floating(operation: str, x: Any) -> Any:
    """`x` with integers made float64; half precision is refused, LAPACK has none."""
    x = arrayed(x)
    if x.dtype.kind in "iub":
        return bind(AS_TYPE, (x,), {"dtype": np.dtype(np.float64)})
    if x.dtype.char not in "fdFD":
        raise DTypeError(f"{operation}: got {show(x)}; needs float32, float64, complex64 or complex128")
    return x


def lapack(operation: str, function: Callable[..., Any], *xs: Any, **options: Any) -> Any:
    """NumPy's result, or its complaint in our words."""
    try:
        return function(*xs, **options)
    except np.linalg.LinAlgError as error:
        raise LinearAlgebraError(
            f"{operation}: got {', '.join(map(show, xs))}; NumPy says: {error}",
            hint="look at the matrix's condition with wg.linalg.cond; adding a small multiple of the identity "
            "makes a singular or indefinite matrix regular",
        ) from None


def adjoint(x: Any) -> Any:
    """Conjugate transpose of the last two axes."""
    return matrix_view(conjugated(x))


def product(*xs: Any) -> Any:
    """The matrix product from left to right."""
    y = xs[0]
    for x in xs[1:]:
        y = bind(MATMUL, (y, x))
    return y


def real_part(x: Any) -> Any:
    """The real part; real values as they are."""
    return real(x) if x.dtype.kind == "c" else x


def real_dtype(x: Any) -> np.dtype[Any]:
    """The real partner of a dtype."""
    return np.zeros((), x.dtype).real.dtype


def diagonal_matrix(x: Any) -> Any:
    """Matrices with the last axis on the diagonal."""
    return column(x) * np.eye(x.shape[-1], dtype=x.dtype)


def lower_mask(x: Any, k: int = 0, diagonal: float = 1.0) -> Any:
    """Ones in the lower triangle from diagonal `k` down, with another number on that diagonal."""
    size = x.shape[-1]
    return np.tri(size, k=k, dtype=x.dtype) + (diagonal - 1) * np.eye(size, k=k, dtype=x.dtype)


class Stacked(Primitive):
    """A primitive on matrices whose leading axes are broadcast anyway: the examples become the first of them."""

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, **attrs: Any) -> tuple[Any, Any]:
        ranks = [len(x.shape) - (d is not None) for x, d in zip(xs, dims, strict=True)]
        moved = [x if d is None else pad_rank(to_front(x, d), max(ranks)) for x, d in zip(xs, dims, strict=True)]
        y = bind(self, moved, attrs)
        return (y, [0] * len(y)) if self.multi else (y, 0)


def regular(rng: np.random.Generator, *shape: int) -> Any:
    """Well-conditioned random matrices, for samples."""
    return rng.normal(size=shape) / 2 + 2 * np.eye(shape[-2], shape[-1])


# 1/x with 0 for 0: for differences of eigenvalues and for norms, where the numerator vanishes too.
reciprocal_or_zero = elementwise(
    "reciprocal_or_zero",
    lambda x: np.where(np.equal(x, 0), 0, 1 / np.where(np.equal(x, 0), 1, x)).astype(np.result_type(x, np.float16)),
    lambda y, _x: -y * y,
    low=0.5,
    doc="""The reciprocal, with 0 for 0 and the derivative 0 there.

    >>> import wengert as wg, numpy as np
    >>> from wengert.ops.equations import reciprocal_or_zero
    >>> reciprocal_or_zero(np.array([2.0, 0.0]))
    array([0.5, 0. ])
    """,
)


# ----- primitives ----------------------------------------------------------------------------------------
class Inverse(Stacked):
    """The inverse matrix."""

    name = "inv"

    def impl(self, a: Any) -> Any:
        return lapack("inv", np.linalg.inv, a)

    def aval(self, a: Any) -> Aval:
        return Aval(a.shape, a.dtype)

    def vjp(self, g: Any, y: Any, _a: Any) -> tuple[Any, ...]:
        back = matrix_view(y)
        return (-product(back, g, back),)

    def jvp(self, ts: Sequence[Any], y: Any, _a: Any) -> Any:
        return -product(y, ts[0], y)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [regular(rng, 3, 3)], {}
        yield [regular(rng, 2, 2, 2)], {}
        yield [np.zeros((0, 0))], {}


INVERSE = Inverse()


class Solve(Stacked):
    """``x`` with ``a x = b`` for matrices `b`."""

    name = "solve"
    linear_in = (1,)

    def impl(self, a: Any, b: Any) -> Any:
        return lapack("solve", np.linalg.solve, a, b)

    def aval(self, a: Any, b: Any) -> Aval:
        return Aval(solved_shape("solve", a, b), dtypes.result_type(a.dtype, b.dtype))

    def vjp(self, g: Any, y: Any, a: Any, _b: Any) -> tuple[Any, ...]:
        back = cache(lambda: bind(SOLVE, (matrix_view(a), g)))
        return lambda: -product(back(), matrix_view(y)), back

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, **attrs: Any) -> tuple[Any, Any]:
        a, b = xs
        if dims[0] is None and len(a.shape) == 2 and len(b.shape) == 3:  # one factorisation for all examples
            b = moveaxis(to_front(b, dims[1]), 0, 1)
            y = bind(self, (a, reshape(b, (b.shape[0], b.shape[1] * b.shape[2]))))
            return reshape(y, b.shape), 1
        return super().batch(size, xs, dims)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [regular(rng, 3, 3), rng.normal(size=(3, 2))], {}
        yield [regular(rng, 2, 3, 3), rng.normal(size=(3, 1))], {}
        yield [regular(rng, 2, 2), rng.normal(size=(2, 2, 3))], {}
        yield [np.zeros((0, 0)), np.zeros((0, 2))], {}


SOLVE = Solve()


class SolveTriangular(Stacked):
    """``x`` with ``T x = b`` where T is a triangle of `a`; the other triangle is not looked at."""

    name = "solve_triangular"
    linear_in = (1,)

    def impl(self, a: Any, b: Any, *, lower: bool, unit: bool) -> Any:
        triangle = np.tril(a) if lower else np.triu(a)
        if unit:
            identity = np.eye(a.shape[-1], dtype=bool)
            triangle = np.where(identity, np.ones((), a.dtype), triangle)
        elif not np.all(np.diagonal(triangle, axis1=-2, axis2=-1)):
            raise LinearAlgebraError(
                f"solve_triangular: got {show(a)} with a zero on the diagonal; needs a regular matrix"
            )
        return np.linalg.solve(triangle, b)

    def aval(self, a: Any, b: Any, *, lower: bool, unit: bool) -> Aval:
        return Aval(solved_shape("solve_triangular", a, b), dtypes.result_type(a.dtype, b.dtype))

    def vjp(self, g: Any, y: Any, a: Any, _b: Any, *, lower: bool, unit: bool) -> tuple[Any, ...]:
        attrs = {"lower": not lower, "unit": unit}
        back = cache(lambda: bind(SOLVE_TRIANGULAR, (matrix_view(a), g), attrs))

        def of_matrix() -> Any:
            full = -product(back(), matrix_view(y))
            mask = lower_mask(full, -1 if unit else 0)
            return full * (mask if lower else mask.T)

        return of_matrix, back

    def samples(self, rng: np.random.Generator) -> Samples:
        for lower in (True, False):
            for unit in (True, False):
                yield [regular(rng, 3, 3), rng.normal(size=(3, 2))], {"lower": lower, "unit": unit}
        yield [regular(rng, 2, 2, 2), rng.normal(size=(2, 3))], {"lower": True, "unit": False}


SOLVE_TRIANGULAR = SolveTriangular()


def solved_shape(operation: str, a: Any, b: Any) -> Shape:
    """The shape of the solution, with the operands checked."""
    if len(a.shape) < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"{operation}: got {show(a)} as the matrix; needs square matrices in the last two axes")
    if a.shape[-1] != b.shape[-2]:
        raise ShapeError(
            f"{operation}: got shapes {list(a.shape)} and {list(b.shape)}; needs as many rows on the right "
            f"({b.shape[-2]}) as the matrix has ({a.shape[-1]})"
        )
    lead: Shape = shapes.broadcast(operation, a.shape[:-2], b.shape[:-2])
    return (*lead, *b.shape[-2:])


# ----- functions -------------------------------------------------------------------------------------------
def _with_columns(operation: str, b: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a solver for matrices; a 1-d right-hand side is one column."""
    b = floating(operation, b)
    if len(b.shape) == 0:
        raise ShapeError(f"{operation}: got {show(b)} on the right; needs at least one axis")
    if len(b.shape) > 1:
        return function(b)
    y = function(column(b))
    return reshape(y, y.shape[:-1])


def solve(a: Any, /, b: Any) -> Any:
    """The solution ``x`` of ``a x = b``.

    Shapes ``(…, n, n), (…, n, k) -> (…, n, k)``, or ``(n,)`` on the right for one vector. Raises
    `LinearAlgebraError` where a matrix is singular.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
    array([1. , 0.5])
    """
    a = matrices("solve", a, square=True)
    return _with_columns("solve", b, lambda c: bind(SOLVE, (a, c)))


def inv(a: Any, /) -> Any:
    """The inverse of square matrices, ``(…, n, n) -> (…, n, n)``.

    Raises `LinearAlgebraError` where a matrix is singular. To solve equations, `solve` is faster and more exact.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return bind(INVERSE, (matrices("inv", a, square=True),))


def solve_triangular(a: Any, b: Any, /, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    """The solution of ``T x = b`` for the upper (or `lower`) triangle T of `a`, as ``scipy.linalg``'s.

    `trans`: 0 or "N" for T, 1 or "T" for its transpose, 2 or "C" for its conjugate transpose. The other triangle
    is ignored and has gradient zero. Raises `LinearAlgebraError` for a zero on the diagonal.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.solve_triangular(np.array([[2.0, 9.0], [1.0, 1.0]]), np.array([2.0, 3.0]), lower=True)
    array([1., 2.])
    """
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ArgumentError(f"solve_triangular: got trans={trans!r}; needs 0, 1, 2, 'N', 'T' or 'C'")
    a = matrices("solve_triangular", a, square=True)
    if trans not in (0, "N"):
        a, lower = matrix_view(a) if trans in (1, "T") else adjoint(a), not lower
    attrs = {"lower": bool(lower), "unit": bool(unit_diagonal)}
    return _with_columns("solve_triangular", b, lambda c: bind(SOLVE_TRIANGULAR, (a, c), attrs))


def cho_solve(c_and_lower: Any, b: Any, /) -> Any:
    """The solution of ``A x = b`` from ``(c, lower)``, a Cholesky factor of A and whether it is the lower one.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.cho_solve((np.array([[2.0]]), True), np.array([8.0]))
    array([2.])
    """
    c, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    return solve_triangular(c, solve_triangular(c, b, first, lower), second, lower)


def tensorsolve(a: Any, /, b: Any, axes: Any = None) -> Any:
    """``x`` with ``tensordot(a, x, x.ndim) == b``.

    Shapes ``(*b.shape, *x.shape), b.shape -> x.shape`` with equally many elements in both.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.tensorsolve(2 * np.eye(4).reshape(2, 2, 4), np.ones((2, 2)))
    array([0.5, 0.5, 0.5, 0.5])
    """
    a, b = arrayed(a), arrayed(b)
    if axes is not None:
        a = moveaxis(a, tuple(axes), tuple(range(-len(axes), 0)))
    shape = a.shape[len(b.shape) :]
    size = shapes.size_of(b.shape)
    if a.shape[: len(b.shape)] != b.shape or size != shapes.size_of(shape):
        raise ShapeError(
            f"tensorsolve: got shapes {list(a.shape)} and {list(b.shape)}; needs as many equations as unknowns"
        )
    return reshape(solve(reshape(a, (size, size)), reshape(b, (size,))), shape)


def tensorinv(a: Any, /, ind: int = 2) -> Any:
    """The inverse under ``tensordot`` with `ind` axes: ``(*m, *n) -> (*n, *m)`` with equally many elements in both.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.tensorinv(2 * np.eye(4).reshape(2, 2, 4)).shape
    (4, 2, 2)
    """
    a = arrayed(a)
    first, second = a.shape[:ind], a.shape[ind:]
    size = shapes.size_of(first)
    if ind <= 0 or size != shapes.size_of(second):
        raise ShapeError(f"tensorinv: got {show(a)}, ind={ind}; needs as many elements before that axis as after it")
    return reshape(inv(reshape(a, (size, size))), second + first)


__all__ = ["cho_solve", "inv", "solve", "solve_triangular", "tensorinv", "tensorsolve"]
