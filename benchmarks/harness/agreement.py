"""Whether the frameworks compute the same thing; no time is reported of one that does not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.harness.definitions import Workload


class Unmoved(Exception):
    """The losses hardly change from step to step, so that their agreement would prove nothing."""


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest relative difference: of losses each by itself, of an array against its largest magnitude."""
    if found.shape != expected.shape:
        return float("inf")
    each = expected.ndim <= 1 and expected.size <= 64
    scale = np.abs(expected) if each else np.max(np.abs(expected))
    error = np.max(np.abs(found - expected) / np.maximum(scale, 1e-30))
    return float(error) if np.isfinite(error) else float("inf")


def expected(workload: Workload, results: Mapping[str, np.ndarray]) -> np.ndarray:
    """What all should have computed: the closed form, else the median of the finite results of the commonest shape.

    Raises `Unmoved` where the losses move by less than ten times the tolerance.
    """
    finite = [result for result in results.values() if np.isfinite(result).all()] or list(results.values())
    shapes = [result.shape for result in finite]
    shape = max(set(shapes), key=shapes.count)
    if workload.reference is not None:
        return np.asarray(workload.reference(workload.make()), np.float64).reshape(shape)
    median = np.median([result for result in finite if result.shape == shape], axis=0)
    if workload.losses:
        moved = abs(median.flat[-1] / median.flat[0] - 1)
        if not moved > 10 * workload.tolerance:
            raise Unmoved(f"the loss moves by {moved:.2g} only; agreement to {workload.tolerance:g} proves nothing")
    return np.asarray(median)


def disagreements(
    workload: Workload, results: Mapping[str, np.ndarray], after_reset: Mapping[str, float]
) -> tuple[dict[str, float], dict[str, str]]:
    """Each framework's difference from what is expected, and what is wrong with those that disagree."""
    wanted = expected(workload, results)
    differences = {name: difference(result, wanted) for name, result in results.items()}
    faults = {}
    for name, error in differences.items():
        if not error <= workload.tolerance:
            faults[name] = f"results do not agree: relative difference {error:.2g}"
        elif not after_reset[name] <= workload.tolerance:
            faults[name] = f"a second run from the first values differs by {after_reset[name]:.2g}"
    return differences, faults
