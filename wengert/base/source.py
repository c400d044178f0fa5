"""The user's source line: captured in two attribute reads, formatted only when somebody looks.

A recorded operation remembers `(code, lasti)` of the first frame outside this package; turning
that into ``file:line in function`` costs a file read and is therefore left to `describe`.
"""

from __future__ import annotations

import linecache
import os
import sys
from types import CodeType, FrameType

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class _Internal(dict[str, bool]):
    """Remembers for each file name whether it belongs to this package (or is no file at all)."""

    def __missing__(self, filename: str) -> bool:
        path = os.path.abspath(filename) if not filename.startswith("<frozen") else filename
        inside = path.startswith(_PACKAGE) or filename.startswith("<frozen")
        self[filename] = inside
        return inside


INTERNAL = _Internal()


def user_frame(depth: int = 1) -> FrameType | None:
    """The innermost frame, at least `depth` calls up, whose code is not part of this package."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None and INTERNAL[frame.f_code.co_filename]:
        frame = frame.f_back
    return frame


def capture() -> tuple[CodeType | None, int]:
    """The code and byte-code offset of the user's line, for the recording functions (`bind` and one below it)."""
    frame: FrameType | None = sys._getframe(3)
    while frame is not None:
        code = frame.f_code
        if not INTERNAL[code.co_filename]:
            return code, frame.f_lasti
        frame = frame.f_back
    return None, 0


def line_number(code: CodeType, lasti: int) -> int:
    """The source line that byte-code offset `lasti` of `code` was compiled from."""
    for start, end, line in code.co_lines():
        if start <= lasti < end:
            return line or code.co_firstlineno
    return code.co_firstlineno


def describe(code: CodeType | None, lasti: int) -> str:
    """``file.py:12 in function``, or an empty string where nothing was captured."""
    if code is None:
        return ""
    name = os.path.basename(code.co_filename)
    return f"{name}:{line_number(code, lasti)} in {code.co_name}"


def source_text(code: CodeType | None, lasti: int) -> str:
    """The text of the user's line, stripped, or an empty string where the file cannot be read."""
    if code is None:
        return ""
    return linecache.getline(code.co_filename, line_number(code, lasti)).strip()


def user_line(depth: int = 2) -> str:
    """Where in the user's program we are now, as `describe` words it."""
    frame = user_frame(depth)
    return "" if frame is None else describe(frame.f_code, frame.f_lasti)
