"""SciPy's functions that are no ufuncs, in terms of ours.

NumPy's protocols never hand such a function to a tensor, so a user writes them with Wengert's own functions, as here.
What is not here the adapter takes from SciPy itself, which refuses recorded tensors with a hint.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

import wengert as wg

LOG_2PI = np.log(2 * np.pi)


# ----- continuous distributions -----------------------------------------------------------------------
def norm_logpdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    z = (x - loc) / scale
    return -0.5 * (z * z + LOG_2PI) - np.log(scale)


def t_logpdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    z = (x - loc) / scale
    half = (df + 1) / 2
    constant = wg.gammaln(half) - wg.gammaln(df / 2) - 0.5 * np.log(np.pi * df) - np.log(scale)
    return constant - half * np.log1p(z * z / df)


def t_cdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    z = (x - loc) / scale
    tail = 0.5 * wg.betainc(df / 2, 0.5, df / (df + z * z))
    return wg.where(z < 0, tail, 1 - tail)


def gamma_logpdf(x: Any, a: Any) -> Any:
    return wg.xlogy(a - 1, x) - x - wg.gammaln(a)


def beta_logpdf(x: Any, a: Any, b: Any) -> Any:
    return wg.xlogy(a - 1, x) + wg.xlog1py(b - 1, -x) - wg.betaln(a, b)


def chi2_logpdf(x: Any, df: Any) -> Any:
    return gamma_logpdf(x / 2, df / 2) - np.log(2.0)


def dirichlet_logpdf(x: Any, alpha: Any) -> Any:
    return wg.gammaln(np.sum(alpha)) - np.sum(wg.gammaln(alpha)) + np.sum(wg.xlogy(alpha - 1, x))


def mvn_logpdf(x: Any, mean: Any, cov: Any, allow_singular: bool = False) -> Any:
    difference = x - mean
    if allow_singular:  # the known covariance spans fewer dimensions
        sizes = np.linalg.eigvalsh(cov)
        sizes = sizes[sizes > 1e-10]
        whitened = np.linalg.pinv(cov) @ difference
        return -0.5 * (len(sizes) * LOG_2PI + np.sum(np.log(sizes)) + np.sum(difference * whitened, axis=-1))
    whitened = np.swapaxes(np.linalg.solve(cov, np.swapaxes(np.atleast_2d(difference), -1, -2)), -1, -2)
    quadratic = np.sum(difference * np.reshape(whitened, difference.shape), axis=-1)
    return -0.5 * (cov.shape[-1] * LOG_2PI + np.linalg.slogdet(cov)[1] + quadratic)


def mvn_entropy(mean: Any, cov: Any) -> Any:
    return 0.5 * (cov.shape[-1] * (1 + LOG_2PI) + np.linalg.slogdet(cov)[1])


# ----- discrete distributions --------------------------------------------------------------------------
def poisson_logpmf(k: Any, mu: Any) -> Any:
    return wg.xlogy(k, mu) - wg.gammaln(k + 1) - mu


# ----- special functions -------------------------------------------------------------------------------
def multigammaln(a: Any, d: int) -> Any:
    return d * (d - 1) / 4 * np.log(np.pi) + sum(wg.gammaln(a - k / 2) for k in range(d))


def _density(logarithm: Any, **others: Any) -> SimpleNamespace:
    return SimpleNamespace(logpdf=logarithm, pdf=lambda *a, **k: np.exp(logarithm(*a, **k)), **others)


OURS: dict[str, Any] = {
    "scipy.special": SimpleNamespace(logsumexp=wg.logsumexp, polygamma=wg.polygamma, multigammaln=multigammaln),
    "scipy.linalg": SimpleNamespace(solve_triangular=wg.linalg.solve_triangular),
    "scipy.signal": SimpleNamespace(convolve=wg.convolve),
    "scipy.stats.norm": _density(
        norm_logpdf,
        cdf=lambda x, loc=0.0, scale=1.0: wg.ndtr((x - loc) / scale),
        sf=lambda x, loc=0.0, scale=1.0: wg.ndtr((loc - x) / scale),
        logcdf=lambda x, loc=0.0, scale=1.0: wg.log_ndtr((x - loc) / scale),
        logsf=lambda x, loc=0.0, scale=1.0: wg.log_ndtr((loc - x) / scale),
    ),
    "scipy.stats.t": _density(t_logpdf, cdf=t_cdf, logcdf=lambda *a, **k: np.log(t_cdf(*a, **k))),
    "scipy.stats.gamma": _density(gamma_logpdf, cdf=lambda x, a: wg.gammainc(a, x)),
    "scipy.stats.beta": _density(beta_logpdf, cdf=lambda x, a, b: wg.betainc(a, b, x)),
    "scipy.stats.chi2": _density(chi2_logpdf, cdf=lambda x, df: wg.gammainc(df / 2, x / 2)),
    "scipy.stats.dirichlet": _density(dirichlet_logpdf),
    "scipy.stats.multivariate_normal": _density(mvn_logpdf, entropy=mvn_entropy),
    "scipy.stats.poisson": SimpleNamespace(
        logpmf=poisson_logpmf,
        pmf=lambda k, mu: np.exp(poisson_logpmf(k, mu)),
        cdf=lambda k, mu: wg.gammaincc(np.floor(k) + 1, mu),
    ),
}
