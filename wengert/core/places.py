"""Places outside a compiled function: where it reads a value before each call, and where it writes one back.

Writing back through a place counts as a new array (`EPOCH[1]`), never as a change (`EPOCH[0]`), unless a gradient
appears or goes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core import epoch
from wengert.core.record import SESSION, Tensor
from wengert.core.tape import Cell, Leaf


class Place:
    """Somewhere an array or a number is kept between calls.

    ``tensor`` tells whether eager code sees a tensor there, ``number`` the Python type it sees where that is a number
    (such an operand is weak: it takes the dtype of the array it meets).
    """

    tensor = False
    number: type | None = None
    where = "a value"

    def read(self) -> Any:
        """The array (or number) that is there."""
        raise NotImplementedError

    def write(self, value: Any) -> None:
        """Put an array that nobody else will write to there."""
        raise NotImplementedError

    def identity(self) -> Any:
        """Equal for objects that stand for the same place."""
        return id(self)

    def settle(self) -> bool:
        """Make ready for calls after something was changed; False where the function must be recorded anew."""
        return True

    def storage(self) -> tuple[Any, list[Any]]:
        """The array that is there, and the objects that must be referred to by their owners alone to write into it.

        (None, []) where the value must always be given by `write`.
        """
        return None, []

    def __repr__(self) -> str:
        return self.where


class Handle(Place):
    """A tensor of the session: a parameter, or one without a gradient."""

    tensor = True
    where = "a tensor"

    def __init__(self, t: Tensor, recorded: bool, leaf: bool) -> None:
        self.t, self.kind = t, (recorded, leaf)

    def read(self) -> Any:
        return self.t.value

    def write(self, value: Any) -> None:
        t = self.t
        if getattr(t, "group", None) is not None or hasattr(t, "origin"):
            t.assign_(value)  # windows onto it become unreadable, or see it
            return
        t.value = value
        if t.rec is SESSION:
            t.node = Leaf(value, t.node.cell)
        epoch.replaced()

    def identity(self) -> Any:
        return "handle", id(self.t)

    def settle(self) -> bool:
        t = self.t
        return (t.rec is SESSION, isinstance(t.node, Leaf)) == self.kind

    def storage(self) -> tuple[Any, list[Any]]:
        t = self.t
        if getattr(t, "group", None) is not None or hasattr(t, "origin"):
            return None, []
        return t.value, [t.value] if t.node is None else [t.value, t.node]

    def __repr__(self) -> str:
        name = self.t.node.cell.name if isinstance(self.t.node, Leaf) else None
        return f"parameter {name!r}" if name else ("a parameter" if self.t.rec is SESSION else self.where)


class Gradient(Place):
    """The gradient in the cell of a leaf. ``fresh``: each call gives another tensor, as after ``zero_grad``."""

    tensor = True

    def __init__(self, cell: Cell, fresh: bool = False) -> None:
        self.cell, self.fresh = cell, fresh

    def identity(self) -> Any:
        return "gradient", id(self.cell)

    def read(self) -> Any:
        return self.cell.grad.value

    def write(self, value: Any) -> None:
        cell = self.cell
        if (cell.grad is None) != (value is None):
            epoch.changed()
        if value is None:
            cell.grad = None
        elif self.fresh or cell.grad is None:
            cell.grad = Tensor(value)
        else:
            cell.grad.value = value
        epoch.replaced()

    def storage(self) -> tuple[Any, list[Any]]:
        g = self.cell.grad
        if g is None or g.rec is not None or getattr(g, "group", None) is not None:
            return None, []
        return g.value, [g, g.value] if self.fresh else [g.value]

    def __repr__(self) -> str:
        return f"gradient of {self.cell.name!r}" if self.cell.name else "a gradient"


class Entry(Place):
    """An array in a dictionary: a buffer of a module, what an optimizer remembers."""

    def __init__(self, owner: dict[str, Any], key: str, where: str, number: type | None = None) -> None:
        self.owner, self.key, self.where, self.number = owner, key, where, number
        self.tensor = isinstance(dict.__getitem__(owner, key), Tensor)

    def read(self) -> Any:
        value = dict.__getitem__(self.owner, self.key)
        return value.value if self.tensor else value

    def write(self, value: Any) -> None:
        if self.tensor:
            value = Tensor(value)
        dict.__setitem__(self.owner, self.key, value)
        epoch.replaced()

    def storage(self) -> tuple[Any, list[Any]]:
        value = dict.__getitem__(self.owner, self.key)
        return (value, [value]) if isinstance(value, np.ndarray) else (None, [])


class Number(np.ndarray):
    """A number in dictionaries that compiled calls count in; whoever reads it there gets a Python number."""

    owners: frozenset[int]  # the dictionaries that hold it


class Common(Place):
    """A number that several dictionaries hold under one key with one value: the number of steps of all parameters."""

    array: Number

    def __init__(self, owners: list[dict[str, Any]], key: str, where: str) -> None:
        self.owners, self.key, self.where = owners, key, where
        self.ids = frozenset(map(id, owners))
        first = dict.__getitem__(owners[0], key)
        self.number = type(first.item() if isinstance(first, Number) else first)
        self.settle()

    def read(self) -> Any:
        return self.array

    def settle(self) -> bool:
        try:
            found = [dict.__getitem__(owner, self.key) for owner in self.owners]
        except KeyError:
            return False
        first = found[0]
        if any(x is not first and x != first for x in found):
            return False
        if not isinstance(first, Number) or first.owners != self.ids or any(x is not first for x in found):
            number = np.array(first, np.int64 if self.number is int else np.float64).view(Number)
            number.owners = self.ids
            for owner in self.owners:
                dict.__setitem__(owner, self.key, number)
            epoch.changed()  # another function may count in what was there
            first = number
        self.array = first
        return True

    def join(self, owner: dict[str, Any]) -> None:
        """One more that holds the number."""
        self.owners.append(owner)
        self.ids = self.array.owners = self.ids | {id(owner)}
        dict.__setitem__(owner, self.key, self.array)

    def write(self, value: Any) -> None:
        self.array[...] = value

    def storage(self) -> tuple[Any, list[Any]]:
        return self.array, []


class Option(Place):
    """A number among the options of a group of an optimizer; `index` where it is one of a tuple (betas)."""

    def __init__(self, group: dict[str, Any], name: str, index: int | None = None) -> None:
        self.group, self.name, self.index = group, name, index
        self.number = type(self.read())
        self.where = f"option {name!r}"

    def read(self) -> Any:
        value = dict.__getitem__(self.group, self.name)
        return value if self.index is None else value[self.index]


class Fixed(Place):
    """An array that is always the same one: the key of a generator, and how often it was drawn from."""

    def __init__(self, array: np.ndarray, where: str) -> None:
        self.array, self.where = array, where

    def read(self) -> Any:
        return self.array

    def write(self, value: Any) -> None:
        self.array[...] = value

    def storage(self) -> tuple[Any, list[Any]]:
        return self.array, []


class Counter(Fixed):
    """A 0-d integer array that is always the same one; eager code sees a Python integer."""

    number = int


__all__ = ["Common", "Counter", "Entry", "Fixed", "Gradient", "Handle", "Number", "Option", "Place"]
