"""Writing new values over old ones: parameters, state of optimizers, running statistics.

A group may write its result where an input lies if everybody else who reads that input runs before, and if it reads
the input itself only at the very place it writes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from wengert.compiler.native.access import operand, writing
from wengert.compiler.native.fuse import Fusion, Group, is_pick, is_spread
from wengert.core.tape import Input, Node, Tape, Var, cut


def late(tape: Tape, aliases: Mapping[int, int], gate: int | None) -> set[Node]:
    """The lines that only serve to write over something, which must not happen before the gate is known."""
    if gate is None:
        return set()
    before = set(cut([tape.outputs[gate]], tape.inputs).nodes)
    return set(cut([tape.outputs[i] for i in aliases], tape.inputs).nodes) - before


def apart(fusion: Fusion, tape: Tape, count: int, gate: int | None = None) -> Tape:
    """The list in which every output from `count` on is a line of its own, so that it can have a place of its own."""
    found = list(tape.outputs)
    taken = {fusion.resolve(y)[0] for y in found[:count] if isinstance(y, Var)}
    for number, y in enumerate(found):
        if number < count or number == gate or not isinstance(y, Var):
            continue
        base, window = fusion.resolve(y)
        whole = window.whole and math.prod(y.shape) == math.prod(base.shape)
        if not isinstance(base, Node) or not whole or base in taken:
            found[number] = base = fusion.copy(y)
            fusion.materialise(base)
        taken.add(base)
    return Tape(tape.inputs, tape.nodes, found)


def written_back(
    fusion: Fusion, tape: Tape, count: int, aliases: Mapping[int, int], gate: int | None
) -> dict[int, Node]:
    """The outputs from `count` on that a kernel may write to their own place at once: their numbers, their lines.

    The groups are told to run after those that read what they write over.
    """
    bases = [fusion.resolve(y)[0] if isinstance(y, Var) else None for y in tape.outputs]
    uses = Counter(b for b in bases if b is not None)
    found: dict[int, Node] = {}
    for number, y in enumerate(tape.outputs):
        if number < count or number == gate or not isinstance(y, Var):
            continue
        base, window = fusion.resolve(y)
        whole = window.whole and math.prod(y.shape) == math.prod(base.shape)
        if not isinstance(base, Node) or not whole or uses[base] > 1 or fusion.home[base].kind == "host":
            continue
        old = tape.inputs[aliases[number]] if number in aliases else None
        if old is None or (old.shape == y.shape and _free(fusion, fusion.home[base], base, old, bases)):
            found[number] = base
    return found


def _free(fusion: Fusion, group: Group, new: Node, old: Var, outputs: list[Var | None]) -> bool:
    """Whether `new`, a line of the group, may be written over `old`; readers of `old` are put before."""
    if old in outputs or not isinstance(old, Input) or old.dtype != new.dtype:
        return False
    if not _in_step(fusion, group, new, old):
        return False
    readers = [
        g for g in fusion.groups
        if g is not group and any(base is old for n in g.nodes for base in fusion.bases(n))
    ]  # fmt: skip
    return all(fusion.run_after(group, g) for g in readers)


def _in_step(fusion: Fusion, group: Group, new: Node, old: Var) -> bool:
    """Whether the group reads `old` at no other place than where it writes `new`, or not at all."""
    target = writing(group, new)
    once = len([p for p in group.axes[new] if p is not None]) == sum(n != 1 for n in group.domain)
    for node in group.nodes:
        for k, (base, _) in fusion.reads[node].items():
            if base is not old:
                continue
            if node is group.root or group.inner is not None or not once:
                return False
            access = operand(fusion, group, node, k).access
            if access is None or access.strides != target.strides or access.offset or access.pads:
                return False
    return True


def behind(fusion: Fusion, direct: Mapping[int, Node], aliases: Mapping[int, int], flag: Var | None) -> set[Group]:
    """The groups that write over something: they run after the gate is known and after all indices were looked at."""
    writers = {fusion.home[node] for number, node in direct.items() if number in aliases}
    first = [g for g in fusion.groups if g.kind == "indexed" or any(is_pick(n) or is_spread(n) for n in g.nodes)]
    if flag is not None and flag in fusion.home:
        first.append(fusion.home[flag])
    for writer in writers:
        for group in first:
            fusion.run_after(writer, group)
    return writers if first else set()


__all__ = ["apart", "behind", "late", "written_back"]
