"""Counters that tell compiled functions whether anything they depend on may have changed.

``EPOCH[0]`` counts changes of what decides how a step is recorded: attributes of modules, hooks, options and entries
of optimizers, whether a gradient is there. ``EPOCH[1]`` counts arrays that took the place of another one: values of
parameters and buffers, gradients, state. A compiled function compares the first with the number it saw last, and looks
at its guards only where they differ; machine code that keeps addresses of arrays does so with both. ``EPOCH[2]`` says
which thread does not record at the moment (`wg.no_grad`): 0 is none, -1 several, or one that records a function for the
compiler. So machine code knows it of the thread that it runs on.
"""

from __future__ import annotations

import os
import threading
from collections import Counter

import numpy as np

EPOCH = np.zeros(3, np.int64)
_LOCK = threading.RLock()
_PAUSED: Counter[int] = Counter()
if hasattr(os, "register_at_fork"):  # a child is not born with a lock that a thread it does not have holds
    os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)


def changed() -> None:
    """Something that may decide how a function is recorded was changed."""
    EPOCH[0] += 1


def replaced() -> None:
    """A parameter, buffer, gradient or entry of a state has another array now."""
    EPOCH[1] += 1


class Paused:
    """That a thread does not record, as long as this lives: no longer than the thread, if the thread holds it.

    A negative number is of no thread: machine code then asks Python.
    """

    __slots__ = ("who",)

    def __init__(self, who: int) -> None:
        self.who = who
        self._note(1)

    def __del__(self) -> None:
        self._note(-1)

    def _note(self, change: int) -> None:
        with _LOCK:
            _PAUSED[self.who] += change
            if not _PAUSED[self.who]:
                del _PAUSED[self.who]
            EPOCH[2] = max(-1, *_PAUSED) if len(_PAUSED) == 1 else -bool(_PAUSED)


__all__ = ["EPOCH", "Paused", "changed", "replaced"]
