"""`explain`: every value, local derivative and adjoint of a program, as one would work them out on paper."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, WengertError
from wengert.base.files import write_atomically
from wengert.base.source import source_text
from wengert.core.record import Recorded, Tensor, trace
from wengert.core.tape import Const, Node, Tape, Var
from wengert.core.tree import Structure, flatten
from wengert.ops.structure import arrayed
from wengert.transforms.forward import walk
from wengert.viz import drawing, rendering
from wengert.viz.formula import Formula, parse
from wengert.viz.lines import Account, Contribution, Line, Partial
from wengert.viz.mathematics import operation, partial
from wengert.viz.paths import Path as Way
from wengert.viz.paths import carries_gradient, local, multiplications, plain, pull_back

MOST_DIRECTIONS = 6  # numbers in the inputs for which forward mode is shown beside reverse mode
MOST_SOURCE = 70  # characters of a source line
_WRITERS = {".txt": "to_text", ".md": "to_markdown", ".tex": "to_latex", ".dot": "to_dot"}


@dataclass(frozen=True, repr=False)
class Explanation(Account):
    """A differentiated program to be read: ``print`` it, `save` it, or look a line up, ``e["z"].adjoint``.

    ``objective`` names what the adjoints are derivatives of, ``directions`` the inputs of forward mode.
    """

    def to_text(self, digits: int = 7) -> str:
        """Tables in plain text."""
        return rendering.text(self, digits)

    def to_markdown(self, digits: int = 7) -> str:
        """Markdown with the formulas in LaTeX."""
        return rendering.markdown(self, digits)

    def to_latex(self, digits: int = 7) -> str:
        """LaTeX to include in a document (with the packages amsmath and booktabs)."""
        return rendering.latex(self, digits)

    def to_dot(self, digits: int = 7) -> str:
        """The graph in DOT: values and adjoints in the nodes, local derivatives at the edges."""
        return drawing.dot(self, digits)

    def save(self, path: str | os.PathLike[str], digits: int = 7) -> Path:
        """Write a file, .txt, .md, .tex or .dot, and return its path."""
        target = Path(path)
        if target.suffix not in _WRITERS:
            hint = "write .dot and draw it with Graphviz: dot -Tsvg" if target.suffix in (".svg", ".png") else None
            raise ArgumentError(f"save: got {target.name!r}; needs a name in {', '.join(_WRITERS)}", hint=hint)
        return write_atomically(target, getattr(self, _WRITERS[target.suffix])(digits).encode())

    def __str__(self) -> str:
        return self.to_text()

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


def explain(f: Callable[..., Any] | str | Formula, /, *args: Any, **values: Any) -> Explanation:
    """Everything back-propagation does with a function (or a formula) at these arguments, step by step.

    The forward table with every value; the local derivative of every line by every operand, as formula and number
    (arrays: small Jacobians in full, large ones as shape and norm); the adjoints backwards, path by path and summed
    where a value is used more than once; the tangents of forward mode beside them, with the count of multiplications
    of both modes. Where the result is an array, the adjoints are those of the sum of its elements.

    A formula is text as `parse` reads it, ``"z = w*x; y = exp(z)"``; its lines keep their names, and nothing but its
    operations is executed. The parameters of a module are inputs too. Python numbers count as float64; arrays of
    whole numbers are not differentiated.

    >>> import wengert as wg
    >>> e = wg.explain("z = w*x; a = z + b; y = exp(a)", w=2, x=3, b=-4)
    >>> round(float(e["w"].adjoint), 2), e.multiplications
    (22.17, (6, 4))
    >>> print(e.to_text(digits=3).partition("Local")[0])
    z = w*x; a = z + b; y = exp(a)
    <BLANKLINE>
    Forward
    line  operation  value
    ----  ---------  -----
    w     input      2
    x     input      3
    b     input      -4
    z     w·x        6
    a     z + b      2
    y     exp(a)     7.39
    <BLANKLINE>
    """
    if isinstance(f, str | Formula):
        return _of_formula(parse(f) if isinstance(f, str) else f, args, values)
    if not callable(f):
        raise ArgumentError(f"explain: got {type(f).__name__}; needs a function or a formula as text")
    return _of_function(f, args, values)


def _of_formula(formula: Formula, args: Sequence[Any], values: Mapping[str, Any]) -> Explanation:
    given = formula.bound(*args, **values)
    labels: dict[Var, str] = {}

    def call(*boxes: Any) -> list[Any]:
        steps = formula.steps(dict(zip(given, boxes, strict=True)))
        for name, value in steps:
            if name and isinstance(value, Tensor):
                labels.setdefault(value.node, name)
        return [arrayed(steps[-1][1])]

    recorded = trace(call, [_own(x) for x in given.values()], "explain", keep_all=True)
    return _explanation(recorded, formula.text, list(given), labels, sources=False)


def _of_function(f: Callable[..., Any], args: Sequence[Any], values: Mapping[str, Any]) -> Explanation:
    parameters: dict[str, Tensor] = dict(f.named_parameters()) if hasattr(f, "named_parameters") else {}
    leaves, structure = flatten((tuple(args), dict(values)))

    def call(*boxes: Any) -> list[Any]:
        positional, named = structure.unflatten(boxes[: len(leaves)])
        with np.errstate(all="ignore"), _standing_in(parameters.values(), boxes[len(leaves) :]):
            return [arrayed(y) for y in flatten(f(*positional, **named))[0]]

    recorded = trace(call, [_own(x) for x in (*leaves, *parameters.values())], "explain", keep_all=True)
    names = [n for name, tree in _arguments(f, args, values) for n in _leaf_names(name, flatten(tree)[1])]
    names += parameters
    title = getattr(f, "__name__", type(f).__name__)
    return _explanation(recorded, "a lambda" if title == "<lambda>" else title, names, {}, sources=True)


@contextmanager
def _standing_in(parameters: Iterable[Tensor], boxes: Iterable[Tensor]) -> Iterator[None]:
    """Meanwhile a module's parameters are inputs of the recording, so that gradients flow to them."""
    before = [(p, p.value, p.node, p.rec) for p in parameters]
    try:
        for (p, *_), box in zip(before, boxes, strict=True):
            p.value, p.node, p.rec = box.value, box.node, box.rec
        yield
    finally:
        for p, value, node, rec in before:
            p.value, p.node, p.rec = value, node, rec


def _own(x: Any) -> Any:
    """A copy nobody writes to; Python's numbers as float64, so that they are differentiated."""
    x = plain(x)
    return np.float64(x) if type(x) in (int, float) else np.array(arrayed(x))[()]


def _arguments(f: Callable[..., Any], args: Sequence[Any], values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name and value of every argument, in the order they were given."""
    try:
        parameters = list(inspect.signature(getattr(f, "forward", f)).parameters.values())
    except (ValueError, TypeError):  # functions written in C have none
        parameters = []
    plain_ones = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    for i, x in enumerate(args):
        yield (plain_ones[i] if i < len(plain_ones) else f"{rest}{i - len(plain_ones) + 1}"), x
    yield from values.items()


def _leaf_names(name: str, structure: Structure) -> Iterator[str]:
    if structure.kind is None:
        yield name
    for key, child in enumerate(structure.children):
        is_dict = isinstance(structure.kind, type) and issubclass(structure.kind, dict)
        yield from _leaf_names(f"{name}.{structure.data[key]}" if is_dict else f"{name}[{key}]", child)


# ----- from the recorded list to lines ------------------------------------------------------------------
def _explanation(
    recorded: Recorded, title: str, inputs: list[str], labels: dict[Var, str], sources: bool
) -> Explanation:
    tape = recorded.tape
    results = [v for v in recorded.variables if v is not None]
    names = _names(tape, inputs, labels, results)
    seeds = {v: np.ones(v.shape, v.dtype)[()] for v in results if carries_gradient(v)}
    adjoints, ways = pull_back(tape, seeds)
    partials = _partials(tape, names)
    moving = [v for v in tape.inputs if carries_gradient(v)]
    tangents = _tangents(tape, {v: names[v] for v in moving})

    def line(v: Var) -> Line:
        node = v if isinstance(v, Node) else None
        reached = None if not carries_gradient(v) else adjoints.get(v, np.zeros(v.shape, v.dtype)[()])
        return Line(
            name=names[v],
            kind="operation" if node else "constant" if isinstance(v, Const) else "input",
            operation=operation(node.prim, _operands(node, names), node.attrs) if node else None,
            value=plain(v.value) if not isinstance(v.dtype, tuple) else tuple(map(plain, v.value)),
            source=_source(node) if node and sources else "",
            adjoint=plain(reached),
            seed=seeds.get(v),
            partials=tuple(partials.get(v, {}).values()),
            contributions=tuple(_contributions(ways.get(v, ()), partials, adjoints)),
            tangents={way: found[v] for way, found in tangents.items() if v in found},
        )

    return Explanation(
        title, tuple(line(v) for v in names), _objective(results, names), tuple(tangents),
        (sum(map(_count, moving)), sum(map(_count, results))), multiplications(tape, moving),
    )  # fmt: skip


def _partials(tape: Tape, names: Mapping[Var, str]) -> dict[Var, dict[int, Partial]]:
    """The local derivative of every line by every operand a gradient flows to."""
    found: dict[Var, dict[int, Partial]] = {}
    for node in tape:
        if not (node.prim.multi or carries_gradient(node)):
            continue
        for i, x in enumerate(node.inputs):
            if carries_gradient(x):
                formula = partial(node.prim, i, names[node], _operands(node, names))
                again = i + 1 if node.inputs.count(x) > 1 else 0
                found.setdefault(node, {})[i] = Partial(names[node], names[x], formula, local(node, i), again)
    return found


def _count(v: Var) -> int:
    return int(np.prod(v.shape, dtype=np.int64))


def _names(tape: Tape, inputs: list[str], labels: dict[Var, str], results: list[Var]) -> dict[Var, Any]:
    """A name for every variable but single constants: inputs, constants, lines in order."""
    names: dict[Var, str] = {}
    for v, name in zip(tape.inputs, inputs, strict=True):
        while name in names.values():
            name += "'"
        names[v] = name
    taken = set(names.values()) | set(labels.values())
    constants = [v for v in tape.variables() if not isinstance(v, Node) and v not in names and not _is_number(v)]
    names |= dict(zip(dict.fromkeys(constants), _free("c", taken), strict=False))
    end = next(n for n in ("y", "f", "result", "") if n not in taken)
    ends = {results[0]: end} if len(results) == 1 else {}
    numbers = _free("v", taken)
    for node in tape:
        names[node] = labels.get(node) or ends.get(node) or next(numbers)
    return names


def _free(letter: str, taken: set[str]) -> Iterator[str]:
    return (name for name in (f"{letter}{i}" for i in range(1, 10**9)) if name not in taken)


def _is_number(v: Any) -> bool:
    return isinstance(v, Const) and v.shape == () and v.value is not None


def _operands(node: Node, names: Mapping[Var, str]) -> list[Any]:
    """Names, and numbers where those were written into the program."""
    return [
        x if not isinstance(x, Var) else names[x] if x in names else plain(x.value).item() for x in node.inputs
    ]  # fmt: skip


def _objective(results: list[Var], names: Mapping[Var, str]) -> str:
    if len(results) == 1:
        return names[results[0]] if _count(results[0]) == 1 else f"Σ{names[results[0]]}"
    return "Σ"


def _contributions(
    ways: Sequence[Way], partials: Mapping[Var, Mapping[int, Partial]], adjoints: Mapping[Var, Any]
) -> Iterator[Contribution]:
    for way in ways:
        if way.position in partials.get(way.line, {}):
            yield Contribution(partials[way.line][way.position], plain(adjoints[way.line]), way.value)


def _tangents(tape: Tape, inputs: Mapping[Var, str]) -> dict[str, dict[Var, Any]]:
    """One forward sweep for every number in the inputs, by its name; none where there are many numbers."""
    if sum(map(_count, inputs)) > MOST_DIRECTIONS:
        return {}
    found: dict[str, dict[Var, Any]] = {}
    for v, name in inputs.items():
        for place in np.ndindex(v.shape):
            way = np.zeros(v.shape, v.dtype)
            way[place] = 1
            try:
                swept = walk(tape, {v: way[()]})
            except WengertError:  # an operation with a derivative in reverse mode only
                return {}
            found[name + (f"[{', '.join(map(str, place))}]" if place else "")] = {
                x: plain(t) for x, t in swept.items() if not isinstance(x.dtype, tuple)
            }
    return found


def _source(node: Node) -> str:
    where = node.where.partition(" in ")[0]
    words = f"{where}  {source_text(node.code, node.lasti)}".strip()
    return words if len(words) <= MOST_SOURCE else words[: MOST_SOURCE - 1] + "…"


__all__ = ["Explanation", "explain"]
