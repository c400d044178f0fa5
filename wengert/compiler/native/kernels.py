"""Which kernel runs a line: loop nests, products, convolutions, or NumPy where there is none."""

from __future__ import annotations

from typing import Any

from wengert.compiler.native import product, windows
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.ir import Module
from wengert.compiler.native.loops import LoopKernel
from wengert.compiler.native.points import folds
from wengert.compiler.native.product import ProductKernel
from wengert.compiler.native.split import End, Pieces, splittable
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


def writers(fusion: Fusion, group: Group, module: Module, name: str) -> list[Any]:
    """What writes the kernels of a group, in the order in which they run."""
    if group.kind == "matmul":
        return [ProductKernel(fusion, group, module, name)]
    kernel = LoopKernel(fusion, group, module, name, REGISTER_BYTES)
    if not splittable(kernel):
        return [kernel]
    parts: dict[Node, Var] = {n: Var((64,), n.dtype) for n in kernel.nodes if folds(n)}
    return [
        Pieces(fusion, group, module, name, REGISTER_BYTES, parts),
        End(fusion, group, module, f"{name}_end", REGISTER_BYTES, parts),
    ]


__all__ = ["REGISTER_BYTES", "opaque", "writers"]
