"""What the machine can do at most: multiplications and additions, and bytes from memory, a second.

Measured by generated kernels with the team's threads, once in a process for each number of threads. The best figures
so far are kept beside the machine code: other programs can only make them worse.
"""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.native import cache as disk
from wengert.compiler.native import call, engine, memory
from wengert.compiler.native.driver import Job, Place, segment
from wengert.compiler.native.entries import entry
from wengert.compiler.native.ir import F32, F64, I64, PTR, Function, Module, Type, Value
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.registers import registers
from wengert.compiler.native.threads import TEAM

_TURNS = 4096  # of the loop that multiplies and adds
_PIECES = 64  # tasks of each kernel
_BYTES = 256 << 20  # read from memory, more than caches hold
_ROUNDS = 12


class Peaks(NamedTuple):
    """The most that was reached, per second."""

    flops32: float
    flops64: float
    bytes: float


def peaks() -> Peaks:
    """The machine's peaks with the present number of threads."""
    return _peaks(TEAM.size, disk.key("peaks", *engine.processor(), str(TEAM.size)))


@cache
def _peaks(size: int, name: str) -> Peaks:
    found = _measured()
    kept = disk.load(name)
    try:
        best = found if kept is None else Peaks(*map(max, found, json.loads(kept)))
    except (ValueError, TypeError):
        best = found
    disk.store(name, json.dumps(best).encode())
    return best


def _measured() -> Peaks:
    vectors = registers()
    count = 12 if vectors.number >= 32 else 10  # as many as hide the latency and leave room for the operands
    module = Module()
    kinds = [F32.vector(vectors.lanes(F32)), F64.vector(vectors.lanes(F64))]
    for kind in kinds:
        _write_sums(module, f"sums_{kind.element}", kind, count)
    _write_reads(module, "reads", kinds[0])
    work = [_PIECES * _TURNS * count * kind.width * 2.0 for kind in kinds]
    names = [f"sums_{kind.element}" for kind in kinds]
    for name in (*names, "reads"):
        # A kernel whose figures make it worth sharing, with the array's address after those every table has.
        kernel = Kernel(name, _PIECES, flops=1e9, bytes=1e9)

        def arguments(f: Function) -> list[Value]:
            return [f.load(f["table"], PTR, int(Place.FIRST)), f.load(f["table"], PTR, int(Place.SCRATCH))]

        segment(module, f"run_{name}", [Job(kernel, False, arguments, [], [])], TEAM.size > 1)
        entry(module, f"time_{name}", f"run_{name}", [], TEAM.size > 1, bound=False)
    data, table = _table()
    library = engine.Library(engine.object_code(module.text()))
    with TEAM.lock:
        TEAM.gather()
        times = [_best(call.function(library, f"time_{name}", table, data)) for name in (*names, "reads")]
    return Peaks(work[0] / times[0], work[1] / times[1], _BYTES / times[2])


def _table() -> tuple[list[np.ndarray], np.ndarray]:
    data = [np.ones(_BYTES, np.uint8), memory.aligned(_PIECES * 64), memory.aligned(64)]
    table = np.zeros(int(Place.FIRST) + 1, np.uint64)
    for place, address in {
        Place.FIRST: data[0].ctypes.data, Place.SCRATCH: data[1].ctypes.data, Place.STATUS: data[2].ctypes.data,
        Place.NONE: id(None), Place.REFUSED: id(NotImplemented), Place.FAILED: id(False), Place.TEAM: TEAM.address,
        Place.BARRIER: TEAM.library.address("barrier"),
    }.items():  # fmt: skip
        table[place] = address
    return data, table


def _best(run: Any) -> float:
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def _write_sums(module: Module, name: str, kind: Type, count: int) -> None:
    """`count` independent sums of products, `_TURNS` times a task, all in registers."""
    f = module.function(name, ["x", "out"], ["begin", "end"])

    def task(i: Value) -> None:
        factor = f.splat(f.load(f["x"], kind.vector(1)), kind.width)
        zeros = [f.splat(f.load(f["x"], kind.vector(1), k), kind.width) for k in range(count)]
        sums = f.loop(f.constant(0, I64), f.constant(_TURNS, I64), 1, lambda _i, *s: [a * factor + a for a in s], zeros)
        _write_down(f, sums, i)

    f.loop(f["begin"], f["end"], 1, task)
    f.finish()


def _write_reads(module: Module, name: str, kind: Type) -> None:
    """Read a piece of the memory from one end to the other."""
    f = module.function(name, ["x", "out"], ["begin", "end"])
    each = _BYTES // _PIECES
    step = 8 * kind.width * kind.bytes

    def task(i: Value) -> None:
        start = f.at(f["x"], i * each, Type("i8"))
        zeros = [f.constant(0.0, kind) for _ in range(8)]

        def turn(at: Value, *sums: Value) -> list[Value]:
            place = f.at(start, at, Type("i8"))
            return [s + f.load(f.at(place, k * kind.width, kind.vector(1)), kind) for k, s in enumerate(sums)]

        _write_down(f, f.loop(f.constant(0, I64), f.constant(each, I64), step, turn, zeros), i)

    f.loop(f["begin"], f["end"], 1, task)
    f.finish()


def _write_down(f: Function, sums: list[Value], i: Value) -> None:
    """Store the total, so that nothing is left out."""
    total = sums[0]
    for s in sums[1:]:
        total = total + s
    f.store(f.horizontal("add", total), f.at(f["out"], i * 64, Type("i8")))


__all__ = ["Peaks", "peaks"]
