"""Programs on disk: a list that was compiled before is not written again, its plan and its code are read.

The plan lies under the name of the list (see `naming`), as JSON, and names the file of the code. Where either is not
there, or not whole, the list is written anew.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wengert.base.collecting import uncollected
from wengert.compiler.native import cache as disk
from wengert.compiler.native import engine, memory, naming
from wengert.compiler.native.plan import Output, Plan, Segment, Target
from wengert.compiler.native.program import Program
from wengert.compiler.native.windows import Pad, Window
from wengert.core.tape import Input, Tape, Var

if TYPE_CHECKING:
    from wengert.compiler.native.writing import Writing

_SMALL = 1 << 16  # bytes of an array that is kept in a plan


class Options(NamedTuple):
    """How a list is compiled, see `Writing`."""

    results: int
    given: int
    aliases: Mapping[int, int]
    gate: int | None
    early: Collection[int]


def program(recorded: Tape, optimised: Callable[[], Tape], options: Options) -> Program:
    """The program of a recorded list: found, else written from the list that passes made of it."""
    written = memory.POISON or disk.folder() is None or os.environ.get("WENGERT_SHOW")  # which shows what is done
    known = None if written else naming.name(recorded, options)
    if known is not None:
        found = _found(*known)
        if found is not None:
            plan, code = found
            return Program(plan, code, lambda: _written(optimised(), options), recorded)
    tape = optimised()
    writing = _written(tape, options)
    plan = writing.plan
    made = Program(plan, writing.code(), lambda: writing, tape)
    if known is not None:
        _keep(plan, writing.text, *known)
    return made


def _written(tape: Tape, options: Options) -> Writing:
    """The writers of all kernels are loaded only here: it takes longer than to read a plan."""
    with uncollected():
        writing: Writing = importlib.import_module("wengert.compiler.native.writing").Writing(tape, *options)
    return writing


def _found(name: str, constants: Sequence[Any]) -> tuple[Plan, bytes] | None:
    content = disk.load(name, disk.PLAN)
    if content is None:
        return None
    try:
        body = json.loads(content)
        code = disk.load(body["code"])
        return None if code is None else (_Reader(body, constants).plan(), code)
    except (ValueError, KeyError, IndexError, TypeError):  # written by something else
        return None


def _keep(plan: Plan, text: str, name: str, constants: Sequence[Any]) -> None:
    try:
        body = _Writer(plan, constants).body()
    except _Unfit:
        return
    disk.store(name, json.dumps({**body, "code": engine.name(text)}).encode(), disk.PLAN)


class _Unfit(Exception):
    """A plan that is not kept: of lines left to NumPy, of no kernel, or with large arrays that are not the list's."""


class _Writer:
    """A plan in JSON's types. Variables are numbers, those of inputs first."""

    def __init__(self, plan: Plan, constants: Sequence[Any]) -> None:
        self.plan, self.constants = plan, {id(x): i for i, x in enumerate(constants)}
        self.numbers: dict[Var, int] = {}
        for x in plan.inputs:
            self._var(x)

    def body(self) -> dict[str, Any]:
        plan, var = self.plan, self._var
        if not plan.calls or not all(isinstance(x, Segment) for x in plan.calls):
            raise _Unfit
        found = {
            "inputs": len(plan.inputs), "results": plan.results, "gate": plan.gate, "threads": plan.threads,
            "arena": plan.arena, "scratch": plan.scratch, "places": plan.places,
            "outputs": [self._output(y) for y in plan.outputs],
            "direct": [[i, var(x.base), var(x.output)] for i, x in plan.direct.items()],
            "slots": [[var(x), place] for x, place in plan.slots.items()],
            "dtypes": [[x.str, place] for x, place in plan.dtypes.items()],
            "constants": [[place, self._value(x)] for place, x in plan.constants.items()],
            "allocated": [var(x) for x in plan.allocated],
            "calls": [[x.name, [var(y) for y in x.new]] for x in plan.calls if isinstance(x, Segment)],
            "bound": None if plan.bound is None else [var(x) for x in plan.bound],
        }  # fmt: skip
        return {**found, "variables": [[x.shape, x.dtype.str] for x in self.numbers]}

    def _var(self, x: Var) -> int:
        if not isinstance(x.dtype, np.dtype):
            raise _Unfit
        return self.numbers.setdefault(x, len(self.numbers))

    def _output(self, y: Output) -> Any:
        return None if y.base is None else self._var(y.base), y.window, self._value(y.value)

    def _value(self, x: Any) -> Any:
        if x is None:
            return None
        if id(x) in self.constants:
            return {"constant": self.constants[id(x)]}
        if type(x).__name__ in _PYTHON and type(x).__module__ == "builtins":
            return {"python": type(x).__name__, "text": repr(x)}
        if not isinstance(x, np.ndarray) or x.nbytes > _SMALL:
            raise _Unfit
        array = np.ascontiguousarray(x)
        return {"dtype": x.dtype.str, "shape": x.shape, "data": base64.b64encode(array.tobytes()).decode()}


class _Reader:
    """The plan of such a text."""

    def __init__(self, body: Mapping[str, Any], constants: Sequence[Any]) -> None:
        self.body, self.constants = body, constants
        kinds = [(tuple(shape), np.dtype(dtype)) for shape, dtype in body["variables"]]
        inputs = body["inputs"]
        self.variables: list[Var] = [Input(*k) if i < inputs else Var(*k) for i, k in enumerate(kinds)]

    def plan(self) -> Plan:
        body, var = self.body, self.variables
        bound = body["bound"]
        return Plan(
            inputs=var[: body["inputs"]],
            outputs=[
                Output(None if x is None else var[x], _window(w), self._value(value)) for x, w, value in body["outputs"]
            ],
            results=body["results"],
            gate=body["gate"],
            direct={i: Target(var[x], var[y]) for i, x, y in body["direct"]},
            slots={var[x]: place for x, place in body["slots"]},
            dtypes={np.dtype(x): place for x, place in body["dtypes"]},
            constants={place: self._value(x) for place, x in body["constants"]},
            allocated=[var[x] for x in body["allocated"]],
            calls=[Segment(name, [var[x] for x in new]) for name, new in body["calls"]],
            bound=None if bound is None else [var[x] for x in bound],
            threads=body["threads"],
            arena=body["arena"],
            scratch=body["scratch"],
            places=body["places"],
        )

    def _value(self, x: Any) -> Any:
        if x is None:
            return None
        if "constant" in x:
            return self.constants[x["constant"]]
        if "python" in x:
            return _PYTHON[x["python"]](x["text"])
        # It cannot be written to, like every constant: whoever gets it as a result gets a copy.
        return np.frombuffer(base64.b64decode(x["data"]), x["dtype"]).reshape(x["shape"])


_PYTHON: dict[str, Callable[[str], Any]] = {
    "bool": "True".__eq__, "int": int, "float": float, "complex": complex,
}  # fmt: skip


def _window(given: Any) -> Window | None:
    if given is None:
        return None
    shape, strides, offset, pads = given
    return Window(tuple(shape), tuple(strides), offset, tuple(Pad(*pad) for pad in pads))


__all__ = ["Options", "program"]
