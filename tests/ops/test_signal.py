"""One-dimensional signals: values as NumPy's, derivatives against differences and formulas."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.testing.battery import check_primitive

RNG = np.random.default_rng(0)


def differences(f, x, step=1e-6):
    """The gradient of a scalar function by central differences."""
    unit = np.eye(x.size).reshape(-1, *x.shape) * step
    return np.array([(f(x + u) - f(x - u)) / (2 * step) for u in unit]).reshape(x.shape)


def test_battery():
    check_primitive("convolve")


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("sizes", [(5, 3), (3, 5), (6, 4), (4, 6), (1, 3), (3, 3), (2, 1)])
def test_convolve_and_correlate_are_numpys(mode, sizes):
    a, v = (RNG.normal(size=n) for n in sizes)
    for name in ("convolve", "correlate"):
        ours = getattr(wg, name)
        np.testing.assert_allclose(ours(a, v, mode), getattr(np, name)(a, v, mode), atol=1e-14)
        np.testing.assert_allclose(ours(a, 1j * v, mode), getattr(np, name)(a, 1j * v, mode), atol=1e-14)
        w = RNG.normal(size=ours(a, v, mode).shape)
        for k in (0, 1):
            g = wg.grad(lambda a, v, f=ours, w=w: wg.sum(f(a, v, mode) * w), k)(a, v)
            other = lambda z, f=ours, w=w, k=k: np.sum(f(*((z, v) if k == 0 else (a, z)), mode) * w)  # noqa: E731
            np.testing.assert_allclose(g, differences(other, (a, v)[k]), atol=1e-8)


def test_words_of_errors():
    with pytest.raises(wg.errors.ShapeError, match="needs two sequences"):
        wg.convolve(np.zeros(0), np.zeros(2))
    with pytest.raises(wg.errors.ArgumentError, match="needs 'full', 'same' or 'valid'"):
        wg.convolve(np.zeros(2), np.zeros(2), "half")
    with pytest.raises(wg.errors.ShapeError, match="interp: got xp"):
        wg.interp(0.5, np.zeros(2), np.zeros(3))


def test_interp_is_numpys():
    xp, fp = np.array([0.0, 1.0, 3.0, 4.0]), RNG.normal(size=4)
    x = np.array([[-1.0, 0.0, 0.3, 1.0], [2.0, 3.9, 4.0, 5.0]])
    np.testing.assert_allclose(wg.interp(x, xp, fp), np.interp(x, xp, fp))
    np.testing.assert_allclose(wg.interp(x, xp, fp, left=-7.0, right=9.0), np.interp(x, xp, fp, left=-7.0, right=9.0))
    np.testing.assert_allclose(wg.interp(x, xp, fp, period=4.5), np.interp(x, xp, fp, period=4.5))
    np.testing.assert_allclose(wg.interp(x, xp[:1], fp[:1]), np.interp(x, xp[:1], fp[:1]))
    assert wg.interp(0.5, xp, fp) == np.interp(0.5, xp, fp)
    inside = np.array([-0.5, 0.3, 2.2, 3.9, 7.0])
    w = RNG.normal(size=5)
    for k in (0, 1, 2):
        args = [inside, xp, fp]
        g = wg.grad(lambda *a: wg.sum(wg.interp(*a) * w), k)(*args)

        def moved(z, k=k, args=args):
            return np.sum(np.interp(*[z if i == k else a for i, a in enumerate(args)]) * w)

        np.testing.assert_allclose(g, differences(moved, args[k]), atol=1e-7)
    np.testing.assert_allclose(wg.vmap(lambda v: wg.interp(v, xp, fp))(x), np.interp(x, xp, fp))
    slopes = np.diff(fp) / np.diff(xp)
    np.testing.assert_allclose([wg.grad(wg.interp)(v, xp, fp) for v in (0.0, 1.0, 4.0, -1.0)],
                               [slopes[0], slopes[1], slopes[2], 0])  # fmt: skip


def test_polyval_is_numpys():
    p, x = RNG.normal(size=4), RNG.normal(size=(2, 3))
    np.testing.assert_allclose(wg.polyval(p, x), np.polyval(p, x))
    np.testing.assert_allclose(wg.grad(lambda a: wg.sum(wg.polyval(p, a)))(x), np.polyval(np.polyder(p), x))
    np.testing.assert_allclose(wg.grad(lambda q: wg.polyval(q, 2.0))(p), [8, 4, 2, 1])


def test_unwrap_is_numpys():
    p = RNG.normal(size=(3, 8)) * 6
    np.testing.assert_allclose(wg.unwrap(p), np.unwrap(p))
    ours, numpys = (m.unwrap(p, axis=0, discont=4.0, period=5.0) for m in (wg, np))
    np.testing.assert_allclose(ours, numpys)
    np.testing.assert_array_equal(wg.grad(lambda a: wg.sum(wg.unwrap(a)))(p), np.ones((3, 8)))
