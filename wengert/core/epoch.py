"""Counters that tell compiled functions whether anything they depend on may have changed.

``EPOCH[0]`` counts changes of what decides how a step is recorded: attributes of modules, hooks, options and entries
of optimizers, whether a gradient is there. ``EPOCH[1]`` counts arrays that took the place of another one: values of
parameters and buffers, gradients, state. A compiled function compares the first with the number it saw last, and looks
at its guards only where they differ; machine code that keeps addresses of arrays does so with both. ``EPOCH[2]`` says
which thread does not record at the moment (`wg.no_grad`): 0 is none, -1 several, or one that records a function for the
compiler. So machine code knows it of the thread that it runs on.
"""

from __future__ import annotations

import threading

import numpy as np

EPOCH = np.zeros(3, np.int64)
_LOCK = threading.Lock()
_PAUSED: set[int] = set()


def changed() -> None:
    """Something that may decide how a function is recorded was changed."""
    EPOCH[0] += 1


def replaced() -> None:
    """A parameter, buffer, gradient or entry of a state has another array now."""
    EPOCH[1] += 1


def paused(who: int, now: bool) -> None:
    """A thread stopped recording, or began to again; a negative number is told of no thread."""
    with _LOCK:
        (_PAUSED.add if now else _PAUSED.discard)(who)
        EPOCH[2] = max(-1, *_PAUSED) if len(_PAUSED) == 1 else -bool(_PAUSED)


__all__ = ["EPOCH", "changed", "paused", "replaced"]
