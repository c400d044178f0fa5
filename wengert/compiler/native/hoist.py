"""Sums that a scan gathers round by round, done once behind it.

Where a carry only has something added in each round, as the gradient of a weight that all rounds use, the rounds put
down what is added (for a product: its factors), and one large sum or product behind the loop takes its place. Results
of a scan that nobody reads are dropped on the way.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from wengert.compiler.native.lines import Writer
from wengert.compiler.rewrite import Builder
from wengert.core.primitive import PART
from wengert.core.tape import Input, Node, Tape, Var, cut

_MOST = 1 << 28  # bytes put down for one sum


class Sum(NamedTuple):
    """What a carry gathers: ``matmul(transpose(a), b)`` of two values of each round, or a sum of one over axes."""

    carry: int
    values: tuple[Var, ...]
    axes: tuple[int, ...] = ()


def hoist(tape: Tape) -> Tape:
    """The list with gathered sums behind their scans, and scans without results that nobody reads."""
    if not any(node.prim.name == "scan" for node in tape.nodes):
        return tape
    read = {(id(n.inputs[0]), n.attrs["index"]) for n in tape.nodes if n.prim is PART}
    builder = Builder()
    parts: dict[tuple[int, int], Var] = {}
    for node in tape.nodes:
        if node.prim.name == "scan":
            _scan(builder, node, {i for key, i in read if key == id(node)}, parts)
        elif node.prim is PART and (id(node.inputs[0]), node.attrs["index"]) in parts:
            builder.known[node] = parts[id(node.inputs[0]), node.attrs["index"]]
        else:
            inputs = tuple(map(builder.read, node.inputs))
            builder.known[node] = builder.line(node, inputs, node.attrs)
    return Tape(tape.inputs, builder.nodes, [builder.read(y) for y in tape.outputs]).verify()


def _scan(builder: Builder, node: Node, read: set[int], parts: dict[tuple[int, int], Var]) -> None:
    """Write a scan with what is left of it, then the sums."""
    attrs = node.attrs
    body, first, carries = attrs["body"], attrs["consts"], attrs["carries"]
    operands = [builder.read(x) for x in node.inputs]
    rows = [i for i in range(carries, len(body.outputs)) if i in read]
    seen = [*body.outputs[:carries], *(body.outputs[i] for i in rows)]
    sums = {s.carry: s for s in _sums(cut(seen, body.inputs), first, carries, attrs["length"])}
    kept = [i for i in range(carries) if i not in sums]
    slices = body.inputs[first + carries :]
    wanted = [v for i, s in sums.items() if i in read for v in s.values if v not in slices]
    more = list(dict.fromkeys(wanted))
    outputs = [*(body.outputs[i] for i in kept), *(body.outputs[i] for i in rows), *more]
    inputs = [*body.inputs[:first], *(body.inputs[first + i] for i in kept), *slices]
    given = [*operands[:first], *(operands[first + i] for i in kept), *operands[first + carries :]]
    inner = cut(outputs, inputs)
    length = attrs["length"]
    shapes = [tuple(y.shape) for y in outputs[: len(kept)]] + [(length, *y.shape) for y in outputs[len(kept) :]]
    scan = Node(node.prim, tuple(given), {**attrs, "body": inner, "carries": len(kept)}, tuple(shapes),
                tuple(y.dtype for y in outputs), node.code, node.lasti)  # fmt: skip
    builder.nodes.append(scan)
    w = Writer(builder, node)
    places = {i: place for place, i in enumerate([*kept, *rows])}
    for i, place in places.items():
        if i in read:
            parts[id(node), i] = _part(builder, scan, place)
    stacked: dict[Var, Any] = {v: operands[first + carries + k] for k, v in enumerate(slices)}
    for k, v in enumerate(more):
        stacked[v] = _part(builder, scan, len(places) + k)
    for i, s in sums.items():
        if i in read:
            parts[id(node), i] = w.add(operands[first + i], _summed(w, s, [stacked[v] for v in s.values]))


def _part(builder: Builder, scan: Node, index: int) -> Node:
    found = Node(PART, (scan,), {"index": index}, scan.shape[index], scan.dtype[index], scan.code, scan.lasti)
    builder.nodes.append(found)
    return found


def _summed(w: Writer, s: Sum, values: list[Any]) -> Var:
    if s.axes:
        return w.sum(values[0], axes=s.axes, keepdims=False)
    a, b = (w.reshape(x, shape=(x.shape[0] * x.shape[1], x.shape[2])) for x in values)
    return w.matmul(w.transpose(a, axes=(1, 0)), b)


def _sums(body: Tape, first: int, carries: int, length: int) -> list[Sum]:
    """The carries that only gather sums, with what they add."""
    found = []
    uses: dict[Var, int] = {}
    for x in [x for n in body.nodes for x in n.inputs] + list(body.outputs):
        if isinstance(x, Var):
            uses[x] = uses.get(x, 0) + 1
    for i in range(carries):
        before, after = body.inputs[first + i], body.outputs[i]
        if not isinstance(after, Node) or after.prim.name != "add" or uses.get(before) != 1:
            continue
        terms = [x for x in after.inputs if x is not before]
        if len(terms) != 1 or uses.get(after) != 1 or not isinstance(terms[0], Node):
            continue
        one = _term(i, terms[0], after)
        if one is not None and all(length * math.prod(v.shape) * v.dtype.itemsize < _MOST for v in one.values):
            found.append(one)
    return found


def _term(carry: int, term: Node, after: Node) -> Sum | None:
    if term.shape != after.shape or term.dtype != after.dtype:
        return None
    if term.prim.name == "matmul":
        a, b = term.inputs
        turned = isinstance(a, Node) and a.prim.name == "transpose" and a.attrs["axes"] == (1, 0)
        if turned and len(b.shape) == 2 and isinstance(b, Node | Input) and isinstance(a.inputs[0], Node | Input):
            return Sum(carry, (a.inputs[0], b))
    if term.prim.name == "sum" and not term.attrs["keepdims"] and isinstance(term.inputs[0], Node | Input):
        return Sum(carry, (term.inputs[0],), (0, *(a + 1 for a in term.attrs["axes"])))
    return None


__all__ = ["hoist"]
