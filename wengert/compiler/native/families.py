"""Convolutions, poolings, random draws, running totals and index arrays as kernels of groups."""

from __future__ import annotations

import math

import numpy as np

from wengert.compiler.native import catalogue, conv_kernel, convolution, pooling
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.ir import Module
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.rooted import Parts, RootKernel
from wengert.core.tape import Node, Var


def planes(node: Node) -> Parts | None:
    """How the results of a convolution or a pooling come: by planes whose places are next to each other."""
    rank = len(node.shape)
    if node.prim.name in ("conv", "conv_input") and convolution.supported(node):
        return Parts((0,), (1,), range(2, rank))
    if node.prim.name == "conv_kernel" and conv_kernel.supported(node):
        return Parts((), (0,), range(1, rank))
    if pooling.supported(node):
        attrs = node.attrs
        space = attrs["rank"] if node.prim.name == "pool_take" else len(attrs.get("kernel") or attrs["sizes"])
        return Parts((), range(rank - space), range(rank - space, rank))
    return None


class PlaneKernel(RootKernel):
    """A convolution or a pooling."""

    def emit(self, pointers: list[str]) -> Kernel:
        node = self.root
        parts = planes(node)
        assert parts is not None
        names = [self.pointer[base] for base, _ in self.operands]
        epilogue = self.epilogue(parts)
        if node.prim.name in ("conv", "conv_input"):
            found = convolution.Operands(names[0], names[1])
            return convolution.convolution(self.module, self.name, node, found, epilogue, pointers)
        if node.prim.name == "conv_kernel":
            found = convolution.Operands(names[0], names[1])
            return conv_kernel.kernel_gradient(self.module, self.name, node, found, epilogue, pointers)
        return pooling.pooling(self.module, self.name, node, names, epilogue, pointers)


class PlainKernel:
    """A kernel of a line's operands and its result, without a place for other lines."""

    def __init__(self, fusion: Fusion, group: Group, module: Module, name: str) -> None:
        self.node: Node = group.nodes[0]
        self.module, self.name = module, name
        self.bases: list[Var] = [*(fusion.operand(self.node, k)[0] for k in range(len(self.node.inputs))), self.node]

    def write(self) -> Kernel:
        """The kernel, written into the module."""
        entry = catalogue.kernel_of(self.node)
        assert entry is not None
        return entry.write(self.module, self.name, self.node)


def plain(node: Node) -> str | None:
    """The kind of a kernel of operands and result, by what else it is given; None where there is no such kernel."""
    several = not isinstance(node.dtype, np.dtype)
    if several or not all(isinstance(x, Var) for x in node.inputs) or not math.prod(node.shape):
        return None
    entry = catalogue.kernel_of(node)
    return entry and ("indexed" if entry.status else "plain")


__all__ = ["PlainKernel", "PlaneKernel", "plain", "planes"]
