"""The kernels of single lines that are no loop nests: index arrays, random numbers, cumulative functions, places.

found = kernel_of(node)
if found is not None:
    kernel = found.write(module, "name", node)  # name(inputs …, result, [status], begin, end)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from wengert.compiler.native import cumulative, extrema, gathering, random, setting
from wengert.compiler.native.ir import Module
from wengert.compiler.native.kernel import Kernel
from wengert.core.tape import Node


class Entry(NamedTuple):
    """How one kind of line is written, and whether its kernel takes a status (set to 1 by an index out of bounds)."""

    supported: Callable[[Node], bool]
    write: Callable[[Module, str, Node], Kernel]
    status: bool = False


_ENTRIES = [
    Entry(gathering.supported, gathering.lower_gathering, status=True),
    Entry(random.supported, random.lower_random),
    Entry(cumulative.supported, cumulative.lower_cumulative),
    Entry(extrema.supported, extrema.lower_extremum),
    Entry(setting.supported, setting.lower_setitem),
]


def kernel_of(node: Node) -> Entry | None:
    """The entry that can write this line; None where there is none."""
    return next((entry for entry in _ENTRIES if entry.supported(node)), None)


__all__ = ["Entry", "kernel_of"]
