"""Elementwise functions against PyTorch in float64: values and gradients, kinks and edges among the points."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

R = np.array([-3.0, -1.0, -0.5, -0.0, 0.0, 0.3, 1.0, 2.5, 30.0])
P, P0 = np.array([1e-3, 0.3, 1.0, 2.5, 30.0]), np.array([0.0, 0.3, 1.0, 2.5])
U, Q = np.array([-1, -0.9, 0, 0.3, 0.99, 1.0]), np.array([0.0, 1e-8, 0.2, 0.5, 0.9, 1.0])
BACK, MIXED = R[::-1].copy(), np.array([2.0] * 5 + [-0.7] * 4)
POINTS = {
    **dict.fromkeys("exp exp2 expm1 sin cos tan sinh cosh tanh arctan arcsinh abs sign floor ceil trunc".split(), R),
    **dict.fromkeys("round sinc deg2rad rad2deg square i0 erf erfc".split(), R),
    **dict.fromkeys("log log2 log10 log1p sqrt".split(), P0),
    **dict.fromkeys("rsqrt reciprocal".split(), P),
    **dict.fromkeys("arcsin arccos arctanh erfinv".split(), U),
    "arccosh": np.array([1.0, 1.5, 3.0]),
    "nan_to_num": np.array([1.0, np.nan, np.inf, -np.inf]),
}
SPECIAL = {
    **dict.fromkeys("expit ndtr i1 i0e i1e".split(), R),
    **dict.fromkeys("gammaln digamma".split(), P),
    **dict.fromkeys("logit ndtri".split(), Q),
    "erfcx": R[:-1],
    "entr": P0,
    "log_ndtr": np.array([-100.0, -10, -1, 0, 1, 5, 10]),
}
PAIRS = {
    **dict.fromkeys("maximum minimum logaddexp logaddexp2 copysign".split(), (R, BACK)),
    **dict.fromkeys("arctan2 true_divide".split(), (R, R + 0.1)),
    **dict.fromkeys("remainder fmod".split(), (R + 0.1, MIXED)),
    **dict.fromkeys("fmax fmin".split(), (R, np.where(R > 2, np.nan, 1.1))),
    "hypot": (R + 5, R),
    "pow": (np.array([0.0, 0, 0, 0, -2, -2, 2, 2, 3]), np.array([0.0, 1, 2, 3, 2, 3, -1, 0.5, 0])),
    "xlogy": (np.array([0.0, 1, 2, -1]), np.array([1.0, 2, 3, 0.5])),
}
COMPLEX = """abs angle arccos arccosh arcsin arcsinh arctan arctanh conj cos cosh exp expm1 imag log log1p real
    reciprocal sin sinh sqrt square tan tanh""".split()


def compare(ours, theirs, *xs):
    ts = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in xs]
    value = theirs(*ts)
    value.sum().backward()
    np.testing.assert_allclose(ours(*xs), value.detach().numpy(), rtol=1e-10, atol=1e-12)
    gradients = wg.grad(lambda *a: wg.sum(ours(*a)), tuple(range(len(xs))))(*xs)
    for found, t in zip(gradients, ts, strict=True):
        expected = np.zeros(t.shape) if t.grad is None else t.grad.numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", POINTS)
def test_of_one(name):
    compare(getattr(wg, name), getattr(torch, name), POINTS[name])


@pytest.mark.parametrize("name", SPECIAL)
def test_special(name):
    compare(getattr(wg, name), getattr(torch.special, name), SPECIAL[name])


@pytest.mark.parametrize("name", PAIRS)
def test_of_two(name):
    compare(getattr(wg, name), getattr(torch, name), *PAIRS[name])


def test_with_options():
    compare(lambda x: wg.clip(x, -1, 1), lambda x: torch.clamp(x, -1, 1), R)
    compare(wg.clip, torch.clamp, R, np.full(9, -1.0), np.full(9, 1.0))
    compare(lambda a, b: wg.where(a > 0, a, b), lambda a, b: torch.where(a > 0, a, b), R, 2 * R)
    compare(lambda x: wg.polygamma(2, x), lambda x: torch.special.polygamma(2, x), P)
    for n in (-1, 0, 1, 2, 3):
        compare(lambda x, n=n: x**n, lambda x, n=n: x**n, R)
    compare(lambda x: 2.0**x, lambda x: 2.0**x, R)


@pytest.mark.parametrize("name", COMPLEX)
def test_complex(name):
    rng = np.random.default_rng(1)
    z = rng.normal(size=6) + 1j * rng.normal(size=6)
    t = torch.tensor(z, requires_grad=True)
    w = getattr(torch, name)(t)
    weight = 1 + 0.5j if w.is_complex() else 1.0
    (w * weight).real.sum().backward()
    found = wg.grad(lambda z: wg.sum(wg.real(getattr(wg, name)(z) * weight)))(z)
    # PyTorch's gradient is the conjugate of ours.
    np.testing.assert_allclose(np.conj(found), t.grad.resolve_conj().numpy(), rtol=1e-10)
