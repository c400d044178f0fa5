"""One framework and one workload in a fresh process: time to the second result, and peak memory after some steps.

The second, because a first step may run as Python has it, and be compiled afterwards.

    python -m benchmarks.harness.fresh FRAMEWORK WORKLOAD THREADS STEPS

As a module it is that process; `run` starts it and measures from before the interpreter's own start.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness.definitions import Framework
from benchmarks.harness.machine import ROOT, one_line, real_time, threads_environment


def run(
    framework: Framework,
    workload: str,
    threads: int,
    steps: int,
    further: Path,
    timeout: float,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Seconds from the process' start to its second result, and its memory; or why there are none."""
    if framework.further and not further.exists():
        return {"unable": "the environment of the further peers is not there"}
    python = str(further) if framework.further else sys.executable
    command = [python, "-m", "benchmarks.harness.fresh", framework.name, workload, str(threads), str(steps)]
    every = {**threads_environment(threads), **framework.environment, **(environment or {}), "PYTHONPATH": str(ROOT)}
    start = time.time()
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=every, text=True, capture_output=True, timeout=timeout,
            preexec_fn=lambda: real_time(os.getpid(), True),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"error": f"took longer than {timeout:.0f} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"the process ended with {done.returncode}"])[-1]
        return {"error": one_line(last)}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "second_result_at" in answer:
        answer["second_result_s"] = answer.pop("second_result_at") - start
    return answer


def main() -> None:
    from benchmarks.harness.machine import peak_memory
    from benchmarks.harness.worker import Session

    framework, workload, threads, steps = sys.argv[1:5]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints goes elsewhere
    session = Session(framework, workload, int(threads))
    answer = session.build()
    for number in range(2, int(steps) + 1 if "first_step_s" in answer else 0):
        session.step.run()
        session.step.wait()
        if number == 2:
            answer["second_result_at"] = time.time()
    print(json.dumps({**answer, "memory_mb": round(peak_memory(), 1)}), file=out, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
