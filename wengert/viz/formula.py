"""Formulas as text, read safely: ``exp(w*x + b)``, or one line a variable, ``z = w*x; y = exp(z)``.

Python's parser makes the tree; nothing is ever compiled or executed. The tree is translated node by node into terms
of this module, and what is not in the list of the allowed (numbers, names, ``+ - * / ** @``, parentheses, whole
numbers as index, the functions in `KNOWN`) is an error that points at the character.
"""

from __future__ import annotations

import ast
import cmath
import difflib
import math
import operator
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import ArgumentError, WengertError
from wengert.core.record import Tensor
from wengert.ops import FUNCTIONS

MAX_LENGTH = 1000  # characters
MAX_DEPTH = 100  # nested parentheses, calls and operators
MAX_EXPONENT = 1000  # of a power with a number as exponent
MAX_INTEGER = 2**53  # beyond, a whole number is not a float64 any more

CONSTANTS = {"pi": math.pi, "e": math.e}
# Functions that make nothing larger than their operands, so that a formula cannot ask for all the memory.
KNOWN: dict[str, Callable[..., Any]] = {
    name: FUNCTIONS[name]
    for name in (
        "abs arccos arccosh arcsin arcsinh arctan arctan2 arctanh cbrt clip cos cosh dot elu erf exp exp2 expit expm1 "
        "gelu hypot leaky_relu log log10 log1p log2 log_softmax logaddexp logit logsumexp matmul max maximum mean min "
        "minimum mish prod reciprocal relu sigmoid sign silu sin sinc sinh softmax softplus softsign sqrt square std "
        "sum tan tanh transpose var"
    ).split()
} | {"ln": FUNCTIONS["log"], "norm": FUNCTIONS["linalg.norm"]}

Environment = Mapping[str, Any]
Term = Callable[[Environment], Any]

_LOOKALIKES = {"×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "−": "-", "–": "-", "^": "**", "²": "**2", "³": "**3"}
_ALLOWED = frozenset("+-*/@()[],._=; ")
_TOO_LARGE = "the number becomes too large"
_ONCE = "each variable of a Wengert list is written once; take a new name"


class Formula:
    """A formula read by `parse`: call it with its arguments, in the order of `names` or by name."""

    def __init__(self, text: str, names: tuple[str, ...], constants: frozenset[str], lines: list[_Line]) -> None:
        self.text, self.names = text, names
        self._constants, self._lines = constants, lines

    def __call__(self, /, *args: Any, **values: Any) -> Any:
        return self.steps(self.bound(*args, **values))[-1][1]

    def bound(self, /, *args: Any, **values: Any) -> dict[str, Any]:
        """The value of every argument by name: numbers and lists as float64, arrays and tensors as they are."""
        if len(args) > len(self.names):
            raise ArgumentError(f"formula: got {len(args)} values; needs {_list(self.names)}")
        given = dict(zip(self.names, args, strict=False))
        if twice := given.keys() & values.keys():
            raise ArgumentError(f"formula: got {_list(sorted(twice))} twice")
        given |= values
        if missing := [n for n in self.names if n not in given]:
            raise ArgumentError(f"formula: no value for {_list(missing)}", hint=f"give {missing[0]}=1, for example")
        if unknown := [n for n in given if n not in self.names and n not in self._constants]:
            raise ArgumentError(f"formula: {_list(unknown)} is not in it; needs {_list(self.names) or 'no values'}")
        return {n: _as_value(n, given[n]) for n in sorted(given, key=list(given).index)}

    def steps(self, values: Environment) -> list[tuple[str, Any]]:
        """Name (empty for an unnamed last one) and value of every line."""
        env = dict(CONSTANTS) | dict(values)
        out: list[tuple[str, Any]] = []
        with np.errstate(all="ignore"):  # NaN and inf are shown, not warned of
            for name, term in self._lines:
                value = term(env)
                out.append((name, value))
                env[name] = value
        return out

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"


class _Line(NamedTuple):
    name: str
    term: Term


def parse(text: str) -> Formula:
    """Read a formula of numbers, names, ``+ - * / ** @``, calls of known functions, ``x[0]``; lines end in ``;``.

    Raises `ArgumentError` pointing at what is not one. ``pi`` and ``e`` are constants unless they are given.

    >>> import wengert as wg, numpy as np
    >>> f = wg.viz.parse("exp(w*x + b)")
    >>> f.names, round(float(f(2, 3, b=-4)), 3)
    (('w', 'x', 'b'), 7.389)
    """
    if not isinstance(text, str):
        raise ArgumentError(f"formula: got {type(text).__name__}; needs text")
    text = text.strip()
    _check_characters(text)
    lines: list[_Line] = []
    assigned: set[str] = set()
    used: dict[str, None] = {}
    start = 0
    parts = text.split(";")
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part.strip() or not (last and number):
            reader = _Reader(text, assigned | used.keys())
            lines.append(reader.line(part, start, last or not any(p.strip() for p in parts[number + 1 :])))
            used.update(dict.fromkeys(n for n in reader.used if n not in assigned))
            assigned.add(lines[-1].name)
        start += len(part) + 1
    names = tuple(n for n in used if n not in CONSTANTS)
    return Formula(text, names, frozenset(n for n in used if n in CONSTANTS), lines)


# ----- errors that point -----------------------------------------------------------------------------
def _fault(text: str, at: int, what: str, hint: str | None = None) -> ArgumentError:
    """The error ``what`` with the formula (or what is around, of a long one) and a caret under character `at`."""
    at = max(0, min(at, len(text)))
    first = max(0, at - 50)
    shown = "".join(c if c.isprintable() else "?" for c in text[first : at + 26])
    before, after = "…" if first else "", "…" if at + 26 < len(text) else ""
    caret = " " * (len(before) + at - first) + "^"
    return ArgumentError(f"formula: {what}\n  {before}{shown}{after}\n  {caret}", hint=hint)


def _check_characters(text: str) -> None:
    if not text:
        raise ArgumentError("formula: it is empty", hint='write one such as "exp(w*x + b)"')
    if len(text) > MAX_LENGTH:
        raise ArgumentError(f"formula: {len(text)} characters are too many; the limit is {MAX_LENGTH}")
    for at, c in enumerate(text):
        if c in _LOOKALIKES:
            raise _fault(text, at, f"{c!r} is no operator here", hint=f"write {_LOOKALIKES[c]}")
        if not (c in _ALLOWED or c.isascii() and c.isalnum() or c.isalpha() and unicodedata.normalize("NFKC", c) == c):
            raise _fault(text, at, f"{c!r} has no meaning in a formula")


class _Pointing:
    """An error of the operation inside becomes one that points at it."""

    def __init__(self, text: str, at: int) -> None:
        self.text, self.at = text, at

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, WengertError):
            raise _fault(self.text, self.at, error.message, error.hint) from error
        if isinstance(error, ZeroDivisionError):
            raise _fault(self.text, self.at, "division by the number zero") from error
        if isinstance(error, OverflowError):
            raise _fault(self.text, self.at, _TOO_LARGE) from error
        if isinstance(error, TypeError | ValueError | IndexError):
            raise _fault(self.text, self.at, str(error)) from error


# ----- from Python's tree to terms --------------------------------------------------------------------
class _Reader:
    """Translates one line. ``used`` collects the names it reads, in the order of appearance."""

    def __init__(self, text: str, known: set[str]) -> None:
        self.text, self.known = text, known
        self.used: list[str] = []
        self.source = ""
        self.start = 0

    def line(self, part: str, start: int, last: bool) -> _Line:
        """``name = expression``, or an expression alone where it is the last line."""
        begin = start
        name, equals, rest = part.partition("=")
        if not equals:
            name, rest = "", part
            if not last:
                raise _fault(self.text, start + len(part), "a line before the last needs a name, as in z = w*x")
        else:
            begin = start + len(name) - len(name.lstrip())
            start += len(name) + 1
            name = name.strip()
            self._check_new(name, begin)
        self.start = start + len(rest) - len(rest.lstrip())
        self.source = rest.strip()
        term = self.term(self._tree(), 0)
        if name in self.used:
            raise _fault(self.text, begin, f"{name} is read in its own line", hint=_ONCE)
        return _Line(name, term)

    def _check_new(self, name: str, at: int) -> None:
        if not name.isidentifier() or name.startswith("__"):
            raise _fault(self.text, at, f"{name!r} is no name for a variable")
        if name in self.known:
            raise _fault(self.text, at, f"{name} has a value already", hint=_ONCE)

    def _tree(self) -> ast.expr:
        if not self.source:
            raise _fault(self.text, self.start, "an expression is missing here")
        try:
            return ast.parse(self.source, mode="eval").body
        except SyntaxError as error:
            at = self.start + (error.offset or 1) - 1
            hint = "write 2*x for 2x" if "literal" in error.msg else None
            raise _fault(self.text, at, error.msg.partition(". ")[0] or "cannot be read", hint) from None
        except (RecursionError, MemoryError, ValueError):
            raise _fault(self.text, self.start, f"nested more than {MAX_DEPTH} deep") from None

    def place(self, node: ast.AST) -> int:
        """Where in the text a node begins (Python counts bytes)."""
        offset = getattr(node, "col_offset", 0)
        return self.start + len(self.source.encode()[:offset].decode(errors="ignore"))

    def refuse(self, node: ast.AST, what: str, hint: str | None = None) -> ArgumentError:
        return _fault(self.text, self.place(node), what, hint)

    def term(self, node: ast.expr, depth: int) -> Term:
        """The meaning of a node; raises `ArgumentError` for anything that is not allowed."""
        if depth > MAX_DEPTH:
            raise self.refuse(node, f"nested more than {MAX_DEPTH} deep")
        if isinstance(node, ast.Constant):
            return self._number(node)
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            inner = self.term(node.operand, depth + 1)
            return inner if isinstance(node.op, ast.UAdd) else lambda env: -inner(env)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return self._binary(node, depth)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        if isinstance(node, ast.Subscript):
            return self._index(node, depth)
        if isinstance(node, ast.Attribute):
            at = self.place(node.value) + len(ast.get_source_segment(self.source, node.value) or "")
            raise _fault(self.text, self.text.find(".", at), "a dot behind a name (an attribute) is not allowed")
        word = _WORDS.get(type(node), "this")
        raise self.refuse(node, f"{word} is not allowed in a formula")

    def _number(self, node: ast.Constant) -> Term:
        value = node.value
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.refuse(node, f"{type(value).__name__} {value!r} is no real number")
        if not math.isfinite(value) or isinstance(value, int) and value > MAX_INTEGER:
            raise self.refuse(node, "this number is too large")
        return lambda env: value

    def _name(self, node: ast.Name) -> Term:
        name = node.id
        if name.startswith("__"):
            raise self.refuse(node, f"{name} is not allowed as a name")
        self.used.append(name)
        return lambda env: env[name]

    def _binary(self, node: ast.BinOp, depth: int) -> Term:
        left, right = self.term(node.left, depth + 1), self.term(node.right, depth + 1)
        function = _OPERATORS[type(node.op)]
        text, at = self.text, self.place(node.right)
        power = isinstance(node.op, ast.Pow)

        def term(env: Environment) -> Any:
            a, b = left(env), right(env)
            with _Pointing(text, at):
                if power and isinstance(b, int | float) and abs(b) > MAX_EXPONENT:
                    raise ArgumentError(f"the exponent is too large; the limit is {MAX_EXPONENT}")
                return _checked(function(a, b))

        return term

    def _call(self, node: ast.Call, depth: int) -> Term:
        if not isinstance(node.func, ast.Name):
            raise self.refuse(node.func, "only a function's plain name can be called")
        name = node.func.id
        if name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, 3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(sorted(KNOWN))}"
            raise self.refuse(node, f"{name} is no known function", hint)
        for extra in (*node.keywords, *(a for a in node.args if isinstance(a, ast.Starred))):
            raise self.refuse(extra, "arguments are given by position")
        terms = [self.term(a, depth + 1) for a in node.args]
        # The larger of two is what max(a, b) means to everybody; NumPy would take b for an axis.
        function = KNOWN[{"max": "maximum", "min": "minimum"}.get(name, name) if len(terms) == 2 else name]
        text, at = self.text, self.place(node)

        def term(env: Environment) -> Any:
            values = [t(env) for t in terms]
            with _Pointing(text, at):
                return function(*values)

        return term

    def _index(self, node: ast.Subscript, depth: int) -> Term:
        base = self.term(node.value, depth + 1)
        index = node.slice
        sign = -1 if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub) else 1
        number = index.operand if isinstance(index, ast.UnaryOp) else index
        if not isinstance(number, ast.Constant) or type(number.value) is not int:
            raise self.refuse(index, "an index is a whole number, as in x[0]")
        place, text, at = sign * number.value, self.text, self.place(index)

        def term(env: Environment) -> Any:
            value = base(env)
            with _Pointing(text, at):
                if not getattr(value, "shape", ()):
                    raise ArgumentError("a single number has no elements")
                return value[place]

        return term


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.MatMult: operator.matmul,
}  # fmt: skip
_WORDS: dict[type[ast.AST], str] = {
    ast.Compare: "a comparison", ast.List: "a list",
    ast.Tuple: "a comma here", ast.Lambda: "lambda", ast.IfExp: "if", ast.BoolOp: "and/or", ast.UnaryOp: "not",
    ast.BinOp: "this operator", ast.ListComp: "a loop", ast.GeneratorExp: "a loop",
}  # fmt: skip


def _checked(value: Any) -> Any:
    """A number computed from numbers stays a real one of modest size; values of arguments are not looked at."""
    if isinstance(value, complex) and not isinstance(value, np.generic):
        raise ArgumentError(
            f"the result is the complex number {value:.3g}" if cmath.isfinite(value) else "not a number"
        )
    if isinstance(value, int) and abs(value) > MAX_INTEGER or type(value) is float and math.isinf(value):
        raise ArgumentError(_TOO_LARGE)
    return value


def _as_value(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic | Tensor):
        return value
    try:
        return np.asarray(value, np.float64)[()]
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"formula: {name} has no numbers as value ({error})") from None


def _list(names: Any) -> str:
    return ", ".join(names)


__all__ = ["Formula", "parse"]
