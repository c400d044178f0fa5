"""How long each kernel of a program takes, measured on copies of everything it works on.

A second program is made of the same list, with an entry more for each kernel. Its kernels run once in their order, so
that every value is what it is in a call; then each is timed by itself, with what it reads in the caches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.native import call, engine, listing, memory
from wengert.compiler.native.driver import barrier, is_shared, segment
from wengert.compiler.native.entries import entry
from wengert.compiler.native.host import Host
from wengert.compiler.native.ir import PTR, Value
from wengert.compiler.native.peaks import Peaks, peaks
from wengert.compiler.native.program import Program
from wengert.compiler.native.threads import TEAM
from wengert.compiler.native.writing import Writing
from wengert.core.tape import Node, Var

_BATCH = 100e-6  # seconds that are timed at once
_SHORTEST = 10e-9  # seconds below which a rate says nothing


class Measured(NamedTuple):
    """A row of the list of kernels, and the seconds it took."""

    row: listing.Row
    seconds: float
    share: float  # of the sum over all rows

    @property
    def gflops(self) -> float:
        """10^9 operations on numbers a second."""
        return self.row.flops / self.seconds / 1e9

    @property
    def gigabytes(self) -> float:
        """10^9 bytes moved a second."""
        return self.row.bytes / self.seconds / 1e9


class Profile:
    """The kernels of a step with their times; `str` gives a table, ``rows`` the figures."""

    def __init__(self, name: str, rows: Sequence[Measured], seconds: float, most: Peaks, threads: int) -> None:
        self.name, self.rows, self.seconds, self.peaks, self.threads = name, list(rows), seconds, most, threads

    def head(self) -> str:
        """Sums and peaks, in one line."""
        kernels = sum(row.seconds for row in self.rows)
        most = self.peaks
        threads = f"{self.threads} threads" if self.threads > 1 else "1 thread"
        return (
            f"{self.name}: {listing.duration(self.seconds * 1e9)} a step on {threads}, "
            f"{listing.duration(kernels * 1e9)} in its parts one by one; this machine reaches {most.flops32 / 1e9:.0f} "
            f"GFLOP/s in float32, {most.flops64 / 1e9:.0f} in float64, and {most.bytes / 1e9:.1f} GB/s from memory"
        )

    def cells(self) -> list[tuple[str, ...]]:
        """The table: heads, and a row for each kernel, the longest first."""
        found: list[tuple[str, ...]] = [
            ("", "kernel", "kind", "operations", "runs over", "time", "share", "GFLOP/s", "of peak", "GB/s")
        ]
        numbered = sorted(enumerate(self.rows), key=lambda pair: -pair[1].seconds)
        for number, measured in numbered:
            row = measured.row
            rated = bool(row.kernel) and measured.seconds > _SHORTEST
            found.append((
                str(number), row.kernel or "-", row.kind, row.operations, listing.shape_text(row.shape),
                listing.duration(measured.seconds * 1e9), f"{measured.share:.1%}",
                f"{measured.gflops:.3g}" if rated else "-",
                f"{measured.gflops * 1e9 / self._most(row.dtype):.0%}" if rated else "-",
                f"{measured.gigabytes:.3g}" if rated else "-",
            ))  # fmt: skip
        return found

    def _most(self, dtype: str) -> float:
        return self.peaks.flops64 if dtype == "float64" else self.peaks.flops32

    def __str__(self) -> str:
        return "\n".join([self.head(), *listing.aligned(self.cells())])


class _Timed(Writing):
    """A list with an entry for each of its kernels."""

    def _functions(self, runs: list[Any]) -> None:
        super()._functions(runs)
        jobs = [job for run in runs if not isinstance(run, Node) for job in run]
        for number, job in enumerate(jobs):
            shared = self.threads and is_shared(job.kernel)
            segment(self.module, f"only{number}", [job._replace(gated=False)], shared)
            entry(self.module, f"time{number}", f"only{number}", [], shared, bound=False)
        self.shared = [self.threads and is_shared(job.kernel) for job in jobs]
        for number, threads in enumerate((False, self.threads)):
            f = self.module.function(f"nothing{number}", ["table"], ["member", "members"])
            f.arguments["team"] = Value(f, "%team", PTR)
            if threads:
                barrier(f)  # every job of the team ends with one
            f.finish()
            entry(self.module, f"empty{number}", f"nothing{number}", [], threads, bound=False)
        for number, run in enumerate(runs):
            if not isinstance(run, Node):
                entry(self.module, f"all{number}", f"segment{number}", [], self.threads, bound=False)
        self.counts = [1 if isinstance(run, Node) else len(run) for run in runs]


def _copies(program: Program, timed: _Timed, arguments: Sequence[Any]) -> dict[Var, Any]:
    """Arrays of its own for everything outside, with the values of `arguments`, noted in the table."""
    held: dict[Var, Any] = {}
    for x, value in zip(timed.tape.inputs, arguments, strict=True):
        held[x] = _copy(memory.plain(value, x)) if x in timed.slots else value
    for x in program.plan.slots:
        if x not in held and isinstance(x.dtype, np.dtype):
            held[x] = held[timed.over[x]] if x in timed.over else _copy(np.zeros(x.shape, x.dtype))
    for x, array in held.items():
        _note(program, x, array)
    return held


def _note(program: Program, x: Var, array: Any) -> None:
    """Tell the kernels where an outside variable is."""
    if x in program.plan.slots:
        program.table[program.plan.slots[x]] = array.ctypes.data


def _copy(array: np.ndarray) -> np.ndarray:
    fresh = memory.aligned(array.nbytes)[: array.nbytes].view(array.dtype).reshape(array.shape)
    fresh[...] = array
    return fresh


def profile(name: str, whole: tuple[Any, ...], arguments: Sequence[Any], repeats: int) -> Profile:
    """Measure the kernels of a program; `whole` is what it is made of."""
    timed = _Timed(*whole)
    program = Program(timed.plan, timed.code(), lambda: timed, whole[0])
    functions, segments = _functions(program, timed)
    with TEAM.lock:
        TEAM.gather()
        held = _copies(program, timed, arguments)
        _once(program, segments, held)
        most = peaks()
        empty = [_seconds(run, repeats) for run in functions[-2:]]
        parts = _parts(program, timed, functions, held)
        seconds = [max(1e-9, _seconds(run, repeats) - empty[team]) for run, team in parts]
        together = _seconds(lambda: _once(program, segments, held), repeats)
    program.status[:] = 0
    total = sum(seconds) or 1.0
    rows = [Measured(row, s, s / total) for row, s in zip(listing.rows(program), seconds, strict=True)]
    return Profile(name, rows, together, most, TEAM.size if timed.threads else 1)


def _functions(program: Program, timed: _Timed) -> tuple[list[Any], dict[int, Any]]:
    """The entries of the kernels, then two that run none, alone and as a team; the segments by their numbers."""
    library = program.library
    if library is None:
        library = engine.Library(engine.object_code(timed.text))

    def function(name: str) -> Any:
        return call.function(library, name, program.table)

    kernels = [*(function(f"time{n}") for n in range(len(timed.steps))), function("empty0"), function("empty1")]
    return kernels, {n: function(f"all{n}") for n, x in enumerate(program.calls) if not isinstance(x, Host)}


def _parts(
    program: Program, timed: _Timed, functions: list[Any], held: dict[Var, Any]
) -> list[tuple[Callable[[], Any], bool]]:
    """What runs each row by itself, in order, and whether the team does."""
    found: list[tuple[Callable[[], Any], bool]] = []
    number = 0
    for step, count in zip(program.calls, timed.counts, strict=True):
        if isinstance(step, Host):
            found.append((partial(step.run, dict(held)), False))
            continue
        found += zip(functions[number : number + count], timed.shared[number : number + count], strict=True)
        number += count
    return found


def _once(program: Program, segments: dict[int, Any], held: dict[Var, Any]) -> None:
    """Everything in order, as a call runs it."""
    for number, step in enumerate(program.calls):
        if isinstance(step, Host):
            step.run(held)
            if step.node in program.plan.slots:
                _note(program, step.node, held[step.node])
        else:
            segments[number]()


def _seconds(run: Callable[[], Any], repeats: int) -> float:
    """The shortest time of a call among `repeats` batches."""
    start = time.perf_counter()
    run()
    count = max(1, round(_BATCH / max(time.perf_counter() - start, 1e-8)))
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(count):
            run()
        found.append((time.perf_counter() - start) / count)
    return min(found)


__all__ = ["Measured", "Profile", "profile"]
