"""Explanations: the lectures' examples with every printed number, the sums at fan-outs, arrays, and hostile names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.base.errors import ArgumentError
from wengert.core.primitive import REGISTRY
from wengert.ops.elementwise import Elementwise
from wengert.viz import Explanation, explain
from wengert.viz.mathematics import Expr, Latex, Style, operation, partial
from wengert.viz.rendering import Writer, tables

GOLDENS = {g["id"]: g for g in json.loads((Path(__file__).parents[1] / "lectures" / "goldens.json").read_text())}
LOGISTIC = "t1 = w*x; z = t1+b; t3 = -z; t4 = exp(t3); t5 = 1+t4; y = 1/t5; t6 = y-t; t7 = t6**2; L = t7/2"
CHAIN = "a1 = w1*x; h1 = sigmoid(a1); a2 = w2*h1; h2 = sigmoid(a2); d = y - h2; L = 0.5*d**2"


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def cells(e: Explanation, title: str) -> list[tuple[str, ...]]:
    """The rows of one table, with all digits."""
    return next(t.rows for t in tables(e, Writer(17)) if t.title.startswith(title))


def printed(e: Explanation, title: str) -> dict[str, float]:
    """The last cell of every row of a table by its first one, as it is printed."""
    return {row[0]: float(row[-1]) for row in cells(e, title) if row[0]}


# ----- the lectures' examples -----------------------------------------------------------------------
def test_exp_of_a_line_step_by_step() -> None:
    g = GOLDENS["G01"]["expected"]
    e = explain("z = w*x; a = z + b; y = exp(a)", **GOLDENS["G01"]["inputs"])
    forward, backward = printed_values(e), printed(e, "Backward")
    for name in "zay":
        close(forward[name], g[name])
    for name in "yabzxw":
        close(backward[f"∂y/∂{name}"], g[f"dy_d{name}"])
    assert [row[0] for row in cells(e, "Backward")] == [f"∂y/∂{name}" for name in "yazbxw"]
    assert [row[:2] for row in cells(e, "Local")] == [
        ("∂z/∂w", "x"), ("∂z/∂x", "w"), ("∂a/∂z", "1"), ("∂a/∂b", "1"), ("∂y/∂a", "y"),
    ]  # fmt: skip
    text = e.to_text(digits=4)
    for figure in ("7.389", "14.78", "22.17"):
        assert figure in text
    assert "∂y/∂z · ∂z/∂w = 7.389 · 3" in text
    assert [row[1] for row in cells(e, "Forward")] == ["input"] * 3 + ["w·x", "z + b", "exp(a)"]


def printed_values(e: Explanation) -> dict[str, float]:
    return {row[0]: float(row[2]) for row in cells(e, "Forward")}


def test_two_layers_of_sigmoids() -> None:
    g = GOLDENS["G11"]["expected"]
    e = explain(CHAIN, **GOLDENS["G11"]["inputs"])
    forward, backward = printed_values(e), printed(e, "Backward")
    for name in ("h1", "h2", "L"):
        close(forward[name], g[name])
    for name in ("h2", "w2", "h1", "w1"):
        close(backward[f"∂L/∂{name}"], g[f"dL_d{name}"])
    assert ("∂h1/∂a1", "h1·(1 - h1)") in [row[:2] for row in cells(e, "Local")]


def test_logistic_unit_in_nine_lines() -> None:
    g = GOLDENS["G12"]["expected"]
    e = explain(LOGISTIC, **GOLDENS["G12"]["inputs"])
    forward, backward = printed_values(e), printed(e, "Backward")
    for name in ("t1", "z", "t3", "t4", "t5", "y", "t6", "t7", "L"):
        close(forward[name], g[name])
    for name in ("t1", "z", "t3", "t4", "t5", "y", "t6", "t7", "L", "w", "x", "b", "t"):
        close(backward[f"∂L/∂{name}"], g[f"adj_{name}"])
    assert [row[1] for row in cells(e, "Forward")][4:] == [
        "w·x", "t1 + b", "-z", "exp(t3)", "1 + t4", "1/t5", "y - t", "t6²", "t7/2",
    ]  # fmt: skip
    assert [row[1] for row in cells(e, "Local")] == [
        "x", "w", "1", "1", "-1", "t4", "1", "-y/t5", "1", "-1", "2·t6", "0.5",
    ]  # fmt: skip


def test_a_fan_out_is_the_sum_of_its_paths_and_forward_mode_agrees() -> None:
    g = GOLDENS["G21"]["expected"]
    e = explain("w3 = x1*x2; w4 = sin(x1); f = w3 + w4", **GOLDENS["G21"]["inputs"])
    close(printed_values(e)["w3"], g["w3"])
    close(printed_values(e)["w4"], g["w4"])
    close(printed_values(e)["f"], g["f"])
    backward = printed(e, "Backward")
    for name, wanted in {"f": "w5", "w4": "w4", "w3": "w3", "x2": "w2", "x1": "w1"}.items():
        close(backward[f"∂f/∂{name}"], g[f"adj_{wanted}"])
    ways = {row[1]: float(row[3]) for row in cells(e, "Backward") if not row[0]}
    close(ways["through w3"], g["adj_w1_via_w3"])
    close(ways["through w4"], g["adj_w1_via_w4"])
    assert cells(e, "Backward")[-1][:2] == ("∂f/∂x1", "sum of the paths")
    assert e.to_text(5).count("-0.41615 + 3") == 1
    modes = {row[0]: row[1:] for row in cells(e, "Forward mode")}
    close([float(x) for x in modes["f"]], [g["tangent_seed_x1"], g["tangent_seed_x2"], 1])
    close(float(modes["x1"][-1]), g["tangent_seed_x1"])
    assert e.multiplications == (4, 3)


def test_multiplications_in_both_orders() -> None:
    g = GOLDENS["G26"] if "G26" in GOLDENS else {"inputs": {"d": 1000, "d2": 10}, "expected": {}}
    d, d2 = g["inputs"]["d"], g["inputs"]["d2"]
    x, target = np.ones(d), np.eye(d2)[0]
    e = explain(lambda w: wg.dot(wg.softmax(w @ x), target), np.zeros((d2, d)))
    assert e.multiplications == (1_100_000, 100_100)
    assert "forward mode 1,100,000 (for 10,000 input numbers), reverse mode 100,100 (for 1 result number)" in str(e)


# ----- functions and arrays ---------------------------------------------------------------------------
def network(w: Any, x: Any, *, bias: Any) -> Any:
    hidden = np.tanh(w @ x + bias)
    return np.sum(hidden * hidden) / 3


def test_arrays_small_in_full_large_as_shape_and_norm() -> None:
    rng = np.random.default_rng(0)
    w, x, bias = rng.normal(size=(2, 2)), rng.normal(size=2), rng.normal(size=2)
    e = explain(network, w, x, bias=bias)
    assert [line.name for line in e.lines] == ["w", "x", "bias", "v1", "v2", "v3", "v4", "v5", "y"]
    by_w, by_x, by_bias = wg.grad(lambda w, x, b: network(w, x, bias=b), argnums=(0, 1, 2))(w, x, bias)
    close(e["w"].adjoint, by_w)
    close(e["x"].adjoint, by_x)
    close(e["bias"].adjoint, by_bias)
    full, diagonal = e["v1"].partials[1].local, e["v3"].partials[0].local
    assert (full.kind, diagonal.kind) == ("full", "diagonal")
    close(full.value, w)
    close(diagonal.value, 1 - np.tanh(w @ x + bias) ** 2)
    assert [p.operand for p in e["v4"].partials] == [1, 2]  # the square as a product: two paths
    assert "hidden = np.tanh(w @ x + bias)" in str(e)
    assert "Forward mode" not in str(e)  # eight directions
    large = explain(network, rng.normal(size=(30, 40)), rng.normal(size=40), bias=np.zeros(30))
    assert large["v1"].partials[1].local.norm == pytest.approx(np.linalg.norm(large["w"].value))
    assert re.search(r"w +input +float64\(30, 40\), norm \d", str(large))
    assert "Jacobian(30, 30, 40)" in str(large)


def test_forward_mode_in_every_direction_is_the_jacobian() -> None:
    def f(x: Any) -> Any:
        return np.stack([x[0] * x[1], np.sin(x[0]), x[1] ** 3])

    e = explain(f, np.array([0.5, 2.0]))
    jacobian = wg.jacobian(f)(np.array([0.5, 2.0]))
    assert e.directions == ("x[0]", "x[1]")
    close(np.stack([e["y"].tangents[d] for d in e.directions], axis=1), jacobian)
    assert e.objective == "Σy"
    close(e["x"].adjoint, jacobian.sum(axis=0))
    assert "Σy is the sum of all elements of y." in str(e)


def test_every_adjoint_is_that_of_the_sweep_and_the_sum_of_its_paths() -> None:
    def f(x: Any, y: Any) -> Any:
        a = np.where(x > 0, np.log(x), x * y) + wg.logsumexp(y)
        u, s, _ = np.linalg.svd(np.outer(x, y) + np.eye(3))
        return {"a": a, "s": s * x, "u": np.abs(u).sum() + x[1]}

    x, y = np.array([-1.0, 0.5, 2.0]), np.array([0.1, 0.2, 0.3])
    with np.errstate(all="ignore"):
        recording = wg.record(f, x, y)
    e = explain(f, x, y)
    wanted = [g for v, g in recording.adjoints().items() if not isinstance(v.dtype, tuple) and v.dtype.kind == "f"]
    found = [line.adjoint for line in e.lines if line.adjoint is not None]
    ours, theirs = (sorted(float(np.sum(g)) for g in all_of_them) for all_of_them in (found, wanted))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    assert np.isfinite(ours).all()
    for line in e.lines:
        parts = [c.value for c in line.contributions] + ([] if line.seed is None else [line.seed])
        if len(parts) > 1:
            np.testing.assert_allclose(sum(parts), line.adjoint, rtol=1e-12)


def test_trees_whole_numbers_and_constants() -> None:
    table = np.arange(6.0).reshape(3, 2)
    e = explain(lambda p, i: table[i] @ p["w"] * p["b"][0], {"w": np.ones(2), "b": [3, 4]}, np.array(1))
    names = [line.name for line in e.lines]
    assert names[:4] == ["p.w", "p.b[0]", "p.b[1]", "i"]
    assert e["i"].adjoint is None
    assert e["p.b[1]"].adjoint == 0
    assert "no path" in str(e)
    assert e["c1"].kind == "constant"
    close(e["p.w"].adjoint, 3 * table[1])
    with pytest.raises(KeyError):
        e["q"]


def test_the_parameters_of_a_module_are_inputs() -> None:
    model = wg.nn.Sequential(wg.nn.Linear(2, 3), wg.nn.Tanh(), wg.nn.Linear(3, 1))
    x = np.array([[0.5, -1.0]], np.float32)
    e = explain(model, x)
    model(x).sum().backward()
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(e[name].adjoint, parameter.grad, rtol=1e-6)
    assert [line.name for line in e.lines][1:5] == [name for name, _ in model.named_parameters()]
    assert "[[0.5, -1]]" in str(e)

    class Broken(wg.nn.Linear):
        def forward(self, x: Any) -> Any:
            super().forward(x)
            raise KeyError("broken")

    layer = Broken(2, 1)
    weight = layer.weight.detach().numpy().copy()
    with pytest.raises(KeyError):
        explain(layer, x)
    np.testing.assert_array_equal(layer.weight.detach().numpy(), weight)


def test_arguments_stay_writable_and_results_may_be_inputs() -> None:
    x = np.ones(2)
    e = explain(lambda x: x, x)
    x[0] = 5
    close(e["x"].value, [1, 1])
    close(e["x"].adjoint, [1, 1])
    assert "The result depends on no input." in str(explain("3"))
    assert "The result depends on no input." in str(explain(lambda x: 3.0, 1.0))
    assert explain(np.exp, 0.0)["y"].adjoint == 1


def test_the_first_value_that_is_not_finite_is_named() -> None:
    assert "The first value that is not finite: a." in str(explain("z = x - 1; a = log(z); y = a*x", x=1))


@pytest.mark.parametrize("wrong", [3, None, wg.tensor(1.0)])
def test_what_cannot_be_explained(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match="needs a function or a formula"):
        explain(wrong)


def test_any_name_may_be_an_argument() -> None:
    assert explain("self*args*f + values", self=2, args=3, f=4, values=5)["y"].value == 29


# ----- the symbolic partials ----------------------------------------------------------------------------
def value(e: Any, names: dict[str, Any]) -> Any:
    """The number an expression stands for."""
    if not isinstance(e, Expr):
        return names[e] if isinstance(e, str) else e
    args = [value(x, names) for x in e.args]
    plain = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power, "neg": np.negative}
    if e.op == "[?]":
        compare = {">": np.greater, "≤": np.less_equal, "<": np.less, "≥": np.greater_equal}[e.note]
        return float(compare(*args))
    return (plain.get(e.op) or getattr(wg, e.op))(*args)


def test_every_symbolic_partial_is_the_rule() -> None:
    rng = np.random.default_rng(1)
    shown = 0
    for prim in list(REGISTRY.values()):
        if not isinstance(prim, Elementwise) or not prim.differentiable:
            continue
        xs = [np.float64(rng.uniform(low, high)) for low, high in prim.domain]
        names = dict(zip("abc", xs, strict=False)) | {"y": prim.impl(*xs)}
        for i in range(len(xs)):
            formula = partial(prim, i, "y", list("abc")[: len(xs)])
            if formula is not None:
                shown += 1
                needs = [j == i for j in range(len(xs))]
                rule = prim.pull(np.float64(1), names["y"], xs, needs, {})[i]
                rule = 0 if rule is None else rule
                np.testing.assert_allclose(value(formula, names), rule, rtol=1e-9, err_msg=f"{prim.name} {i}")
    assert shown > 60


@pytest.mark.parametrize(
    ("name", "operands", "text"),
    [
        ("power", ["a", 2], "2·a"), ("power", ["a", 3], "3·a²"), ("power", ["a", 1], "1"), ("power", ["a", 0], "0"),
        ("power", ["a", -1], "-a⁻²"), ("power", ["a", 0.5], "0.5·a^(-0.5)"), ("sqrt", ["a"], "0.5/y"),
        ("tanh", ["a"], "1 - y²"), ("cos", ["a"], "-sin(a)"), ("expit", ["a"], "y·(1 - y)"), ("relu", ["a"], "[y > 0]"),
        ("log", ["a"], "1/a"), ("reciprocal", ["a"], "-y²"), ("arctan", ["a"], "1/(1 + a²)"),
    ],
)  # fmt: skip
def test_partials_as_text(name: str, operands: list[Any], text: str) -> None:
    assert Style().expression(partial(REGISTRY[name], 0, "y", operands)) == text


def test_parentheses_keep_the_meaning() -> None:
    def written(formula: str) -> str:
        read = wg.viz.parse(formula)
        lines = explain(read, **{n: {"a": 2, "b": 3, "c": 4}[n] for n in read.names}).lines
        known = {line.name: line.operation for line in lines if line.operation}

        def whole(e: Any) -> Any:
            e = known.get(e, e) if isinstance(e, str) else e
            return Expr(e.op, tuple(map(whole, e.args)), e.note) if isinstance(e, Expr) else e

        return Style().expression(whole(lines[-1].operation))

    for formula in ("(a + b)·c", "a - (b - c)", "a/(b/c)", "a/b/c", "(a·b)^c", "a^(b^c)", "-(a + b)·c", "(-a)^c",
                    "a·(-b) + c", "(a - b)² + c", "a/(b·c)", "a·(b/c)"):  # fmt: skip
        back = formula.replace("·", "*").replace("²", "**2").replace("^", "**")
        again = written(back).replace("·", "*").replace("²", "**2").replace("^", "**")
        values = {"a": 2, "b": 3, "c": 4}
        close(*(wg.viz.parse(text)(*(values[n] for n in wg.viz.parse(text).names)) for text in (again, back)))


# ----- documents ------------------------------------------------------------------------------------------
def test_latex() -> None:
    e = explain(LOGISTIC, **GOLDENS["G12"]["inputs"])
    latex = e.to_latex()
    for part in (r"$t_{6}^{2}$", r"$\frac{1}{t_{5}}$", r"$\frac{\partial L}{\partial w}$", r"$\exp\left(t_{3}\right)$"):
        assert part in latex
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 4
    assert Latex().expression(Expr("**", (1e-12, 2))) == r"\left(1 \cdot 10^{-12}\right)^{2}"
    assert Latex().name("theta_1") == r"\theta_{1}"
    assert Latex().number(-1.5e-12) == r"-1.5 \cdot 10^{-12}"
    assert Latex().expression(operation(REGISTRY["abs"], ["x"], {})) == r"\left\lvert x \right\rvert"


@pytest.mark.parametrize("text", ["to_latex", "to_markdown", "to_dot", "to_text"])
def test_hostile_names_stay_in_their_place(text: str) -> None:
    names = [
        'a|b"];\nevil [x="',
        r"}\input{/etc/passwd}$",
        "<script>alert(1)</script>",
        "`x`",
        "\x1b[31m",
        "名&字%#_^~",
    ]
    document = getattr(explain(lambda p: sum(p.values(), 0.0) * np.ones(2), dict.fromkeys(names, 1.0)), text)()
    assert "\x1b" not in document
    if text == "to_dot":
        for line in document.splitlines():
            assert re.fullmatch(
                r"digraph explanation \{|\}|  (graph|node|edge) \[.*\];|  n\d+( -> n\d+)? \[.*\];", line
            )
            assert re.sub(r'"(?:[^"\\]|\\.)*"', "", line).count('"') == 0
    if text == "to_latex":
        assert r"\input" not in document
        balance = re.sub(r"\\[{}]", "", document)
        assert balance.count("{") == balance.count("}")
        assert document.replace(r"\$", "").count("$") % 2 == 0
    if text == "to_markdown":
        rows = [line for line in document.splitlines() if line.startswith("|")]
        assert {line.count("|") for line in rows} <= {4, 5, 6, 9, 10}
        assert "<script" not in document


def test_files(tmp_path: Path) -> None:
    e = explain("x**2", 3)
    for suffix, start in {".txt": "x**2", ".md": "###", ".tex": r"\subsection", ".dot": "digraph"}.items():
        file = e.save(tmp_path / "deep" / f"e{suffix}")
        assert file.read_text(encoding="utf-8").startswith(start)
    with pytest.raises(ArgumentError, match="needs a name in .html, .svg, .png"):
        e.save(tmp_path / "e.pdf")
    assert e._repr_markdown_() == e.to_markdown()
    assert repr(e) == str(e)


def test_it_is_at_the_top_of_the_package() -> None:
    assert wg.explain is explain
    assert wg.viz.Explanation is Explanation
