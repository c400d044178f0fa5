"""Lists as text: `parse` is the inverse of ``str(tape)``, and lists are compared by their text.

A list prints the names of its constants and leaves but not their values, so `parse` takes those by name::

    parse(
        '''tape(x0:float64[3])
      v0:float64[3] = multiply(x0, c0)
      return v0''',
        c0=np.ones(3),
    )

Attributes are numbers, strings, tuples, dtypes, slices and sub-lists; what holds code (a rule of the user's own) has
no text that could be read back. Nothing is evaluated: literals are read token by token.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base.errors import FileFormatError
from wengert.core.primitive import REGISTRY
from wengert.core.tape import Const, Input, Leaf, Node, Tape, Var
from wengert.ops.indexing import Span

_WHERE = re.compile(r"  # [^#]*:\d+ in .*$")
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_TYPE = re.compile(r"(\w+)\[([\d,]*)\]")
_SPAN = re.compile(r"(-?\d*):(-?\d*)(:(-?\d*))?")
_FLOAT = r"(?:nan|inf|\d+(?:\.\d*)?(?:e[-+]?\d+)?)"
_COMPLEX = re.compile(rf"\(([-+]?{_FLOAT}[-+]{_FLOAT}j)\)|([-+]?{_FLOAT}j)")
_NUMBER = re.compile(rf"[-+]?{_FLOAT}(?![\w.])")
_STRING = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_DTYPE = re.compile(r"dtype\('([^']*)'\)")
_WORD = re.compile(r"(None|True|False|Ellipsis)\b")
_WORDS = {"None": None, "True": True, "False": False, "Ellipsis": Ellipsis}


def text(tape: Tape) -> str:
    """``str(tape)`` without the user's lines, so that it depends on the list alone."""
    return "\n".join(_WHERE.sub("", line) for line in tape.lines())


def same(a: Tape, b: Tape) -> bool:
    """Whether two lists are the same line by line, and so are the values of their constants (bit for bit)."""
    if text(a) != text(b):
        return False
    pairs = zip(a.variables(), b.variables(), strict=True)
    return all(_same_value(x, y) for x, y in pairs if isinstance(x, Const))


def _same_value(x: Any, y: Any) -> bool:
    if not isinstance(x.value, np.ndarray | np.generic) or not isinstance(y.value, np.ndarray | np.generic):
        return x.value is y.value
    return (x.shape, x.dtype, x.value.tobytes()) == (y.shape, y.dtype, y.value.tobytes())


def parse(source: str, **values: Any) -> Tape:
    """The list that `source` describes; `values` are the arrays of its constants and leaves, by name.

    Raises `FileFormatError` for text that is no list, naming the line.

    >>> from wengert.compiler.text import parse
    >>> tape = parse("tape(x0:float64[3])\\n v0:float64[3] = sin(x0)\\n return v0")
    >>> [node.prim.name for node in tape]
    ['sin']
    """
    return _Reader(source, values).tape().verify()


class _Line:
    """One line of text and how far it was read."""

    def __init__(self, number: int, line: str) -> None:
        self.number = number
        self.text = line.strip()
        self.indent = len(line) - len(line.lstrip())
        self.place = 0

    def wrong(self, wanted: str) -> FileFormatError:
        return FileFormatError(
            f"parse: line {self.number + 1}, column {self.indent + self.place + 1}: needs {wanted}, "
            f"got {self.text[self.place : self.place + 20]!r}"
        )

    def skip(self, token: str) -> bool:
        """Step over `token` (and blanks before it) where it comes next."""
        while self.text.startswith(" ", self.place):
            self.place += 1
        if not self.text.startswith(token, self.place):
            return False
        self.place += len(token)
        return True

    def need(self, token: str) -> None:
        if not self.skip(token):
            raise self.wrong(repr(token))

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Step over what `pattern` matches here."""
        self.skip("")
        found = pattern.match(self.text, self.place)
        if found is not None:
            self.place = found.end()
        return found

    @property
    def done(self) -> bool:
        self.skip("")
        return self.place == len(self.text)


class _Reader:
    def __init__(self, source: str, values: dict[str, Any], lines: Sequence[_Line] | None = None) -> None:
        if lines is None:
            stripped = (_WHERE.sub("", line).rstrip() for line in source.splitlines())
            lines = [_Line(i, line) for i, line in enumerate(stripped) if line]
        self.lines = list(lines)
        self.values = values
        self.names: dict[str, Var] = {}

    def tape(self) -> Tape:
        if not self.lines:
            raise FileFormatError("parse: the text is empty; needs 'tape(...)'")
        head, *rest = self.lines
        inputs = self._head(head)
        nodes: list[Node] = []
        while rest and not rest[0].text.startswith("return"):
            line = rest.pop(0)
            inside = []
            while rest and rest[0].indent > line.indent:
                inside.append(rest.pop(0))
            nodes.append(self._node(line, inside))
        if len(rest) != 1:
            raise (rest[1] if rest else self.lines[-1]).wrong("one 'return' at the end")
        rest[0].need("return")
        return Tape(inputs, nodes, self._outputs(rest[0]))

    def _head(self, line: _Line) -> list[Input]:
        line.need("tape")
        line.need("(")
        inputs: list[Input] = []
        while not line.skip(")"):
            if inputs:
                line.need(",")
            name = self._name(line)
            line.need(":")
            inputs.append(Input(*self._type(line)))
            self.names[name] = inputs[-1]
        return inputs

    def _node(self, line: _Line, inside: list[_Line]) -> Node:
        name = self._name(line)
        line.need(":")
        shape, dtype = self._types(line)
        line.need("=")
        primitive = self._name(line)
        if primitive not in REGISTRY:
            raise FileFormatError(f"parse: line {line.number + 1}: there is no primitive {primitive!r}")
        inputs: list[Any] = []
        attrs: dict[str, Any] = {}
        line.need("(")
        while not line.skip(")"):
            if inputs or attrs:
                line.need(",")
            key = line.match(re.compile(r"(\w+)=(?!=)"))
            if key:
                attrs[key[1]] = _literal(line)
            else:
                inputs.append(self._operand(line))
        if not line.done:
            raise line.wrong("the end of the line")
        attrs |= self._sublists(inside)
        node = Node(REGISTRY[primitive], tuple(inputs), attrs, shape, dtype)
        self.names[name] = node
        return node

    def _sublists(self, lines: list[_Line]) -> dict[str, Tape]:
        found: dict[str, Tape] = {}
        while lines:
            title = lines.pop(0)
            body = []
            while lines and lines[0].indent > title.indent:
                body.append(lines.pop(0))
            key = self._name(title)
            title.need(":")
            found[key] = _Reader("", self.values, body).tape()
        return found

    def _outputs(self, line: _Line) -> list[Any]:
        outputs: list[Any] = []
        while not line.done:
            if outputs:
                line.need(",")
            outputs.append(self._operand(line))
        return outputs

    def _operand(self, line: _Line) -> Any:
        """A variable known by its name, a constant or leaf given to `parse`, or a Python number."""
        start = line.place
        found = line.match(_NAME)
        if found and found[0] not in ("nan", "inf", "True", "False"):
            return self._variable(line, found[0])
        line.place = start
        return _literal(line)

    def _variable(self, line: _Line, name: str) -> Var:
        if name not in self.names:
            if name not in self.values:
                raise FileFormatError(
                    f"parse: line {line.number + 1}: {name!r} is written nowhere above",
                    hint=f"give the value of a constant or leaf by name: parse(text, {name}=...)",
                )
            value = self.values[name]
            self.names[name] = Leaf(value) if name.startswith("p") else Const(value)
        return self.names[name]

    def _name(self, line: _Line) -> str:
        found = line.match(_NAME)
        if found is None:
            raise line.wrong("a name")
        return found[0]

    def _types(self, line: _Line) -> tuple[Any, Any]:
        """One type, or a parenthesis of them for a line with several values."""
        if not line.skip("("):
            return self._type(line)
        found: list[tuple[tuple[int, ...], np.dtype[Any]]] = []
        while not line.skip(")"):
            if found:
                line.need(",")
            found.append(self._type(line))
        return tuple(s for s, _ in found), tuple(d for _, d in found)

    def _type(self, line: _Line) -> tuple[tuple[int, ...], np.dtype[Any]]:
        found = line.match(_TYPE)
        if found is None:
            raise line.wrong("a type such as float64[2,3]")
        try:
            dtype = np.dtype(found[1])
        except TypeError:
            raise line.wrong("a dtype") from None
        return tuple(int(n) for n in found[2].split(",") if n), dtype


def _literal(line: _Line) -> Any:
    """A number, string, dtype, slice or tuple, as `repr` writes it."""
    for pattern, build in _LITERALS:
        found = line.match(pattern)
        if found is not None:
            return build(found)
    if not line.skip("("):
        raise line.wrong("a literal")
    items: list[Any] = []
    while not line.skip(")"):
        if items:
            line.need(",")
            if line.skip(")"):
                break
        items.append(_literal(line))
    return tuple(items)


def _span(found: re.Match[str]) -> Span:
    start, stop, with_step, step = (found[i] for i in (1, 2, 3, 4))
    return Span(*(int(v) if v else None for v in (start, stop, step if with_step else "")))


def _number(found: re.Match[str]) -> int | float:
    word = found[0]
    return float(word) if re.search("[a-z.]", word) else int(word)


_LITERALS: list[tuple[re.Pattern[str], Any]] = [
    (_DTYPE, lambda found: np.dtype(found[1])),
    (_WORD, lambda found: _WORDS[found[1]]),
    (_COMPLEX, lambda found: complex(found[1] or found[2])),
    (_SPAN, _span),
    (_NUMBER, _number),
    (_STRING, lambda found: ast.literal_eval(found[0])),
]

__all__ = ["parse", "same", "text"]
