"""What the planner knows of a kernel: a function of pointers and of the range of tasks that one thread shall do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

DENSE = 100.0  # flops in a nanosecond of kernels that multiply and add values in registers
_MOVED = 15.0  # bytes in a nanosecond


class Kernel(NamedTuple):
    """A function ``void @name(ptr …, i64 begin, i64 end)`` of a module.

    ``tasks`` is how many independent pieces of work it has (a thread does those of its range), ``flops`` and
    ``bytes`` what one call costs in all, ``scratch`` the bytes of memory of its own that each thread needs, and
    ``rate`` about how many of the flops one thread does in a nanosecond.
    """

    name: str
    tasks: int
    flops: float = 0.0
    bytes: float = 0.0
    scratch: int = 0
    team: bool = False  # all members run it at once, as (member, members), and it shares out its work itself
    rate: float = 20.0

    @property
    def nanoseconds(self) -> float:
        """About how long it takes on one thread."""
        return max(self.flops / self.rate, self.bytes / _MOVED)

    def runs(self, kernels: Sequence[Kernel], times: int = 1) -> Kernel:
        """This kernel with the cost of others that it calls so many times, one after the other."""
        flops, size = (times * sum(getattr(k, what) for k in kernels) for what in ("flops", "bytes"))
        work = times * sum(k.nanoseconds for k in kernels)
        return self._replace(flops=flops, bytes=size, rate=flops / work if flops else self.rate)


__all__ = ["DENSE", "Kernel"]
