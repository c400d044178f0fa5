"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wengert.base import files


def test_content_arrives_and_nothing_else_stays(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "file.bin"
    assert files.write_atomically(target, b"first") == target
    files.write_atomically(target, b"second")
    assert target.read_bytes() == b"second"
    assert [p.name for p in target.parent.iterdir()] == ["file.bin"]


def test_a_failure_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = files.write_atomically(tmp_path / "file.txt", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]
