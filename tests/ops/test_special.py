"""Special functions: values as SciPy's, slopes in their tails, and what remains without SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special

import wengert as wg
from wengert.ops import special
from wengert.testing.battery import check_primitive

PRIMITIVES = [
    "beta", "betainc", "betaln", "entr", "erf", "erfc", "erfcinv", "erfcx", "erfinv", "gamma", "gammainc", "gammaincc",
    "gammaln", "iv", "ive", "jv", "kv", "log_expit", "log_ndtr", "logit", "ndtr", "ndtri", "polygamma", "rel_entr",
    "xlog1py", "xlogy", "yv", "zeta",
]  # fmt: skip
ONE = {
    "erf": [-3, 0, 0.5], "erfc": [-3, 0, 9], "erfinv": [-1, 0, 0.9], "erfcx": [-3, 0, 1e9], "gammaln": [-0.5, 1, 30],
    "digamma": [-0.5, 1, 30], "gamma": [-0.5, 1, 30], "expit": [-50, 0, 50], "logit": [0, 0.3, 0.5, 0.500001, 1],
    "log_ndtr": [-50, 0, 50], "ndtr": [-5, 0, 5], "ndtri": [0.01, 0.5], "entr": [-1, 0, 2], "log_expit": [-1e3, 0, 50],
    "i0": [-1, 0, 3], "i1": [-1, 0, 3], "i0e": [-1, 0, 300], "i1e": [-1, 0, 300], "j0": [0, 3], "j1": [0, 3],
    "y0": [0.5, 3], "y1": [0.5, 3], "k0": [0.5, 3], "k1": [0.5, 3], "zeta": [2, 3.5], "psi": [0.5],
}  # fmt: skip


def slope(f):
    return wg.elementwise_grad(f)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_battery(name):
    assert check_primitive(name)


@pytest.mark.parametrize("name", ONE)
def test_values_are_scipys(name):
    x = np.array(ONE[name], float)
    np.testing.assert_allclose(getattr(wg, name)(x), getattr(scipy.special, name)(x), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    "name", ["erf", "gammaln", "digamma", "expit", "log_ndtr", "erfcx", "i0", "entr", "logit", "ndtr"]
)
def test_scipys_ufuncs_reach_ours_in_single_precision(name):
    x = np.array([0.25, 0.75], np.float32)
    found = slope(getattr(scipy.special, name))(x)
    assert found.dtype == getattr(wg, name)(x).dtype == np.float32
    np.testing.assert_allclose(found, slope(getattr(wg, name))(x.astype(float)), rtol=2e-5)


def test_slopes_in_the_tails():
    far = np.array([40.0, 1e3, 1e8])
    np.testing.assert_allclose(
        slope(wg.erfcx)(far), -1 / (math.sqrt(math.pi) * far**2) * (1 - 1.5 / far**2 + 3.75 / far**4), rtol=1e-8
    )
    left = np.array([-1e3, -1e6])
    np.testing.assert_allclose(slope(wg.log_ndtr)(left), -left - 1 / left, rtol=1e-10)
    assert slope(wg.log_ndtr)(np.array([40.0])) == scipy.special.erf(40) * 0
    for x in (29.999, 30.001):  # where the two expressions meet
        y = scipy.special.erfcx(x)
        assert wg.grad(wg.erfcx)(x) == pytest.approx(2 * x * y - 2 / math.sqrt(math.pi), rel=1e-11)
    assert wg.grad(wg.grad(wg.log_ndtr))(50.0) == 0.0
    assert np.isfinite(wg.grad(wg.grad(wg.log_ndtr))(-50.0))


def test_entropies_at_their_edges():
    assert wg.grad(wg.xlogy, (0, 1))(0.0, 0.0) == (0.0, 0.0)
    assert wg.grad(wg.xlogy, (0, 1))(2.0, 4.0) == (math.log(4), 0.5)
    assert wg.grad(wg.xlog1py, (0, 1))(0.0, -1.0) == (0.0, 0.0)
    assert wg.grad(wg.entr)(0.0) == np.inf
    assert wg.grad(lambda p: wg.where(p > 0, wg.entr(p), 0.0))(0.0) == 0.0
    np.testing.assert_array_equal(wg.xlogy([0.0, 0.0], [np.nan, -1.0]), scipy.special.xlogy([0.0, 0.0], [np.nan, -1.0]))


def test_logit_clips_as_torch_does():
    assert wg.logit(0.0, eps=0.1) == pytest.approx(math.log(1 / 9))
    assert wg.logit(np.array([0.25, 0.75])).tolist() == pytest.approx([-math.log(3), math.log(3)], rel=1e-15)


def test_gamma_family():
    x = np.array([0.7, 2.5])
    np.testing.assert_allclose(slope(wg.gammaln)(x), scipy.special.psi(x))
    np.testing.assert_allclose(slope(lambda x: wg.polygamma(1, x))(x), scipy.special.polygamma(2, x))
    np.testing.assert_allclose(wg.polygamma(3, x), scipy.special.polygamma(3, x))
    np.testing.assert_allclose(slope(lambda q: wg.zeta(2.5, q))(x), -2.5 * scipy.special.zeta(3.5, x))
    np.testing.assert_allclose(slope(lambda x: wg.gammainc(1.0, x))(x), np.exp(-x))
    np.testing.assert_allclose(wg.betainc(2.0, 3.0, x / 3), scipy.special.betainc(2.0, 3.0, x / 3))


def test_bessel_functions():
    x = np.array([-1.5, 0.0, 2.0])
    np.testing.assert_allclose(slope(wg.i0)(x), scipy.special.i1(x))
    assert wg.grad(wg.i1)(0.0) == 0.5
    np.testing.assert_allclose(slope(wg.j0)(x), -scipy.special.j1(x))
    np.testing.assert_allclose(wg.jv(3, x), scipy.special.jv(3, x))
    np.testing.assert_allclose(wg.iv(-2, x), scipy.special.iv(2, x))
    np.testing.assert_allclose(slope(wg.i0e)(x), scipy.special.i1e(x) - np.sign(x) * scipy.special.i0e(x))
    np.testing.assert_allclose(slope(np.i0)(x), scipy.special.i1(x))


def test_what_cannot_be_differentiated_says_so():
    for f, args in [(wg.gammainc, (2.0, 1.0)), (wg.zeta, (2.0, 1.0)), (wg.betainc, (2.0, 2.0, 0.5))]:
        with pytest.raises(wg.errors.MissingRuleError, match="the derivative by a parameter is not known here"):
            wg.grad(f)(*args)
        with pytest.raises(wg.errors.MissingRuleError, match="the derivative by a parameter is not known here"):
            wg.jvp(lambda a, f=f, args=args: f(a, *args[1:]), (args[0],), (1.0,))
    with pytest.raises(wg.errors.ArgumentError, match=r"polygamma: got the order -1; needs 0 or more"):
        wg.polygamma(-1, 2.0)
    with pytest.raises(wg.errors.ArgumentError, match=r"jv: got the order 0.5; needs a whole number"):
        wg.jv(0.5, 2.0)


def test_without_scipy(monkeypatch):
    monkeypatch.setattr(special, "_scipy", lambda: None)
    x = np.array([[-1.5, 0.5], [2.0, 30.0]], np.float32)
    for name in ("erf", "erfc", "gamma", "gammaln", "ndtr"):
        found = getattr(wg, name)(x)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, getattr(scipy.special, name)(x), rtol=1e-5)
    assert wg.gammaln(0.0) == np.inf
    assert wg.gamma(200.0) == np.inf
    assert wg.erf(np.zeros((0, 2))).shape == (0, 2)
    assert wg.grad(wg.erf)(0.0) == 2 / math.sqrt(math.pi)
    assert wg.i0(1.0) == pytest.approx(scipy.special.i0(1.0))
    with pytest.raises(
        wg.errors.MissingDependencyError, match=r"erfinv: the values .* come from SciPy(.|\n)*wengert\[scipy\]"
    ):
        wg.erfinv(0.5)
