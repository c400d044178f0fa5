"""HIPS autograd's own tests on plain NumPy: exactly those written down as not passing do not pass.

The tests come from autograd's source distribution, which `make conformance` downloads.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
TESTS = HERE.parents[1] / "build" / "conformance" / "autograd" / "tests"
USABLE = HERE / "autograd_usable_tests.txt"
GROUPS = ["core", "numpy", "linalg", "fft", "complex", "containers", "flatten", "scipy", "policy", "xarray"]


def read(path: Path) -> dict[str, str]:
    """Lines ``word test   # remark`` as test -> word."""
    lines = (line.split(" # ")[0].split() for line in path.read_text().splitlines() if not line.startswith("#"))
    return {test: word for word, test in (line for line in lines if line)}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not TESTS.is_dir():
        pytest.skip(f"no folder {TESTS.relative_to(HERE.parents[1])}: `make conformance` fetches autograd's tests")
    pytest.importorskip("scipy")
    path = tmp_path_factory.mktemp("conformance") / "report.json"
    runner = [HERE / "run_autograd_suite.py", HERE / "wengert_adapter.py", "--tests", TESTS, "--list", USABLE]
    # In a process of its own: the runner puts modules named autograd into sys.modules.
    done = subprocess.run([sys.executable, *runner, "--json", path], capture_output=True, text=True)
    assert path.exists(), done.stdout + done.stderr
    return json.loads(path.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_autograds_tests_pass_but_the_known(report: dict[str, Any], group: str) -> None:
    if group == "xarray" and importlib.util.find_spec("xarray") is None:
        pytest.skip("xarray is not installed; its 13 tests pass where it is")
    known = read(HERE / "autograd_expected_failures.txt")
    expected = [test for test, word in read(USABLE).items() if word == group]
    outcomes = {test: report["tests"].get(test, "missing") for test in expected}
    failed = {test: report["messages"].get(test, outcomes[test]) for test in expected if outcomes[test] != "passed"}
    news = {test: message for test, message in failed.items() if test not in known}
    assert not news, f"{len(news)} tests of the group {group} fail that passed before"
    better = [test for test in expected if test in known and test not in failed]
    assert not better, "these pass now: take them out of autograd_expected_failures.txt"


def test_every_known_failure_is_a_usable_test() -> None:
    assert read(HERE / "autograd_expected_failures.txt").keys() <= read(USABLE).keys()
