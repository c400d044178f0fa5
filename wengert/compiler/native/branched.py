"""Branches and loops of unknown length as machine code: one of several lists runs, or one as long as another says so.

Both run on one member of the team; what is inside has kernels for all its lines, else NumPy runs the whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from wengert.compiler.native.block import Writers
from wengert.compiler.native.driver import run_jobs
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.inner import Fuse, Inner, copy, results_of
from wengert.compiler.native.ir import I8, I64, PTR, Function, Module, Value
from wengert.compiler.native.kernel import Kernel
from wengert.core.tape import Node, Var

_FLAG = 64  # bytes in front of the workspace, for what a test says


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


def _run(f: Function, inner: Inner, given: Sequence[Value], places: Sequence[Value], fixed: Mapping[Var, Value],
         memory: Value) -> None:  # fmt: skip
    """Call the kernels of a list: inputs at the addresses `given`, outputs to `places`."""
    known = {**fixed, **dict(zip(inner.tape.inputs, given, strict=True))}
    known |= {node: places[k] for k, node in inner.direct.items()}
    workspace = f.line(PTR, f"getelementptr i8, {memory!r}, i64 {_FLAG}")
    known = inner.addresses(f, known, workspace)
    run_jobs(f, inner.jobs(known), False)
    inner.write_back(f, known, dict(enumerate(places)))


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
        self.results = results_of(self.node, group)
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
        kernel = Kernel(self.name, 1, scratch=max(one.block.scratch for one in self.inner))
        costs = [kernel.runs([s.kernel for s in one.block.steps]) for one in self.inner]
        return max(costs, key=lambda cost: cost.nanoseconds)  # of one round, as nobody knows how many there will be

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
                _run(f, branch, given[1:], places, fixed, memory)

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
        _run(f, test, [*given[:a], *places], [memory], fixed, memory)
        going = f.compare("ne", f.load(memory, I8), 0)
        f.do(f"br i1 {going.name}, label %B{tag}, label %D{tag}")
        f.label(f"B{tag}")
        _run(f, body, [*given[a : a + b], *places], places, fixed, memory)
        f.do(f"br label %W{tag}")
        f.label(f"D{tag}")


__all__ = ["ControlKernel", "supported"]
