"""Forward mode: walk the list forwards, pushing tangents from the inputs to the outputs.

A line's tangent is the sum over its inputs of (partial derivative times tangent). It comes from the primitive's own
``jvp``, from its linearity (the product rule), or else from its ``vjp``: the pullback g -> vjp(g) is linear, and the
transpose of a transpose is the pushforward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.core.primitive import PART, Primitive
from wengert.core.record import Recorded, bind, trace
from wengert.core.tape import Tape, Var
from wengert.ops.structure import AS_TYPE, BROADCAST_TO
from wengert.transforms.reverse import fit as fit_cotangent
from wengert.transforms.reverse import vjp_flat

Tangents = dict[Any, Any]


def walk(tape: Tape, tangents: Tangents) -> Tangents:
    """The tangents of all variables of `tape` (recorded with all values) from those of its inputs; absent is zero."""
    env = dict(tangents)
    with np.errstate(all="ignore"):
        for node in tape.nodes:
            ts: list[Any] = [env.get(x) if isinstance(x, Var) else None for x in node.inputs]
            if all(t is None for t in ts):
                continue
            if node.prim is PART:
                t = ts[0][node.attrs["index"]]
            elif not node.prim.differentiable:
                continue
            else:
                xs = [x.value if isinstance(x, Var) else x for x in node.inputs]
                t = tangent(node.prim, ts, node.value, xs, node.attrs)
            if t is None or (not node.prim.multi and node.dtype.kind not in "fc"):
                continue
            env[node] = t if node.prim.multi else fit(t, node)
    return env


def tangent(prim: Primitive, ts: Sequence[Any], y: Any, xs: Sequence[Any], attrs: dict[str, Any]) -> Any:
    """The tangent of one line's result."""
    if prim.jvp is not None:
        return prim.jvp(ts, y, *xs, **attrs)
    moving = [i for i, t in enumerate(ts) if t is not None]
    if all(i in prim.linear_in for i in moving):
        total = None
        for i in moving:
            term = bind(prim, [ts[i] if j == i else x for j, x in enumerate(xs)], attrs)
            total = term if total is None else _added(prim, total, term)
        return total
    return _transposed(prim, ts, y, list(xs), attrs)


def _added(prim: Primitive, a: Any, b: Any) -> Any:
    return tuple(p + q for p, q in zip(a, b, strict=True)) if prim.multi else a + b


def _transposed(prim: Primitive, ts: Sequence[Any], y: Any, xs: list[Any], attrs: dict[str, Any]) -> Any:
    """J t as the transpose of g -> vjp(g), which is linear in g and may be recorded at g = 0."""
    needs = [t is not None for t in ts]
    whole = y if prim.multi else (y,)

    used: list[int] = []

    def pulled(*g: Any) -> list[Any]:
        cotangents = prim.pull(g if prim.multi else g[0], y, xs, needs, attrs)
        used[:] = [i for i, c in enumerate(cotangents) if needs[i] and c is not None]
        return [fit_cotangent(cotangents[i], xs[i], prim.name) for i in used]

    _, transpose = vjp_flat(pulled, [np.zeros(v.shape, v.dtype) for v in whole], "jvp")
    result = transpose([ts[i] for i in used])
    return tuple(result) if prim.multi else result[0]


def fit(t: Any, y: Var) -> Any:
    """Bring a tangent to the shape and dtype of its value: broadcasting and promotion."""
    if t.shape != y.shape:
        t = bind(BROADCAST_TO, (t,), {"shape": y.shape})
    if t.dtype != y.dtype:
        t = bind(AS_TYPE, (t,), {"dtype": y.dtype})
    return t


# ----- the transform --------------------------------------------------------------------------------
def push(recorded: Recorded, tangents: Iterable[Any]) -> list[Any]:
    """The tangents of the results of a call recorded with all values from those of its inputs (None for zero)."""
    env = walk(recorded.tape, {v: t for v, t in zip(recorded.tape.inputs, tangents, strict=True) if t is not None})
    return [
        env[v] if v is not None and v in env else np.zeros(y.shape, y.dtype)
        for v, y in zip(recorded.variables, recorded.values, strict=True)
    ]


def linearize_flat(
    f: Callable[..., Sequence[Any]], primals: Sequence[Any], what: str = "jvp"
) -> tuple[list[Any], Callable[[Iterable[Any]], list[Any]]]:
    """``f(*primals)`` and the pushforward: tangents of the primals (None for zero) to those of the results."""
    recorded = trace(f, primals, what, keep_all=True)
    return recorded.values, lambda tangents: push(recorded, tangents)
