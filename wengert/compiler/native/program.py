"""A list as machine code: memory for what lies between its groups, the table of addresses, and calling it.

`Program` is called like the NumPy runner: with the values of the list's inputs, and it returns those of its outputs.
Lines without a native form run on NumPy in between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.compiler.native import call, engine, memory, poison
from wengert.compiler.native.driver import CLOSED, Place
from wengert.compiler.native.host import Host, windowed
from wengert.compiler.native.plan import Output, Plan, Segment
from wengert.compiler.native.threads import TEAM
from wengert.compiler.runner import Runner
from wengert.core.tape import Tape, Var

if TYPE_CHECKING:
    from wengert.compiler.native.writing import Writing


class Program:
    """A list ready to run on the processor: a plan, and the machine code it is for.

    `write` gives what these were made by, which is asked for only where somebody wants to see it; `given` is the list.
    """

    def __init__(self, plan: Plan, code: bytes, write: Callable[[], Writing], given: Tape) -> None:
        self.plan, self._write, self.given = plan, write, given
        self.threads = plan.threads
        self.lock = threading.RLock()
        members = TEAM.size if plan.threads else 1
        self.arena = memory.aligned(plan.arena)
        self.scratch = memory.aligned(plan.scratch * members)
        self.status = memory.aligned(64).view(np.int64)
        self._fill_table()
        self.library: engine.Library | None = None
        self.watch = poison.Watch(self) if memory.POISON else None
        self.calls: list[Any] = [Host(self, x) if not isinstance(x, Segment) else x for x in plan.calls]
        if any(type(x) is Segment for x in self.calls):
            self._load(code)

    @cached_property
    def writing(self) -> Writing:
        """The groups, kernels and texts."""
        return self._write()

    @property
    def whole(self) -> bool:
        """Whether it is one segment."""
        return self.plan.bound is not None

    def _fill_table(self) -> None:
        """The addresses of what stays where it is."""
        plan = self.plan
        self.table = np.zeros(plan.places, np.uint64)
        self.constants = {place: _kept(array) for place, array in plan.constants.items()}
        arrays = {Place.ARENA: self.arena, Place.SCRATCH: self.scratch, Place.STATUS: self.status} | self.constants
        for place, array in arrays.items():
            self.table[place] = array.ctypes.data
        objects = {Place.NONE: None, Place.REFUSED: NotImplemented, Place.FAILED: False, Place.ARRAY: np.ndarray}
        for place, thing in objects.items():
            self.table[place] = id(thing)
        for dtype, place in plan.dtypes.items():
            self.table[place] = id(memory.canonical(dtype))
        if plan.threads:
            self.table[Place.BARRIER] = TEAM.library.address("barrier")
        self.table[Place.TEAM] = TEAM.address

    def _load(self, code: bytes) -> None:
        """The functions that Python calls."""
        self.library = library = engine.Library(code)
        first = next(i for i, x in enumerate(self.calls) if type(x) is Segment)
        self.calls = [
            (self._function(library, x.name, x.new, i == first), x.new) if type(x) is Segment else x
            for i, x in enumerate(self.calls)
        ]
        if self.plan.bound is not None:
            self.fast = self._function(library, "bound", self.plan.bound)
            if self.plan.bound:
                self.rounds = self._function(library, "rounds", self.plan.bound)

    def _function(self, library: engine.Library, name: str, arrays: Sequence[Var], first: bool = True) -> Any:
        found = call.function(library, name, self.table)
        return self.watch.segment(found, arrays, first) if self.watch is not None else found

    def __call__(self, arguments: Sequence[Any]) -> list[Any] | None:
        """The outputs (the gate's is None), all in new arrays; None where the gate is closed."""
        with TEAM.lock if self.threads else self.lock:
            if self.threads:
                TEAM.gather()
            return self._run(arguments)

    def _run(self, arguments: Sequence[Any]) -> list[Any] | None:
        held: dict[Var, Any] = {x: a for x, a in zip(self.plan.inputs, arguments, strict=True)}  # noqa: C416
        for base in self.plan.allocated:
            held[base] = np.empty(base.shape, base.dtype)
        for step in self.calls:
            if type(step) is not tuple:
                step.run(held)
                continue
            answer = step[0](*[held[x] for x in step[1]])
            if answer is NotImplemented:
                for x in step[1]:
                    held[x] = memory.plain(held[x], x)
                answer = step[0](*[held[x] for x in step[1]])
            if answer is not None:
                assert answer is False, "arrays fit after they were laid out"
                if self.failed() == CLOSED:
                    return None
                return Runner(self.given)(arguments)  # which raises the error with all it has to say
        return [None if i == self.plan.gate else self.result(y, held) for i, y in enumerate(self.plan.outputs)]

    def failed(self) -> int:
        """What the latest call's status told of; it is forgotten."""
        status = int(self.status[0])
        self.status[0] = 0
        return status

    def result(self, y: Output, held: dict[Var, Any]) -> Any:
        if y.base is None:
            return y.value
        return held[y.base] if y.window is None else windowed(np.asarray(held[y.base]), y.window)


def _kept(value: np.ndarray) -> np.ndarray:
    """A copy of a constant, row by row."""
    array = memory.aligned(value.nbytes)[: value.nbytes].view(value.dtype)
    array[...] = value.reshape(-1)
    return array


__all__ = ["Program"]
