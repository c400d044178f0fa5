"""Sums of everything, shared out: pieces of the first loop are folded side by side, and their results at the end.

How many pieces there are depends on the lengths alone, so the result is the same for any number of threads.
"""

from __future__ import annotations

import math
from typing import Any

from wengert.compiler.native import scalar
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.ir import I64, Module, Value
from wengert.compiler.native.loops import LoopKernel, Round, kind_of
from wengert.compiler.native.points import folds
from wengert.core.tape import Node, Var

_WORTHWHILE = 32_768  # points below which one thread does it all
_PIECES = 32


def splittable(kernel: LoopKernel) -> bool:
    """Whether a kernel folds so much, and nothing but folds, that it is better done in pieces."""
    if kernel.nest.outer or not kernel.nest.inner or math.prod(kernel.group.domain) < _WORTHWHILE:
        return False
    inside = [n for n in kernel.nodes if kernel.inside(n) or folds(n)]
    return all(kernel.group.phases[n] == 0 for n in inside) and not any(
        n in kernel.group.outputs for n in inside if not folds(n)
    )


class _Part(LoopKernel):
    """What both kernels know: the lines that fold, where their pieces' results are kept, and how long a piece is."""

    def __init__(self, fusion: Fusion, group: Group, module: Module, name: str, lanes: int,
                 parts: dict[Node, Var]) -> None:  # fmt: skip
        self.parts = parts
        super().__init__(fusion, group, module, name, lanes, list(parts.values()))
        self.folding = [n for n in self.nodes if folds(n)]
        first = self.nest.inner[0]
        innermost = len(self.nest.inner) == 1
        self.step = (self.nest.width if first is self.nest.vector else 1) * (self.copies() if innermost else 1)
        self.bulk = first.length // self.step * self.step
        self.piece = -(-self.bulk // self.step // _PIECES) * self.step
        self.count = -(-self.bulk // self.piece)

    def round(self) -> Round:
        return Round(self.folding, [], self.copies())

    def start(self) -> list[Value]:
        return [self.neutral(n) for n in self.folding for _ in range(self.copies())]

    def store_part(self, node: Node, place: Any, x: Value) -> None:
        pointer = self.pointer(self.parts[node])
        kept = self.f.cast("zext", x, scalar.memory_type(node.dtype)) if node.dtype.kind == "b" else x
        self.f.store(kept, pointer, place)

    def load_part(self, node: Node, place: Any) -> Value:
        x = self.f.load(self.pointer(self.parts[node]), scalar.memory_type(node.dtype), place)
        return self.f.compare("ne", x, 0) if node.dtype.kind == "b" else x


class Pieces(_Part):
    """Folds each piece of the first loop."""

    def _tasks(self) -> int:
        def piece(number: Value) -> None:
            start = number * self.piece
            stop = self.f.intrinsic("smin", start + self.piece, self.bulk)
            totals = self.run_between(self.nest.inner, self.round(), self.start(), start, stop)
            for node, total in zip(self.folding, self.combined(self.folding, totals), strict=True):
                self.store_part(node, number, total)

        self.f.loop(self.f["begin"], self.f["end"], 1, piece)
        return self.count


class End(_Part):
    """Folds what was left over, and the pieces' results; then come the lines behind."""

    def _tasks(self) -> int:
        def whole(_i: Value) -> None:
            first = self.nest.inner[0]
            totals = self.start()
            if self.bulk < first.length:
                totals = self.run(list(self.nest.inner), self.round(), totals, self.bulk)
            for node, total in zip(self.folding, self.combined(self.folding, totals), strict=True):
                rule = scalar.REDUCTIONS[kind_of(node)]

                def add(i: Value, so_far: Value, node: Node = node, rule: Any = rule) -> Value:
                    return rule.combine(self.f, node.dtype, so_far, self.load_part(node, i))

                (total,) = self.f.loop(self.f.constant(0, I64), self.f.constant(self.count, I64), 1, add, [total])
                self.known(node, total)
            for phase in range(1, 2 + max(self.group.phases[n] for n in self.nodes)):
                self.settle(phase)

        self.f.loop(self.f["begin"], self.f["end"], 1, whole)
        return 1


__all__ = ["End", "Pieces", "splittable"]
