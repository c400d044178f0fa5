"""Lists inside lines: what control flow and checkpoints hold, and how such a list is differentiated and batched.

A sub-list is closed: tensors of recordings outside that its function reads have become inputs behind the others
(`close` gives them back, as further operands of the line). So gradients reach what a body closes over, and a
sub-list can be run, differentiated and batched without its surroundings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES, is_differentiable
from wengert.core.primitive import Aval
from wengert.core.record import Recorder, Tensor, as_array, evaluate, record_flat
from wengert.core.tape import Const, Input, Tape, cut
from wengert.ops.structure import stacked
from wengert.transforms import batch
from wengert.transforms.forward import linearize_flat
from wengert.transforms.reverse import vjp_flat

Flat = Callable[..., Sequence[Any]]


def aval(x: Any) -> Aval:
    """Shape and dtype of a value, a variable or a Python scalar."""
    x = as_array(x) if type(x) in SCALAR_TYPES else x
    return Aval(tuple(x.shape), x.dtype)


def outputs(tape: Tape) -> list[Aval]:
    """Shapes and dtypes of the results of `tape`."""
    return [aval(y) for y in tape.outputs]


def results_at(tape: Tape, xs: Sequence[Any]) -> list[Aval]:
    """Shapes and dtypes of the results of `tape` on `xs`, which may be others than it was recorded at."""
    given = [aval(x) for x in xs]
    if given == [aval(x) for x in tape.inputs]:
        return outputs(tape)
    return outputs(record_flat(lambda *a: run(tape, a), given))


def run(tape: Tape, args: Sequence[Any]) -> list[Any]:
    """The results of `tape` on `args`; always arrays or tensors."""
    return [as_array(y) if type(y) in SCALAR_TYPES else y for y in evaluate(tape, args)]


def lift(tape: Tape) -> tuple[Tape, list[Tensor]]:
    """Make every tensor of an outer recording that `tape` (just recorded) reads an input: the list and the tensors."""
    inputs: dict[int, Input] = {}
    tensors: list[Tensor] = []

    def lifted(x: Any) -> Any:
        if not isinstance(x, Const) or not isinstance(x.value, Tensor):
            return x
        tensor = x.value
        if tensor.rec is None:
            return Const(tensor.value)
        if id(tensor) not in inputs:
            inputs[id(tensor)] = Input(tensor.shape, tensor.dtype)
            tensors.append(tensor)
        return inputs[id(tensor)]

    for node in tape.nodes:
        if any(isinstance(x, Const) and isinstance(x.value, Tensor) for x in node.inputs):
            node.inputs = tuple(map(lifted, node.inputs))
    results = [lifted(y) for y in tape.outputs]
    return Tape((*tape.inputs, *inputs.values()), tape.nodes, results), tensors


def close(f: Flat, avals: Sequence[Any], what: str) -> tuple[Tape, list[Tensor]]:
    """The closed list of `f` (flat to flat) at `avals`, and the outer tensors that are its further arguments."""
    return lift(record_flat(f, [aval(a) for a in avals], what))


def spaced(tape: Tape, before: Sequence[Tensor], after: Sequence[Tensor], position: int) -> Tape:
    """`tape` with unread inputs for `before` at `position` and for `after` at the end: one signature for many lists."""
    extra = [Input(t.shape, t.dtype) for t in before]
    inputs = [*tape.inputs[:position], *extra, *tape.inputs[position:], *(Input(t.shape, t.dtype) for t in after)]
    return Tape(inputs, tape.nodes, tape.outputs)


# ----- derivatives and batches of lists --------------------------------------------------------------
def pushforward(tape: Tape, moving: Sequence[bool]) -> Tape:
    """The list ``(xs, tangents of the moving xs) -> (ys, tangents of the floating ys)``."""
    count = len(tape.inputs)
    float_out = [is_differentiable(y) for y in outputs(tape)]

    def both(*args: Any) -> list[Any]:
        xs, tangents = list(args[:count]), args[count:]
        ys, push = partially(linearize_flat, lambda *a: run(tape, a), xs, moving)
        return [*ys, *(t for t, wanted in zip(push(tangents), float_out, strict=True) if wanted)]

    avals = [aval(x) for x in tape.inputs]
    return record_flat(both, avals + [a for a, m in zip(avals, moving, strict=True) if m], "jvp")


def pullback(tape: Tape, wanted: Sequence[bool]) -> Tape:
    """The list ``(xs, cotangents of the floating ys) -> cotangents of the wanted xs``."""
    count = len(tape.inputs)
    results = outputs(tape)

    def back(*args: Any) -> Sequence[Any]:
        xs, given = list(args[:count]), iter(args[count:])
        _, pull = partially(vjp_flat, lambda *a: run(tape, a), xs, wanted)
        gradients: Sequence[Any] = pull([next(given) if is_differentiable(y) else None for y in results])
        return gradients

    avals = [aval(x) for x in tape.inputs]
    return record_flat(back, avals + [y for y in results if is_differentiable(y)], "vjp")


def partially(transform: Callable[..., Any], f: Flat, xs: Sequence[Any], chosen: Sequence[bool]) -> Any:
    """``vjp_flat`` or ``linearize_flat`` of `f` in the chosen arguments alone."""
    places = [i for i, c in enumerate(chosen) if c]

    def part(*given: Any) -> Sequence[Any]:
        full = list(xs)
        for i, x in zip(places, given, strict=True):
            full[i] = x
        return f(*full)

    return transform(part, [xs[i] for i in places])


def batched(
    tape: Tape, size: int, examples: Sequence[bool], keep: Sequence[bool] | None = None
) -> tuple[Tape, list[bool]]:
    """The list of `tape` on `size` examples, and which results have them (always along axis 0).

    `examples` says which inputs have an axis 0 of examples; `keep` which results must have one.
    """
    found: list[bool] = []

    def call(*args: Any) -> list[Any]:
        pairs = batch.walk(tape, size, [(x, 0 if e else None) for x, e in zip(args, examples, strict=True)])
        forced = keep or [False] * len(pairs)
        found[:] = [dim is not None or k for (_, dim), k in zip(pairs, forced, strict=True)]
        return [stacked(size, y, dim) if f else y for (y, dim), f in zip(pairs, found, strict=True)]

    avals = [aval(x) for x in tape.inputs]
    full = [Aval((size, *a.shape), a.dtype) if e else a for a, e in zip(avals, examples, strict=True)]
    return record_flat(call, full, "vmap"), found


def fill(ts: Sequence[Any], xs: Sequence[Any], which: Sequence[bool]) -> list[Any]:
    """The tangents of the chosen values, with zeros for those that do not move."""
    out = []
    for t, x, w in zip(ts, xs, which, strict=True):
        if w:
            a = aval(x)
            out.append(np.zeros(a.shape, a.dtype) if t is None else t)
    return out


def recorded(xs: Sequence[Any]) -> bool:
    """Whether any value belongs to a recording."""
    return any(isinstance(x, Tensor) and x.rec is not None for x in xs)


def trace_light(f: Flat, xs: Sequence[Any], what: str) -> tuple[Tape, list[Any]]:
    """Run `f` on values, so that Python may branch on them; the list of it without its values, and the results."""
    with Recorder(what, keep_all=True) as rec:
        boxes = [rec.input(x) for x in xs]
        results = list(f(*boxes))
    values = [y.value if isinstance(y, Tensor) and y.rec is rec else y for y in results]
    tape = cut((rec.variable(y) for y in results), [b.node for b in boxes])
    for x in tape.inputs:
        x.value = None
    for node in tape.nodes:
        node.value = None
    return tape, values


__all__: list[str] = []
