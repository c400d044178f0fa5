"""Which kernel runs a line: loop nests, products, convolutions, or NumPy where there is none."""

from __future__ import annotations

from typing import Any

from wengert.compiler.native import product, windows
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.ir import Module
from wengert.compiler.native.loops import LoopKernel
from wengert.compiler.native.product import ProductKernel
from wengert.core.tape import Node, Var

REGISTER_BYTES = 64


def opaque(fusion: Fusion, node: Node) -> str:
    """The kind of kernel for a line that is no part of a loop nest; its operands are laid out as that needs them."""
    if node.prim.name == "matmul" and product.supported(node):
        whole = tuple(windows.of(x.shape) for x in node.inputs)
        if isinstance(product.layout(node, whole), product.Product):  # else an axis before the last two is repeated
            while True:
                found = product.layout(node, tuple(fusion.resolve(x)[1] for x in node.inputs))
                if isinstance(found, product.Product):
                    return "matmul"
                fusion.lay_out(node.inputs[found])
    for x in node.inputs:  # NumPy sees windows, but for those that are 0 outside of their base
        if isinstance(x, Var) and fusion.resolve(x)[1].pads:
            fusion.lay_out(x)
    return "host"


def writer(fusion: Fusion, group: Group, module: Module, name: str) -> Any:
    """What writes the kernel of a group."""
    if group.kind == "matmul":
        return ProductKernel(fusion, group, module, name)
    return LoopKernel(fusion, group, module, name, REGISTER_BYTES)


__all__ = ["REGISTER_BYTES", "opaque", "writer"]
