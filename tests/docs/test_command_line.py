"""The commands in `docs/command-line.md` run, in their order, and print what the text shows, but for the figures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = ROOT / "docs" / "command-line.md"
FENCE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SKIPPED = "…"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the commands are written for a POSIX shell")


def commands(text: str) -> list[tuple[str, str]]:
    """Each command and what the text shows below it."""
    found: list[tuple[str, str]] = []
    for block in FENCE.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append((command, shown))
    return found


def pattern(shown: str) -> re.Pattern[str]:
    """What an output must look like: figures are figures, blanks are blanks, and a line of … stands for any lines."""
    lines = []
    for line in shown.splitlines():
        if line == SKIPPED:
            lines.append(r"(?:.*\n)*?")
            continue
        words = [re.sub(r"\d+(?:\\\.\d+)?", r"[\\d.]+", re.escape(word)) for word in line.split()]
        lines.append(r"[ ]*" + r"[ ]+".join(words) + r"[ ]*\n")
    return re.compile("".join(lines))


@pytest.fixture
def environment(tmp_path):
    """A folder with `wengert` in it, as an installation puts it on the path."""
    program = tmp_path / "bin" / "wengert"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wengert.cli.main "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"}


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    return done.stdout


def test_every_command_prints_what_is_shown(tmp_path, environment) -> None:
    work = tmp_path / "work"
    work.mkdir()
    found = commands(CHAPTER.read_text(encoding="utf-8"))
    assert len(found) > 12
    for command, shown in found:
        printed = run(command, work, environment)
        assert pattern(shown).fullmatch(printed), f"$ {command}\n{printed}\nshown:\n{shown}"


def test_another_output_is_noticed() -> None:
    assert pattern("a  b 3\n…\nend 1.5\n").fullmatch(" a b 4 \nmore\nlines\nend 2.25\n")
    for other in ("a c 3\nend 1\n", "a b 3\nend x\n", "a b 3\n", "a b 3\nend 1\nrest\n"):
        assert not pattern("a  b 3\n…\nend 1.5\n").fullmatch(other)
