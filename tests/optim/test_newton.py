"""Newton's method, least squares and the perceptron: what they find, what they refuse to claim, and SciPy's answers."""

from __future__ import annotations

import numpy as np
import pytest

from wengert import optim
from wengert.base.errors import ArgumentError, DTypeError, ShapeError


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def test_a_system_of_equations() -> None:
    found = optim.newton_root(lambda x: x * x @ np.array([[1.0, 1.0], [1.0, -1.0]]) - np.array([5.0, 3.0]), [1.0, 2.0])
    assert found.success and found.jac.shape == (2, 2)
    np.testing.assert_allclose(found.x, [2, 1], rtol=1e-14)


def test_a_double_root_converges_linearly() -> None:
    found = optim.newton_root(lambda x: (x - 1.0) ** 2, 2.0, maxiter=10)
    errors = np.abs(np.array(found.path) - 1.0)
    np.testing.assert_allclose(errors[1:] / errors[:-1], 0.5, rtol=1e-12)
    assert not found.success


def test_damping_saves_arctan() -> None:
    assert optim.newton_root(np.arctan, 10.0, damped=True).x == pytest.approx(0, abs=1e-12)
    assert optim.newton_root(np.arctan, 10.0).success is False


def test_singular_derivatives_are_said() -> None:
    assert "singular" in optim.newton_root(lambda x: x**2 + 1.0, 0.0).message
    found = optim.newton_minimize(lambda x: x[0] ** 2 + x[1], np.zeros(2))
    assert not found.success
    assert "in 0 iterations, where the Hessian is singular; the gradient is 1" in found.message


@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (lambda x: (x**2).sum(), "minimum"),
        (lambda x: -(x**2).sum(), "maximum"),
        (lambda x: x[0] ** 2 - x[1] ** 2, "saddle point"),
        (lambda x: (x[0] - 1) ** 2 + x[1] ** 4, "degenerate point"),
    ],
)
def test_kinds_of_points(f, kind) -> None:
    found = optim.newton_minimize(f, np.array([1.0, 0.0]))
    assert (found.kind, found.success, found.message) == (kind, kind == "minimum", f"converged to a {kind}")


def test_the_safeguard_leaves_saddle_points() -> None:
    def f(x):
        return x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4

    for start in ([1.0, 0.0], [0.0, 0.0], [0.3, -0.2]):
        found = optim.newton_minimize(f, np.array(start), safeguard=True)
        assert found.success and abs(found.x[1]) == pytest.approx(2**0.5)
    falling = optim.newton_minimize(rosenbrock, np.array([-1.2, 1.0]), safeguard=True)
    values = [rosenbrock(x) for x in falling.path]
    assert falling.success and values == sorted(values, reverse=True)


def test_newton_cg_in_many_dimensions() -> None:
    found = optim.newton_cg(rosenbrock, np.full(200, -0.5), maxiter=1000)
    assert found.success
    assert np.abs(found.jac).max() <= 1e-8


def test_newton_cg_says_when_there_is_no_minimum() -> None:
    found = optim.newton_cg(lambda x: -(x**2).sum(), np.array([1.0]), maxiter=5)
    assert not found.success and found.message == "no minimum found in 5 iterations"


T = np.linspace(0, 2, 25)
Y = 1.5 * np.exp(-1.3 * T) + 0.3 * np.sin(5 * T)


def residuals(p):
    return p[0] * np.exp(-p[1] * T) + p[2] * np.sin(p[3] * T) - Y - 0.05 * np.cos(30 * T)


@pytest.mark.parametrize(("method", "start"), [("lm", [1.0, 1.0, 0.1, 4.5]), ("gauss-newton", [1.4, 1.2, 0.3, 5.0])])
def test_least_squares_against_scipy(method, start) -> None:
    scipy = pytest.importorskip("scipy.optimize")
    found = optim.least_squares(residuals, np.array(start), method, ftol=1e-14, xtol=1e-12, gtol=1e-12)
    expected = scipy.least_squares(residuals, start, method="lm", ftol=1e-14, xtol=1e-14, gtol=1e-14)
    assert found.success
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-6)


def test_damping_reaches_where_gauss_newton_does_not() -> None:
    def r(p):  # from a flat place, the undamped step overshoots
        return np.arctan(p) * 10.0

    assert optim.least_squares(r, np.array([5.0])).success
    assert abs(optim.least_squares(r, np.array([5.0]), "gauss-newton").x) > 1e6


def test_perceptron_finds_a_line() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = (x @ [1.0, -2.0, 0.5] > 0.1).astype(int)
    unit = optim.perceptron(x, y, epochs=1000)
    assert unit.converged
    np.testing.assert_array_equal(unit(x), y)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: optim.newton_root(lambda x: x[:1], np.ones(2)), ShapeError, "as many equations as unknowns"),
        (lambda: optim.newton_minimize(np.sum, np.ones(2) * 1j), DTypeError, "needs real numbers"),
        (lambda: optim.least_squares(np.sin, np.ones(2), "dogbox"), ArgumentError, "got method='dogbox'"),
        (lambda: optim.perceptron([[1.0]], [2]), ArgumentError, "classes must be 0 and 1"),
        (lambda: optim.perceptron([1.0], [1]), ShapeError, r"needs x\[n, d\]"),
    ],
)
def test_words(call, kind, words) -> None:
    with pytest.raises(kind, match=words):
        call()
