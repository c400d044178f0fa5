"""A compiled step with the arrays it works on: parameters, gradients and state stay where they are between calls.

Machine code keeps the addresses of arrays outside. Before a call it looks whether these may be others now (the two
counters of `core.epoch`), and whether somebody besides their owner refers to an array that is written over (then its
number of references is another one): who holds on to an old value keeps it, as in eager code. Where either is so, the
addresses are noted anew, and an array somebody holds is replaced by a new one.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.compiler.native import memory
from wengert.compiler.native.driver import CLOSED
from wengert.compiler.native.driver import Place as At
from wengert.compiler.native.program import Program
from wengert.compiler.native.threads import TEAM
from wengert.core.epoch import EPOCH
from wengert.core.places import Place
from wengert.core.record import as_array
from wengert.core.tape import Input, Var

_empty = np.empty


class Closed(Exception):
    """The gate of a call was closed; nothing was written back."""


class Bound:
    """A program whose outer inputs are read from places, and some of whose outputs are written to places."""

    def __init__(self, program: Program, sources: Sequence[Place], written: dict[int, Place]) -> None:
        self.program, plan = program, program.plan
        self.given = len(plan.inputs) - len(sources)
        self.sources = [
            (place, x, plan.slots[x])
            for place, x in zip(sources, plan.inputs[self.given :], strict=True) if x in plan.slots
        ]  # fmt: skip
        self.targets = [(written[i], target) for i, target in plan.direct.items()]
        self.possible = program.whole and set(written) == set(plan.direct)
        self.results = [y for y in plan.bound or () if not isinstance(y, Input)]
        self.arguments = [y for y in plan.bound or () if isinstance(y, Input)]
        self.numbers = [plan.inputs.index(x) for x in self.arguments]
        self.kept: list[Any] = []  # copies of numbers outside
        self.known: dict[Var, tuple[int, list[tuple[int, int]]]] = {}
        self.made = [(tuple(b.shape), b.dtype) for b in self.results]
        self.outputs = plan.outputs[: plan.results]
        self.simple = [y.base for y in self.outputs] == self.results and all(y.window is None for y in self.outputs)
        self.pool = memory.Pool()
        self.small = not any(memory.is_large(shape, dtype) for shape, dtype in self.made)
        self.in_order = self.numbers == list(range(self.given))
        # Whether a call is nothing but the machine code, with results that need no second thought.
        plain = self.simple and self.small and self.in_order
        self.direct = self.possible and plain and not program.threads and program.watch is None
        self.noted = False
        program.table[At.EPOCH] = EPOCH.ctypes.data

    def __call__(self, leaves: Sequence[Any]) -> list[Any] | None:
        """The results of a call with arrays `leaves`; None where it has to be done by the general way."""
        if self.program.threads:
            with TEAM.lock:
                TEAM.gather()
                return self._call(leaves)
        return self._call(leaves)

    def _call(self, leaves: Sequence[Any]) -> list[Any] | None:
        fresh = [_empty(s, d) for s, d in self.made] if self.small else self.pool.arrays(self.made)
        given = leaves if self.in_order else [leaves[i] for i in self.numbers]
        answer = self.program.fast(*given, *fresh) if self.noted else NotImplemented
        if answer is NotImplemented:
            if not self.note():
                return None
            given = [memory.plain(x, v) for x, v in zip(given, self.arguments, strict=True)]
            answer = self.program.fast(*given, *fresh)
            if answer is NotImplemented:
                return None
        if answer is False:
            if self.program.failed() == CLOSED:
                raise Closed
            return None
        return fresh if self.simple else self._results(dict(zip(self.results, fresh, strict=True)), leaves)

    def repeat(self, n: int, leaves: Sequence[Any]) -> list[Any] | None:
        """The stacked results of `n` calls with the rows of `leaves`; None where there is no machine code for it.

        Raises `Closed` with the number of the call that failed; those before it were done.
        """
        plain = self.simple and self.possible and self.program.plan.bound and len(leaves) == len(self.numbers)
        if not plain or any(type(x) is not np.ndarray for x in leaves):
            return None
        if not self.program.threads:
            return self._repeat(n, leaves)
        with TEAM.lock:
            TEAM.gather()
            return self._repeat(n, leaves)

    def _repeat(self, n: int, leaves: Sequence[Any]) -> list[Any] | None:
        fresh = [np.empty((n, *shape), dtype) for shape, dtype in self.made]
        given = [np.ascontiguousarray(leaves[i]) for i in self.numbers]
        for _ in range(2):  # a second time with the addresses noted
            if self.noted:
                answer = self.program.rounds(*given, *fresh)
                if answer is None:
                    return fresh
                if answer is False:  # nothing of that round was written back
                    self.program.failed()
                    raise Closed(int(self.program.status[1]))
            if not self.note():
                return None
        return None

    def _results(self, held: dict[Any, Any], leaves: Sequence[Any]) -> list[Any]:
        for i, x in enumerate(self.program.plan.inputs):
            held[x] = leaves[i] if i < self.given else None
        for place, x, _ in self.sources:
            held[x] = as_array(place.read())
        return [self.program.result(y, held) for y in self.outputs]

    # ----- addresses
    def note(self) -> bool:
        """Note where everything is now; False where something has no array that could be written to."""
        self.noted = False
        if not self.possible:
            return False
        owned: list[tuple[int, int]] = []
        for place, target in self.targets:
            found = self._target(place, target.output, target.base)
            if found is None:
                return False
            owned += found
        table = self.program.table
        self.kept = []
        for place, x, slot in self.sources:
            array, _ = place.storage()
            if not _fits(array, x):
                array = memory.plain(as_array(place.read()), x).copy()
                self.kept.append(array)
            table[slot] = array.ctypes.data
        self.pairs = np.array(owned, np.int64).reshape(-1)
        table[At.OWNED], table[At.OWNED_COUNT] = self.pairs.ctypes.data, len(owned)
        table[At.SEEN], table[At.SEEN_ARRAYS] = EPOCH[:2]
        self.noted = True
        return True

    def _target(self, place: Place, y: Var, node: Var) -> list[tuple[int, int]] | None:
        """Note the array at a place that is written to, with its owners; a new one is put there if need be."""
        array, things = place.storage()
        if array is None:
            return None
        slot = self.program.plan.slots[node]
        known = self.known.get(node)
        self.program.table[slot] = array.ctypes.data  # a call by the general way may have left another one there
        if (
            known is not None
            and known[0] == id(array)
            and _fits(array, y)
            and [a for a, _ in known[1]][: len(things)] == list(map(id, things))
        ):
            del things
            array = None
            if all(_references(a) == count for a, count in known[1]):
                return known[1]
            array, things = place.storage()
        if things or not _fits(array, y):
            fresh = memory.aligned(array.nbytes)[: array.nbytes].view(y.dtype).reshape(y.shape)
            fresh[...] = array
            place.write(fresh)
            del fresh
            array, things = place.storage()
            if not _fits(array, y):
                return None
        self.program.table[slot] = array.ctypes.data
        # A window that somebody took refers to the memory's owner, not to the array it was taken of.
        addresses = [id(x) for x in (*things, *([] if array.base is None or not things else [array.base]))]
        self.known[node] = id(array), []
        del array, things
        owned = [(a, _references(a)) for a in addresses]
        self.known[node] = self.known[node][0], owned
        return owned


def _fits(array: Any, x: Any) -> bool:
    return (
        isinstance(array, np.ndarray) and array.dtype == x.dtype and array.shape == tuple(x.shape)
        and array.flags.c_contiguous and array.flags.aligned
    )  # fmt: skip


def _references(address: int) -> int:
    return ctypes.c_int64.from_address(address).value


__all__ = ["Bound", "Closed"]
