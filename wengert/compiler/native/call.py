"""Calling machine code from Python: function objects whose body is generated, and the table of pointers they read.

`ctypes.pythonapi.PyCFunction_NewEx` makes a Python function of a C function's address; that C function is generated
code too. A call then costs what calling a function of a C extension costs, without there being one.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np

from wengert.compiler.native import engine

_NO_ARGUMENTS, _FAST = 0x0004, 0x0080  # METH_NOARGS, METH_FASTCALL


class _Definition(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p),
    )  # fmt: skip


_new = ctypes.pythonapi.PyCFunction_NewEx
_new.restype = ctypes.py_object
_new.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]


def load(text: str) -> engine.Library:
    """Machine code of a module's text."""
    return engine.Library(engine.object_code(text))


class Entry:
    """The way into a library: its table of pointers, and its functions as Python's."""

    def __init__(self, library: engine.Library, table: np.ndarray, status: np.ndarray) -> None:
        self.library, self.table, self.status = library, table, status
        self.lock = threading.RLock()
        self._kept: list[Any] = []
        self._start = table.ctypes.data

    def function(self, name: str) -> Any:
        """A function ``name(table)`` of the library as a Python function without arguments."""
        native = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.library.address(name))
        start = self._start
        return lambda: native(start)

    def point(self, place: int, array: np.ndarray) -> None:
        """Put an array's address into the table."""
        self.table[place] = array.ctypes.data


__all__ = ["Entry", "load"]
