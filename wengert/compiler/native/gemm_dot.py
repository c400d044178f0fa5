"""Few rows times a transposed matrix: dot products of rows, summed along vectors and combined at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.compiler.native.gemm_plan import SMALL
from wengert.compiler.native.gemm_tile import Epilogue, accumulated, multiply_add
from wengert.compiler.native.ir import I64, Function, Type, Value
from wengert.compiler.native.registers import registers

_CHAINS = 8  # independent sums that keep both units busy


def combined(f: Function, vectors: list[Value]) -> Value:
    """One vector of the sums over the lanes of each, for a power of two of vectors not above their lanes."""
    count = len(vectors)
    while len(vectors) > 1:  # neighbouring lanes are added; the halves of a result come from two vectors
        vectors = [_neighbours(f, a, b) for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
    x = vectors[0]
    while x.type.width > max(count, 2):
        x = _neighbours(f, x)
    return f.horizontal("add", x) if count == 1 else x


def _neighbours(f: Function, a: Value, b: Value | None = None) -> Value:
    width = a.type.width if b is None else 2 * a.type.width
    other = a if b is None else b

    def every_second(start: int) -> Value:
        lanes = ", ".join(f"i32 {i}" for i in range(start, width, 2))
        kind = a.type.vector(width // 2)
        return f.line(kind, f"shufflevector {a!r}, {other!r}, <{width // 2} x i32> <{lanes}>")

    return every_second(0) + every_second(1)


class Dots:
    """Writes up to three rows of a product with a matrix that lies transposed."""

    def __init__(self, f: Function, shape: tuple[int, int, int], kind: Type, a: Any, b: Any,
                 epilogue: Epilogue) -> None:  # fmt: skip
        self.f, self.a, self.b, self.epilogue = f, a, b, epilogue
        self.m, self.n, self.k = shape
        lanes = registers().lanes(kind)
        self.vector = kind.vector(lanes)
        most = lanes if self.m == 1 else lanes // 2
        self.columns = min(most, 1 << (self.n - 1).bit_length())
        self.blocks = -(-self.n // self.columns)
        self.tasks = self.blocks if 2 * self.m * self.n * self.k >= SMALL else 1

    def write(self, batch: int) -> None:
        """Everything between ``begin`` and ``end``: the blocks of one product, or a batch of them."""
        f = self.f
        if batch > 1:
            f.loop(f["begin"], f["end"], 1, lambda t: self._product(t, 0, self.blocks))
        elif self.tasks > 1:
            self._product(f.constant(0, I64), f["begin"], f["end"])
        else:
            self._product(f.constant(0, I64), 0, self.blocks)

    def _product(self, t: Value, low: Any, high: Any) -> None:
        f, rest = self.f, self.n % self.columns
        whole = self.blocks - (rest > 0)
        stop = f.minimum(high, whole) if isinstance(high, Value) else whole
        f.loop(low, stop, 1, lambda j: self._block(t, j * self.columns, self.columns))
        if rest:
            last = f.constant(whole * self.columns, I64)
            if isinstance(high, Value):
                f.when(f.compare("sgt", high, whole), lambda: self._block(t, last, rest))
            else:
                self._block(t, last, rest)

    def _block(self, t: Value, column: Value, present: int) -> None:
        f, a, b = self.f, self.a, self.b
        left = f.at(f[a.pointer], t * a.stride + a.offset, self.vector)
        right = f.at(f[b.pointer], t * b.stride + b.offset + column * b.ld, self.vector)
        totals = self._sums(left, right, present)
        for r in range(self.m):
            row = totals[r * present : (r + 1) * present]
            row += [f.constant(0, self.vector)] * (self.columns - present)
            self.epilogue(f, combined(f, row), f.constant(r, I64), column, present, t)

    def _sums(self, left: Value, right: Value, present: int) -> list[Value]:
        """Vectors whose lanes sum to the dot products, row by row."""
        f, width, each = self.f, self.vector.width, self.m * present
        chains = max(1, min(_CHAINS // each, self.k // (2 * width)))
        zero = [f.constant(0, self.vector)] * each

        def step(at: Value, totals: Sequence[Value], lanes: int | None = None) -> list[Value]:
            xs = [f.load(f.at(left, r * self.a.ld, self.vector), self.vector, at, lanes) for r in range(self.m)]
            ys = [f.load(f.at(right, j * self.b.ld, self.vector), self.vector, at, lanes) for j in range(present)]
            pairs = ((x, y) for x in xs for y in ys)
            return [multiply_add(f, x, y, total) for (x, y), total in zip(pairs, totals, strict=True)]

        def stride(i: Value, totals: list[Value]) -> list[Value]:
            at = i * (chains * width)
            return [
                x for c in range(chains) for x in step(at + c * width if c else at, totals[c * each : (c + 1) * each])
            ]

        whole = self.k // (chains * width)
        parts = accumulated(f, whole, 2 if each < 16 else 1, stride, zero * chains)
        totals = parts[:each]
        for c in range(1, chains):
            totals = [x + y for x, y in zip(totals, parts[c * each : (c + 1) * each], strict=True)]
        for at in range(whole * chains * width, self.k, width):
            totals = step(f.constant(at, I64), totals, min(width, self.k - at))
        return totals


__all__ = ["Dots", "combined"]
