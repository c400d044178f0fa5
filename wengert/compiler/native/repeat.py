"""What is cheap is computed again where it is read, instead of being written to memory and read back.

A group may hand over several values that follow from each other by a few multiplications and additions: an
activation's input, its half, its square … Only those that the others follow from are kept in memory.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from wengert.compiler.native.access import uniform
from wengert.compiler.native.fuse import Axes, Fusion, Group, operand_points, plain_axes, reduced
from wengert.core.tape import Node, Var

_SIMPLE = frozenset({"add", "subtract", "multiply", "negative", "square"})
_MOST = 3  # operations that are done again for one value
_LEAST = 1 << 14  # elements from which on memory is what counts
_KINDS = ("loop", "matmul", "planes")


class _Reader(NamedTuple):
    """A line of another group that reads a value, as its operand `k`."""

    group: Group
    node: Node
    k: int


def repeat(fusion: Fusion) -> Fusion:
    """Shorten what the groups write, where those that read it can compute it."""
    results = {fusion.resolve(y)[0] for y in fusion.tape.outputs if isinstance(y, Var)}
    readers: dict[Var, list[_Reader]] = {}
    for group in fusion.groups:
        for node in group.nodes:
            for k, (base, _) in fusion.reads[node].items():
                if fusion.home.get(base) is not group:
                    readers.setdefault(base, []).append(_Reader(group, node, k))
    copies = _Copies(fusion)
    for group in fusion.groups:
        if group.kind in _KINDS and len(group.outputs) > 1:
            found = [x for x in group.nodes if x in group.outputs and x not in results and _movable(fusion, readers, x)]
            for x in _shortened(fusion, group, found):
                del group.outputs[x]
                for reader in readers[x]:
                    copies.read(x, reader)
    return fusion


def _movable(fusion: Fusion, readers: dict[Var, list[_Reader]], x: Node) -> bool:
    """Whether all who read a value could compute it themselves."""
    if math.prod(x.shape) < _LEAST or x not in readers:
        return False
    return all(_place(fusion, r) is not None for r in readers[x])


def _place(fusion: Fusion, reader: _Reader) -> Axes | None:
    """Where in the domain of a reader's group an operand lies; None where it has to be in memory."""
    group, node, k = reader
    if group.kind not in _KINDS or node is group.root or node.prim.name == "concatenate":
        return None
    base, window = fusion.reads[node][k]
    seen = plain_axes(base, window)
    if seen is None:
        return None
    axes: list[int | None] = [None] * len(base.shape)
    for axis, place in enumerate(operand_points(node, k)):
        source = seen[axis]
        if source is not None and place is not None:
            axes[source] = group.points[node][place]
    return None if any(a is None and n != 1 for a, n in zip(axes, base.shape, strict=True)) else tuple(axes)


def _shortened(fusion: Fusion, group: Group, found: list[Node]) -> list[Node]:
    """Those of the movable outputs `found` that follow from outputs that stay; one more may be made to stay."""
    kept = {x for x in group.outputs if x not in found}
    needs: dict[Node, dict[Node, None]] = {}
    for x in found:
        needed = _leaves(fusion, group, x, kept, [_MOST])
        if needed is None:
            kept.add(x)
        else:
            needs[x] = needed
    missing = [left[0] for needed in needs.values() if len(left := [n for n in needed if n not in kept]) == 1]
    for leaf in dict.fromkeys(missing):
        if missing.count(leaf) > 1:
            kept.add(leaf)
            fusion.materialise(leaf)
    return [x for x, needed in needs.items() if x not in kept and all(n in kept for n in needed)]


def _leaves(fusion: Fusion, group: Group, x: Node, kept: set[Node], left: list[int]) -> dict[Node, None] | None:
    """What has to be in memory for a value to be computed again; None where that is more work than is `left`."""
    left[0] -= 1
    if x.prim.name not in _SIMPLE or left[0] < 0:
        return None
    found: dict[Node, None] = {}
    for k, (base, _) in fusion.reads[x].items():
        if uniform(base) is not None:
            continue
        if not isinstance(base, Node) or fusion.home.get(base) is not group or not _in_step(fusion, x, k):
            return None
        if base in kept or base.prim.name not in _SIMPLE:
            found[base] = None
            continue
        more = _leaves(fusion, group, base, kept, left)
        if more is None:
            return None
        found |= more
    return found


def _in_step(fusion: Fusion, x: Node, k: int) -> bool:
    """Whether an operand is a value for each element, read in the order of the result."""
    base, window = fusion.reads[x][k]
    seen = plain_axes(base, window)
    if seen is None or base.shape != x.shape or reduced(base) is not None:
        return False
    return all(n == 1 or seen[a] == a for a, n in enumerate(x.shape))


class _Copies:
    """The lines written once more."""

    def __init__(self, fusion: Fusion) -> None:
        self.fusion = fusion
        self.made: dict[tuple[int, Node, Axes], Node] = {}
        self.count: dict[int, int] = {}  # by group; they stand before all others but the root

    def read(self, x: Node, reader: _Reader) -> None:
        """Let a reader of a value read a copy."""
        axes = _place(self.fusion, reader)
        assert axes is not None
        _, window = self.fusion.reads[reader.node][reader.k]
        self.fusion.reads[reader.node][reader.k] = self._copy(x, reader.group, axes), window

    def _copy(self, x: Node, group: Group, axes: Axes) -> Node:
        fusion, key = self.fusion, (group.number, x, axes)
        if key in self.made:
            return self.made[key]
        reads = {}
        for k, (base, window) in fusion.reads[x].items():
            stays = not isinstance(base, Node) or base in fusion.home[base].outputs
            reads[k] = (base if stays else self._copy(base, group, axes), window)  # type: ignore[arg-type]
        self.made[key] = copy = Node(x.prim, x.inputs, x.attrs, x.shape, x.dtype, x.code, x.lasti)
        place = self.count.setdefault(group.number, 0 if group.root is None else 1)
        self.count[group.number] += 1
        fusion.insert(group, place, copy, axes, reads)
        return copy


__all__ = ["repeat"]
