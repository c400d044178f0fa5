"""Writing files so that a crash leaves the old one or the new one, never half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes, durable: bool = True) -> Path:
    """Write a temporary file beside `path`, flush it to the disk, and rename it; then flush the folder.

    What can be made again need not be `durable`: then nothing is flushed, and a crash of the machine may lose it.

    A link stays, and what it points to is replaced. What is no file (a pipe, ``/dev/stdout``) is written to.
    """
    asked = Path(path)
    if asked.exists() and not asked.is_file():
        with open(asked, "wb") as stream:
            stream.write(content)
        return asked
    target = asked.resolve() if asked.is_symlink() else asked
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        # mkstemp's files are private; give the usual permissions of a new file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if durable and os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return asked
