"""What Python has to know to call a list's machine code: which arrays go where, and what is returned.

A plan holds no part of the list, so it can be kept on disk with the code (`stored`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.native.windows import Window
from wengert.core.tape import Node, Var


class Output(NamedTuple):
    """How a result is found: a fixed value, or a window of a variable's array (None: all of it)."""

    base: Var | None
    window: Window | None
    value: Any


class Target(NamedTuple):
    """An output that a kernel writes to its place: the variable that lies there, and the output it is."""

    base: Var
    output: Var


class Segment(NamedTuple):
    """A run of kernels: the entry that starts it, and the arrays that are new by then."""

    name: str
    new: list[Var]


class Plan(NamedTuple):
    """How machine code is called. Variables stand for arrays outside of the arena: inputs and results."""

    inputs: list[Var]
    outputs: list[Output]
    results: int  # so many of the outputs are made anew by each call
    gate: int | None  # the number of the output that tells whether anything is written
    direct: dict[int, Target]  # outputs that kernels write to their places
    slots: dict[Var, int]  # where in the table an array's address is
    dtypes: dict[np.dtype[Any], int]
    constants: dict[int, np.ndarray]
    allocated: list[Var]  # results that are made before the call
    calls: list[Segment | Node]  # in order, with the lines that are left to NumPy
    bound: list[Var] | None  # what the entry of a program that is one segment is given
    threads: bool
    arena: int  # bytes
    scratch: int  # bytes for each member of the team
    places: int  # in the table


__all__ = ["Output", "Plan", "Segment", "Target"]
