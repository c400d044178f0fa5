"""Special functions under the names of `scipy.special`: error functions, normal distribution, entropies.

Values come from SciPy, which is loaded at the first call. Without it `erf`, `erfc`, `gamma` and `gammaln` come from
Python's `math`, the purely elementary ones (expit, logit, xlogy …) from NumPy; the others raise an error that says
what to install. The gamma and Bessel functions are in `special_gamma`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from wengert.base.errors import MissingDependencyError
from wengert.ops.arithmetic import log_guarded
from wengert.ops.comparison import equal, greater, less_equal, logical_and
from wengert.ops.elementwise import elementwise, example, multiply_no_nan
from wengert.ops.exponential import exp, expit, log1p
from wengert.ops.rounding import clip, where

_SQRT_PI = math.sqrt(math.pi)
_SQRT_2PI = math.sqrt(2 * math.pi)


# ----- values -------------------------------------------------------------------------------------------
@cache
def _scipy() -> Any:
    """`scipy.special`, or None where it is not installed."""
    try:
        import scipy.special  # type: ignore[import-untyped]
    except ImportError:
        return None
    return scipy.special


def value_of(name: str, fallback: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """SciPy's function `name`, found at the first call; `fallback` computes without SciPy."""

    def value(*xs: Any) -> Any:
        library = _scipy()
        if library is not None:
            return getattr(library, name)(*xs)
        if fallback is not None:
            return fallback(*xs)
        raise MissingDependencyError(
            f"{name}: the values of this function come from SciPy, which is not installed",
            hint='pip install "wengert[scipy]"',
        )

    return value


def from_math(function: Callable[[float], float]) -> Callable[[Any], Any]:
    """A function of Python's `math` on arrays, in the floating dtype of its argument."""

    def one(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return math.inf
        except ValueError:  # at a pole
            return math.inf if x == 0 else math.nan

    loop = np.vectorize(one, otypes=[np.float64])

    def value(x: Any) -> Any:
        x = np.asarray(x)
        with np.errstate(all="ignore"):  # the machine's flags, which `math` leaves set
            return loop(x).astype(x.dtype if x.dtype.kind == "f" else np.float64)

    return value


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Without NumPy's warnings, as SciPy's functions are."""

    def value(*xs: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*xs)

    return value


# ----- error functions ------------------------------------------------------------------------------------
erf = elementwise(
    "erf",
    value_of("erf", from_math(math.erf)),
    lambda _y, x: (2 / _SQRT_PI) * exp(-x * x),
    doc="Error function ``2/sqrt(π) ∫_0^x exp(-t²) dt``."
    + example("erf", "np.array([0.0, 0.5])", "array([0.        , 0.52049988])"),
)
erfc = elementwise(
    "erfc",
    value_of("erfc", from_math(math.erfc)),
    lambda _y, x: (-2 / _SQRT_PI) * exp(-x * x),
    doc="``1 - erf(x)``, accurate for large x."
    + example("erfc", "np.array([0.0, 10.0])", "array([1.00000000e+00, 2.08848758e-45])"),
)
erfinv = elementwise(
    "erfinv",
    value_of("erfinv"),
    lambda y, _x: (_SQRT_PI / 2) * exp(y * y),
    low=-0.8,
    high=0.8,
    singular=True,
    complex_domain=False,
    doc="The inverse of `erf`, on [-1, 1]."
    + example("erfinv", "np.array([0.0, 0.5])", "array([0.        , 0.47693628])"),
)
erfcinv = elementwise(
    "erfcinv",
    value_of("erfcinv"),
    lambda y, _x: (-_SQRT_PI / 2) * exp(y * y),
    low=0.2,
    high=1.8,
    singular=True,
    complex_domain=False,
    doc="The inverse of `erfc`, on [0, 2]." + example("erfcinv", "np.array([0.5])", "array([0.47693628])"),
)

_SERIES = [math.prod(range(1, 2 * k + 2, 2)) / (-2.0) ** k for k in range(7)]


def _erfcx_slope(y: Any, x: Any) -> Any:
    """``2 x y - 2/sqrt(π)``; from 30 on, where that is all cancellation, its asymptotic series."""
    far = greater(x, 30)
    inverse = 1 / where(far, x * x, 1)
    series: Any = 0.0
    for coefficient in reversed(_SERIES):
        series = series * inverse + coefficient
    return where(far, series * inverse * (-1 / _SQRT_PI), 2 * (x * y - 1 / _SQRT_PI))


erfcx = elementwise(
    "erfcx",
    value_of("erfcx"),
    _erfcx_slope,
    singular=True,
    complex_domain=False,
    doc="Scaled complementary error function ``exp(x²) erfc(x)``."
    + example("erfcx", "np.array([0.0, 1e3])", "array([1.00000000e+00, 5.64189301e-04])"),
)


# ----- the normal distribution ----------------------------------------------------------------------------
def _log_ndtr_slope(y: Any, x: Any) -> Any:
    """Density over distribution function; on the left by `erfcx`, so that nothing cancels or overflows."""
    right = greater(x, 0)
    left = math.sqrt(2 / math.pi) / erfcx(where(right, 0, x) * -math.sqrt(0.5))
    return where(right, exp(-0.5 * x * x - y) * (1 / _SQRT_2PI), left)


ndtr = elementwise(
    "ndtr",
    value_of("ndtr", lambda x: 0.5 * from_math(math.erfc)(np.multiply(x, -math.sqrt(0.5)))),
    lambda _y, x: (1 / _SQRT_2PI) * exp(-0.5 * x * x),
    complex_domain=False,
    doc="Distribution function of the standard normal."
    + example("ndtr", "np.array([0.0, 1.0])", "array([0.5       , 0.84134475])"),
)
log_ndtr = elementwise(
    "log_ndtr",
    value_of("log_ndtr"),
    _log_ndtr_slope,
    singular=True,
    complex_domain=False,
    doc="Logarithm of `ndtr`, accurate far on the left."
    + example("log_ndtr", "np.array([0.0, -50.0])", "array([-6.93147181e-01, -1.25483136e+03])"),
)
ndtri = elementwise(
    "ndtri",
    value_of("ndtri"),
    lambda y, _x: _SQRT_2PI * exp(0.5 * y * y),
    low=0.1,
    high=0.9,
    singular=True,
    complex_domain=False,
    doc="Quantiles of the standard normal, the inverse of `ndtr`."
    + example("ndtri", "np.array([0.5, 0.975])", "array([0.        , 1.95996398])"),
)


# ----- logistic -----------------------------------------------------------------------------------------
def _logit(x: Any) -> Any:
    x = np.asarray(x) if np.asarray(x).dtype.kind == "f" else np.asarray(x, np.float64)
    middle = np.abs(x - 0.5) < 0.25
    near = 2 * np.arctanh(np.where(middle, 2 * x - 1, 0))  # log x - log(1-x) would cancel around 1/2
    return np.where(middle, near, np.log(x) - np.log1p(-x))


_logit_of = elementwise(
    "logit",
    _quiet(_logit),
    lambda _y, x: 1 / (x * (1 - x)),
    low=0.1,
    high=0.9,
    singular=True,
    complex_domain=False,
)


def logit(x: Any, /, eps: float | None = None) -> Any:
    """``log(x / (1 - x))``, the inverse of `expit`; with `eps` (PyTorch) x is first clipped to [eps, 1 - eps].

    >>> import wengert as wg, numpy as np
    >>> wg.logit(np.array([0.5, 0.75]))
    array([0.        , 1.09861229])
    """
    return _logit_of(x if eps is None else clip(x, eps, 1 - eps))


log_expit = elementwise(
    "log_expit",
    lambda x: -np.logaddexp(0, np.negative(x)),
    lambda _y, x: expit(-x),
    complex_domain=False,
    doc="Logarithm of `expit` without overflow."
    + example("log_expit", "np.array([0.0, -1e3])", "array([-6.93147181e-01, -1.00000000e+03])"),
)


# ----- entropies ------------------------------------------------------------------------------------------
def _x_times(logarithm: Any) -> Callable[[Any, Any], Any]:
    def value(x: Any, y: Any) -> Any:
        return np.where(np.equal(x, 0) & ~np.isnan(y), 0, np.multiply(x, logarithm(y)))

    return _quiet(value)


xlogy = elementwise(
    "xlogy",
    _x_times(np.log),
    lambda _y, a, b: where(logical_and(equal(a, 0), less_equal(b, 0)), 0, log_guarded(b)),
    lambda _y, a, b: multiply_no_nan(1 / b, a),
    low=(-2.0, 0.5),
    singular=True,
    complex_domain=False,
    doc="""``x1 log(x2)``, which is 0 where ``x1`` is 0; so are its derivatives at (0, 0).

    >>> import wengert as wg, numpy as np
    >>> wg.xlogy(np.array([0.0, 2.0]), np.array([0.0, 1.0]))
    array([0., 0.])
    """,
)
xlog1py = elementwise(
    "xlog1py",
    _x_times(np.log1p),
    lambda _y, a, b: where(logical_and(equal(a, 0), less_equal(b, -1)), 0, log1p(b)),
    lambda _y, a, b: multiply_no_nan(1 / (1 + b), a),
    low=(-2.0, -0.5),
    singular=True,
    complex_domain=False,
    doc="""``x1 log(1 + x2)``, which is 0 where ``x1`` is 0.

    >>> import wengert as wg, numpy as np
    >>> wg.xlog1py(np.array([0.0, 2.0]), np.array([-1.0, 0.0]))
    array([0., 0.])
    """,
)


def _entr(x: Any) -> Any:
    product = np.negative(np.multiply(x, np.log(x)))
    return np.where(np.equal(x, 0), 0, np.where(np.less(x, 0), -np.inf, product)).astype(product.dtype)


entr = elementwise(
    "entr",
    _quiet(_entr),
    lambda _y, x: -1 - log_guarded(x),
    low=0.5,
    singular=True,
    complex_domain=False,
    doc="Entropy ``-x log(x)``: 0 at 0, -inf for negative x."
    + example("entr", "np.array([0.0, 1.0, np.e])", "array([ 0.        , -0.        , -2.71828183])"),
)
rel_entr = elementwise(
    "rel_entr",
    value_of("rel_entr"),
    lambda _y, a, b: 1 + log_guarded(a / b),
    lambda _y, a, b: -a / b,
    low=(0.5, 0.5),
    singular=True,
    complex_domain=False,
    doc="Relative entropy ``x1 log(x1 / x2)``: 0 where x1 is 0."
    + example("rel_entr", "np.array([0.0, 1.0]), np.array([0.5, 0.5])", "array([0.        , 0.69314718])"),
)

__all__ = [
    "entr", "erf", "erfc", "erfcinv", "erfcx", "erfinv", "log_expit", "log_ndtr", "logit", "ndtr", "ndtri", "rel_entr",
    "xlog1py", "xlogy",
]  # fmt: skip
