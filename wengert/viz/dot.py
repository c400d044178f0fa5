"""`make_dot`: the recorded graph in Graphviz's DOT language, called as pytorchviz is.

Blue boxes are parameters (leaves with ``requires_grad``) with name and shape, grey ovals operations, green boxes
outputs. An edge leads from what is read to the operation that reads it. Constants, inputs without gradient among
them, are left out unless asked for: the picture shows what a gradient flows through.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wengert.base.files import write_atomically
from wengert.core.record import Tensor
from wengert.core.tape import Const, Leaf, Tape, Var
from wengert.viz.text import list_of


class Dot:
    """A graph as DOT text in ``source``; ``save`` writes it (`dot -Tsvg` draws it)."""

    def __init__(self, source: str) -> None:
        self.source = source

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the text to a file and return its path."""
        return write_atomically(path, self.source.encode())

    def __str__(self) -> str:
        return self.source


def make_dot(
    y: Any, params: Mapping[str, Any] | None = None, show_constants: bool = False, show_attrs: bool = False
) -> Dot:
    """The graph behind `y` (a recorded tensor, or several); `params` gives names to leaves.

    ``show_constants`` adds the values no gradient flows to, ``show_attrs`` the attributes of operations.
    Raises `GraphError` where nothing was recorded.

    >>> import wengert as wg
    >>> w = wg.tensor([1.0, 2.0], requires_grad=True)
    >>> "w" in wg.viz.make_dot((w * w).sum(), params={"w": w}).source
    True
    """
    tape = list_of(y, "make_dot")
    names = {id(t.node): str(n) for n, t in (params or {}).items() if isinstance(t, Tensor) and t.node is not None}
    lines = [
        "digraph wengert {",
        '  graph [rankdir=TB, fontname="Helvetica"];',
        '  node [fontname="Helvetica", fontsize=11, style=filled, shape=ellipse, fillcolor="#eeeeee"];',
        *(f"  {line}" for line in _body(tape, names, show_constants, show_attrs)),
        "}",
    ]
    return Dot("\n".join(lines) + "\n")


def _body(tape: Tape, given: Mapping[int, str], show_constants: bool, show_attrs: bool) -> Iterator[str]:
    names = {**tape.names(), **given}
    keys: dict[Var, str] = {}
    edges: list[str] = []
    for var in tape.variables():
        if var not in keys and (show_constants or not isinstance(var, Const)):
            keys[var] = f"n{len(keys)}"
            yield f"{keys[var]} [{_look(var, names[id(var)], show_attrs)}];"
    for node in tape.nodes:
        edges += [f"{keys[x]} -> {keys[node]};" for x in node.inputs if isinstance(x, Var) and x in keys]
    for number, y in enumerate(tape.outputs):
        name = "output" if len(tape.outputs) == 1 else f"output {number}"
        yield f'o{number} [shape=box, fillcolor="#c7e9c0", label={_quoted(name, _shape(y))}];'
        edges.append(f"{keys[y]} -> o{number};")
    yield from edges


def _look(var: Var, name: str, show_attrs: bool) -> str:
    if isinstance(var, Leaf):
        return f'shape=box, fillcolor="#c6dbef", label={_quoted(name, _shape(var))}'
    if var.prim is None:
        return f'shape=box, fillcolor="#fff2cc", label={_quoted(name, _shape(var))}'
    attrs = [f"{k}={v!r}" for k, v in var.attrs.items() if not isinstance(v, Tape)] if show_attrs else []  # type: ignore[attr-defined]
    return f"label={_quoted(var.prim.name, _shape(var), *attrs)}"


def _shape(var: Any) -> str:
    """A shape as pytorchviz writes it: ``(16, 8)``; nothing for a line with several values."""
    if var.shape and isinstance(var.shape[0], tuple):
        return ""
    return f"({', '.join(map(str, var.shape))})"


def _quoted(*lines: str) -> str:
    """A DOT string of several lines. Quote, backslash and line ends cannot leave it, whatever a name holds."""
    return '"' + "\\n".join(_escaped(line) for line in lines if line) + '"'


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "\\n")
    return "".join(c if c.isprintable() else "?" for c in text)


__all__ = ["Dot", "make_dot"]
