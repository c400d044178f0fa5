"""Which kernel runs a line: loop nests, products, convolutions, or NumPy where there is none."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from wengert.compiler.native import branched, families, looped, product, rooted, single, windows
from wengert.compiler.native.expand import expand
from wengert.compiler.native.families import PlainKernel, PlaneKernel
from wengert.compiler.native.fuse import Fusion, Group
from wengert.compiler.native.ir import Module
from wengert.compiler.native.loops import LoopKernel
from wengert.compiler.native.points import folds
from wengert.compiler.native.product import PackKernel, ProductKernel
from wengert.compiler.native.repeat import repeat
from wengert.compiler.native.split import End, Pieces, splittable
from wengert.core.tape import Node, Tape, Var

REGISTER_BYTES = 64


def fused(tape: Tape, late: Set[Node] = frozenset()) -> Fusion:
    """The groups of a list of elementary lines (see `expand`)."""
    return repeat(Fusion(tape, opaque, joins, late))


def fused_body(tape: Tape) -> Fusion:
    """The groups of the list inside a line."""
    return fused(expand(tape))


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
    if families.planes(node) is not None:
        rooted.whole(fusion, node)
        return "planes"
    if looped.supported(node, fused_body):
        rooted.whole(fusion, node)
        return "scan"
    if branched.supported(node, fused_body):
        rooted.whole(fusion, node)
        return "control"
    kind = families.plain(node)
    if kind is not None:
        rooted.whole(fusion, node)
        return kind
    for x in node.inputs:  # NumPy sees windows, but for those that are 0 outside of their base
        if isinstance(x, Var) and fusion.resolve(x)[1].pads:
            fusion.lay_out(x)
    return "host"


def writers(fusion: Fusion, group: Group, module: Module, name: str, texts: dict[str, str]) -> list[Any]:
    """What writes the kernels of a group, in the order in which they run."""
    rooted_kinds: dict[str, Any] = {"planes": PlaneKernel, "plain": PlainKernel, "indexed": PlainKernel}
    if group.kind == "scan":
        numbers = single.body(group.nodes[0])
        if numbers is not None:
            return [single.SingleKernel(fusion, group, module, name, numbers)]
        return [looped.ScanKernel(fusion, group, module, name, texts, fused_body, writers)]
    if group.kind == "control":
        return [branched.ControlKernel(fusion, group, module, name, texts, fused_body, writers)]
    if group.kind == "matmul":
        product = ProductKernel(fusion, group, module, name)
        return [product] if product.panels is None else [PackKernel(product), product]
    if group.kind in rooted_kinds:
        return [rooted_kinds[group.kind](fusion, group, module, name)]
    kernel = LoopKernel(fusion, group, module, name, REGISTER_BYTES)
    if not splittable(kernel):
        return [kernel]
    parts: dict[Node, Var] = {n: Var((64,), n.dtype) for n in kernel.nodes if folds(n)}
    return [
        Pieces(fusion, group, module, name, REGISTER_BYTES, parts),
        End(fusion, group, module, f"{name}_end", REGISTER_BYTES, parts),
    ]


def joins(fusion: Fusion, group: Group, node: Node, points: Sequence[int | None]) -> bool:
    """Whether a line may work on the results of a group's root, besides covering its domain."""
    parts = families.planes(group.nodes[0]) if group.kind == "planes" else None
    return parts is None or rooted.evenly(group, node, parts.columns, fusion, points)


__all__ = ["REGISTER_BYTES", "fused", "joins", "opaque", "writers"]
