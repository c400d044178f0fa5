"""Optimizers while a function is recorded for the compiler: options and state are values of the list.

A compiled step reads rates, momenta and the numbers of steps before each call, so a schedule never records it anew;
options that are no numbers are guarded.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from wengert.base.errors import CompileError
from wengert.core.epoch import changed
from wengert.core.lifting import BEGUN, COMMON, Again, Member, Outer, Slot
from wengert.core.places import Common, Counter, Entry, Number, Option, Place
from wengert.core.record import Tensor, local
from wengert.core.scalar import Scalar

COUNTED = frozenset({"steps", "state", "param_groups", "_cleared", "_warned"})  # that change while training


class WatchedDict(dict[Any, Any]):
    """A dictionary whose changes compiled functions see; a `Number` in it is read as a Python number."""

    def __getitem__(self, key: Any) -> Any:
        value = dict.__getitem__(self, key)
        return value.item() if type(value) is Number else value

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if key in self else default

    def __iter__(self) -> Iterator[Any]:  # a method of its own, so that dict(x) and {**x} look at `__getitem__`
        return dict.__iter__(self)

    def values(self) -> Any:
        return [self[key] for key in self]

    def items(self) -> Any:
        return [(key, self[key]) for key in self]

    def __repr__(self) -> str:
        return repr(dict(self.items()))

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
        value = dict.pop(self, *args)
        return value.item() if type(value) is Number else value

    def clear(self) -> None:
        changed()
        dict.clear(self)


class _Setting(dict[Any, Any]):
    """A dictionary in which every way of setting something is ``self[key] = value``."""

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if not dict.__contains__(self, key):
            self[key] = self.get(key, default)
        return self[key]

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self


class _Asked(_Setting):
    """A dictionary that notes when a function looks which keys there are."""

    def __contains__(self, key: Any) -> bool:
        found = dict.__contains__(self, key)
        if not found:
            _miss()
        return found

    def __missing__(self, key: Any) -> Any:
        _miss()
        raise KeyError(key)

    def __len__(self) -> int:
        _miss()
        return dict.__len__(self)

    def __iter__(self) -> Iterator[Any]:
        _miss()
        return dict.__iter__(self)

    def keys(self) -> Any:
        _miss()
        return dict.keys(self)

    def values(self) -> Any:
        _miss()
        return dict.values(self)

    def items(self) -> Any:
        _miss()
        return dict.items(self)


class _View(_Setting):
    """The options of a group as the function that is recorded sees them."""

    def __init__(self, title: str, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.title = title

    def __setitem__(self, key: Any, value: Any) -> None:
        raise CompileError(
            f"compile: {self.title}[{key!r}] is set while the function is recorded; it would be set once, not at each "
            "call", hint="step schedules and set options outside of the compiled function",
        )  # fmt: skip


class _State(_Asked):
    """The state of a parameter. What is asked for with a default before it is there begins with that."""

    def __init__(self, outside: _Outside, p: Tensor, given: dict[str, Any]) -> None:
        super().__init__(given)
        self.title, self.outside, self.p = outside.title, outside, p
        self.slots: dict[str, Slot | Member] = {}
        for key, value in given.items():
            if isinstance(value, dict | list | set):
                raise Outer  # the function would change it while it is recorded
            if isinstance(value, np.ndarray) or _is_number(value):
                dict.__setitem__(self, key, self._watch(given, key, value))

    def _watch(self, given: dict[str, Any], key: str, value: Any) -> Any:
        """Let a slot stand for a value of the state outside; what it is now."""
        if isinstance(value, np.ndarray):
            self.slots[key] = _slot(Entry(given, key, f"{self.title}[{key!r}]"))
        else:
            self.slots[key] = member = Member(self.outside.common[id(given), key])
            local.lifting.members.append(member)
        return self.slots[key].now

    def get(self, key: Any, default: Any = None) -> Any:
        if dict.__contains__(self, key):
            return self[key]
        startable = _is_number(default) or type(default) is np.ndarray
        if BEGUN not in local.lifting.granted or key in self.slots or not startable:
            _miss()
            return default
        return self._watch(self.outside.begin(self.p, key, default), key, default)

    def __setitem__(self, key: Any, value: Any) -> None:
        slot = self.slots.get(key)
        if slot is None:
            self._grow(f"[{key!r}]")
        elif _replaces(value, slot):
            slot.now = value
            local.lifting.unset.discard((id(self.outside), self.p, key))
        elif (id(self.outside), self.p, key) in local.lifting.begun:
            raise Again(BEGUN)  # it was begun with a value of another kind
        else:
            self._grow(f"[{key!r}] of another kind")
        dict.__setitem__(self, key, value)

    def _grow(self, how: str) -> None:
        local.lifting.grown = f"{self.title}{how}"

    def __delitem__(self, key: Any) -> None:
        self._grow(f" without {key!r}")
        dict.__delitem__(self, key)

    def pop(self, *args: Any) -> Any:
        self._grow(f" without {args[0]!r}")
        return dict.pop(self, *args)

    def popitem(self) -> Any:
        self._grow(" without its last entry")
        return dict.popitem(self)

    def clear(self) -> None:
        self._grow(" without entries")
        dict.clear(self)


def _miss() -> None:
    """Note that a function asks what is not in a state: it may decide by that, and then not begin it."""
    local.lifting.missed_state = True


def _replaces(value: Any, slot: Any) -> bool:
    """Whether a value is of the kind that a slot holds."""
    start = slot.slot.start if isinstance(slot, Member) else slot.start
    if isinstance(start, Scalar):
        kind = type(start.known)
        return type(value) is kind or (type(value) is Scalar and type(value.known) is kind)
    return tuple(getattr(value, "shape", (None,))) == tuple(start.shape) and value.dtype == start.dtype


class _Outside:
    """The state of all parameters as it is outside, and the slots that stand for its numbers."""

    def __init__(self, optimizer: Any) -> None:
        self.title = f"the state of {type(optimizer).__name__}"
        self.entries: dict[Tensor, dict[str, Any]] = optimizer._state
        self.common = _common(self.title, self.entries)
        self.begun: dict[Any, Slot] = {}  # numbers that were not there before

    def begin(self, p: Tensor, key: str, value: Any) -> dict[str, Any]:
        """Put a value there, as the first step would; returns the entry of the parameter."""
        local.lifting.begun[id(self), p, key] = partial(_forget, self.entries, p, key)
        local.lifting.unset.add((id(self), p, key))
        entry: dict[str, Any] = self.entries.setdefault(p, {})
        entry[key] = np.array(value) if isinstance(value, np.ndarray) else value
        if not isinstance(value, np.ndarray):
            kind = key, type(value), repr(value), 0 if COMMON in local.lifting.granted else id(entry)
            if kind in self.begun:
                self.begun[kind].place.join(entry)
            else:
                self.begun[kind] = _slot(Common([entry], key, f"{self.title}[{key!r}]"))
            self.common[id(entry), key] = self.begun[kind]
        return entry


class _States(_Asked):
    """The state of all parameters as the function that is recorded sees it."""

    def __init__(self, optimizer: Any) -> None:
        self.outside = _Outside(optimizer)
        super().__init__({p: _State(self.outside, p, entry) for p, entry in optimizer._state.items()})

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if not dict.__contains__(self, key):
            self[key] = _State(self.outside, key, {})
        return self[key]


def _forget(states: dict[Tensor, dict[str, Any]], p: Tensor, key: str) -> None:
    """Take back what was begun."""
    states[p].pop(key, None)
    if not states[p]:
        del states[p]


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
        local.lifting.met.append(optimizer)
        local.lifting.watch(f"the options of {name}", lambda: _marks(optimizer), _marks(optimizer))
        views[key] = [_options(f"the options of {name}", g) for g in optimizer._groups]
    return views[key]


def states(optimizer: Any) -> Any:
    """The state of an optimizer for the function that is recorded."""
    views = local.lifting.views
    key = "states", id(optimizer)
    if key not in views:
        local.lifting.watch_outcome(f"the state of {type(optimizer).__name__}", lambda: _state_marks(optimizer))
        views[key] = _States(optimizer)
    return views[key]


def _options(title: str, given: dict[str, Any]) -> _View:
    values: dict[str, Any] = {}
    for key, value in given.items():
        if type(value) is tuple:
            value = tuple(_slot(Option(given, key, i)).now if _is_number(v) else v for i, v in enumerate(value))
        values[key] = _slot(Option(given, key)).now if _is_number(value) else value
    return _View(title, values)


def _common(title: str, states: dict[Any, dict[str, Any]]) -> dict[tuple[int, str], Slot]:
    """A slot for each number of each state; one for all that have the same key and value, where that may be."""
    together: dict[Any, list[dict[str, Any]]] = {}
    for entry in states.values():
        for key, value in entry.items():
            if _is_number(value):
                own = 0 if COMMON in local.lifting.granted else id(entry)
                together.setdefault((key, type(value), repr(value), own), []).append(entry)
    found = {}
    for (key, *_), owners in together.items():
        slot = _slot(Common(owners, key, f"{title}[{key!r}]"))
        found.update({(id(owner), key): slot for owner in owners})
    return found


def _slot(place: Place) -> Slot:
    return local.lifting.slot(place, lambda: place)


def _is_number(x: Any) -> bool:
    return type(x) in (int, float)


def _marks(optimizer: Any) -> Any:
    """What of the groups is no number: which parameters, and the options that decide."""
    attributes = [
        (k, repr(v)) for k, v in optimizer.__dict__.items() if type(v) in (bool, int, float, str) and k not in COUNTED
    ]
    return attributes, [(id(group), {k: _mark(v) for k, v in group.items()}) for group in optimizer._groups]


def _state_marks(optimizer: Any) -> Any:
    return [
        (id(p), id(entry), [(k, _mark(v)) for k, v in entry.items()]) for p, entry in optimizer._state.items() if entry
    ]


def _mark(x: Any) -> Any:
    if _is_number(x):
        return type(x)
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype
    if isinstance(x, list | tuple):
        return type(x), [_mark(v) for v in x]
    return id(x) if isinstance(x, Tensor) else repr(x)


__all__ = ["COUNTED", "WatchedDict", "groups", "states", "steps"]
