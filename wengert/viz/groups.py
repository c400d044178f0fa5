"""The lines as a tree of groups that fold: parts of the program, and stretches of lines where there are very many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from wengert.viz.lines import Account

MOST_CHILDREN = 40  # of a group; more are cut into stretches
STRETCH = 24  # children of a stretch
MOST_SHOWN = 45  # boxes before the reader unfolds anything


@dataclass(eq=False)
class Group:
    """Consecutive lines, single or in groups, and the inputs that only they read."""

    name: str
    children: list[int | Group] = field(default_factory=list)  # positions in `Account.lines`
    number: int = 0
    open: bool = True

    @property
    def key(self) -> str:
        """What rows of a picture call it; lines are ``l0``, ``l1`` …"""
        return f"g{self.number}"

    def lines(self) -> Iterator[int]:
        """All lines in it, at any depth, in the order of the list."""
        for child in self.children:
            if isinstance(child, Group):
                yield from child.lines()
            else:
                yield child

    def groups(self) -> Iterator[Group]:
        """It and all groups in it."""
        yield self
        for child in self.children:
            if isinstance(child, Group):
                yield from child.groups()


def tree(e: Account) -> Group:
    """The groups of a program; those are open that leave the picture small enough to be looked at."""
    root = _by_places(e)
    _simplify(root)
    _cut(root, e)
    _add_inputs(root, e)
    for number, group in enumerate(root.groups()):
        group.number = number
    _open(root)
    return root


def _by_places(e: Account) -> Group:
    root = Group("")
    stack = [root]
    for i, line in enumerate(e.lines):
        if line.kind == "operation":
            same = 0
            while same < min(len(stack) - 1, len(line.place)) and stack[same + 1].name == line.place[same]:
                same += 1
            del stack[same + 1 :]
            for name in line.place[same:]:
                made = Group(name)
                stack[-1].children.append(made)
                stack.append(made)
            stack[-1].children.append(i)
    return root


def _simplify(group: Group) -> None:
    """A group of one line is that line; a group of one group takes its place."""
    for place, child in enumerate(group.children):
        if isinstance(child, Group):
            _simplify(child)
            if len(child.children) == 1:
                only = child.children[0]
                if isinstance(only, Group):
                    only.name = f"{child.name} / {only.name}"
                group.children[place] = only


def _cut(group: Group, e: Account) -> None:
    for child in group.children:
        if isinstance(child, Group):
            _cut(child, e)
    while len(group.children) > MOST_CHILDREN:
        parts = -(-len(group.children) // STRETCH)
        length = -(-len(group.children) // parts)
        group.children = [_stretch(group.children[at : at + length], e) for at in range(0, len(group.children), length)]


def _stretch(children: list[int | Group], e: Account) -> Group:
    made = Group("", children)
    lines = list(made.lines())
    made.name = f"{e.lines[lines[0]].name} … {e.lines[lines[-1]].name}"
    return made


def _add_inputs(root: Group, e: Account) -> None:
    """Inputs and constants stand in the smallest group that holds all their readers."""
    homes: dict[str, list[Group]] = {}
    for number, path in paths(root).items():
        for name in e.lines[number].reads:
            homes[name] = _common(homes[name], path) if name in homes else path
    added: dict[Group, list[int | Group]] = {}
    for i, line in enumerate(e.lines):
        if line.kind != "operation":
            added.setdefault(homes.get(line.name, [root])[-1], []).append(i)
    for group, inputs in added.items():
        group.children[:0] = inputs


def paths(root: Group) -> dict[int, list[Group]]:
    """For every line the groups it is in, the outermost first."""
    found: dict[int, list[Group]] = {}
    stack: list[tuple[Group, list[Group]]] = [(root, [root])]
    while stack:
        group, path = stack.pop()
        for child in group.children:
            if isinstance(child, Group):
                stack.append((child, [*path, child]))
            else:
                found[child] = path
    return found


def _common(a: list[Group], b: list[Group]) -> list[Group]:
    return [x for x, y in zip(a, b, strict=False) if x is y]


def _open(root: Group) -> None:
    """From the outside inwards, as long as there is room."""
    shown = len(root.children)
    waiting = [root]
    for group in waiting:
        for child in group.children:
            if isinstance(child, Group):
                child.open = group.open and shown + len(child.children) - 1 <= MOST_SHOWN
                shown += (len(child.children) - 1) * child.open
                waiting.append(child)


__all__ = ["Group", "paths", "tree"]
