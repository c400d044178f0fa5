"""Two counters that tell compiled functions whether anything they depend on may have changed.

``EPOCH[0]`` counts changes of what decides how a step is recorded: attributes of modules, hooks, options and entries
of optimizers, whether a gradient is there. ``EPOCH[1]`` counts arrays that took the place of another one: values of
parameters and buffers, gradients, state. A compiled function compares the first with the number it saw last, and looks
at its guards only where they differ; machine code that keeps addresses of arrays does so with both.
"""

from __future__ import annotations

import numpy as np

EPOCH = np.zeros(2, np.int64)


def changed() -> None:
    """Something that may decide how a function is recorded was changed."""
    EPOCH[0] += 1


def replaced() -> None:
    """A parameter, buffer, gradient or entry of a state has another array now."""
    EPOCH[1] += 1


__all__ = ["EPOCH", "changed", "replaced"]
