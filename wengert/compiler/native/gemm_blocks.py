"""Large matrix products: copies in blocks that stay in the caches, k in several rounds.

A block of A's rows is met by one panel of B after the other, tile by tile. B is copied in panels; A is read where it
lies, or copied in tiles where it lies transposed. Where k takes several rounds, the sums of a tile wait in memory for
the next one; the epilogue gets them in the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.compiler.native.gemm_pack import pack_transposed
from wengert.compiler.native.gemm_plan import Plan
from wengert.compiler.native.gemm_tile import Epilogue, Strided, finish, first_row, least, over_panels, over_tiles, sums
from wengert.compiler.native.ir import I64, Function, Value

# Measured with first caches of 32 to 48 KB and second ones of 1 to 2 MB, for numbers of 4 bytes.
_DEPTH = 512  # steps of k in a round
_ROWS = 192  # rows of A in work at a time: their part of a round stays in the second cache
_COLUMNS = 512  # columns of B copied at a time
_WAITING = 1024  # rows whose sums wait at a time
_FIRST = 1 << 14  # bytes of a panel of B in a round where it is not copied: they stay in the first cache
_STEPS = 4  # rows copied at a time, so that neighbouring columns are read while their page is at hand


class Blocks:
    """Writes one large product, or one of `deep` k, whose operands are read where they lie."""

    def __init__(self, f: Function, cut: Plan, shape: tuple[int, int, int], a: Any, b: Any, epilogue: Epilogue,
                 deep: bool = False) -> None:  # fmt: skip
        self.f, self.cut, self.a, self.b, self.epilogue, self.deep = f, cut, a, b, epilogue, deep
        self.m, self.n, self.k = shape
        self.kind = kind = cut.vector
        step, most = (
            (kind.bytes * cut.width, _FIRST) if deep else (kind.bytes, _DEPTH * 4)
        )  # bytes of a step and a round
        rounds = -(-self.k * step // most)
        vectors = -(-self.k // kind.width)
        self.depth = -(-vectors // rounds) * kind.width
        self.before = (self.k - 1) // self.depth  # rounds before the last
        self.tiles = max(1, _ROWS // cut.height)
        self.group = max(1, min(cut.all_panels, _COLUMNS // cut.width))
        self.slot = 0 if deep else self.depth * cut.width
        self.strip = -(-_WAITING // cut.height) if self.before else cut.tiles  # tiles that take all rounds together
        self.left_at = self.group * self.slot
        self.waiting_at = self.left_at + (self.tiles * cut.height * self.depth + kind.width) * self.turns
        self.waiting_rows = min(self.m, self.strip * cut.height) if self.before else 0
        self.scratch = kind.bytes * (self.waiting_at + self.group * self.waiting_rows * cut.width)

    @property
    def turns(self) -> bool:
        """Whether A is copied."""
        return bool(self.a.transposed) and not self.deep

    def write(self, batch: int) -> None:
        """Everything between ``begin`` and ``end``."""
        f, cut = self.f, self.cut
        rows: tuple[Any, Any] = (0, cut.tiles)
        panels: tuple[Any, Any] = (0, cut.all_panels)
        if cut.split == "batch":
            f.loop(f["begin"], f["end"], 1, lambda t: self._product(t, rows, panels))
            return
        mine = f["begin"], f["end"]
        rows, panels = (mine, panels) if cut.split == "rows" else (rows, mine if cut.split else panels)
        f.loop(0, batch, 1, lambda t: self._product(t, rows, panels))

    def _product(self, t: Value, rows: tuple[Any, Any], panels: tuple[Any, Any]) -> None:
        """The tiles in a range of rows and a range of panels of one product of the batch."""
        f = self.f

        def strip(low: Value) -> None:
            some = low, least(f, low + self.strip, rows[1])
            f.loop(*panels, self.group, lambda p: self._group(t, some, (p, least(f, p + self.group, panels[1]))))

        f.loop(*rows, self.strip, strip)

    def _group(self, t: Value, rows: tuple[Any, Any], panels: tuple[Any, Any]) -> None:
        """All rounds of a group of panels."""
        f = self.f

        def one(number: Value, depth: int, last: bool) -> None:
            part = _Round(self, t, (rows[0], panels), number * self.depth, depth, last)
            if not self.deep:
                part.copy_right()
            f.loop(*rows, self.tiles, lambda low: part.block(low, least(f, low + self.tiles, rows[1])))

        f.loop(0, self.before, 1, lambda number: one(number, self.depth, False))
        one(f.constant(self.before, I64), self.k - self.before * self.depth, True)


class _Round:
    """Writes one round: the steps of k from `at` on, for the panels of a group."""

    def __init__(self, product: Blocks, t: Value, where: tuple[Any, tuple[Any, Any]], at: Value, depth: int,
                 last: bool) -> None:  # fmt: skip
        self.product, self.f, self.cut, self.kind = product, product.f, product.cut, product.kind
        self.t, (strip, self.panels), self.at, self.depth, self.last = t, where, at, depth, last
        self.heights = self.cut.height, self.cut.tall, self.cut.short
        self.strip_row = first_row(self.f, self.heights, strip)
        self.a, self.b = self._matrix(product.a), self._matrix(product.b)

    def _matrix(self, x: Any) -> Value:
        start = self.f.at(self.f[x.pointer], x.offset, self.kind)
        start = self.f.at(start, self.t * x.stride, self.kind) if x.stride else start
        lies_along = x.transposed == (x is self.product.b)  # k is what neighbours differ in
        return self.f.at(start, self.at if lies_along else self.at * x.ld, self.kind)

    def _right(self, p: Value) -> Value:
        """Where the copy of a panel begins."""
        return self.f.at(self.f["scratch"], (p - self.panels[0]) * self.product.slot, self.kind)

    def _panel(self, p: Value, vectors: int) -> Strided:
        if self.product.deep:
            return Strided(self.f.at(self.b, p * self.cut.width, self.kind), 1, self.product.b.ld)
        return Strided(self._right(p), 1, vectors * self.kind.width)

    # ----- copies
    def copy_right(self) -> None:
        """The panels of B next to each other, in the order they are read."""
        f, ld, width = self.f, self.product.b.ld, self.cut.width

        def turned(p: Value, vectors: int, lanes: int) -> None:
            source = f.at(self.b, p * (width * ld), self.kind)
            pack_transposed(f, source, ld, self.depth, self.kind, vectors, lanes, self._right(p))

        def steps(i: Value, count: int) -> None:
            def panel(p: Value, vectors: int, lanes: int) -> None:
                source = f.at(f.at(self.b, i * ld, self.kind), p * width, self.kind)
                target = f.at(self._right(p), i * (vectors * self.kind.width), self.kind)
                for u in range(count):
                    for v in range(0, vectors * self.kind.width, self.kind.width):
                        x = f.load(source, self.kind, u * ld + v)
                        f.store(x, target, u * vectors * self.kind.width + v)

            over_panels(f, self.cut, *self.panels, panel)

        if self.product.b.transposed:
            over_panels(f, self.cut, *self.panels, turned)
        else:
            _in_steps(f, self.depth, steps)

    def _copy_left(self, low: Value, high: Any, start: Value) -> None:
        f, ld, width = self.f, self.product.a.ld, self.kind.width

        def steps(i: Value, count: int) -> None:
            def tile(row: Value, height: int) -> None:
                source = f.at(f.at(self.a, i * ld, self.kind), row, self.kind)
                target = f.at(self._left(row, start, height).pointer, i * height, self.kind)
                for u in range(count):
                    for v in range(0, height, width):
                        x = f.load(source, self.kind, u * ld + v)
                        f.store(x, target, u * height + v, min(width, height - v))

            over_tiles(f, self.heights, low, high, tile)

        _in_steps(f, self.depth, steps)

    def _left(self, row: Value, start: Value, height: int) -> Strided:
        product = self.product
        if product.a.transposed and product.deep:
            return Strided(self.f.at(self.a, row, self.kind), 1, product.a.ld)
        if product.a.transposed:
            copies = self.f.at(self.f["scratch"], product.left_at, self.kind)
            return Strided(self.f.at(copies, (row - start) * product.depth, self.kind), 1, height)
        return Strided(self.f.at(self.a, row * product.a.ld, self.kind), product.a.ld, 1)

    # ----- the work
    def block(self, low: Value, high: Any) -> None:
        """The tiles `low` … `high` - 1 of all panels."""
        f, start = self.f, first_row(self.f, self.heights, low)
        if self.product.turns:
            self._copy_left(low, high, start)

        def panel(p: Value, vectors: int, lanes: int) -> None:
            right = self._panel(p, vectors)

            def tile(row: Value, height: int) -> None:
                self._tile(self._left(row, start, height), right, (row, height), (p, vectors, lanes))

            over_tiles(f, self.heights, low, high, tile)

        over_panels(f, self.cut, *self.panels, panel)

    def _tile(self, left: Strided, right: Strided, rows: tuple[Value, int], panel: tuple[Value, int, int]) -> None:
        f, (row, height), (p, vectors, lanes) = self.f, rows, panel
        width, count = self.kind.width, height * vectors
        zero, waiting = [f.constant(0, self.kind)] * count, self._waiting(row, p)

        def so_far() -> list[Value]:
            return [f.load(waiting, self.kind, i * width) for i in range(count)]

        before = zero
        if self.product.before:
            before = so_far() if self.last else f.when(f.compare("sgt", self.at, 0), so_far, zero)
        totals = sums(f, left, right, height, vectors, self.kind, self.depth, before)
        if not self.last:
            for i, x in enumerate(totals):
                f.store(x, waiting, i * width)
            return
        spans = [(v * width, lanes if v == vectors - 1 else width) for v in range(vectors)]
        finish(f, totals, row, p * self.cut.width, spans, self.product.epilogue, self.t)

    def _waiting(self, row: Value, p: Value) -> Value:
        """Where the sums of a tile wait."""
        panel = (p - self.panels[0]) * self.product.waiting_rows + (row - self.strip_row)
        return self.f.at(self.f["scratch"], panel * self.cut.width + self.product.waiting_at, self.kind)


def _in_steps(f: Function, count: int, body: Callable[[Value, int], None]) -> None:
    """`body` for 0 … count - 1, some of them at a time."""
    whole = count - count % _STEPS
    f.loop(0, whole, _STEPS, lambda i: body(i, _STEPS))
    if count % _STEPS:
        body(f.constant(whole, I64), count % _STEPS)


__all__ = ["Blocks"]
