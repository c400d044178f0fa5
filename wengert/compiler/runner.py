"""Running a list with NumPy, without what recording costs: no dispatch, no look-ups by name, values freed at once.

A list becomes a program of steps ``(function, operand slots, result slot, slots to empty)`` over one small list of
values. A slot is used again as soon as nobody reads its value any more, so a value lives exactly from its line to its
last reader.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import WengertError
from wengert.core.primitive import PART
from wengert.core.record import refused
from wengert.core.tape import Input, Node, Tape, Var


class Step(NamedTuple):
    """One line: what to call, where its operands and its result are, and which other slots become empty."""

    function: Callable[..., Any]
    operands: tuple[int, ...]
    result: int
    empty: tuple[int, ...]


class Runner:
    """A list ready to run: call it with the values of its inputs, and get those of its outputs."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.start: list[Any] = []  # what the slots hold before the first step: inputs' places, constants, numbers
        plan = _Plan(self, tape)
        self.steps = [plan.step(number, node) for number, node in enumerate(tape.nodes)]
        self.outputs = [plan.slot(y) for y in tape.outputs]

    def __call__(self, arguments: Sequence[Any]) -> list[Any]:
        values = self.start.copy()
        values[: len(arguments)] = arguments
        step = None
        try:
            with np.errstate(all="ignore"):
                for step in self.steps:
                    function, operands, result, empty = step
                    if len(operands) == 2:
                        values[result] = function(values[operands[0]], values[operands[1]])
                    else:
                        values[result] = function(*[values[i] for i in operands])
                    for slot in empty:
                        values[slot] = None
        except WengertError:
            raise
        except Exception as error:
            assert step is not None
            node = self.tape.nodes[self.steps.index(step)]
            raise refused(node.prim, [values[i] for i in step.operands], node.attrs, error) from error
        return [values[i] for i in self.outputs]


class _Plan:
    """Which slot each variable has, and when a slot becomes free."""

    def __init__(self, runner: Runner, tape: Tape) -> None:
        self.start = runner.start
        self.slots: dict[Any, int] = {}
        self.free: list[int] = []
        self.last: dict[Var, int] = {}  # the number of the last line that reads a variable
        for number, node in enumerate(tape.nodes):
            self.last |= dict.fromkeys((x for x in node.inputs if isinstance(x, Var)), number)
        self.last |= dict.fromkeys((y for y in tape.outputs if isinstance(y, Var)), len(tape.nodes))
        for x in tape.inputs:
            self.slots[x] = self._new(None)

    def _new(self, value: Any) -> int:
        self.start.append(value)
        return len(self.start) - 1

    def slot(self, x: Any) -> int:
        """The slot of an operand; numbers and constants get one that is filled from the start."""
        key = x if isinstance(x, Var) else (type(x), repr(x))
        if key not in self.slots:
            self.slots[key] = self._new(x.value if isinstance(x, Var) else x)
        return self.slots[key]

    def step(self, number: int, node: Node) -> Step:
        operands = tuple(map(self.slot, node.inputs))
        # Constants stay where they are: the slots of the start are copied for each call, not their arrays.
        ends = {x for x in node.inputs if isinstance(x, Node | Input) and self.last[x] == number}
        dying = sorted(self.slots[x] for x in ends)
        self.free += dying
        result = self.free.pop() if self.free else self._new(None)
        self.slots[node] = result
        empty = tuple(s for s in dying if s != result)
        if node not in self.last:  # nobody reads it
            self.free.append(result)
            empty += (result,)
        return Step(_function(node), operands, result, empty)


def _function(node: Node) -> Callable[..., Any]:
    if node.prim is PART:
        return itemgetter(node.attrs["index"])
    return partial(node.prim.impl, **node.attrs) if node.attrs else node.prim.impl


__all__ = ["Runner", "Step"]
