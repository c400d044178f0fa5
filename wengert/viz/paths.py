"""The reverse sweep taken apart: what every line sends to each of its operands, and every local derivative."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from wengert.core.primitive import PART
from wengert.core.record import Tensor
from wengert.core.tape import Input, Node, Tape, Var
from wengert.ops.elementwise import Elementwise
from wengert.transforms.reverse import fit
from wengert.viz.lines import Local

SMALL = 36  # numbers of a Jacobian that is shown in full
MOST_ROWS = 64  # of a Jacobian whose norm is worth as many sweeps
MOST_NUMBERS = 1_000_000
PICTURE = 16  # rows and columns of the picture of a large Jacobian
MOST_DRAWN = 100_000  # numbers of a line and its operand, for a picture


class Path(NamedTuple):
    """What `line` sends to its operand at `position`."""

    line: Node
    position: int
    value: Any


def plain(x: Any) -> Any:
    """The array or number in a tensor, through all levels."""
    while isinstance(x, Tensor):
        x = x.value
    return x


def carries_gradient(x: Any) -> bool:
    """Whether gradients flow to an operand: a variable of floating numbers that is no constant."""
    return isinstance(x, Var) and x.tracked and not isinstance(x.dtype, tuple) and x.dtype.kind in "fc"


def size(x: Var) -> int:
    """How many numbers a line holds."""
    if isinstance(x.dtype, tuple):
        return sum(math.prod(s) for s in x.shape)
    return math.prod(x.shape)


def sent(node: Node, g: Any, behind_mask: bool = False) -> list[Any]:
    """The cotangents of the operands of one line from its own; None where nothing flows."""
    xs = [_operand(x) for x in node.inputs]
    needs = [isinstance(x, Var) and x.tracked for x in node.inputs]
    y = tuple(map(plain, node.value)) if node.prim.multi and node.value is not None else _operand(node)
    pull = node.prim.pull_behind_mask if behind_mask else node.prim.pull
    found = pull(g, y, xs, needs, node.attrs)
    return [
        plain(fit(gx, x, node.prim.name)) if need and gx is not None else None
        for gx, x, need in zip(found, node.inputs, needs, strict=True)
    ]


def _operand(x: Any) -> Any:
    """The value; where recording kept none, because no rule reads it, the variable with its shape and dtype."""
    if not isinstance(x, Var):
        return x
    return x if x.value is None else plain(x.value)


@np.errstate(all="ignore")
def pull_back(tape: Tape, seeds: dict[Var, Any]) -> tuple[dict[Var, Any], dict[Var, list[Path]]]:
    """The adjoint of every variable, and the paths whose contributions add up to it."""
    adjoints: dict[Var, Any] = dict(seeds)
    paths: dict[Var, list[Path]] = {}
    masked: set[Var] = set()
    for node in reversed(tape.nodes):
        g = adjoints.get(node)
        if g is None:
            continue
        if node.prim is PART:
            whole = node.inputs[0]
            parts = adjoints.setdefault(whole, [np.zeros(s, d) for s, d in zip(whole.shape, whole.dtype, strict=True)])
            parts[node.attrs["index"]] = parts[node.attrs["index"]] + g
            continue
        behind = node.prim.masks or node in masked
        for position, gx in enumerate(sent(node, tuple(g) if node.prim.multi else g, behind)):
            if gx is not None:
                x = node.inputs[position]
                paths.setdefault(x, []).append(Path(node, position, gx))
                adjoints[x] = adjoints[x] + gx if x in adjoints else gx
                if behind:
                    masked.add(x)
    return adjoints, paths


@np.errstate(all="ignore")
def local(node: Node, position: int, draw: bool = True) -> Local:
    """The derivative of a line by one operand, by one pull a row of the Jacobian; `draw`: large ones as picture."""
    x = node.inputs[position]
    rows, columns = size(node), size(x)
    if node.prim.multi or node.prim is PART:
        return Local("large", None, (rows, columns), None)
    shape = (*node.shape, *x.shape)
    if rows == columns == 1:
        value = _row(node, position, np.ones(node.shape, node.dtype)).reshape(())[()]
        return Local("number", value, shape, float(abs(value)))
    if isinstance(node.prim, Elementwise) and node.shape == x.shape:
        value = _row(node, position, np.ones(node.shape, node.dtype))
        return Local("diagonal", value, shape, _norm([value]))
    picture = _picture(node, position) if draw and rows + columns <= MOST_DRAWN and rows * columns > SMALL else None
    if rows > MOST_ROWS or rows * columns > MOST_NUMBERS:
        return Local("large", None, shape, None, rows, picture)
    found = (_row(node, position, unit.reshape(node.shape)) for unit in np.eye(rows, dtype=node.dtype))
    if rows * columns > SMALL:
        return Local("large", None, shape, _norm(found), rows, picture)
    jacobian = np.array([row.ravel() for row in found], x.dtype).reshape(shape)
    return Local("full", jacobian, shape, _norm([jacobian]), rows)


def _picture(node: Node, position: int) -> Any:
    """Up to 16 rows of a Jacobian, evenly spaced, each as up to 16 blocks."""
    rows = size(node)
    drawn = []
    for i in np.unique(np.linspace(0, rows - 1, min(rows, PICTURE)).astype(int)):
        unit = np.zeros(rows, node.dtype)
        unit[i] = 1
        drawn.append(_row(node, position, unit.reshape(node.shape)).ravel())
    return pooled(np.array(drawn), PICTURE)


def pooled(x: Any, most: int) -> Any:
    """A matrix of at most so many rows and columns: of each block, the number that is farthest from zero, or NaN."""
    x = np.abs(x) if np.iscomplexobj(x) else np.asarray(x, np.float64)
    for axis in (0, 1):
        if x.shape[axis] > most:
            starts = np.linspace(0, x.shape[axis], most, endpoint=False).astype(int)
            high, low = np.maximum.reduceat(x, starts, axis), np.minimum.reduceat(x, starts, axis)
            x = np.where(high >= -low, high, np.where(np.isnan(low), np.nan, low))
    return x


def _row(node: Node, position: int, g: Any) -> Any:
    x = node.inputs[position]
    # As behind a mask: the zeros of a unit vector stand for results that are not asked for, 0·inf is none of theirs.
    found = sent(node, g, behind_mask=True)[position]
    return np.zeros(x.shape, x.dtype) if found is None else np.asarray(found)


def _norm(parts: Iterable[Any]) -> float:
    return math.sqrt(sum(float(np.sum(np.abs(p.astype(np.result_type(p, np.float64))) ** 2)) for p in parts))


def multiplications(tape: Tape, inputs: Iterable[Var]) -> tuple[int, int]:
    """Of numbers, in forward and in reverse mode, where every local derivative is a full matrix.

    Forward mode multiplies each by the derivatives of its operand by all inputs, reverse mode by the derivatives of
    all results by the line. Where those are the identity (at an input, at a result) there is nothing to do.
    """
    directions = sum(map(size, inputs))
    results = sum(size(y) for y in tape.outputs if isinstance(y, Var))
    read = {x for node in tape.nodes for x in node.inputs if isinstance(x, Var)}
    ends = {y for y in tape.outputs if isinstance(y, Var) and y not in read}
    forward = reverse = 0
    for node in tape.nodes:
        for x in node.inputs:
            if isinstance(x, Node) or carries_gradient(x):
                numbers = size(node) * size(x)
                forward += 0 if isinstance(x, Input) else numbers * directions
                reverse += 0 if node in ends else numbers * results
    return forward, reverse


__all__ = ["Path", "carries_gradient", "local", "multiplications", "plain", "pooled", "pull_back", "size"]
