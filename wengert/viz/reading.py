"""From a recorded list to an `Account`: every line with its value, local derivatives, adjoint, place and time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import MissingRuleError, WengertError
from wengert.base.source import source_text
from wengert.core.tape import Const, Node, Tape, Var
from wengert.transforms.forward import walk
from wengert.viz.lines import Account, Contribution, Line, Partial
from wengert.viz.mathematics import operation, partial
from wengert.viz.paths import Path as Way
from wengert.viz.paths import carries_gradient, local, multiplications, plain, pull_back, size
from wengert.viz.places import Call, places

MOST_DIRECTIONS = 6  # numbers in the inputs for which forward mode is shown beside reverse mode
MOST_SOURCE = 70  # characters of a source line
MOST_PICTURES = 100  # large Jacobians of a list that are shown as a heat map
_PLAIN = (int, float, complex, str, tuple, np.dtype, slice, Tape, type(None), type(...))  # attributes that are data
QUICK = 1e-3  # seconds; what takes less is timed three times


@dataclass(frozen=True)
class Subject:
    """A list to be read: values stand beside its variables, as far as they are known.

    ``inputs`` names the list's inputs, ``labels`` some of its lines, ``learned`` the inputs that are parameters;
    ``calls`` are stretches of the list with a name. Without ``sweep`` nothing is said about derivatives.
    """

    tape: Tape
    results: list[Var]
    title: str
    inputs: list[str]
    labels: Mapping[Var, str] = field(default_factory=dict)
    sources: bool = True
    learned: frozenset[Var] = frozenset()
    calls: Sequence[Call] = ()
    sweep: bool = True
    given: Mapping[Var, Any] = field(default_factory=dict)  # gradients known without a sweep
    remarks: tuple[str, ...] = ()


class Sweeps(NamedTuple):
    """What the sweeps found; without a backward sweep only gradients that were known before."""

    seeds: Mapping[Var, Any]
    adjoints: Mapping[Var, Any]
    ways: Mapping[Var, Sequence[Way]]
    partials: Mapping[Var, Mapping[int, Partial]]
    tangents: Mapping[str, Mapping[Var, Any]]


def read(s: Subject) -> Account:
    """Everything there is to know about a list."""
    tape = s.tape
    names = _names(tape, s.inputs, dict(s.labels), s.results)
    found, remarks = Sweeps({}, s.given, {}, {}, {}), s.remarks
    if s.sweep:
        try:
            found = _swept(s, names)
        except MissingRuleError as error:
            remarks = (*remarks, f"No backward sweep: {error.message}.")
    where = places(tape, {v: names[v] for v in s.learned if v in names}, s.calls)
    moving = [v for v in tape.inputs if carries_gradient(v)]
    return Account(
        s.title, tuple(_line(s, v, names, found, where.get(v, ())) for v in names), _objective(s.results, names),
        tuple(found.tangents), (sum(map(size, moving)), sum(map(size, s.results))), multiplications(tape, moving),
        remarks,
    )  # fmt: skip


def _swept(s: Subject, names: Mapping[Var, str]) -> Sweeps:
    seeds = {v: np.ones(v.shape, v.dtype)[()] for v in s.results if carries_gradient(v)}
    adjoints, ways = pull_back(s.tape, seeds)
    for v in names:
        if carries_gradient(v) and v not in adjoints:
            adjoints[v] = np.zeros(v.shape, v.dtype)[()]
    known = all(v.value is not None for v in s.tape.variables())
    moving = {v: names[v] for v in s.tape.inputs if carries_gradient(v)}
    return Sweeps(seeds, adjoints, ways, _partials(s.tape, names), _tangents(s.tape, moving) if known else {})


def _line(s: Subject, v: Var, names: Mapping[Var, str], w: Sweeps, place: tuple[str, ...]) -> Line:
    node = v if isinstance(v, Node) else None
    return Line(
        name=names[v],
        kind="operation" if node else "constant" if isinstance(v, Const) else "input",
        operation=operation(node.prim, _operands(node, names), node.attrs) if node else None,
        value=_value(v),
        source=_source(node) if node and s.sources else "",
        adjoint=plain(w.adjoints.get(v)) if carries_gradient(v) else None,
        seed=w.seeds.get(v),
        partials=tuple(w.partials.get(v, {}).values()),
        contributions=tuple(_contributions(w.ways.get(v, ()), w.partials, w.adjoints)),
        tangents={way: found[v] for way, found in w.tangents.items() if v in found},
        shape=v.shape,
        dtype=v.dtype,
        reads=tuple(dict.fromkeys(names[x] for x in node.inputs if x in names)) if node else (),
        place=place,
        seconds=_seconds(node) if node else None,
        learned=v in s.learned,
    )


def _value(v: Var) -> Any:
    """The value as plain arrays; a copy where the caller may write to it."""
    if isinstance(v.dtype, tuple):
        return None if v.value is None else tuple(map(plain, v.value))
    value = plain(v.value)
    return np.array(value)[()] if isinstance(v, Const) and value is not None else value


def computed(node: Node) -> Any:
    """The value of a line from those of its operands; None where one is not known, or where it cannot be computed.

    A line that calls the user's own functions (custom rules) is left alone: those may have effects.
    """
    if not all(isinstance(a, _PLAIN) for a in node.attrs.values()):
        return None
    xs = [plain(x.value) if isinstance(x, Var) else x for x in node.inputs]
    if any(x is None for x in xs):
        return None
    xs = [tuple(map(plain, x)) if isinstance(x, tuple) else x for x in xs]
    try:
        with np.errstate(all="ignore"):
            return node.prim.impl(*xs, **node.attrs)
    except (WengertError, ArithmeticError, ValueError, TypeError, NotImplementedError):
        return None


def _seconds(node: Node) -> float | None:
    """What computing the line once more takes."""
    best = None
    for _ in range(3):
        start = time.perf_counter()
        if computed(node) is None:
            return None
        spent = time.perf_counter() - start
        best = spent if best is None else min(best, spent)
        if best > QUICK:
            break
    return best


def _partials(tape: Tape, names: Mapping[Var, str]) -> dict[Var, dict[int, Partial]]:
    """The local derivative of every line by every operand a gradient flows to."""
    found: dict[Var, dict[int, Partial]] = {}
    pictures = 0
    for node in tape:
        if not (node.prim.multi or carries_gradient(node)):
            continue
        for i, x in enumerate(node.inputs):
            if carries_gradient(x):
                formula = partial(node.prim, i, names[node], _operands(node, names))
                again = i + 1 if node.inputs.count(x) > 1 else 0
                here = local(node, i, draw=pictures < MOST_PICTURES)
                pictures += here.picture is not None
                found.setdefault(node, {})[i] = Partial(names[node], names[x], formula, here, again)
    return found


def _names(tape: Tape, inputs: list[str], labels: dict[Var, str], results: list[Var]) -> dict[Var, Any]:
    """A name for every variable but single constants: inputs, constants, lines in order."""
    names: dict[Var, str] = {}
    taken: set[str] = set()
    for v, name in zip(tape.inputs, inputs, strict=True):
        while name in taken:
            name += "'"
        names[v] = name
        taken.add(name)
    taken |= set(labels.values())
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
        return names[results[0]] if size(results[0]) == 1 else f"Σ{names[results[0]]}"
    return "Σ"


def _contributions(
    ways: Sequence[Way], partials: Mapping[Var, Mapping[int, Partial]], adjoints: Mapping[Var, Any]
) -> Iterator[Contribution]:
    for way in ways:
        if way.position in partials.get(way.line, {}):
            yield Contribution(partials[way.line][way.position], plain(adjoints[way.line]), way.value)


def _tangents(tape: Tape, inputs: Mapping[Var, str]) -> dict[str, dict[Var, Any]]:
    """One forward sweep for every number in the inputs, by its name; none where there are many numbers."""
    if sum(map(size, inputs)) > MOST_DIRECTIONS:
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


__all__ = ["Subject", "computed", "read"]
