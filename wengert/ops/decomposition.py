"""Decompositions: Cholesky, QR, eigenvalues and singular values, batched over leading axes.

The rules are written with conjugated cotangents, as in the literature (where the gradient of a real function is
df/dx + i df/dy), and conjugated back; `conjugated` does both. Differences of eigenvalues are inverted with 0 for 0:
vectors that belong to one multiple eigenvalue are not determined, and do not move.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.core.primitive import Aval
from wengert.core.record import Tensor, bind
from wengert.ops.complexes import conj, imag, real
from wengert.ops.contraction import column, conjugated, einsum, matrix_view, row
from wengert.ops.equations import (
    SOLVE,
    SOLVE_TRIANGULAR,
    Stacked,
    adjoint,
    diagonal_matrix,
    lapack,
    lower_mask,
    matrices,
    product,
    real_dtype,
    reciprocal_or_zero,
    regular,
)
from wengert.ops.indexing import Span, getitem_static
from wengert.ops.joining import concatenate
from wengert.ops.structure import Samples, sum_axes


class EighResult(NamedTuple):
    """Eigenvalues, ascending, and eigenvectors in columns."""

    eigenvalues: Any
    eigenvectors: Any


class EigResult(NamedTuple):
    """Eigenvalues and eigenvectors in columns, complex."""

    eigenvalues: Any
    eigenvectors: Any


class QRResult(NamedTuple):
    """The orthonormal and the upper triangular factor."""

    Q: Any
    R: Any


class SVDResult(NamedTuple):
    """Left singular vectors in columns, singular values, right singular vectors in rows."""

    U: Any
    S: Any
    Vh: Any


def _to_triangle(x: Any, uplo: str = "L") -> Any:
    """The cotangent of the triangle that makes up a Hermitian matrix, from that of the whole matrix."""
    mask = lower_mask(x, 0, 0.5)
    return (x + adjoint(x)) * (mask if uplo == "L" else mask.T)


def _diagonal(x: Any) -> Any:
    return einsum("...ii->...i", x)


# ----- Cholesky -----------------------------------------------------------------------------------------
class Cholesky(Stacked):
    """The lower triangular L with ``L L^H`` the Hermitian matrix in the lower triangle of the operand."""

    name = "cholesky"

    def impl(self, a: Any) -> Any:
        return lapack("cholesky", np.linalg.cholesky, a)

    def aval(self, a: Any) -> Aval:
        return Aval(a.shape, a.dtype)

    def vjp(self, g: Any, y: Any, _a: Any) -> tuple[Any, ...]:
        upper = adjoint(y)
        inner = product(upper, conjugated(g))
        inner = inner * lower_mask(inner, 0, 0.5)
        attrs = {"lower": False, "unit": False}
        left = bind(SOLVE_TRIANGULAR, (upper, inner), attrs)
        both = adjoint(bind(SOLVE_TRIANGULAR, (upper, adjoint(left)), attrs))
        return (conjugated(_to_triangle(both)),)

    def samples(self, rng: np.random.Generator) -> Samples:
        for shape in ((3, 3), (2, 2, 2), (1, 1), (0, 0)):
            a = rng.normal(size=shape) / 2
            yield [a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])], {}


CHOLESKY = Cholesky()


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The lower triangular factor L of positive definite Hermitian matrices, ``L L^H = a`` (or the `upper` one).

    As in NumPy only the lower triangle is read (with `upper` the upper one), and the gradient lies there; take
    ``cholesky((a + a.mH) / 2)`` for a Hermitian gradient. Shapes ``(…, n, n) -> (…, n, n)``. Raises
    `LinearAlgebraError` where the matrix is not positive definite.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
    array([[2., 0.],
           [1., 2.]])
    """
    a = matrices("cholesky", a, square=True)
    return adjoint(bind(CHOLESKY, (adjoint(a),))) if upper else bind(CHOLESKY, (a,))


# ----- QR ------------------------------------------------------------------------------------------------
class QR(Stacked):
    """Reduced QR decomposition of matrices with at least as many rows as columns."""

    name = "qr"
    multi = True

    def impl(self, a: Any) -> Any:
        return tuple(lapack("qr", np.linalg.qr, a))

    def aval(self, a: Any) -> Any:
        size = a.shape[-1]
        return Aval(a.shape, a.dtype), Aval((*a.shape[:-2], size, size), a.dtype)

    def vjp(self, g: Any, y: Any, _a: Any) -> tuple[Any, ...]:
        (q, r), (gq, gr) = y, (conjugated(c) for c in g)
        inner = product(gr, adjoint(r)) - product(adjoint(q), gq)
        upper = inner * lower_mask(inner, 0, 0.5).T
        left = gq + product(q, upper + adjoint(upper))
        # times R^-H from the right
        solved = bind(SOLVE_TRIANGULAR, (r, adjoint(left)), {"lower": False, "unit": False})
        return (conjugated(adjoint(solved)),)

    def samples(self, rng: np.random.Generator) -> Samples:
        for shape in ((3, 3), (4, 2), (2, 3, 2), (2, 0)):
            yield [regular(rng, *shape)], {}


QR_DECOMPOSITION = QR()


def qr(a: Any, /, mode: str = "reduced") -> Any:
    """``a = Q R`` with orthonormal columns in Q and R upper triangular, as ``QRResult(Q, R)``; R only for mode "r".

    Shapes ``(…, m, n) -> (…, m, k), (…, k, n)`` with k = min(m, n); the derivative needs the first k columns
    independent. Mode "complete" is the same where m <= n; for m > n its further columns are not determined and
    it raises `ArgumentError`.

    >>> import wengert as wg, numpy as np
    >>> np.abs(wg.linalg.qr(np.array([[3.0], [4.0]])).R)
    array([[5.]])
    """
    a = matrices("qr", a)
    rows, columns = a.shape[-2:]
    if mode not in ("reduced", "r", "complete"):
        raise ArgumentError(f"qr: got mode={mode!r}; needs 'reduced', 'r' or 'complete'")
    if mode == "complete" and rows > columns:
        if not isinstance(a, Tensor):
            return QRResult(*np.linalg.qr(a, "complete"))
        if a.rec is None:
            return QRResult(*map(Tensor, np.linalg.qr(a.value, "complete")))
        raise ArgumentError(
            f"qr: mode='complete' of {rows} x {columns} has columns that are not determined, and no derivative",
            hint="use mode='reduced'",
        )
    if rows >= columns:
        q, r = bind(QR_DECOMPOSITION, (a,))
    else:  # the first columns are decomposed, the others follow
        first = getitem_static(a, (Ellipsis, Span(None, rows, None)))
        q, r = bind(QR_DECOMPOSITION, (first,))
        rest = getitem_static(a, (Ellipsis, Span(rows, None, None)))
        r = concatenate([r, product(adjoint(q), rest)], axis=-1)
    return r if mode == "r" else QRResult(q, r)


# ----- eigenvalues -------------------------------------------------------------------------------------------
def _gaps(values: Any) -> Any:
    """``1 / (l_j - l_i)`` in row i, column j, and 0 where they are equal."""
    return reciprocal_or_zero(row(values) - column(values))


class Eigh(Stacked):
    """Eigenvalues and eigenvectors of the Hermitian matrix in one triangle of the operand."""

    name = "eigh"
    multi = True
    complex_domain = False  # for the battery: the phases of complex vectors are not determined

    def impl(self, a: Any, *, uplo: str) -> Any:
        return tuple(lapack("eigh", np.linalg.eigh, a, UPLO=uplo))

    def aval(self, a: Any, *, uplo: str) -> Any:
        return Aval(a.shape[:-1], real_dtype(a)), Aval(a.shape, a.dtype)

    def vjp(self, g: Any, y: Any, _a: Any, *, uplo: str) -> tuple[Any, ...]:
        (values, vectors), (g_values, g_vectors) = y, (conjugated(c) for c in g)
        back = adjoint(vectors)
        inner = product(back, g_vectors) * _gaps(values) + diagonal_matrix(g_values)
        return (conjugated(_to_triangle(product(vectors, inner, back), uplo)),)

    def samples(self, rng: np.random.Generator) -> Samples:
        for shape in ((3, 3), (2, 2, 2), (1, 1)):
            a = rng.normal(size=shape) / 5
            yield [a + np.swapaxes(a, -1, -2) + np.diag(np.arange(1.0, shape[-1] + 1))], {"uplo": "L"}
            yield [a + np.diag(np.arange(1.0, shape[-1] + 1))], {"uplo": "U"}


EIGH = Eigh()


def eigh(a: Any, /, UPLO: str = "L") -> EighResult:
    """Eigenvalues (ascending) and eigenvectors of Hermitian matrices: ``a v_k = w_k v_k``.

    As in NumPy only the triangle `UPLO` ("L" or "U") is read, and the gradient lies there; take
    ``eigh((a + a.mH) / 2)`` for a Hermitian gradient. Shapes ``(…, n, n) -> (…, n), (…, n, n)``. The derivative of
    eigenvectors needs distinct eigenvalues; pairs of equal ones contribute zero. Functions should not depend on the
    sign (phase) of a vector.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.eigh(np.array([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
    array([1., 3.])
    """
    a = matrices("eigh", a, square=True)
    if UPLO.upper() not in ("L", "U"):
        raise ArgumentError(f"eigh: got UPLO={UPLO!r}; needs 'L' or 'U'")
    return EighResult(*bind(EIGH, (a,), {"uplo": UPLO.upper()}))


def eigvalsh(a: Any, /, UPLO: str = "L") -> Any:
    """Eigenvalues (ascending) of Hermitian matrices; see `eigh`.

    The gradient of a single one of several equal eigenvalues is that of the vector LAPACK chose.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.eigvalsh(np.array([[2.0, 1.0], [1.0, 2.0]]))
    array([1., 3.])
    """
    return eigh(a, UPLO)[0]


class Eig(Stacked):
    """Eigenvalues and eigenvectors of general matrices, always complex.

    LAPACK scales each vector to length 1 and makes its largest component real; the rule holds for that.
    """

    name = "eig"
    multi = True

    def impl(self, a: Any) -> Any:
        values, vectors = lapack("eig", np.linalg.eig, a)
        dtype = np.result_type(a.dtype, np.complex64)
        return values.astype(dtype, copy=False), vectors.astype(dtype, copy=False)

    def aval(self, a: Any) -> Any:
        dtype = np.result_type(a.dtype, np.complex64)
        return Aval(a.shape[:-1], dtype), Aval(a.shape, dtype)

    def vjp(self, g: Any, y: Any, _a: Any) -> tuple[Any, ...]:
        (values, vectors), (g_values, g_vectors) = y, g
        # A change dv of a vector's direction is brought back to length 1 and to a real largest component.
        lengths = sum_axes(vectors * g_vectors, (len(vectors.shape) - 2,), keepdims=True)
        largest = bind(LARGEST, (vectors,))
        place = sum_axes(vectors * largest, (len(vectors.shape) - 2,), keepdims=True)
        turned = largest * (imag(lengths) * reciprocal_or_zero(real(place)) * 1j)
        g_vectors = g_vectors - real(lengths) * conj(vectors) - turned
        inner = product(matrix_view(vectors), g_vectors) * _gaps(values) + diagonal_matrix(g_values)
        transposed = matrix_view(vectors)
        return (bind(SOLVE, (transposed, product(inner, transposed))),)

    def samples(self, rng: np.random.Generator) -> Samples:
        for shape in ((3, 3), (2, 2, 2), (1, 1)):
            a = rng.normal(size=shape)
            yield [a / 5 + np.diag(np.arange(1.0, shape[-1] + 1))], {}
            yield [a / 5 + 2 * np.triu(np.ones(shape), 1) - 2 * np.tril(np.ones(shape), -1)], {}


class Largest(Stacked):
    """Ones (complex) at the largest component of every column."""

    name = "largest"
    differentiable = False

    def impl(self, a: Any) -> Any:
        if not a.size:
            return np.zeros(a.shape, a.dtype)
        size = a.real**2 + a.imag**2
        return (np.arange(a.shape[-2])[:, None] == np.argmax(size, axis=-2, keepdims=True)).astype(a.dtype)

    def aval(self, a: Any) -> Aval:
        return Aval(a.shape, a.dtype)

    def vjp(self, g: Any, _y: Any, _a: Any) -> tuple[Any, ...]:
        return (None,)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [rng.normal(size=(3, 2))], {}
        yield [np.zeros((0, 0))], {}


LARGEST = Largest()
EIG = Eig()


def eig(a: Any, /) -> EigResult:
    """Eigenvalues and eigenvectors (length 1, in columns) of square matrices.

    Both are always complex: whether they are real depends on the values. Shapes ``(…, n, n) -> (…, n), (…, n, n)``.
    The derivative needs distinct eigenvalues; a defective matrix raises `LinearAlgebraError` in the derivative.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.eig(np.array([[0.0, 1.0], [-1.0, 0.0]])).eigenvalues
    array([0.+1.j, 0.-1.j])
    """
    return EigResult(*bind(EIG, (matrices("eig", a, square=True),)))


def eigvals(a: Any, /) -> Any:
    """Eigenvalues of square matrices, always complex; see `eig`.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.eigvals(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    array([0.+1.j, 0.-1.j])
    """
    return eig(a)[0]


# ----- singular values -----------------------------------------------------------------------------------------
class SVD(Stacked):
    """Reduced singular value decomposition."""

    name = "svd"
    multi = True
    complex_domain = False  # for the battery: the phases of complex vectors are not determined

    def impl(self, a: Any) -> Any:
        return tuple(lapack("svd", np.linalg.svd, a, full_matrices=False))

    def aval(self, a: Any) -> Any:
        rows, columns = a.shape[-2:]
        size, lead = min(rows, columns), a.shape[:-2]
        return (
            Aval((*lead, rows, size), a.dtype),
            Aval((*lead, size), real_dtype(a)),
            Aval((*lead, size, columns), a.dtype),
        )

    def vjp(self, g: Any, y: Any, _a: Any) -> tuple[Any, ...]:
        (u, s, vh), (gu, gs, gvh) = y, (conjugated(c) for c in g)
        inner_u, inner_v = product(adjoint(u), gu), product(vh, adjoint(gvh))
        gaps = _gaps(s * s)
        skew_u, skew_v = inner_u - adjoint(inner_u), inner_v - adjoint(inner_v)
        inner = (skew_u * gaps) * row(s) + column(s) * (skew_v * gaps) + diagonal_matrix(gs)
        inverse = reciprocal_or_zero(s)
        if u.dtype.kind == "c":
            inner = inner + diagonal_matrix(_diagonal(skew_u) * inverse * 0.5)
        left = product(u, inner)
        if u.shape[-2] > u.shape[-1]:
            left = left + (gu - product(u, inner_u)) * row(inverse)
        total = product(left, vh)
        if vh.shape[-1] > vh.shape[-2]:
            total = total + product(u * row(inverse), gvh - product(adjoint(inner_v), vh))
        return (conjugated(total),)

    def samples(self, rng: np.random.Generator) -> Samples:
        for shape in ((3, 3), (4, 2), (2, 2, 3), (1, 1)):
            yield [rng.normal(size=shape) / 5 + np.eye(*shape[-2:]) * np.arange(1.0, shape[-1] + 1)], {}


SINGULAR_VALUES = SVD()


def svd(a: Any, /, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Singular value decomposition ``a = U diag(S) Vh`` as ``SVDResult(U, S, Vh)``, S descending.

    Shapes ``(…, m, n) -> (…, m, k), (…, k), (…, k, n)`` with k = min(m, n). With `full_matrices` U and Vh are
    square; where m != n their further vectors are not determined, and recorded matrices raise `ArgumentError`.
    Without `compute_uv` only S. The derivative of the vectors needs distinct singular values (pairs of equal ones
    contribute zero); functions should not depend on their signs (phases). `hermitian` is accepted for compatibility.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.svd(np.array([[0.0, 2.0], [1.0, 0.0]]), full_matrices=False).S
    array([2., 1.])
    """
    a = matrices("svd", a)
    if compute_uv and full_matrices and a.shape[-1] != a.shape[-2]:
        if not isinstance(a, Tensor):
            return SVDResult(*lapack("svd", np.linalg.svd, a))
        if a.rec is None:
            return SVDResult(*map(Tensor, lapack("svd", np.linalg.svd, a.value)))
        raise ArgumentError(
            f"svd: full_matrices=True for {a.shape[-2]} x {a.shape[-1]} has vectors that are not determined, and no "
            "derivative",
            hint="use full_matrices=False",
        )
    u, s, vh = bind(SINGULAR_VALUES, (a,))
    return SVDResult(u, s, vh) if compute_uv else s


def svdvals(a: Any, /) -> Any:
    """Singular values, descending; ``(…, m, n) -> (…, min(m, n))``. At equal ones see `svd`.

    >>> import wengert as wg, numpy as np
    >>> wg.linalg.svdvals(np.array([[0.0, 2.0], [1.0, 0.0]]))
    array([2., 1.])
    """
    return svd(a, compute_uv=False)


__all__ = ["cholesky", "eig", "eigh", "eigvals", "eigvalsh", "qr", "svd", "svdvals"]
