"""Grouping lines into kernels: what runs over the same points is one loop nest, and what is in it never sees memory.

A `Group` runs over a *domain*, a tuple of lengths. Every line in it lies somewhere in the domain: `axes` says for each
axis of its result which dimension of the domain it is (None: length 1, or repeated). Elementwise lines, reductions and
windows onto other lines of the group fuse; a product of matrices or a convolution may stand at a group's root, and the
lines behind it then work on its results while they are in registers.

Lines are taken in order. Each joins the latest group of its operands that it fits, unless the group depends on one of
its other operands' groups (it would have to run before itself); otherwise it starts a group of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Set

import numpy as np

from wengert.compiler.native import scalar, windows
from wengert.compiler.native.domain import (
    CHEAP,
    REDUCTIONS,
    Axes,
    completed,
    is_pick,
    is_spread,
    iterated,
    known,
    operand_points,
    operands,
    plain_axes,
    reduced,
    variables,
)
from wengert.compiler.native.windows import Window
from wengert.core.primitive import PART, REGISTRY
from wengert.core.tape import Input, Node, Tape, Var

Reads = dict[int, tuple[Var, Window]]
_MOST_PHASES = 6
_MOST_LINES = 256  # of one kernel: translating longer ones takes longer than they save
# Operations that are rather done again than written to memory and read back.
_CHEAP = frozenset({
    "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_not", "isfinite", "negative",
})  # fmt: skip


class Group:
    """Lines that become one kernel."""

    def __init__(self, number: int, kind: str, domain: tuple[int, ...]) -> None:
        self.number, self.kind, self.domain = number, kind, domain
        self.nodes: list[Node] = []
        self.points: dict[Node, Axes] = {}  # where in the domain the points are that a line works on
        self.axes: dict[Var, Axes] = {}  # where in the domain its result lies
        self.phases: dict[Var, int] = {}  # how many reductions of this group come, one after the other, before a line
        self.inner: frozenset[int] | None = None  # the dimensions that its reductions fold
        self.outputs: dict[Node, None] = {}  # what has to be in memory afterwards
        self.needs: set[int] = set()

    @property
    def root(self) -> Node | None:
        """The line whose results the others work on."""
        return None if self.kind == "loop" else self.nodes[0]

    def __repr__(self) -> str:
        return f"<group {self.number} {self.kind} {list(self.domain)}: {' '.join(n.prim.name for n in self.nodes)}>"


class Fusion:
    """The groups of a list, and where every variable is found."""

    def __init__(self, tape: Tape, opaque: Callable[[Fusion, Node], str], joins: Callable[..., bool],
                 late: Set[Node] = frozenset()) -> None:  # fmt: skip
        self.tape, self._opaque, self._joins = tape, opaque, joins
        self._late = set(late)  # lines that share no group with others, as these may have to run before
        self.fixed: Set[Var] = frozenset()  # inputs that are the same each time the list runs
        self.groups: list[Group] = []
        self.home: dict[Var, Group] = {}
        self._seen: dict[Var, tuple[Var, Window]] = {}  # windows: the variable looked at, and how
        self.reads: dict[Node, dict[int, tuple[Var, Window]]] = {}  # how each line finds its operands
        self._before: list[int] = []  # by group: the set of groups it depends on, as bits
        self._rank: dict[Node, int] = {}  # in which order lines came
        self._summed = _only_folded(tape)
        self._outputs = {y for y in tape.outputs if isinstance(y, Var)}
        for node in tape.nodes:
            self.add(node)
        for y in tape.outputs:
            if isinstance(y, Node):
                if self.resolve(y)[1].pads:
                    self.lay_out(y)
                self.materialise(self.resolve(y)[0])

    def resolve(self, x: Var) -> tuple[Var, Window]:
        """The variable that holds the values of `x`, and the window through which they are seen."""
        # A line with several values has no shape of its own; NumPy alone reads it.
        return self._seen.get(x) or (x, windows.of(x.shape if isinstance(x.dtype, np.dtype) else ()))

    def operand(self, node: Node, k: int) -> tuple[Var, Window]:
        """Where a line of a group finds its operand `k`."""
        return self.reads[node][k]

    def bases(self, node: Node) -> Iterator[Var]:
        """The variables whose values a line of a group reads."""
        return (base for base, _ in self.reads[node].values())

    # ----- lines
    def add(self, node: Node) -> None:
        """Find the place of the next line."""
        if node.prim is PART and self.home[node.inputs[0]].kind in ("scan", "control"):
            self._part(node, self.home[node.inputs[0]])
        elif windows.is_window(node) and isinstance(node.inputs[0], Var):
            self._look(node)
        elif self.fusable(node):
            self._fuse(node)
        else:
            kind = self._opaque(self, node)
            group = self._new(kind, tuple(node.shape) if isinstance(node.dtype, np.dtype) else ())
            self._join(group, node, tuple(a if n != 1 else None for a, n in enumerate(group.domain)))

    def _part(self, node: Node, group: Group) -> None:
        """One of several results, which lies where the group puts it."""
        group.nodes.append(node)
        group.phases[node] = 0
        self.reads[node], self.home[node] = {}, group
        self._rank[node] = len(self._rank)

    def _look(self, node: Node) -> None:
        base, window = self.resolve(node.inputs[0])
        found = windows.through(node, window)
        if found is None:
            self.lay_out(node.inputs[0])
            base, window = self.resolve(node.inputs[0])
            found = windows.through(node, window)
            assert found is not None
        self._seen[node] = base, found

    def lay_out(self, x: Var) -> None:
        """Copy a value that is seen through a window, so that from here on it lies row by row."""
        self._seen[x] = self.copy(x), windows.of(x.shape)

    def copy(self, x: Var, late: bool = False, alone: bool = False) -> Node:
        """A further line with the value of `x`, in memory of its own; `alone`: in a group of its own."""
        seen = Var(x.shape, x.dtype)
        self._seen[seen] = self.resolve(x)
        copy = Node(REGISTRY["astype"], (seen,), {"dtype": x.dtype}, x.shape, x.dtype)
        if late or self.resolve(x)[0] in self._late:
            self._late.add(copy)
        if alone:
            self._start(copy)
        else:
            self.add(copy)
        return copy

    def fusable(self, node: Node) -> bool:
        """Whether a line can be part of a loop nest."""
        name = node.prim.name
        if not isinstance(node.dtype, np.dtype):
            return False
        if name in REDUCTIONS:
            x = node.inputs[0]
            return isinstance(x, Var) and known(x.dtype) and known(node.dtype) and 0 not in x.shape
        if name == "concatenate":
            return len(node.inputs) <= 8 and all(x.dtype == node.dtype for x in node.inputs) and known(node.dtype)
        return is_pick(node) or is_spread(node) or scalar.supported(node)

    def materialise(self, x: Var) -> None:
        """See to it that a computed variable is in memory after its group."""
        if isinstance(x, Node):
            self.home[x].outputs[x] = None

    def run_after(self, group: Group, other: Group) -> bool:
        """Let `group` run after `other`; False where that cannot be, as `other` needs it."""
        if other is group or self._before[other.number] >> group.number & 1:
            return False
        group.needs.add(other.number)
        before = self._before[other.number] | 1 << other.number
        for number, bits in enumerate(self._before):
            if number == group.number or bits >> group.number & 1:
                self._before[number] |= before
        return True

    def can_follow(self, group: Group, others: Iterable[Group]) -> bool:
        """Whether `group` can run after all of `others`."""
        return all(other is not group and not self._before[other.number] >> group.number & 1 for other in others)

    # ----- groups
    def _new(self, kind: str, domain: tuple[int, ...]) -> Group:
        group = Group(len(self.groups), kind, domain)
        self.groups.append(group)
        self._before.append(0)
        return group

    def _fuse(self, node: Node) -> None:
        candidates = list(self._candidates(node))
        for group in candidates:
            points = self._fit(group, node)
            if points is not None:
                for other in candidates:
                    if other is not group:
                        self._merge(group, other, node, points)
                self._join(group, node, points)
                return
        self._start(node)

    def _start(self, node: Node) -> None:
        """Begin a loop nest with a line."""
        natural = iterated(node)
        group = self._new("loop", natural)
        self._join(group, node, tuple(a if n != 1 else None for a, n in enumerate(natural)))

    def _candidates(self, node: Node) -> Iterator[Group]:
        found = {self.home[b].number for b, _ in map(self.resolve, variables(node)) if b in self.home}
        for number in sorted(found, reverse=True):
            kind = self.groups[number].kind
            # What is only summed afterwards is summed in a loop; a product could but write it down.
            if kind == "loop" or (kind in ("matmul", "planes") and node not in self._summed):
                yield self.groups[number]

    def _fit(self, group: Group, node: Node) -> Axes | None:
        """Where in the domain of `group` the points of a line lie; None where it does not fit."""
        if (node in self._late) != (group.nodes[0] in self._late):
            return None
        natural = iterated(node)
        points: list[int | None] = [None] * len(natural)
        for k, x in enumerate(node.inputs):
            if not isinstance(x, Var):
                continue
            base, window = self.resolve(x)
            if self.home.get(base) is not group:
                other = self.home.get(base)
                if other is not None and self._before[other.number] >> group.number & 1:
                    return None
                continue
            if not self._agree(group, node, k, base, window, points):
                return None
        if not completed(group.domain, natural, points):
            return None
        return tuple(points) if self._allowed(group, node, points) else None

    def _agree(self, group: Group, node: Node, k: int, base: Var, window: Window, points: list[int | None]) -> bool:
        """Note where an operand in the group lies; False where it is looked at in a way that needs memory."""
        seen = plain_axes(base, window)
        if seen is None or node.prim.name == "concatenate":
            return False
        for axis, place in enumerate(operand_points(node, k)):
            if place is None or window.shape[axis] == 1:
                continue
            source = seen[axis]
            dimension = None if source is None else group.axes[base][source]
            if dimension is None:
                continue  # repeated: says nothing of where the axis lies
            if points[place] not in (None, dimension) or dimension in (p for i, p in enumerate(points) if i != place):
                return False
            points[place] = dimension
        return True

    def _merge(self, group: Group, other: Group, node: Node, points: Axes) -> None:
        """Take the lines of another group that `node`, about to join, reads, where both can run at once."""
        if other.kind != "loop" or other.inner is not None or (other.nodes[0] in self._late) != (node in self._late):
            return
        if len(group.nodes) + len(other.nodes) > _MOST_LINES:
            return
        numbers = group.number, other.number
        if self._before[numbers[0]] >> numbers[1] & 1 or self._before[numbers[1]] >> numbers[0] & 1:
            return
        moved: dict[int, int] = {}
        for k, x in operands(node):
            base, window = self.resolve(x)
            if self.home.get(base) is not other:
                continue
            seen = plain_axes(base, window)
            if seen is None or node.prim.name == "concatenate":
                return
            for axis, place in enumerate(operand_points(node, k)):
                source, target = seen[axis], None if place is None else points[place]
                dimension = None if source is None else other.axes[base][source]
                if dimension is not None and target is not None and moved.setdefault(dimension, target) != target:
                    return
        wanted = [d for d, n in enumerate(other.domain) if n != 1]
        if sorted(moved) != wanted or len(set(moved.values())) != len(wanted):
            return
        larger = len(wanted) != sum(n != 1 for n in group.domain)
        if larger and (group.kind != "loop" or self._final(other) or _again(group, other, moved.values())):
            return
        self._take(group, other, moved)

    def _final(self, group: Group) -> bool:
        """Whether a value of the group may be written over an old one, and hence must be computed once only.

        In a larger domain every thread would compute it for its share, from what another may have written over.
        """
        return any(node in self._outputs for node in group.nodes)

    def _take(self, group: Group, other: Group, moved: dict[int, int]) -> None:
        """Move all lines of `other`, whose dimensions become those of `group`."""

        def there(axes: Axes) -> Axes:
            return tuple(None if d is None else moved.get(d) for d in axes)

        for node in other.nodes:
            group.points[node], group.axes[node] = there(other.points[node]), there(other.axes[node])
            group.phases[node] = 0
            self.home[node] = group
        group.nodes = sorted([*group.nodes, *other.nodes], key=lambda n: (n is not group.root, self._rank[n]))
        group.outputs |= other.outputs
        group.needs |= other.needs
        for reader in self.groups:
            if other.number in reader.needs:
                reader.needs = (reader.needs - {other.number}) | {group.number}
        bit, gone = 1 << group.number, 1 << other.number
        before = self._before[group.number] | self._before[other.number]
        for number, bits in enumerate(self._before):
            if number == group.number or bits & bit or bits & gone:
                self._before[number] = (bits | before | (0 if number == group.number else bit)) & ~gone
        other.nodes, other.outputs, other.needs, other.kind = [], {}, set(), "gone"

    def _repeated(self, group: Group, node: Node, points: Axes) -> None:
        """Compute cheap operands of other groups here once more, if what they read is in memory anyway."""
        if node.prim.name == "concatenate":  # each operand has a start of its own
            return
        for k, (base, window) in list(self.reads[node].items()):
            other = self.home.get(base)
            if other is None or other is group or base in other.outputs or not self._repeatable(base):
                continue
            seen = plain_axes(base, window)
            axes: list[int | None] = [None] * len(base.shape)
            for axis, place in enumerate(operand_points(node, k)):
                if seen is not None and seen[axis] is not None and place is not None:
                    axes[seen[axis]] = points[place]  # type: ignore[index]
            if seen is None or any(a is None and n != 1 for a, n in zip(axes, base.shape, strict=True)):
                continue
            assert isinstance(base, Node)
            copy = Node(base.prim, base.inputs, base.attrs, base.shape, base.dtype, base.code, base.lasti)
            if node in self._late:
                self._late.add(copy)
            self._join(group, copy, tuple(axes), self.reads[base])
            self.reads[node][k] = copy, window

    def insert(self, group: Group, place: int, node: Node, axes: Axes, reads: Reads) -> None:
        """Put a line into a group of which nothing that it reads is part, at a place among its lines."""
        first = group.nodes[min(place, len(group.nodes) - 1)]
        if first in self._late:
            self._late.add(node)
        self.reads[node], self._rank[node], self.home[node] = reads, self._rank[first], group
        group.phases[node] = 0
        group.points[node] = group.axes[node] = axes
        group.nodes.insert(place, node)

    def _repeatable(self, x: Var) -> bool:
        if not isinstance(x, Node) or x.prim.name not in _CHEAP:
            return False
        return all(b not in self.home or b in self.home[b].outputs for b in self.bases(x))

    def _allowed(self, group: Group, node: Node, points: list[int | None]) -> bool:
        if len(group.nodes) >= _MOST_LINES:
            return False
        covered = {p for p in points if p is not None}
        full = len(covered) == sum(n != 1 for n in group.domain)
        if group.kind != "loop":
            plain = node.prim.name not in REDUCTIONS and not is_pick(node)
            return full and plain and self._joins(self, group, node, points)
        folded = reduced(node)
        if folded is not None:
            dimensions = frozenset(points[a] for a in folded if points[a] is not None)
            if not full or group.inner not in (None, dimensions):
                return False
        return self._phase(group, node) <= _MOST_PHASES

    def _phase(self, group: Group, node: Node) -> int:
        """After how many reductions of the group a line can run."""
        phase = 0
        for base in self.bases(node) if node in self.reads else (self.resolve(x)[0] for x in variables(node)):
            if base in group.phases:
                phase = max(phase, group.phases[base] + (reduced(base) is not None))
        return phase

    def _join(self, group: Group, node: Node, points: Axes, reads: Reads | None = None) -> None:
        self.reads[node] = {k: self.resolve(x) for k, x in operands(node)} if reads is None else dict(reads)
        if (group.kind == "loop" or group.nodes) and reads is None:
            self._repeated(group, node, points)
        self._rank[node] = len(self._rank)
        group.phases[node] = self._phase(group, node)
        group.nodes.append(node)
        group.points[node] = points
        self.home[node] = group
        folded = reduced(node) if group.kind == "loop" else None
        if folded is None:
            group.axes[node] = points
        else:
            group.inner = frozenset(p for a, p in enumerate(points) if a in folded and p is not None)
            keeps = len(node.shape) == len(points)
            group.axes[node] = tuple(
                None if a in folded else p for a, p in enumerate(points) if keeps or a not in folded
            )
        before = self._before[group.number]
        for base in self.bases(node):
            other = self.home.get(base)
            if other is not None and other is not group:
                self.materialise(base)
                group.needs.add(other.number)
                before |= self._before[other.number] | 1 << other.number
        if before != self._before[group.number]:
            self._before[group.number] = before
            for number, bits in enumerate(self._before):  # whatever depends on this group depends on those too
                if bits >> group.number & 1:
                    self._before[number] |= before


def _again(group: Group, other: Group, moved: Collection[int]) -> bool:
    """Whether a larger loop nest would compute something dear of `other` once more in each round of an outer loop."""
    outer = any(n != 1 and d not in moved for d, n in enumerate(group.domain[: max(moved, default=0)]))
    return outer and any(node.prim.name not in CHEAP for node in other.nodes)


def _only_folded(tape: Tape) -> set[Var]:
    """The lines that only reductions read."""
    found: set[Var] = set()
    others: set[Var] = {y for y in tape.outputs if isinstance(y, Var)}
    for node in tape.nodes:
        (found if node.prim.name in REDUCTIONS else others).update(x for x in node.inputs if isinstance(x, Var))
    return found - others


__all__ = [
    "Axes", "Fusion", "Group", "Input", "is_pick", "is_spread", "iterated", "operand_points", "operands", "plain_axes",
    "reduced", "variables",
]  # fmt: skip
