"""The Python blocks of a Markdown file: found, and run in order in one namespace.

A block with ``>>>`` is a session whose output is compared; any other block is a program whose assertions must hold.
Lines count as in the file, in tracebacks too. The tests and the site run the same blocks with this one function.
"""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

OPTIONS = doctest.ELLIPSIS
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^>>>", re.MULTILINE)


class Block(NamedTuple):
    """One block: the number of the line its fence stands on, its text, and where it ends in the file's text."""

    line: int
    text: str
    end: int

    @property
    def session(self) -> bool:
        """Whether it shows what is typed and what is answered."""
        return PROMPT.search(self.text) is not None


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a file, in order."""
    for found in FENCE.finditer(text):
        yield Block(text.count("\n", 0, found.start()) + 1, found[1], found.end())


def run(
    text: str, name: str, after: Callable[[Block, dict[str, Any]], Any] = lambda block, names: None
) -> dict[str, Any]:
    """Run the blocks of a file, and `after` each of them with the names there are by then; returns the names."""
    names: dict[str, Any] = {"__name__": name}
    for block in blocks(text):
        if block.session:
            converse(block, name, names)
        else:
            exec(compile("\n" * block.line + block.text, name, "exec", dont_inherit=True), names)
        after(block, names)
    return names


def converse(block: Block, name: str, names: dict[str, Any]) -> None:
    """Run a session and compare what it shows."""
    session = doctest.DocTestParser().get_doctest(block.text, names, name, name, block.line)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    runner.run(session, out=said.append, clear_globs=False)
    assert not runner.failures, "".join(said)
    names.update(session.globs)  # doctest works on a copy
