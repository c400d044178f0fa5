"""Batching: record the function on one example, then walk the list forwards on all examples at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.base.shapes import axis_index
from wengert.core.primitive import PART, Aval, Primitive
from wengert.core.record import Recorder, Tensor, bind
from wengert.core.tape import Input, Tape, Var, cut
from wengert.ops.indexing import index_first
from wengert.ops.joining import stack
from wengert.ops.structure import moveaxis, stacked, to_front

Batched = tuple[Any, int | None]  # a value and the axis of its examples; None where all examples share it


def walk(tape: Tape, size: int, arguments: Sequence[Batched]) -> list[Batched]:
    """Run `tape`, recorded on one example, on `size` examples."""
    env: dict[Any, Any] = dict(zip(tape.inputs, arguments, strict=True))

    def read(x: Any) -> Batched:
        if not isinstance(x, Var):
            return x, None
        found = env.get(x)
        return found if found is not None else (x.value, None)

    for node in tape.nodes:
        if node.prim is PART:
            ys, dims = env[node.inputs[0]]
            index = node.attrs["index"]
            env[node] = ys[index], dims[index]
            continue
        pairs = [read(x) for x in node.inputs]
        xs, dims = [p[0] for p in pairs], [p[1] for p in pairs]
        if all(d is None for d in dims):
            y = bind(node.prim, xs, node.attrs)
            env[node] = (y, [None] * len(y)) if node.prim.multi else (y, None)
        elif node.prim.batch is not None:
            env[node] = node.prim.batch(size, xs, dims, **node.attrs)
        else:
            env[node] = loop(node.prim, size, xs, dims, node.attrs)
    return [read(x) for x in tape.outputs]


def loop(prim: Primitive, size: int, xs: Sequence[Any], dims: Sequence[int | None], attrs: dict[str, Any]) -> Any:
    """A primitive without a batch rule: example by example."""
    moved = [x if d is None else to_front(x, d) for x, d in zip(xs, dims, strict=True)]
    rows = [
        bind(prim, [x if d is None else index_first(x, i) for x, d in zip(moved, dims, strict=True)], attrs)
        for i in range(size)
    ]
    if not rows:
        return _no_rows(prim, xs, dims, attrs)
    if prim.multi:
        return [stack([r[k] for r in rows]) for k in range(len(rows[0]))], [0] * len(rows[0])
    return stack(rows), 0


def _no_rows(prim: Primitive, xs: Sequence[Any], dims: Sequence[int | None], attrs: dict[str, Any]) -> Any:
    """Zero examples: only the shape of the result is asked for."""
    avals = [
        x if not hasattr(x, "shape") else Aval(x.shape[:d] + x.shape[d + 1 :] if d is not None else x.shape, x.dtype)
        for x, d in zip(xs, dims, strict=True)
    ]
    y = prim.aval(*avals, **attrs)
    if prim.multi:
        return [np.zeros((0, *a[0]), a[1]) for a in y], [0] * len(y)
    return np.zeros((0, *y[0]), y[1]), 0


def vmap_flat(
    f: Callable[..., Sequence[Any]],
    size: int,
    arguments: Sequence[Any],
    axes: Sequence[int | None],
    out_axes: Callable[[int], Sequence[int | None]],
) -> list[Any]:
    """`f` on every example: `axes` tells where each argument has its examples, `out_axes(n)` where results go."""
    with Recorder("vmap", abstract=True) as rec:
        boxes = []
        for x, axis in zip(arguments, axes, strict=True):
            shape = x.shape if axis is None else x.shape[:axis] + x.shape[axis + 1 :]
            boxes.append(Tensor(None, Input(shape, x.dtype), rec))
        results = [rec.variable(y) for y in f(*boxes)]
    tape = cut(results, [b.node for b in boxes])
    # Quietly: the list may hold a derivative sweep, and computes both branches where examples differ in theirs.
    with np.errstate(all="ignore"):
        batched = walk(tape, size, list(zip(arguments, axes, strict=True)))
    return [_place(size, y, dim, axis) for (y, dim), axis in zip(batched, out_axes(len(batched)), strict=True)]


def _place(size: int, y: Any, dim: int | None, axis: int | None) -> Any:
    """Put the axis of examples where the user wants it."""
    if axis is None:
        if dim is not None:
            raise ArgumentError("vmap: out_axes=None is given for a result that differs from example to example")
        return y
    from_front = stacked(size, y, dim)
    return moveaxis(from_front, 0, axis_index("vmap (out_axes)", axis, len(from_front.shape)))
