"""Scans as loops of machine code: the body's kernels run again and again on addresses that move on.

Carries stay at one place: a kernel of the body writes the new one over the old one where it may, else it is copied at
the end of the round. What the body reads of each slice, and what it writes of each result, moves on by one row.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from wengert.compiler.native import inplace
from wengert.compiler.native.block import Block, Step, Writers
from wengert.compiler.native.driver import MORE, Job, Region, barrier, is_shared, nanoseconds, run_jobs
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.host import bytes_of
from wengert.compiler.native.ir import I8, I64, PTR, Function, Module, Value
from wengert.compiler.native.kernel import Kernel
from wengert.core.primitive import PART
from wengert.core.tape import Const, Node, Tape, Var

Fuse = Callable[[Tape], Fusion]


class Body:
    """The body of a scan, fused: which of its outputs a kernel writes in their place, and which have to be copied."""

    def __init__(self, node: Node, fuse: Fuse) -> None:
        self.carries = node.attrs["carries"]
        tape: Tape = node.attrs["body"]
        first = node.attrs["consts"]
        self.fusion: Fusion = fuse(tape)
        self.tape = inplace.apart(self.fusion, self.fusion.tape, 0, {})
        aliases = {i: first + i for i in range(self.carries)}
        self.direct = inplace.written_back(self.fusion, self.tape, 0, aliases, None)
        self.native = all(g.kind not in ("host", "scan", "control") for g in self.fusion.groups if g.kind != "gone")


def supported(node: Node, fuse: Fuse) -> bool:
    """Whether every line of a scan's body has a kernel."""
    if node.prim.name != "scan" or not node.attrs["length"] or not all(isinstance(x, Var) for x in node.inputs):
        return False
    if any(not isinstance(y, Var) for y in node.attrs["body"].outputs):
        return False
    body = node.attrs["body"]
    if any(x.dtype != y.dtype for x, y in zip(node.inputs, body.inputs, strict=True)):
        return False
    if any(y.dtype != d for y, d in zip(body.outputs, node.dtype, strict=True)):
        return False
    if any(not math.prod(s) for s in node.shape) or any(not math.prod(x.shape) for x in node.inputs):
        return False
    return Body(node, fuse).native


class ScanKernel:
    """Writes the function of a scan."""

    def __init__(self, fusion: Fusion, group: Group, module: Module, name: str, texts: dict[str, str],
                 fuse: Fuse, writers: Writers) -> None:  # fmt: skip
        self.node: Node = group.nodes[0]
        self.module, self.name = module, name
        self.body = Body(self.node, fuse)
        own = set(self.body.direct.values())
        copied = [y for k, y in enumerate(self.body.tape.outputs) if k not in self.body.direct]
        kept = [self.body.fusion.resolve(y)[0] for y in copied]  # until the end of the round
        self.block = Block(self.body.fusion, module, texts, writers, own, kept)
        self.given = [fusion.operand(self.node, k)[0] for k in range(len(self.node.inputs))]
        parts = {n.attrs["index"]: n for n in group.outputs if n.prim is PART}
        # Results nobody reads have a place too: the body writes them all the same.
        self.results: list[Var] = [parts.get(i) or Var(s, d) for i, (s, d) in
                                   enumerate(zip(self.node.shape, self.node.dtype, strict=True))]  # fmt: skip
        self.workspace = Var((max(self.block.bytes, 1),), np.dtype(np.uint8))
        constants = {b for s in self.block.steps for b in s.bases if isinstance(b, Const)}
        self.constants = sorted(constants, key=lambda c: c.number)
        self.bases: list[Var] = [*self.given, *self.results, *self.constants, self.workspace]

    def write(self) -> Kernel:
        """The function, written into the module."""
        names = [f"p{i}" for i in range(len(self.bases))]
        more = ["scratch", "status", "team", "barrier"]
        self.f = f = self.module.function(self.name, [*names, *more], ["member", "members"])
        self.place = {id(x): f[n] for x, n in zip(self.results, names[len(self.given) :], strict=False)}
        fixed = names[len(self.given) + len(self.results) :]
        self.fixed: dict[Var, Value] = dict(zip(self.constants, (f[n] for n in fixed), strict=False))
        self.memory = f[names[-1]]
        jobs = [self._job(s) for s in self.block.steps]
        self.team = any(is_shared(j.kernel) for j in jobs)
        self._start(names)
        length = self.node.attrs["length"]
        f.loop(0, length, 1, lambda i: self._round(i, jobs, length, names))
        f.finish()
        work = length * sum(nanoseconds(j.kernel) for j in jobs)
        return Kernel(self.name, 1, 20.0 * work, 0.0, self.block.scratch, self.team)

    def _start(self, names: list[str]) -> None:
        """The first carries go to where carries are kept."""
        f, first = self.f, self.node.attrs["consts"]
        for i in range(self.body.carries):
            self._copy(f[names[first + i]], self.place[id(self.results[i])], self.results[i])
        self._meet()

    def _meet(self) -> None:
        if self.team:
            barrier(self.f)

    def _copy(self, source: Value, target: Value, x: Var) -> None:
        f, size = self.f, bytes_of(x)
        f.declare("llvm.memmove", "declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)")
        move = f"call void @llvm.memmove.p0.p0.i64({target!r}, {source!r}, i64 {size}, i1 false)"
        if self.team:
            f.when(f.compare("eq", f["member"], 0), lambda: f.do(move))
        else:
            f.do(move)

    def _round(self, i: Value, jobs: list[Job], length: int, names: list[str]) -> None:
        """One round: where slices and rows of results are, the kernels, the carries that have to be copied."""
        f, node, body = self.f, self.node, self.body
        self.t = f.constant(length - 1, I64) - i if node.attrs["reverse"] else i
        first, front = node.attrs["consts"], node.attrs["consts"] + body.carries
        self.known: dict[Var, Value] = dict(self.fixed)
        for k, x in enumerate(body.tape.inputs):
            if k < first:
                self.known[x] = f[names[k]]
            elif k < front:
                self.known[x] = self.place[id(self.results[k - first])]
            else:
                self.known[x] = self._row(f[names[k]], x)
        for i_out, y in enumerate(body.tape.outputs):
            if i_out in body.direct:
                here = self.place[id(self.results[i_out])]
                self.known[body.direct[i_out]] = here if i_out < body.carries else self._row(here, y)
        for step in self.block.steps:
            for base in step.bases:
                self._address(f, base)
        run_jobs(f, jobs, self.team)
        late = [k for k in range(len(body.tape.outputs)) if k not in body.direct]
        if late:
            self._meet()
        for k in late:
            here = self.place[id(self.results[k])]
            source = self._address(f, body.fusion.resolve(body.tape.outputs[k])[0])
            target = here if k < body.carries else self._row(here, body.tape.outputs[k])
            self._copy(source, target, body.tape.outputs[k])
        self._meet()

    def _row(self, start: Value, x: Var) -> Value:
        return self.f.at(start, self.t * bytes_of(x), I8)

    def _address(self, f: Function, base: Var) -> Value:
        if base not in self.known:
            self.known[base] = f.line(PTR, f"getelementptr i8, {self.memory!r}, i64 {self.block.offset[base]}")
        return self.known[base]

    def _job(self, step: Step) -> Job:
        def arguments(f: Function) -> list[Value]:
            return [*(self._address(f, b) for b in step.bases), *(f[m] for m in MORE[step.group.kind])]

        def region(base: Var) -> Region:
            if base in self.block.offset:
                start = self.block.offset[base]
                return Region(0, start, start + bytes_of(base))
            return Region(1 + self._same(base), 0, 1)

        return Job(step.kernel, False, arguments, [region(b) for b in step.bases if b not in step.written],
                   [region(b) for b in step.bases if b in step.written])  # fmt: skip

    def _same(self, base: Var) -> int:
        """A number for what is at one address: a carry and the line that is written over it."""
        for number, node in self.body.direct.items():
            if node is base and number < self.body.carries:
                return self.body.tape.inputs[self.node.attrs["consts"] + number].number
        return base.number


__all__ = ["ScanKernel", "supported"]
