"""Handles that share memory in NumPy: a basic index, a reshape or a transpose of an array is a window onto it.

Here every tensor is a value. So that writing never computes something else than NumPy would, handles that would
share memory there are kept in one group: writing into the base makes its windows unreadable, and writing into a
window whose base, or a sister window, is still in use is refused.
"""

from __future__ import annotations

import weakref
from typing import Any


class Group:
    """The base handle and its windows, weakly."""

    __slots__ = ("base", "members")

    def __init__(self, base: Any) -> None:
        self.base = weakref.ref(base)
        self.members: list[weakref.ref[Any]] = []

    def add(self, window: Any) -> None:
        """A new window; forgets the dead ones now and then."""
        if len(self.members) > 16 and len(self.members) & (len(self.members) - 1) == 0:
            self.members = [m for m in self.members if m() is not None]
        self.members.append(weakref.ref(window))

    def others(self, handle: Any) -> list[Any]:
        """The living handles of the group but `handle`."""
        living = [self.base(), *(m() for m in self.members)]
        return [h for h in living if h is not None and h is not handle]


def join(base: Any, window: Any) -> None:
    """Note that `window` shares memory with `base`."""
    group = getattr(base, "group", None)
    if group is None:
        group = base.group = Group(base)
    window.group = group
    group.add(window)
