"""``wengert explain``, run as a user runs it: tables, files, errors without traceback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import wengert as wg
from wengert.cli.main import app

GOLDENS = {g["id"]: g for g in json.loads((Path(__file__).parents[1] / "lectures" / "goldens.json").read_text())}
LINE = ["exp(w*x + b)", "w=2", "x=3", "b=-4"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wengert.cli.main", "explain", *arguments],
        capture_output=True, text=True, check=False, timeout=120, encoding="utf-8",
    )  # fmt: skip


def quick(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["explain", *arguments])
    assert result.exit_code == 0, result
    return result.stdout


def test_the_lectures_example() -> None:
    done = run(*LINE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == str(wg.explain("exp(w*x + b)", w=2, x=3, b=-4))
    for figure in ("7.389056", "14.77811", "22.16717", "forward mode 6", "reverse mode 4"):
        assert figure in done.stdout


@pytest.mark.parametrize(
    ("name", "formula", "wanted"),
    [
        ("G11", "0.5*(y - sigmoid(w2*sigmoid(w1*x)))**2", {"w1": "dL_dw1", "w2": "dL_dw2"}),
        ("G12", "((1/(1 + exp(-(w*x + b)))) - t)**2/2", {"w": "adj_w", "x": "adj_x", "b": "adj_b", "t": "adj_t"}),
        ("G21", "x1*x2 + sin(x1)", {"x1": "adj_w1", "x2": "adj_w2"}),
    ],
)
def test_the_worked_examples_are_printed(name: str, formula: str, wanted: dict[str, str]) -> None:
    golden = GOLDENS[name]
    shown = quick(formula, *(f"{n}={x}" for n, x in golden["inputs"].items()), "--digits", "15")
    backward = shown.partition("Backward")[2].partition("\n\n")[0]
    rows = [re.split(r"\s{2,}", line.strip()) for line in backward.splitlines()]
    adjoints = {row[0].rpartition("/")[2]: float(row[-1]) for row in rows if row[0].startswith("∂")}
    for by, key in wanted.items():
        assert adjoints[f"∂{by}"] == pytest.approx(golden["expected"][key], rel=1e-12), by


def test_a_terminal_gets_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    shown = quick(*LINE, "--digits", "4")
    assert "\x1b[" in shown
    for words in ("Forward", "Local derivatives", "Backward", "14.78", "───"):
        assert words in shown


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["--format", "markdown"], "### <code>exp"), (["--format", "latex"], r"\subsection*"),
        (["--format", "dot"], "digraph"), (["--format", "text"], "exp(w*x + b)\n"),
    ],
)  # fmt: skip
def test_formats(arguments: list[str], start: str) -> None:
    assert quick(*LINE, *arguments).startswith(start)


def test_files(tmp_path: Path) -> None:
    for name, extra, start in [("a.md", [], "###"), ("b.tex", [], r"\subs"), ("c", ["--format", "dot"], "digraph")]:
        target = tmp_path / "new" / name
        assert quick(*LINE, "--out", str(target), *extra).replace("\n", "") == f"Written: {target}"
        assert target.read_text(encoding="utf-8").startswith(start)


def test_values_and_a_formula_that_begins_with_a_minus() -> None:
    assert "[-1, -2]" in quick("-x*y", "x=[1, 2]", "y = cos(0)")
    assert "0.7853982" in quick("-x", "x=pi/4")
    assert "1e-05" in quick("x", "x=1e-5")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["exp(w*x", "w=2"], "formula: '(' was never closed\n  exp(w*x\n     ^"),
        (["__import__(os)"], "__import__ is no known function"),
        (["w*x", "w=2"], "no value for x"),
        (["w*x", "w=2", "x=3", "q=1"], "q is not in it; needs w, x"),
        (["w*x", "w=2", "w=3"], "w is given twice"),
        (["w*x", "w=2", "x=3", "--fromat", "dot"], "no such option: --fromat"),
        (["w*x", "w"], "got 'w'; needs a value such as w=2"),
        (["x", "x=y"], "the value of x is 'y'; needs a number"),
        (["x", "x=9**9**9"], "the exponent is too large"),
        (["x", "x=[1,[2]]"], "x has no numbers as value"),
        (["x", "x=[1,"], "is no list of numbers"),
        (["x", "x=" + "[" * 5000], "is no list of numbers"),
        (["x", "x=[" + "1," * 9000 + "1]"], "too long"),
        (["x", "x=1", "--format", "png"], "--format: got 'png'; needs one of text"),
        (["x", "x=1", "--out", "picture.pdf"], "needs a name in .html, .svg"),
        (["a @ b", "a=[1,2]", "b=[1,2,3]"], "matmul"),
    ],
)
def test_errors_have_no_traceback(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout
