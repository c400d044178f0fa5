"""Python's search for circles of references, put off while many objects are made that all live on."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No search meanwhile; it goes on afterwards where it was on before.

    A list of a thousand lines is tens of thousands of objects. Python would look through all of them several times
    while they are made, and find nothing.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


__all__ = ["uncollected"]
