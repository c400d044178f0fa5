"""`wg.derive`: formulas, sizes, all ways to the numbers, and the valley of errors."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.viz.valley import valley

sympy = pytest.importorskip("sympy")


def logistic(steps: int) -> Any:
    def f(x: Any) -> Any:
        for _ in range(steps):
            x = 4 * x * (1 - x)
        return x

    return f


def same(found: Any, wanted: str) -> bool:
    """Whether two formulas are equal, whatever their form: their values at a point, to 25 digits."""
    names = {str(s): s for s in found.free_symbols}
    difference = found - sympy.sympify(wanted, locals=names)
    at = {s: sympy.Rational(k + 2, 7) for k, s in enumerate(sorted(difference.free_symbols, key=str))}
    return abs(difference.subs(at).evalf(30)) < 1e-25


# ----- formulas -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "partials"),
    [
        ("exp(w*x + b)", {"w": "x*exp(w*x+b)", "x": "w*exp(w*x+b)", "b": "exp(w*x+b)"}),
        ("(2*x + 1)**2", {"x": "8*x + 4"}),
        ("2*(3 + x**2)**4", {"x": "16*x*(3 + x**2)**3"}),
        ("z = x1*x2; z + sin(x1)", {"x1": "x2 + cos(x1)", "x2": "x1"}),
        ("sigmoid(x)", {"x": "exp(-x)/(1+exp(-x))**2"}),
        ("softplus(x)", {"x": "1/(1+exp(-x))"}),
        ("sqrt(x) + log(x)/x", {"x": "1/(2*sqrt(x)) + (1 - log(x))/x**2"}),
        ("0.5*(y - t)**2", {"y": "y - t", "t": "t - y"}),
        ("gelu(x)", {"x": "erfc(-x/sqrt(2))/2 + x*exp(-x**2/2)/sqrt(2*pi)"}),
        ("pi*r**2", {"r": "2*pi*r"}),
        ("arctan2(y, x)", {"y": "x/(x**2+y**2)", "x": "-y/(x**2+y**2)"}),
    ],
)
def test_formulas(text: str, partials: dict[str, str]) -> None:
    found = wg.derive(text)
    assert {n: same(p, partials[n]) for n, p in found.partials.items()} == dict.fromkeys(partials, True)
    assert {n: same(p, partials[n]) for n, p in found.simplified.items()} == dict.fromkeys(partials, True)
    assert not found.modes


@pytest.mark.parametrize(
    "name", ["relu", "elu", "leaky_relu", "tanh", "silu", "mish", "softsign", "sinc", "log_sigmoid"]
)
@pytest.mark.parametrize("x", [-1.25, 0.75])
def test_activations_agree_in_all_ways(name: str, x: float) -> None:
    found = wg.derive(getattr(wg.nn.functional, name), x)
    errors = {m.way: m.error for m in found.modes}
    assert max(errors["forward mode"], errors["reverse mode"]) < 1e-15
    assert 0 <= errors["central difference, best h"] < 1e-9
    assert errors["forward difference, best h"] < 1e-6


def test_vectors_have_a_symbol_a_number() -> None:
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = wg.derive(lambda v: np.sum((a @ v) ** 2) + v[0] * wg.logsumexp(v), np.array([0.5, -1.0]))
    assert list(found.partials) == ["v_1", "v_2"]
    assert max(m.error for m in found.modes if "mode" in m.way) < 1e-13
    found = wg.derive(lambda v: wg.softmax(v)[1] * wg.log_softmax(v)[0], np.array([0.2, -1.0, 1.5]))
    assert max(m.error for m in found.modes if "mode" in m.way) < 1e-15


def test_symbols_name_the_inputs() -> None:
    t, u = sympy.symbols("t u")
    assert same(wg.derive(lambda x, y: np.sin(x) * y, t, u).partials["t"], "u*cos(t)")
    assert list(wg.derive(lambda x, y=2.0: x * y).partials) == ["x"]
    with pytest.raises(wg.errors.ArgumentError, match="one or the other"):
        wg.derive(lambda x, y: x * y, t, 2.0)


# ----- size ---------------------------------------------------------------------------------------
def test_expressions_swell_where_lists_grow_by_a_step() -> None:
    sizes = [wg.derive(logistic(k), 0.3).sizes for k in (1, 2, 3, 4)]
    derivatives = [s["its derivatives as expressions"] for s in sizes]
    lists = [s["the list of value and gradient (reverse mode)"] for s in sizes]
    assert [s["the function's list"] for s in sizes] == [3, 6, 9, 12]
    assert derivatives[3] > 2.5 * derivatives[2] > 6 * derivatives[1]
    assert np.diff(lists).max() <= 9
    assert derivatives[3] > 8 * lists[3]
    assert sizes[3]["with every repeated part named once"] < 2 * lists[3]


# ----- the valley (worked example G47) --------------------------------------------------------------
def test_the_valley_of_exp_at_one() -> None:
    found = valley(np.exp, 1.0, math.e)
    forward, central = found.best
    assert (forward.h, central.h) == (1e-8, 1e-5)
    assert np.isclose(found.rows[0].forward_error, 0.14056012641483795)
    assert found.rows[-1].h == 1e-15
    assert found.rows[-1].forward_error > 0.01
    exp = wg.derive("exp(x)", x=1)
    assert exp.valleys is not None
    assert exp.valleys["x"] == found
    assert {m.way: m.error for m in exp.modes}["reverse mode"] <= 2**-51
    assert [m.cost for m in exp.modes][-2:] == ["1 walk down the list", "1 sweep up the list"]


@pytest.mark.parametrize(("f", "x"), [(lambda x: 1 / x, 0.0), (np.sqrt, -1.0), (np.log, 0.0), (np.exp, np.inf)])
def test_where_there_is_no_derivative_nothing_breaks(f: Any, x: float) -> None:
    found = wg.derive(f, x)
    assert math.isnan(found.modes[0].values["x"])
    assert all(isinstance(write(), str) for write in (found.to_text, found.to_markdown, found.to_latex))


def test_at_a_corner_the_conventions_agree() -> None:
    for f, x in ((np.abs, 0.0), (wg.nn.functional.relu, 0.0), (lambda x: np.maximum(x, 2.0), 2.0)):
        values = {m.way: m.values["x"] for m in wg.derive(f, x).modes}
        assert values["symbolic"] == values["forward mode"] == values["reverse mode"]


# ----- as a document --------------------------------------------------------------------------------
def test_text_markdown_and_latex(tmp_path: Path) -> None:
    found = wg.derive("exp(w*x + b)", w=2, x=3, b=-4)
    text = str(found)
    assert "∂f/∂w  x·exp(b + w·x)" in text
    assert "reverse mode                22.16717  14.77811  7.389056  0              1 sweep up the list" in text
    assert "Least error for w: forward difference at h = 1e-08" in text
    markdown = found._repr_markdown_()
    assert r"| $\frac{\partial f}{\partial w}$ | $x e^{b + w x}$ |" in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows if "walks" in row} == {7}
    assert r"$\frac{\partial f}{\partial w}$ & $x e^{b + w x}$ \\[2pt]" in found.to_latex()
    for name, writer in (("a.txt", found.to_text), ("a.md", found.to_markdown), ("a.tex", found.to_latex)):
        assert found.save(tmp_path / name, digits=3).read_text() == writer(3)
    with pytest.raises(wg.errors.ArgumentError, match=r"needs a name in \.txt, \.md, \.tex"):
        found.save(tmp_path / "a.html")


def test_a_bar_in_a_formula_does_not_split_a_cell() -> None:
    found = wg.derive("abs(x) * y").to_markdown()
    assert {row.count("|") for row in found.splitlines() if row.startswith("|")} == {3}


def test_a_long_expression_is_counted_instead() -> None:
    assert "operations, too many to read" in str(wg.derive(logistic(5)))


# ----- what cannot be derived -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: wg.derive(np.sort, np.ones(3)), wg.errors.MissingRuleError, "has no symbolic form"),
        (
            lambda: wg.derive(lambda v: v * 2, np.ones(2)),
            wg.errors.ShapeError,
            r"has the shape \[2\]; needs one number",
        ),
        (lambda: wg.derive(3), wg.errors.ArgumentError, "got int; needs a function or a formula"),
        (lambda: wg.derive(np.sum, np.ones(13)), wg.errors.ArgumentError, "vector of at most 12"),
        (lambda: wg.derive(lambda x: x, 1.0, 2.0), wg.errors.ArgumentError, "got 2 values; needs x"),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_missing_sympy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sympy", None)
    with pytest.raises(wg.errors.MissingDependencyError, match=r"(?s)derive: needs sympy.*wengert\[symbolic\]"):
        wg.derive("x**2")
