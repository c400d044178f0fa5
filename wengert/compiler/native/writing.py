"""A list as text for LLVM: its groups in order, memory for what lies between them, and the functions that run them.

Lines without a native form run on NumPy between *segments* of kernels. What Python has to know to call the machine code
is put down in a `Plan`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from wengert.compiler.native import engine, inplace, kernels, memory, pieces
from wengert.compiler.native.block import Block, Step
from wengert.compiler.native.driver import MORE, Gate, Job, Place, Region, is_large, of_table, segment
from wengert.compiler.native.entries import Argument, entry, rounds, whole
from wengert.compiler.native.expand import expand
from wengert.compiler.native.fuse import Group
from wengert.compiler.native.host import bytes_of, windowed
from wengert.compiler.native.ir import I8, PTR, Function, Module, Value
from wengert.compiler.native.plan import Output, Plan, Segment, Target
from wengert.compiler.native.threads import TEAM
from wengert.core.tape import Const, Input, Node, Tape, Var


class Writing:
    """A list written for the processor.

    The first `given` inputs are arguments of the call, the others (`outer`) lie at places of their own. The first
    `count` outputs are results, made anew by each call; the others are written back. `aliases` says for such an output
    which input is at the same place: there the new value may be written over the old one. Where the output `gate` is
    false, or an index out of bounds, none of them is written but those in `early`. ``direct`` are the outputs that a
    kernel writes to their places at once.
    """

    def __init__(self, tape: Tape, count: int | None = None, given: int | None = None,
                 aliases: Mapping[int, int] | None = None, gate: int | None = None,
                 early: Collection[int] = ()) -> None:  # fmt: skip
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
        self.scratch_stride = -(-(self.block.scratch + memory.GUARD) // memory.ALIGNMENT) * memory.ALIGNMENT
        self.slots: dict[Var, int] = {}  # the place of outside variables in the table
        self.dtypes: dict[np.dtype[Any], int] = {}
        self.constants: dict[int, np.ndarray] = {}
        self._write()

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
                self.constants[place] = np.asarray(base.value)
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
        runs: list[Any] = []
        for group in self.order:
            if group.kind == "host":
                runs.append(group.nodes[0])
            elif runs and isinstance(runs[-1], list):
                runs[-1] += jobs[group]
            else:
                runs.append(list(jobs[group]))
        for step in self.steps:
            for base in step.bases:
                if base not in self.offset:
                    self.slot(base)
        self.allocated = [b for b in made if b in self.slots]
        self._functions(runs)
        self.text = self.module.text()

    def _functions(self, runs: list[Any]) -> None:
        """A segment for each run of kernels, with the entry that is given the arrays that are new by then."""
        new: list[Var] = [*(x for x in self.tape.inputs if x in self.slots), *self.allocated]
        self.calls: list[Segment | Node] = []
        for run in runs:
            if isinstance(run, Node):
                self.calls.append(run)
                if run in self.slots:
                    new.append(run)
                continue
            number = len(self.calls)
            segment(self.module, f"segment{number}", run, self.threads, self._gate(run))
            arguments = [self._argument(x) for x in new]
            entry(self.module, f"entry{number}", f"segment{number}", arguments, self.threads, bound=False)
            self.calls.append(Segment(f"entry{number}", new))
            new = []
        self.bound: list[Var] | None = None
        if len(self.calls) == 1 and isinstance(self.calls[0], Segment):
            self.bound = self._whole(self.calls[0])

    def _whole(self, only: Segment) -> list[Var]:
        """The entries of a program that is one segment, for calls with the addresses of all but these arrays noted."""
        inside = set(self.direct.values())
        found = [x for x in only.new if x not in inside and x not in self.outer]
        arguments = [self._argument(x) for x in found]
        entry(self.module, "bound", "segment0", arguments, self.threads, bound=True)
        results = [len(x.shape) for x in found if not isinstance(x, Input)]
        if not self.threads:
            whole(self.module, "call", "bound", len(arguments) - len(results), results)
        if arguments:
            rounds(self.module, "rounds", "segment0", arguments, self.threads)
        return found

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

    # ----- what comes of it
    @property
    def plan(self) -> Plan:
        """What is to be known to call the machine code."""
        return Plan(
            inputs=list(self.tape.inputs),
            outputs=[self._output(y) for y in self.tape.outputs],
            results=self.count,
            gate=self.gate_output,
            direct={i: Target(node, self.tape.outputs[i]) for i, node in self.direct.items()},
            slots={x: place for x, place in self.slots.items() if not isinstance(x, Const)},
            dtypes=self.dtypes,
            constants=self.constants,
            allocated=list(self.allocated),
            calls=self.calls,
            bound=self.bound,
            threads=self.threads,
            arena=self.arena_bytes,
            scratch=self.scratch_stride,
            places=self._next() + 1,
        )

    def code(self) -> bytes:
        """The machine code; none where all is left to NumPy."""
        if not any(isinstance(x, Segment) for x in self.calls):
            return b""
        return engine.object_code(self.text, lambda: pieces.cut(self.module, TEAM.size))


__all__ = ["Writing"]
