"""The interactive page: one HTML document with its style, its script and its data inside, and nothing from outside.

The files of the page lie in ``page_files``; they are written by people and put together here. What a program is
called and what it computes reaches the page only as data (`embedded`) or as escaped text, and the policy in its head
allows just this style and this script, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from wengert.viz import rendering
from wengert.viz.escaping import attribute, embedded, escaped
from wengert.viz.figures import bad, jacobian, portrait, root_mean_square
from wengert.viz.groups import Group, tree
from wengert.viz.health import dead_units, findings
from wengert.viz.layering import edges, key_of, rows
from wengert.viz.lines import Account, Contribution, Line, Partial
from wengert.viz.rendering import Writer, product_text
from wengert.viz.sketch import kind, look, words

SCRIPTS = ("placing.js", "model.js", "drawing.js", "figures.js", "panel.js", "player.js", "main.js")
MOST_FINE = 400  # lines of a list whose large values are shown as heat maps
MOST_WITHOUT_SCRIPT = 200  # lines of a list that readers without a script get as a table
_NAMES = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "**": "power", "neg": "negative", "@": "matmul",
    "[]": "index",
}  # fmt: skip
HEIGHT = 720  # of the page in a notebook


@cache
def _file(name: str) -> str:
    return resources.files("wengert.viz").joinpath("page_files", name).read_text(encoding="utf-8")


def html(e: Account, digits: int = 7) -> str:
    """The whole document."""
    style = _file("page.css")
    script = "(() => {\n'use strict';\n" + "\n".join(map(_file, SCRIPTS)) + "\n})();\n"
    policy = (
        f"default-src 'none'; style-src 'sha256-{_hash(style)}'; script-src 'sha256-{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    without = rendering.text(e, digits) if len(e.lines) <= MOST_WITHOUT_SCRIPT else "This page needs its script."
    lines = "\n".join(map(escaped, without.splitlines()))
    parts = {
        "policy": policy, "title": escaped(e.title), "style": style, "script": script,
        "data": embedded(data(e, digits)), "without": lines,
    }  # fmt: skip
    # In one walk over the template, so that nothing put in is read as a place to put something.
    pieces = _file("page.html").split("@@")
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def frame(e: Account) -> str:
    """The page inside of another one (a notebook): in a frame of its own, which may run scripts and nothing else."""
    return (
        f'<iframe srcdoc="{attribute(html(e))}" sandbox="allow-scripts" title="{escaped(e.title)}" '
        f'style="width:100%;height:{HEIGHT}px;border:1px solid #8884;border-radius:8px"></iframe>'
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# ----- data -----------------------------------------------------------------------------------------------
def data(e: Account, digits: int = 7) -> dict[str, Any]:
    """What the script draws: lines, groups with their rows, findings, and the counts of both modes."""
    w = Writer(digits)
    numbers = {line.name: i for i, line in enumerate(e.lines)}
    root = tree(e)
    readers = edges(root, e)
    fine = len(e.lines) <= MOST_FINE
    swept = any(line.seed is not None for line in e.lines)
    notes = [*e.remarks, *rendering.objective_note(e)] if swept else rendering.notes(e)
    inputs, results = e.numbers
    forward, reverse = e.multiplications
    return {
        "title": w.words(e.title),
        "objective": w.words(e.objective),
        "directions": [w.words(d) for d in e.directions],
        "counts": {"inputs": inputs, "results": results, "forward": forward, "reverse": reverse},
        "swept": swept,
        "notes": [w.words(note) for note in notes],
        "findings": [
            {"level": f.level, "words": w.words(f.words), "line": numbers[f.line], "badge": f.badge}
            for f in findings(e)
        ],
        "lines": [_line(e, line, w, numbers, fine) for line in e.lines],
        "groups": [_group(group, rows(group, readers[group]), readers[group]) for group in root.groups()],
    }


def _group(group: Group, layers: list[list[str]], readers: dict[str, dict[str, None]]) -> dict[str, Any]:
    return {
        "name": group.name,
        "open": group.open,
        "children": [key_of(child) for child in group.children],
        "rows": layers,
        "readers": {key: list(found) for key, found in readers.items()},
    }


def _line(e: Account, line: Line, w: Writer, numbers: dict[str, int], fine: bool) -> dict[str, Any]:
    digits = w.style.digits
    name = w.style.name(line.name)
    zero = 0.0 if line.kind != "constant" and line.tangents else None
    made = {
        "name": name,
        "look": look(e, line),
        "rows": [w.words(row) for row in words(e, line, w.style)],
        "formula": name if line.operation is None else f"{name} = {w.style.expression(line.operation)}",
        "operation": w.words(_NAMES.get(line.operation.op, line.operation.op) if line.operation else line.kind),
        "type": kind(line),
        "bytes": _bytes(line),
        "seconds": line.seconds,
        "reads": [numbers[x] for x in line.reads],
        "source": w.words(line.source),
        "place": [w.words(part) for part in line.place],
        "value": portrait(line.value, digits, fine),
        "adjoint": portrait(line.adjoint, digits, fine),
        "seed": portrait(line.seed, digits, False) if line.contributions else None,
        "size": None if line.value is None or isinstance(line.value, tuple) else root_mean_square(line.value),
        "gradient": None if line.adjoint is None else root_mean_square(line.adjoint),
        "bad": (line.value is not None and bad(line.value)) or (line.adjoint is not None and bad(line.adjoint)) or "",
        "partials": [_partial(part, w, numbers, fine) for part in line.partials],
        "ways": [_way(e, c, w, numbers, len(line.contributions) > 1) for c in line.contributions],
        "tangents": [(portrait(line.tangents.get(d, zero), digits, False) or {}).get("t", "") for d in e.directions],
        "dead": dead_units(line),
    }
    return {key: value for key, value in made.items() if value not in (None, "", [])}


def _bytes(line: Line) -> int:
    parts = zip(line.shape, line.dtype, strict=True) if isinstance(line.dtype, tuple) else [(line.shape, line.dtype)]
    total = 0
    for shape, dtype in parts:
        count = 1
        for length in shape:
            count *= length
        total += count * dtype.itemsize
    return total


def _partial(part: Partial, w: Writer, numbers: dict[str, int], fine: bool) -> dict[str, Any]:
    return {
        "by": numbers[part.by],
        "of": w.style.derivative(part.of, part.by) + (f" (operand {part.operand})" if part.operand else ""),
        "formula": "" if part.formula is None else w.style.expression(part.formula),
        "local": jacobian(part.local, w.style.digits, fine),
    }


def _way(e: Account, c: Contribution, w: Writer, numbers: dict[str, int], several: bool) -> dict[str, Any]:
    """A path; its value is that of the adjoint where it is the only one."""
    made = {"through": numbers[c.partial.of], "product": product_text(e, w, c)}
    return made | ({"value": portrait(c.value, w.style.digits, False)} if several else {})


__all__ = ["data", "frame", "html"]
