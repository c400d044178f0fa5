"""Powers of two, and signs, are multiplied last; what is added several times is added once.

Derivatives are full of them: a square gives a 2, each difference a -1, a mean over 32 elements a 1/32. A value is seen
here as ``s c``, where s is a signed power of two: products multiply what is left, ``(s a) (t b) = (s t) (a b)``, and a
sum needs one of its factors only, ``s a + t b = s (a + (t/s) b)``, which the processor multiplies as it adds. What is
equal but for such a factor is computed once, and most factors come to nothing.

That is exact, with the signs of zeros too (so signs are not drawn out of sums), but at the edges of the range: a factor
that is multiplied later may let a value be denormal, or infinite, that was neither. Factors beyond `_MOST`, with which
one may have been kept away from there on purpose, stay where they are.

Then ``((x + y) + z) + y`` is ``(x + 2 y) + z``, rounded less often. Sums in which something is added and taken off
again stay as they are, with all that went into them, for that is how rounding errors are found out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Set
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.native.access import uniform
from wengert.compiler.native.lines import Writer
from wengert.compiler.passes.dead_code import dead_code
from wengert.compiler.rewrite import Builder, rewrite
from wengert.core.tape import Node, Tape, Var

_MOST = 2.0**12
_SHORT = 500  # lines of a list that is written in both ways
_MANY = 32  # terms of a sum that is written out
Term = tuple[Var, float]  # a value and its factor


def powers(tape: Tape) -> Tape:
    """The list with factors that are powers of two drawn out of products and sums."""
    compared = _compared(tape)
    found = [rewrite(tape, _Powers(_shared(tape) | compared).change)]
    if len(tape) <= _SHORT:  # what several sums read may be worth looking into all the same
        found.append(rewrite(tape, _Powers(compared).change))
    return min(found, key=lambda t: len(dead_code(t)))


def _shared(tape: Tape) -> set[Var]:
    """The values that several sums read, with whatever power of two, outputs among them."""
    found: Counter[Var] = Counter(y for y in tape.outputs if isinstance(y, Var))
    for node in reversed(tape.nodes):
        scaled = _scaled(node)
        if scaled is not None:
            found[scaled[0]] += found[node]
        elif node.prim.name in ("add", "subtract"):
            found.update(x for x in node.inputs if isinstance(x, Var))
    return {x for x, count in found.items() if count > 1}


def _scaled(node: Node) -> tuple[Var, float] | None:
    """The variable and the factor of a line that multiplies by a power of two."""
    name, x = node.prim.name, node.inputs[0]
    if name == "negative":
        return x, -1.0
    pairs = {"multiply": (node.inputs, node.inputs[::-1]), "divide": (node.inputs,)}.get(name, ())
    return next(((a, _power(b) or 0.0) for a, b in pairs if isinstance(a, Var) and _power(b)), None)


class _Sum(NamedTuple):
    """A sum, written out: what it adds, and what it takes off."""

    added: frozenset[Var]
    taken: frozenset[Var]


def _compared(tape: Tape) -> set[Var]:
    """The sums that somebody compares with what they were made of, to find out how they were rounded.

    Written out, such a comparison adds something and takes it off again. Long sums are left alone too.
    """
    sums: dict[Var, _Sum] = {}
    found: set[Var] = set()

    def written(x: Any) -> _Sum:
        return sums.get(x) or _Sum(frozenset((x,) if isinstance(x, Var) else ()), frozenset())

    for node in tape.nodes:
        scaled = _scaled(node)
        if scaled is not None:
            one = written(scaled[0])
            sums[node] = one if scaled[1] > 0 else _Sum(one.taken, one.added)
        elif node.prim.name in ("add", "subtract"):
            one, other = map(written, node.inputs)
            if node.prim.name == "subtract":
                other = _Sum(other.taken, other.added)
            both = _Sum(one.added | other.added, one.taken | other.taken)
            if both.added & both.taken or len(both.added) + len(both.taken) > _MANY:
                _leave(node, sums, found)
            else:
                sums[node] = both
    return found


def _leave(node: Node, sums: dict[Var, _Sum], found: set[Var]) -> None:
    """Each of the sums in this one is a value by itself from here on."""
    left = [node]
    while left:
        node = left.pop()
        found.add(node)
        left += [x for x in node.inputs if isinstance(x, Node) and sums.pop(x, None) is not None]


class _Powers:
    def __init__(self, alone: Set[Var]) -> None:
        self.alone = alone
        self.scaled: dict[Var, Term] = {}  # lines written here: what is left, and a factor that is a power of two
        self.terms: dict[Var, list[Term]] = {}  # sums written here
        self.closed: set[Var] = set()  # sums that others do not look into
        self.written: dict[tuple[Any, ...], Node] = {}

    def change(self, builder: Builder, node: Node, inputs: tuple[Any, ...]) -> Var | None:
        """A line of products or sums, written with its factors drawn out."""
        found = self._changed(builder, node, inputs)
        if found is not None and node in self.alone:
            self.closed.add(self._parts(found)[0])
        return found

    def _changed(self, builder: Builder, node: Node, inputs: tuple[Any, ...]) -> Var | None:
        name = node.prim.name
        if name == "place" and node.dtype.kind == "f":
            return self._placed(node, inputs[0], Writer(builder, node))
        if name not in ("multiply", "divide", "add", "subtract", "negative") or node.dtype.kind != "f":
            return None
        w = Writer(builder, node)
        if name == "negative":
            return self._times(w, *self._parts(inputs[0]), -1.0)
        a, b = inputs
        if name == "multiply":
            for x, number in ((a, b), (b, a)):
                factor = _power(number)
                if factor is not None and _fits(x, node):
                    return self._times(w, *self._parts(x), factor)
        if name == "divide" and _power(b) is not None and _fits(a, node):
            return self._times(w, *self._parts(a), 1 / (_power(b) or 1.0))
        if not _fits(a, node) or not _fits(b, node):
            return None
        (x, s), (y, t) = self._parts(a), self._parts(b)
        if name in ("multiply", "divide"):
            return self._times(w, self._line(w, name, x, y), s, t if name == "multiply" else 1 / t)
        sign = -1.0 if name == "subtract" else 1.0
        found = self._merged(w, self._known(x, s), self._known(y, sign * t))
        return self._scale(w, *self._two(w, (x, s), (y, sign * t))) if found is None else found

    def _placed(self, node: Node, x: Any, w: Writer) -> Var | None:
        """Elements between zeros: the factor is multiplied afterwards, but for a sign, which the zeros would get.

        Other lines that move elements keep theirs: products read such lines, and factors behind them are a copy more.
        """
        x, factor = self._parts(x)
        if factor == 1.0:
            return None
        key = node.prim.name, x, repr(sorted(node.attrs.items())), factor < 0
        if key not in self.written:
            self.written[key] = w.place(self._scale(w, x, math.copysign(1.0, factor)), **node.attrs)
        return self._scale(w, self.written[key], abs(factor))

    def _parts(self, x: Var) -> Term:
        """What is left of a value without its factor, and the factor."""
        return self.scaled.get(x, (x, 1.0))

    # ----- sums
    def _merged(self, w: Writer, left: list[Term], right: list[Term]) -> Var | None:
        """The sum of all terms, where some come twice; None where none does, or only to cancel."""
        merged: dict[tuple[Var, bool], float] = {}
        for y, t in (*left, *right):
            merged[y, t < 0] = merged.get((y, t < 0), 0.0) + t
        if len(merged) == len(left) + len(right) or any((y, not negative) in merged for y, negative in merged):
            return None
        total, *terms = [(y, t) for (y, _), t in merged.items()]
        for term in terms:
            total = self._two(w, total, term)
        return self._scale(w, *total)

    def _two(self, w: Writer, first: Term, second: Term) -> Term:
        """``s a + t b`` as a power of two times a sum in which one of the factors is 1 or -1."""
        (a, s), (b, t) = first, second
        least = min((abs(x) for x in (s, t) if _power(x)), default=1.0)
        known = [(x, factor / least) for y, f in (first, second) for x, factor in self._known(y, f)]
        s, t = s / least, t / least
        if abs(s) != 1 and (abs(t) == 1 or s < t) or (abs(s) == abs(t) == 1 and s < t):
            a, s, b, t = b, t, a, s  # the first one is the plain one, and not less than the second
        if abs(s) != 1:
            a, s = self._scale(w, a, s), 1.0
        if s == 1:
            y = self._line(w, "add" if t > 0 else "subtract", a, self._scale(w, b, abs(t)))
        else:
            y = self._line(w, "subtract", self._scale(w, b, t), a)
        self.terms[y] = known
        return y, least

    def _known(self, x: Var, factor: float) -> list[Term]:
        """The terms of a value that is a sum no other sum reads; else the value is one."""
        terms = [(x, 1.0)] if x in self.closed else self.terms.get(x, [(x, 1.0)])
        return [(y, factor * t) for y, t in terms]

    # ----- lines
    def _times(self, w: Writer, x: Var, factor: float, more: float) -> Var:
        """``x factor more``; where that is too large, the second factor stays by itself."""
        if not 1 / _MOST <= abs(factor * more) <= _MOST:
            x, factor = self._scale(w, x, factor), 1.0
        return self._scale(w, x, factor * more)

    def _scale(self, w: Writer, x: Var, factor: float) -> Var:
        if factor == 1.0:
            return x
        y = self._line(w, "multiply", x, factor)
        if _power(factor):
            self.scaled[y] = x, factor
        else:
            self.terms[y] = [(x, factor)]
        return y

    def _line(self, w: Writer, name: str, a: Var, b: Any) -> Node:
        """A line, written once; sums and products with the older operand first."""
        if name in ("add", "multiply") and isinstance(b, Var) and a.number > b.number:
            a, b = b, a
        key = name, a, b
        if key not in self.written:
            self.written[key] = getattr(w, name)(a, b)
        return self.written[key]


def _fits(x: Any, node: Node) -> bool:
    """Whether an operand has as many elements as the result, and its dtype."""
    return isinstance(x, Var) and tuple(x.shape) == tuple(node.shape) and x.dtype == node.dtype


def _power(x: Any) -> float | None:
    """A number, or an array of one number, that is a power of two with a sign, and not too large or small."""
    value = uniform(x) if isinstance(x, Var) else x
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating):
        return None
    number = float(value)
    return number if 1 / _MOST <= abs(number) <= _MOST and abs(math.frexp(number)[0]) == 0.5 else None


__all__ = ["powers"]
