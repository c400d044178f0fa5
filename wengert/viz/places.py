"""Which part of a program every line belongs to: calls of modules, else functions, so that a picture can fold them.

A place is a path of names, the outermost first. Each stands for one stretch of consecutive lines: the second call of
a layer is a place of its own. So whatever is folded, no arrow of the picture leads back.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from wengert.core.tape import Node, Tape, Var, next_number

Place = tuple[str, ...]


class Call(NamedTuple):
    """The lines with numbers between ``first`` and ``last`` belong to this call."""

    first: int
    last: int
    name: str


@contextmanager
def watched(modules: Iterable[Any], own: Any = None) -> Iterator[list[Call]]:
    """Meanwhile the calls of these modules and of all their parts are noted; those of `own` itself are not."""
    calls: list[Call] = []
    started: list[tuple[int, str]] = []
    handles = []
    for whole in {id(m): m for m in modules}.values():
        for path, part in whole.named_modules():
            if part is not own:
                handles.append(part.register_forward_pre_hook(_opening(started, path)))
                handles.append(part.register_forward_hook(_closing(started, calls, path)))
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _opening(started: list[tuple[int, str]], path: str) -> Callable[..., None]:
    return lambda module, args: started.append((next_number(), path))


def _closing(started: list[tuple[int, str]], calls: list[Call], path: str) -> Callable[..., None]:
    def close(module: Any, args: Any, result: Any) -> None:
        first, _ = started.pop()
        inside = next((p for _, p in reversed(started) if p), "")
        name = path.removeprefix(f"{inside}.") if inside else path
        kind = type(module).__name__
        calls.append(Call(first, next_number(), f"{name} · {kind}" if name else kind))

    return close


def modules_in(things: Iterable[Any]) -> Iterator[Any]:
    """The modules among some objects."""
    for thing in things:
        if hasattr(thing, "named_modules") and hasattr(thing, "register_forward_pre_hook"):
            yield thing


# ----- places of lines ------------------------------------------------------------------------------------
def places(tape: Tape, parameters: Mapping[Var, str], calls: Sequence[Call]) -> dict[Var, Place]:
    """The place of every line, from the calls of modules, the names of parameters, or the functions of the program."""
    if calls:
        found = _by_calls(tape, calls)
    else:
        found = _by_parameters(tape, parameters) or _by_functions(tape)
    return dict(_stretches(tape, found))


def _by_calls(tape: Tape, calls: Sequence[Call]) -> dict[Node, Place]:
    waiting = sorted(calls, key=lambda c: (c.first, -c.last), reverse=True)
    open_ones: list[Call] = []
    found: dict[Node, Place] = {}
    for node in tape:
        while waiting and waiting[-1].first < node.number:
            open_ones.append(waiting.pop())
        open_ones = [c for c in open_ones if c.last > node.number]
        # The bounds tell two calls of one layer apart that follow each other.
        found[node] = tuple(f"{c.name}\0{c.first}" for c in open_ones)
    return found


def _by_parameters(tape: Tape, names: Mapping[Var, str]) -> dict[Node, Place]:
    """A line belongs where its parameter does, ``encoder.0`` of ``encoder.0.weight``, or where all its readers do."""
    found: dict[Node, Place] = {}
    readers: dict[Var, list[Node]] = {}
    for node in tape:
        for x in node.inputs:
            if isinstance(x, Var):
                readers.setdefault(x, []).append(node)
    for node in reversed(tape.nodes):
        owners = {names[x].rpartition(".")[0] for x in node.inputs if isinstance(x, Var) and "." in names.get(x, "")}
        wanted = {found.get(r, ()) for r in readers.get(node, ())}
        if len(owners) == 1:
            found[node] = tuple(owners.pop().split("."))
        elif len(wanted) == 1 and wanted != {()}:
            place = wanted.pop()
            if _near(node, place, names):
                found[node] = place
    return found


def _near(node: Node, place: Place, names: Mapping[Var, str]) -> bool:
    """Whether a line reads, directly or through one other, a parameter of a place."""
    prefix = ".".join(place) + "."
    near = [x for x in node.inputs if isinstance(x, Var)]
    near += [y for x in near if isinstance(x, Node) for y in x.inputs if isinstance(y, Var)]
    return any(names.get(x, "").startswith(prefix) for x in near)


def _by_functions(tape: Tape) -> dict[Node, Place]:
    """The functions that wrote the lines, where there are several; the one of the last line is the program itself."""
    names = {node: _function(node) for node in tape}
    whole = names[tape.nodes[-1]] if len(tape) else ""
    return {node: (name,) for node, name in names.items() if name and name != whole}


_INNER = re.compile(r"(\.<locals>|\.<(genexpr|listcomp|dictcomp|setcomp)>)")


def _function(node: Node) -> str:
    """The function a line is written in; what is written in a comprehension belongs to the function around it."""
    return "" if node.code is None else _INNER.sub("", node.code.co_qualname)


def _stretches(tape: Tape, found: Mapping[Node, Place]) -> Iterator[tuple[Var, Place]]:
    """Places with a number where a name comes again, so that each is one stretch of lines."""
    before: Place = ()
    named: Place = ()
    seen: Counter[tuple[Place, str]] = Counter()
    for node in tape:
        place = found.get(node, ())
        same = 0
        while same < min(len(place), len(before)) and place[same] == before[same]:
            same += 1
        path = list(named[:same])
        for part in place[same:]:
            name = part.partition("\0")[0]
            seen[tuple(path), name] += 1
            count = seen[tuple(path), name]
            path.append(name if count == 1 else f"{name} ({count})")
        before, named = place, tuple(path)
        if named:
            yield node, named


__all__ = ["Call", "Place", "modules_in", "places", "watched"]
