"""A function recorded for one signature: the list, where its inputs come from, and what becomes of its outputs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wengert.base.errors import ArgumentError, CompileError
from wengert.compiler import native
from wengert.compiler.guards import Guard
from wengert.compiler.native.threads import get_num_threads
from wengert.compiler.passes import optimise
from wengert.compiler.runner import Runner
from wengert.core.epoch import EPOCH
from wengert.core.lifting import Watch, take_back
from wengert.core.places import Handle, Place
from wengert.core.record import SESSION, Tensor, as_array, escaped
from wengert.core.tape import Const, Tape
from wengert.core.tree import Structure
from wengert.transforms.reverse import owned

if TYPE_CHECKING:
    from wengert.compiler.native.measure import Profile


class Result(NamedTuple):
    """One leaf of what the function returned: an output of the list (as an array or a tensor), or a fixed value.

    ``number`` is the Python type of an output that is a number in eager code.
    """

    output: int | None
    is_tensor: bool
    value: Any
    number: Any = None


class Destination(NamedTuple):
    """Where an output is written after a call; ``alias`` is the number of the source at the same place, if it is one.

    ``fixed`` holds a value that no call changes (a gradient that is None afterwards): then there is no output for it.
    """

    place: Place
    output: int | None
    alias: int | None


class Check(NamedTuple):
    """What makes the error where the gate of a call was closed: flags and what they tell of, as a list of their own."""

    tape: Tape
    errors: list[Callable[[Any], Exception]]


class Trace:
    """A function recorded for one signature, ready to run.

    ``tape`` has as inputs the arrays among the arguments and then what `sources` read; its outputs are the results
    (as many as `count`), what is written to `destinations`, and the ``gate``: the number of a boolean output, or None.
    Where that is false nothing is written and `refuse` raises.
    """

    def __init__(self, name: str, tape: Tape, sources: Sequence[Place], destinations: Sequence[Destination],
                 results: Sequence[Result], structure: Structure, guards: Sequence[Guard]) -> None:  # fmt: skip
        self.name, self.recorded = name, tape
        self.native: native.Step | None = None  # made by the first call
        self._lock = threading.RLock()
        self.sources, self.destinations = list(sources), list(destinations)
        self.places = [*self.sources, *(d.place for d in self.destinations if d.alias is None)]
        self.results, self.structure = list(results), structure
        self.count = sum(r.output is not None for r in results)
        self.gate: int | None = None
        self.checks: Check | None = None
        self.guards = list(guards)
        self.watches: list[Watch] = []  # that hold until something was changed
        self.live: list[Watch] = []  # that a call itself may change
        self.begun: list[Callable[[], None]] = []  # takes back what recording put outside, if the first call fails
        self.tracked = False  # whether the session would record the result
        self.seen = -1
        # A constant locks its array as long as it lives, so nothing the list was recorded from changes unseen.
        self.locks = [Const(array) for guard in guards for array in guard.arrays()]
        self.plain = all(r.output == i and not r.is_tensor and r.number is None for i, r in enumerate(results))

    @cached_property
    def tape(self) -> Tape:
        """The list after all passes."""
        return optimise(self.recorded, self.name)

    @cached_property
    def runner(self) -> Runner:
        """It on NumPy."""
        return Runner(self.tape)

    def broken(self) -> str | None:
        """Why it cannot be used any more, in words; None where it can."""
        for guard in self.guards:
            if not guard.holds():
                return guard.reason()
        if self.seen != EPOCH[0]:
            for watch in self.watches:
                if not _holds(watch):
                    return f"{watch.where} changed"
            for place in self.places:
                if isinstance(place, Handle) and place.t.rec is not SESSION and place.t.rec is not None:
                    raise escaped(place.t.rec)
                if not place.settle():
                    return f"{place!r} changed"
            if not self.types.holds():
                return self.types.reason()
            self.seen = int(EPOCH[0])
        for watch in self.live:
            if not _holds(watch):
                return f"{watch.where} changed"
        return None

    def moved(self) -> bool:
        """Whether anything may have changed since the guards were last looked at, by the function's own calls too."""
        return self.seen != EPOCH[0] or bool(self.live)

    def ready(self) -> None:
        """Called once, when everything is set: what the sources hold from here on has the types it has now."""
        places = self.sources
        self.types = Guard("the types of tensors from outside", lambda: tuple(_type(p.read()) for p in places))
        self.watches.append(Watch("the number of threads", get_num_threads, get_num_threads()))
        self.seen = int(EPOCH[0])

    def arguments(self, leaves: Sequence[Any]) -> list[Any]:
        """The values of all inputs of the list."""
        given = [x.value if isinstance(x, Tensor) else x for x in leaves]
        if self.sources:
            given += [as_array(place.read()) for place in self.sources]
        return given

    def __call__(self, leaves: Sequence[Any]) -> Any:
        return self.finish(self.run(leaves))

    def build(self) -> None:
        """Make machine code, where there is none yet and can be some."""
        if self.native is None and native.available():
            with self._lock:
                if self.native is None:
                    self.native = native.Step(self)

    def run(self, leaves: Sequence[Any]) -> list[Any]:
        """One call: the results' values, after everything was written back."""
        if self.begun:
            return self._first(leaves)
        self.build()
        if self.native is not None:
            return self.native([x.value if isinstance(x, Tensor) else x for x in leaves])
        arguments = self.arguments(leaves)
        values = self.runner(arguments)
        if self.gate is not None and not values[self.gate]:
            raise self.refuse(arguments)
        if self.destinations:
            self.write(values, arguments)
        return owned(values[: self.count])

    def _first(self, leaves: Sequence[Any]) -> list[Any]:
        """The first call, which leaves nothing behind where it fails."""
        begun, self.begun = self.begun, []
        try:
            return self.run(leaves)
        except BaseException:  # whoever interrupts it, too
            take_back(begun)
            raise

    def repeat(self, n: int, arrays: Sequence[Any]) -> Any:
        """What `n` calls with the rows of arrays return, stacked; None where they cannot be made at once."""
        self.build()
        numbers = any(r.output is None or r.number is not None for r in self.results)
        if self.native is None or self.native.bound is None or numbers:
            return None
        try:
            values = self.native.bound.repeat(n, arrays)
        except native.Closed as stopped:
            if stopped.args[0]:
                self.begun = []
            self([x[stopped.args[0]] for x in arrays])  # which raises the error with all it has to say
            raise AssertionError("a call that failed among others did not fail alone") from None
        if values is None:
            return None
        self.begun = []
        return self.finish(values)

    def profile(self, leaves: Sequence[Any], repeats: int) -> Profile:
        """The kernels of a call with their times; nothing outside is changed."""
        self.build()
        if self.native is None:
            raise ArgumentError(
                f"profile: {self.name} runs on NumPy", hint="llvmlite is not installed, or WENGERT_BACKEND=numpy"
            )
        return self.native.profile(leaves, repeats)

    def write(self, values: Sequence[Any], arguments: Sequence[Any]) -> None:
        """Write back what a call changed; arrays that somebody else may hold are copied."""
        taken = {id(x) for x in arguments}
        for destination in self.destinations:
            if destination.output is None:
                destination.place.write(None)
                continue
            value = np.asarray(values[destination.output])
            if id(value) in taken or not value.flags.owndata or not value.flags.writeable:
                value = value.copy("K")
            taken.add(id(value))
            destination.place.write(value)

    def finish(self, values: Sequence[Any]) -> Any:
        """What the function returns, from the values of its results."""
        return self.structure.unflatten(values if self.plain else [_built(r, values) for r in self.results])

    def refuse(self, arguments: Sequence[Any]) -> Exception:
        """The error for a call whose gate was closed; `arguments` are those before it (nothing was changed)."""
        assert self.checks is not None
        values = Runner(self.checks.tape)(arguments)
        for make, flag, detail in zip(self.checks.errors, values[::2], values[1::2], strict=True):
            if not flag:
                return make(np.asarray(detail))
        return CompileError("compile: a check failed that cannot be found again")


def _holds(watch: Watch) -> bool:
    try:
        return bool(watch.read() == watch.answer)
    except (AttributeError, KeyError, IndexError):  # what it read is gone
        return False


def _type(value: Any) -> str:
    return f"{getattr(value, 'dtype', type(value))}{list(getattr(value, 'shape', ()))}"


def _built(result: Result, values: Sequence[Any]) -> Any:
    if result.output is None:
        return result.value.copy() if isinstance(result.value, np.ndarray) else result.value
    value = values[result.output]
    if result.number is not None:
        return result.number(value)
    return Tensor(value) if result.is_tensor else value


__all__ = ["Check", "Destination", "Result", "Trace"]
