"""Writing new values over old ones: parameters, state of optimizers, running statistics.

*Guarded* outputs are not written before the gate is known, and all indices have been looked at: a call that fails has
changed nothing. Only gradients need not wait.

A group may write its result where an input lies if everybody else who reads that input runs before, and if it reads
the input itself only at the very place it writes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping

from wengert.compiler.native.access import operand, writing
from wengert.compiler.native.fuse import Fusion, Group, is_pick, is_spread
from wengert.core.tape import Input, Node, Tape, Var, cut


def late(tape: Tape, guarded: Collection[int], gate: int | None) -> set[Node]:
    """The lines that only serve to write guarded outputs."""
    if gate is None:
        return set()
    before = set(cut([tape.outputs[gate]], tape.inputs).nodes)
    return set(cut([tape.outputs[i] for i in guarded], tape.inputs).nodes) - before


def apart(fusion: Fusion, tape: Tape, count: int, aliases: Mapping[int, int], gate: int | None = None,
          guarded: Collection[int] = ()) -> Tape:  # fmt: skip
    """The list in which every output from `count` on is a line of its own, so that it can have a place of its own.

    Copied are also guarded ones that are known too early, and those made of the old value in another order.
    """
    found = list(tape.outputs)
    checks = _checks(fusion, tape, gate) if guarded else []
    taken = {fusion.resolve(y)[0] for y in found[:count] if isinstance(y, Var)}
    for number, y in enumerate(found):
        if number < count or number == gate or not isinstance(y, Var):
            continue
        base, window = fusion.resolve(y)
        whole = window.whole and math.prod(y.shape) == math.prod(base.shape)
        early = number in guarded and base in fusion.home and not fusion.can_follow(fusion.home[base], checks)
        old = tape.inputs[aliases[number]] if number in aliases else None
        own = isinstance(base, Node) and whole and base not in taken
        if not own or early or _mixed(fusion, base, old):  # type: ignore[arg-type]
            found[number] = base = fusion.copy(y, number in guarded and gate is not None, alone=own)
            fusion.materialise(base)
        taken.add(base)
    return Tape(tape.inputs, tape.nodes, found)


def written_back(
    fusion: Fusion, tape: Tape, count: int, aliases: Mapping[int, int], gate: int | None, guarded: Collection[int] = ()
) -> dict[int, Node]:
    """The outputs from `count` on that a kernel may write to their own place at once: their numbers, their lines.

    The groups are told to run after those that read what they write over, and those of guarded outputs after whatever
    may make the call fail.
    """
    checks = _checks(fusion, tape, gate) if guarded else []
    bases = [fusion.resolve(y)[0] if isinstance(y, Var) else None for y in tape.outputs]
    uses = Counter(b for b in bases if b is not None)
    readers = _readers(fusion)
    found: dict[int, Node] = {}
    for number, y in enumerate(tape.outputs):
        if number < count or number == gate or not isinstance(y, Var):
            continue
        base, window = fusion.resolve(y)
        whole = window.whole and math.prod(y.shape) == math.prod(base.shape)
        if not isinstance(base, Node) or not whole or uses[base] > 1 or fusion.home[base].kind == "host":
            continue
        if number in guarded and not all(fusion.run_after(fusion.home[base], g) for g in checks):
            continue
        old = tape.inputs[aliases[number]] if number in aliases else None
        if old is None or (old.shape == y.shape and _free(fusion, fusion.home[base], base, old, uses, readers)):
            found[number] = base
    return found


def _readers(fusion: Fusion) -> dict[Var, dict[Group, None]]:
    """By variable, the groups that read it."""
    found: dict[Var, dict[Group, None]] = {}
    for group in fusion.groups:
        for node in group.nodes:
            for base in fusion.bases(node):
                found.setdefault(base, {})[group] = None
    return found


def _free(fusion: Fusion, group: Group, new: Node, old: Var, outputs: Collection[Var | None],
          readers: Mapping[Var, Collection[Group]]) -> bool:  # fmt: skip
    """Whether `new`, a line of the group, may be written over `old`; readers of `old` are put before."""
    if old in outputs or not isinstance(old, Input) or old.dtype != new.dtype:
        return False
    if not _in_step(fusion, group, new, old):
        return False
    return all(fusion.run_after(group, g) for g in readers.get(old, ()) if g is not group)


def _in_step(fusion: Fusion, group: Group, new: Node, old: Var) -> bool:
    """Whether the group reads `old` at no other place than where it writes `new`, or not at all."""
    if new not in group.axes:
        return _only_carried(fusion, group, new, old)
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


def _mixed(fusion: Fusion, new: Node, old: Var | None) -> bool:
    """Whether the group that computes `new` reads `old` otherwise than step by step."""
    return old is not None and not _in_step(fusion, fusion.home[new], new, old)


def _only_carried(fusion: Fusion, group: Group, new: Node, old: Var) -> bool:
    """Whether a line with inner lists reads `old` only as what the carry `new` of a scan begins with, or not at all."""
    line = group.nodes[0]
    places = [k for k, (base, _) in fusion.reads[line].items() if base is old]
    if not places or line.prim.name != "scan":
        return not places
    begin, number = line.attrs["consts"], new.attrs["index"]
    return bool(number < line.attrs["carries"] and places == [begin + number])


def _checks(fusion: Fusion, tape: Tape, gate: int | None) -> list[Group]:
    """The groups that may make a call fail: those that look at indices, and the one that computes the gate."""
    found = [g for g in fusion.groups if g.kind == "indexed" or any(map(_indexes, g.nodes))]
    flag = None if gate is None else fusion.resolve(tape.outputs[gate])[0]
    return [*found, *([fusion.home[flag]] if flag in fusion.home else [])]


def behind(fusion: Fusion, direct: Mapping[int, Node], guarded: Collection[int], flag: Var | None) -> set[Group]:
    """The groups that must not run where a call fails: they write guarded outputs to their places."""
    if flag is None and not any(g.kind == "indexed" or any(map(_indexes, g.nodes)) for g in fusion.groups):
        return set()
    return {fusion.home[node] for number, node in direct.items() if number in guarded}


def _indexes(node: Node) -> bool:
    return is_pick(node) or is_spread(node)


__all__ = ["apart", "behind", "late", "written_back"]
