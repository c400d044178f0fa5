"""Newton's method with exact derivatives: roots, minima by the Hessian, and minima by Hessian-vector products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert.base.errors import DTypeError, ShapeError, show
from wengert.core.record import concrete
from wengert.transforms.derived import grad, hessian, jacobian, linearize

Function = Callable[[Any], Any]

# Sufficient decrease: a step is taken where the value falls by this share of what the slope promises.
DECREASE = 1e-4
# Eigenvalues below this share of the largest count as zero.
FLAT = 1e-10


@dataclass
class Result:
    """What a solver found: `x`, the value `fun` and derivative `jac` there, and how it went.

    `path` holds every iterate, the start included; `nit` counts iterations. `success` is True only for what was asked
    for, and `message` says why the solver stopped. `newton_minimize` adds the `hessian`, its `eigenvalues` and the
    `kind` of point: minimum, maximum, saddle point or degenerate point.
    """

    x: Any
    fun: Any
    jac: Any
    success: bool
    message: str
    nit: int
    path: list[Any] = field(repr=False)
    kind: str | None = None
    eigenvalues: Any = None
    hessian: Any = field(default=None, repr=False)


def start_of(x0: Any, what: str) -> Any:
    """The start as a floating array."""
    x = np.asarray(concrete(x0))
    if x.dtype.kind in "iub":
        x = x.astype(np.float64)
    if x.dtype.kind != "f":
        raise DTypeError(f"{what}: got a start {show(x)}; needs real numbers")
    return x


def _array(x: Any) -> Any:
    return np.asarray(concrete(x))


def solution(matrix: Any, right: Any) -> Any:
    """The solution of a linear system; None where the matrix is singular."""
    try:
        found = np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        return None
    return found if np.isfinite(found).all() else None


# ----- roots
def newton_root(f: Function, x0: Any, tol: float = 1e-12, maxiter: int = 50, damped: bool = False) -> Result:
    """A root of `f` from the start `x0`: ``x - f(x) / f'(x)``, with a linear system for the Jacobian of a vector.

    Near a simple root of a twice differentiable function the number of right digits doubles with every step; near a
    double root convergence is only linear. That f' is nowhere zero is not enough: for arctan Newton diverges from 1.5.
    `damped` halves a step until |f| falls. Stops where the step is at most `tol` of the size of x.

    >>> import wengert as wg
    >>> found = wg.optim.newton_root(lambda x: x**2 - 2, 1.0)
    >>> found.success, round(float(found.x), 12)
    (True, 1.414213562373)
    >>> import numpy as np
    >>> wg.optim.newton_root(np.exp, 0.0).message
    'no root found in 50 iterations; |f| is 1.9...e-22, the last step 1'
    """
    x = start_of(x0, "newton_root")
    value, path = _array(f(x)), [x]
    if value.shape != x.shape:
        raise ShapeError(f"newton_root: f gives {show(value)} for {show(x)}; needs as many equations as unknowns")
    size, step = np.inf, np.zeros_like(x)
    for nit in range(maxiter + 1):
        matrix = _array(jacobian(f)(x)).reshape(x.size, x.size)
        small = size <= tol * max(1.0, float(np.abs(x).max(initial=0)))
        if not value.any() or small:
            return Result(x, value, matrix.reshape(x.shape * 2), True, "converged", nit, path)
        step = solution(matrix, -value.ravel())
        if step is None or nit == maxiter:
            break
        step = step.reshape(x.shape)
        x, value, size = _root_step(f, x, value, step, damped)
        path.append(x)
        if not np.isfinite(value).all():
            return Result(x, value, matrix.reshape(x.shape * 2), False, "diverged", nit + 1, path)
    message = f"no root found in {maxiter} iterations; |f| is {np.linalg.norm(value):.3g}, the last step {size:.3g}"
    if step is None:
        message = f"the derivative is singular after {len(path) - 1} iterations"
    return Result(x, value, matrix.reshape(x.shape * 2), False, message, len(path) - 1, path)


def _root_step(f: Function, x: Any, value: Any, step: Any, damped: bool) -> tuple[Any, Any, float]:
    """The next point, the value there and the size of the step."""
    with np.errstate(over="ignore", invalid="ignore"):
        new = _array(f(x + step))
        for _ in range(40 if damped else 0):
            if np.linalg.norm(new) < np.linalg.norm(value):
                break
            step = step / 2
            new = _array(f(x + step))
    return x + step, new, float(np.abs(step).max(initial=0))


# ----- minima by the Hessian
def newton_minimize(f: Function, x0: Any, gtol: float = 1e-8, maxiter: int = 50, safeguard: bool = False) -> Result:
    """A stationary point of `f` by ``x - H⁻¹ g`` with the exact Hessian, and what kind of point it is.

    Newton's method looks for a zero of the gradient, and finds saddle points and maxima too: `success` says whether
    the Hessian there is positive definite, `kind` and `eigenvalues` say more. With `safeguard` each step goes downhill
    (eigenvalues by their size, steps cut until the value falls, saddle points left along negative curvature), so that
    only minima are found. Costs n Hessian-vector products and O(n³) for the linear system each step.

    >>> import numpy as np, wengert as wg
    >>> found = wg.optim.newton_minimize(lambda x: x[0] ** 2 - x[1] ** 2, np.array([1.0, -2.0]))
    >>> found.x, found.success, found.kind
    (array([0., 0.]), False, 'saddle point')
    """
    x = start_of(x0, "newton_minimize")
    gradient, curvature = grad(f), hessian(f)
    path = [x]
    for nit in range(maxiter + 1):
        g, h = _array(gradient(x)), _array(curvature(x)).reshape(x.size, x.size)
        finite = bool(np.isfinite(g).all() and np.isfinite(h).all())
        values, vectors = np.linalg.eigh(h) if finite else (np.full(x.size, np.nan), h)
        kind = _kind(values)
        flat = bool(np.abs(g).max(initial=0) <= gtol)
        if not finite or nit == maxiter or (flat and not (safeguard and kind in ("saddle point", "maximum"))):
            break
        if safeguard:
            step = _downhill(f, x, g, values, vectors, flat)
        else:
            step = solution(h, -g.ravel())
        if step is None:
            break
        x = x + step.reshape(x.shape)
        path.append(x)
    message = f"converged to a {kind}" if flat else "diverged"
    if finite and not flat:
        why = "" if nit == maxiter or safeguard else ", where the Hessian is singular"
        message = f"no stationary point found in {nit} iterations{why}; the gradient is {np.abs(g).max():.3g}"
    return Result(x, _array(f(x))[()], g, flat and kind == "minimum", message, nit, path, kind, values,
                  h.reshape(x.shape * 2))  # fmt: skip


def _kind(eigenvalues: Any) -> str:
    """What a stationary point is, by the eigenvalues of the Hessian there."""
    bound = FLAT * np.abs(eigenvalues).max(initial=0)
    positive, negative = (eigenvalues > bound).sum(), (eigenvalues < -bound).sum()
    if positive and negative:
        return "saddle point"
    if positive == len(eigenvalues):
        return "minimum"
    return "maximum" if negative and negative == len(eigenvalues) else "degenerate point"


def _downhill(f: Function, x: Any, g: Any, values: Any, vectors: Any, flat: bool) -> Any:
    """Newton's step with the eigenvalues' sizes, or away from a saddle point; cut until the value falls."""
    least = max(FLAT * float(np.abs(values).max()), np.finfo(x.dtype).tiny)
    direction = -vectors @ ((vectors.T @ g.ravel()) / np.maximum(np.abs(values), least))
    if flat:
        direction = vectors[:, 0] * max(1.0, float(np.linalg.norm(x)))
    t = backtrack(f, x, direction.reshape(x.shape), min(float(g.ravel() @ direction), 0.0))
    return None if t is None else t * direction


def backtrack(f: Function, x: Any, direction: Any, slope: float) -> float | None:
    """The first of 1, 1/2, 1/4, … for which `f` falls enough along `direction`; None where there is none."""
    start, t = float(_array(f(x))), 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(60):
            value = float(_array(f(x + t * direction)))
            # Within rounding of the start a step that does not rise is good enough.
            if value < start + DECREASE * t * slope or (slope and value <= start and -slope < 1e-12 * abs(start)):
                return t
            t /= 2
    return None


# ----- minima by Hessian-vector products
def newton_cg(f: Function, x0: Any, gtol: float = 1e-8, maxiter: int = 200) -> Result:
    """A minimum of `f` for large n: Newton's direction by conjugate gradients, without ever forming the Hessian.

    Each Hessian-vector product costs a small multiple of one gradient and O(n) memory. The inner iteration ends early
    far from the solution, and where it meets negative curvature; steps are cut until the value falls.

    >>> import numpy as np, wengert as wg
    >>> bowl = lambda x: np.sum(np.arange(1.0, 1001.0) * (x - 1.0) ** 2)
    >>> found = wg.optim.newton_cg(bowl, np.zeros(1000))
    >>> found.success, bool(np.allclose(found.x, 1.0))
    (True, True)
    """
    x = start_of(x0, "newton_cg")
    gradient, path = grad(f), [x]
    message = f"no minimum found in {maxiter} iterations"
    for nit in range(maxiter + 1):
        g, product = linearize(gradient, x)
        g = _array(g)
        if np.abs(g).max(initial=0) <= gtol:
            message = "converged"
            break
        if nit == maxiter:
            break
        d = _conjugate_gradients(product, g)
        t = backtrack(f, x, d, float(np.vdot(g, d)))
        if t is None:
            message = f"no step lowers the value; the gradient is {np.abs(g).max():.3g}"
            break
        x = x + t * d
        path.append(x)
    return Result(x, _array(f(x))[()], g, message == "converged", message, nit, path)


def _conjugate_gradients(product: Function, g: Any) -> Any:
    """About ``-H⁻¹ g``: up to a residual that shrinks with the gradient, or the first negative curvature."""
    size = float(np.linalg.norm(g))
    tolerance = min(0.5, size**0.5) * size
    z, r, d = np.zeros_like(g), g, -g
    for number in range(max(2 * g.size, 10)):
        image = _array(product(d))
        curvature = float(np.vdot(d, image))
        if curvature <= 0:
            return -g if number == 0 else z
        square = float(np.vdot(r, r))
        z, r = z + (square / curvature) * d, r + (square / curvature) * image
        following = float(np.vdot(r, r))
        if following**0.5 <= tolerance:
            break
        d = -r + (following / square) * d
    return z


__all__ = ["Result", "newton_cg", "newton_minimize", "newton_root"]
