"""Calling machine code from Python: function objects whose body is generated code.

`PyCFunction_NewEx` makes a Python function of a C function's address; here that C function is generated too. A call
then costs what calling a function of a C extension costs, without there being one.

A *whole* call needs no Python at all: it looks at guards, makes the arrays of its results by NumPy's own interface,
runs the list, and calls the *general* way, a Python function, where anything is not as expected. What it has to know
is noted in a sheet, see `Sheet`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.native import engine

_FAST = 0x0080  # METH_FASTCALL: called with (self, arguments, their number)
_KEYWORDS = 0x0002  # METH_KEYWORDS: … and the names of those given by name, or NULL


class _Definition(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p),
    )  # fmt: skip


_new = ctypes.pythonapi.PyCFunction_NewEx
_new.restype = ctypes.py_object
_new.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]


def function(library: engine.Library, name: str, own: np.ndarray, *kept: Any, keywords: bool = False) -> Any:
    """The C function ``name(self, arguments, count)`` of a library as a Python function; `self` is the array `own`.

    With `keywords` it takes the names of keywords too. What is `kept` lives as long as it.
    """
    definition = _Definition(name.encode(), library.address(name), _FAST | keywords * _KEYWORDS, None)
    return _new(ctypes.addressof(definition), own, (definition, library.handle, *kept))


# ----- whole calls ----------------------------------------------------------------------------------------
class Sheet(IntEnum):
    """What a whole call knows: numbers, addresses of objects and of arrays of such, functions of Python and NumPy."""

    RECORDED = 0  # the count of changes at which the guards were last looked at, see `core.epoch`
    NAMES = 1  # rows (dict, name, object; 0 where there is none) that have to be so still
    NAMES_COUNT = 2
    CELLS = 3  # rows (cell of a closure, object)
    CELLS_COUNT = 4
    RESULTS = 5  # rows (dtype, address of the shape, whether a number is returned) of the results
    MAKE = 6  # what becomes of them, see `Make`
    KIND = 7  # the class of tensors
    FINISH = 8  # a function of the list of results
    GENERAL = 9
    VALUE = 10  # names of a tensor's attributes
    NODE = 11
    RECORDER = 12
    GET_ITEM = 13
    EMPTY = 14
    TO_NUMBER = 15
    SET_ATTRIBUTE = 16
    ALLOCATE = 17
    NEW_LIST = 18
    SET_ENTRY = 19
    CALL_ONE = 20
    VECTORCALL = 21
    RELEASE = 22
    THREAD = 23
    QUIET = 24  # whether it is for threads that do not record
    CALLS = 25  # how many went this way
    TABLE = 26  # the table of the program, an array


_FUNCTIONS = {
    Sheet.GET_ITEM: "PyDict_GetItem", Sheet.SET_ATTRIBUTE: "PyObject_SetAttr", Sheet.ALLOCATE: "PyType_GenericAlloc",
    Sheet.NEW_LIST: "PyList_New", Sheet.SET_ENTRY: "PyList_SetItem", Sheet.CALL_ONE: "PyObject_CallOneArg",
    Sheet.VECTORCALL: "PyObject_Vectorcall", Sheet.RELEASE: "Py_DecRef",
    Sheet.THREAD: "PyThread_get_thread_ident",
}  # fmt: skip
_ARRAYS = {Sheet.EMPTY: 184, Sheet.TO_NUMBER: 76}  # PyArray_Empty and PyArray_Return in NumPy's table of functions


class Make(IntEnum):
    """What a whole call returns: its only result, a tensor of it, or what a function makes of the list of results."""

    ARRAY = 0
    TENSOR = 1
    LIST = 2


class Whole(NamedTuple):
    """What a whole call is made of: guards, results as (shape, dtype, whether it is a number), and what is returned.

    ``tensor`` are the class of tensors and the names of its three attributes; ``quiet`` calls are those of threads that
    do not record.
    """

    names: Sequence[tuple[dict[str, Any], str, Any]]  # None in place of an object: there is none
    cells: Sequence[tuple[Any, Any]]
    results: Sequence[tuple[tuple[int, ...], np.dtype[Any], bool]]
    make: Make
    tensor: tuple[type, str, str, str]
    finish: Any
    general: Any
    quiet: bool

    def sheet(self, table: np.ndarray) -> tuple[np.ndarray, list[Any]]:
        """The sheet for a program with this table, and what has to live as long."""
        shapes = [np.array([*shape, 0], np.int64) for shape, _, _ in self.results]
        rows = [
            np.array([x for row in found for x in row], np.uint64)
            for found in (
                [(id(d), id(n), id(x[0]) if x else 0) for d, n, x in self.names],
                [(id(cell), id(x)) for cell, x in self.cells],
                [(id(d), s.ctypes.data, n) for (_, d, n), s in zip(self.results, shapes, strict=True)],
            )
        ]  # fmt: skip
        sheet = np.zeros(len(Sheet), np.uint64)
        for at, address in _functions().items():
            sheet[at] = address
        sheet[Sheet.NAMES], sheet[Sheet.NAMES_COUNT] = rows[0].ctypes.data, len(self.names)
        sheet[Sheet.CELLS], sheet[Sheet.CELLS_COUNT] = rows[1].ctypes.data, len(self.cells)
        sheet[Sheet.RESULTS], sheet[Sheet.MAKE] = rows[2].ctypes.data, self.make
        sheet[[Sheet.KIND, Sheet.VALUE, Sheet.NODE, Sheet.RECORDER]] = [id(x) for x in self.tensor]
        sheet[Sheet.FINISH], sheet[Sheet.GENERAL], sheet[Sheet.QUIET] = id(self.finish), id(self.general), self.quiet
        sheet[Sheet.TABLE] = id(table)
        return sheet, [self, table, *rows, *shapes]


@cache
def _functions() -> dict[Sheet, int]:
    """The addresses of Python's and NumPy's functions."""
    found = {at: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value for at, name in _FUNCTIONS.items()}
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = pointer(np._core._multiarray_umath._ARRAY_API, None)  # type: ignore[attr-defined]
    found |= {at: ctypes.c_void_p.from_address(table + 8 * number).value for at, number in _ARRAYS.items()}
    return {at: address or 0 for at, address in found.items()}


__all__ = ["Make", "Sheet", "Whole", "function"]
