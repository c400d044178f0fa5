"""Optimizers while a function is recorded for the compiler: options and state are values of the list.

A compiled step reads rates, momenta and the numbers of steps before each call, so a schedule never records it anew;
options that are no numbers are guarded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.base.errors import CompileError
from wengert.core.epoch import changed
from wengert.core.lifting import Slot
from wengert.core.places import Counter, Entry, Option, Place
from wengert.core.record import Tensor, local


class WatchedDict(dict[Any, Any]):
    """A dictionary whose changes compiled functions see."""

    def __setitem__(self, key: Any, value: Any) -> None:
        changed()
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: Any) -> None:
        changed()
        dict.__delitem__(self, key)

    def update(self, *args: Any, **kwargs: Any) -> None:
        changed()
        dict.update(self, *args, **kwargs)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = WatchedDict(default) if type(default) is dict else default
        return self[key]

    def pop(self, *args: Any) -> Any:
        changed()
        return dict.pop(self, *args)

    def clear(self) -> None:
        changed()
        dict.clear(self)


class _View(dict[Any, Any]):
    """The options of a group, or the state of a parameter, as the function that is recorded sees them."""

    def __init__(self, title: str, values: dict[str, Any], slots: dict[str, Slot], fixed: bool) -> None:
        super().__init__(values)
        self.title, self.slots, self.fixed = title, slots, fixed

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.fixed:
            raise CompileError(
                f"compile: {self.title}[{key!r}] is set while the function is recorded; it would be set once, not at "
                "each call", hint="step schedules and set options outside of the compiled function",
            )  # fmt: skip
        if key in self.slots:
            self.slots[key].now = value
        else:
            local.lifting.grown = f"{self.title}[{key!r}]"
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: Any) -> None:
        local.lifting.grown = f"{self.title} without {key!r}"
        dict.__delitem__(self, key)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value


class _States(dict[Any, Any]):
    def __init__(self, optimizer: Any) -> None:
        name = type(optimizer).__name__
        super().__init__({p: _view(f"the state of {name}", entry, False) for p, entry in optimizer._state.items()})
        self.title = f"the state of {name}"

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = _View(self.title, {}, {}, False)
        return self[key]


def steps(optimizer: Any) -> Slot:
    """The number of steps an optimizer took, for the function that is recorded."""
    array = optimizer._steps
    return local.lifting.slot(id(array), lambda: Counter(array, f"{type(optimizer).__name__}.steps"))


def groups(optimizer: Any) -> list[Any]:
    """The groups of an optimizer for the function that is recorded."""
    views = local.lifting.views
    key = "groups", id(optimizer)
    if key not in views:
        name = type(optimizer).__name__
        local.lifting.watch(f"the options of {name}", lambda: _marks(optimizer), _marks(optimizer))
        views[key] = [_view(f"the options of {name}", g, True) for g in optimizer._groups]
    return views[key]


def states(optimizer: Any) -> Any:
    """The state of an optimizer for the function that is recorded."""
    views = local.lifting.views
    key = "states", id(optimizer)
    if key not in views:
        mark = _state_marks(optimizer)
        local.lifting.watch(f"the state of {type(optimizer).__name__}", lambda: _state_marks(optimizer), mark)
        views[key] = _States(optimizer)
    return views[key]


def _view(title: str, given: dict[str, Any], fixed: bool) -> _View:
    values: dict[str, Any] = {}
    slots: dict[str, Slot] = {}
    for key, value in given.items():
        if type(value) is tuple and any(map(_is_number, value)):
            values[key] = tuple(_slot(Option(given, key, i)).now if _is_number(v) else v for i, v in enumerate(value))
        elif _is_number(value) and fixed:
            values[key] = _slot(Option(given, key)).now
        elif _is_number(value) or isinstance(value, np.ndarray):
            slots[key] = _slot(Entry(given, key, f"{title}[{key!r}]"))
            values[key] = slots[key].now
        else:
            values[key] = value
    return _View(title, values, slots, fixed)


def _slot(place: Place) -> Slot:
    return local.lifting.slot(place, lambda: place)


def _is_number(x: Any) -> bool:
    return type(x) in (int, float)


def _marks(optimizer: Any) -> Any:
    """What of the groups is no number: which parameters, and the options that decide."""
    attributes = [(k, repr(v)) for k, v in optimizer.__dict__.items() if type(v) in (bool, int, float, str)]
    return attributes, [{k: _mark(v) for k, v in group.items()} for group in optimizer._groups]


def _state_marks(optimizer: Any) -> Any:
    return [(id(p), [(k, _mark(v)) for k, v in entry.items()]) for p, entry in optimizer._state.items() if entry]


def _mark(x: Any) -> Any:
    if _is_number(x):
        return type(x)
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype
    if isinstance(x, list | tuple):
        return type(x), [_mark(v) for v in x]
    return id(x) if isinstance(x, Tensor) else repr(x)


__all__ = ["WatchedDict", "groups", "states", "steps"]
