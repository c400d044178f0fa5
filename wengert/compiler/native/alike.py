"""Groups that differ in nothing but where their values lie: their kernels are written once.

A model's layers repeat the same groups. Writing a kernel takes a hundred times as long as comparing two groups.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.native.fuse import Fusion, Group
from wengert.core.tape import Const, Node, Var

_SMALL = 1 << 12  # bytes of a constant that is compared by value
_ALONE = frozenset({"scan", "control"})  # whose lines hold lists


class Unknown(Exception):
    """Something that cannot be compared."""


def signature(fusion: Fusion, group: Group) -> tuple[Any, dict[Var, int]] | None:
    """What the kernels of a group depend on, and the number that stands in it for each variable; None if unknown."""
    if group.kind in _ALONE:
        return None
    numbers: dict[Var, int] = {node: i for i, node in enumerate(group.nodes)}
    try:
        lines = tuple(_line(fusion, group, node, numbers) for node in group.nodes)
    except Unknown:
        return None
    inner = None if group.inner is None else tuple(sorted(group.inner))
    return (group.kind, group.domain, inner, tuple(numbers[n] for n in group.outputs), lines), numbers


def _line(fusion: Fusion, group: Group, node: Node, numbers: dict[Var, int]) -> tuple[Any, ...]:
    reads = []
    for k, (base, window) in fusion.reads.get(node, {}).items():
        number = numbers.setdefault(base, len(numbers))
        reads.append((k, number, type(base), base.shape, base.dtype, window, _constant(base)))
    inputs = tuple((numbers.setdefault(x, len(numbers)), x.shape, x.dtype, _constant(x)) if isinstance(x, Var)
                   else _plain(x) for x in node.inputs)  # fmt: skip
    attrs = tuple((name, _plain(value)) for name, value in node.attrs.items())
    where = group.points.get(node), group.axes.get(node), group.phases.get(node)
    return node.prim, attrs, node.shape, node.dtype, where, tuple(reads), inputs


def _constant(x: Var) -> Any:
    if not isinstance(x, Const):
        return None
    if isinstance(x.value, np.ndarray | np.generic) and x.value.nbytes <= _SMALL and x.value.dtype.kind in "fiubc":
        return x.value.tobytes()
    return id(x.value)


def _plain(value: Any) -> Any:
    """A value as something that is equal only to what is the same in every respect."""
    if isinstance(value, tuple):
        return type(value), tuple(map(_plain, value))
    if value is None or isinstance(value, bool | int | float | complex | str | np.dtype | np.generic):
        return type(value), repr(value)
    if isinstance(value, type):
        return value
    raise Unknown


__all__ = ["signature"]
