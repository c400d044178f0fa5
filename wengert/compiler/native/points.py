"""Computing the lines of a group at a point of its domain, with as many lanes as are worked on at once.

A `Points` knows the indices of the loops around the current place, and the values computed so far: one memory a loop
level, so that what does not depend on the inner loops is computed outside of them and found again inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from wengert.compiler.native import scalar
from wengert.compiler.native.access import Access, Operand, operand, writing
from wengert.compiler.native.fuse import Fusion, Group, is_pick, is_spread, reduced
from wengert.compiler.native.ir import I1, I8, I64, PTR, Function, Type, Value
from wengert.core.tape import Node, Var

_DEEP = 50


class Points:
    """The place in a loop nest where lines are being written."""

    def __init__(self, fusion: Fusion, group: Group, f: Function, pointer: Callable[[Var], Value],
                 vector: int | None, width: int) -> None:  # fmt: skip
        self.fusion, self.group, self.f = fusion, group, f
        self.pointer = pointer
        self.vector, self.width = vector, width  # the dimension whose indices stand in the lanes
        self.lanes: int | None = None  # how many of them count
        self.index: dict[int, Value] = {}  # by dimension
        self.memory: list[dict[Any, Value]] = [{}]
        self.bound: list[tuple[int, ...]] = [()]  # the dimensions whose loops were entered, level by level
        self.given: dict[Node, Value] = {}  # results that are in registers already
        self.rows: dict[Node, Access] = {}  # where lines are kept for later phases
        self.phase = 0
        self.depth = 0  # how many lines are being computed for each other
        self.ahead = 0  # bytes in front of what is read that are asked for early

    # ----- levels
    def enter(self, indices: dict[int, Value], accesses: Iterable[Access]) -> None:
        """Go into a loop: its indices are known from here on."""
        self.index |= indices
        self.memory.append({})
        self.bound.append(tuple(indices))
        for access in dict.fromkeys(accesses):
            if any(access.strides[d] for d in indices):
                self.memory[-1][access] = self._moved(access, indices)

    def leave(self) -> None:
        """Back out of a loop."""
        self.memory.pop()
        for d in self.bound.pop():
            del self.index[d]

    def find(self, key: Any) -> Value | None:
        """What is known of a line or an operand."""
        for memory in reversed(self.memory):
            if key in memory:
                return memory[key]
        return None

    def _moved(self, access: Access, indices: dict[int, Value]) -> Value:
        """The address of an operand, so far as the loops entered decide it."""
        place = self._start(access)
        kind = scalar.memory_type(access.base.dtype)
        for d, i in indices.items():
            step = access.strides[d]
            if step:
                place = self.f.at(place, i if step == 1 else i * step, kind)
        return place

    def _start(self, access: Access) -> Value:
        found = self.find(access)
        if found is not None:
            return found
        return self.f.at(self.pointer(access.base), access.offset, scalar.memory_type(access.base.dtype))

    # ----- values
    def value(self, node: Node) -> Value:
        """The result of a line at this place."""
        known = self._known(node)
        if known is not None:
            return known
        self.depth += 1
        if self.depth % _DEEP == 0:  # a long chain: from its beginning, as Python's calls only go so deep
            self._from_the_beginning(node)
        kept = self._kept(node)
        known = self.memory[-1][node] = self.load(self.rows[node]) if kept else self._computed(node)
        self.depth -= 1
        return known

    def _known(self, node: Node) -> Value | None:
        known = self.given.get(node)
        return self.find(node) if known is None else known

    def _kept(self, node: Node) -> bool:
        return node in self.rows and self.group.phases[node] < self.phase

    def _from_the_beginning(self, node: Node) -> None:
        """Compute what a line depends on, one line after the other."""
        waiting = [] if self._kept(node) else self._missing(node)
        while waiting:
            x = waiting[-1]
            missing = [] if self._known(x) is not None or self._kept(x) else self._missing(x)
            if missing:
                waiting += missing
            else:
                self.value(x)
                waiting.pop()

    def _missing(self, node: Node) -> list[Node]:
        found = (operand(self.fusion, self.group, node, k).node for k in range(len(node.inputs)))
        return [x for x in found if x is not None and self._known(x) is None]

    def spread(self, x: Value) -> Value:
        """A scalar in all lanes; outside of the loops that use it where that was done before."""
        if x.type.width == self.width:
            return x
        known = self.find(("spread", x.name))
        return self.f.splat(x, self.width) if known is None else known

    def operand(self, node: Node, k: int) -> Any:
        """Operand `k` of a line: a number as it stands, or a value."""
        found = operand(self.fusion, self.group, node, k)
        return self.read(found)

    def read(self, found: Operand) -> Any:
        if found.node is not None:
            return self.value(found.node)
        if found.access is not None:
            known = self.find(("read", found.access))
            if known is None:
                known = self.memory[-1]["read", found.access] = self.load(found.access)
            return known
        x = found.number
        if isinstance(x, np.generic):
            return self.f.constant(x, scalar.register_type(x.dtype))
        return x

    def _computed(self, node: Node) -> Value:
        if node.prim.name == "concatenate":
            return self._joined(node)
        if is_spread(node):
            return self._spread(node)
        operands = [self.operand(node, k) for k in range(len(node.inputs))]
        width = max((x.type.width for x in operands if isinstance(x, Value)), default=1)
        wide = [self.spread(x) if isinstance(x, Value) and width > 1 else x for x in operands]
        return scalar.lower(self.f, node, wide)

    def _joined(self, node: Node) -> Value:
        """Arrays one after the other: each counts from where it starts."""
        place = self.group.points[node][node.attrs["axis"]]
        start, result = 0, None
        for k, x in enumerate(node.inputs):
            part = self.operand(node, k)
            if not isinstance(part, Value):
                part = self.f.constant(part, scalar.register_type(node.dtype))
            here = None if place is None or not start else self.f.compare("sge", self.positions(place), start)
            result = part if result is None or here is None else self.f.select(here, part, result)
            start += x.shape[node.attrs["axis"]]
        assert result is not None
        return result

    def picked(self, node: Node) -> Value:
        """For a line that picks one element of each row: the element where it is the picked one, else 0."""
        x = self.operand(node, 0)
        kind = scalar.register_type(node.dtype)
        hit = self._hit(node, node.inputs[0].shape[-1])
        return self.f.select(hit, self.f.lift(x, x.type), self.f.constant(0, kind))

    def _spread(self, node: Node) -> Value:
        v = self.operand(node, 0)
        kind = scalar.register_type(node.dtype)
        if not isinstance(v, Value):
            v = self.f.constant(v, kind)
        return self.f.select(self._hit(node, node.shape[-1]), v, self.f.constant(0, kind))

    def _hit(self, node: Node, length: int) -> Value:
        """Whether this is the column that the index of this row names; negative ones count from the end."""
        place = self.group.points[node][-1]
        column = self.f.constant(0, I64) if place is None else self.positions(place)
        return self.f.compare("eq", column, self.picked_index(node, length))

    def picked_index(self, node: Node, length: int) -> Value:
        """The column that the index of this row names; one that is outside of the row is reported."""
        known = self.find(("index", node))
        if known is not None:
            return known
        index = self.operand(node, len(node.inputs) - 1)
        index = scalar.convert(self.f, index, node.inputs[-1].dtype, np.dtype(np.int64))
        index = self.f.select(self.f.compare("slt", index, 0), index + length, index)
        outside = self.f.compare("uge", index, length)
        if outside.type.width > 1:
            bits = Type(f"i{outside.type.width}")
            outside = self.f.compare("ne", self.f.line(bits, f"bitcast {outside!r} to {bits}"), 0)
        self.f.when(outside, lambda: self.f.store(self.f.constant(1, I64), self.f["status"]))
        self.memory[-1]["index", node] = index
        return index

    def positions(self, dimension: int) -> Value:
        """The index along a dimension, in each lane its own."""
        index = self.index[dimension]
        if dimension != self.vector or self.width == 1:
            return index
        wide = I64.vector(self.width)
        return self.f.lift(index, wide) + self.f.iota(wide)

    # ----- memory
    def load(self, access: Access) -> Value:
        """Read an operand at this place."""
        kind = scalar.memory_type(access.base.dtype)
        place = self._start(access)
        step = 0 if self.vector is None else access.strides[self.vector]
        padded = any(d == self.vector for d, _, _ in access.pads)
        if self.width == 1 or (step == 0 and not padded):
            return self._register(access, self._load_one(access, place))
        if step == 0:
            one = self._load_one(access._replace(pads=tuple(p for p in access.pads if p[0] != self.vector)), place)
            inside = self._inside(access, self.width)
            assert inside is not None
            return self._register(access, self.f.select(inside, one, self.f.constant(0, one.type)))
        wide = kind.vector(self.width)
        mask = self._inside(access, self.width)
        if step == 1 and self.ahead:
            self.f.prefetch(self.f.at(place, self.ahead, I8))
        if step == 1 and mask is None:
            return self._register(access, self.f.load(place, wide, 0, self.lanes))
        mask = self._counting(mask)
        if step == 1:
            found = self.f.masked_load(place, wide, mask)
        else:
            steps = self.f.iota(I64.vector(self.width)) * step
            found = self.f.gather(place, steps, wide, mask)
        return self._register(access, found)

    def _load_one(self, access: Access, place: Value) -> Value:
        kind = scalar.memory_type(access.base.dtype)
        inside = self._inside(access, 1)
        if inside is None:
            return self.f.load(place, kind)
        safe = self.f.line(PTR, f"select {inside!r}, {place!r}, {self.pointer(access.base)!r}")
        return self.f.select(inside, self.f.load(safe, kind), self.f.constant(0, kind))

    def _inside(self, access: Access, width: int) -> Value | None:
        """Whether this place lies within the pads of an operand."""
        found: Value | None = None
        for d, low, high in access.pads:
            at = self.positions(d) if width > 1 else self.index[d]
            flag = self.f.compare("ult", at - low, max(high - low, 0))
            flag = self.f.splat(flag, width) if flag.type.width != width else flag
            found = flag if found is None else found & flag
        return found

    def _counting(self, mask: Value | None) -> Value:
        flags = I1.vector(self.width)
        counted = self.f.mask(self.width if self.lanes is None else self.lanes, self.width)
        return counted if mask is None else (mask if self.lanes is None else self.f.lift(mask, flags) & counted)

    def _register(self, access: Access, x: Value) -> Value:
        """What was read, as it is kept in registers: truth values are single bits there."""
        return self.f.compare("ne", x, 0) if access.base.dtype.kind == "b" else x

    def store(self, node: Node) -> None:
        """Write the result of a line to memory."""
        self.write(writing(self.group, node), self.value(node))

    def write(self, access: Access, x: Value) -> None:
        """Write to where an access points."""
        step = 0 if self.vector is None else access.strides[self.vector]
        if x.type.element == "i1":
            x = self.f.cast("zext", x, I8)
        place = self._start(access)
        if step == 0 or self.width == 1:
            self.f.store(x, place)
            return
        x = self.f.splat(x, self.width) if x.type.width == 1 else x
        if step == 1:
            self.f.store(x, place, 0, self.lanes)
        else:
            self.f.scatter(x, place, self.f.iota(I64.vector(self.width)) * step, self._counting(None))


def dimensions(group: Group, node: Node) -> frozenset[int]:
    """The dimensions of the domain that a line's result depends on."""
    return frozenset(d for d in group.axes[node] if d is not None)


def worked(group: Group, node: Node) -> frozenset[int]:
    """The dimensions over which a line works: for reductions also those that they fold."""
    return frozenset(d for d in group.points[node] if d is not None)


def folds(node: Var) -> bool:
    """Whether a line is a reduction."""
    return reduced(node) is not None


__all__ = ["Points", "dimensions", "folds", "is_pick", "worked"]
