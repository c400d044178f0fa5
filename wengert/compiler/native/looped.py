"""Scans as loops of machine code: the body's kernels run again and again on addresses that move on.

Carries stay at one place: a kernel of the body writes the new one over the old one where it may, else it is copied at
the end of the round. What the body reads of each slice, and what it writes of each result, moves on by one row.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from wengert.compiler.native.block import Writers
from wengert.compiler.native.driver import barrier, is_shared, run_jobs
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.host import bytes_of
from wengert.compiler.native.inner import Fuse, Inner, copy, results_of
from wengert.compiler.native.ir import I8, I64, Module, Value
from wengert.compiler.native.kernel import Kernel
from wengert.core.tape import Node, Var

_MANY = 4  # rounds from which on it pays to copy what all of them read


def _body(node: Node, fuse: Fuse) -> Inner:
    first = node.attrs["consts"]
    fixed = first if node.attrs["length"] >= _MANY else 0
    return Inner(node.attrs["body"], fuse, {i: first + i for i in range(node.attrs["carries"])}, fixed)


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
    return _body(node, fuse).native


class ScanKernel:
    """Writes the function of a scan."""

    def __init__(self, fusion: Fusion, group: Group, module: Module, name: str, texts: dict[str, str],
                 fuse: Fuse, writers: Writers) -> None:  # fmt: skip
        self.node: Node = group.nodes[0]
        self.carries, self.length = self.node.attrs["carries"], self.node.attrs["length"]
        self.module, self.name = module, name
        self.body = _body(self.node, fuse)
        self.body.place(module, texts, writers)
        self.given = [fusion.operand(self.node, k)[0] for k in range(len(self.node.inputs))]
        self.results = results_of(self.node, group)
        workspace = Var((max(self.body.block.bytes, 1),), np.dtype(np.uint8))
        self.bases: list[Var] = [*self.given, *self.results, *self.body.constants, workspace]

    def write(self) -> Kernel:
        """The function, written into the module."""
        names = [f"p{i}" for i in range(len(self.bases))]
        more = ["scratch", "status", "team", "barrier"]
        self.f = f = self.module.function(self.name, [*names, *more], ["member", "members"])
        pointers = [f[n] for n in names]
        self.inputs = pointers[: len(self.given)]
        self.places = pointers[len(self.given) :][: len(self.results)]
        self.fixed = dict(zip(self.bases, pointers, strict=True))
        self.memory = pointers[-1]
        steps = self.body.block.steps
        kernels = [s.kernel for s in steps]
        self.team = any(map(is_shared, kernels))
        self._start()
        f.loop(0, self.length, 1, self._round)
        f.finish()
        kernel = Kernel(self.name, 1, scratch=self.body.block.scratch, team=self.team)
        return kernel.runs([s.kernel for s in steps if not s.once], self.length)

    def _start(self) -> None:
        """The first carries go to where carries are kept."""
        first = self.node.attrs["consts"]

        def move() -> None:
            for i in range(self.carries):
                copy(self.f, self.inputs[first + i], self.places[i], self.results[i])

        self._once(move)
        before = {x: self.inputs[k] for k, x in enumerate(self.body.tape.inputs[:first])}
        known = self.body.addresses(self.f, {**before, **self._constants()}, self.memory, once=True)
        run_jobs(self.f, self.body.jobs(known, once=True), self.team)
        self._meet()

    def _constants(self) -> dict[Var, Value]:
        return {c: self.fixed[c] for c in self.body.constants}

    def _meet(self) -> None:
        if self.team:
            barrier(self.f)

    def _once(self, work: Callable[[], None]) -> None:
        """Have one member of the team do something."""
        if self.team:
            self.f.when(self.f.compare("eq", self.f["member"], 0), work)
        else:
            work()

    def _round(self, i: Value) -> None:
        """One round: where slices and rows of results are, the kernels, the carries that have to be copied."""
        f, body = self.f, self.body
        t = f.constant(self.length - 1, I64) - i if self.node.attrs["reverse"] else i

        def row(start: Value, x: Var) -> Value:
            return f.at(start, t * bytes_of(x), I8)

        first, front = self.node.attrs["consts"], self.node.attrs["consts"] + self.carries
        known = self._constants()
        for k, x in enumerate(body.tape.inputs):
            carried = first <= k < front
            known[x] = self.places[k - first] if carried else row(self.inputs[k], x) if k >= front else self.inputs[k]
        outputs = enumerate(zip(self.places, body.tape.outputs, strict=True))
        places = {k: place if k < self.carries else row(place, y) for k, (place, y) in outputs}
        known |= {node: places[k] for k, node in body.direct.items()}
        known = body.addresses(f, known, self.memory)
        run_jobs(f, body.jobs(known), self.team)
        if body.copied:
            self._meet()
            self._once(lambda: body.write_back(f, known, places))
        self._meet()


__all__ = ["ScanKernel", "supported"]
