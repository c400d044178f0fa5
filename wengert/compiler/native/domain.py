"""How lines lie in a domain: the points they work on, and which axes of their operands run along those."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.compiler.native import windows
from wengert.compiler.native.windows import Window
from wengert.core.tape import Const, Node, Var

Axes = tuple[int | None, ...]
REDUCTIONS = frozenset({"sum", "prod", "max", "min", "any", "all"})
# What costs a processor no more than adding does.
CHEAP = frozenset({
    "add", "subtract", "multiply", "negative", "where", "maximum", "minimum", "relu", "astype", "abs", "square",
    "multiply_no_nan", "isfinite", "equal", "not_equal", "greater", "greater_equal", "less", "less_equal",
    "scatter_add",
})  # fmt: skip


def operands(node: Node) -> Iterator[tuple[int, Var]]:
    """The operands that have values at run time, with their numbers."""
    skipped = len(node.inputs) - 1 if is_pick(node) or is_spread(node) else 0
    for k, x in enumerate(node.inputs):
        if isinstance(x, Var) and not (skipped and 1 <= k < skipped):
            yield k, x


def variables(node: Node) -> Iterator[Var]:
    """The operands that have values at run time."""
    return (x for _, x in operands(node))


def reduced(node: Var) -> tuple[int, ...] | None:
    """The axes of its operand that a line folds; None for other lines."""
    if not isinstance(node, Node):
        return None
    if node.prim.name in REDUCTIONS:
        return tuple(node.attrs["axes"])
    return (len(node.inputs[0].shape) - 1,) if is_pick(node) else None


def iterated(node: Node) -> tuple[int, ...]:
    """The shape of the points that a line works on."""
    return tuple(node.shape if reduced(node) is None else node.inputs[0].shape)


def operand_points(node: Node, k: int) -> Axes:
    """For each axis of operand `k`, the axis of the line's points that it runs along."""
    rank = len(iterated(node))
    x = node.inputs[k]
    if is_pick(node) or is_spread(node):
        if is_pick(node) and k == 0:
            return tuple(range(rank))
        rank -= 1  # index and values have no axis along which is picked
    return tuple(range(rank - len(x.shape), rank))


def plain_axes(base: Var, window: Window) -> Axes | None:
    """For each axis of a window, the axis of its base that it is, None where repeated; None for other windows."""
    if window.offset or window.pads:
        return None
    strides = windows.contiguous(base.shape)
    left = {a for a, n in enumerate(base.shape) if n != 1}
    found: list[int | None] = []
    for n, s in zip(window.shape, window.strides, strict=True):
        if n == 1 or s == 0:
            found.append(None)
            continue
        axis = next((a for a in left if strides[a] == s and base.shape[a] == n), None)
        if axis is None:
            return None
        left.discard(axis)
        found.append(axis)
    return None if left else tuple(found)


def completed(domain: tuple[int, ...], natural: tuple[int, ...], points: list[int | None]) -> bool:
    """Give the axes about which no operand said anything a free dimension of their length."""
    shift = len(domain) - len(natural)
    for axis, n in enumerate(natural):
        if n == 1 or points[axis] is not None:
            if points[axis] is not None and domain[points[axis]] != n:  # type: ignore[index]
                return False
            continue
        taken = {p for p in points if p is not None}
        aligned = axis + shift
        if 0 <= aligned < len(domain) and aligned not in taken and domain[aligned] == n:
            points[axis] = aligned
            continue
        free = [d for d, m in enumerate(domain) if m == n and d not in taken]
        if not free:
            return False
        points[axis] = free[0]
    return True


def known(dtype: Any) -> bool:
    """Whether loops can read and write numbers of this dtype."""
    real = isinstance(dtype, np.dtype) and dtype.kind in "fiub" and dtype.isnative
    return real and dtype != np.float16 and dtype.itemsize <= 8


def _ordinary(node: Node) -> bool:
    """Whether all index arrays but the last one count along their own axis: (0 …, 1 …, picked)."""
    indices = node.inputs[1:]
    if len(indices) < 2 or node.attrs["place"] != 0:
        return False
    last = indices[-1]
    lengths = node.inputs[0].shape if node.prim.name == "gather" else node.attrs["shape"]
    rank = len(lengths)
    if node.attrs["axes"] != tuple(range(rank)) or len(indices) != rank or not isinstance(last, Var):
        return False
    common = lengths[:-1]
    if tuple(last.shape) != tuple(common) or last.dtype.kind not in "iu":
        return False
    for axis, index in enumerate(indices[:-1]):
        if not isinstance(index, Const) or not isinstance(index.value, np.ndarray):
            return False
        shape = [1] * len(common)
        shape[axis] = common[axis]
        try:
            if not np.array_equal(np.broadcast_to(index.value, common),
                                  np.broadcast_to(np.arange(common[axis]).reshape(shape), common)):  # fmt: skip
                return False
        except ValueError:
            return False
    return True


def is_pick(node: Var) -> bool:
    """Whether a line picks one element of each row: ``x[0 …, index]``, as the cross-entropy does."""
    if not isinstance(node, Node) or node.prim.name != "gather":
        return False
    return _ordinary(node) and 0 not in node.inputs[0].shape and known(node.dtype)


def is_spread(node: Var) -> bool:
    """The transpose of that: zeros with one value in each row."""
    if not isinstance(node, Node) or node.prim.name != "scatter_add":
        return False
    v = node.inputs[0]
    if not isinstance(v, Var) or len(v.shape) >= len(node.shape) or 0 in node.shape:
        return False
    return _ordinary(node) and known(node.dtype) and v.dtype == node.dtype


__all__ = [
    "CHEAP", "REDUCTIONS", "Axes", "completed", "is_pick", "is_spread", "iterated", "known", "operand_points",
    "operands",
    "plain_axes", "reduced", "variables",
]  # fmt: skip
