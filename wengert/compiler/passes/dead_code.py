"""Dead code: lines that no output depends on are dropped."""

from __future__ import annotations

from wengert.compiler.rewrite import with_bodies
from wengert.core.tape import Tape, Var


@with_bodies
def dead_code(tape: Tape) -> Tape:
    """The list without the lines whose value nobody reads.

    A function under `wg.compile` is pure, so dropping a line changes nothing but time. All results of a loop stay,
    read or not: its number of results is part of its line.
    """
    needed: set[Var] = {y for y in tape.outputs if isinstance(y, Var)}
    for node in reversed(tape.nodes):
        if node in needed:
            needed.update(x for x in node.inputs if isinstance(x, Var))
    nodes = [node for node in tape.nodes if node in needed]
    return tape if len(nodes) == len(tape.nodes) else Tape(tape.inputs, nodes, tape.outputs).verify()


__all__ = ["dead_code"]
