"""Lifting: while a function is recorded for the compiler, what it reads from outside becomes an input of its list.

Two recorders are open. The lower one is abstract and writes the list. The upper one is a session of its own: leaves
from outside are leaves of it whose values are variables of the list, so `backward`, hooks, `no_grad` and in-place
updates are those of eager code, and what they compute with values is written into the list.

Tensors from outside are met by `bind` and rebound in place (`Lifting.bring`) until the recording ends; everything else
(buffers, options, counters) is a `Slot`, found by who owns it. At the end `restore` leaves all of it as it was; what
was changed (`outcomes`) is what the compiled function writes back after each call.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.errors import CompileError, GraphError
from wengert.core import epoch
from wengert.core.places import Gradient, Handle, Place
from wengert.core.primitive import REGISTRY, Primitive
from wengert.core.record import OPEN, SESSION, Recorder, Tensor, as_array, bind, local, pause
from wengert.core.scalar import Scalar, scalar_of
from wengert.core.tape import Cell, Const, Input, Leaf, Node, Var, next_number


class Outer(BaseException):
    """Something that cannot be recorded was met, as a tensor of a transform around: the function runs eagerly then."""


class Brought(NamedTuple):
    """A tensor that was rebound: the handle, what it was, and its variable."""

    t: Tensor
    before: tuple[Any, Any, Any, Any]
    var: Var
    here: bool  # made by the function itself, so that no call reads or writes it


class Kept(NamedTuple):
    """The cell of a leaf: the gradient it had, and the tensor and variable that stand for that."""

    cell: Cell
    before: Tensor | None
    start: Tensor | None
    var: Var | None


class Watch(NamedTuple):
    """Something Python decided by: the function is recorded anew where ``read()`` gives another answer.

    `roots` are the places it is computed from; one that each call changes is looked at before each call.
    """

    where: str
    read: Callable[[], Any]
    answer: Any
    roots: frozenset[Place] = frozenset()


class Check(NamedTuple):
    """A value that must be true, else nothing is written back and ``error(value of detail)`` is raised."""

    flag: Var
    detail: Var
    error: Callable[[Any], Exception]


class Slot:
    """A value from outside that is no tensor: where it is, its variable, and what it is now."""

    __slots__ = ("place", "var", "start", "now")

    def __init__(self, place: Place, lifting: Lifting) -> None:
        self.place = place
        known = as_array(place.read())
        self.var = Input(known.shape, known.dtype)
        number = place.number
        if number is None:
            self.start = Tensor(None, self.var, lifting.recorder)
        else:
            self.start = Scalar(
                self.var, lifting.recorder, number(known), lambda: number(place.read()), frozenset({place})
            )
        self.now: Any = self.start


class Member:
    """One of several values that are the same number outside (see `Common`); each may be changed on its own."""

    __slots__ = ("slot", "now")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.now = slot.start


class Again(BaseException):
    """Something that was taken for granted is not so; the function is recorded once more without."""


COMMON = "numbers of an optimizer that are equal before are equal afterwards"
BEGUN = "what is asked for with a default before it is there is there afterwards"


class Lifting:
    """What is going on while a compiled function is recorded."""

    def __init__(self, recorder: Recorder, session: Recorder) -> None:
        self.recorder, self.session = recorder, session
        self.reads: list[tuple[Tensor, Any]] = []  # tensors whose value was asked for, which hence cannot change
        self.brought: dict[int, Brought] = {}
        self.cells: dict[int, Kept] = {}
        self.written: set[int] = set()  # the cells whose gradient was set, whatever it was before
        self.slots: dict[Any, Slot] = {}
        self.members: list[Member] = []
        self.views: dict[Any, Any] = {}  # what objects of upper floors show instead of themselves
        self.watches: list[Watch] = []
        self.outcome: list[tuple[str, Callable[[], Any]]] = []  # what is watched once the recording has ended
        self.checks: list[Check] = []
        self.made: list[weakref.ref[Tensor]] = []  # every tensor of the list
        self.handles: list[Var] = []  # what eager code has as a tensor, whatever it is computed from: gradients
        self.met: list[Any] = []  # modules, optimizers and hooks that ran, whose code is looked into
        self.begun: dict[Any, Callable[[], None]] = {}  # what takes back what was put outside, if this comes to nothing
        self.unset: set[Any] = set()  # what of that the function has not set so far
        self.missed_state = False  # whether it decided by what an optimizer's state does not hold yet
        self.missed: list[Cell] = []  # those without a gradient, where the function decides by that
        self.swept = False  # whether a sweep ran inside
        self.grown: str | None = None  # what the function makes that was not there before
        self.granted = frozenset({COMMON, BEGUN})
        self.began = next_number()

    # ----- tensors
    def bring(self, args: Sequence[Any]) -> None:
        """Rebind the tensors among `args` that come from outside."""
        for x in args:
            if not isinstance(x, Tensor):
                continue
            rec = x.rec
            if rec is None or rec is SESSION:
                if not isinstance(x.value, Tensor):
                    self._bring(x)
            elif rec.open and 0 < rec.level < self.recorder.level:
                raise Outer

    def _bring(self, t: Tensor) -> None:
        before = t.value, t.node, t.rec, getattr(t, "group", None)
        value = as_array(t.value)
        here = isinstance(t.node, Var) and t.node.number > self.began
        var: Var = Const(value) if here else Input(value.shape, value.dtype)
        self.brought[id(t)] = Brought(t, before, var, here)
        if t.rec is None:
            t.value, t.node, t.rec = None, var, self.recorder
            return
        traced = Tensor(None, var, self.recorder)
        if isinstance(t.node, Leaf):
            self._keep(t.node.cell)
            t.node = Leaf(traced, t.node.cell)
        else:
            t.node = Leaf(traced)
            t.node.cell.hooks = [_refuse_history]
        t.value, t.rec = traced, self.session

    def _keep(self, cell: Cell) -> None:
        """Let a tensor of the list stand for the gradient a leaf has."""
        before, start, var = cell.grad, None, None
        if id(cell) in self.cells:
            return
        if before is not None and before.rec is not None:
            raise CompileError(
                f"compile: {Gradient(cell)!r} has a history of its own (create_graph=True)",
                hint="clear it before: p.grad = None",
            )
        if before is not None:
            var = Input(before.shape, before.dtype)
            start = Tensor(None, var, self.recorder)
        self.cells[id(cell)] = Kept(cell, before, start, var)
        self.met += _hooks(cell)
        self.watch(f"hooks of {cell.name or 'a parameter'}", lambda: _hooks(cell), _hooks(cell))
        cell.grad = start

    def look(self, cell: Cell) -> None:
        """Note that the function decides by whether the cell has the gradient it began with."""
        kept = self.cells.get(id(cell))
        if kept is not None and id(cell) not in self.written and cell.grad is kept.start:
            self.watch(f"whether {Gradient(cell)!r} is there", lambda: cell.grad is None, kept.before is None)
            self.missed += [cell] if kept.before is None else []

    def traced(self, x: Any) -> Any:
        """`x` as a tensor of the list: below the session, and constants too."""
        self.bring((x,))
        while isinstance(x, Tensor) and x.rec is self.session:
            x = x.value
        return x if isinstance(x, Tensor) else Tensor(None, Const(as_array(x)), self.recorder)

    # ----- everything else
    def get(self, key: Any, make: Callable[[], Place]) -> Any:
        """The value of what `key` names, as the function sees it now."""
        return self.slot(key, make).now

    def slot(self, key: Any, make: Callable[[], Place]) -> Slot:
        """The slot of what `key` names, made at the first time."""
        found = self.slots.get(key)
        if found is None:
            found = self.slots[key] = Slot(make(), self)
        return found

    def watch(self, where: str, read: Callable[[], Any], answer: Any, roots: frozenset[Place] = frozenset()) -> None:
        """Record anew where ``read()`` is another than `answer`."""
        self.watches.append(Watch(where, read, answer, roots))

    def watch_outcome(self, where: str, read: Callable[[], Any]) -> None:
        """The same for something that the recording itself may change: `answer` is what it is in the end."""
        self.outcome.append((where, read))

    def check(self, flag: Any, detail: Any, error: Callable[[Any], Exception]) -> None:
        """Let the function write nothing back, and raise ``error(values of detail)``, where `flag` is false."""
        self.checks.append(Check(self.traced(flag).node, self.traced(detail).node, error))

    def weak(self, prim: Primitive, args: Sequence[Any], attrs: dict[str, Any]) -> tuple[Sequence[Any], Any]:
        """Numbers of outside as operands: cast to the dtype of the arrays, or a number again where all are numbers."""
        if not any(type(x) is Scalar for x in args):
            return args, None
        others = [x for x in args if type(x) is not Scalar and type(x) not in SCALAR_TYPES]
        strong = [x.dtype if isinstance(x, Tensor) else as_array(x).dtype for x in others]
        if not strong:
            return args, scalar_of(prim, args, attrs, self.recorder)
        numbers = [0 * x for x in args if type(x) in SCALAR_TYPES]
        cast = []
        for x in args:
            if type(x) is Scalar:
                dtype = np.result_type(*strong, *numbers, type(x.known)(0))
                x = Tensor(None, x.node, self.recorder)
                x = x if x.dtype == dtype else bind(REGISTRY["astype"], (x,), {"dtype": dtype})
            cast.append(x)
        return cast, None

    # ----- the end
    def sources(self) -> Iterator[tuple[Place, Var]]:
        """Every place that was met, with its variable."""
        for b in self.brought.values():
            if not b.here:
                yield Handle(b.t, b.before[2] is SESSION, isinstance(b.before[1], Leaf)), b.var
        for kept in self.cells.values():
            if kept.var is not None:
                yield Gradient(kept.cell), kept.var
        for slot in self.slots.values():
            yield slot.place, slot.var

    def outcomes(self) -> Iterator[tuple[Place, Var | None]]:
        """Every place that the function changed, with what it holds afterwards (None: no gradient)."""
        for b in list(self.brought.values()):
            if b.here:
                continue
            if (b.before[2] is SESSION) != (isinstance(b.t.node, Leaf) and b.t.rec is self.session):
                if b.before[2] is SESSION or isinstance(b.t.node, Leaf):
                    raise CompileError("compile: requires_grad of a tensor from outside is switched", hint="do it once")
            now = self.traced(b.t).node
            if now is not b.var:
                yield Handle(b.t, b.before[2] is SESSION, isinstance(b.before[1], Leaf)), now
        for kept in self.cells.values():
            grad = kept.cell.grad
            if grad is not kept.start or (grad is None and id(kept.cell) in self.written):
                yield Gradient(kept.cell, fresh=True), None if grad is None else self.traced(grad).node
            elif grad is not None and self.traced(grad).node is not kept.var:
                yield Gradient(kept.cell), self.traced(grad).node
        for member in self.members:
            member.slot.now = member.now
        if any(not _same(*(getattr(x, "node", x) for x in (m.slot.now, m.now))) for m in self.members):
            raise Again(COMMON)
        for slot in list(self.slots.values()):
            if slot.now is not slot.start:
                yield slot.place, self.traced(slot.now).node

    def is_first(self) -> bool:
        """Whether a function made state outside, and gradients by whose absence it decided: the next call is another.

        It is not worth compiling then: it runs eagerly once.
        """
        return bool(self.begun) and any(cell.grad is not None for cell in self.missed)

    def succeed(self) -> None:
        """The function has run, and the next call finds what it put outside; what it may have changed is watched."""
        if self.begun and (self.unset or self.missed_state):
            raise Again(BEGUN)
        for where, read in self.outcome:
            self.watch(where, read, read())

    def restore(self) -> None:
        """Leave everything outside as it was before."""
        for b in self.brought.values():
            b.t.value, b.t.node, b.t.rec = b.before[:3]
            if b.before[3] is not None:
                b.t.group = b.before[3]
        for kept in self.cells.values():
            kept.cell.grad = kept.before


def take_back(begun: Iterable[Callable[[], None]]) -> None:
    """Remove what a recording put outside, as it comes to nothing."""
    for undo in reversed([*begun]):
        undo()


def _hooks(cell: Cell) -> list[Any]:
    return [*(cell.hooks or ()), *(cell.accumulate_hooks or ())]


def _same(a: Any, b: Any) -> bool:
    """Whether two variables (or numbers) are computed in the same way from the same variables."""
    if a is b or (not isinstance(a, Node) and type(a) is type(b) and not isinstance(a, Var) and a == b):
        return True
    return (
        isinstance(a, Node)
        and isinstance(b, Node)
        and a.prim is b.prim
        and a.attrs == b.attrs
        and all(_same(x, y) for x, y in zip(a.inputs, b.inputs, strict=True))
    )


def _refuse_history(_g: Any) -> None:
    raise GraphError(
        "backward: a tensor computed before the compiled function ran is differentiated inside of it",
        hint="compute it inside, or detach it before: t.detach()",
    )


@contextmanager
def lifted(what: str) -> Iterator[Lifting]:
    """Record abstractly, with everything from outside as operands; grad mode is that of the caller."""
    with Recorder(what, abstract=True) as rec, Recorder(what) as upper:
        rec.plain = upper.session = True
        lifting = Lifting(rec, upper)
        before = local.lifting, local.paused, local.least
        enabled = local.paused <= local.least
        # The session outside records nothing meanwhile; the one inside does where the caller's would.
        local.lifting, local.least = lifting, rec.level - 1
        pause(local.least if enabled else upper.level)
        OPEN.append(lifting)
        mark = epoch.Paused(-id(lifting))
        try:
            yield lifting
        finally:
            OPEN.remove(lifting)
            del mark
            local.lifting, level, local.least = before
            pause(level)
            lifting.restore()
            lifting.session.open = False


__all__ = ["BEGUN", "COMMON", "Again", "Check", "Lifting", "Member", "Outer", "Slot", "Watch", "lifted", "take_back"]
