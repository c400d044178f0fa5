"""`make_dot`: the recorded graph in Graphviz's DOT language and as SVG, called as pytorchviz is.

Blue boxes are parameters (leaves with ``requires_grad``) with name and shape, grey ovals operations, green boxes
outputs. An edge leads from what is read to the operation that reads it. Constants, inputs without gradient among
them, are left out unless asked for: the picture shows what a gradient flows through.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wengert.base.errors import ArgumentError
from wengert.base.files import write_atomically
from wengert.core.record import Tensor
from wengert.core.tape import Const, Leaf, Tape, Var
from wengert.viz import graph
from wengert.viz.graph import COLORS, Shape
from wengert.viz.text import list_of

_NODE = 'fontname="Helvetica", fontsize=11, style=filled, shape=ellipse'
MOST_DRAWN = 500  # shapes in one drawing


class Dot:
    """A graph: ``source`` is its DOT text, ``save`` writes that or a drawing, a notebook shows the drawing."""

    def __init__(self, shapes: Sequence[Shape], edges: Sequence[tuple[int, int]]) -> None:
        self._shapes, self._edges = tuple(shapes), tuple(edges)

    @property
    def source(self) -> str:
        """The graph in Graphviz's language."""
        lines = [
            "digraph wengert {",
            '  graph [rankdir=TB, fontname="Helvetica"];',
            f'  node [{_NODE}, fillcolor="{COLORS["operation"]}"];',
            *(f"  n{i} [{_look(shape)}];" for i, shape in enumerate(self._shapes)),
            *(f"  n{a} -> n{b};" for a, b in self._edges),
            "}",
        ]
        return "\n".join(lines) + "\n"

    def to_svg(self) -> str:
        """The drawing; no Graphviz program is needed. Raises `ArgumentError` above 500 shapes."""
        if len(self._shapes) > MOST_DRAWN:
            raise ArgumentError(
                f"make_dot: {len(self._shapes):,} shapes are too many for one drawing (at most {MOST_DRAWN})",
                hint='wg.show(y, file="graph.svg") folds them; source has them all',
            )
        return graph.svg(self._shapes, self._edges)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the drawing (a name in .svg) or the DOT text (any other) and return the path."""
        target = Path(path)
        return write_atomically(target, (self.to_svg() if target.suffix == ".svg" else self.source).encode())

    def __str__(self) -> str:
        return self.source

    def _repr_svg_(self) -> str | None:
        return self.to_svg() if len(self._shapes) <= MOST_DRAWN else None


def make_dot(
    y: Any, params: Mapping[str, Any] | None = None, show_constants: bool = False, show_attrs: bool = False
) -> Dot:
    """The graph behind `y` (a recorded tensor, or several); `params` gives names to leaves.

    A notebook draws it; ``save("graph.svg")`` writes the drawing, ``save("graph.dot")`` the text.
    ``show_constants`` adds the values no gradient flows to, ``show_attrs`` the attributes of operations.
    Raises `GraphError` where nothing was recorded.

    >>> import wengert as wg
    >>> w = wg.tensor([1.0, 2.0], requires_grad=True)
    >>> "w" in wg.viz.make_dot((w * w).sum(), params={"w": w}).source
    True
    """
    tape = list_of(y, "make_dot")
    names = {id(t.node): str(n) for n, t in (params or {}).items() if isinstance(t, Tensor) and t.node is not None}
    names = {**tape.names(), **names}
    shapes: list[Shape] = []
    numbers: dict[Var, int] = {}
    edges: list[tuple[int, int]] = []
    for var in tape.variables():
        if var not in numbers and (show_constants or not isinstance(var, Const)):
            numbers[var] = len(shapes)
            shapes.append(_drawn(var, names[id(var)], show_attrs))
    for node in tape.nodes:
        edges += [(numbers[x], numbers[node]) for x in node.inputs if isinstance(x, Var) and x in numbers]
    for number, result in enumerate(tape.outputs):
        name = "output" if len(tape.outputs) == 1 else f"output {number}"
        edges.append((numbers[result], len(shapes)))
        shapes.append(Shape("output", (name, _shape(result))))
    return Dot(shapes, edges)


def _drawn(var: Var, name: str, show_attrs: bool) -> Shape:
    if var.prim is None:
        return Shape("leaf" if isinstance(var, Leaf) else "input", (name, _shape(var)))
    attrs = [f"{k}={v!r}" for k, v in var.attrs.items() if not isinstance(v, Tape)] if show_attrs else []  # type: ignore[attr-defined]
    return Shape("operation", tuple(word for word in (var.prim.name, _shape(var), *attrs) if word))


def _look(shape: Shape) -> str:
    form = "" if shape.look == "operation" else f'shape=box, fillcolor="{COLORS[shape.look]}", '
    return f"{form}label={_quoted(*shape.words)}"


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
