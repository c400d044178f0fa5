"""The team: threads that wait inside generated code for the next step, and the barrier between its kernels.

The members are Python's threads, but they never hold the interpreter's lock: they spin for a while, then offer the
processor to others, and sleep when nothing came for a millisecond. The thread that calls is member 0.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections import deque
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.compiler.native import engine
from wengert.core.epoch import changed

# The team's memory, by byte: who arrived, the barrier's phase, the number of the job, the job itself.
ARRIVED, PHASE, JOB, FUNCTION, TABLE, MEMBERS = 0, 64, 128, 136, 144, 160

_TEXT = """
declare i32 @sched_yield()
declare i32 @usleep(i32)

define internal void @relax() alwaysinline {
  PAUSE
  ret void
}

define void @barrier(ptr %team, i64 %members) noinline {
entry:
  %phase_at = getelementptr i8, ptr %team, i64 64
  %phase = load atomic i64, ptr %phase_at monotonic, align 8
  %before = atomicrmw add ptr %team, i64 1 acq_rel
  %arrived = add i64 %before, 1
  %last = icmp eq i64 %arrived, %members
  br i1 %last, label %release, label %spin
release:
  store atomic i64 0, ptr %team monotonic, align 8
  %next = add i64 %phase, 1
  store atomic i64 %next, ptr %phase_at release, align 8
  ret void
spin:
  %turns = phi i64 [ 0, %entry ], [ %more, %again ]
  %now = load atomic i64, ptr %phase_at acquire, align 8
  %done = icmp ne i64 %now, %phase
  br i1 %done, label %out, label %wait
wait:
  %more = add i64 %turns, 1
  %long = icmp ugt i64 %more, 2000
  br i1 %long, label %offer, label %pause
offer:
  %ignored = call i32 @sched_yield()
  br label %again
pause:
  call void @relax()
  br label %again
again:
  br label %spin
out:
  ret void
}

define void @member(ptr %team, i64 %number, i64 %members, i64 %seen) {
entry:
  %job_at = getelementptr i8, ptr %team, i64 128
  %function_at = getelementptr i8, ptr %team, i64 136
  %table_at = getelementptr i8, ptr %team, i64 144
  br label %idle
idle:
  %last = phi i64 [ %seen, %entry ], [ %job, %work ]
  br label %look
look:
  %turns = phi i64 [ 0, %idle ], [ %more, %again ]
  %job = load atomic i64, ptr %job_at acquire, align 8
  %new = icmp ne i64 %job, %last
  br i1 %new, label %found, label %wait
wait:
  %more = add i64 %turns, 1
  %short = icmp ult i64 %more, 4000
  br i1 %short, label %pause, label %patience
pause:
  call void @relax()
  br label %again
patience:
  %middle = icmp ult i64 %more, 8000
  br i1 %middle, label %offer, label %sleep
offer:
  %ignored = call i32 @sched_yield()
  br label %again
sleep:
  %slept = call i32 @usleep(i32 50)
  br label %again
again:
  br label %look
found:
  %function = load ptr, ptr %function_at, align 8
  %stop = icmp eq ptr %function, null
  br i1 %stop, label %out, label %work
work:
  %table = load ptr, ptr %table_at, align 8
  call void %function(ptr %table, i64 %number, i64 %members, ptr %team)
  br label %idle
out:
  ret void
}
"""
_PAUSES = {  # by machine: the declaration and the call of what tells the processor that it waits
    "x86_64": ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"),
    "aarch64": ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"),
}


def _available() -> int:
    """The processors this process may use, fewer where ``WENGERT_NUM_THREADS`` or ``OMP_NUM_THREADS`` says so."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for name in ("WENGERT_NUM_THREADS", "OMP_NUM_THREADS"):
        wanted = os.environ.get(name, "").split(",")[0]
        if wanted.isdigit() and int(wanted):
            return min(int(wanted), count) if name == "OMP_NUM_THREADS" else int(wanted)
    return count


class Team:
    """The threads of this process."""

    def __init__(self) -> None:
        self.size = _available()
        self.lock = threading.RLock()  # one job at a time
        self._raw = np.zeros(1024, np.uint8)
        self.address = self._raw.ctypes.data + -self._raw.ctypes.data % 64
        self._library: Any = None
        self._members: list[threading.Thread] = []
        self._left: deque[tuple[int, Any]] = deque()  # code that nobody calls any more, and the latest job by then

    @property
    def library(self) -> engine.Library:
        """The code of the barrier and of the members."""
        if self._library is None:
            machine = engine.binding().get_default_triple().split("-")[0]
            declaration, call = _PAUSES.get(machine, ("", ""))
            text = declaration + _TEXT.replace("PAUSE", call)
            self._library = engine.Library(engine.object_code(text))
        return self._library

    def gather(self) -> None:
        """See to it that all members are there."""
        with self.lock:
            ctypes.c_int64.from_address(self.address + MEMBERS).value = self.size
            while self._left and self._left[0][0] < self._job():  # all took part in a later job
                self._left.popleft()
            if len(self._members) >= self.size - 1:
                return
            native = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
            run = native(self.library.address("member"))
            seen = self._job()
            for number in range(1, self.size):
                given = (self.address, number, self.size, seen)
                member = threading.Thread(target=run, args=given, daemon=True, name=f"wengert-{number}")
                member.start()
                self._members.append(member)

    def _job(self) -> int:
        """The number of the latest job."""
        return ctypes.c_int64.from_address(self.address + JOB).value

    def retire(self, code: Any) -> None:
        """Keep machine code until it can be unloaded: a member may still be on its way out of a job that has ended."""
        if self._members:
            self._left.append((self._job(), code))

    def resize(self, size: int) -> None:
        """Another number of threads."""
        with self.lock:
            self.dismiss()
            self.size = size

    def dismiss(self) -> None:
        """Send the members home."""
        with self.lock:
            if self._members:
                ctypes.c_void_p.from_address(self.address + FUNCTION).value = None
                ctypes.c_int64.from_address(self.address + JOB).value += 1
                for member in self._members:
                    member.join()
            self._members = []
            self._left.clear()

    def pause(self) -> None:
        """Before a fork: let no job be under way, and no translation."""
        self.lock.acquire()
        engine.LOCK.acquire()

    def go_on(self) -> None:
        """After a fork."""
        engine.LOCK.release()
        self.lock.release()

    def forget(self) -> None:
        """In a child process its parent's threads are not there; machine code knows the team by its address."""
        self._raw.fill(0)
        self._members = []
        self._left.clear()
        self.go_on()


TEAM = Team()
engine.Code.retire = TEAM.retire
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=TEAM.pause, after_in_parent=TEAM.go_on, after_in_child=TEAM.forget)


def set_num_threads(count: int) -> None:
    """Let compiled functions use `count` threads; they are recorded anew by their next call.

    At first it is as many as there are processors for this process; the environment's ``WENGERT_NUM_THREADS``, or a
    smaller ``OMP_NUM_THREADS``, says otherwise. NumPy's own threads are not changed. A sum may be rounded otherwise
    with another number of threads; with the same number it is always the same. Raises `ArgumentError` unless `count`
    is a whole number of at least 1.

    >>> import wengert as wg
    >>> before = wg.get_num_threads()
    >>> wg.set_num_threads(1)
    >>> wg.get_num_threads()
    1
    >>> wg.set_num_threads(before)
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise ArgumentError(f"set_num_threads: got {count!r}; needs a whole number of at least 1")
    if count != TEAM.size:
        TEAM.resize(int(count))
        changed()


def get_num_threads() -> int:
    """How many threads compiled functions use; `set_num_threads` sets it.

    >>> import wengert as wg
    >>> wg.get_num_threads() >= 1
    True
    """
    return TEAM.size


__all__ = ["TEAM", "Team", "get_num_threads", "set_num_threads"]
