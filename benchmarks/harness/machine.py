"""What keeps the machine's other work out of the timings, and what the machine is."""

from __future__ import annotations

import fcntl
import functools
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "benchmarks"
# Round trips above this many nanoseconds: the two cores share no cache.
NEAR_NANOSECONDS = 120


@contextmanager
def alone() -> Iterator[None]:
    """Holds a lock file, so that no other benchmark of this machine overlaps; `BENCHMARK_LOCK` names another file."""
    path = os.environ.get("BENCHMARK_LOCK", os.path.join(tempfile.gettempdir(), "benchmark.lock"))
    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
    time.sleep(0.02)  # whoever waits gets it first


def real_time(process: int, on: bool) -> None:
    """Run all threads of a process in the real-time round-robin class, or no longer.

    Other work then cannot sit between two threads of a parallel region. Without the right to do so nothing happens.
    """
    try:
        for thread in os.listdir(f"/proc/{process}/task"):
            kind, priority = (os.SCHED_RR, 1) if on else (os.SCHED_OTHER, 0)
            os.sched_setscheduler(int(thread), kind, os.sched_param(priority))
    except OSError:
        pass


def favoured() -> None:
    """Give this session's group of processes more of the processor than others get, where that is allowed."""
    try:
        Path("/proc/self/autogroup").write_text("-12")
    except OSError:
        pass


@functools.cache
def _pingpong() -> Path | None:
    """The compiled measure of the cores' distance; None without a C compiler or with one core."""
    compiler = shutil.which("cc")
    if compiler is None or (os.cpu_count() or 1) < 2:
        return None
    source, program = Path(__file__).with_name("pingpong.c"), BUILD / "pingpong"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([compiler, "-O2", "-pthread", str(source), "-o", str(program)], capture_output=True)
        if done.returncode:
            return None
    return program


def cores_near() -> bool:
    """Whether the first two cores share a cache now; True where it cannot be measured."""
    program = _pingpong()
    if program is None:
        return True
    try:
        done = subprocess.run([str(program)], capture_output=True, text=True, timeout=10, check=True)
    except (subprocess.SubprocessError, OSError):
        return True
    return float(done.stdout) < NEAR_NANOSECONDS


def one_line(error: object) -> str:
    """What an exception says, short and without the folders of this machine."""
    text = " ".join(str(error).split())
    return re.sub(r"(?<![\w.])(?:/[\w.+@-]+)+/(?=[\w.+@-])", "", text)[:300]


def peak_memory() -> float:
    """The most memory this process held, in MB; not ru_maxrss, which a child inherits from its parent."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


def threads_environment(threads: int) -> dict[str, str]:
    """This environment, with every library's threads set."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "WENGERT_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a library's byte code is beside it, as where it is installed
    return environment


def processor() -> str:
    """The processor's model."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def description(distributions: Iterable[str]) -> dict[str, str]:
    """Processor, cores and versions; nothing that names the machine."""
    found = {"processor": processor(), "cores": str(os.cpu_count()), "Python": platform.python_version()}
    for name in sorted(distributions):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
