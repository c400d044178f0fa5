"""Machine code and plans on disk, so that a program which was compiled once starts at once.

A file for each module, and one for each list (see `stored`): the name is the hash of everything the content depends on,
and it begins with a checksum of what follows. Whatever is wrong with a file or with the folder means that it is not
found; it is then made and written anew. Files appear complete or not at all, so that any number of processes may use a
folder. The code holds no addresses of a process: those come from the tables of programs.

``WENGERT_CACHE_DIR`` names the folder, else it is the system's for caches; ``WENGERT_CACHE=off`` asks for none.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from wengert.base.files import write_atomically

LIMIT = 256 << 20  # bytes that are kept; beyond, what was used longest ago goes
_SPARED = 0.8  # of the limit stays when something goes
_MAGIC = b"wengert2"  # the format; another one is another kind of file
_HEAD = len(_MAGIC) + 32
CODE, PLAN = ".code", ".plan"  # kinds of files
_STALE = 3600.0  # seconds after which a file that was never finished goes
_EVERY = 32  # files written between two looks at the size of the folder
_LOCK = threading.Lock()


class _State:
    """What this process knows of its folder."""

    warned = False
    written = 0
    found = 0
    missed = 0


class Entry(NamedTuple):
    """A file of the folder."""

    path: Path
    size: int
    used: float  # when it was written or read last, in seconds


def folder() -> Path | None:
    """The folder, whether it is there or not; None where there shall be none, or no place for one is known."""
    if os.environ.get("WENGERT_CACHE", "").lower() in ("off", "0", "no", "false"):
        return None
    named = os.environ.get("WENGERT_CACHE_DIR", "")
    if named:
        return Path(named)
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if shared:
        return Path(shared) / "wengert"
    local = os.environ.get("LOCALAPPDATA", "") if sys.platform == "win32" else ""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "wengert"
    return Path(local) / "wengert" / "Cache" if local else home / ".cache" / "wengert"


def key(*parts: str) -> str:
    """The name of what depends on these texts and on nothing else."""
    digest = hashlib.sha256(_MAGIC)
    for part in parts:
        content = part.encode()
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()


def load(name: str, kind: str = CODE) -> bytes | None:
    """What was stored under a name; None where there is nothing, or nothing whole."""
    place = folder()
    if place is None:
        return None
    path = place / f"{name}{kind}"
    try:
        with open(path, "rb") as file:
            if hasattr(os, "geteuid") and os.fstat(file.fileno()).st_uid not in (0, os.geteuid()):
                return None  # what somebody else put there is not run
            content = file.read()
    except OSError:
        return None
    body = content[_HEAD:]
    if content[:_HEAD] != _MAGIC + hashlib.sha256(body).digest():
        return None
    try:
        os.utime(path)  # it was used now
    except OSError:
        pass
    return body


def store(name: str, body: bytes, kind: str = CODE) -> None:
    """Keep something under a name; where that cannot be, it is said once."""
    place = folder()
    if place is None:
        return
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = _MAGIC + hashlib.sha256(body).digest() + body
        write_atomically(place / f"{name}{kind}", content, durable=False)
        with _LOCK:
            number, _State.written = _State.written, _State.written + 1
        if number % _EVERY == 0:
            shrink(place)
    except OSError as error:
        with _LOCK:
            warned, _State.warned = _State.warned, True
        if not warned:
            warnings.warn(
                f"compiled code cannot be kept in {place} ({error.strerror or error}); WENGERT_CACHE_DIR names "
                "another folder, WENGERT_CACHE=off asks for none",
                RuntimeWarning,
                stacklevel=2,
            )


def entries(place: Path) -> list[Entry]:
    """The files of a folder, those used longest ago first."""
    return sorted(_files(place, whole=True), key=lambda entry: entry.used)


def clear(place: Path) -> int:
    """Remove all files of a folder that are ours; returns how many."""
    return sum(_remove(entry.path) for whole in (True, False) for entry in _files(place, whole))


def shrink(place: Path, limit: int | None = None) -> None:
    """Remove what was used longest ago where all together is too large, and what was never finished."""
    limit = LIMIT if limit is None else limit
    for entry in _files(place, whole=False):
        if entry.used < time.time() - _STALE:
            _remove(entry.path)
    found = entries(place)
    total = sum(entry.size for entry in found)
    if total <= limit:
        return
    for entry in found:
        if total <= limit * _SPARED:
            return
        _remove(entry.path)
        total -= entry.size


def _files(place: Path, whole: bool) -> Iterator[Entry]:
    """The files of a folder that are whole, or those that are being written."""
    try:
        with os.scandir(place) as found:
            for file in found:
                begun = file.name.startswith(".") and any(f"{kind}." in file.name for kind in (CODE, PLAN))
                if file.name.endswith((CODE, PLAN)) if whole else begun:
                    try:
                        about = file.stat(follow_symlinks=False)
                    except OSError:  # somebody else removed it
                        continue
                    yield Entry(Path(file.path), about.st_size, about.st_mtime)
    except OSError:
        return


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:  # somebody else did, or may not
        return False
    return True


__all__ = ["CODE", "LIMIT", "PLAN", "Entry", "clear", "entries", "folder", "key", "load", "shrink", "store"]
