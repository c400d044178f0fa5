"""A list's name: the hash of everything its machine code depends on, so that it is found again in another process.

It is made of the list as it was recorded, which takes far less time than to write its kernels. Lists with parts of
unknown meaning, such as operations that a user registered, have none; they are written anew in each process.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import EllipsisType
from typing import Any

import numpy as np

from wengert.compiler.native import cache as disk
from wengert.compiler.native import engine
from wengert.compiler.native.threads import TEAM
from wengert.core.primitive import REGISTRY
from wengert.core.tape import Const, Input, Node, Tape, Var
from wengert.ops import BUILTIN
from wengert.transforms.loops import SCAN, SWITCH, WHILE

# What a user registers may mean something else in another process.
_OWN = BUILTIN | {prim.name for prim in (SCAN, SWITCH, WHILE)}
_MOST = 64 << 20  # bytes of constants that are looked at
_SOURCES = ("base", "core", "ops", "transforms", "compiler")  # what decides how a list is written
_PLAIN = (bool, int, float, complex, str, type(None), EllipsisType)


class Unknown(Exception):
    """A part of a list that two processes may understand differently."""


def name(tape: Tape, options: Iterable[Any]) -> tuple[str, list[Any]] | None:
    """The name of a list that is compiled with these options, and its constants in order; None where it has none."""
    words = _Words()
    try:
        text = "\n".join([*words.lines(tape), words.mark(tuple(options))])
        made_by = sources()
    except (Unknown, OSError):
        return None
    # NumPy computes what depends on constants alone.
    return disk.key("list", text, *engine.setting(), np.__version__, str(TEAM.size), made_by), words.constants


@cache
def sources() -> str:
    """The hash of the files of this package that have to do with compiling."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    count = 0
    for part in _SOURCES:
        for folder, folders, files in os.walk(root / part):
            folders.sort()
            for file in sorted(files):
                if file.endswith(".py"):
                    digest.update(file.encode() + b"\0")
                    digest.update((Path(folder) / file).read_bytes())
                    count += 1
    if not count:
        raise Unknown  # there are only compiled ones
    return digest.hexdigest()


class _Words:
    """Lists in words: variables by the order in which they appear, constants by their content."""

    def __init__(self) -> None:
        self.numbers: dict[Var, int] = {}
        self.next = itertools.count()  # a list that stands in two places is told anew, with other numbers
        self.constants: list[Any] = []
        self.bytes = 0

    def lines(self, tape: Tape) -> Iterator[str]:
        for x in tape.inputs:
            self.numbers[x] = next(self.next)
            yield f"{tuple(x.shape)}{self.mark(x.dtype)}"
        for node in tape.nodes:
            if node.prim.name not in _OWN or REGISTRY[node.prim.name] is not node.prim:
                raise Unknown
            operands = ",".join(map(self.mark, node.inputs))
            attrs = ",".join(f"{k}={self.mark(v)}" for k, v in node.attrs.items())
            self.numbers[node] = next(self.next)
            yield f"{node.prim.name}({operands}){attrs}"
        yield ",".join(map(self.mark, tape.outputs))

    def mark(self, x: Any) -> str:
        """A value as a text that equal values share and others do not."""
        kind = type(x)
        if kind in _PLAIN:
            return f"{kind.__name__} {x!r}"
        if isinstance(x, Node | Input):
            if x not in self.numbers:
                raise Unknown
            return f"v{self.numbers[x]}"
        if isinstance(x, Const):
            return self._constant(x)
        if isinstance(x, np.dtype):
            return f"dtype {x.str}"
        if isinstance(x, np.generic) and x.dtype.kind in "biufc":
            return f"number {x.dtype.str} {x.tobytes().hex()}"
        if isinstance(x, tuple | list):
            return f"{_title(kind)}({','.join(map(self.mark, x))})"
        if isinstance(x, dict):
            return f"{_title(kind)}({','.join(f'{self.mark(k)}:{self.mark(v)}' for k, v in x.items())})"
        if isinstance(x, set | frozenset):
            return f"{_title(kind)}({','.join(sorted(map(self.mark, x)))})"
        if kind is slice:
            return f"slice{self.mark((x.start, x.stop, x.step))}"
        if kind is Tape:
            return "{" + ";".join(self.lines(x)) + "}"
        if isinstance(x, type):
            return f"type {_title(x)}"
        raise Unknown

    def _constant(self, x: Const) -> str:
        if x not in self.numbers:
            if not isinstance(x.value, np.ndarray | np.generic) or x.value.dtype.kind not in "biufc":
                raise Unknown
            value = np.asarray(x.value)
            self.bytes += value.nbytes
            if self.bytes > _MOST:
                raise Unknown
            self.numbers[x] = next(self.next)
            self.constants.append(value)
            content = hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()
            # How it lies in memory decides the order of sums that are computed while compiling.
            return f"c{self.numbers[x]} {value.dtype.str}{value.shape}{value.strides} {content}"
        return f"c{self.numbers[x]}"


def _title(kind: type) -> str:
    if kind.__module__.split(".")[0] not in ("builtins", "numpy", "wengert"):
        raise Unknown
    return f"{kind.__module__}.{kind.__qualname__}"


__all__ = ["name", "sources"]
