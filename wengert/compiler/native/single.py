"""Scans over single numbers: the whole loop is one function, and what is carried stays in registers."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.native import scalar
from wengert.compiler.native.expand import expand
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.inner import results_of
from wengert.compiler.native.ir import I8, I64, Function, Module, Value
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.scalar_rules import known
from wengert.core.tape import Const, Node, Tape, Var

_RATE = 1.0  # operations in a nanosecond, as most of them wait for the one before


def body(node: Node) -> Tape | None:
    """The body of a scan that carries and computes single numbers only; it has to be one that has kernels."""
    tape = expand(node.attrs["body"])
    single = all(x.shape == () and known(x.dtype) for x in (*tape.inputs, *tape.nodes))
    return tape if single and all(map(scalar.supported, tape.nodes)) else None


class SingleKernel:
    """Writes the function of a scan over single numbers."""

    def __init__(self, fusion: Fusion, group: Group, module: Module, name: str, tape: Tape) -> None:
        self.node: Node = group.nodes[0]
        self.tape = tape
        self.carries, self.length = self.node.attrs["carries"], self.node.attrs["length"]
        self.module, self.name = module, name
        self.given = [fusion.operand(self.node, k)[0] for k in range(len(self.node.inputs))]
        self.results = results_of(self.node, group)
        self.bases: list[Var] = [*self.given, *self.results]

    def write(self) -> Kernel:
        """The function, written into the module."""
        names = [f"p{i}" for i in range(len(self.bases))]
        f = self.module.function(self.name, [*names, "scratch", "status", "team", "barrier"], ["begin", "end"])
        inputs, places = [f[n] for n in names[: len(self.given)]], [f[n] for n in names[len(self.given) :]]
        first, front = self.node.attrs["consts"], self.node.attrs["consts"] + self.carries
        fixed = [_load(f, p, x, None) for p, x in zip(inputs[:front], self.given, strict=False)]

        def step(i: Value, *carried: Value) -> list[Value]:
            t = f.constant(self.length - 1, I64) - i if self.node.attrs["reverse"] else i
            rows = [_load(f, p, x, t) for p, x in zip(inputs[front:], self.given[front:], strict=True)]
            found = _computed(f, self.tape, [*fixed[:first], *carried, *rows])
            for place, y in zip(places[self.carries :], found[self.carries :], strict=True):
                _store(f, y, place, t)
            return found[: self.carries]

        last = f.loop(0, self.length, 1, step, fixed[first:])
        for place, y in zip(places, last, strict=False):
            _store(f, y, place, None)
        f.finish()
        rows = sum(x.dtype.itemsize for x in (*self.given[front:], *self.results[self.carries :]))
        work = sum(1 if node.prim.name in ("add", "subtract", "multiply") else 10 for node in self.tape.nodes)
        return Kernel(self.name, 1, float(self.length * work), float(self.length * rows), rate=_RATE)


def _computed(f: Function, tape: Tape, inputs: list[Value]) -> list[Value]:
    """The outputs of a list of elementwise lines, in registers."""
    known: dict[Var, Value] = dict(zip(tape.inputs, inputs, strict=True))

    def read(x: Any) -> Any:
        if isinstance(x, Const):
            return f.constant(np.asarray(x.value)[()], scalar.register_type(x.dtype))
        return known[x] if isinstance(x, Var) else x

    for node in tape.nodes:
        known[node] = scalar.lower(f, node, [read(x) for x in node.inputs])
    return [read(y) for y in tape.outputs]


def _load(f: Function, place: Value, x: Var, row: Value | None) -> Value:
    found = f.load(place, scalar.memory_type(x.dtype), 0 if row is None else row)
    return f.compare("ne", found, 0) if x.dtype.kind == "b" else found


def _store(f: Function, x: Value, place: Value, row: Value | None) -> None:
    f.store(f.cast("zext", x, I8) if x.type.element == "i1" else x, place, 0 if row is None else row)


__all__ = ["SingleKernel", "body"]
