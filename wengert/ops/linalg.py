"""Linear algebra (numpy.linalg's names): determinants, norms, pseudo-inverse, matrix functions.

The namespace also has the equations and decompositions of the neighbouring chapters.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ArgumentError, AxisError, ShapeError, show
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval
from wengert.core.record import Tensor, bind, concrete
from wengert.ops.arithmetic import log_guarded
from wengert.ops.comparison import not_equal
from wengert.ops.complexes import conj, imag
from wengert.ops.contraction import (
    MATMUL,
    conjugated,
    cross,
    diagonals,
    einsum,
    matmul,
    matrix_view,
    outer,
    tensordot,
    vecdot,
)
from wengert.ops.decomposition import SINGULAR_VALUES, svdvals
from wengert.ops.elementwise import elementwise, multiply_no_nan
from wengert.ops.equations import (
    INVERSE,
    Stacked,
    adjoint,
    diagonal_matrix,
    floating,
    inv,
    lapack,
    matrices,
    product,
    real_part,
    reciprocal_or_zero,
    regular,
)
from wengert.ops.indexing import Span, getitem_static
from wengert.ops.joining import concatenate
from wengert.ops.reduction import max as maximum_of
from wengert.ops.reduction import min as minimum_of
from wengert.ops.reduction import prod
from wengert.ops.rounding import absolute
from wengert.ops.structure import (
    AS_TYPE,
    Samples,
    arrayed,
    astype,
    axis_names,
    broadcast_to,
    moveaxis,
    reshape,
    sum_axes,
)


class SlogdetResult(NamedTuple):
    """The sign (complex: phase) of determinants and the logarithm of their absolute values."""

    sign: Any
    logabsdet: Any


class LstsqResult(NamedTuple):
    """What `lstsq` gives, in NumPy's order."""

    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


def _as_matrix(x: Any) -> Any:
    """Numbers as 1 x 1 matrices, to be broadcast against matrices."""
    return reshape(x, (*x.shape, 1, 1))


# ----- determinants ------------------------------------------------------------------------------------
class Cofactor(Stacked):
    """The matrix of cofactors, the derivative of the determinant, also for singular matrices.

    With ``a = U diag(s) Vh`` it is ``det(U Vh) conj(U) diag(prod of the other s) conj(Vh)``. Its derivative in a
    direction E (seen from U and V) is likewise made of the products that leave out two singular values.
    """

    name = "cofactor"

    def impl(self, a: Any) -> Any:
        u, s, vh = lapack("det", np.linalg.svd, a)
        size = a.shape[-1]
        others = np.prod(np.where(np.eye(size, dtype=bool), np.ones((), s.dtype), s[..., None, :]), axis=-1)
        phase = np.linalg.det(u) * np.linalg.det(vh)
        y = np.matmul(np.conj(u) * (phase[..., None] * others)[..., None, :], np.conj(vh))
        return y.astype(a.dtype, copy=False)

    def aval(self, a: Any) -> Aval:
        return Aval(a.shape, a.dtype)

    def vjp(self, g: Any, _y: Any, a: Any) -> tuple[Any, ...]:
        size = a.shape[-1]
        u, s, vh = bind(SINGULAR_VALUES, (a,))
        i, j, k = np.ogrid[:size, :size, :size]
        kept = ((k != i) & (k != j)).astype(s.dtype)
        both = prod(reshape(s, (*s.shape[:-1], 1, 1, size)) * kept + (1 - kept), axis=-1)
        both = both * (1 - np.eye(size, dtype=s.dtype))
        seen = product(adjoint(u), g, adjoint(vh))
        on = einsum("...ij,...j->...i", both, einsum("...ii->...i", seen))
        inner = diagonal_matrix(on) - both * matrix_view(seen)
        phase = _as_matrix(bind(DETERMINANT, (u,)) * bind(DETERMINANT, (vh,)))
        return (phase * product(conjugated(u), inner, conjugated(vh)),)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [regular(rng, 3, 3)], {}
        yield [regular(rng, 2, 2, 2)], {}
        yield [regular(rng, 1, 1)], {}


COFACTOR = Cofactor()


class Determinant(Stacked):
    """The determinant, whose derivative is the matrix of cofactors."""

    name = "det"

    def impl(self, a: Any) -> Any:
        return np.linalg.det(a)

    def aval(self, a: Any) -> Aval:
        return Aval(a.shape[:-2], a.dtype)

    def vjp(self, g: Any, _y: Any, a: Any) -> tuple[Any, ...]:
        return (_as_matrix(g) * bind(COFACTOR, (a,)),)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [regular(rng, 3, 3)], {}
        yield [regular(rng, 2, 2, 2)], {}
        yield [np.array([[1.0, 2.0, 0.5], [2.0, 4.0, 1.0], [0.3, -1.0, 2.0]])], {}
        yield [np.zeros((0, 0))], {}


DETERMINANT = Determinant()


def det(a: Any, /) -> Any:
    """The determinant, ``(…, n, n) -> (…)``.

    The gradient is the matrix of cofactors, also where the matrix is singular (from the singular values; exact to
    second order, and beyond that for distinct singular values).

    >>> import wengert as wg, numpy as np
    >>> wg.grad(wg.linalg.det)(np.array([[1.0, 0.0], [0.0, 0.0]]))
    array([[0., 0.],
           [0., 1.]])
    """
    return bind(DETERMINANT, (matrices("det", a, square=True),))


class SignLogDet(Stacked):
    """Sign and logarithm of the absolute value of the determinant."""

    name = "slogdet"
    multi = True

    def impl(self, a: Any) -> Any:
        return tuple(np.linalg.slogdet(a))

    def aval(self, a: Any) -> Any:
        return Aval(a.shape[:-2], a.dtype), Aval(a.shape[:-2], np.zeros((), a.dtype).real.dtype)

    def vjp(self, g: Any, y: Any, a: Any) -> tuple[Any, ...]:
        (g_sign, weight), (sign, _) = g, y
        if a.dtype.kind == "c":
            weight = weight + imag(g_sign * sign) * 1j  # (1j * float64 would be Python's complex)
        return (_as_matrix(weight) * matrix_view(bind(INVERSE, (a,))),)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [regular(rng, 3, 3)], {}
        yield [regular(rng, 2, 2, 2)], {}


SIGN_LOG_DET = SignLogDet()


def slogdet(a: Any, /) -> SlogdetResult:
    """Sign and logarithm of the absolute value of the determinant, ``det = sign * exp(logabsdet)``.

    Shapes ``(…, n, n) -> (…), (…)``. A singular matrix has sign 0 and logarithm -inf; its derivative raises
    `LinearAlgebraError`.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.slogdet(np.array([[-1.0, 0.0], [0.0, 1.0]]))
    SlogdetResult(sign=np.float64(-1.0), logabsdet=np.float64(0.0))
    """
    return SlogdetResult(*bind(SIGN_LOG_DET, (matrices("slogdet", a, square=True),)))


# ----- pseudo-inverse and rank ----------------------------------------------------------------------------
Tolerances = float | tuple[Shape, tuple[float, ...]]  # one number, or lengths and values of one a matrix


def _limits(rtol: Tolerances) -> Any:
    return np.reshape(rtol[1], rtol[0]) if isinstance(rtol, tuple) else rtol


class PseudoInverse(Stacked):
    """The Moore-Penrose inverse, with the derivative for constant rank (Golub and Pereyra, 1973)."""

    name = "pinv"

    def impl(self, a: Any, *, rtol: Tolerances) -> Any:
        return lapack("pinv", np.linalg.pinv, a, rcond=_limits(rtol))

    def aval(self, a: Any, *, rtol: Tolerances) -> Aval:
        return Aval((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)

    def vjp(self, g: Any, y: Any, a: Any, *, rtol: Tolerances) -> tuple[Any, ...]:
        g, back = conjugated(g), adjoint(y)
        g_back = adjoint(g)
        # Golub and Pereyra: exact along changes that keep the rank; one of the projections is 0 at full rank.
        right, left = product(g_back, y, back), product(back, y, g_back)
        total = right - product(a, y, right) + left - product(left, y, a) - product(back, g, back)
        return (conjugated(total),)

    def samples(self, rng: np.random.Generator) -> Samples:
        for shape in ((3, 3), (4, 2), (2, 2, 3)):
            yield [regular(rng, *shape)], {"rtol": 1e-13}


PSEUDO_INVERSE = PseudoInverse()


def _tolerance(operation: str, x: Any, given: Any, factor: int) -> float:
    if given is None:
        return float(factor * np.finfo(x.dtype).eps)
    if not isinstance(given, int | float | np.number):
        raise ArgumentError(f"{operation}: got {show(given)} for the tolerance; needs one number")
    return float(given)


def _tolerances(operation: str, x: Any, given: Any, factor: int) -> Tolerances:
    """As `_tolerance`, but an array may give one number for each matrix."""
    if isinstance(given, Tensor | np.ndarray):
        values = np.asarray(concrete(given, operation))
        if values.shape:
            return values.shape, tuple(values.ravel().tolist())
        given = values.item()
    return _tolerance(operation, x, given, factor)


def pinv(a: Any, /, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """The Moore-Penrose pseudo-inverse, ``(…, m, n) -> (…, n, m)``.

    Singular values up to `rtol` (or `rcond`; by default max(m, n) times the precision; one number, or one a matrix)
    times the largest count as zero. The derivative is that at constant rank. `hermitian` is accepted for compatibility.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.pinv(np.array([[2.0], [0.0]]))
    array([[0.5, 0. ]])
    """
    a = matrices("pinv", a)
    given = rtol if rcond is None else rcond
    return bind(PSEUDO_INVERSE, (a,), {"rtol": _tolerances("pinv", a, given, max(a.shape[-2:]))})


class MatrixRank(Stacked):
    """The number of singular values above a tolerance."""

    name = "matrix_rank"
    differentiable = False

    def impl(self, a: Any, *, tol: float | None, rtol: Tolerances) -> Any:
        s = lapack("matrix_rank", np.linalg.svd, a, compute_uv=False)
        largest = np.max(s, axis=-1, keepdims=True, initial=0)
        limit = tol if tol is not None else np.asarray(_limits(rtol))[..., None] * largest
        return np.count_nonzero(s > limit, axis=-1) if a.ndim > 2 else np.int64(np.count_nonzero(s > limit))

    def aval(self, a: Any, *, tol: float | None, rtol: Tolerances) -> Aval:
        return Aval(a.shape[:-2], np.dtype(np.int64))

    def vjp(self, g: Any, _y: Any, _a: Any, *, tol: float | None, rtol: Tolerances) -> tuple[Any, ...]:
        return (None,)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(3, 2))], {"tol": None, "rtol": 1e-6}
        yield [np.ones((2, 2, 2))], {"tol": None, "rtol": 1e-6}


MATRIX_RANK = MatrixRank()


def matrix_rank(a: Any, /, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """The number of singular values above `tol`, or above `rtol` (one number, or one a matrix) times the largest.

    An integer without derivative.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.matrix_rank(np.ones((2, 2)))
    np.int64(1)
    """
    a = matrices("matrix_rank", a)
    attrs = {
        "tol": None if tol is None else float(tol),
        "rtol": _tolerances("matrix_rank", a, rtol, max(a.shape[-2:])),
    }
    return bind(MATRIX_RANK, (a,), attrs)


def lstsq(a: Any, /, b: Any, rcond: Any = None) -> LstsqResult:
    """The least-squares solution of ``a x = b`` with the smallest norm, as NumPy's four results.

    Shapes ``(m, n), (m, k) -> (n, k)``, or ``(m,) -> (n,)``. Residuals (sums of squares) are there for m > n. The
    derivative assumes that `a` has full rank.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.lstsq(np.array([[1.0], [1.0]]), np.array([1.0, 3.0])).solution
    array([2.])
    """
    a, b = matrices("lstsq", a), floating("lstsq", b)
    if len(a.shape) != 2 or len(b.shape) not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ShapeError(f"lstsq: got {show(a)} and {show(b)}; needs (m, n) and (m,) or (m, k)")
    tolerance = _tolerance("lstsq", a, rcond, max(a.shape))
    x = bind(MATMUL, (bind(PSEUDO_INVERSE, (a,), {"rtol": tolerance}), b))
    rank = bind(MATRIX_RANK, (a,), {"tol": None, "rtol": tolerance})
    rest = _square_sizes(b - bind(MATMUL, (a, x)))
    residuals = sum_axes(rest, (0,), keepdims=len(b.shape) == 1)
    if a.shape[0] <= a.shape[1] or (not isinstance(rank, Tensor) and rank < a.shape[1]):
        residuals = np.zeros(0, rest.dtype)
    return LstsqResult(x, residuals, rank, svdvals(a))


# ----- norms ------------------------------------------------------------------------------------------------
def _power_or_zero(x: Any, exponent: Any) -> Any:
    if isinstance(exponent, float) and exponent == 0.5:
        return np.sqrt(x)
    with np.errstate(all="ignore"):
        return np.where(np.equal(x, 0), np.zeros((), x.dtype), np.power(x, exponent))


# Its derivative is 0 at 0 for every exponent, as that of norms shall be.
power_or_zero = elementwise(
    "power_or_zero",
    _power_or_zero,
    lambda y, x, e: e * y * reciprocal_or_zero(x),
    lambda y, x, _e: multiply_no_nan(log_guarded(x), y),
    low=(0.5, -2.0),
    singular=True,
    complex_domain=False,
    doc="""Power of a number that is not negative; it and its derivative are 0 at 0.

    >>> import wengert as wg, numpy as np
    >>> from wengert.ops.linalg import power_or_zero
    >>> power_or_zero(np.array([4.0, 0.0]), 0.5)
    array([2., 0.])
    """,
)


def _square_sizes(x: Any) -> Any:
    return real_part(x * conj(x)) if x.dtype.kind == "c" else x * x


def _vector(x: Any, order: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """A norm of vectors along `axes`."""
    if order is None or order == 2:
        return power_or_zero(sum_axes(_square_sizes(x), axes, keepdims), 0.5)
    if order == np.inf:
        return maximum_of(absolute(x), axis=axes, keepdims=keepdims)
    if order == -np.inf:
        return minimum_of(absolute(x), axis=axes, keepdims=keepdims)
    if order == 0:
        unequal = not_equal(x, 0)
        dtype = np.zeros((), x.dtype).real.dtype
        return sum_axes(bind(AS_TYPE, (unequal,), {"dtype": dtype}), axes, keepdims)
    if isinstance(order, str) or isinstance(order, bool):
        raise ArgumentError(f"norm: got ord={order!r} for vectors; needs a number, inf or -inf")
    sizes = absolute(x)
    if order == 1:
        return sum_axes(sizes, axes, keepdims)
    order = float(order)
    return power_or_zero(sum_axes(power_or_zero(sizes, order), axes, keepdims), 1 / order)


def _matrix(x: Any, order: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    """A norm of matrices whose rows and columns are at `axes`."""
    if order in (None, "fro", "f"):
        return _vector(x, 2, tuple(sorted(axes)), keepdims)
    shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    x = moveaxis(x, axes, (-2, -1))
    last = len(x.shape) - 1
    if order in (1, -1, np.inf, -np.inf):
        sums = sum_axes(absolute(x), (last - 1 if abs(order) == 1 else last,))
        y = (maximum_of if order > 0 else minimum_of)(sums, axis=-1)
    elif order in (2, -2):
        y = getitem_static(svdvals(x), (Ellipsis, 0 if order == 2 else -1))
    elif order == "nuc":
        y = sum_axes(svdvals(x), (last - 1,))
    else:
        raise ArgumentError(f"norm: got ord={order!r} for matrices; needs 1, -1, 2, -2, inf, -inf, 'fro' or 'nuc'")
    return reshape(y, shape) if keepdims else y


@axis_names
def norm(x: Any, /, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors (one axis) or matrices (two axes), as ``np.linalg.norm``.

    ``(sum |x|^ord)^(1/ord)`` for vectors; for matrices 'fro', 'nuc', 2 and -2 (singular values), 1 and -1 (columns),
    inf and -inf (rows). Without axis and order all elements are one vector. The gradient is 0 at the zero vector.
    Raises `ArgumentError` for an unknown order.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.norm(np.array([3.0, 4.0]))
    np.float64(5.0)
    >>> wg.grad(wg.linalg.norm)(np.zeros(2))
    array([0., 0.])
    """
    x = floating("norm", x)
    rank = len(x.shape)
    if axis is None:
        if ord is None:
            return _vector(x, 2, tuple(range(rank)), keepdims)
        if rank not in (1, 2):
            raise ShapeError(f"norm: got {show(x)} with ord={ord!r} and no axis; needs one or two axes")
        axis = tuple(range(rank))
    given = axis if isinstance(axis, tuple | list) else (axis,)
    axes = tuple(shapes.axis_index("norm", a, rank) for a in given)
    if len(axes) == 1:
        return _vector(x, ord, axes, keepdims)
    if len(axes) != 2 or axes[0] == axes[1]:
        raise AxisError(f"norm: got axis={axis!r}; needs one axis for vectors, or two different ones for matrices")
    return _matrix(x, ord, (axes[0], axes[1]), keepdims)


@axis_names
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """The vector norm over one, several or all axes (array API); see `norm`.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.vector_norm(np.ones((2, 2)))
    np.float64(2.0)
    """
    x = floating("vector_norm", x)
    return _vector(x, ord, shapes.axes_tuple("vector_norm", axis, len(x.shape)), keepdims)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """The matrix norm over the last two axes (array API); see `norm`.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.matrix_norm(np.ones((5, 2, 2))).shape
    (5,)
    """
    x = matrices("matrix_norm", x)
    return _matrix(x, ord, (len(x.shape) - 2, len(x.shape) - 1), keepdims)


def cond(x: Any, /, p: Any = None) -> Any:
    """The condition number ``|x| |inv(x)|`` in the norm `p`; by default largest by smallest singular value.

    For another norm than 2 a singular matrix raises `LinearAlgebraError`.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.cond(np.array([[4.0, 0.0], [0.0, 1.0]]))
    np.float64(4.0)
    """
    x = matrices("cond", x)
    if p in (None, 2, -2):
        s = svdvals(x)
        first, last = getitem_static(s, (Ellipsis, 0)), getitem_static(s, (Ellipsis, -1))
        return last / first if p == -2 else first / last
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)


# ----- powers and exponential ------------------------------------------------------------------------------------
def matrix_power(a: Any, /, n: int) -> Any:
    """The integer power of square matrices by repeated squaring; of the inverse for negative `n`.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.matrix_power(np.array([[1.0, 1.0], [0.0, 1.0]]), 5)
    array([[1., 5.],
           [0., 1.]])
    """
    a = arrayed(a)
    if len(a.shape) < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"matrix_power: got {show(a)}; needs square matrices in the last two axes")
    try:
        n = operator.index(n)
    except TypeError:
        raise ArgumentError(f"matrix_power: got the exponent {n!r}; needs an integer") from None
    if n == 0:
        return broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
    square, n, y = (inv(a), -n, None) if n < 0 else (a, n, None)
    while n:
        if n & 1:
            y = square if y is None else bind(MATMUL, (y, square))
        n >>= 1
        square = bind(MATMUL, (square, square)) if n else square
    return y


# Coefficients of the diagonal Padé approximant of degree 13 (Higham, 2005) and the norm up to which it is exact.
_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
_PADE_NORM = 4.0


class Exponential(Stacked):
    """The matrix exponential by scaling and squaring.

    Its derivative along E is a block of another exponential, ``exp [[a, E], [0, a]]`` (Najfeld and Havel, 1995).
    The diagonal blocks of size `block`, all alike, say how far to scale; so the result is linear in E.
    """

    name = "expm"

    def impl(self, a: Any, *, block: int) -> Any:
        if not a.size:
            return a.copy()
        size = np.max(np.sum(np.abs(a[..., :block, :block]), axis=-2))
        squarings = max(0, int(np.ceil(np.log2(size / _PADE_NORM)))) if np.isfinite(size) and size > 0 else 0
        a = a * np.asarray(0.5**squarings, a.real.dtype)
        c = [np.asarray(v / _PADE[0], a.real.dtype) for v in _PADE]
        one = np.eye(a.shape[-1], dtype=a.dtype)
        a2 = a @ a
        a4 = a2 @ a2
        a6 = a4 @ a2
        odd = a @ (a6 @ (c[13] * a6 + c[11] * a4 + c[9] * a2) + c[7] * a6 + c[5] * a4 + c[3] * a2 + c[1] * one)
        even = a6 @ (c[12] * a6 + c[10] * a4 + c[8] * a2) + c[6] * a6 + c[4] * a4 + c[2] * a2 + c[0] * one
        y = lapack("expm", np.linalg.solve, even - odd, even + odd)
        for _ in range(squarings):
            y = y @ y
        return y

    def aval(self, a: Any, *, block: int) -> Aval:
        return Aval(a.shape, a.dtype)

    def vjp(self, g: Any, _y: Any, a: Any, *, block: int) -> tuple[Any, ...]:
        size, back = a.shape[-1], matrix_view(a)
        upper = concatenate([back, g], axis=-1)
        lower = concatenate([np.zeros(a.shape, a.dtype), back], axis=-1)
        y = bind(EXPONENTIAL, (concatenate([upper, lower], axis=-2),), {"block": block})
        return (getitem_static(y, (Ellipsis, Span(None, size, None), Span(size, None, None))),)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(3, 3))], {"block": 3}
        yield [3 * rng.normal(size=(2, 2, 2))], {"block": 2}
        yield [np.zeros((1, 1))], {"block": 1}


EXPONENTIAL = Exponential()


def expm(a: Any, /) -> Any:
    """The matrix exponential ``sum a^k / k!`` of square matrices, ``(…, n, n) -> (…, n, n)``.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.expm(np.array([[0.0, 1.0], [0.0, 0.0]]))
    array([[1., 1.],
           [0., 1.]])
    """
    a = matrices("expm", a, square=True)
    return bind(EXPONENTIAL, (a,), {"block": a.shape[-1]})


# ----- products and views ----------------------------------------------------------------------------------------
def multi_dot(arrays: Sequence[Any], /) -> Any:
    """The product of a chain of matrices, in the order that needs the fewest multiplications.

    The first and the last may be vectors.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.multi_dot([np.ones((2, 3)), np.ones((3, 4)), np.ones(4)])
    array([12., 12.])
    """
    xs = [arrayed(x) for x in arrays]
    if len(xs) < 2 or any(len(x.shape) != 2 for x in xs[1:-1]) or any(len(x.shape) not in (1, 2) for x in xs):
        raise ShapeError("multi_dot: needs at least two matrices (the first and the last may be vectors)")
    ends = [1 if len(xs[0].shape) == 1 else xs[0].shape[0]] + [x.shape[0] for x in xs[1:]]
    ends.append(1 if len(xs[-1].shape) == 1 else xs[-1].shape[1])
    split = _chain(ends)

    def multiplied(i: int, j: int) -> Any:
        if i == j:
            return xs[i]
        k = split[i, j]
        return matmul(multiplied(i, k), multiplied(k + 1, j))

    return multiplied(0, len(xs) - 1)


def _chain(ends: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to split each part of a chain of matrices; matrix i is ``ends[i] x ends[i + 1]``."""
    count = len(ends) - 1
    cost = {(i, i): 0 for i in range(count)}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            options = [(cost[i, k] + cost[k + 1, j] + ends[i] * ends[k + 1] * ends[j + 1], k) for k in range(i, j)]
            cost[i, j], split[i, j] = min(options)
    return split


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """A diagonal of the last two axes (array API), ``(…, m, n) -> (…, k)``.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]), offset=1)
    array([2.])
    """
    return einsum("...ii->...i", diagonals("diagonal", x, offset, -2, -1))


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """The sum of a diagonal of the last two axes (array API), ``(…, m, n) -> (…)``.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.trace(np.ones((5, 2, 2))).shape
    (5,)
    """
    x = diagonal(x, offset=offset)
    x = x if dtype is None else astype(x, dtype)
    return sum_axes(x, (len(x.shape) - 1,))


def matrix_transpose(x: Any, /) -> Any:
    """The last two axes exchanged.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.matrix_transpose(np.ones((5, 2, 3))).shape
    (5, 3, 2)
    """
    x = arrayed(x)
    if len(x.shape) < 2:
        raise ShapeError(f"matrix_transpose: got {show(x)}; needs at least two axes")
    return matrix_view(x)


__all__ = [
    "cond", "cross", "det", "diagonal", "expm", "lstsq", "matmul", "matrix_norm", "matrix_power", "matrix_rank",
    "matrix_transpose", "multi_dot", "norm", "outer", "pinv", "slogdet", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip
