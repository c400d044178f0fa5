"""A module cut into pieces that are translated at the same time, each by a thread of its own.

Functions do not depend on each other's text, so it takes nothing but to declare in each piece what it calls of the
others, and to let that be seen from outside.
"""

from __future__ import annotations

import heapq

from wengert.compiler.native.ir import Module

_LEAST = 50_000  # characters of text that are worth a thread of their own, about 30 ms of translation


def cut(module: Module, most: int) -> list[str]:
    """The texts of at most so many modules, of about the same length, that are the given one together."""
    functions = module.functions
    count = min(most, len(functions), sum(map(len, functions)) // _LEAST)
    if count < 2:
        return [module.text()]
    pieces: list[list[str]] = [[] for _ in range(count)]
    lengths = [(0, number) for number in range(count)]
    for text in sorted(functions, key=len, reverse=True):
        length, shortest = heapq.heappop(lengths)
        pieces[shortest].append(_visible(text))
        heapq.heappush(lengths, (length + len(text), shortest))
    heads = {_name(text): _declaration(text) for text in functions}
    return [_text({**module.declarations, **heads}, piece) for piece in pieces]


def _text(declarations: dict[str, str], functions: list[str]) -> str:
    """A module with the declarations that its functions need."""
    body, own = "\n".join(functions), set(map(_name, functions))
    needed = [text for symbol, text in declarations.items() if symbol not in own and f"@{symbol}" in body]
    return "\n".join([*needed, body])


def _name(function: str) -> str:
    return function[function.index("@") + 1 : function.index("(")]


def _visible(function: str) -> str:
    return function.replace("define internal ", "define ", 1)


def _declaration(function: str) -> str:
    """The line that makes a function known where it is not written; its attributes matter only where it is."""
    head = _visible(function[: function.index("\n")])
    return head[: head.rindex(")") + 1].replace("define ", "declare ", 1)


__all__ = ["cut"]
