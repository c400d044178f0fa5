"""Loop nests: the kernel of a group of elementwise lines and reductions.

The outer loops run over the points that stay, the inner ones over those that reductions fold. A line that needs a
reduction's result runs in a later *phase*: a second round of inner loops at the same point of the outer ones, while
the data are in the cache. What an earlier phase computed at great cost is kept in a row of scratch memory, what is
cheap is computed again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from wengert.compiler.native import nest, scalar
from wengert.compiler.native.access import Access, operand, writing
from wengert.compiler.native.domain import CHEAP
from wengert.compiler.native.fuse import Fusion, Group, is_pick, is_spread, operands
from wengert.compiler.native.ir import I64, Module, Value
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.nest import Loop
from wengert.compiler.native.points import Points, dimensions, folds, worked
from wengert.compiler.native.windows import contiguous
from wengert.core.tape import Node, Var

_BLOCK = 4096  # elements of one task where a single loop is cut into pieces
_TASKS = 64  # outer loops are cut into at least so many tasks, where there are as many
_UNROLLED = 4
_FAR = 1 << 20  # bytes beyond which operands come from memory
_BUSY = 24.0  # operations at a point behind which the processor does not see the next read by itself
_AHEAD = 1024  # bytes asked for early in such kernels
_CHEAP_ENOUGH = 4  # operations that are rather done again than kept


class Round(NamedTuple):
    """One round of the inner loops: what is folded in it, what is written, and how many totals run side by side."""

    folding: list[Node]
    kept: list[Node]
    copies: int


class LoopKernel:
    """Writes the kernel of one group."""

    def __init__(self, fusion: Fusion, group: Group, module: Module, name: str, lanes: int,
                 more: Sequence[Var] = ()) -> None:  # fmt: skip
        self.fusion, self.group = fusion, group
        self.nodes = _needed(fusion, group)
        self.sources = self._sources()
        self.accesses = list(dict.fromkeys(a for found in self.sources.values() for a in found))
        self.results = list(group.outputs)
        self.accesses += [writing(group, node) for node in self.results]
        spans = {dimensions(group, n) for n in self.nodes} | {worked(group, n) for n in self.nodes}
        widest = lanes // _lane_bytes(group)
        work = float(sum(1 if n.prim.name in CHEAP else 8 for n in self.nodes))
        folded = group.inner or frozenset()
        self.nest = nest.plan(group.domain, folded, self.accesses, spans, self._apart(), widest, work)
        self.scratch: set[Var] = set()
        self.scratch_bytes = 0
        self.bases = [*dict.fromkeys(a.base for a in self.accesses), *more]
        pointers = [f"p{i}" for i in range(len(self.bases))]
        self.f = module.function(name, [*pointers, "scratch", "status"], ["begin", "end"])
        self._names = {base: self.f[p] for base, p in zip(self.bases, pointers, strict=True)}
        vector = self.nest.vector
        self.at = Points(fusion, group, self.f, self.pointer, vector and vector.dimensions[-1], self.nest.width)
        size = sum(_elements(a, group) * a.base.dtype.itemsize for a in self.accesses)
        self.at.ahead = _AHEAD if size > _FAR and work > _BUSY and group.inner is None else 0
        self._plan_rows()

    # ----- what the kernel reads
    def _sources(self) -> dict[Node, list[Access]]:
        found = {}
        for node in self.nodes:
            reads = [operand(self.fusion, self.group, node, k).access for k, _ in operands(node)]
            found[node] = [x for x in reads if x is not None]
        return found

    def _apart(self) -> frozenset[int]:
        """Dimensions whose indices matter by themselves."""
        found: set[int | None] = set()
        for node in self.nodes:
            if node.prim.name == "concatenate":
                found.add(self.group.points[node][node.attrs["axis"]])
            elif is_pick(node) or is_spread(node):
                found.add(self.group.points[node][-1])
        return frozenset(d for d in found if d is not None)

    def pointer(self, base: Var) -> Value:
        return self.f["scratch"] if base in self.scratch else self._names[base]

    # ----- phases
    def inside(self, node: Node) -> bool:
        """Whether a line has values of its own for every point of the inner loops."""
        folded = self.group.inner or frozenset()
        return not folds(node) and bool(dimensions(self.group, node) & folded)

    def _operands(self, node: Node) -> list[Node]:
        found = [operand(self.fusion, self.group, node, k).node for k, _ in operands(node)]
        return [x for x in found if x is not None]

    def _plan_rows(self) -> None:
        """Lines that a later phase reads and that are dear: their values are kept, those in memory are read again."""
        phases = self.group.phases
        later = {x for n in self.nodes for x in self._operands(n) if self.inside(x) and phases[x] < phases[n]}
        costs: dict[Node, int] = {}
        for node in self.nodes:
            costs[node] = self._cost(node, costs) if later else 0
            if node not in later or costs[node] <= _CHEAP_ENOUGH:
                continue
            self.at.rows[node] = writing(self.group, node) if node in self.group.outputs else self._row(node)

    def _row(self, node: Node) -> Access:
        """Scratch memory for a line's values at one point of the outer loops (all lanes of it)."""
        loops = [x for x in self.nest.loops if x.folded or x is self.nest.vector]
        strides = [0] * len(self.group.domain)
        lengths = [x.length for x in loops]
        for x, step in zip(loops, contiguous(lengths), strict=True):
            strides[x.dimensions[-1]] = step
        size = scalar.memory_type(node.dtype).bytes
        row = Var((math.prod(lengths),), node.dtype)
        self.scratch.add(row)
        offset = self.scratch_bytes // size
        self.scratch_bytes += -(-math.prod(lengths) * size // 64) * 64 + 64
        return Access(row, tuple(strides), offset)

    def _cost(self, node: Node, costs: dict[Node, int]) -> int:
        if not self.inside(node):
            return 0
        if node.prim.name not in CHEAP:
            return 100
        return min(100, 1 + sum(costs[x] for x in self._operands(node)))

    # ----- writing
    def write(self) -> Kernel:
        """The kernel, written into the module."""
        self.at.enter({}, ())
        self.settle(0)
        tasks = self._tasks()
        self.f.finish()
        points = 1
        for n in self.group.domain:
            points *= n
        size = sum(_elements(a, self.group) * a.base.dtype.itemsize for a in self.accesses)
        weight = sum(1 if n.prim.name in CHEAP else 8 for n in self.nodes)
        return Kernel(self.f.name, tasks, float(points * weight), float(size), self.scratch_bytes)

    def _tasks(self) -> int:
        """The loops that are shared out among threads; returns how many pieces there are."""
        plain = [x for x in self.nest.outer if x is not self.nest.vector]
        if not plain:
            if self.nest.outer:
                return self._blocks(self.nest.outer[0])
            self.f.loop(self.f["begin"], self.f["end"], 1, lambda i: self._outer([]))
            return 1
        shared, count = [], 1
        for x in plain:
            if count >= _TASKS:
                break
            shared.append(x)
            count *= x.length
        self.f.loop(self.f["begin"], self.f["end"], 1, lambda i: self._task(i, shared, plain[len(shared) :]))
        return count

    def _task(self, number: Value, shared: list[Loop], rest: list[Loop]) -> None:
        indices = {}
        for x in reversed(shared[1:]):
            quotient = self.f.line(I64, f"udiv {number!r}, {x.length}")
            indices[x.dimensions[-1]] = number - quotient * x.length
            number = quotient
        indices[shared[0].dimensions[-1]] = number
        self._entered(indices, lambda: self._outer(rest))

    def _outer(self, rest: list[Loop]) -> None:
        """The outer loops within a task."""
        if rest:
            first = rest[0]
            self.f.loop(0, first.length, 1, lambda i: self._entered({first.dimensions[-1]: i},
                                                                    lambda: self._outer(rest[1:])))  # fmt: skip
        elif self.nest.vector in self.nest.outer:
            assert self.nest.vector is not None
            self._lanes(self.nest.vector, 0, self.nest.vector.length, self._point)
        else:
            self._point()

    def _lanes(self, loop: Loop, start: Any, stop: int, body: Callable[[], None]) -> None:
        """Run over the vectorised loop, as many at a time as there are lanes, and once for those left over."""
        width = self.nest.width
        whole = stop // width * width
        place = loop.dimensions[-1]
        self.f.loop(start, whole, width, lambda i: self._entered({place: i}, body))
        if stop > whole:
            self.at.lanes = stop - whole
            self._entered({place: self.f.constant(whole, I64)}, body)
            self.at.lanes = None

    def _blocks(self, loop: Loop) -> int:
        """A single vectorised loop, cut into pieces."""
        width, n, place = self.nest.width, loop.length, loop.dimensions[-1]
        block = max(_BLOCK // (64 if self.group.inner else 1), width)
        count = -(-n // block)
        whole = n // width * width

        def piece(number: Value) -> None:
            start = number * block
            stop = self.f.intrinsic("smin", start + block, whole)
            self.f.loop(start, stop, width, lambda i: self._entered({place: i}, self._point))

        if whole:
            self.f.loop(self.f["begin"], self.f["end"], 1, piece)
        if n > whole:

            def left() -> None:
                self.at.lanes = n - whole
                self._entered({place: self.f.constant(whole, I64)}, self._point)
                self.at.lanes = None

            self.f.when(self.f.compare("eq", self.f["end"], count), left)
        return count

    def _entered(self, indices: dict[int, Value], body: Callable[[], None]) -> None:
        self.at.enter(indices, [*self.accesses, *self.at.rows.values()])
        self.settle(0)
        body()
        self.at.leave()

    def settle(self, phase: int) -> None:
        """Compute what the loops entered so far decide, so that it stays outside of those that follow."""
        entered = {d for level in self.at.bound for d in level}
        now = set(self.at.bound[-1])
        first = len(self.at.bound) == 2
        done = []
        for node in self.nodes:
            if self.inside(node) or folds(node) or self.group.phases[node] != phase:
                continue
            needed = self._loops_of(node)
            if needed <= entered and (needed & now or (not needed and first) or phase):
                self.at.memory[-1][node] = self._spread(self.at.value(node))
                done.append(node)
        for node in done:  # after everything was read: results may lie where operands were
            if node in self.group.outputs:
                self.at.store(node)
        for node in self.nodes:
            self._index(node, entered)
        for access in self.accesses:
            needed = frozenset(d for d in self._ends if access.strides[d]) | {d for d, _, _ in access.pads}
            key = ("read", access)
            if access.base in self.group.outputs or self.at.find(key) is not None:
                continue
            if needed <= entered and (needed & now or (not needed and first)):
                self.at.memory[-1][key] = self._spread(self.at.load(access))

    def _index(self, node: Node, entered: set[int]) -> None:
        """The index of a line that picks, as soon as it is known."""
        if not (is_pick(node) or is_spread(node)) or self.at.find(("index", node)) is not None:
            return
        found = operand(self.fusion, self.group, node, len(node.inputs) - 1)
        if found.access is not None:
            needed = {d for d in self._ends if found.access.strides[d]}
            if needed <= entered:
                self.at.picked_index(node, (node.inputs[0] if is_pick(node) else node).shape[-1])

    def _spread(self, x: Value) -> Value:
        """Put a value that loops further in will use into all lanes, once."""
        vector = self.nest.vector
        if vector is not None and x.type.width == 1 < self.nest.width and vector.dimensions[-1] not in self.at.index:
            self.at.memory[-1]["spread", x.name] = self.f.splat(x, self.nest.width)
        return x

    @property
    def _ends(self) -> list[int]:
        return [x.dimensions[-1] for x in self.nest.loops]

    def _loops_of(self, node: Node) -> frozenset[int]:
        """The loops that a line's result depends on, by the dimension that stands for each."""
        spans = dimensions(self.group, node)
        return frozenset(x.dimensions[-1] for x in self.nest.loops if x.dimensions[-1] in spans)

    # ----- a point of the outer loops
    def _point(self) -> None:
        """All phases at one point of the outer loops."""
        if self.group.inner is None:
            return
        last = max(self.group.phases[n] for n in self.nodes)
        for phase in range(last + 1):
            self._phase(phase)
            self.settle(phase + 1)

    def _phase(self, phase: int) -> None:
        """One round of the inner loops."""
        here = [n for n in self.nodes if self.group.phases[n] == phase]
        self.at.phase = phase
        folding = [n for n in here if folds(n)]
        kept = [n for n in here if self.inside(n) and (n in self.group.outputs or n in self.at.rows)]
        if not folding and not kept:
            return
        copies = self.copies() if folding else 1
        totals = [self.neutral(n) for n in folding for _ in range(copies)]
        totals = self.run(list(self.nest.inner), Round(folding, kept, copies), totals)
        for node, total in zip(folding, self.combined(folding, totals), strict=True):
            self.known(node, total)

    def known(self, node: Node, total: Value) -> None:
        """The result of a reduction is there."""
        self.at.memory[-1][node] = self._spread(total)
        if node in self.group.outputs:
            self.at.store(node)

    def combined(self, folding: list[Node], totals: list[Value]) -> list[Value]:
        """The totals that ran side by side, and their lanes, made one."""
        copies = len(totals) // max(len(folding), 1)
        found = []
        for place, node in enumerate(folding):
            mine = totals[place * copies : (place + 1) * copies]
            while len(mine) > 1:
                mine = [scalar.REDUCTIONS[kind_of(node)].combine(self.f, node.dtype, a, b)
                        for a, b in zip(mine[::2], mine[1::2], strict=True)]  # fmt: skip
            found.append(self._folded(node, mine[0]))
        return found

    def copies(self) -> int:
        """How many totals run side by side, so that additions need not wait for each other."""
        if not self.nest.inner:
            return 1
        innermost = self.nest.inner[-1]
        steps = innermost.length // (self.nest.width if innermost is self.nest.vector else 1)
        return _UNROLLED if steps >= 2 * _UNROLLED else 1

    def neutral(self, node: Node) -> Value:
        kind = scalar.register_type(node.dtype, self.nest.width)
        return self.f.constant(scalar.REDUCTIONS[kind_of(node)].identity(node.dtype), kind)

    def _folded(self, node: Node, x: Value) -> Value:
        """The lanes of a total combined, where they are part of what is folded."""
        if self.nest.vector not in self.nest.inner:
            return x
        while x.type.width > 1:
            half = x.type.width // 2
            low, high = self.f.lanes(x, range(half)), self.f.lanes(x, range(half, 2 * half))
            x = scalar.REDUCTIONS[kind_of(node)].combine(self.f, node.dtype, low, high)
        return x

    def run(self, loops: list[Loop], work: Round, totals: list[Value], start: int = 0) -> list[Value]:
        """The inner loops from the outermost on (from `start` of that); totals go through all of them."""
        if not loops:  # everything folded has length 1
            self.at.enter({}, ())
            totals = self._body(work, totals, 0)
            self.at.leave()
            return totals
        first = loops[0]
        width = self.nest.width if first is self.nest.vector else 1
        copies = work.copies if len(loops) == 1 else 1
        bulk = start + (first.length - start) // (width * copies) * (width * copies)
        totals = self.run_between(loops, work, totals, start, bulk)
        whole = first.length // width * width
        totals = self.f.loop(bulk, whole, width, lambda i, *carried: self._once(loops, work, i, carried, 0), totals)
        if whole < first.length:
            self.at.lanes = first.length - whole
            totals = self._once(loops, work, self.f.constant(whole, I64), totals, 0)
            self.at.lanes = None
        return totals

    def run_between(self, loops: Sequence[Loop], work: Round, totals: list[Value], start: Any,
                    stop: Any) -> list[Value]:  # fmt: skip
        """Whole steps of the first loop: all lanes, all totals that run side by side."""
        width = self.nest.width if loops[0] is self.nest.vector else 1
        copies = work.copies if len(loops) == 1 else 1

        def several(i: Value, *carried: Value) -> list[Value]:
            found = list(carried)
            for copy in range(copies):
                found = self._once(loops, work, i + copy * width if copy else i, found, copy)
            return found

        return self.f.loop(start, stop, width * copies, several, totals)

    def _once(self, loops: Sequence[Loop], work: Round, i: Value, carried: Sequence[Value], copy: int) -> list[Value]:
        self.at.enter({loops[0].dimensions[-1]: i}, [*self.accesses, *self.at.rows.values()])
        rest = list(loops[1:])
        found = self.run(rest, work, list(carried)) if rest else self._body(work, list(carried), copy)
        self.at.leave()
        return found

    def _body(self, work: Round, totals: list[Value], copy: int) -> list[Value]:
        """One point (or as many as there are lanes) of the inner loops."""
        for node in work.kept:
            self.at.value(node)
        for node in work.kept:
            if node in self.group.outputs:
                self.at.store(node)
            elif node in self.at.rows:
                self.at.write(self.at.rows[node], self.at.value(node))
        totals = list(totals)
        for place, node in enumerate(work.folding):
            slot = place * work.copies + copy
            totals[slot] = self._added(node, totals[slot])
        return totals

    def _added(self, node: Node, total: Value) -> Value:
        """A total with the values at this point."""
        rule = scalar.REDUCTIONS[kind_of(node)]
        if is_pick(node):
            x = self.at.picked(node)
        else:
            x = self.at.operand(node, 0)
            if not isinstance(x, Value):
                x = self.f.constant(x, scalar.register_type(node.inputs[0].dtype))
            x = scalar.convert(self.f, x, node.inputs[0].dtype, node.dtype)
        x = self.f.splat(x, total.type.width) if x.type.width != total.type.width else x
        if self.at.lanes is not None and self.nest.vector in self.nest.inner:
            counted = self.f.mask(self.at.lanes, self.nest.width)
            x = self.f.select(counted, x, self.neutral(node))
        return rule.combine(self.f, node.dtype, total, x)


def _needed(fusion: Fusion, group: Group) -> list[Node]:
    """The lines that outputs of the group depend on."""
    found: set[Var] = set()
    waiting: list[Var] = list(group.outputs)
    while waiting:
        x = waiting.pop()
        if x not in found and fusion.home.get(x) is group:
            found.add(x)
            waiting += fusion.bases(x)  # type: ignore[arg-type]
    return [n for n in group.nodes if n in found]


def kind_of(node: Node) -> str:
    return "sum" if is_pick(node) else node.prim.name


def _lane_bytes(group: Group) -> int:
    """The size of the largest floating numbers worked on (of whole numbers where there are no others)."""
    sizes = [n.dtype.itemsize for n in group.nodes if n.dtype.kind == "f"]
    return max(sizes or [n.dtype.itemsize for n in group.nodes])


def _elements(access: Access, group: Group) -> int:
    return math.prod(n for n, s in zip(group.domain, access.strides, strict=True) if s)


__all__ = ["LoopKernel", "Round", "kind_of"]
