"""Algebraic simplification that keeps IEEE arithmetic bit for bit: NaNs, infinities and signed zeros included.

| done | becomes | where |
|---|---|---|
| ``x * 1``, ``x / 1`` | x | real; the result has x's shape and dtype, and its layout is known (layout.py) |
| ``x + (-0.0)``, ``x - 0.0`` (``x + 0`` of integers) | x | as above |
| ``-(-x)``, ``+x``, ``conj(conj(x))`` | x | as above, complex too |
| ``abs(-x)``, ``abs(abs(x))`` | ``abs(x)`` | real |
| ``stop_gradient(x)`` | x | always: derivatives were taken before |
| transposes in a row; the identity | one transpose; x | always |
| reshapes in a row; to the same shape | one reshape; x | x laid out row by row; always |
| ``broadcast_to`` in a row; to the same shape | one; x | always |
| ``f(broadcast_to(x), y)``, f elementwise | ``f(x, y)`` | where the shape of the result stays |
| ``astype`` to the same dtype, or there and back by a wider one | x | x laid out row by row |
| the sum over no axes | x | as above, same dtype |
| the sum over axes of length 0 | zeros | small ones |

| not done | why |
|---|---|
| ``x * 0 = 0`` | x may be infinite or NaN, and the zero has the sign of x |
| ``x + 0.0 = x`` | -0.0 + 0.0 is 0.0 |
| ``x - x = 0``, ``x / x = 1`` | x may be infinite or NaN (or 0) |
| ``x * -1 = -x``, ``x + (-y) = x - y`` | the sign of a NaN would differ |
| ``x / c = x * (1 / c)`` | rounds twice; for powers of two the native code may |
| ``(x + a) + b = x + (a + b)``, ``(x * a) * b`` | rounds differently |
| ``x ** 1``, ``x ** 2 = x * x``, ``sqrt(x)²`` | NumPy's own power may round differently |
| ``exp(log(x))`` and other inverses | round, and have other domains |
| complex ``z * 1`` | (a + bi)(1 + 0i) makes NaN of an infinite part |
| the sum over an axis of length 1 | the sum of one -0.0 may be 0.0 |
| dropping a copy of what may be a strided view | sums and matrix products over another layout may round differently |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.errors import ShapeError
from wengert.compiler.layout import Layouts
from wengert.compiler.rewrite import Builder, array_of, rewrite, with_bodies
from wengert.core.tape import Const, Node, Tape, Var
from wengert.ops.elementwise import Elementwise

_SMALL = 4096  # elements of a constant that is looked at


@with_bodies
def simplify(tape: Tape) -> Tape:
    """The list with every line simplified that the table at the top of this module names."""
    layouts = Layouts()

    def change(builder: Builder, node: Node, inputs: tuple[Any, ...]) -> Var | None:
        rule = _RULES.get(node.prim.name)
        found = rule(_Line(builder, node, inputs, layouts)) if rule else None
        if found is None and isinstance(node.prim, Elementwise):
            found = _without_broadcasts(builder, node, inputs)
        return found

    return rewrite(tape, change)


class _Line:
    """A line that a rule looks at: its operands in the new list, and what may stand for it."""

    def __init__(self, builder: Builder, node: Node, inputs: tuple[Any, ...], layouts: Layouts) -> None:
        self.builder, self.node, self.inputs, self.layouts = builder, node, inputs, layouts

    def like(self, x: Any) -> Any:
        """`x` where it has the shape and dtype of the line, else None."""
        same = isinstance(x, Var) and tuple(x.shape) == tuple(self.node.shape) and x.dtype == self.node.dtype
        return x if same else None

    def copy_of(self, x: Any, *others: Any) -> Any:
        """`x` where the line (on `x` and others) would be an exact copy of it, down to the layout."""
        return self.like(x) if self.layouts.copied_exactly(x, others) else None

    def inner(self, name: str) -> Any:
        """The operand of the operand, where that is a line of `name`."""
        x = self.inputs[0]
        return x.inputs[0] if isinstance(x, Node) and x.prim.name == name else None

    def again(self, x: Any, **attrs: Any) -> Var:
        """The same operation on another operand."""
        return self.builder.line(self.node, (x,), attrs)


def _is(x: Any, number: float) -> bool:
    """Whether every element of a literal or constant is this real number, sign of zero included."""
    if not isinstance(x, Var):
        return isinstance(x, int | float) and x == number and math.copysign(1, x) == math.copysign(1, number)
    array = array_of(x)
    if array is None or array.dtype.kind not in "fiu" or not 0 < array.size <= _SMALL:
        return False
    return bool(np.all(array == number) and np.all(np.signbit(array) == (math.copysign(1, number) < 0)))


# ----- arithmetic ---------------------------------------------------------------------------------------
def _multiply(line: _Line) -> Var | None:
    a, b = line.inputs
    real = line.node.dtype.kind in "fiu"
    found = line.copy_of(a, b) if real and _is(b, 1.0) else None
    return line.copy_of(b, a) if found is None and real and _is(a, 1.0) else found


def _divide(line: _Line) -> Var | None:
    a, b = line.inputs
    return line.copy_of(a, b) if line.node.dtype.kind == "f" and _is(b, 1.0) else None


def _is_nothing(x: Any, kind: str, sign: float) -> bool:
    """Whether adding `x` (or subtracting, by `sign`) to numbers of `kind` changes nothing."""
    if kind == "f":
        return _is(x, math.copysign(0.0, sign))
    return kind in "iu" and _is(x, 0.0)


def _add(line: _Line) -> Var | None:
    a, b = line.inputs
    kind = line.node.dtype.kind
    found = line.copy_of(a, b) if _is_nothing(b, kind, -1.0) else None
    return line.copy_of(b, a) if found is None and _is_nothing(a, kind, -1.0) else found


def _subtract(line: _Line) -> Var | None:
    a, b = line.inputs
    return line.copy_of(a, b) if _is_nothing(b, line.node.dtype.kind, 1.0) else None


def _twice(line: _Line) -> Var | None:
    return line.copy_of(line.inner(line.node.prim.name))


def _copy(line: _Line) -> Var | None:
    return line.copy_of(line.inputs[0])


def _abs(line: _Line) -> Var | None:
    if line.node.dtype.kind != "f":
        return None
    positive = line.inputs[0] if line.inner("abs") is not None else None
    if positive is not None:
        return line.copy_of(positive)
    x = line.inner("negative")
    return line.again(x) if isinstance(x, Var) and line.layouts.dense(x) else None


# ----- structure ----------------------------------------------------------------------------------------
def _stop_gradient(line: _Line) -> Var | None:
    return line.like(line.inputs[0])


def _transpose(line: _Line) -> Var | None:
    axes = line.node.attrs["axes"]
    if axes == tuple(range(len(axes))):
        return line.like(line.inputs[0])
    x = line.inner("transpose")
    if x is None:
        return None
    first = line.inputs[0].attrs["axes"]
    both = tuple(first[a] for a in axes)
    return line.like(x) if both == tuple(range(len(both))) else line.again(x, axes=both)


def _reshape(line: _Line) -> Var | None:
    same = line.like(line.inputs[0])
    if same is not None:
        return same
    x = line.inner("reshape")
    if x is None or not line.layouts.dense(x):
        return None
    found = line.like(x)
    return found if found is not None else line.again(x, **line.node.attrs)


def _broadcast_to(line: _Line) -> Var | None:
    same = line.like(line.inputs[0])
    if same is not None:
        return same
    x = line.inner("broadcast_to")
    return None if x is None else line.again(x, **line.node.attrs)


def _astype(line: _Line) -> Var | None:
    found = line.copy_of(line.inputs[0])
    x = line.inner("astype")
    if found is not None or x is None:
        return found
    middle = line.inputs[0].dtype
    exact = middle.kind == x.dtype.kind and np.can_cast(x.dtype, middle, "safe")
    return line.copy_of(x) if exact else None


def _sum(line: _Line) -> Var | None:
    axes, (x,) = line.node.attrs["axes"], line.inputs
    if not axes:
        return line.copy_of(x)
    empty = any(x.shape[a] == 0 for a in axes)
    return Const(np.zeros(line.node.shape, line.node.dtype)) if empty and _count(line.node) <= _SMALL else None


def _count(x: Any) -> int:
    return int(np.prod(x.shape, dtype=np.int64))


def _without_broadcasts(builder: Builder, node: Node, inputs: tuple[Any, ...]) -> Var | None:
    """The line on what was repeated, where the other operands bring the shape of the result."""
    given = list(inputs)
    for place, x in enumerate(inputs):
        if isinstance(x, Node) and x.prim.name == "broadcast_to":
            bare = [*given[:place], x.inputs[0], *given[place + 1 :]]
            if _together(bare) == tuple(node.shape):
                given = bare
    return builder.line(node, tuple(given), node.attrs) if given != list(inputs) else None


def _together(xs: list[Any]) -> tuple[int, ...] | None:
    try:
        return shapes.broadcast("simplify", *(x.shape if isinstance(x, Var) else () for x in xs))
    except ShapeError:
        return None


_RULES: dict[str, Callable[[_Line], Var | None]] = {
    "multiply": _multiply, "multiply_no_nan": _multiply, "divide": _divide, "add": _add, "subtract": _subtract,
    "negative": _twice, "conj": _twice, "positive": _copy, "abs": _abs, "stop_gradient": _stop_gradient,
    "transpose": _transpose, "reshape": _reshape, "broadcast_to": _broadcast_to, "astype": _astype, "sum": _sum,
}  # fmt: skip

__all__ = ["simplify"]
