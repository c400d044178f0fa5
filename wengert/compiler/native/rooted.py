"""Kernels with a root: a product, a convolution or a pooling whose results other lines of the group work on.

The root gives its results as vectors in registers; the lines behind it (a bias, an activation, its gradient …) are
computed there, and only what somebody else reads is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from wengert.compiler.native.access import Access, operand, writing
from wengert.compiler.native.fuse import Fusion, Group, operands
from wengert.compiler.native.gemm_tile import Epilogue
from wengert.compiler.native.ir import Function, Module, Value
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.points import Points, dimensions
from wengert.core.tape import Node, Var


class Parts(NamedTuple):
    """Which dimensions of the domain, run through as one, the root's three numbers count."""

    batch: Sequence[int]
    rows: Sequence[int]
    columns: Sequence[int]


class RootKernel:
    """Writes the kernel of a group with a root; a subclass says how the root is written."""

    def __init__(self, fusion: Fusion, group: Group, module: Module, name: str) -> None:
        self.fusion, self.group, self.module, self.name = fusion, group, module, name
        assert group.root is not None
        self.root: Node = group.root
        self.operands = [fusion.operand(self.root, k) for k, _ in operands(self.root)]
        reads = [operand(fusion, group, n, k).access for n in group.nodes[1:] for k, _ in operands(n)]
        self.accesses: list[Access] = list(dict.fromkeys(a for a in reads if a is not None))
        self.accesses += [writing(group, n) for n in group.outputs]
        self.bases = list(dict.fromkeys([*(b for b, _ in self.operands), *(a.base for a in self.accesses)]))
        self.names = [f"p{i}" for i in range(len(self.bases))]
        self.pointer = dict(zip(self.bases, self.names, strict=True))

    def write(self) -> Kernel:
        """The kernel, written into the module."""
        return self.emit([*self.names, "status"])

    def emit(self, pointers: list[str]) -> Kernel:
        """The root's kernel of these pointers."""
        raise NotImplementedError

    def epilogue(self, parts: Parts) -> Epilogue:
        """What is done with a vector of results."""
        group = self.group
        batch, rows, columns = (self._runs(dims) for dims in parts)
        assert len(columns) <= 1, "lanes run along neighbours"
        last = columns[0][-1] if columns else None

        def work(f: Function, x: Value, row: Value, column: Value, lanes: int, number: Value) -> None:
            at = Points(self.fusion, group, f, lambda base: f[self.pointer[base]], last, x.type.width)
            at.lanes = None if lanes == x.type.width else lanes
            indices: dict[int, Value] = {}
            self._unravel(f, number, batch, indices)
            self._unravel(f, row, rows, indices)
            if last is not None:
                indices[last] = column
            at.enter(indices, self.accesses)
            at.given[self.root] = x
            for node in group.outputs:
                at.value(node)
            for node in group.outputs:  # after everything was read: results may lie where operands were
                at.store(node)

        return work

    def _runs(self, dims: Sequence[int]) -> list[list[int]]:
        """Neighbouring dimensions that nothing tells apart, as one run each."""
        group = self.group
        spans = [dimensions(group, n) for n in group.nodes]
        padded = {p[0] for a in self.accesses for p in a.pads}
        runs: list[list[int]] = []
        for d in dims:
            if group.domain[d] == 1:
                continue
            before = runs[-1][-1] if runs else None
            if (
                before is not None
                and before not in padded
                and d not in padded
                and all((d in s) == (before in s) for s in spans)
                and all(a.strides[before] == group.domain[d] * a.strides[d] for a in self.accesses)
            ):
                runs[-1].append(d)
            else:
                runs.append([d])
        return runs

    def _unravel(self, f: Function, number: Value, runs: list[list[int]], indices: dict[int, Value]) -> None:
        for run in reversed(runs[1:]):
            length = 1
            for d in run:
                length *= self.group.domain[d]
            quotient = f.line(number.type, f"udiv {number!r}, {length}")
            indices[run[-1]] = number - quotient * length
            number = quotient
        if runs:
            indices[runs[0][-1]] = number


def evenly(group: Group, node: Node, dims: Sequence[int], fusion: Fusion, points: Sequence[Any]) -> bool:
    """Whether a line that would join reads all it needs evenly along `dims`, so that lanes may run along them."""
    from_domain = {p: a for a, p in enumerate(points) if p is not None}
    shape = tuple(group.domain)
    for _, x in operands(node):
        base, window = fusion.resolve(x)
        if fusion.home.get(base) is group:
            continue
        if window.pads:
            return False
        shift = len(points) - len(x.shape)
        steps = []
        for d in dims:
            if shape[d] == 1:
                continue
            axis = from_domain.get(d)
            place = None if axis is None else axis - shift
            repeated = place is None or place < 0 or x.shape[place] == 1
            steps.append((shape[d], 0 if repeated or place is None else window.strides[place]))
        if any(s != n2 * s2 for (_, s), (n2, s2) in zip(steps[:-1], steps[1:], strict=True)):
            return False
    return True


def whole(fusion: Fusion, node: Node) -> None:
    """Lay out the operands of a line that reads them row by row."""
    for _, x in operands(node):
        base, window = fusion.resolve(x)
        if not window.whole or window.shape != tuple(x.shape) or _size(base) != _size(x):
            fusion.lay_out(x)


def _size(x: Var) -> int:
    count = 1
    for n in x.shape:
        count *= n
    return count


__all__ = ["Parts", "RootKernel", "evenly", "whole"]
