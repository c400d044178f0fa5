"""Reverse mode: walk the list backwards, pulling each line's cotangent back to its inputs.

Along the list, adjoint(v) = sum over the lines that read v of vjp(adjoint(line)). Because the list is in execution
order, a line's adjoint is complete when the walk reaches it: every line is visited once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.base.errors import GraphError
from wengert.core.primitive import PART
from wengert.core.record import Recorded, bind, trace
from wengert.core.tape import RELEASED, Const, Node, Tape, Var
from wengert.ops.structure import AS_TYPE, unbroadcast

Adjoints = dict[Any, Any]


def sweep(
    tape: Tape, seeds: Adjoints, lift: Callable[[Var], Any] | None = None, watch: Adjoints | None = None
) -> Adjoints:
    """The adjoints of everything that is not a line of `tape`, from the adjoints `seeds` of its outputs.

    `lift` makes the operand a rule computes with from a kept value; by default the value itself. Where the value
    was not kept (the rule does not read it) the rule gets the variable, which has shape and dtype. The complete
    adjoints of the lines that are keys of `watch` are put there.
    """
    adjoints = dict(seeds)
    take = adjoints.pop
    masked: set[Var] = set()  # whose cotangent came through a mask, so that its zeros are branches not taken
    with np.errstate(all="ignore"):  # 1/0 in a partial is what a zero cotangent silences, not news for the user
        for node in reversed(tape.nodes):
            g = take(node, None)
            if g is None:
                continue
            if watch or node.extra is not None:
                g = _attend(node, g, watch)
            prim = node.prim
            if prim is PART:
                _put_part(adjoints, node, g, masked)
                continue
            if prim.multi:
                g = _fill(node, g)
            xs = []
            needs = []
            for x in node.inputs:
                needs.append(isinstance(x, Var) and x.tracked)
                direct = lift is None and isinstance(x, Var) and x.value is not None
                xs.append(x.value if direct else operand(x, lift))
            y = operand(node, lift)
            place = 0
            behind = prim.masks or (masked and node in masked)
            pull = prim.pull_behind_mask if behind else prim.pull
            for gx in pull(g, y, xs, needs, node.attrs):
                if gx is not None and needs[place]:
                    x = node.inputs[place]
                    if gx.shape != x.shape or gx.dtype is not x.dtype:
                        gx = fit(gx, x, prim.name)
                    before = adjoints.get(x)
                    adjoints[x] = gx if before is None else before + gx
                    if behind:
                        masked.add(x)
                place += 1
    return adjoints


def operand(x: Any, lift: Callable[[Var], Any] | None) -> Any:
    """What a rule computes with: a literal, a kept value (lifted), or the variable where nothing was kept."""
    if not isinstance(x, Var):
        return x
    if x.value is None:
        if isinstance(x, Node) and x.released:
            return _Released(x)
        return x
    return x.value if lift is None or isinstance(x, Const) else lift(x)


class _Released:
    """Stands for a value that an earlier backward gave back; whoever computes with it gets a `GraphError`."""

    __array_ufunc__ = None

    def __init__(self, x: Any) -> None:
        self.shape, self.dtype, self._node = x.shape, x.dtype, x

    def __getattr__(self, name: str) -> Any:
        raise released(self._node)

    def _refuse(self, *_: Any) -> Any:
        raise released(self._node)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = __matmul__ = __rmatmul__ = _refuse


def released(node: Node) -> GraphError:
    """The error for a second sweep over lines whose values were given back."""
    return GraphError(
        f"backward: the values recorded for `{node.prim.name}` (at {node.where}) were released by an earlier backward",
        hint="call the first backward with retain_graph=True",
    )


def fit(g: Any, x: Var, name: str) -> Any:
    """Bring a cotangent to the shape and dtype of its operand: the transpose of broadcasting and promotion."""
    if g.shape != x.shape:
        g = unbroadcast(g, x.shape)
        assert g.shape == x.shape, f"{name}.vjp gave a cotangent of shape {g.shape} for an operand of {x.shape}"
    if g.dtype != x.dtype:
        g = bind(AS_TYPE, (g,), {"dtype": x.dtype})
    return g


def _attend(node: Node, g: Any, watch: Adjoints | None) -> Any:
    """Hooks on an intermediate tensor see its complete gradient; a released line cannot be swept again."""
    if node.released and node.prim.keeps((1 << len(node.inputs)) - 1) != ((), False):
        raise released(node)
    for hook in [h for h in node.extra if h is not RELEASED] if type(node.extra) is list else ():
        changed = hook(g)
        g = g if changed is None else changed
    if watch is not None and node in watch:
        watch[node] = g
    return g


def _put_part(adjoints: Adjoints, part: Node, g: Any, masked: set[Var]) -> None:
    """Add the cotangent of one value of a line with several to its place; a mask reaches the whole line."""
    whole, index = part.inputs[0], part.attrs["index"]
    parts = adjoints.get(whole)
    if parts is None:
        parts = adjoints[whole] = [None] * len(whole.shape)
    parts[index] = g if parts[index] is None else parts[index] + g
    if part in masked:
        masked.add(whole)


def _fill(node: Node, parts: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(np.zeros(s, d) if g is None else g for g, s, d in zip(parts, node.shape, node.dtype, strict=True))


def owned(leaves: Iterable[Any]) -> list[Any]:
    """Results the user may write to: no read-only view, no array given out twice; 0-d arrays as scalars."""
    seen: set[int] = set()
    out = []
    for x in leaves:
        if isinstance(x, np.ndarray):
            if not x.shape:
                x = x[()]
            elif not x.flags.writeable or not x.flags.owndata or id(x) in seen:
                x = x.copy("K")  # laid out as it was: sums and products of matrices round by layout
            seen.add(id(x))
        out.append(x)
    return out


# ----- the transform --------------------------------------------------------------------------------
def pull(recorded: Recorded, cotangents: Iterable[Any]) -> list[Any]:
    """The cotangents of the inputs of a recorded call from those of its results (None for zero)."""
    seeds: Adjoints = {}
    for v, g in zip(recorded.variables, cotangents, strict=True):
        if v is not None and g is not None:
            seeds[v] = seeds[v] + g if v in seeds else g
    adjoints = sweep(recorded.tape, seeds)
    return [adjoints[v] if v in adjoints else np.zeros(v.shape, v.dtype) for v in recorded.tape.inputs]


def vjp_flat(
    f: Callable[..., Sequence[Any]], primals: Sequence[Any], what: str = "vjp"
) -> tuple[list[Any], Callable[[Iterable[Any]], list[Any]]]:
    """``f(*primals)`` and the pullback: cotangents of the results to cotangents of the primals, all flat."""
    recorded = trace(f, primals, what)
    return recorded.values, lambda cotangents: pull(recorded, cotangents)
