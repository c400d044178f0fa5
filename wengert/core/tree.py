"""Trees: nested lists, tuples, named tuples, dicts, dataclasses and registered classes with arrays as leaves.

`flatten` gives the leaves in a fixed order (dict entries by insertion) and a `Structure` that puts leaves back.
None is an empty tree. Two structures are equal when types, keys and nesting agree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from wengert.base.errors import TreeError


class Structure:
    """The shape of a tree: the container of each level, and its children. ``None`` as kind marks a leaf."""

    __slots__ = ("kind", "data", "children", "count")

    def __init__(self, kind: Any, data: Any, children: tuple[Structure, ...]) -> None:
        self.kind, self.data, self.children = kind, data, children
        self.count: int = 1 if kind is None else sum(c.count for c in children)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Structure)
            and self.kind is other.kind
            and self.data == other.data
            and self.children == other.children
        )

    def __hash__(self) -> int:
        return hash((self.kind, str(self.data), self.children))

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        if self.kind is type(None):
            return "None"
        inside = ", ".join(map(repr, self.children))
        if self.kind is list:
            return f"[{inside}]"
        if self.kind is tuple:
            return f"({inside}{',' if len(self.children) == 1 else ''})"
        if self.kind is dict:
            return "{" + ", ".join(f"{k!r}: {c!r}" for k, c in zip(self.data, self.children, strict=True)) + "}"
        return f"{self.kind.__name__}({inside})"

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """Put `leaves` (as many as ``count``) back into this structure."""
        return self._build(iter(leaves))

    def _build(self, leaves: Any) -> Any:
        if self.kind is None:
            return next(leaves)
        if self.kind is type(None):
            return None
        children = [c._build(leaves) for c in self.children]
        return _handler(self.kind)[1](self.kind, self.data, children)


LEAF = Structure(None, None, ())
NONE = Structure(type(None), None, ())


def _make_dict(kind: Any, items: Iterable[tuple[Any, Any]]) -> Any:
    # Not through __init__, whose arguments a subclass (defaultdict) may have changed.
    made = kind.__new__(kind)
    made.update(items)
    return made


Taker = Callable[[Any], tuple[Sequence[Any], Any]]
Maker = Callable[[Any, Any, list[Any]], Any]
_handlers: dict[type, tuple[Taker, Maker]] = {
    list: (lambda x: (x, None), lambda _kind, _data, children: children),
    tuple: (lambda x: (x, None), lambda _kind, _data, children: tuple(children)),
    dict: (
        lambda x: (list(x.values()), tuple(x)),
        lambda kind, keys, children: _make_dict(kind, zip(keys, children, strict=True)),
    ),
}


def register_tree(cls: type, take: Taker, make: Callable[[Any, list[Any]], Any]) -> None:
    """Make instances of `cls` trees: ``take(x) -> (children, data)``, ``make(data, children) -> x``."""
    _handlers[cls] = (take, lambda _kind, data, children: make(data, children))


def _handler(cls: type) -> tuple[Taker, Maker]:
    found = _handlers.get(cls)
    if found is not None:
        return found
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        found = (lambda x: (x, None), lambda kind, _data, children: kind(*children))
    elif dataclasses.is_dataclass(cls):
        found = (_take_dataclass, _make_dataclass)
    elif issubclass(cls, dict):
        found = _handlers[dict]
    else:
        for base in cls.__mro__[1:]:
            if base in _handlers and base not in (list, tuple, dict):
                return _handlers[base]
        raise KeyError(cls)
    _handlers[cls] = found
    return found


def _take_dataclass(x: Any) -> tuple[Sequence[Any], Any]:
    names = tuple(f.name for f in dataclasses.fields(x))
    return [getattr(x, n) for n in names], names


def _make_dataclass(kind: Any, names: tuple[str, ...], children: list[Any]) -> Any:
    # Not through __init__, which may compute or refuse; a tree only moves leaves.
    x = object.__new__(kind)
    for name, child in zip(names, children, strict=True):
        object.__setattr__(x, name, child)
    return x


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of `tree` in order, and its structure."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> Structure:
    if tree is None:
        return NONE
    kind = type(tree)
    try:
        take = _handler(kind)[0]
    except KeyError:
        leaves.append(tree)
        return LEAF
    children, data = take(tree)
    return Structure(kind, data, tuple(_flatten(c, leaves) for c in children))


def unflatten(structure: Structure, leaves: Iterable[Any]) -> Any:
    """The inverse of `flatten`."""
    return structure.unflatten(leaves)


def tree_map(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Apply `f` to the leaves of one tree, or of several of the same structure.

    >>> import wengert as wg
    >>> wg.tree_map(lambda a, b: a + b, {"w": 1, "b": (2, 3)}, {"w": 10, "b": (20, 30)})
    {'w': 11, 'b': (22, 33)}
    """
    leaves, structure = flatten(tree)
    others = [match(structure, r, "tree_map") for r in rest]
    return structure.unflatten(f(*xs) for xs in zip(leaves, *others, strict=True))


def tree_leaves(tree: Any) -> list[Any]:
    """The leaves of `tree` in order.

    >>> import wengert as wg
    >>> wg.tree_leaves({"w": 1, "b": (2, None, 3)})
    [1, 2, 3]
    """
    return flatten(tree)[0]


def listed(data: Any) -> Iterator[Any]:
    """The items of nested lists and tuples, in no particular order."""
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list | tuple):
            waiting.extend(item)
        else:
            yield item


def match(structure: Structure, tree: Any, operation: str) -> list[Any]:
    """The leaves of `tree`, which must have this `structure`; else `TreeError`."""
    leaves, found = flatten(tree)
    if found != structure:
        raise TreeError(f"{operation}: got the tree {found}; needs the same structure as {structure}")
    return leaves
