"""One way to rewrite a list: line by line into a new one, each line copied or replaced by a variable already there.

Lines are never changed in place: other lists may hold them (what stays the same is in both), and a line's number must
stay larger than those of its operands. A replacement has the shape and dtype of what it stands for.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.primitive import Primitive
from wengert.core.tape import Const, Node, Tape, Var, type_text

Pass = Callable[[Tape], Tape]
# Lines that run the user's own code, or that are there to be computed again: only what nobody reads is dropped.
OPAQUE = frozenset({"custom_vjp", "custom_jvp", "checkpoint"})


class Builder:
    """A list under construction: the lines written so far, and what the variables of the old list became."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.known: dict[Var, Var] = {}

    def read(self, x: Any) -> Any:
        """What an operand of the old list is in the new one."""
        return self.known.get(x, x) if isinstance(x, Var) else x

    def line(self, like: Node, inputs: tuple[Any, ...], attrs: dict[str, Any], prim: Primitive | None = None) -> Node:
        """Write a line of the shape, dtype and place in the user's program of `like`."""
        node = Node(prim or like.prim, inputs, attrs, like.shape, like.dtype, like.code, like.lasti)
        self.nodes.append(node)
        return node


Change = Callable[[Builder, Node, tuple[Any, ...]], Var | None]


def rewrite(tape: Tape, change: Change) -> Tape:
    """The list in which ``change(builder, node, inputs)`` stands for every node; None copies the line.

    Returns `tape` itself where nothing changed.
    """
    builder = Builder()
    changed = False
    for node in tape.nodes:
        inputs = tuple(map(builder.read, node.inputs))
        found = change(builder, node, inputs)
        if found is None:
            if all(map(operator.is_, inputs, node.inputs)):
                builder.nodes.append(node)
                continue
            found = builder.line(node, inputs, node.attrs)
        else:
            changed = True
            assert (tuple(found.shape), found.dtype) == (tuple(node.shape), node.dtype), (
                f"{node.prim.name}: {type_text(node)} was replaced by {type_text(found)}"
            )
        builder.known[node] = found
    if not changed:
        return tape
    return Tape(tape.inputs, builder.nodes, [builder.read(y) for y in tape.outputs]).verify()


def with_bodies(one: Pass) -> Pass:
    """The pass that treats the bodies of loops and branches too."""

    def everywhere(tape: Tape) -> Tape:
        after = one(tape)
        bodies = any(type(v) is Tape for node in after.nodes for v in node.attrs.values())
        return rewrite(after, in_body) if bodies else after

    def in_body(builder: Builder, node: Node, inputs: tuple[Any, ...]) -> Var | None:
        if node.prim.name in OPAQUE or not any(isinstance(v, Tape) for v in node.attrs.values()):
            return None
        attrs = {k: everywhere(v) if isinstance(v, Tape) else v for k, v in node.attrs.items()}
        return builder.line(node, inputs, attrs) if any(attrs[k] is not node.attrs[k] for k in attrs) else None

    return everywhere


def array_of(x: Any) -> Any:
    """The array of a constant; None for everything else (also for a constant that is a tensor of a recording)."""
    return x.value if isinstance(x, Const) and isinstance(x.value, np.ndarray | np.generic) else None


__all__ = ["OPAQUE", "Builder", "Pass", "array_of", "rewrite", "with_bodies"]
