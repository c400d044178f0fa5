"""A list inside a line: the body of a loop, a branch, a test. Its kernels, and where its values lie.

A value lies where the line around it says (what it is given, its results, constants), else in a workspace of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wengert.compiler.native import inplace
from wengert.compiler.native.block import Block, Step, Writers
from wengert.compiler.native.driver import MORE, Job, Region
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.host import bytes_of
from wengert.compiler.native.ir import PTR, Function, Module, Value
from wengert.core.primitive import PART
from wengert.core.tape import Const, Node, Tape, Var

Fuse = Callable[[Tape], Fusion]


class Inner:
    """A list, fused: ``direct`` are the outputs that a kernel writes to their places, the others have to be copied.

    `carries` says for an output which input lies at the same place; the first `fixed` inputs are the same each time.
    """

    def __init__(self, tape: Tape, fuse: Fuse, carries: Mapping[int, int], fixed: int = 0) -> None:
        self.carries = carries
        self.fusion = fuse(tape)
        self.fusion.fixed = frozenset(self.fusion.tape.inputs[:fixed])
        self.tape = inplace.apart(self.fusion, self.fusion.tape, 0, carries)
        self.direct = inplace.written_back(self.fusion, self.tape, 0, carries, None)
        self.native = not any(g.kind in ("host", "scan", "control") for g in self.fusion.groups)

    def place(self, module: Module, texts: dict[str, str], writers: Writers) -> None:
        """Write the kernels."""
        kept = [self._source(k) for k in self.copied]  # until the end
        self.block = Block(self.fusion, module, texts, writers, set(self.direct.values()), kept)

    @property
    def copied(self) -> list[int]:
        """The numbers of the outputs that have to be copied to their places."""
        return [k for k in range(len(self.tape.outputs)) if k not in self.direct]

    @property
    def constants(self) -> list[Const]:
        """The constants that the kernels read, by their age."""
        found = {b for s in self.block.steps for b in s.bases if isinstance(b, Const)}
        return sorted(found, key=lambda c: c.number)

    def _source(self, output: int) -> Var:
        return self.fusion.resolve(self.tape.outputs[output])[0]

    def addresses(self, f: Function, known: Mapping[Var, Value], memory: Value, once: bool = False) -> dict[Var, Value]:
        """Where everything lies that a kernel works on or that is copied; `memory` is the workspace."""
        found = dict(known)
        copied = [] if once else [self._source(k) for k in self.copied]
        for base in (*(b for s in self.block.steps if s.once is once for b in s.bases), *copied):
            if base not in found:
                found[base] = f.line(PTR, f"getelementptr i8, {memory!r}, i64 {self.block.offset[base]}")
        return found

    def jobs(self, known: Mapping[Var, Value], once: bool = False) -> list[Job]:
        """The kernels in order, with what each reads and writes; or those that come `once`, before all others."""
        return [self._job(s, known) for s in self.block.steps if s.once is once]

    def _job(self, step: Step, known: Mapping[Var, Value]) -> Job:
        def arguments(f: Function) -> list[Value]:
            return [*(known[b] for b in step.bases), *(f[m] for m in MORE[step.group.kind])]

        written = step.written
        return Job(step.kernel, False, arguments, [self._region(b) for b in step.bases if b not in written],
                   [self._region(b) for b in step.bases if b in written])  # fmt: skip

    def _region(self, base: Var) -> Region:
        if base in self.block.offset:
            start = self.block.offset[base]
            return Region(0, start, start + bytes_of(base))
        for output, node in self.direct.items():
            if node is base and output in self.carries:  # written over what was carried in
                base = self.tape.inputs[self.carries[output]]
        return Region(1 + base.number, 0, 1)

    def write_back(self, f: Function, known: Mapping[Var, Value], places: Mapping[int, Value]) -> None:
        """Copy the outputs that no kernel wrote to their places."""
        for k in self.copied:
            copy(f, known[self._source(k)], places[k], self.tape.outputs[k])


def copy(f: Function, source: Value, target: Value, x: Any) -> None:
    """Copy the values of `x` from one address to another."""
    f.declare("llvm.memmove", "declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)")
    f.do(f"call void @llvm.memmove.p0.p0.i64({target!r}, {source!r}, i64 {bytes_of(x)}, i1 false)")


def results_of(node: Node, group: Group) -> list[Var]:
    """The results of a line with several; those nobody reads have a place too, as they are written all the same."""
    parts = {n.attrs["index"]: n for n in group.outputs if n.prim is PART}
    kinds = zip(node.shape, node.dtype, strict=True)
    return [parts.get(i) or Var(shape, dtype) for i, (shape, dtype) in enumerate(kinds)]


__all__ = ["Fuse", "Inner", "copy", "results_of"]
