"""Gamma, beta, zeta and Bessel functions, under the names of `scipy.special`.

Bessel functions and polygamma take their order as a plain number: it is part of the line, not an operand. The
incomplete functions and zeta have a derivative by their last argument; asking for one by a parameter raises.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.errors import ArgumentError, MissingRuleError
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops.elementwise import Elementwise, elementwise, example
from wengert.ops.exponential import exp
from wengert.ops.family import Family
from wengert.ops.rounding import sign
from wengert.ops.special import from_math, value_of, xlog1py, xlogy
from wengert.ops.structure import Samples, arrayed


def _order(name: str, n: Any) -> int:
    try:
        return operator.index(n)
    except TypeError:
        raise ArgumentError(f"{name}: got the order {n!r}; needs a whole number") from None


# ----- gamma --------------------------------------------------------------------------------------------
_zeta_values = value_of("zeta")
_psi_values = value_of("psi")


def _polygamma(x: Any, n: int) -> Any:
    """d^n/dx^n of psi, which is (-1)^(n+1) n! zeta(n+1, x)."""
    return _psi_values(x) if n == 0 else (-1) ** (n + 1) * float(math.factorial(n)) * _zeta_values(n + 1, x)


POLYGAMMA: Family = Family("polygamma", _polygamma, lambda _y, x, n: POLYGAMMA(x, n + 1), (0, 1, 2))


def polygamma(n: Any, x: Any, /) -> Any:
    """The n-th derivative of `digamma`, for whole n >= 0.

    >>> import wengert as wg, numpy as np
    >>> wg.polygamma(1, np.array([1.0, 2.0]))
    array([1.64493407, 0.64493407])
    """
    order = _order("polygamma", n)
    if order < 0:
        raise ArgumentError(f"polygamma: got the order {order}; needs 0 or more")
    return POLYGAMMA(arrayed(x), order)


def digamma(x: Any, /) -> Any:
    """The derivative of ``log(gamma(x))``; also called `psi`.

    >>> import wengert as wg, numpy as np
    >>> wg.digamma(np.array([1.0, 2.0]))
    array([-0.57721566,  0.42278434])
    """
    return POLYGAMMA(arrayed(x), 0)


psi = digamma
gammaln = elementwise(
    "gammaln",
    value_of("gammaln", from_math(math.lgamma)),
    lambda _y, x: digamma(x),
    low=0.5,
    high=3.0,
    singular=True,
    complex_domain=False,
    doc="Logarithm of ``|gamma(x)|``." + example("gammaln", "np.array([1.0, 4.0])", "array([0.        , 1.79175947])"),
)
gamma = elementwise(
    "gamma",
    value_of("gamma", from_math(math.gamma)),
    lambda y, x: y * digamma(x),
    low=0.5,
    high=3.0,
    singular=True,
    complex_domain=False,
    doc="Gamma function, ``gamma(n+1) = n!``." + example("gamma", "np.array([1.0, 5.0])", "array([ 1., 24.])"),
)
gammasgn = elementwise(
    "gammasgn",
    value_of("gammasgn"),
    None,
    low=0.5,
    high=3.0,
    complex_domain=False,
    doc="Sign of the gamma function; the derivative is 0 everywhere."
    + example("gammasgn", "np.array([-0.5, 1.0])", "array([-1.,  1.])"),
)
rgamma = elementwise(
    "rgamma",
    value_of("rgamma"),
    lambda y, x: -y * digamma(x),
    low=0.5,
    high=3.0,
    singular=True,
    complex_domain=False,
    doc="Reciprocal of the gamma function; its derivative is not there at the poles of `digamma`."
    + example("rgamma", "np.array([1.0, 3.0])", "array([1. , 0.5])"),
)
betaln = elementwise(
    "betaln",
    value_of("betaln"),
    lambda _y, a, b: digamma(a) - digamma(a + b),
    lambda _y, a, b: digamma(b) - digamma(a + b),
    low=0.5,
    high=3.0,
    singular=True,
    complex_domain=False,
    doc="Logarithm of ``|beta(x1, x2)|``."
    + example("betaln", "1.0, np.array([1.0, 2.0])", "array([ 0.        , -0.69314718])"),
)
beta = elementwise(
    "beta",
    value_of("beta"),
    lambda y, a, b: y * (digamma(a) - digamma(a + b)),
    lambda y, a, b: y * (digamma(b) - digamma(a + b)),
    low=0.5,
    high=3.0,
    singular=True,
    complex_domain=False,
    doc="Beta function ``gamma(x1) gamma(x2) / gamma(x1 + x2)``."
    + example("beta", "1.0, np.array([1.0, 2.0])", "array([1. , 0.5])"),
)


# ----- with parameters ------------------------------------------------------------------------------------
class Parametric(Primitive):
    """A function of parameters and a last argument, by which alone it can be differentiated."""

    complex_domain = False

    def __init__(
        self, name: str, slope: Callable[..., Any], parameters: Sequence[float], last: tuple[float, float]
    ) -> None:
        self.name, self.slope = name, slope
        self.value, self.parameters, self.last = value_of(name), tuple(parameters), last
        super().__init__()

    def impl(self, *xs: Any) -> Any:
        return self.value(*xs)

    def aval(self, *xs: Any) -> Aval:
        ones = [type(x)(1) if type(x) in SCALAR_TYPES else np.ones((), x.dtype)[()] for x in xs]
        shape = shapes.broadcast(self.name, *(() if type(x) in SCALAR_TYPES else x.shape for x in xs))
        return Aval(shape, self.value(*ones).dtype)

    def vjp(self, g: Any, _y: Any, *xs: Any) -> tuple[Any, ...]:
        return (self._refuse,) * (len(xs) - 1) + (lambda: g * self.slope(*xs),)

    def jvp(self, ts: Sequence[Any], _y: Any, *xs: Any) -> Any:
        if any(t is not None for t in ts[:-1]):
            self._refuse()
        return ts[-1] * self.slope(*xs)

    def _refuse(self) -> Any:
        raise MissingRuleError(
            f"{self.name}: the derivative by a parameter is not known here, only that by the last argument",
            hint="wg.stop_gradient(parameter) takes it as a constant",
        )

    batch = Elementwise.batch

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [*self.parameters, rng.uniform(*self.last, (2, 3))], {}
        yield [*self.parameters, rng.uniform(*self.last, ())], {}


_ZETA = Parametric("zeta", lambda x, q: -x * zeta(x + 1, q), (2.5,), (0.5, 3.0))
_GAMMAINC = Parametric("gammainc", lambda a, x: exp(xlogy(a - 1, x) - x - gammaln(a)), (1.5,), (0.5, 3.0))
_GAMMAINCC = Parametric("gammaincc", lambda a, x: -exp(xlogy(a - 1, x) - x - gammaln(a)), (1.5,), (0.5, 3.0))
_BETAINC = Parametric(
    "betainc",
    lambda a, b, x: exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b)),
    (1.5, 2.5),
    (0.2, 0.8),
)


def zeta(x: Any, q: Any = 1.0, /) -> Any:
    """Hurwitz's zeta function, the sum of ``(k + q)**-x`` over k = 0, 1, …; with q = 1 Riemann's.

    Only the derivative by ``q`` is known; asking for one by ``x`` raises `MissingRuleError`.

    >>> import wengert as wg
    >>> wg.zeta(2.0)
    np.float64(1.6449340668482266)
    """
    return bind(_ZETA, (x, q))


def gammainc(a: Any, x: Any, /) -> Any:
    """Regularised lower incomplete gamma function ``P(a, x)``; differentiable by ``x``.

    >>> import wengert as wg, numpy as np
    >>> wg.gammainc(1.0, np.array([0.0, 1.0]))
    array([0.        , 0.63212056])
    """
    return bind(_GAMMAINC, (a, x))


def gammaincc(a: Any, x: Any, /) -> Any:
    """Regularised upper incomplete gamma function ``Q(a, x) = 1 - P(a, x)``; differentiable by ``x``.

    >>> import wengert as wg, numpy as np
    >>> wg.gammaincc(1.0, np.array([0.0, 1.0]))
    array([1.        , 0.36787944])
    """
    return bind(_GAMMAINCC, (a, x))


def betainc(a: Any, b: Any, x: Any, /) -> Any:
    """Regularised incomplete beta function ``I_x(a, b)``; differentiable by ``x``.

    >>> import wengert as wg, numpy as np
    >>> wg.betainc(2.0, 2.0, np.array([0.0, 0.5]))
    array([0. , 0.5])
    """
    return bind(_BETAINC, (a, b, x))


# ----- Bessel ---------------------------------------------------------------------------------------------
def _values(general: str, low: Sequence[str]) -> Callable[[Any, int], Any]:
    """SciPy's functions of order 0 and 1 where there are such, faster and more accurate, else the general one."""
    special = [value_of(name, np.i0 if name == "i0" else None) for name in low]
    any_order = value_of(general)
    return lambda x, n: special[n](x) if 0 <= n < len(special) else any_order(n, x)


# The derivatives are half the difference (J, Y) or half the sum (I, -K) of the neighbours.
JV: Family = Family("jv", _values("jv", ("j0", "j1")), lambda _y, x, n: (JV(x, n - 1) - JV(x, n + 1)) * 0.5, (0, 1, 3))
YV: Family = Family("yv", _values("yv", ("y0", "y1")), lambda _y, x, n: (YV(x, n - 1) - YV(x, n + 1)) * 0.5, (0, 1))
IV: Family = Family(
    "iv", _values("iv", ("i0", "i1")), lambda _y, x, n: (IV(x, abs(n - 1)) + IV(x, n + 1)) * 0.5, (0, 1, 2)
)
KV: Family = Family(
    "kv", _values("kv", ("k0", "k1")), lambda _y, x, n: (KV(x, abs(n - 1)) + KV(x, n + 1)) * -0.5, (0, 1)
)
IVE: Family = Family(
    "ive",
    _values("ive", ("i0e", "i1e")),
    lambda y, x, n: (IVE(x, abs(n - 1)) + IVE(x, n + 1)) * 0.5 - sign(x) * y,
    (0, 1),
)


def _bessel(family: Family, words: str, result: str) -> Callable[[Any, Any], Any]:
    """The public function of whole order n."""

    def function(v: Any, z: Any, /) -> Any:
        n = _order(family.name, v)
        return family(arrayed(z), abs(n) if family.name[0] in "ik" else n)  # I and K are even in whole orders

    function.__name__ = function.__qualname__ = family.name
    function.__doc__ = f"Bessel function {words} of whole order v." + example(
        family.name, "1, np.array([0.5, 1.0])", result
    )
    return function


def _member(name: str, family: Family, n: int, words: str, result: str) -> Callable[[Any], Any]:
    """The function of order 0 or 1 under its own name."""

    def function(x: Any, /) -> Any:
        return family(arrayed(x), n)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Bessel function {words}, order {n}." + example(name, "np.array([0.5, 1.0])", result)
    return function


_FIRST, _SECOND = "of the first kind, J", "of the second kind, Y"
_MODIFIED, _MODIFIED_SECOND = "modified, of the first kind, I", "modified, of the second kind, K"
_SCALED = "modified, ``exp(-|x|) I(x)``"
jv = _bessel(JV, _FIRST, "array([0.24226846, 0.44005059])")
yv = _bessel(YV, _SECOND, "array([-1.47147239, -0.78121282])")
yn = yv  # SciPy's name for whole orders
iv = _bessel(IV, _MODIFIED, "array([0.25789431, 0.5651591 ])")
kv = _bessel(KV, _MODIFIED_SECOND, "array([1.65644112, 0.60190723])")
ive = _bessel(IVE, _SCALED, "array([0.1564208 , 0.20791042])")
j0 = _member("j0", JV, 0, _FIRST, "array([0.93846981, 0.76519769])")
j1 = _member("j1", JV, 1, _FIRST, "array([0.24226846, 0.44005059])")
y0 = _member("y0", YV, 0, _SECOND, "array([-0.44451873,  0.08825696])")
y1 = _member("y1", YV, 1, _SECOND, "array([-1.47147239, -0.78121282])")
i0 = _member("i0", IV, 0, _MODIFIED, "array([1.06348337, 1.26606588])")
i1 = _member("i1", IV, 1, _MODIFIED, "array([0.25789431, 0.5651591 ])")
k0 = _member("k0", KV, 0, _MODIFIED_SECOND, "array([0.92441907, 0.42102444])")
k1 = _member("k1", KV, 1, _MODIFIED_SECOND, "array([1.65644112, 0.60190723])")
i0e = _member("i0e", IVE, 0, _SCALED, "array([0.64503527, 0.46575961])")
i1e = _member("i1e", IVE, 1, _SCALED, "array([0.1564208 , 0.20791042])")

__all__ = [
    "beta", "betainc", "betaln", "digamma", "gamma", "gammainc", "gammaincc", "gammaln", "gammasgn", "i0", "i0e", "i1",
    "i1e", "iv", "ive", "j0", "j1", "jv", "k0", "k1", "kv", "polygamma", "psi", "rgamma", "y0", "y1", "yn", "yv",
    "zeta",
]  # fmt: skip
