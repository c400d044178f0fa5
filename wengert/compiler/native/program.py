"""A list as machine code: its groups in order, memory for what lies between them, and the functions that run them.

Lines without a native form run on NumPy between *segments* of kernels. `Program` is called like the NumPy runner: with
the values of the list's inputs, and it returns those of its outputs.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.native import call, engine, inplace, kernels, memory, pieces, poison
from wengert.compiler.native.block import Block, Step
from wengert.compiler.native.driver import (
    CLOSED,
    MORE,
    Gate,
    Job,
    Place,
    Region,
    is_large,
    of_table,
    segment,
)
from wengert.compiler.native.entries import Argument, entry, rounds, whole
from wengert.compiler.native.expand import expand
from wengert.compiler.native.fuse import Group
from wengert.compiler.native.host import Host, bytes_of, windowed
from wengert.compiler.native.ir import I8, PTR, Function, Module, Value
from wengert.compiler.native.threads import TEAM
from wengert.compiler.native.windows import Window
from wengert.compiler.runner import Runner
from wengert.core.tape import Const, Input, Node, Tape, Var


class Output(NamedTuple):
    """How a result is found: a fixed value, or a window of a variable's array (None: all of it)."""

    base: Var | None
    window: Window | None
    value: Any


class Program:
    """A list ready to run on the processor.

    The first `given` inputs are arguments of the call, the others (`outer`) lie at places of their own. The first
    `count` outputs are results, made anew by each call; the others are written back. `aliases` says for such an output
    which input is at the same place: there the new value may be written over the old one. Where the output `gate` is
    false, or an index out of bounds, none of them is written but those in `early`. ``direct`` are the outputs that a
    kernel writes to their places at once.
    """

    def __init__(self, tape: Tape, count: int | None = None, given: int | None = None,
                 aliases: Mapping[int, int] | None = None, gate: int | None = None,
                 early: Collection[int] = ()) -> None:  # fmt: skip
        self.given = tape
        self.count = len(tape.outputs) if count is None else count
        self.outer = set(() if given is None else tape.inputs[given:])
        aliases = aliases or {}
        guarded = set(range(self.count, len(tape.outputs))) - {gate, *early}
        self.tape = expand(tape)
        self.fusion = kernels.fused(self.tape, inplace.late(self.tape, guarded, gate))
        self.tape = inplace.apart(self.fusion, self.tape, self.count, aliases, gate, guarded)
        self.direct = inplace.written_back(self.fusion, self.tape, self.count, aliases, gate, guarded)
        replaced = ((node, aliases[i]) for i, node in self.direct.items() if i in aliases)
        self.over: dict[Var, Var] = {node: self.tape.inputs[number] for node, number in replaced}
        self.gate = None if gate is None else self.fusion.resolve(self.tape.outputs[gate])[0]
        self.gated = inplace.behind(self.fusion, self.direct, guarded, self.gate)
        self.gate_output = gate
        self.module = Module()
        kept = () if self.gate is None else (self.gate,)  # every segment that writes back looks at it
        self.block = Block(self.fusion, self.module, {}, kernels.writers, self._results(), kept)
        self.order, self.steps, self.offset = self.block.order, self.block.steps, self.block.offset
        self.arena_bytes = self.block.bytes
        self.arena = memory.aligned(self.arena_bytes)
        self.scratch_stride = -(-(self.block.scratch + memory.GUARD) // memory.ALIGNMENT) * memory.ALIGNMENT
        self.status = memory.aligned(64).view(np.int64)
        self.slots: dict[Var, int] = {}  # the place of outside variables in the table
        self.dtypes: dict[np.dtype[Any], int] = {}
        self.constants: dict[int, np.ndarray] = {}
        self.lock = threading.RLock()
        self._write()
        self._load()

    # ----- where things are
    def _results(self) -> dict[Var, None]:
        """The variables that hold the values of outputs, but for the gate."""
        found = [y for i, y in enumerate(self.tape.outputs) if isinstance(y, Var) and i != self.gate_output]
        return dict.fromkeys(self.fusion.resolve(y)[0] for y in found)

    def slot(self, base: Var) -> int:
        """The place of an outside variable's address in the table."""
        if base not in self.slots:
            place = self._next()
            self.slots[base] = place
            if isinstance(base, Const):
                value = np.asarray(base.value)
                array = memory.aligned(value.nbytes)[: value.nbytes].view(value.dtype)
                array[...] = value.reshape(-1)
                self.constants[place] = array
        return self.slots[base]

    def _next(self) -> int:
        return int(Place.FIRST) + len(self.slots) + len(self.dtypes)

    # ----- writing
    def _write(self) -> None:
        """The functions around the kernels."""
        jobs: dict[Group, list[Job]] = {}
        for s in self.steps:
            jobs.setdefault(s.group, []).append(self._job(s))
        self.threads = TEAM.size > 1 and is_large(job for found in jobs.values() for job in found)
        made = [b for b in self._results() if isinstance(b, Node) and self.fusion.home[b].kind != "host"]
        self.outputs = [self._output(y) for y in self.tape.outputs]
        self.hosts = {g: Host(self, g.nodes[0]) for g in self.order if g.kind == "host"}
        runs: list[Any] = []
        for group in self.order:
            if group.kind == "host":
                runs.append(self.hosts[group])
            elif runs and isinstance(runs[-1], list):
                runs[-1] += jobs[group]
            else:
                runs.append(list(jobs[group]))
        for step in self.steps:
            for base in step.bases:
                if base not in self.offset:
                    self.slot(base)
        self.inputs = [i for i, x in enumerate(self.tape.inputs) if x in self.slots]
        self.allocated = [(b, tuple(b.shape), b.dtype) for b in made if b in self.slots]
        self._functions(runs)

    def _functions(self, runs: list[Any]) -> None:
        """A segment for each run of kernels, with the entry that is given the arrays that are new by then."""
        new: list[Var] = [*(self.tape.inputs[i] for i in self.inputs), *(b for b, _, _ in self.allocated)]
        self.plan: list[Any] = []
        for run in runs:
            if isinstance(run, Host):
                self.plan.append(run)
                if run.node in self.slots:
                    new.append(run.node)
                continue
            number = len(self.plan)
            segment(self.module, f"segment{number}", run, self.threads, self._gate(run))
            arguments = [self._argument(x) for x in new]
            entry(self.module, f"entry{number}", f"segment{number}", arguments, self.threads, bound=False)
            self.plan.append((f"entry{number}", new))
            new = []
        self.whole = len(self.plan) == 1 and type(self.plan[0]) is tuple
        if self.whole:
            inside = set(self.direct.values())
            self.bound = [x for x in self.plan[0][1] if x not in inside and x not in self.outer]
            arguments = [self._argument(x) for x in self.bound]
            entry(self.module, "bound", "segment0", arguments, self.threads, bound=True)
            results = [len(x.shape) for x in self.bound if not isinstance(x, Input)]
            if not self.threads:
                whole(self.module, "call", "bound", len(arguments) - len(results), results)
            if arguments:
                rounds(self.module, "rounds", "segment0", arguments, self.threads)
        self.text = self.module.text()

    def _gate(self, run: list[Job]) -> Gate | None:
        """From which kernel of a segment on the gate has to be open."""
        first = next((i for i, job in enumerate(run) if job.gated), None)
        if first is None:
            return None
        gate = self.gate
        return Gate(first, None if gate is None else lambda f: self._address(f, gate))

    def _argument(self, x: Var) -> Argument:
        if not isinstance(x, Input):
            return Argument(self.slots[x], bytes=bytes_of(x))
        if x.dtype not in self.dtypes:
            self.dtypes[x.dtype] = self._next()
        return Argument(self.slots[x], self.dtypes[x.dtype], tuple(x.shape), bytes_of(x))

    def _job(self, step: Step) -> Job:
        def arguments(f: Function) -> list[Value]:
            more = {
                "scratch": lambda: f.once("scratch", lambda: self._scratch(f)), "team": lambda: f["team"],
                "status": lambda: of_table(f, Place.STATUS), "barrier": lambda: of_table(f, Place.BARRIER),
            }  # fmt: skip
            return [*(self._address(f, x) for x in step.bases), *(more[m]() for m in MORE[step.group.kind])]

        written = step.written
        gated = step.group in self.gated
        return Job(step.kernel, gated, arguments, [self._region(b) for b in step.bases if b not in written],
                   [self._region(b) for b in step.bases if b in written])  # fmt: skip

    def _scratch(self, f: Function) -> Value:
        """Where the scratch memory of this member of the team lies."""
        scratch = f.load(f["table"], PTR, int(Place.SCRATCH))
        return f.at(scratch, f["member"] * self.scratch_stride, I8) if self.threads else scratch

    def _region(self, base: Var) -> Region:
        if base in self.offset:
            return Region(0, self.offset[base], self.offset[base] + bytes_of(base))
        return Region(1 + self.over.get(base, base).number, 0, 1)  # the new value lies where the old one was

    def _address(self, f: Function, base: Var) -> Value:
        if base in self.offset:
            return f.at(of_table(f, Place.ARENA), self.offset[base], I8)
        return f.load(f["table"], PTR, self.slot(base))

    def _output(self, y: Any) -> Output:
        if not isinstance(y, Var):
            return Output(None, None, y)
        base, window = self.fusion.resolve(y)
        if isinstance(base, Const):
            return Output(None, None, windowed(np.asarray(base.value), window))
        return Output(base, None if window.whole and window.shape == tuple(base.shape) else window, None)

    # ----- running
    def _load(self) -> None:
        """Machine code, the table of addresses, and the functions that Python calls."""
        members = TEAM.size if self.threads else 1
        self.scratch = memory.aligned(self.scratch_stride * members)
        self.table = np.zeros(self._next() + 1, np.uint64)
        arrays = {Place.ARENA: self.arena, Place.SCRATCH: self.scratch, Place.STATUS: self.status} | self.constants
        for place, array in arrays.items():
            self.table[place] = array.ctypes.data
        objects = {Place.NONE: None, Place.REFUSED: NotImplemented, Place.FAILED: False, Place.ARRAY: np.ndarray}
        for place, thing in objects.items():
            self.table[place] = id(thing)
        for dtype, place in self.dtypes.items():
            self.table[place] = id(dtype)
        if self.threads:
            self.table[Place.BARRIER] = TEAM.library.address("barrier")
        self.table[Place.TEAM] = TEAM.address
        self.library: engine.Library | None = None
        self.watch = poison.Watch(self) if memory.POISON else None
        if any(type(x) is tuple for x in self.plan):
            self.library = library = engine.Library(engine.object_code(self.text, self._pieces))
            first = next(i for i, x in enumerate(self.plan) if type(x) is tuple)
            self.plan = [
                (self._function(library, x[0], x[1], i == first), x[1]) if type(x) is tuple else x
                for i, x in enumerate(self.plan)
            ]
            if self.whole:
                self.fast = self._function(library, "bound", self.bound)
                if self.bound:
                    self.rounds = self._function(library, "rounds", self.bound)

    def _pieces(self) -> list[str]:
        return pieces.cut(self.module, TEAM.size)

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
        held: dict[Var, Any] = {x: a for x, a in zip(self.tape.inputs, arguments, strict=True)}  # noqa: C416
        for base, shape, dtype in self.allocated:
            held[base] = np.empty(shape, dtype)
        for step in self.plan:
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
        return [None if i == self.gate_output else self._result(y, held) for i, y in enumerate(self.outputs)]

    def failed(self) -> int:
        """What the latest call's status told of; it is forgotten."""
        status = int(self.status[0])
        self.status[0] = 0
        return status

    def _result(self, y: Output, held: dict[Var, Any]) -> Any:
        if y.base is None:
            return y.value
        return held[y.base] if y.window is None else windowed(np.asarray(held[y.base]), y.window)


__all__ = ["Output", "Program"]
