"""Constant folding: a line that reads only numbers and constants is computed now, with the same NumPy function.

| not folded | why |
|---|---|
| results larger than 4 KiB and than their operands | the constant would cost more memory than the line costs time |
| lines with several values, loops, branches | they are rare, and a loop may be long |
| random draws | the key is smaller than what it draws |
| lines of the user's own code, checkpoints | what that code does is not known |
| lines NumPy refuses | the error belongs to the call, not to the compilation |
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.rewrite import OPAQUE, Builder, array_of, rewrite, with_bodies
from wengert.core.tape import Const, Node, Tape, Var

_SMALL = 4096  # bytes


@with_bodies
def fold(tape: Tape) -> Tape:
    """The list without lines whose value is known."""

    def change(_builder: Builder, node: Node, inputs: tuple[Any, ...]) -> Var | None:
        if not _foldable(node):
            return None
        arrays = [array_of(x) if isinstance(x, Var) else x for x in inputs]
        if any(a is None for a in arrays) or _bytes(node) > max(_SMALL, sum(getattr(a, "nbytes", 0) for a in arrays)):
            return None
        try:
            with np.errstate(all="ignore"):
                value = node.prim.impl(*arrays, **node.attrs)
        except Exception:  # it is raised again where the line runs, in the words of eager code
            return None
        return Const(value)

    return rewrite(tape, change)


def _foldable(node: Node) -> bool:
    name = node.prim.name
    return not (
        node.prim.multi
        or name == "part"
        or name in OPAQUE
        or name.startswith("random_")
        or any(isinstance(v, Tape) for v in node.attrs.values())
    )


def _bytes(node: Node) -> int:
    return int(np.prod(node.shape, dtype=np.int64)) * int(node.dtype.itemsize)


__all__ = ["fold"]
