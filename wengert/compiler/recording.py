"""Recording a function for one signature: running it on tensors that stand for values, putting the list together."""

from __future__ import annotations

import gc
import random
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base.errors import CompileError, show
from wengert.compiler.guards import Guard, guards_of
from wengert.compiler.signature import ARRAYS, FUNCTIONS, Eager
from wengert.compiler.trace import Check, Destination, Result, Trace
from wengert.core.lifting import Again, Lifting, Outer, lifted, take_back
from wengert.core.places import Handle, Place
from wengert.core.primitive import REGISTRY
from wengert.core.record import SESSION, Recorder, Tensor, escaped
from wengert.core.scalar import Scalar
from wengert.core.tape import Const, Input, Node, Tape, Var, cut
from wengert.core.tree import Structure, flatten


def trace_call(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str, doubted: Sequence[str] = ()
) -> Trace | None:
    """Record ``f(*args, **kwargs)``; None where the call must run eagerly.

    That is so where it reads a tensor of a transform that is running around it, and where it makes state that was not
    there before and has no value to begin with (the next call finds it).
    """
    begun: dict[Any, Callable[[], None]] = {}
    used = False
    try:
        with lifted("compile") as lifting:
            begun = lifting.begun
            lifting.granted -= {*doubted}
            ended = _run(lifting, f, args, kwargs)
        if ended is None:
            return None
        trace, made = _finished(ended, name), lifting.made
        del ended, lifting  # what lives on now is kept by somebody outside
        _check_kept(made, name)
        used = True
        return trace
    except Outer:
        return None
    except Again as again:
        doubts = [*doubted, *again.args]
    finally:
        if not used:
            take_back(begun.values())
    return trace_call(f, args, kwargs, name, doubts)


def _run(lifting: Lifting, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Ended | None:
    """Run a function on boxes; None where it has to run eagerly this time."""
    given, structure = flatten((args, kwargs))
    guards = guards_of(f, *(x for x in given if isinstance(x, FUNCTIONS)))
    guards.append(Guard("NumPy's global generator", lambda: repr(np.random.get_state())))
    guards.append(Guard("the generator of Python's random", lambda: hash(random.getstate())))
    boxes = [_box(x, lifting.recorder) for x in given]
    nodes = [b.node if isinstance(b, Tensor) else None for b in boxes]
    call_args, call_kwargs = structure.unflatten(boxes)
    leaves, output = flatten(f(*call_args, **call_kwargs))
    if lifting.grown is not None or lifting.is_first():
        return None
    if _unsteady(output):
        raise Eager
    ended = _Ended(lifting, leaves, output, given, guards)
    lifting.succeed()
    ended.inputs = [v for v in nodes if v is not None]
    ended.writes = any(isinstance(b, Tensor) and b.node is not v for b, v in zip(boxes, nodes, strict=True))
    return ended


def _finished(ended: _Ended, name: str) -> Trace:
    """The trace of a recording that has ended; refuses functions that do what would happen only once."""
    guards, lifting = ended.guards, ended.lifting
    _check_pure(guards, name)
    if ended.writes:
        raise CompileError(
            f"compile: {name} writes to one of its arguments", hint="work on a copy, x = x + 0 or x.at[i].set(v)"
        )
    del guards[-2:]  # it may be drawn from elsewhere
    guards += _more_guards(lifting, guards)
    trace = _assembled(name, ended)
    trace.begun = list(lifting.begun.values())
    return trace


def _more_guards(lifting: Lifting, guards: Sequence[Guard]) -> list[Guard]:
    """Guards of what was met on the way: modules, optimizers and hooks, and tensors whose value was asked for."""
    known = {(id(g.place[0]), g.place[1]) for g in guards if g.place is not None}
    found = [g for g in guards_of(*lifting.met) if g.place is None or (id(g.place[0]), g.place[1]) not in known]
    asked = [Guard("a tensor whose value was asked for", lambda t=t: t.value) for t, _ in lifting.reads]  # type: ignore[misc]
    return found + asked


def _unsteady(structure: Structure) -> bool:
    """Whether a returned tree holds values that are no leaves of it: modules with buffers."""
    return getattr(structure.data, "unsteady", False) or any(map(_unsteady, structure.children))


def _check_kept(made: list[weakref.ref[Tensor]], name: str) -> None:
    """Refuse a function that put a tensor of its recording somewhere outside."""
    if any(r() is not None for r in made):
        gc.collect()  # cycles of frames and closures
    for t in (r() for r in made):
        if t is not None:
            where = f", made at {t.node.where}," if isinstance(t.node, Node) and t.node.code else ""
            raise CompileError(
                f"compile: {name} keeps a tensor of its recording ({show(t)}{where} in a global, an attribute or a "
                "list); it has no value",
                hint="return it from the function, and store it outside",
            )


def _box(x: Any, rec: Recorder) -> Any:
    return Tensor(None, Input(tuple(x.shape), x.dtype), rec) if isinstance(x, ARRAYS) else x


class _Ended:
    """What a recording came to, taken down before everything outside is put back."""

    writes = False  # whether it writes to an argument
    inputs: list[Var]  # arguments

    def __init__(self, lifting: Lifting, leaves: list[Any], output: Structure, given: Sequence[Any],
                 guards: list[Guard]) -> None:  # fmt: skip
        self.lifting, self.leaves, self.output, self.given, self.guards = lifting, leaves, output, given, guards
        self.outcomes = list(lifting.outcomes())
        self.sources = list(lifting.sources())
        self.tracked = False
        self.vars: list[Var | None] = []  # of the results; None for a fixed value
        self.in_session: list[bool] = []
        for y in leaves:
            inside = isinstance(y, Tensor) and y.rec is lifting.session
            self.tracked |= inside and not lifting.swept
            self.in_session.append(inside)
            self.vars.append(self._var(y))

    def _var(self, y: Any) -> Var | None:
        """The variable of a returned leaf; what belongs to a transform that has ended is refused."""
        if not isinstance(y, Tensor) or y.rec is None or y.rec is SESSION:
            return None
        if y.rec is not self.lifting.session and y.rec is not self.lifting.recorder:
            raise escaped(y.rec)
        node: Var = self.lifting.traced(y).node
        return node


def _assembled(name: str, ended: _Ended) -> Trace:
    """Put the list together: arguments and sources, results, what is written back, and the gate."""
    lifting, inputs, given, leaves = ended.lifting, ended.inputs, ended.given, ended.leaves
    local = _made_inside(ended)
    outcomes = [(p, v) for p, v in ended.outcomes if not (isinstance(p, Handle) and id(p.t) in local)]
    shown = [v for v in ended.vars if v is not None]
    gate = _conjunction([c.flag for c in lifting.checks])
    details = [v for c in lifting.checks for v in (c.flag, c.detail)]
    outputs = [*shown, *(v for _, v in outcomes if v is not None), *gate]
    lines = cut([*outputs, *details], inputs)
    _replace(lines, local.values())
    outputs, details = ([_read(local, v) for v in found] for found in (outputs, details))
    used = set(lines.variables()) | set(outputs) | set(details)
    sources = [(p, v) for p, v in ended.sources if v in used]
    everything = [*inputs, *(v for _, v in sources)]
    places = [p for p, _ in sources]
    tape = cut(outputs, everything).verify()
    handles = _reached(tape, [*lifting.handles, *_handles(everything, given, places)])
    results: list[Result] = []
    for y, v, inside in zip(leaves, ended.vars, ended.in_session, strict=True):
        number = sum(r.output is not None for r in results)
        kind = type(y.known) if isinstance(y, Scalar) else None
        fixed = Result(None, False, _fixed(y, given))
        results.append(fixed if v is None else Result(number, kind is None and (inside or v in handles), None, kind))
    trace = Trace(name, tape, places, _destinations(outcomes, places, len(shown)), results, ended.output, ended.guards)
    trace.tracked = ended.tracked
    if gate:
        trace.gate = len(outputs) - 1
        trace.checks = Check(cut(details, everything).verify(), [c.error for c in lifting.checks])
    written = {p.identity() for p, _ in outcomes}
    for watch in lifting.watches:
        (trace.live if any(p.identity() in written for p in watch.roots) else trace.watches).append(watch)
    trace.ready()
    return trace


def _destinations(
    outcomes: Sequence[tuple[Place, Var | None]], sources: Sequence[Place], first: int
) -> list[Destination]:
    numbers = {p.identity(): i for i, p in enumerate(sources)}
    found = []
    for place, var in outcomes:
        alias = numbers.get(place.identity())
        found.append(Destination(place, None if var is None else first, alias))
        first += var is not None
    return found


def _conjunction(flags: Sequence[Var]) -> list[Var]:
    """One line that is true where all flags are; none where there are none."""
    both = REGISTRY["logical_and"]
    while len(flags) > 1:
        flags = [
            Node(both, (flags[i], flags[i + 1]), {}, (), np.dtype(bool)) if i + 1 < len(flags) else flags[i]
            for i in range(0, len(flags), 2)
        ]
    return list(flags)


def _made_inside(ended: _Ended) -> dict[int, tuple[Var, Const]]:
    """Tensors without a gradient that the function itself made: by identity, their variable and the constant it is.

    Nobody but the recording (and the result) refers to such a tensor any more.
    """
    outside = {id(x) for guard in ended.guards for x in guard.held}
    found = {}
    for key, brought in ended.lifting.brought.items():
        t = brought.t
        if brought.here or brought.before[2] is not None or key in outside:
            continue
        held = sum(p.t is t for p, _ in ended.sources if isinstance(p, Handle))
        held += sum(p.t is t for p, _ in ended.outcomes if isinstance(p, Handle))
        held += sum(y is t for y in ended.leaves)
        # The four are the entry of the recording, the local name, the argument of getrefcount, and one for luck.
        if sys.getrefcount(t) <= held + 3:
            found[key] = brought.var, Const(np.array(t.value))
    return found


def _read(local: dict[int, tuple[Var, Const]], v: Any) -> Any:
    return next((const for var, const in local.values() if v is var), v)


def _replace(lines: Tape, pairs: Any) -> None:
    """Put constants for variables; the lines are this recording's own, which nobody else holds."""
    known = dict(pairs)
    if known:
        for node in lines.nodes:
            node.inputs = tuple(known.get(x, x) if isinstance(x, Var) else x for x in node.inputs)


def _check_pure(guards: Sequence[Guard], name: str) -> None:
    """Refuse a function that changed, while it was recorded, something that it reads."""
    for guard in guards:
        if not guard.holds():
            raise CompileError(
                f"compile: {name} changes what it reads: {guard.reason()}; it would do so once, not at each call",
                hint="pass the value as an argument and return the new one",
            )


def _handles(variables: Sequence[Var], given: Sequence[Any], places: Sequence[Place]) -> list[Var]:
    """The inputs that make a tensor of what is computed from them: tensors among the arguments, or from outside."""
    found = [isinstance(x, Tensor) for x in given if isinstance(x, ARRAYS)]
    found += [p.tensor for p in places]
    return [v for v, is_handle in zip(variables, found, strict=True) if is_handle]


def _fixed(y: Any, given: Sequence[Any]) -> Any:
    """A returned value that depends on no argument: as eager code gives it."""
    made_here = isinstance(y, Tensor) and y.rec is None and not any(isinstance(x, Tensor) for x in given)
    return y.value if made_here else y


def _reached(tape: Tape, start: Sequence[Var]) -> set[Var]:
    """All variables that depend on those of `start`."""
    found = set(start)
    for node in tape.nodes:
        if any(x in found for x in node.inputs if isinstance(x, Var)):
            found.add(node)
    return found


__all__ = ["trace_call"]
