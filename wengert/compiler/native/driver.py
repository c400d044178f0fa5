"""The functions around the kernels: a segment runs some of them in order.

A segment of a large program is run by all members of the team at once: each does its share of a kernel's tasks, small
kernels are done by member 0 alone, and a barrier stands where a kernel could meet memory that another member is still
working on.

The table of addresses begins with those named in `Place`; inputs, constants and results follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from wengert.compiler.native.ir import I8, I64, PTR, Function, Module, Value
from wengert.compiler.native.kernel import Kernel

_ALONE = 2_000.0  # nanoseconds of work below which a kernel is not shared
OUT_OF_BOUNDS, CLOSED = 1, 2  # what a program's status says
_SMALL = 60_000.0  # nanoseconds of work to share below which a program stays on one thread


# What follows the addresses of variables among a kernel's arguments, by the kind of its group.
MORE = {
    "loop": ("scratch", "status"), "matmul": ("status", "scratch"), "planes": ("status", "scratch"), "plain": (),
    "indexed": ("status",), "control": ("scratch", "status"), "scan": ("scratch", "status", "team", "barrier"),
}  # fmt: skip


class Place(IntEnum):
    """What the first addresses of a program's table are."""

    ARENA = 0
    SCRATCH = 1
    STATUS = 2
    NONE = 3  # Python's None
    REFUSED = 4  # Python's NotImplemented: arguments that are not what was compiled for
    FAILED = 5  # Python's False: a kernel found an index out of bounds
    ARRAY = 6  # NumPy's array type
    BARRIER = 7
    TEAM = 8
    EPOCH = 9  # the two counters of changes, and what they were when the addresses were noted
    SEEN = 10
    SEEN_ARRAYS = 11
    OWNED = 12  # pairs (object, number of references to it) that have to be as they were
    OWNED_COUNT = 13
    FIRST = 14  # of the program's own


class Region(NamedTuple):
    """A stretch of memory: of the arena, or of an array outside (by number)."""

    space: int
    start: int
    stop: int


class Job(NamedTuple):
    """A kernel in its place: what it is called with, and the memory it reads and writes."""

    kernel: Kernel
    gated: bool
    arguments: Callable[[Function], list[Value]]
    reads: list[Region]
    writes: list[Region]


class Gate(NamedTuple):
    """From which kernel on nothing may have failed and a flag has to be set, and where that is."""

    first: int
    flag: Callable[[Function], Value] | None


def segment(module: Module, name: str, jobs: Sequence[Job], threads: bool, gate: Gate | None = None) -> None:
    """Write ``name(table, member, members, team)``: the kernels in order, those behind a closed gate left out."""
    f = module.function(name, ["table"], ["member", "members"])
    f.arguments["team"] = Value(f, "%team", PTR)
    pending = run_jobs(f, jobs, threads, gate)
    if threads and pending:
        barrier(f)
    f.finish()


def run_jobs(f: Function, jobs: Sequence[Job], threads: bool, gate: Gate | None = None) -> bool:
    """Call kernels one after the other, with barriers between; returns whether one is due at the end."""
    open_reads: list[tuple[Region, bool]] = []
    open_writes: list[tuple[Region, bool]] = []
    pending, end = False, ""
    for number, job in enumerate(jobs):
        if gate is not None and number == gate.first:
            if threads and pending:
                barrier(f)
                open_reads, open_writes, pending = [], [], False
            end = _gate(f, gate)
        shared = threads and is_shared(job.kernel)
        if threads and _conflict(job, shared, open_reads, open_writes):
            barrier(f)
            open_reads, open_writes, pending = [], [], False
        _call(f, job, shared, threads)
        open_reads += [(r, shared) for r in job.reads]
        open_writes += [(r, shared) for r in job.writes]
        pending = True
    if end:
        f.do(f"br label %{end}")
        f.label(end)
    return pending or bool(end)


def is_shared(kernel: Kernel) -> bool:
    """Whether all members of the team work on a kernel."""
    return kernel.team or (kernel.tasks > 1 and kernel.nanoseconds > _ALONE)


def _gate(f: Function, gate: Gate) -> str:
    """Go on only where all is well, else note that it is not; returns the label behind everything."""
    status = of_table(f, Place.STATUS)
    well = f.compare("eq", f.load(status, I64), 0)
    if gate.flag is not None:
        flag = f.compare("ne", f.load(gate.flag(f), I8), 0)
        f.when(well & f.negation(flag), lambda: f.store(f.constant(CLOSED, I64), status))
        well = well & flag
    f.count += 1
    tag = f.count
    f.do(f"br i1 {well.name}, label %G{tag}, label %H{tag}")
    f.label(f"G{tag}")
    return f"H{tag}"


def _conflict(job: Job, shared: bool, reads: list[tuple[Region, bool]], writes: list[tuple[Region, bool]]) -> bool:
    def meets(mine: Iterable[Region], others: list[tuple[Region, bool]]) -> bool:
        return any(
            (shared or was_shared) and a.space == b.space and a.start < b.stop and b.start < a.stop
            for a in mine
            for b, was_shared in others
        )

    return meets([*job.reads, *job.writes], writes) or meets(job.writes, reads)


def _call(f: Function, job: Job, shared: bool, threads: bool) -> None:
    count = f.constant(job.kernel.tasks, I64)
    if job.kernel.team:
        members = (f["member"], f["members"]) if threads else (f.constant(0, I64), f.constant(1, I64))
        f.call(job.kernel.name, *job.arguments(f), *members)
        return
    if not shared:

        def run() -> None:
            f.call(job.kernel.name, *job.arguments(f), f.constant(0, I64), count)

        if threads:
            f.when(f.compare("eq", f["member"], 0), run)
        else:
            run()
        return
    begin, end = _share(f, 0, count), _share(f, 1, count)
    f.when(f.compare("slt", begin, end), lambda: f.call(job.kernel.name, *job.arguments(f), begin, end))


def _share(f: Function, after: int, count: Value) -> Value:
    """Where the share of so many tasks begins that the member has who comes so many after this one."""

    def begin() -> Value:
        member = f["member"] + after if after else f["member"]
        return f.line(I64, f"udiv {member * count!r}, {f['members'].name}")

    return f.once(("share", after, count.name), begin)


def of_table(f: Function, place: Place) -> Value:
    """One of the first addresses of a program's table, which are the same in all calls."""
    return f.once(place, lambda: f.load(f["table"], PTR, int(place)))


def barrier(f: Function) -> None:
    """Wait for all members."""
    if "barrier" not in f.arguments:
        address = of_table(f, Place.BARRIER)
        f.do(f"call void {address.name}({f['team']!r}, {f['members']!r})")
        return
    several = f.compare("sgt", f["members"], 1)
    f.when(several, lambda: f.do(f"call void {f['barrier'].name}({f['team']!r}, {f['members']!r})"))


def is_large(jobs: Iterable[Job]) -> bool:
    """Whether sharing a program's work pays: barriers cost about half a microsecond each, if nobody else computes."""
    return sum(job.kernel.nanoseconds for job in jobs if is_shared(job.kernel)) > _SMALL


__all__ = [
    "CLOSED",
    "MORE",
    "OUT_OF_BOUNDS",
    "Gate",
    "Job",
    "Place",
    "Region",
    "barrier",
    "is_large",
    "is_shared",
    "of_table",
    "run_jobs",
    "segment",
]
