"""Looking at what was recorded: the list of a function or of a tensor, every value, every adjoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import GraphError, OperandError
from wengert.core.record import Recorded, Tensor, trace
from wengert.core.tape import Tape, Var, cut
from wengert.core.tree import Structure, flatten
from wengert.ops.structure import arrayed
from wengert.transforms.reverse import Adjoints, sweep


class Recording(NamedTuple):
    """A recorded call: the list, what the function returned, and beside the list every value."""

    tape: Tape
    output: Any
    values: dict[Var, Any]
    recorded: Recorded

    def adjoints(self) -> dict[Var, Any]:
        """d output / d v for every variable v of the list, where the output is the sum of all its elements."""
        seeds: Adjoints = {}
        for v, y in zip(self.recorded.variables, self.recorded.values, strict=True):
            if v is not None:
                seeds[v] = seeds.get(v, 0) + np.ones(y.shape, y.dtype)
        watch: Adjoints = dict.fromkeys(self.tape.nodes)
        found = sweep(self.tape, seeds, watch=watch)
        inputs = {v: found.get(v, np.zeros(v.shape, v.dtype)) for v in self.tape.inputs}
        return inputs | {v: g for v, g in watch.items() if g is not None}


def record(f: Callable[..., Any], *args: Any) -> Recording:
    """Run ``f(*args)`` and return its Wengert list with the value of every line.

    >>> import numpy as np, wengert as wg
    >>> r = wg.record(lambda w, x: np.exp(w * x), 2.0, 3.0)
    >>> [node.prim.name for node in r.tape]
    ['multiply', 'exp']
    >>> [round(float(g), 3) for g in r.adjoints().values()]
    [1210.286, 806.858, 403.429, 1.0]
    """
    leaves, structure = flatten(args)
    results: list[Structure] = []

    def call(*boxes: Any) -> list[Any]:
        out, found = flatten(f(*structure.unflatten(boxes)))
        results.append(found)
        return [arrayed(y) for y in out]

    recorded = trace(call, [arrayed(x) for x in leaves], "record", keep_all=True)
    tape = recorded.tape
    values = {v: v.value for v in (*tape.inputs, *tape.nodes)}
    return Recording(tape, results[0].unflatten(recorded.values), values, recorded)


def tape_of(*tensors: Tensor) -> Tape:
    """The Wengert list of everything these tensors depend on.

    Raises `GraphError` where a tensor was not recorded.

    >>> import wengert as wg
    >>> x = wg.tensor(2.0, requires_grad=True)
    >>> [node.prim.name for node in wg.tape_of(x * x + 1)]
    ['multiply', 'add']
    """
    for t in tensors:
        if not isinstance(t, Tensor):
            raise OperandError(f"tape_of: got {type(t).__name__}; needs tensors")
        if t.node is None:
            raise GraphError("tape_of: this tensor was not recorded", hint="make an input with requires_grad=True")
    return cut([t.node for t in tensors])


__all__ = ["record", "tape_of"]
