"""What a scan backwards computes again of the scan forwards is handed over instead.

The derivative of a scan runs through its rounds backwards and computes each round once more from the carry that was
kept. Here lines of the later scan that are lines of the earlier one, at the same round, become rows: the earlier scan
puts them down, the later one reads them. Only what is dear is handed over: products and functions, not sums.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.rewrite import Builder
from wengert.core.primitive import PART
from wengert.core.tape import Input, Node, Tape, Var, cut

_MOST = 1 << 26  # bytes handed over for one line
_CHEAP = frozenset({
    "add", "subtract", "multiply", "negative", "where", "maximum", "minimum", "relu", "astype", "reshape", "transpose",
    "getitem", "place", "broadcast_to", "concatenate", "stop_gradient", "equal", "not_equal", "greater",
    "greater_equal", "less", "less_equal", "logical_not", "logical_and", "logical_or",
})  # fmt: skip


def share(tape: Tape) -> Tape:
    """The list in which later scans read what earlier ones computed."""
    scans = [n for n in tape.nodes if n.prim.name == "scan"]
    more: dict[Node, dict[Var, None]] = {}  # lines of an earlier scan's body that it shall put down
    plans: dict[Node, tuple[Node, dict[Node, Var]]] = {}
    for place, later in enumerate(scans):
        for earlier in scans[:place]:
            found = _repeated(earlier, later)
            if found and earlier not in plans:
                plans[later] = earlier, found
                more.setdefault(earlier, {}).update(dict.fromkeys(found.values()))
                break
    return _rewritten(tape, more, plans) if plans else tape


def _repeated(earlier: Node, later: Node) -> dict[Node, Var]:
    """Lines of the later body that are dear, with the line of the earlier one that each repeats."""
    a, b = earlier.attrs, later.attrs
    if a["length"] != b["length"]:
        return {}
    same = _inputs(earlier, later)
    known = {_key(n, n.inputs): n for n in a["body"].nodes}
    used = {x for n in b["body"].nodes for x in n.inputs if isinstance(x, Var)} | set(b["body"].outputs)
    found: dict[Node, Var] = {}
    for n in b["body"].nodes:
        if n not in used or not isinstance(n.dtype, np.dtype):  # those with several results are read by their parts
            continue
        if any(isinstance(x, Var) and x not in same and isinstance(x, Node | Input) for x in n.inputs):
            continue
        twin = known.get(_key(n, [same.get(x, x) if isinstance(x, Var) else x for x in n.inputs]))
        if twin is None:
            continue
        same[n] = twin
        if n.prim.name not in _CHEAP and a["length"] * math.prod(n.shape) * n.dtype.itemsize < _MOST:
            found[n] = twin
    return found


def _inputs(earlier: Node, later: Node) -> dict[Var, Var]:
    """The inputs of the later body that hold what a variable of the earlier one does, at the same round."""
    a, b = earlier.attrs, later.attrs
    first, carries = a["consts"], a["carries"]
    whole = {x: v for x, v in zip(earlier.inputs[:first], a["body"].inputs[:first], strict=True) if isinstance(x, Var)}
    rows: dict[Any, Var] = dict(
        zip(earlier.inputs[first + carries :], a["body"].inputs[first + carries :], strict=True)
    )
    found: dict[Var, Var] = {}
    for k, (x, v) in enumerate(zip(later.inputs, b["body"].inputs, strict=True)):
        if k < b["consts"]:
            if x in whole:
                found[v] = whole[x]
        elif k >= b["consts"] + b["carries"]:
            if isinstance(x, Node) and x.prim is PART and x.inputs[0] is earlier and x.attrs["index"] >= carries:
                twin = a["body"].outputs[x.attrs["index"]]
                if isinstance(twin, Var):
                    found[v] = twin
            elif x in rows:
                found[v] = rows[x]
    return found


def _key(node: Node, inputs: Any) -> Any:
    operands = tuple(id(x) if isinstance(x, Var) else (type(x), repr(x)) for x in inputs)
    return node.prim.name, operands, repr(sorted(node.attrs.items(), key=lambda item: item[0]))


def _rewritten(tape: Tape, more: dict[Node, dict[Var, None]], plans: dict[Node, tuple[Node, dict[Node, Var]]]) -> Tape:
    builder = Builder()
    rows: dict[tuple[Node, Var], Node] = {}
    for node in tape.nodes:
        inputs = tuple(map(builder.read, node.inputs))
        if node in plans:
            earlier, found = plans[node]
            body = _reading(node, found)
            inputs = (*inputs, *(rows[earlier, twin] for twin in found.values()))
            builder.known[node] = builder.line(node, inputs, {**node.attrs, "body": body})
        elif node in more:
            _putting_down(builder, node, inputs, list(more[node]), rows)
        else:
            builder.known[node] = builder.line(node, inputs, node.attrs)
    return Tape(tape.inputs, builder.nodes, [builder.read(y) for y in tape.outputs]).verify()


def _reading(node: Node, found: dict[Node, Var]) -> Tape:
    """The body with further slices in the place of lines."""
    body: Tape = node.attrs["body"]
    inner = Builder()
    fresh = []
    for n in body.nodes:
        if n in found:
            slice_ = Input(n.shape, n.dtype)
            fresh.append(slice_)
            inner.known[n] = slice_
        else:
            inner.known[n] = inner.line(n, tuple(map(inner.read, n.inputs)), n.attrs)
    outputs = [inner.read(y) for y in body.outputs]
    return cut(outputs, [*body.inputs, *fresh])


def _putting_down(builder: Builder, node: Node, inputs: tuple[Any, ...], wanted: list[Var],
                  rows: dict[tuple[Node, Var], Node]) -> None:  # fmt: skip
    """Write a scan that also gives the rows of some lines of its body."""
    body, length = node.attrs["body"], node.attrs["length"]
    attrs = {**node.attrs, "body": Tape(body.inputs, body.nodes, (*body.outputs, *wanted))}
    shape = (*node.shape, *((length, *v.shape) for v in wanted))
    dtype = (*node.dtype, *(v.dtype for v in wanted))
    scan = Node(node.prim, inputs, attrs, shape, dtype, node.code, node.lasti)
    builder.nodes.append(scan)
    builder.known[node] = scan
    for k, v in enumerate(wanted, start=len(node.shape)):
        part = Node(PART, (scan,), {"index": k}, shape[k], dtype[k], node.code, node.lasti)
        builder.nodes.append(part)
        rows[node, v] = part


__all__ = ["share"]
