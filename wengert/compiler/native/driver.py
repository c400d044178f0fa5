"""The functions around the kernels: a segment runs some of them in order, an entry is what Python calls.

A segment of a large program is run by all members of the team at once: each does its share of a kernel's tasks, small
kernels are done by member 0 alone, and a barrier stands where a kernel could meet memory that another member is still
working on.

The table of addresses begins with those named in `Place`; inputs, constants and results follow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from wengert.compiler.native.ir import I8, I32, I64, PTR, Function, Module, Value
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.threads import FUNCTION, JOB, MEMBERS, TABLE

_ALONE = 5_000.0  # nanoseconds of work below which a kernel is not shared
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


class Argument(NamedTuple):
    """What an array handed to an entry has to be: its place in the table; the dtype's place, and the shape."""

    place: int
    dtype: int | None = None  # None: made by us, not to be checked
    shape: tuple[int, ...] = ()
    bytes: int = 0  # of one of them


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
    status = f.load(f["table"], PTR, int(Place.STATUS))
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
    begin = f.line(I64, f"udiv {f['member'] * count!r}, {f['members'].name}")
    end = f.line(I64, f"udiv {(f['member'] + 1) * count!r}, {f['members'].name}")
    f.when(f.compare("slt", begin, end), lambda: f.call(job.kernel.name, *job.arguments(f), begin, end))


def barrier(f: Function) -> None:
    """Wait for all members."""
    if "barrier" not in f.arguments:
        address = f.load(f["table"], PTR, int(Place.BARRIER))
        f.do(f"call void {address.name}({f['team']!r}, {f['members']!r})")
        return
    several = f.compare("sgt", f["members"], 1)
    f.when(several, lambda: f.do(f"call void {f['barrier'].name}({f['team']!r}, {f['members']!r})"))


def is_large(jobs: Iterable[Job]) -> bool:
    """Whether sharing a program's work pays: barriers cost about half a microsecond each, if nobody else computes."""
    return sum(job.kernel.nanoseconds for job in jobs if is_shared(job.kernel)) > _SMALL


def entry(module: Module, name: str, run: str, arguments: Sequence[Argument], threads: bool, bound: bool) -> None:
    """Write a C function for `PyCFunction`: checks arrays, notes their addresses, runs a segment, returns None.

    ``name(self, arguments, count)`` with `self` the table, an array. It returns NotImplemented where an argument does
    not fit, False where the status tells of a closed gate or an index out of bounds. A `bound` entry relies on the
    addresses of arrays outside that were noted before, and returns NotImplemented where those may be others now.
    """
    f, table = _entered(module, name, len(arguments), bound)
    for number, argument in enumerate(arguments):
        array = f.load(f["arguments"], PTR, number)
        if argument.dtype is not None:
            _check(f, table, array, argument)
        f.store(f.load(array, PTR, 2), table, argument.place)
    _run(f, table, run, threads)
    _answer(f, table, Place.NONE, last=True)
    f.finish()


def rounds(module: Module, name: str, run: str, arguments: Sequence[Argument], threads: bool) -> None:
    """Write the function that runs a segment for each row of its arguments, as `entry` does for one.

    All arrays have as many rows as the first. Where a round fails, its number is noted behind the status.
    """
    f, table = _entered(module, name, len(arguments), bound=True)
    arrays = [f.load(f["arguments"], PTR, number) for number in range(len(arguments))]
    count = f.load(f.load(arrays[0], PTR, 4), I64)
    for array, argument in zip(arrays, arguments, strict=True):
        if argument.dtype is not None:
            _check(f, table, array, argument, count)
    starts = [f.load(array, PTR, 2) for array in arrays]

    def one(i: Value) -> None:
        for start, argument in zip(starts, arguments, strict=True):
            f.store(f.at(start, i * argument.bytes, I8), table, argument.place)
        f.store(i, f.load(table, PTR, int(Place.STATUS)), 1)
        _run(f, table, run, threads)

    f.loop(f.constant(0, I64), count, 1, one)
    _answer(f, table, Place.NONE, last=True)
    f.finish()


def _entered(module: Module, name: str, count: int, bound: bool) -> tuple[Function, Value]:
    """The beginning of an entry: the number of arguments, and whether the noted addresses hold."""
    f = module.function(name, ["self", "arguments"], ["count"], external=True)
    f.result = PTR
    table = f.load(f["self"], PTR, 2)
    fits = f.compare("eq", f["count"], count)
    f.when(f.negation(fits), lambda: _answer(f, table, Place.REFUSED))
    if bound:
        _check_bound(f, table)
    return f, table


def _run(f: Function, table: Value, run: str, threads: bool) -> None:
    """Run a segment, with the team where it is shared out; leave the function where it failed."""
    team = f.load(table, PTR, int(Place.TEAM))
    members = _start(f, team, table, run) if threads else f.constant(1, I64)
    f.do(f"call void @{run}({table!r}, i64 0, {members!r}, {team!r})")
    status = f.load(table, PTR, int(Place.STATUS))
    bad = f.compare("ne", f.load(status, I64), 0)
    f.when(bad, lambda: _answer(f, table, Place.FAILED))


def _check_bound(f: Function, table: Value) -> None:
    """Refuse where arrays outside were replaced, or somebody else refers to one that is written to."""
    epoch = f.load(table, PTR, int(Place.EPOCH))
    same = f.compare("eq", f.load(epoch, I64, 0), f.load(table, I64, int(Place.SEEN)))
    same = same & f.compare("eq", f.load(epoch, I64, 1), f.load(table, I64, int(Place.SEEN_ARRAYS)))
    pairs = f.load(table, PTR, int(Place.OWNED))
    count = f.load(table, I64, int(Place.OWNED_COUNT))

    def look(i: Value, so_far: Value) -> Value:
        thing = f.load(pairs, PTR, i * 2)
        return so_far & f.compare("eq", f.load(thing, I64), f.load(pairs, I64, i * 2 + 1))

    (same,) = f.loop(f.constant(0, I64), count, 1, look, [same])
    f.when(f.negation(same), lambda: _answer(f, table, Place.REFUSED))


def _start(f: Function, team: Value, table: Value, run: str) -> Value:
    """Give the team its job: the function, the table; then count the job up, so that the members see it."""
    f.store(Value(f, f"@{run}", PTR), f.at(team, FUNCTION, I8))
    f.store(table, f.at(team, TABLE, I8))
    job_at = f.at(team, JOB, I8)
    job = f.load(job_at, I64) + 1
    f.do(f"store atomic {job!r}, {job_at!r} release, align 8")
    return f.load(f.at(team, MEMBERS, I8), I64)


def _check(f: Function, table: Value, array: Value, argument: Argument, rows: Value | None = None) -> None:
    """Refuse what is not a contiguous array of this dtype and shape, or of so many rows of it."""
    wrong = [
        f.compare("ne", f.load(array, I64, 1), f.load(table, I64, int(Place.ARRAY))),
    ]
    f.when(wrong[0], lambda: _answer(f, table, Place.REFUSED))
    assert argument.dtype is not None
    flags = f.load(array, I32, 16) & 0x101
    wrong = [
        f.compare("ne", f.load(array, I32, 6), len(argument.shape) + (rows is not None)),
        f.compare("ne", f.load(array, I64, 7), f.load(table, I64, argument.dtype)),
        f.compare("ne", flags, 0x101),
    ]
    found = wrong[0] | wrong[1] | wrong[2]
    f.when(found, lambda: _answer(f, table, Place.REFUSED))
    lengths = f.load(array, PTR, 4)
    if rows is not None:
        f.when(f.compare("ne", f.load(lengths, I64), rows), lambda: _answer(f, table, Place.REFUSED))
    for axis, n in enumerate(argument.shape, start=rows is not None):
        f.when(f.compare("ne", f.load(lengths, I64, axis), n), lambda: _answer(f, table, Place.REFUSED))


def _answer(f: Function, table: Value, place: Place, last: bool = False) -> None:
    """Return one of Python's constants."""
    found = f.load(table, PTR, int(place))
    if sys.version_info < (3, 12):  # later ones are immortal and must not be counted
        f.store(f.load(found, I64) + 1, found)
    f.do(f"ret {found!r}")
    if not last:
        f.count += 1
        f.label(f"R{f.count}")


__all__ = [
    "CLOSED",
    "MORE",
    "OUT_OF_BOUNDS",
    "Argument",
    "Gate",
    "Job",
    "Place",
    "Region",
    "barrier",
    "entry",
    "is_large",
    "is_shared",
    "run_jobs",
    "segment",
]
