"""`explain`: every value, local derivative and adjoint of a program, as one would work them out on paper."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.core.record import Recorded, Tensor, trace
from wengert.core.tape import Tape, Var
from wengert.core.tree import Structure, flatten
from wengert.ops.structure import arrayed
from wengert.viz.explanation import Explanation
from wengert.viz.formula import Formula, parse
from wengert.viz.paths import plain
from wengert.viz.places import Call, modules_in, watched
from wengert.viz.reading import Subject, read


def explain(f: Callable[..., Any] | str | Formula, /, *args: Any, **values: Any) -> Explanation:
    """Everything back-propagation does with a function (or a formula) at these arguments, step by step.

    The forward table with every value; the local derivative of every line by every operand, as formula and number
    (arrays: small Jacobians in full, large ones as shape and norm); the adjoints backwards, path by path and summed
    where a value is used more than once; the tangents of forward mode beside them, with the count of multiplications
    of both modes. Where the result is an array, the adjoints are those of the sum of its elements.

    A formula is text as `parse` reads it, ``"z = w*x; y = exp(z)"``; its lines keep their names, and nothing but its
    operations is executed. The parameters of a module are inputs too, also where a function only refers to it. Python
    numbers count as float64; arrays of whole numbers are not differentiated.

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
    return _read(recorded, len(given), title=formula.text, inputs=list(given), labels=labels, sources=False)


def _of_function(f: Callable[..., Any], args: Sequence[Any], values: Mapping[str, Any]) -> Explanation:
    around = _modules_around(f)
    parameters = _parameters(around)
    leaves, structure = flatten((tuple(args), dict(values)))
    calls: list[Call] = []

    def call(*boxes: Any) -> list[Any]:
        positional, named = structure.unflatten(boxes[: len(leaves)])
        modules = modules_in((*around.values(), *positional, *named.values()))
        with np.errstate(all="ignore"), _standing_in(parameters.values(), boxes[len(leaves) :]):
            with watched(modules, own=f) as seen:
                result = f(*positional, **named)
            calls.extend(seen)
            return [arrayed(y) for y in flatten(result)[0]]

    recorded = trace(call, [_own(x) for x in (*leaves, *parameters.values())], "explain", keep_all=True)
    named = [pair for name, tree in _arguments(f, args, values) for pair in _named_leaves(name, tree)]
    names = [name for name, _ in named] + list(parameters)
    learns = [is_parameter for _, is_parameter in named] + [True] * len(parameters)
    learned = frozenset(v for v, is_learned in zip(recorded.tape.inputs, learns, strict=True) if is_learned)
    title = getattr(f, "__name__", type(f).__name__)
    title = "a lambda" if title == "<lambda>" else title
    return _read(recorded, len(leaves), title=title, inputs=names, learned=learned, calls=calls)


def _read(recorded: Recorded, given: int, inputs: list[str], **more: Any) -> Explanation:
    """What the list says; of its inputs, those that were given, and parameters that are used."""
    tape = recorded.tape
    results = [v for v in recorded.variables if v is not None]
    used = {x for node in tape for x in node.inputs if isinstance(x, Var)}.union(results)
    kept = [(v, name) for i, (v, name) in enumerate(zip(tape.inputs, inputs, strict=True)) if i < given or v in used]
    shown = Tape([v for v, _ in kept], tape.nodes, tape.outputs)
    return Explanation.of(read(Subject(shown, results, inputs=[name for _, name in kept], **more)))


def _modules_around(f: Callable[..., Any]) -> dict[str, Any]:
    """The modules a function reads without getting them as arguments, by name; a module itself has none."""
    if hasattr(f, "named_parameters"):
        return {"": f}
    try:
        found = inspect.getclosurevars(inspect.unwrap(f))
    except (TypeError, ValueError):  # no Python function
        return {}
    names = {**found.globals, **found.nonlocals}
    return {name: x for name, x in names.items() if isinstance(getattr(x, "_modules", None), dict)}


def _parameters(modules: Mapping[str, Any]) -> dict[str, Tensor]:
    """Their parameters by name, each once."""
    found: dict[int, tuple[str, Tensor]] = {}
    for name, module in modules.items():
        for path, parameter in module.named_parameters():
            found.setdefault(id(parameter), (f"{name}.{path}" if name else path, parameter))
    return dict(found.values())


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


def _named_leaves(name: str, tree: Any) -> Iterator[tuple[str, bool]]:
    """The name of every leaf of an argument, and whether it is a parameter (of a module among the arguments)."""
    found = list(_leaf_names(name, flatten(tree)[1]))
    paths = [path for path, _ in tree.named_parameters()] if hasattr(tree, "named_parameters") else []
    if len(paths) == len(found) and paths:
        yield from ((f"{name}.{path}", True) for path in paths)
    else:
        yield from ((leaf, False) for leaf in found)


def _leaf_names(name: str, structure: Structure) -> Iterator[str]:
    if structure.kind is None:
        yield name
    for key, child in enumerate(structure.children):
        is_dict = isinstance(structure.kind, type) and issubclass(structure.kind, dict)
        yield from _leaf_names(f"{name}.{structure.data[key]}" if is_dict else f"{name}[{key}]", child)


__all__ = ["Explanation", "explain"]
