"""Guards: what a compiled function reads besides its arguments, so that a change is seen and never ignored.

Recording a function fixes everything Python decided while it ran. `guards_of` walks the function, the functions it
calls and those it closes over, and notes every global, closure cell, default and attribute their code names:

* numbers, strings, tuples, lists, dicts … by content,
* arrays by identity, and they are locked against writing while the compiled function is alive,
* tensors by identity; their values are read anew at each call,
* functions, classes and other objects by identity; attributes of theirs that the code names are guarded themselves,
* generators of random numbers by their state, so that drawing from one is seen.

Code of NumPy, SciPy, the standard library and this package is taken to be fixed.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.errors import show
from wengert.base.source import INTERNAL
from wengert.core.record import Tensor

_FIXED = {"numpy", "scipy", "wengert", "builtins"} | set(sys.stdlib_module_names)
_PLAIN = (*SCALAR_TYPES, str, bytes, type(None), np.generic)
_REGISTERS = {"_parameters", "_buffers", "_modules", "_groups", "_state", "_steps"}  # which are watched as a whole
MISSING = object()


class Guard:
    """One place that a function reads from: where it is, how to read it, and what it held.

    ``place`` says where a faster reader finds it: a dictionary and a key, or a closure's cell and None.
    """

    __slots__ = ("where", "read", "value", "mark", "held", "word", "stable", "place")

    def __init__(self, where: str, read: Callable[[], Any], place: tuple[Any, str | None] | None = None) -> None:
        self.where, self.read, self.place = where, read, place
        self.value = read()
        self.held: list[Any] = []  # what the mark knows by identity, kept alive so that no other thing gets its id
        self.mark = _mark(self.value, self.held)
        # Whether the same object surely has the same content, or is known by identity anyway.
        self.stable = isinstance(self.value, _SAME) or self.mark == ("object", id(self.value))
        self.word = _word(self.value)  # before it changes

    def holds(self) -> bool:
        """Whether the place holds what it held."""
        now = self.read()
        if now is self.value and self.stable:
            return True
        return bool(_mark(now, []) == self.mark)

    def reason(self) -> str:
        """How the place changed, in words."""
        now = self.read()
        if isinstance(now, np.ndarray) and isinstance(self.value, np.ndarray):
            return f"{self.where} is another array, {show(now)}"
        return f"{self.where} changed from {self.word} to {_word(now)}"

    def arrays(self) -> Iterator[np.ndarray]:
        """The arrays known by identity, which must not be written to."""
        for x in self.held:
            if isinstance(x, np.ndarray):
                yield x


# Where the same object surely has the same content (or is known by identity anyway).
_SAME = (*SCALAR_TYPES, str, bytes, type(None), np.generic, np.ndarray, type, types.FunctionType, types.ModuleType)


def _mark(x: Any, held: list[Any]) -> Any:
    """What is equal for equal content; `held` gets whatever is known by identity."""
    if isinstance(x, _PLAIN):
        return type(x), repr(x)
    if isinstance(x, list | tuple | set | frozenset):
        marks = [_mark(v, held) for v in x]
        return (type(x), sorted(map(repr, marks)) if isinstance(x, set | frozenset) else marks)
    if type(x) is dict:
        return dict, [(_mark(k, held), _mark(v, held)) for k, v in x.items()]
    held.append(x)
    if isinstance(x, np.random.Generator | np.random.RandomState):
        state = x.bit_generator.state if isinstance(x, np.random.Generator) else x.get_state()
        return "random numbers", id(x), repr(state)  # drawing from it is a change
    return "object", id(x)


def _word(x: Any) -> str:
    if x is MISSING:
        return "nothing"
    text = repr(x) if isinstance(x, (*_PLAIN, list, tuple, dict, set)) else show(x)
    return text if len(text) <= 60 else text[:57] + "..."


# ----- the walk -----------------------------------------------------------------------------------------
class _Walk:
    """What the code reached so far names, and the objects and modules in which those names may stand for something."""

    def __init__(self) -> None:
        self.guards: list[Guard] = []
        self.seen: dict[int, Any] = {}
        self.waiting: list[Any] = []
        self.names: set[str] = set()
        self.objects: list[tuple[str, Any]] = []
        self.noted: set[tuple[int, str]] = set()

    def run(self) -> None:
        """Follow functions and attributes until nothing new comes."""
        before = -1
        while self.waiting or before != len(self.noted):
            while self.waiting:
                self._function(self.waiting.pop())
            before = len(self.noted)
            for where, x in list(self.objects):
                self._attributes(where, x)

    def note(self, where: str, read: Callable[[], Any], place: tuple[Any, str | None] | None = None) -> None:
        """Guard a place, and look into what it holds for more that code may read."""
        value = read()
        if not isinstance(value, types.ModuleType):
            guard = Guard(where, read, place)
            self.guards.append(guard)
            for x in guard.held:
                self.inside(where, x)
        elif not _fixed(value.__name__) and id(value) not in self.seen:
            self.seen[id(value)] = value
            self.objects.append((where, value))

    def inside(self, where: str, x: Any) -> None:
        """Look into a function or an object."""
        if _is_function(x):
            self.waiting.append(x)
        elif id(x) not in self.seen and not isinstance(x, np.ndarray | Tensor | types.ModuleType):
            self.seen[id(x)] = x
            cls = x if isinstance(x, type) else type(x)
            if not _fixed(cls.__module__):
                self.objects.append((where, x))
                self.waiting += [f for f in [vars(cls).get("__call__")] if _is_function(f)]
                self.names |= set(getattr(cls, "_watched_", ()))

    def _attributes(self, where: str, x: Any) -> None:
        for name in sorted(self.names):
            if (id(x), name) in self.noted:
                continue
            if hasattr(type(x), "_watched_"):
                self._method(where, x, name)
                continue
            found = inspect.getattr_static(x, name, MISSING)
            if found is MISSING:
                continue
            self.noted.add((id(x), name))
            if isinstance(found, property):
                self.waiting += [f for f in [found.fget] if f is not None]
            elif isinstance(found, staticmethod | classmethod) or _is_function(found):
                self.waiting.append(getattr(found, "__func__", found))
                self.note(f"{where}.{name}", lambda x=x, name=name: inspect.getattr_static(x, name, MISSING))  # type: ignore[misc]
            elif isinstance(found, types.MemberDescriptorType) or not hasattr(type(found), "__get__"):
                self.note(f"{where}.{name}", lambda x=x, name=name: getattr(x, name, MISSING))  # type: ignore[misc]

    def _method(self, where: str, x: Any, name: str) -> None:
        """Guard a method of a module or optimizer, or what may change inside an attribute of theirs.

        Their attributes themselves are looked at whenever one was set.
        """
        self.noted.add((id(x), name))
        own = vars(x)
        if name in own and name not in _REGISTERS and _changeable(own[name]):
            self.note(f"{where}.{name}", _reader(own, name), (own, name))
            return
        cls = next((c for c in type(x).__mro__ if name in vars(c) and not _fixed(c.__module__)), None)
        if cls is not None:
            found, place = vars(cls)[name], (vars(cls), name)
            found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
            self.waiting += [f for f in [found] if _is_function(f)]
            self.note(f"{where}.{name}", _reader(*place), place)

    def _function(self, f: Any) -> None:
        """Guard what one function reads."""
        if id(f) in self.seen:
            return
        self.seen[id(f)] = f
        if isinstance(f, functools.partial):
            self.note("an argument of functools.partial", lambda: (f.func, *f.args, *f.keywords.values()))
        elif isinstance(f, types.MethodType):
            self.waiting.append(f.__func__)
            self.inside("self", f.__self__)
        else:
            if hasattr(f, "__wrapped__"):  # and the rules of custom_vjp and custom_jvp
                self.waiting += [f.__wrapped__, *(g for g in vars(f).values() if _is_function(g))]
            if isinstance(f, types.FunctionType):
                self._code(f)

    def _code(self, f: types.FunctionType) -> None:
        names = _names(f)
        internal = INTERNAL[f.__code__.co_filename]
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            if internal:  # what a transform closes over stays as it is
                self.inside(f"`{name}`", _cell_reader(cell)())
            else:
                self.note(f"`{name}`, which {f.__name__} closes over,", _cell_reader(cell), (cell, None))
        if INTERNAL[f.__code__.co_filename] or _fixed(f.__module__):
            return
        self.names |= names
        for name in sorted(names):
            # A name of Python's own may be hidden by a global later.
            if name in f.__globals__ or hasattr(builtins, name):
                self.note(f"global `{name}`", _reader(f.__globals__, name), (f.__globals__, name))
        if f.__defaults__ or f.__kwdefaults__:
            self.note(f"a default of {f.__name__}", lambda: (f.__defaults__, f.__kwdefaults__))


def _changeable(x: Any) -> bool:
    """Whether the content of a value may change, unless it is a tensor, which is read anew at each call."""
    if isinstance(x, tuple):
        return any(map(_changeable, x))
    return not isinstance(x, (*_PLAIN, Tensor)) and not hasattr(type(x), "_watched_")


def _fixed(module: str | None) -> bool:
    return (module or "").partition(".")[0] in _FIXED


def _is_function(x: Any) -> bool:
    return isinstance(x, types.FunctionType | types.MethodType | functools.partial) or hasattr(x, "__wrapped__")


def _reader(space: Any, name: str) -> Callable[[], Any]:
    return lambda: space.get(name, MISSING)


def _cell_reader(cell: Any) -> Callable[[], Any]:
    def read() -> Any:
        try:
            return cell.cell_contents
        except ValueError:  # not yet assigned
            return MISSING

    return read


def _names(f: Any) -> set[str]:
    """The names of globals and attributes in a function's code, functions inside it included."""
    names: set[str] = set()
    codes = [f.__code__] if isinstance(f, types.FunctionType) else []
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return names


def guards_of(*things: Any) -> list[Guard]:
    """A guard for everything these functions and objects, and what they call, read besides their arguments."""
    walk = _Walk()
    for x in things:
        walk.inside("the function" if _is_function(x) else type(x).__name__, x)
    walk.run()
    return walk.guards


__all__ = ["MISSING", "Guard", "guards_of"]
