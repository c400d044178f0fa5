"""The Wengert list: one line per elementary operation, in execution order, each variable written once.

* `Var` names one value: its shape and dtype. `Leaf`, `Const` and `Input` are variables nothing computes.
* `Node` is a variable together with the line that computes it: primitive, inputs, attributes, source line.
* `Tape` is the list: inputs, nodes in execution order, outputs.

While a program is recorded the lines are linked by their inputs alone, so what nobody uses any more is
collected by Python; `cut` turns what an output depends on into a `Tape`. A variable carries a running
number, and a node's number is larger than those of its inputs. Hence sorting by number is a topological
order: no search, no recursion, and the reversed list is a valid reverse sweep.

Values stand beside the list. Recording leaves in `Var.value` just those that a derivative rule will read;
the structure (verify, print, passes, pictures) never looks there.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.source import describe

if TYPE_CHECKING:
    from wengert.core.primitive import Primitive

next_number = itertools.count().__next__
RELEASED = object()  # in Node.extra: the values of this line were given back after a backward sweep


class Var:
    """The name of one array value. ``value`` is what recording kept for the derivative rules, or None."""

    __slots__ = ("number", "shape", "dtype", "value", "__weakref__")
    prim: Primitive | None = None
    symbol = "v"
    tracked = True  # whether cotangents flow to it

    number: int
    shape: Any
    dtype: Any
    value: Any

    def __init__(self, shape: Any, dtype: Any, value: Any = None) -> None:
        self.number = next_number()
        self.shape = shape
        self.dtype = dtype
        self.value = value

    def __repr__(self) -> str:
        return f"{self.symbol}{self.number}:{type_text(self)}"


class Held(Var):
    """A variable nothing computes, whose value came from the caller.

    A writable array is locked while the variable is alive, so that the program cannot change what the backward
    sweep will read: writing to it meanwhile raises NumPy's "assignment destination is read-only".
    """

    __slots__ = ("locked",)
    locked: list[np.ndarray]

    def __init__(self, shape: Any, dtype: Any, value: Any = None) -> None:
        super().__init__(shape, dtype, value)
        self.locked = lock(value) if isinstance(value, np.ndarray) else []

    def release(self) -> None:
        """Forget the value and unlock its array."""
        self.value = None
        if self.locked:
            unlock(self.locked)
            self.locked = []

    def __del__(self) -> None:
        if self.locked:
            unlock(self.locked)


class Input(Held):
    """An argument of the recorded function."""

    __slots__ = ()
    symbol = "x"


class Const(Held):
    """A value from outside the recorded function: an array, or a tensor of an outer recording.

    ``value`` is there only where something will read it.
    """

    __slots__ = ()
    symbol = "c"
    tracked = False

    def __init__(self, value: Any, keep: bool = True) -> None:
        super().__init__(value.shape, value.dtype, value if keep else None)


# How many variables refer to each locked array; they also keep the array, and so its id, alive.
_locks: dict[int, int] = {}
# By the id of a locked array: views of it that nobody refers to any more. They become writable when it does.
_waiting: dict[int, list[np.ndarray]] = {}
_locks_guard = threading.RLock()  # re-entrant: a variable may be collected while another is being locked


def lock(array: np.ndarray) -> list[np.ndarray]:
    """Forbid writing to `array` and to the arrays it is a view of; what `unlock` takes back."""
    taken = []
    current: Any = array
    with _locks_guard:
        while isinstance(current, np.ndarray):
            key = id(current)
            if key in _locks or current.flags.writeable:
                _locks[key] = _locks.get(key, 0) + 1
                current.flags.writeable = False
                taken.append(current)
            current = current.base
    return taken


def unlock(arrays: list[np.ndarray]) -> None:
    """Undo one `lock`; the last one makes an array writable again."""
    with _locks_guard:
        for array in reversed(arrays):
            key = id(array)
            _locks[key] -= 1
            if not _locks[key]:
                del _locks[key]
                _open(array)


def _open(array: np.ndarray) -> None:
    """Make an array writable, and the views that waited for it; NumPy wants the owner of the memory opened first."""
    base = array.base
    if isinstance(base, np.ndarray) and id(base) in _locks:
        _waiting.setdefault(id(base), []).append(array)
        return
    array.flags.writeable = True
    for view in _waiting.pop(id(array), ()):
        if id(view) not in _locks:
            _open(view)


class Cell:
    """What outlives a leaf's value: the accumulated gradient, its hooks, and the name of a parameter."""

    __slots__ = ("grad", "hooks", "name", "accumulate_hooks")

    def __init__(self) -> None:
        self.grad: Any = None
        self.hooks: list[Any] | None = None
        self.accumulate_hooks: list[Any] | None = None
        self.name: str | None = None


class Leaf(Var):
    """A tensor the user made with ``requires_grad``. An in-place update makes a new leaf with the same cell."""

    __slots__ = ("cell",)
    symbol = "p"

    def __init__(self, value: Any, cell: Cell | None = None) -> None:
        super().__init__(value.shape, value.dtype, value)
        self.cell = cell or Cell()


class Node(Var):
    """One line of the list: this variable is ``prim(*inputs, **attrs)``, written at (code, lasti)."""

    __slots__ = ("prim", "inputs", "attrs", "code", "lasti", "extra")
    prim: Primitive
    inputs: tuple[Any, ...]  # Var, or a Python scalar written into the line
    attrs: dict[str, Any]
    code: CodeType | None
    lasti: int
    extra: Any  # None, RELEASED, or the hooks of an intermediate tensor

    def __init__(
        self,
        prim: Primitive,
        inputs: tuple[Any, ...],
        attrs: dict[str, Any],
        shape: Any,
        dtype: Any,
        code: CodeType | None = None,
        lasti: int = 0,
    ) -> None:
        super().__init__(shape, dtype)
        self.prim, self.inputs, self.attrs = prim, inputs, attrs
        self.code, self.lasti, self.extra = code, lasti, None

    @property
    def released(self) -> bool:
        """Whether an earlier backward gave the values of this line back."""
        return self.extra is RELEASED or (type(self.extra) is list and RELEASED in self.extra)

    def release(self) -> None:
        """Give back the value, and those of the constants the line read."""
        self.value = None
        if self.extra is None:
            self.extra = RELEASED
        elif type(self.extra) is list:
            self.extra.append(RELEASED)
        for x in self.inputs:
            if isinstance(x, Const):
                x.release()

    @property
    def where(self) -> str:
        """The user's line, ``file.py:12 in function``."""
        return describe(self.code, self.lasti)

    @property
    def outputs(self) -> tuple[Var, ...]:
        """The variables this line writes: itself (several values are named by `part` lines that follow)."""
        return (self,)


def type_text(var: Var) -> str:
    """``float64[2,3]``; a tuple of them for a line with several values."""
    if isinstance(var.dtype, tuple):
        return "(" + ", ".join(f"{d}{_lengths(s)}" for s, d in zip(var.shape, var.dtype, strict=True)) + ")"
    return f"{var.dtype}{_lengths(var.shape)}"


def _lengths(shape: Sequence[int]) -> str:
    return "[" + ",".join(map(str, shape)) + "]"


class Tape:
    """A Wengert list: ``inputs``, ``nodes`` in execution order, ``outputs``."""

    __slots__ = ("inputs", "nodes", "outputs")

    def __init__(self, inputs: Sequence[Var], nodes: list[Node], outputs: Sequence[Any]) -> None:
        self.inputs, self.nodes, self.outputs = tuple(inputs), nodes, tuple(outputs)

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def verify(self) -> Tape:
        """Check the invariants (written once, before it is read; known primitives); returns the list itself.

        Raises `AssertionError`, since a broken list is always a mistake of this package or of a pass.
        """
        written = set(map(id, self.inputs))
        for node in self.nodes:
            for x in node.inputs:
                if isinstance(x, Node | Input):
                    assert id(x) in written, f"{node!r} = {node.prim.name} reads {x!r} before it is written"
                else:
                    assert isinstance(x, Var) or type(x) in SCALAR_TYPES, f"{node!r} reads {x!r}"
            assert id(node) not in written, f"{node!r} is written twice"
            assert node.prim is not None, f"{node!r} has no primitive"
            written.add(id(node))
            for value in node.attrs.values():
                if isinstance(value, Tape):
                    value.verify()
        for x in self.outputs:
            if isinstance(x, Node | Input):
                assert id(x) in written, f"output {x!r} is never written"
        return self

    def names(self) -> dict[int, str]:
        """A short name for every variable: x0 … inputs, p0 … leaves, c0 … constants, v0 … lines."""
        names: dict[int, str] = {}
        counts: dict[str, int] = {}
        for var in self.variables():
            if id(var) not in names:
                count = counts.get(var.symbol, 0)
                counts[var.symbol] = count + 1
                given = var.cell.name if isinstance(var, Leaf) else None
                names[id(var)] = given or f"{var.symbol}{count}"
        return names

    def variables(self) -> Iterator[Var]:
        """Every variable, inputs first, then line by line (a variable may come more than once)."""
        yield from self.inputs
        for node in self.nodes:
            yield from (x for x in node.inputs if isinstance(x, Var))
            yield node
        yield from (x for x in self.outputs if isinstance(x, Var))

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, indent: str = "") -> list[str]:
        """The list as text, one line an operation; sub-lists are indented below their line."""
        names = self.names()

        def word(x: Any) -> str:
            return names[id(x)] if isinstance(x, Var) else repr(x)

        head = ", ".join(f"{word(x)}:{type_text(x)}" for x in self.inputs)
        text = [f"{indent}tape({head})"]
        for node in self.nodes:
            plain = {k: v for k, v in node.attrs.items() if not isinstance(v, Tape)}
            operands = [word(x) for x in node.inputs] + [f"{k}={v!r}" for k, v in plain.items()]
            line = f"{indent}  {word(node)}:{type_text(node)} = {node.prim.name}({', '.join(operands)})"
            text.append(line + (f"  # {node.where}" if node.code else ""))
            for key, value in node.attrs.items():
                if isinstance(value, Tape):
                    text.append(f"{indent}    {key}:")
                    text.extend(value.lines(indent + "      "))
        text.append(f"{indent}  return {', '.join(map(word, self.outputs))}")
        return text


_number = attrgetter("number")


def cut(outputs: Iterable[Any], inputs: Sequence[Var] = ()) -> Tape:
    """The list of all lines that `outputs` depend on, in execution order."""
    outputs = tuple(outputs)
    seen: set[Var] = set(inputs)
    nodes: list[Node] = []
    stack = [x for x in outputs if isinstance(x, Node)]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        nodes.append(node)
        for x in node.inputs:
            if isinstance(x, Node) and x not in seen:
                stack.append(x)  # noqa: PERF401  (a generator for two inputs costs twice the loop)
    nodes.sort(key=_number)
    return Tape(inputs, nodes, outputs)
