"""Matrix products as kernels: how a line's operands are given to `gemm`, and what is done with its results.

The lines behind a product in its group (a bias, an activation, its gradient …) work on vectors of results while these
are in registers; the product itself is stored only where somebody else reads it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.gemm import Matrix, gemm, pack, packable
from wengert.compiler.native.ir import F32, F64, Module
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.rooted import Parts, RootKernel
from wengert.compiler.native.windows import Window
from wengert.core.tape import Node, Var


class Layout(NamedTuple):
    """A matrix of a batch within its base: row stride, orientation, stride of the batch, first element."""

    ld: int
    transposed: bool
    stride: int
    offset: int


class Product(NamedTuple):
    """A product as `gemm` takes it."""

    m: int
    n: int
    k: int
    batch: int
    a: Layout
    b: Layout


def supported(node: Node) -> bool:
    """Whether a product's operands are matrices of one floating dtype."""
    return all(isinstance(x, Var) and x.dtype == node.dtype for x in node.inputs) and node.dtype in (
        np.float32, np.float64,
    ) and 0 not in node.shape and 0 not in node.inputs[0].shape  # fmt: skip


def layout(node: Node, windows: tuple[Window, ...]) -> Product | int:
    """The product; or the number of the operand that has to be laid out anew first."""
    a, b = node.inputs
    rows = a.shape[-2] if len(a.shape) > 1 else 1
    columns = b.shape[-1] if len(b.shape) > 1 else 1
    depth = a.shape[-1]
    batch = tuple(node.shape[: len(node.shape) - (len(a.shape) > 1) - (len(b.shape) > 1)])
    found = []
    for place, (x, w) in enumerate(zip((a, b), windows, strict=True)):
        one = _matrix(w, row=place == 0 and len(x.shape) == 1, column=place == 1 and len(x.shape) == 1)
        stride = None if one is None else _batch_stride(w, batch)
        if one is None or stride is None:
            return place
        found.append(Layout(*one, stride, w.offset))
    left, right = found
    count = math.prod(batch)
    if count > 1 and not right.stride and not left.transposed and left.stride == rows * left.ld:
        return Product(rows * count, columns, depth, 1, left._replace(stride=0), right)
    return Product(rows, columns, depth, count, left, right)


def _matrix(w: Window, row: bool, column: bool) -> tuple[int, bool] | None:
    """The row stride of a window's last two axes, and whether it lies transposed; None where neither is dense."""
    if w.pads:
        return None
    if row or column:
        step = w.strides[-1] if w.shape[-1] > 1 else 1
        if row:
            return (w.shape[-1], False) if step == 1 else (step, True) if step > 0 else None
        return (step, False) if step > 0 else None
    (n, m), (down, across) = w.shape[-2:], w.strides[-2:]
    if across == 1 or m == 1:
        ld = down if n > 1 else m
        return (ld, False) if ld >= (1 if m == 1 else m) else None
    if down == 1 or n == 1:
        return (across, True) if across >= (1 if n == 1 else n) else None
    return None


def _batch_stride(w: Window, batch: tuple[int, ...]) -> int | None:
    """The stride of the axes before the matrix, run through as one; None where there is no single one."""
    rank = len(batch)
    mine = len(w.shape) - 2 if len(w.shape) > 2 else 0
    strides = [0] * (rank - mine) + [s if n > 1 else 0 for n, s in zip(w.shape[:mine], w.strides[:mine], strict=True)]
    steps = [(n, s) for n, s in zip(batch, strides, strict=True) if n > 1]
    if any(s != n2 * s2 for (_, s), (n2, s2) in zip(steps[:-1], steps[1:], strict=True)):
        return None
    return steps[-1][1] if steps else 0


class ProductKernel(RootKernel):
    """Writes the kernel of a group with a product at its root.

    Where the second factor is the same each time that a list runs, it reads a copy in panels (`PackKernel` makes it).
    """

    def __init__(self, fusion: Fusion, group: Group, module: Module, name: str) -> None:
        super().__init__(fusion, group, module, name)
        found = layout(self.root, (self.operands[0][1], self.operands[1][1]))
        assert isinstance(found, Product), "operands are laid out when groups are made"
        self.product = p = found
        self.kind = F32 if self.root.dtype == np.float32 else F64
        self.panels: Var | None = None
        b = self.operands[1][0]
        if b in fusion.fixed:
            size = packable(p.m, p.n, p.k, self.kind, self.matrix(1), p.batch)
            if size:
                self.panels = Var((size,), self.root.dtype)
                self.bases.append(self.panels)
                self.names.append(f"p{len(self.names)}")
                self.pointer[self.panels] = self.names[-1]

    def matrix(self, operand: int) -> Matrix:
        """A factor, as it lies."""
        x = (self.product.a, self.product.b)[operand]
        return Matrix(self.pointer[self.operands[operand][0]], x.ld, x.transposed, x.stride, x.offset)

    def emit(self, pointers: list[str]) -> Kernel:
        p, b = self.product, self.matrix(1)
        if self.panels is not None:
            b = Matrix(self.pointer[self.panels], b.ld, panels=True)
        epilogue = self.epilogue(self._parts(p))
        return gemm(self.module, self.name, p.m, p.n, p.k, self.kind, self.matrix(0), b, epilogue, pointers, p.batch)

    def _parts(self, p: Product) -> Parts:
        rank = len(self.group.domain)
        columns = range(rank - 1, rank) if len(self.root.inputs[1].shape) > 1 else range(0)
        leading = range(rank - len(columns))
        rows = 1 if len(self.root.inputs[0].shape) > 1 else 0
        split = 0 if p.batch == 1 else len(leading) - rows
        return Parts(leading[:split], leading[split:], columns)


class PackKernel:
    """Writes the kernel that puts the second factor of a product down in panels, once before all."""

    once = True

    def __init__(self, product: ProductKernel) -> None:
        assert product.panels is not None
        self.product = product
        self.bases: list[Var] = [product.operands[1][0], product.panels]

    def write(self) -> Kernel:
        """The kernel, written into the module."""
        p, b = self.product.product, self.product.matrix(1)._replace(pointer="b")
        shape, name = (p.m, p.n, p.k), f"{self.product.name}_pack"
        return pack(
            self.product.module, name, shape, self.product.kind, b, p.batch, ["b", "panels", "status"], "panels"
        )


__all__ = ["PackKernel", "ProductKernel", "layout", "supported"]
