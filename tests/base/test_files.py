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


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    files.write_atomically(tmp_path / "real" / "file.txt", b"old")
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "real" / "file.txt")
    assert files.write_atomically(link, b"new") == link
    assert link.is_symlink() and (tmp_path / "real" / "file.txt").read_bytes() == b"new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.txt", "real"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are of POSIX")
def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert files.write_atomically(pipe, b"through") == pipe
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert pipe.is_fifo() and [p.name for p in tmp_path.iterdir()] == ["pipe"]
    with pytest.raises(IsADirectoryError):
        files.write_atomically(tmp_path, b"")


def test_what_can_be_made_again_is_not_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    target = tmp_path / "file.bin"
    files.write_atomically(target, b"first", durable=False)
    assert (target.read_bytes(), flushed) == (b"first", [])
    files.write_atomically(target, b"second")
    assert (target.read_bytes(), len(flushed)) == (b"second", 2 if os.name == "posix" else 1)
