"""Writing lines of a list by the names of primitives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.compiler.rewrite import Builder
from wengert.core.primitive import REGISTRY
from wengert.core.tape import Node


class Writer:
    """Writes lines by name; the shape and dtype of each are asked of its primitive."""

    def __init__(self, builder: Builder, like: Node) -> None:
        self.builder, self.like = builder, like

    def __getattr__(self, name: str) -> Callable[..., Node]:
        prim = REGISTRY[name]

        def line(*inputs: Any, **attrs: Any) -> Node:
            aval = prim.aval(*inputs, **attrs)
            node = Node(prim, inputs, attrs, aval.shape, aval.dtype, self.like.code, self.like.lasti)
            self.builder.nodes.append(node)
            return node

        return line


__all__ = ["Writer"]
