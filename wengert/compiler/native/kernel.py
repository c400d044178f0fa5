"""What the planner knows of a kernel: a function of pointers and of the range of tasks that one thread shall do."""

from __future__ import annotations

from typing import NamedTuple


class Kernel(NamedTuple):
    """A function ``void @name(ptr …, i64 begin, i64 end)`` of a module.

    ``tasks`` is how many independent pieces of work it has (a thread does those of its range), ``flops`` and
    ``bytes`` what one call costs in all, ``scratch`` the bytes of memory of its own that each thread needs.
    """

    name: str
    tasks: int
    flops: float = 0.0
    bytes: float = 0.0
    scratch: int = 0
    team: bool = False  # all members run it at once, as (member, members), and it shares out its work itself


__all__ = ["Kernel"]
