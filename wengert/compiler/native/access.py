"""How a loop nest reads and writes memory: where an operand lies as a function of the loops' indices."""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from wengert.compiler.native import windows
from wengert.compiler.native.fuse import Fusion, Group, operand_points
from wengert.compiler.native.windows import Window
from wengert.core.tape import Const, Node, Var


class Access(NamedTuple):
    """The element of `base` at ``offset + sum(strides[d] * index of dimension d)``; 0 outside of the pads."""

    base: Var
    strides: tuple[int, ...]  # by dimension of the domain
    offset: int = 0
    pads: tuple[tuple[int, int, int], ...] = ()  # (dimension, low, high)


class Operand(NamedTuple):
    """Where a line finds an operand: a number, a line of the same group, or memory."""

    number: Any = None
    node: Node | None = None
    access: Access | None = None


def operand(fusion: Fusion, group: Group, node: Node, k: int) -> Operand:
    """Where operand `k` of a line of the group comes from."""
    if not isinstance(node.inputs[k], Var):
        return Operand(number=node.inputs[k])
    base, window = fusion.operand(node, k)
    value = uniform(base)
    if value is not None and not window.pads:
        return Operand(number=value)
    if fusion.home.get(base) is group:
        assert isinstance(base, Node)
        return Operand(node=base)
    return Operand(access=_reading(group, node, k, base, window))


def _reading(group: Group, node: Node, k: int, base: Var, window: Window) -> Access:
    points = group.points[node]
    strides = [0] * len(group.domain)
    dimension: dict[int, int] = {}
    for axis, place in enumerate(operand_points(node, k)):
        found = None if place is None else points[place]
        if found is not None and window.shape[axis] != 1:
            strides[found] = window.strides[axis]
            dimension[axis] = found
    offset = window.offset
    pads = []
    for axis, low, high in window.pads:
        if axis in dimension:
            pads.append((dimension[axis], low, high))
    if node.prim.name == "concatenate":
        axis = node.attrs["axis"]
        start = sum(y.shape[axis] for y in node.inputs[:k])
        place = points[axis]
        if place is not None:
            step = window.strides[axis] if window.shape[axis] != 1 else 0
            strides[place] = step
            offset -= start * step
            pads = [(d, low + start * (d == place), high + start * (d == place)) for d, low, high in pads]
            pads.append((place, start, start + window.shape[axis]))
    return Access(base, tuple(strides), offset, tuple(pads))


def writing(group: Group, node: Node) -> Access:
    """Where the result of a line of the group goes: row by row into its own memory."""
    strides = [0] * len(group.domain)
    for dimension, step in zip(group.axes[node], windows.contiguous(node.shape), strict=True):
        if dimension is not None:
            strides[dimension] = step
    return Access(node, tuple(strides))


_uniform: WeakKeyDictionary[Const, np.generic | None] = WeakKeyDictionary()


def uniform(x: Var) -> np.generic | None:
    """The number that a constant repeats everywhere."""
    if not isinstance(x, Const) or not isinstance(x.value, np.ndarray | np.generic) or not x.value.size:
        return None
    if x not in _uniform:
        value = np.asarray(x.value)
        first = value[(0,) * value.ndim]
        same = value.size == 1 or not any(value.strides) or bool(np.all(value == first))
        _uniform[x] = first if same and (value.size == 1 or first != 0 or not np.signbit(value).any()) else None
    return _uniform[x]


__all__ = ["Access", "Operand", "operand", "uniform", "writing"]
