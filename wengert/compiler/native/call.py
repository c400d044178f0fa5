"""Calling machine code from Python: function objects whose body is generated code.

`PyCFunction_NewEx` makes a Python function of a C function's address; here that C function is generated too. A call
then costs what calling a function of a C extension costs, without there being one.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from wengert.compiler.native import engine

_FAST = 0x0080  # METH_FASTCALL: called with (self, arguments, their number)


class _Definition(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p),
    )  # fmt: skip


_new = ctypes.pythonapi.PyCFunction_NewEx
_new.restype = ctypes.py_object
_new.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]


def function(library: engine.Library, name: str, table: np.ndarray, kept: list[Any]) -> Any:
    """The C function ``name(self, arguments, count)`` of a library as a Python function; `self` is the table.

    `kept` has to live as long as the function is called.
    """
    definition = _Definition(name.encode(), library.address(name), _FAST, None)
    kept += [definition, library]
    return _new(ctypes.addressof(definition), table, None)


__all__ = ["function"]
