"""An explanation as a graph in DOT: values and adjoints in the nodes, local derivatives at the edges."""

from __future__ import annotations

from collections.abc import Iterator

from wengert.viz.dot import _quoted
from wengert.viz.lines import Account, Line
from wengert.viz.rendering import Writer, local_text, value_text

_LOOKS = {
    "input": 'shape=box, fillcolor="#c6dbef"',
    "constant": 'shape=box, fillcolor="#fff2cc"',
    "operation": 'shape=box, style="filled,rounded", fillcolor="#eeeeee"',
}


def dot(e: Account, digits: int = 7) -> str:
    """DOT text; `dot -Tsvg` draws it."""
    w = Writer(digits)
    keys = {line.name: f"n{i}" for i, line in enumerate(e.lines)}
    body = [f"  {row}" for line in e.lines for row in _rows(e, w, line, keys)]
    head = [
        "digraph explanation {",
        f'  graph [rankdir=TB, fontname="Helvetica", label={_quoted(e.title)}, labelloc=t];',
        '  node [fontname="Helvetica", fontsize=11, style=filled];',
        '  edge [fontname="Helvetica", fontsize=10];',
    ]
    return "\n".join([*head, *body, "}"]) + "\n"


def _rows(e: Account, w: Writer, line: Line, keys: dict[str, str]) -> Iterator[str]:
    meaning = "" if line.operation is None else f" = {w.style.expression(line.operation)}"
    adjoint = "" if line.adjoint is None else f"{w.style.derivative(e.objective, line.name)} = "
    label = _quoted(
        w.style.name(line.name) + meaning,
        f"value {value_text(w, line.value)}",
        adjoint + value_text(w, line.adjoint),
    )
    yield f"{keys[line.name]} [{_LOOKS[line.kind]}, label={label}];"
    drawn = set()
    for part in line.partials:
        derivative = f"{w.style.derivative(part.of, part.by)} = {local_text(w, part.local)}"
        yield f"{keys[part.by]} -> {keys[line.name]} [label={_quoted(derivative)}];"
        drawn.add(part.by)
    for operand in line.operation.args if line.operation else ():
        if isinstance(operand, str) and operand in keys and operand not in drawn:
            yield f"{keys[operand]} -> {keys[line.name]} [style=dashed];"
            drawn.add(operand)


__all__ = ["dot"]
