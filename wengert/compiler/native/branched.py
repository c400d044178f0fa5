"""Branches and loops of unknown length as machine code: one of several lists runs, or one as long as another says so.

Both run on one member of the team; what is inside has kernels for all its lines, else NumPy runs the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from wengert.compiler.native import inplace
from wengert.compiler.native.block import Block, Step, Writers
from wengert.compiler.native.driver import MORE, Job, nanoseconds, run_jobs
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.host import bytes_of
from wengert.compiler.native.ir import I8, I64, PTR, Function, Module, Value
from wengert.compiler.native.kernel import Kernel
from wengert.core.primitive import PART
from wengert.core.tape import Const, Node, Tape, Var

Fuse = Callable[[Tape], Fusion]
_FLAG = 64  # bytes in front of the workspace, for what a test says


class Inner:
    """A list inside a line: its kernels, and where its values lie in the workspace."""

    def __init__(self, tape: Tape, fuse: Fuse, carries: Mapping[int, int]) -> None:
        self.fusion = fuse(tape)
        self.tape = inplace.apart(self.fusion, self.fusion.tape, 0, carries)
        self.direct = inplace.written_back(self.fusion, self.tape, 0, carries, None)
        self.native = all(g.kind not in ("host", "scan", "control", "gone") or not g.nodes for g in self.fusion.groups)

    def place(self, module: Module, texts: dict[str, str], writers: Writers) -> None:
        """Write the kernels."""
        copied = [y for k, y in enumerate(self.tape.outputs) if k not in self.direct]
        kept = [self.fusion.resolve(y)[0] for y in copied]
        self.block = Block(self.fusion, module, texts, writers, set(self.direct.values()), kept)

    @property
    def constants(self) -> list[Const]:
        """The constants that its kernels read."""
        return [b for s in self.block.steps for b in s.bases if isinstance(b, Const)]

    def run(self, f: Function, given: Sequence[Value], places: Sequence[Value], fixed: Mapping[Var, Value],
            memory: Value) -> None:  # fmt: skip
        """Call the kernels: inputs at the addresses `given`, outputs to `places`."""
        known: dict[Var, Value] = {**fixed, **dict(zip(self.tape.inputs, given, strict=True))}
        known |= {node: places[k] for k, node in self.direct.items()}
        for step in self.block.steps:
            for base in step.bases:
                self._address(f, base, known, memory)
        run_jobs(f, [self._job(s, known) for s in self.block.steps], False)
        for k, y in enumerate(self.tape.outputs):
            if k not in self.direct:
                source = self._address(f, self.fusion.resolve(y)[0], known, memory)
                copy(f, source, places[k], y)

    def _address(self, f: Function, base: Var, known: dict[Var, Value], memory: Value) -> Value:
        if base not in known:
            known[base] = f.line(PTR, f"getelementptr i8, {memory!r}, i64 {_FLAG + self.block.offset[base]}")
        return known[base]

    def _job(self, step: Step, known: Mapping[Var, Value]) -> Job:
        def arguments(f: Function) -> list[Value]:
            return [*(known[b] for b in step.bases), *(f[m] for m in MORE[step.group.kind])]

        return Job(step.kernel, False, arguments, [], [])


def copy(f: Function, source: Value, target: Value, x: Var) -> None:
    """Copy the values of `x` from one address to another."""
    f.declare("llvm.memmove", "declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)")
    f.do(f"call void @llvm.memmove.p0.p0.i64({target!r}, {source!r}, i64 {bytes_of(x)}, i1 false)")


def _inners(node: Node, fuse: Fuse) -> list[Inner]:
    """The lists inside a line: the branches, or test and body."""
    if node.prim.name == "switch":
        return [Inner(t, fuse, {}) for t in node.attrs.values()]
    first = node.attrs["body_consts"]
    carries = {i: first + i for i in range(len(node.shape))}
    return [Inner(node.attrs["test"], fuse, {}), Inner(node.attrs["body"], fuse, carries)]


def _fits(node: Node) -> bool:
    """Whether all operands and results are what the lists inside were recorded for."""
    if not all(isinstance(x, Var) for x in node.inputs):
        return False
    shapes = [*node.shape, *(x.shape for x in node.inputs)]
    if any(not math.prod(s) for s in shapes):
        return False
    if node.prim.name == "switch":
        given = [(t, node.inputs[1:], node.dtype) for t in node.attrs.values()]
        if node.inputs[0].dtype.kind not in "bi" or node.inputs[0].shape != ():
            return False
    else:
        a, b = node.attrs["test_consts"], node.attrs["body_consts"]
        carry = node.inputs[a + b :]
        flag = (np.dtype(bool),)
        given = [(node.attrs["test"], (*node.inputs[:a], *carry), flag),
                 (node.attrs["body"], (*node.inputs[a : a + b], *carry), node.dtype)]  # fmt: skip
    return all(
        all(isinstance(y, Var) and y.dtype == d for y, d in zip(t.outputs, dtypes, strict=True))
        and all((x.dtype, tuple(x.shape)) == (v.dtype, tuple(v.shape)) for x, v in zip(xs, t.inputs, strict=True))
        for t, xs, dtypes in given
    )


def supported(node: Node, fuse: Fuse) -> bool:
    """Whether every line inside a branch or a loop has a kernel."""
    return node.prim.name in ("switch", "while") and _fits(node) and all(x.native for x in _inners(node, fuse))


class ControlKernel:
    """Writes the function of a branch or of a loop of unknown length."""

    def __init__(self, fusion: Fusion, group: Group, module: Module, name: str, texts: dict[str, str],
                 fuse: Fuse, writers: Writers) -> None:  # fmt: skip
        self.node: Node = group.nodes[0]
        self.module, self.name = module, name
        self.inner = _inners(self.node, fuse)
        for one in self.inner:
            one.place(module, texts, writers)
        self.given = [fusion.operand(self.node, k)[0] for k in range(len(self.node.inputs))]
        parts = {n.attrs["index"]: n for n in group.outputs if n.prim is PART}
        self.results: list[Var] = [parts.get(i) or Var(s, d) for i, (s, d) in
                                   enumerate(zip(self.node.shape, self.node.dtype, strict=True))]  # fmt: skip
        constants = {c for one in self.inner for c in one.constants}
        self.constants = sorted(constants, key=lambda c: c.number)
        size = _FLAG + max(one.block.bytes for one in self.inner)
        self.bases: list[Var] = [*self.given, *self.results, *self.constants, Var((size,), np.dtype(np.uint8))]

    def write(self) -> Kernel:
        """The function, written into the module."""
        names = [f"p{i}" for i in range(len(self.bases))]
        f = self.module.function(self.name, [*names, "scratch", "status"], ["begin", "end"])
        pointers = [f[n] for n in names]
        given = pointers[: len(self.given)]
        places = pointers[len(given) : len(given) + len(self.results)]
        fixed: dict[Var, Value] = dict(zip(self.constants, pointers[len(given) + len(places) :], strict=False))
        if self.node.prim.name == "switch":
            self._switch(f, given, places, fixed, pointers[-1])
        else:
            self._while(f, given, places, fixed, pointers[-1])
        f.finish()
        work = max(sum(nanoseconds(s.kernel) for s in one.block.steps) for one in self.inner)
        scratch = max(one.block.scratch for one in self.inner)
        return Kernel(self.name, 1, 20.0 * work, 0.0, scratch)

    def _switch(self, f: Function, given: list[Value], places: list[Value], fixed: Mapping[Var, Value],
                memory: Value) -> None:  # fmt: skip
        """The branch whose number the first operand is, counted within the branches there are."""
        index = self.given[0]
        if index.dtype.kind == "b":
            number = f.cast("zext", f.load(given[0], I8), I64)
        else:
            kind = I64._replace(element=f"i{8 * index.dtype.itemsize}")
            number = f.load(given[0], kind)
            number = number if kind == I64 else f.cast("sext", number, I64)
        last = len(self.inner) - 1
        number = f.intrinsic("smin", f.intrinsic("smax", number, 0), last)
        for k, branch in enumerate(self.inner):

            def run(branch: Inner = branch) -> None:
                branch.run(f, given[1:], places, fixed, memory)

            f.when(f.compare("eq", number, k), run)

    def _while(self, f: Function, given: list[Value], places: list[Value], fixed: Mapping[Var, Value],
               memory: Value) -> None:  # fmt: skip
        """As long as the test says so: the body, whose results take the places of what it was given."""
        test, body = self.inner
        a, b = self.node.attrs["test_consts"], self.node.attrs["body_consts"]
        for source, place, x in zip(given[a + b :], places, self.results, strict=True):
            copy(f, source, place, x)
        f.count += 1
        tag = f.count
        f.do(f"br label %W{tag}")
        f.label(f"W{tag}")
        test.run(f, [*given[:a], *places], [memory], fixed, memory)
        going = f.compare("ne", f.load(memory, I8), 0)
        f.do(f"br i1 {going.name}, label %B{tag}, label %D{tag}")
        f.label(f"B{tag}")
        body.run(f, [*given[a : a + b], *places], places, fixed, memory)
        f.do(f"br label %W{tag}")
        f.label(f"D{tag}")


__all__ = ["ControlKernel", "supported"]
