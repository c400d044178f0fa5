"""Lines of a list as mathematics: a small tree, written as text (``w·x + b``) or as LaTeX (``w \\cdot x + b``).

The symbolic partial derivatives are not a second table of rules: the partials of an elementwise primitive are
functions in wengert operations, so they are recorded at unknown operands, and that list is written as a formula.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.errors import WengertError
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import record_flat
from wengert.core.tape import Node, Tape, Var
from wengert.ops.elementwise import Elementwise

MOST_LINES = 6  # a partial of more lines is no formula to look at


class Expr(NamedTuple):
    """An operation on expressions, names (str) and numbers."""

    op: str
    args: tuple[Any, ...]
    note: str = ""  # attributes, as text


_INFIX = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "negative": "neg", "matmul": "@",
    "multiply_no_nan": "*", "float_power": "**", "power_or_zero": "**",
}  # fmt: skip
_SAME = {"log_guarded": "log", "expit": "sigmoid", "log_expit": "log_sigmoid", "fabs": "abs", "root": "sqrt"}


def operation(prim: Primitive, operands: Sequence[Any], attrs: Mapping[str, Any]) -> Expr:
    """A line as an expression of its operands."""
    name = prim.name
    if name == "square":
        return Expr("**", (operands[0], 2))
    if name == "reciprocal":
        return Expr("/", (1, operands[0]))
    if name == "getitem" and all(isinstance(i, int) for i in attrs.get("index", (None,))):
        return Expr("[]", tuple(operands), ", ".join(map(str, attrs["index"])))
    if name == "part":
        return Expr("[]", tuple(operands), str(attrs["index"]))
    if name in _INFIX:
        return Expr(_INFIX[name], tuple(operands))
    plain = [f"{k}={_attribute(v)}" for k, v in attrs.items() if v not in (False, None) and not isinstance(v, Tape)]
    return Expr(_SAME.get(name, name), tuple(operands), ", ".join(plain))


def _attribute(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    text = str(value) if not callable(value) else getattr(value, "__name__", "function")
    return text if len(text) <= 40 else text[:39] + "…"


# ----- partial derivatives -----------------------------------------------------------------------
_NOT_A_FACTOR = {"where", "imag"}  # they pick by a condition, or by the kind of number


def partial(prim: Primitive, position: int, y: str, operands: Sequence[Any]) -> Any:
    """d line / d operand as an expression of the names; None where there is no short formula."""
    if not isinstance(prim, Elementwise) or prim.name in _NOT_A_FACTOR:
        return None
    rule = prim.partials[position]
    if not callable(rule):
        return rule
    found = _recorded(prim, position, tuple(x if type(x) in SCALAR_TYPES else None for x in operands))
    if found is None:
        return None
    return substitute(found, [y, *operands])


def _recorded(prim: Elementwise, position: int, literals: tuple[Any, ...]) -> Any:
    return _recorded_once(prim.name, prim.partials[position], tuple((type(x), x) for x in literals))


@functools.lru_cache(maxsize=1024)
def _recorded_once(name: str, rule: Callable[..., Any], literals: tuple[tuple[type, Any], ...]) -> Any:
    """The rule as an expression of numbered slots: 0 is the result, 1 … the operands (numbers in it stand as such)."""
    if name == "expit":  # the rule says y·sigmoid(-x), which is exact for large x; lectures say y·(1 - y)
        return Expr("*", (Expr("slot", (0,)), Expr("-", (1, Expr("slot", (0,))))))
    number = Aval((), np.dtype(np.float64))
    count = 1 + sum(x is None for _, x in literals)

    def call(y: Any, *unknown: Any) -> list[Any]:
        rest = iter(unknown)
        return [rule(y, *(next(rest) if x is None else x for _, x in literals))]

    try:
        tape = record_flat(call, [number] * count, name)
    except (WengertError, TypeError, ArithmeticError):
        return None
    if len(tape) > MOST_LINES:
        return None
    slots = [0, *(i + 1 for i, (_, x) in enumerate(literals) if x is None)]
    known: dict[Var, Any] = {v: Expr("slot", (i,)) for v, i in zip(tape.inputs, slots, strict=True)}
    for node in tape:
        known[node] = _simplified(node, [known.get(x, _constant(x)) if isinstance(x, Var) else x for x in node.inputs])
    out = tape.outputs[0]
    found = known.get(out, _constant(out)) if isinstance(out, Var) else out
    return None if _hidden(found) else found


_GUARD = Expr("guard", ())  # a condition that only keeps a division by zero or log(0) away
_CONDITIONS = {"greater": ">", "less": "<", "greater_equal": "≥", "less_equal": "≤"}
_UNKNOWN = {"where", "guard", "share", "polygamma", "sign_bit", "?", "isinf", "logical_and"}


def _constant(x: Var) -> Any:
    return float(x.value) if x.value is not None and x.shape == () else Expr("?", ())


def _hidden(e: Any) -> bool:
    return isinstance(e, Expr) and (e.op in _UNKNOWN or any(map(_hidden, e.args)))


def _simplified(node: Node, args: list[Any]) -> Any:
    name = node.prim.name
    if name in ("equal", "not_equal") and args[1] == 0:
        return _GUARD if name == "equal" else 1
    if name == "where" and args[0] == _GUARD:
        return args[2]
    if name in _CONDITIONS:
        return Expr("[?]", tuple(args), _CONDITIONS[name])
    if name == "reciprocal_or_zero":
        return Expr("/", (1, args[0]))
    made = operation(node.prim, args, node.attrs)
    return _shorter(made) if made.op in _FOLDS else made


_FOLDS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "**": lambda a, b: a**b, "neg": lambda a: -a,
}  # fmt: skip


def _shorter(e: Expr) -> Any:
    """Without factors one, first powers, and arithmetic of numbers."""
    a, *rest = e.args
    b = rest[0] if rest else None
    if all(isinstance(x, int | float) for x in e.args):
        try:
            value = _FOLDS[e.op](*e.args)
            return value if isinstance(value, int | float) and math.isfinite(value) else e
        except ArithmeticError:
            return e
    if e.op in ("*", "/") and isinstance(a, Expr) and a.op == "neg":
        return Expr("neg", (_shorter(Expr(e.op, (a.args[0], b))),))
    if e.op == "*":
        if a == 0:
            return 0
        if isinstance(b, int | float) or a == b:
            return Expr("**", (a, 2)) if a == b else _shorter(Expr("*", (b, a)))
        return b if a == 1 else Expr("neg", (b,)) if a == -1 else e
    if e.op in ("**", "/") and b == 1:
        return a
    if e.op == "/" and isinstance(a, Expr) and a.op == "/":
        return Expr("/", (a.args[0], _shorter(Expr("*", (a.args[1], b)))))
    return 1 if e.op == "**" and b == 0 else e


def substitute(e: Any, operands: Sequence[Any]) -> Any:
    """Put operands into the slots of a recorded partial."""
    if not isinstance(e, Expr):
        return e
    if e.op == "slot":
        return operands[e.args[0]]
    return Expr(e.op, tuple(substitute(x, operands) for x in e.args), e.note)


# ----- writing ------------------------------------------------------------------------------------
_RANK = {"+": 1, "-": 1, "neg": 2, "*": 3, "@": 3, "/": 3, "**": 5}
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def number_text(x: Any, digits: int = 7) -> str:
    """A number with so many significant digits; whole ones without a point."""
    if isinstance(x, complex | np.complexfloating):
        return f"({complex(x):.{digits}g})"
    text = f"{float(x):.{digits}g}"
    return text if text != "-0" else "0"


class Style:
    """Writes expressions as plain text. `Latex` overrides what looks different there."""

    def __init__(self, digits: int = 7) -> None:
        self.digits = digits

    def number(self, x: Any) -> str:
        return number_text(x, self.digits)

    def name(self, name: str) -> str:
        return "".join(c if c.isprintable() else "?" for c in name)

    def derivative(self, of: str, by: str) -> str:
        return f"∂{self.name(of)}/∂{self.name(by)}"

    def product(self, factors: Sequence[str]) -> str:
        return " · ".join(f"({f})" if f.startswith("-") and i else f for i, f in enumerate(factors))

    def expression(self, e: Any, outer: int = 0) -> str:
        """An expression, in parentheses where it binds less tightly than its surroundings (rank `outer`)."""
        if isinstance(e, str):
            return self.name(e)
        if not isinstance(e, Expr):
            text = self.number(e)
            compound = text.startswith("-") or not text.replace(".", "").isdigit()  # 1e-12, and in LaTeX 1·10⁻¹²
            return self.parentheses(text) if outer > 3 and compound else text
        text = self.written(e)
        return self.parentheses(text) if _RANK.get(e.op, 9) < outer else text

    def parentheses(self, text: str) -> str:
        return f"({text})"

    def written(self, e: Expr) -> str:
        args = e.args
        rank = _RANK.get(e.op, 9)
        if e.op == "**":
            return self.power(args[0], args[1])
        if e.op == "neg":
            return "-" + self.expression(args[0], 3)
        if e.op == "/":
            return self.quotient(args[0], args[1])
        if e.op in _RANK:
            left = self.expression(args[0], rank)
            right = self.expression(args[1], rank + (e.op != "+" and e.op != "*"))
            right = f"({right})" if right.startswith("-") else right
            return left + self.sign(e.op) + right
        if e.op == "[]":
            return self.index(args[0], e.note)
        if e.op == "[?]":
            return f"[{self.expression(args[0])} {self.relation(e.note)} {self.expression(args[1])}]"
        return self.call(e)

    def sign(self, op: str) -> str:
        return {"+": " + ", "-": " - ", "*": "·", "@": " @ "}[op]

    def relation(self, sign: str) -> str:
        return sign

    def quotient(self, a: Any, b: Any) -> str:
        return f"{self.expression(a, 3)}/{self.expression(b, 4)}"

    def power(self, a: Any, b: Any) -> str:
        base = self.expression(a, 6)
        if isinstance(b, int) and not isinstance(b, bool):
            return base + str(b).translate(_SUPERSCRIPT)
        return f"{base}^{self.expression(b, 5)}"

    def index(self, a: Any, note: str) -> str:
        return f"{self.expression(a, 6)}[{note}]"

    def call(self, e: Expr) -> str:
        if e.op == "transpose" and e.note == "axes=(1, 0)":
            return f"{self.expression(e.args[0], 6)}ᵀ"
        inside = ", ".join([self.expression(x) for x in e.args] + ([self.name(e.note)] if e.note else []))
        return f"{e.op}({inside})"


_LATEX_FUNCTIONS = frozenset(
    "exp log sin cos tan sinh cosh tanh arcsin arccos arctan max min det".split(),
)
_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa mu nu xi pi rho sigma tau phi chi psi omega".split()
)
_LATEX_ESCAPES = {
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\hat{}", "&": r"\&", "%": r"\%", "#": r"\#",
    "$": r"\$", "~": r"\sim ", "|": r"\vert ", "<": "{<}", ">": "{>}",
    "[": "{[}", "]": "{]}", "`": "'", "*": r"\ast ", "…": r"\dots ",
}  # fmt: skip


class Latex(Style):
    """Writes expressions as LaTeX mathematics; no character of a name can leave its place, and none is a ``|``."""

    def number(self, x: Any) -> str:
        text = number_text(x, self.digits).replace("inf", r"\infty").replace("nan", r"\mathrm{NaN}")
        return re.sub(r"e([+-])0*(\d+)", lambda m: rf" \cdot 10^{{{m[1].strip('+')}{m[2]}}}", text)

    def name(self, name: str) -> str:
        split = re.fullmatch(r"([^\W\d_]+)_?(\d+)", name)
        letters, below = (split[1], f"_{{{split[2]}}}") if split else (name, "")
        if letters in _GREEK:
            return f"\\{letters}{below}"
        if len(letters) == 1 and letters.isalpha():
            return letters + below
        return rf"\mathrm{{{self.escaped(letters)}}}{below}"

    def escaped(self, text: str) -> str:
        return "".join(_LATEX_ESCAPES.get(c, c if c.isprintable() else "?") for c in text)

    def derivative(self, of: str, by: str) -> str:
        return rf"\frac{{\partial {self.name(of)}}}{{\partial {self.name(by)}}}"

    def product(self, factors: Sequence[str]) -> str:
        return r" \cdot ".join(f"({f})" if f.startswith("-") and i else f for i, f in enumerate(factors))

    def parentheses(self, text: str) -> str:
        return rf"\left({text}\right)"

    def sign(self, op: str) -> str:
        return {"+": " + ", "-": " - ", "*": r" \cdot ", "@": r"\, "}[op]

    def relation(self, sign: str) -> str:
        return {"≥": r"\ge", "≤": r"\le"}.get(sign, sign)

    def quotient(self, a: Any, b: Any) -> str:
        return rf"\frac{{{self.expression(a)}}}{{{self.expression(b)}}}"

    def power(self, a: Any, b: Any) -> str:
        base = self.expression(a, 6)
        return rf"{base}^{{{self.expression(b)}}}"

    def index(self, a: Any, note: str) -> str:
        return rf"{self.expression(a, 6)}_{{[{self.escaped(note)}]}}"

    def call(self, e: Expr) -> str:
        first = self.expression(e.args[0]) if e.args else ""
        if e.op == "sqrt":
            return rf"\sqrt{{{first}}}"
        if e.op == "abs":
            return rf"\left\lvert {first} \right\rvert"
        if e.op == "transpose" and e.note == "axes=(1, 0)":
            return rf"{self.expression(e.args[0], 6)}^{{\top}}"
        word = {"sigmoid": r"\sigma"}.get(e.op)
        if word is None:
            word = f"\\{e.op}" if e.op in _LATEX_FUNCTIONS else rf"\operatorname{{{self.escaped(e.op)}}}"
        inside = [self.expression(x) for x in e.args] + ([rf"\mathrm{{{self.escaped(e.note)}}}"] if e.note else [])
        return rf"{word}\left({', '.join(inside)}\right)"


__all__ = ["Expr", "Latex", "Style", "number_text", "operation", "partial"]
