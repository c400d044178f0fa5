"""The line search of strong Wolfe conditions, as in Nocedal and Wright, Algorithms 3.5 and 3.6."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A point on the line: how far along, the value, the gradient there, and the slope along the line."""

    t: float
    value: float
    gradient: Any
    slope: float


Evaluate = Callable[[float], Point]

# Sufficient decrease and curvature, the customary constants for quasi-Newton directions.
DECREASE, CURVATURE = 1e-4, 0.9


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through values and slopes of two points is least, within `bounds` (default: between them)."""
    a, b = (a, b) if a.t <= b.t else (b, a)
    low, high = bounds or (a.t, b.t)
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(t, low), high)


def _is_flat(point: Point, start: Point) -> bool:
    return abs(point.slope) <= -CURVATURE * start.slope


def _is_high(point: Point, start: Point) -> bool:
    return point.value > start.value + DECREASE * point.t * start.slope


def strong_wolfe(
    evaluate: Evaluate, start: Point, t: float, size: float, tolerance_change: float = 1e-9, most: int = 25
) -> tuple[Point, int]:
    """A point that is low and flat enough, found from the first guess `t`, and how many points were evaluated.

    `size` is the largest entry of the direction: a bracket shorter than ``tolerance_change / size`` is not cut
    further. After `most` tries the lowest end of the bracket is given.
    """
    previous, point, tries = start, evaluate(t), 0
    bracket = None
    while tries < most:
        if _is_high(point, start) or (tries > 1 and point.value >= previous.value):
            bracket = [previous, point]
            break
        if _is_flat(point, start):
            return point, tries + 1
        if point.slope >= 0:
            bracket = [previous, point]
            break
        t = cubic_minimum(previous, point, (point.t + 0.01 * (point.t - previous.t), 10 * point.t))
        previous, point = point, evaluate(t)
        tries += 1
    return _zoom(evaluate, start, bracket or [start, point], size, tolerance_change, (tries, most))


def _zoom(
    evaluate: Evaluate, start: Point, bracket: list[Point], size: float, tolerance: float, count: tuple[int, int]
) -> tuple[Point, int]:
    """Cut a bracket that holds a good point until one is found."""
    tries, most = count
    stuck = False
    low, high = (0, 1) if bracket[0].value <= bracket[1].value else (1, 0)
    while tries < most and abs(bracket[1].t - bracket[0].t) * size >= tolerance:
        t, stuck = _inner(bracket, stuck)
        point = evaluate(t)
        tries += 1
        if _is_high(point, start) or point.value >= bracket[low].value:
            bracket[high] = point
            low, high = (0, 1) if bracket[0].value <= bracket[1].value else (1, 0)
            continue
        if _is_flat(point, start):
            return point, tries + 1
        if point.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = point
    return bracket[low], tries + 1


def _inner(bracket: list[Point], stuck: bool) -> tuple[float, bool]:
    """The next guess inside a bracket; kept a tenth away from its ends where the guesses get stuck at one."""
    t = cubic_minimum(bracket[0], bracket[1])
    left, right = min(p.t for p in bracket), max(p.t for p in bracket)
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if not stuck and left < t < right:
        return t, True
    return (right - margin if abs(t - right) < abs(t - left) else left + margin), False
