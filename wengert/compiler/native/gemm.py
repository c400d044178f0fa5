"""Matrix products: ``C = op(A) op(B)`` of known shapes, written for the registers of the processor.

A tile of C is summed in registers over all of k (`gemm_tile`), for the columns of one panel after the other;
`gemm_plan` says how C is cut. What is done with the sums is the caller's: an `Epilogue` adds a bias, applies an
activation or its gradient, updates a weight, and stores. B is copied into panels where it lies transposed or badly for
the cache, A where its rows would evict each other (`gemm_pack`). Large products go by blocks (`gemm_blocks`), few rows
times a transposed matrix are dot products (`gemm_dot`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from wengert.compiler.native.gemm_blocks import Blocks
from wengert.compiler.native.gemm_dot import Dots
from wengert.compiler.native.gemm_pack import pack_columns, pack_rows, pack_transposed
from wengert.compiler.native.gemm_plan import Plan, is_large, plan
from wengert.compiler.native.gemm_tile import Epilogue, Strided, finish, least, over_panels, over_tiles, sums
from wengert.compiler.native.ir import I64, Function, Module, Type, Value
from wengert.compiler.native.kernel import DENSE, Kernel
from wengert.compiler.native.registers import registers

_COLUMNS = 256  # columns in work at a time where A's rows are copied
_ROUND = 4096  # bytes after which addresses meet in the same set of the first cache
_FAR = 2048  # bytes between rows from which on a copy of the columns in work is read faster than the rows themselves
_WORTH = 1 << 12  # elements of B from which on a copy for many products pays
_DEEP = 1 << 17  # bytes of a panel from which on it is read in rounds
_SECOND = 1 << 21  # bytes of the second cache


class Matrix(NamedTuple):
    """An operand: the name of its pointer, the elements from row to row, whether it is read transposed.

    ``stride`` is from one matrix of a batch to the next, 0 where all share one; ``offset`` is its first element.
    ``panels`` says that it lies as `pack` puts it down.
    """

    pointer: str
    ld: int
    transposed: bool = False
    stride: int = 0
    offset: int = 0
    panels: bool = False


def store_epilogue(pointer: str, ld: int, stride: int = 0) -> Epilogue:
    """Only store: rows `ld` elements apart, matrices of a batch `stride`."""

    def store(f: Function, x: Value, row: Value, column: Value, lanes: int, batch: Value) -> None:
        at = row * ld + column
        f.store(x, f[pointer], at + batch * stride if stride else at, lanes)

    return store


def gemm(module: Module, name: str, m: int, n: int, k: int, kind: Type, a: Matrix, b: Matrix, epilogue: Epilogue,
         pointers: Sequence[str], batch: int = 1, down: bool = False) -> Kernel:  # fmt: skip
    """Write the kernel ``name(pointers …, scratch, begin, end)`` for `batch` products of (m, k) and (k, n).

    `pointers` names all pointer arguments in order, those of `a` and `b` among them; `scratch` follows them. The
    `epilogue` gets vectors of neighbouring columns. A result of one column (n = 1) comes element by element, or, with
    `down`, as vectors of neighbouring rows of column 0.
    """
    f = module.function(name, [*pointers, "scratch"], counts=["begin", "end"])
    flops = 2.0 * m * n * k * batch
    size = kind.bytes * batch * (float(m) * k * bool(a.stride or batch == 1) + float(k) * n + float(m) * n)
    if not m * n * batch:
        f.finish()
        return Kernel(name, 0)
    if n == 1 and m > 1:  # a row of the transposed product: its vectors run along the rows
        a, b = b._replace(transposed=not b.transposed), a._replace(transposed=not a.transposed)
        m, n, epilogue = 1, m, _turned(epilogue, down)
    if m == 1 and a.transposed and a.ld == 1:
        a = a._replace(transposed=False, ld=k)
    if n == 1 and not b.transposed and b.ld == 1:
        b = b._replace(transposed=True, ld=k)
    writer: Dots | _Product | Blocks
    assert not b.panels or packable(m, n, k, kind, b, batch)
    if not b.panels and b.transposed and not a.transposed and m <= 3 and 2 * k >= registers().lanes(kind):
        writer = Dots(f, (m, n, k), kind, a, b, epilogue)
        tasks, scratch = writer.tasks if batch == 1 else batch, 0
    else:
        cut = plan(m, n, k, kind, batch)
        shape = m, n, k
        writer = (Blocks if is_large(*shape) else _Product)(f, cut, shape, a, b, epilogue)
        if isinstance(writer, _Product) and writer.deep:
            writer = Blocks(f, cut, shape, a, b, epilogue, deep=True)
        tasks, scratch = writer.cut.tasks, writer.scratch
    f.when(f.compare("slt", f["begin"], f["end"]), lambda: writer.write(batch))
    f.finish()
    return Kernel(name, tasks, flops, size, scratch, rate=DENSE)


def packable(m: int, n: int, k: int, kind: Type, b: Matrix, batch: int = 1) -> int:
    """How many elements B takes as panels, where a product that is done again and again reads these faster; else 0."""
    if min(m, n) < 4 or k < 32 or b.stride or is_large(m, n, k) or n * k < _WORTH:
        return 0
    cut = plan(m, n, k, kind, batch)
    return cut.all_panels * _slot(cut, k)


def pack(module: Module, name: str, shape: tuple[int, int, int], kind: Type, b: Matrix, batch: int,
         pointers: Sequence[str], panels: str) -> Kernel:  # fmt: skip
    """Write the kernel ``name(pointers …, scratch, begin, end)`` that copies B to the pointer `panels`."""
    f = module.function(name, [*pointers, "scratch"], counts=["begin", "end"])
    cut = plan(*shape, kind, batch)
    source = f.at(f[b.pointer], b.offset, kind)

    def panel(p: Value, vectors: int, lanes: int) -> None:
        target = f.at(f[panels], p * _slot(cut, shape[2]), kind)
        copy_panel(f, source, b, cut, shape[2], (p, vectors, lanes), target)

    f.when(f.compare("slt", f["begin"], f["end"]), lambda: over_panels(f, cut, f["begin"], f["end"], panel))
    f.finish()
    return Kernel(name, cut.all_panels, 0.0, 2.0 * kind.bytes * shape[1] * shape[2])


def _slot(cut: Plan, k: int) -> int:
    """The elements from one packed panel to the next."""
    return -(-k * cut.width // 16) * 16


def copy_panel(f: Function, start: Value, b: Matrix, cut: Plan, k: int, which: tuple[Value, int, int],
               target: Value) -> None:  # fmt: skip
    """Copy the columns of a panel next to each other, from a matrix that begins at `start`."""
    p, vectors, lanes = which
    column = p * cut.width
    if b.transposed:
        source = f.at(start, column * b.ld, cut.vector)
        pack_transposed(f, source, b.ld, k, cut.vector, vectors, lanes, target)
    else:
        source = f.at(start, column, cut.vector)
        pack_columns(f, source, b.ld, k, cut.vector, vectors, target)


def _turned(epilogue: Epilogue, down: bool) -> Epilogue:
    """An epilogue of a column, for a vector of its rows."""

    def column(f: Function, x: Value, _row: Value, at: Value, lanes: int, batch: Value) -> None:
        zero = f.constant(0, I64)
        if down or x.type.width == 1:
            epilogue(f, x, at, zero, lanes, batch)
            return
        for i in range(lanes):
            epilogue(f, f.lanes(x, [i]), at + i if i else at, zero, 1, batch)

    return column


class _Product:
    """Writes one product by tiles."""

    def __init__(self, f: Function, cut: Plan, shape: tuple[int, int, int], a: Matrix, b: Matrix,
                 epilogue: Epilogue) -> None:  # fmt: skip
        self.f, self.cut, self.a, self.b, self.epilogue = f, cut, a, b, epilogue
        self.m, self.n, self.k = shape
        size = cut.vector.bytes
        self.pack_a = self._copies_rows()
        self.pack_b = not b.panels and (b.transposed or cut.tiles >= 3 and self.k >= 32 and b.ld * size >= _FAR)
        self.group = max(1, _COLUMNS // cut.width) if self.pack_a else 1
        self.register = cut.vector.vector(registers().lanes(cut.vector))
        self.row_stride = -(-self.k // 16) * 16 + 16
        self.slot = _slot(cut, self.k)
        self.tile_at = self.slot * self.group if self.pack_b else 0  # where the copy of A's tile begins
        tile = max(self.row_stride * cut.height, self.k * 2 * self.register.width) if self.pack_a else 0
        self.scratch = size * (self.tile_at + tile)

    @property
    def deep(self) -> bool:
        """Whether B is read again and again from afar, unless k is worked on in rounds."""
        cut, copied = self.cut, self.pack_a or self.pack_b or self.b.panels
        if copied or cut.split == "batch" or cut.tiles < 4 or cut.all_panels < 2:
            return False
        return self.k * cut.width * cut.vector.bytes >= _DEEP

    def _copies_rows(self) -> bool:
        """Whether A is read better from copies of its tiles, measured on processors with 1 to 2 MB of second cache."""
        if self.cut.all_panels < 4 or self.k < 64:
            return False
        row = self.a.ld * self.cut.vector.bytes
        if self.a.transposed:
            return self.m >= 256 and row >= _FAR
        return row % _ROUND == 0 and self.m * row > _SECOND

    def write(self, batch: int) -> None:
        """Everything between ``begin`` and ``end``."""
        f, cut = self.f, self.cut
        rows, panels = (0, cut.tiles), (0, cut.all_panels)
        if cut.split == "batch":
            f.loop(f["begin"], f["end"], 1, lambda t: self._product(t, rows, panels))
            return
        mine = f["begin"], f["end"]
        if cut.split == "rows":
            f.loop(0, batch, 1, lambda t: self._product(t, mine, panels))
        else:
            f.loop(0, batch, 1, lambda t: self._product(t, rows, mine if cut.split else panels))

    def _product(self, t: Value, rows: tuple[Any, Any], panels: tuple[Any, Any]) -> None:
        """The tiles in a range of rows and a range of panels of one product of the batch."""
        f, group = self.f, self.group
        a, b = self._matrix(self.a, t), self._matrix(self.b, t)
        if group == 1:

            def column(p: Value, vectors: int, lanes: int) -> None:
                source = self._pack_panel(b, p, p, vectors, lanes) if self.pack_b else self._panel(b, p, vectors)
                self._tiles(
                    *rows, lambda row, h: self._tile(self._rows(a, row), source, (row, h), p, lanes, vectors, t)
                )

            self._panels(*panels, column)
            return

        def some(first: Value) -> None:
            last = least(f, first + group, panels[1])

            def pack(p: Value, vectors: int, lanes: int) -> None:
                self._pack_panel(b, p, first, vectors, lanes)

            if self.pack_b:
                self._panels(first, last, pack)

            def tile(row: Value, height: int) -> None:
                left = self._pack_tile(a, row, height)

                def meet(p: Value, vectors: int, lanes: int) -> None:
                    right = self._packed(p, first, vectors) if self.pack_b else self._panel(b, p, vectors)
                    self._tile(left, right, (row, height), p, lanes, vectors, t)

                self._panels(first, last, meet)

            self._tiles(*rows, tile)

        f.loop(*panels, group, some)

    # ----- ranges
    def _panels(self, low: Any, high: Any, body: Callable[[Value, int, int], None]) -> None:
        """`body` for every panel: its number, its vectors, the lanes of its last vector."""
        over_panels(self.f, self.cut, low, high, body)

    def _tiles(self, low: Any, high: Any, body: Callable[[Value, int], None]) -> None:
        """`body` for every tile: its first row and its height."""
        cut = self.cut
        over_tiles(self.f, (cut.height, cut.tall, cut.short), low, high, body)

    # ----- operands
    def _matrix(self, x: Matrix, t: Value) -> Value:
        start = self.f.at(self.f[x.pointer], x.offset, self.cut.vector)
        return self.f.at(start, t * x.stride, self.cut.vector) if x.stride else start

    def _rows(self, a: Value, row: Value) -> Strided:
        if self.a.transposed:
            return Strided(self.f.at(a, row, self.cut.vector), 1, self.a.ld)
        return Strided(self.f.at(a, row * self.a.ld, self.cut.vector), self.a.ld, 1)

    def _pack_tile(self, a: Value, row: Value, height: int) -> Strided:
        f, source, kind = self.f, self._rows(a, row), self.register
        target = f.at(f["scratch"], self.tile_at, kind)
        if not self.a.transposed:
            pack_rows(f, source.pointer, self.a.ld, self.k, kind, height, target, self.row_stride)
            return Strided(target, self.row_stride, 1)
        vectors = -(-height // kind.width)
        pack_columns(f, source.pointer, self.a.ld, self.k, kind, vectors, target)
        return Strided(target, 1, vectors * kind.width)

    def _panel(self, b: Value, p: Value, vectors: int) -> Strided:
        if self.b.panels:
            return Strided(self.f.at(b, p * self.slot, self.cut.vector), 1, vectors * self.cut.vector.width)
        return Strided(self.f.at(b, p * self.cut.width, self.cut.vector), 1, self.b.ld)

    def _packed(self, p: Value, first: Value, vectors: int) -> Strided:
        slot = (p - first) * self.slot if self.group > 1 else 0
        target = self.f.at(self.f["scratch"], slot, self.cut.vector)
        return Strided(target, 1, vectors * self.cut.vector.width)

    def _pack_panel(self, b: Value, p: Value, first: Value, vectors: int, lanes: int) -> Strided:
        target = self._packed(p, first, vectors)
        copy_panel(self.f, b, self.b, self.cut, self.k, (p, vectors, lanes), target.pointer)
        return target

    def _tile(self, a: Strided, b: Strided, rows: tuple[Value, int], p: Value, lanes: int, vectors: int,
              t: Value) -> None:  # fmt: skip
        row, height = rows
        totals = sums(self.f, a, b, height, vectors, self.cut.vector, self.k)
        width = self.cut.vector.width
        spans = [(v * width, lanes if v == vectors - 1 else width) for v in range(vectors)]
        finish(self.f, totals, row, p * self.cut.width, spans, self.epilogue, t)


__all__ = ["Epilogue", "Matrix", "gemm", "store_epilogue"]
