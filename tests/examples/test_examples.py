"""Every file of the folder `examples` runs in its short form and reaches its figures; the runner notices a miss."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples"


def load_runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_runner", FOLDER / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUNNER = load_runner()
NAMES = RUNNER.names()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_reaches_its_figures(name: str) -> None:
    figures, rules, _ = RUNNER.run(name, quick=True, seed=0, verbose=False)
    missed = {figure: (figures[figure], rule) for figure, rule in rules.items()
              if not RUNNER.is_reached(figures[figure], rule)}  # fmt: skip
    assert not missed


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is(name: str) -> None:
    example = RUNNER.load(name)
    text = example.__doc__ or ""
    for part in ("Source:", "Must reach:"):
        assert part in text, f"{name}: the docstring has no {part!r}"
    assert example.REACH.keys() == example.QUICK.keys()
    for rule in (*example.REACH.values(), *example.QUICK.values()):
        assert RUNNER.is_reached(float("nan"), rule) is False


def test_the_table_names_every_example_and_what_it_must_reach() -> None:
    rules: dict[str, dict[str, str]] = {}
    row = re.compile(r"^\| (?:\[(\w+)\]\(\1\.py\))? \| (.+) \| (\S+) \| (.+) \|$", re.MULTILINE)
    name = ""
    for found in row.finditer((FOLDER / "README.md").read_text()):
        name = found[1] or name
        rules.setdefault(name, {})[found[2]] = found[4]
        assert RUNNER.is_reached(float(found[3]), found[4]), f"{name}: {found[2]}"
    assert rules == {name: RUNNER.load(name).REACH for name in NAMES}


@pytest.mark.parametrize(
    ("value", "rule", "reached"),
    [
        (0.97, ">= 0.97", True),
        (0.9699, ">= 0.97", False),
        (0.1, "<= 0.1", True),
        (0.2, "<= 0.1", False),
        (4, "== 4", True),
        (3, "== 4", False),
        (True, "== 1", True),
        (-1.05, "-1 +- 0.1", True),
        (-1.2, "-1 +- 0.1", False),
    ],
)
def test_rules(value: float, rule: str, reached: bool) -> None:
    assert RUNNER.is_reached(value, rule) is reached


MODEL = '''"""Doc."""
REACH = {"figure": ">= 0.5"}
QUICK = REACH


def main(quick=False, seed=0):
    print("seen only with --verbose")
    return {"figure": VALUE}
'''


@pytest.mark.parametrize(("value", "code"), [("0.75", 0), ("0.25", 1), ("float('nan')", 1)])
def test_exit_code(tmp_path: Path, value: str, code: int) -> None:
    (tmp_path / "run.py").write_text((FOLDER / "run.py").read_text())
    (tmp_path / "planted.py").write_text(MODEL.replace("VALUE", value))
    run = [sys.executable, str(tmp_path / "run.py")]
    found = subprocess.run([*run, "planted", "--quick"], capture_output=True, text=True)
    assert found.returncode == code, found.stderr
    assert ("missed: planted: figure" in found.stdout) is bool(code)
    assert "seen only" not in found.stdout
    assert subprocess.run([*run, "absent"], capture_output=True).returncode == 2
