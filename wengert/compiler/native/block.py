"""The kernels of a list in order, and where the values between them lie in one piece of memory."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from wengert.compiler.native import alike, memory
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.host import bytes_of
from wengert.compiler.native.ir import Module
from wengert.compiler.native.kernel import Kernel
from wengert.core.tape import Const, Input, Node, Var

# What writes the kernels of a group: (fusion, group, module, name, texts of kernels written so far).
Writers = Callable[[Fusion, Group, Module, str, dict[str, str]], list[Any]]


_WORDS = {"matmul": "product", "planes": "product", "scan": "scan", "control": "control"}  # how kernels are called


class Step(NamedTuple):
    """One kernel in its place: the group, the kernel, the variables whose addresses it is given.

    Of a list that runs again and again, what is to be done `once` comes before all rounds.
    """

    group: Group
    kernel: Kernel
    bases: list[Var]
    once: bool = False

    @property
    def written(self) -> dict[Var, None]:
        """The variables it writes, in order: results of its group, and memory of its own."""
        found = [b for b in self.bases if b in self.group.outputs or not isinstance(b, Node | Input | Const)]
        return dict.fromkeys(found)


class Block:
    """A fused list in order; ``offset`` says where in the arena a value lies, for those not `outside` of it."""

    def __init__(self, fusion: Fusion, module: Module, texts: dict[str, str], writers: Writers,
                 outside: Collection[Var], kept: Collection[Var] = ()) -> None:  # fmt: skip
        self.fusion, self.module, self.texts, self._writers = fusion, module, texts, writers
        self.order = ordered(fusion)
        self._alike: dict[Any, list[tuple[Kernel, list[int]]]] = {}  # kernels of groups, and the numbers of their bases
        self.steps = [step for group in self.order if group.kind != "host" for step in self._kernels(group)]
        self.scratch = max([s.kernel.scratch for s in self.steps], default=0)
        self._place(outside, dict.fromkeys(kept, len(self.order)))

    def _kernels(self, group: Group) -> list[Step]:
        """The kernels of a group; those of groups that are alike are written once, and so are equal ones."""
        like = alike.signature(self.fusion, group)
        if like is not None and like[0] in self._alike:
            variables = list(like[1])
            return [Step(group, kernel, [variables[i] for i in bases]) for kernel, bases in self._alike[like[0]]]
        found = self._written(group)
        if like is not None and all(base in like[1] for step in found for base in step.bases):
            self._alike[like[0]] = [(step.kernel, [like[1][base] for base in step.bases]) for step in found]
        return found

    def _written(self, group: Group) -> list[Step]:
        name = f"{_WORDS.get(group.kind, 'kernel')}{len(self.texts)}"
        found = []
        for writer in self._writers(self.fusion, group, self.module, name, self.texts):
            kernel = writer.write()
            text = self.module.functions.pop()
            known = self.texts.setdefault(text.replace(f"@{kernel.name}(", "@("), kernel.name)
            if known == kernel.name:
                self.module.functions.append(text)
            found.append(Step(group, kernel._replace(name=known), writer.bases, getattr(writer, "once", False)))
        return found

    def _place(self, outside: Collection[Var], last: Mapping[Var, int]) -> None:
        number = {group: i for i, group in enumerate(self.order)}
        read: dict[Var, int] = {}
        for group in self.order:
            for node in group.nodes:
                read |= dict.fromkeys(self.fusion.bases(node), number[group])
        read |= last
        inner = [n for g in self.order if g.kind != "host" for n in g.outputs if n not in outside]
        home = [number[self.fusion.home[n]] for n in inner]
        lives = [memory.Life(bytes_of(n), h, read.get(n, h)) for n, h in zip(inner, home, strict=True)]
        own = {x: number[s.group] for s in self.steps for x in s.written if not isinstance(x, Node)}
        stays = {x for s in self.steps if s.once for x in s.written}
        for x, at in own.items():
            lives.append(memory.Life(bytes_of(x), 0 if x in stays else at, len(self.order) if x in stays else at))
        offsets, self.bytes = memory.place(lives)
        self.offset: dict[Var, int] = dict(zip([*inner, *own], offsets, strict=True))


def ordered(fusion: Fusion) -> list[Group]:
    """The groups so that each comes after those it needs, otherwise as they were recorded."""
    groups = [g for g in fusion.groups if g.kind != "gone"]
    left = {g.number: len(g.needs) for g in groups}
    readers: dict[int, list[int]] = {g.number: [] for g in groups}
    for g in groups:
        for number in g.needs:
            readers[number].append(g.number)
    ready = [n for n, count in left.items() if not count]
    heapq.heapify(ready)
    found = []
    while ready:
        number = heapq.heappop(ready)
        found.append(fusion.groups[number])
        for reader in readers[number]:
            left[reader] -= 1
            if not left[reader]:
                heapq.heappush(ready, reader)
    assert len(found) == len(groups), "groups depend on each other in a circle"
    return found


__all__ = ["Block", "Step", "Writers", "ordered"]
