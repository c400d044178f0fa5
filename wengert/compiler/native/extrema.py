"""argmax and argmin in native code: the first place of the extremum along an axis; a NaN counts as the extremum.

Beside the axis whole registers go along it together. Along the last axis each lane of a register keeps the best of its
own places, and the lanes meet at the end.
"""

from __future__ import annotations

from typing import Any

from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.shapes import size_of
from wengert.compiler.native import scalar
from wengert.compiler.native.ir import I32, I64, Function, Module, Type, Value
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.scalar_rules import known
from wengert.core.tape import Node

_REGISTER = 64  # bytes
_ROWS = 16  # rows in one task, where they are short
_SHORT = 1 << 12  # elements

Best = tuple[Value, Value]  # a value and its place


def supported(node: Node) -> bool:
    """Whether there is a kernel for this line."""
    if node.prim.name not in ("argmax", "argmin") or type(node.inputs[0]) in SCALAR_TYPES:
        return False
    x = node.inputs[0]
    return known(x.dtype) and bool(x.shape) and size_of(x.shape) < 1 << 31


def lower_extremum(module: Module, name: str, node: Node) -> Kernel:
    """Write the kernel ``name(x, result, begin, end)``."""
    f = module.function(name, ["x0", "y"], counts=["begin", "end"])
    size = size_of(node.inputs[0].shape)
    tasks = _Search(f, node).write() if size else 0
    f.finish()
    return Kernel(name, tasks, flops=float(size), bytes=float(size * node.inputs[0].dtype.itemsize))


class _Search:
    """Writes one kernel."""

    def __init__(self, f: Function, node: Node) -> None:
        self.f, self.x, self.largest = f, node.inputs[0], node.prim.name == "argmax"
        shape, axis = self.x.shape, node.attrs["axis"]
        self.outer, self.n, self.inner = size_of(shape[:axis]), shape[axis], size_of(shape[axis + 1 :])
        self.kind = scalar.memory_type(self.x.dtype)
        self.width = min(_REGISTER // self.kind.bytes, 16)

    def write(self) -> int:
        """Everything between ``begin`` and ``end``; the number of tasks."""
        f = self.f
        if self.inner > 1:
            f.loop(f["begin"], f["end"], 1, self._columns)
            return self.outer * -(-self.inner // self.width)
        rows = _ROWS if self.n < _SHORT else 1

        def some(t: Value) -> None:
            last = t * rows + rows
            last = f.select(f.compare("slt", last, self.outer), last, self.outer)
            f.loop(t * rows, last, 1, self._row)

        f.loop(f["begin"], f["end"], 1, some)
        return -(-self.outer // rows)

    # ----- comparing
    def _better(self, a: Value, b: Value) -> Value:
        """Whether `a` is beyond `b`, or is NaN where `b` is not."""
        f, dtype = self.f, self.x.dtype
        word = "gt" if self.largest else "lt"
        if dtype.kind != "f":
            return f.compare(("s" if dtype.kind == "i" else "u") + word, a, b)
        return f.compare("o" + word, a, b) | (f.compare("uno", a, a) & f.compare("ord", b, b))

    def _same(self, a: Value, b: Value) -> Value:
        f = self.f
        if self.x.dtype.kind != "f":
            return f.compare("eq", a, b)
        return f.compare("oeq", a, b) | (f.compare("uno", a, a) & f.compare("uno", b, b))

    def _chosen(self, taken: Value, new: Best, old: Best) -> list[Value]:
        return [self.f.select(taken, a, b) for a, b in zip(new, old, strict=True)]

    # ----- walking
    def _load(self, at: Value, kind: Type, lanes: int | None = None) -> Value:
        return self.f.load(self.f["x0"], kind, at, lanes)

    def _columns(self, t: Value) -> None:
        """The extrema of a register of columns."""
        f, chunks, rest = self.f, -(-self.inner // self.width), self.inner % self.width
        row = f.line(I64, f"udiv {t!r}, {chunks}") if chunks > 1 else t
        chunk = t - row * chunks if chunks > 1 else f.constant(0, I64)
        if not rest:
            self._along_columns(row, chunk, None)
            return
        last = f.compare("eq", chunk, chunks - 1)
        f.when(last, lambda: self._along_columns(row, chunk, rest))
        if chunks > 1:
            f.when(f.negation(last), lambda: self._along_columns(row, chunk, None))

    def _along_columns(self, row: Value, chunk: Value, lanes: int | None) -> None:
        f, kind = self.f, self.kind.vector(self.width)
        column = chunk * self.width
        base = row * (self.n * self.inner) + column
        first = [self._load(base, kind, lanes), f.constant(0, I32.vector(self.width))]

        def step(i: Value, *best: Value) -> list[Value]:
            x = self._load(base + i * self.inner, kind, lanes)
            place = f.splat(f.cast("trunc", i, I32), self.width)
            return self._chosen(self._better(x, best[0]), (x, place), (best[0], best[1]))

        _, place = f.loop(1, self.n, 1, step, first)
        f.store(f.cast("zext", place, I64), f["y"], row * self.inner + column, lanes)

    def _row(self, r: Value) -> None:
        """The extremum of one row."""
        f, base, width = self.f, r * self.n, self.width
        whole = self.n // width * width
        best: Any = None
        if whole:
            lanes = f.iota(I32.vector(width))
            first = [self._load(base, self.kind.vector(width)), lanes]

            def step(i: Value, *found: Value) -> list[Value]:
                x = self._load(base + i, self.kind.vector(width))
                place = f.splat(f.cast("trunc", i, I32), width) + lanes
                return self._chosen(self._better(x, found[0]), (x, place), (found[0], found[1]))

            values, places = f.loop(width, whole, width, step, first)
            best = self._met(values, places)
        else:
            best = [self._load(base, self.kind), f.constant(0, I32)]
        place = best[1] if whole == self.n else self._rest(base, max(1, whole), best)
        f.store(f.cast("zext", place, I64), f["y"], r)

    def _rest(self, base: Value, start: int, best: list[Value]) -> Value:
        """The place after the last elements of a row, one by one."""
        f = self.f

        def step(i: Value, *found: Value) -> list[Value]:
            x, place = self._load(base + i, self.kind), f.cast("trunc", i, I32)
            return self._chosen(self._better(x, found[0]), (x, place), (found[0], found[1]))

        return f.loop(start, self.n, 1, step, best)[1]

    def _met(self, values: Value, places: Value) -> list[Value]:
        """The best of all lanes, of equal ones the first place."""
        f = self.f
        while values.type.width > 1:
            half = values.type.width // 2
            low, high = ((f.lanes(values, r), f.lanes(places, r)) for r in (range(half), range(half, 2 * half)))
            earlier = self._same(high[0], low[0]) & f.compare("slt", high[1], low[1])
            values, places = self._chosen(self._better(high[0], low[0]) | earlier, high, low)
        return [values, places]


__all__ = ["lower_extremum", "supported"]
