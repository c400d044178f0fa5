"""Recording a function for one signature: the list, where its inputs come from, and how its result is put together."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import CompileError
from wengert.compiler.guards import Guard, guards_of
from wengert.compiler.passes import optimise
from wengert.compiler.runner import Runner
from wengert.compiler.signature import ARRAYS, FUNCTIONS
from wengert.core.record import SESSION, Recorder, Tensor, escaped, lifted
from wengert.core.tape import Const, Input, Tape, Var, cut
from wengert.core.tree import Structure, flatten
from wengert.transforms.reverse import owned


class Result(NamedTuple):
    """One leaf of what the function returned: an output of the list (as an array or a tensor), or a fixed value."""

    output: int | None
    is_tensor: bool
    value: Any


class Trace:
    """A function recorded for one signature, ready to run."""

    def __init__(self, name: str, tape: Tape, lifted_from: Sequence[Tensor], results: Sequence[Result],
                 structure: Structure, guards: Sequence[Guard]) -> None:  # fmt: skip
        self.recorded = tape
        self.tape = optimise(tape, name)
        self.runner = Runner(self.tape)
        self.results, self.structure = list(results), structure
        self.guards = list(guards)
        tensors = self.tensors = list(lifted_from)
        self.types = Guard("the types of tensors from outside", lambda: tuple(map(_type, tensors)))
        # A constant locks its array as long as it lives, so nothing the list was recorded from changes unseen.
        self.locks = [Const(array) for guard in guards for array in guard.arrays()]
        self.plain = all(r.output == i and not r.is_tensor for i, r in enumerate(results))

    def broken(self) -> Guard | None:
        """A guard that does not hold any more."""
        for guard in self.guards:
            if not guard.holds():
                return guard
        for tensor in self.tensors:
            if tensor.rec is not SESSION and tensor.rec is not None:
                raise escaped(tensor.rec)
        return None if not self.tensors or self.types.holds() else self.types

    @property
    def tracked(self) -> bool:
        """Whether it reads a tensor with ``requires_grad``, so that the session would record the result."""
        return any(t.rec is SESSION for t in self.tensors)

    def __call__(self, leaves: Sequence[Any]) -> Any:
        arguments = [x.value if isinstance(x, Tensor) else x for x in leaves]
        if self.tensors:
            arguments += [t.value for t in self.tensors]
        values = owned(self.runner(arguments))
        return self.structure.unflatten(values if self.plain else [_built(r, values) for r in self.results])


def _type(tensor: Tensor) -> str:
    return f"{tensor.dtype}{list(tensor.shape)}"


def _built(result: Result, values: Sequence[Any]) -> Any:
    if result.output is None:
        return result.value.copy() if isinstance(result.value, np.ndarray) else result.value
    value = values[result.output]
    return Tensor(value) if result.is_tensor else value


# ----- recording ------------------------------------------------------------------------------------------
def trace_call(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> Trace | None:
    """Record ``f(*args, **kwargs)``; None where it reads a tensor of a transform that is running around it."""
    given, structure = flatten((args, kwargs))
    guards = guards_of(f, *(x for x in given if isinstance(x, FUNCTIONS)))
    guards.append(Guard("NumPy's global generator", lambda: repr(np.random.get_state())))
    guards.append(Guard("the generator of Python's random", lambda: hash(random.getstate())))
    with lifted("compile") as lifting:
        rec = lifting.recorder
        boxes = [_box(x, rec) for x in given]
        nodes = [b.node if isinstance(b, Tensor) else None for b in boxes]
        inputs = [v for v in nodes if v is not None]
        call_args, call_kwargs = structure.unflatten(boxes)
        leaves, output = flatten(f(*call_args, **call_kwargs))
        places = [_place(y, rec) for y in leaves]
    _check_pure(guards, name)
    if any(isinstance(b, Tensor) and b.node is not v for b, v in zip(boxes, nodes, strict=True)):
        raise CompileError(
            f"compile: {name} writes to one of its arguments", hint="work on a copy, x = x + 0 or x.at[i].set(v)"
        )
    del guards[-2:]  # it may be drawn from elsewhere
    guards += [Guard("a tensor whose value was asked for", lambda t=t: t.value) for t, _ in lifting.reads]  # type: ignore[misc]
    outputs = [y.node for y, here in zip(leaves, places, strict=True) if here]
    tape = cut(outputs, inputs)
    sources = _session_tensors(tape)
    if sources is None:
        return None
    tape, tensors = _with_inputs(tape, sources)
    handles = _reached(tape, _handles(tape, given, tensors, guards))
    results: list[Result] = []
    for y, here in zip(leaves, places, strict=True):
        number = sum(r.output is not None for r in results)
        results.append(Result(number, y.node in handles, None) if here else Result(None, False, _fixed(y, given)))
    return Trace(name, tape, tensors, results, output, guards)


def _box(x: Any, rec: Recorder) -> Any:
    return Tensor(None, Input(tuple(x.shape), x.dtype), rec) if isinstance(x, ARRAYS) else x


def _place(y: Any, rec: Recorder) -> bool:
    """Whether a returned leaf belongs to the list; what belongs to a transform that has ended is refused."""
    if not isinstance(y, Tensor) or y.rec is None or y.rec is SESSION:
        return False
    if y.rec is not rec:
        raise escaped(y.rec)
    return True


def _check_pure(guards: Sequence[Guard], name: str) -> None:
    """Refuse a function that changed, while it was recorded, something that it reads."""
    for guard in guards:
        if not guard.holds():
            raise CompileError(
                f"compile: {name} changes what it reads: {guard.reason()}; it would do so once, not at each call",
                hint="pass the value as an argument and return the new one",
            )


def _session_tensors(tape: Tape) -> dict[int, Tensor] | None:
    """The tensors from outside that a list reads, by identity; None where one belongs to a running transform."""
    found: dict[int, Tensor] = {}
    for x in tape.variables():
        if isinstance(x, Const) and isinstance(x.value, Tensor):
            if x.value.rec is not None and x.value.rec is not SESSION:
                return None
            found[id(x.value)] = x.value
    return found


def _with_inputs(tape: Tape, sources: dict[int, Tensor]) -> tuple[Tape, list[Tensor]]:
    """The list with the tensors it reads as further inputs."""
    inputs = {key: Input(tuple(t.shape), t.dtype) for key, t in sources.items()}

    def read(x: Any) -> Any:
        return inputs.get(id(x.value), x) if isinstance(x, Const) and isinstance(x.value, Tensor) else x

    if inputs:
        for node in tape.nodes:  # this recording's own lines, which nobody else holds
            node.inputs = tuple(map(read, node.inputs))
    outputs = [read(y) for y in tape.outputs]
    return Tape((*tape.inputs, *inputs.values()), tape.nodes, outputs).verify(), list(sources.values())


def _handles(tape: Tape, given: Sequence[Any], tensors: Sequence[Tensor], guards: Sequence[Guard]) -> list[Var]:
    """The inputs that make a tensor of what is computed from them: tensors among the arguments, or from outside.

    A tensor without history that `f` itself made is not one of them: ``np.ones_like(x)`` gives one while `x` is
    recorded, but an array in eager code.
    """
    found = [isinstance(x, Tensor) for x in given if isinstance(x, ARRAYS)]
    outside = {id(x) for guard in guards for x in guard.held}
    found += [t.rec is SESSION or id(t) in outside for t in tensors]
    return [v for v, is_handle in zip(tape.inputs, found, strict=True) if is_handle]


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


__all__ = ["Trace", "trace_call"]
