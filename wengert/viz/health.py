"""What is wrong with a run, found in its numbers: NaN and infinity, dead units, gradients that vanish or explode."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wengert.viz.figures import bad, one, root_mean_square
from wengert.viz.lines import Account, Line

RATIO = 1e4  # between the gradients of two thirds of a list, from which on they vanish or explode
FEW = 3  # lines in a third, below which nothing is said
RECTIFIERS = {"relu", "maximum", "clip", "leaky_relu"}
MOST_NAMED = 5


class Finding(NamedTuple):
    """Something to look at: how bad it is (``bad`` or ``warn``), in words, and the line to look at."""

    level: str
    words: str
    line: str
    badge: str = ""  # at the box


def findings(e: Account) -> list[Finding]:
    """Everything found, the worst first."""
    found = [*_not_finite(e), *_dead(e), *_depth(e)]
    return sorted(found, key=lambda f: f.level != "bad")


def _not_finite(e: Account) -> list[Finding]:
    found: list[Finding] = []
    for line in e.lines:
        if line.value is not None and (what := bad(line.value)):
            where = f" ({line.source})" if line.source else ""
            words = f"The first {what} in the forward sweep: {line.name}{where}."
            found.append(Finding("bad", words, line.name, f"first {what}"))
            break
    for line in reversed(e.lines):
        if line.adjoint is not None and (what := bad(line.adjoint)):
            words = f"The first {what} in the backward sweep: the adjoint of {line.name}."
            badge = "" if line.name in {f.line for f in found} else f"first {what} back"
            found.append(Finding("bad", words, line.name, badge))
            break
    return found


def dead_units(line: Line) -> tuple[int, int] | None:
    """Of a rectifier's units, how many are zero for every row of the batch, and how many there are."""
    if line.operation is None or line.operation.op not in RECTIFIERS or not isinstance(line.value, np.ndarray):
        return None
    x = line.value
    if x.ndim < 2 or not x.size or x.shape[0] < 2:
        return None
    axes = (0, 2, 3) if x.ndim == 4 else tuple(range(x.ndim - 1))
    dead = np.all(x == 0, axis=axes)
    return int(dead.sum()), int(dead.size)


def _dead(e: Account) -> list[Finding]:
    found = []
    for line in e.lines:
        counts = dead_units(line)
        if counts and counts[0]:
            words = f"{counts[0]} of {counts[1]} units of {line.name} are zero for the whole batch."
            found.append(Finding("warn", words, line.name))
    return found[:MOST_NAMED]


def _depth(e: Account) -> list[Finding]:
    """The gradients of the first third of the list beside those of the last, by their medians."""
    sizes: list[tuple[float, Line]] = []
    for line in e.lines:
        size = None if line.adjoint is None or line.kind != "operation" else root_mean_square(line.adjoint)
        if size:
            sizes.append((size, line))
    third = len(sizes) // 3
    if third < FEW:
        return []
    (first, near), (last, far) = (
        sorted(part, key=lambda p: p[0])[third // 2] for part in (sizes[:third], sizes[-third:])
    )
    if max(first / last, last / first) < RATIO:
        return []
    words = (
        f"Gradients {'vanish' if first < last else 'explode'} towards the inputs: root mean square "
        f"{one(last, 2)} at {far.name}, {one(first, 2)} at {near.name}."
    )
    return [Finding("warn", words, near.name)]


__all__ = ["Finding", "dead_units", "findings"]
