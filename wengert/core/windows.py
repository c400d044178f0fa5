"""Handles that share memory in NumPy: a basic index, a reshape or a transpose of an array is a window onto it.

Here every tensor is a value. So that writing never computes something else than NumPy would, handles that would
share memory there are kept in one group: writing into the base makes its windows unreadable; writing into a window
taken by a basic index writes into what it was taken from, as in NumPy; writing into another window whose base, or a
sister window, is still in use is refused.
"""

from __future__ import annotations

import weakref
from typing import Any


class Group:
    """The base handle and its windows, weakly."""

    __slots__ = ("base", "members")

    def __init__(self, base: Any) -> None:
        self.base = weakref.ref(base)
        # Each window with the handle it was taken from, and how.
        self.members: list[tuple[weakref.ref[Any], weakref.ref[Any], Any]] = []

    def add(self, window: Any, source: Any, index: Any) -> None:
        """A new window; forgets the dead ones now and then."""
        if len(self.members) > 16 and len(self.members) & (len(self.members) - 1) == 0:
            self.members = [m for m in self.members if m[0]() is not None]
        self.members.append((weakref.ref(window), weakref.ref(source), index))

    def others(self, handle: Any) -> list[Any]:
        """The living handles of the group but `handle`."""
        living = [self.base(), *(m[0]() for m in self.members)]
        return [h for h in living if h is not None and h is not handle]

    def leave(self, handle: Any) -> None:
        """Forget one window."""
        self.members = [m for m in self.members if m[0]() is not handle]

    def source(self, handle: Any) -> tuple[Any, Any]:
        """What the window `handle` was taken from by indexing, and the index; None where it is gone, or otherwise."""
        for window, source, index in self.members:
            if window() is handle and index is not None:
                return source(), index
        return None, None


def origin_of(handle: Any) -> Any:
    """The tensor that `handle` is ``.data`` or ``.detach()`` of, where that is still in use; else `handle` itself."""
    reference = getattr(handle, "origin", None)
    found = None if reference is None else reference()
    return handle if found is None else found


def join(base: Any, window: Any, index: Any = None) -> None:
    """Note that `window` shares memory with `base` (with the tensor that `base` is ``.data`` of)."""
    source, base = base, origin_of(base)
    group = getattr(base, "group", None)
    if group is None:
        group = base.group = Group(base)
    window.group = group
    group.add(window, source, index)
