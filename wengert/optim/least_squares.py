"""Nonlinear least squares: Gauss-Newton and Levenberg-Marquardt, with the exact Jacobian."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, NonFiniteError
from wengert.core.record import concrete
from wengert.optim.newton import Function, Result, start_of
from wengert.transforms.derived import jacobian

METHODS = ("lm", "gauss-newton")


def least_squares(
    fun: Function,
    x0: Any,
    method: str = "lm",
    ftol: float = 1e-8,
    xtol: float = 1e-8,
    gtol: float = 1e-8,
    maxiter: int = 100,
) -> Result:
    """The `x` with the least ``cost = Σ fun(x)² / 2`` near `x0`, for a vector of residuals (SciPy's name and tests).

    ``"gauss-newton"`` takes the step that solves the linearised problem; ``"lm"`` (Levenberg-Marquardt) damps it by
    ``λ diag(JᵀJ)``, with λ smaller after a step that lowers the cost and larger after one that does not, so that it
    converges from further away. Stops where the cost falls by less than `ftol` of itself, the step is less than `xtol`
    of x, or the greatest entry of the gradient ``Jᵀ r`` is less than `gtol`.
    The result's `fun` holds the residuals and `jac` their Jacobian.

    >>> import numpy as np, wengert as wg
    >>> t = np.linspace(0, 1, 9)
    >>> y = 2 * np.exp(-3 * t)
    >>> found = wg.optim.least_squares(lambda p: p[0] * np.exp(-p[1] * t) - y, np.array([1.0, 1.0]))
    >>> found.success, found.x.round(6).tolist()
    (True, [2.0, 3.0])
    """
    if method not in METHODS:
        raise ArgumentError(f"least_squares: got method={method!r}; needs one of {', '.join(METHODS)}")
    x = start_of(x0, "least_squares")
    r = np.asarray(concrete(fun(x)))
    if not np.isfinite(r).all():
        raise NonFiniteError("least_squares: the residuals at the start are not finite")
    damping = 1e-3 if method == "lm" else 0.0
    path, message, success, nit = [x], f"not converged in {maxiter} iterations", False, 0
    while True:
        matrix = np.asarray(concrete(jacobian(fun)(x))).reshape(r.size, x.size)
        g = matrix.T @ r.ravel()
        if np.abs(g).max(initial=0) < gtol:
            message, success = "converged: the gradient is small (gtol)", True
        if success or nit == maxiter:
            break
        nit += 1
        found = _step(fun, x, r, (matrix, g), damping)
        if found is None:
            message = "no step lowers the cost"
            break
        step, new, damping = found
        message, success = _verdict(r, new, step, x, (ftol, xtol)) or (message, False)
        x, r = x + step, new
        path.append(x)
        if not np.isfinite(r).all():
            message, success = "diverged", False
            break
    return Result(x, r, matrix.reshape(r.shape + x.shape), success, message, nit, path)


def _verdict(r: Any, new: Any, step: Any, x: Any, tolerances: tuple[float, float]) -> tuple[str, bool] | None:
    """Whether the last step says that nothing is left to gain."""
    before, after = float(np.vdot(r, r)), float(np.vdot(new, new))
    if abs(before - after) <= tolerances[0] * before:
        return "converged: the cost falls no more (ftol)", True
    if np.linalg.norm(step) <= tolerances[1] * (tolerances[1] + np.linalg.norm(x)):
        return "converged: the step is small (xtol)", True
    return None


def _step(fun: Function, x: Any, r: Any, slope: tuple[Any, Any], damping: float) -> tuple[Any, Any, float] | None:
    """The next step, the residuals after it, and the damping to go on with."""
    matrix, _ = slope
    scale = np.sqrt(np.maximum((matrix * matrix).sum(axis=0), np.finfo(x.dtype).tiny))
    for _ in range(60):
        # The normal equations' square of the condition number is avoided: least squares of [J; sqrt(λ) D].
        rows = np.vstack([matrix, damping**0.5 * np.diag(scale)]) if damping else matrix
        right = np.concatenate([-r.ravel(), np.zeros(x.size, r.dtype)]) if damping else -r.ravel()
        step = np.linalg.lstsq(rows, right, rcond=None)[0].reshape(x.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            new = np.asarray(concrete(fun(x + step)))
            falls = bool(np.vdot(new, new) <= np.vdot(r, r))
        if not damping or falls:
            return step, new, max(damping / 10, 1e-15) if damping else 0.0
        damping *= 10
    return None


__all__ = ["least_squares"]
