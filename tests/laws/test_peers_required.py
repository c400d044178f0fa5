"""A comparison that does not run is a skip where peers are optional and a failure where they are required."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "peers" / "conftest.py"
ABSENT = 'import pytest\npeer = pytest.importorskip("a_peer_nobody_has", reason="the peer is not installed")\n'
FILES = {
    "test_whole_file.py": ABSENT + "def test(): pass\n",
    "test_one_test.py": "def test():\n" + "".join(f"    {line}\n" for line in ABSENT.splitlines()),
    "test_marked.py": 'import pytest\n@pytest.mark.skip(reason="the peer is not installed")\ndef test(): pass\n',
    "test_runs.py": "def test(): pass\n",
}


def run_peers(folder: Path, workers: int, required: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = peers\n")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    options = ["-rs", "--continue-on-collection-errors", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, "-n", str(workers), str(folder)]
    environment = {**os.environ, "WENGERT_REQUIRE_PEERS": required}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("required", ["", "0"])
def test_skips_say_why_where_peers_are_optional(tmp_path: Path, required: str) -> None:
    run = run_peers(tmp_path, 0, required)
    assert run.returncode == 0 and "1 passed, 3 skipped" in run.stdout, run.stdout
    assert run.stdout.count("the peer is not installed") >= 3


@pytest.mark.parametrize("workers", [0, 2])
def test_skips_fail_where_peers_are_required(tmp_path: Path, workers: int) -> None:
    run = run_peers(tmp_path, workers, "1")
    assert run.returncode == 1 and "1 failed, 1 passed, 2 errors" in run.stdout, run.stdout
    assert run.stdout.count("this comparison did not run: Skipped: the peer is not installed") >= 3
