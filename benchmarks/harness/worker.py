"""The process that is timed: one framework, one workload.

    python -m benchmarks.harness.worker FRAMEWORK WORKLOAD THREADS

Reads one command a line from its input and answers one line, both JSON: build, check, turn, quit. `Session` is the
same without the process.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import registry
from benchmarks.harness.definitions import NotApplicable, Step
from benchmarks.harness.machine import one_line, peak_memory

BLOCK_SECONDS = 0.02
SLOW_SECONDS = 1.0  # a step that takes longer is timed once a turn
Answer = dict[str, Any]


class Session:
    """A framework's step of a workload, built, checked and timed on command."""

    def __init__(self, framework: str, workload: str, threads: int) -> None:
        self.framework = registry.frameworks()[framework]
        self.name, self.workload, self.threads = workload, registry.workload(workload), threads
        self.step: Step
        self.block = 0  # steps in a block, once calibrated
        self.seconds = 0.0  # of one step, roughly

    def build(self) -> Answer:
        """Import, build, and do the first step."""
        start = time.perf_counter()
        try:
            make = self.framework.builder(self.name, self.workload)
            self.framework.setup(self.threads, self.workload.dtype)
            self.step = make(self.framework, self.workload.make())
        except NotApplicable as why:
            return {"unable": str(why)}
        except ModuleNotFoundError as missing:
            if str(missing.name).split(".")[0] in ("wengert", "benchmarks"):
                raise  # that is a fault of ours
            return {"unable": f"{missing.name} is not installed"}
        self.step.run()
        self.step.result()
        return {"first_step_s": time.perf_counter() - start}

    def check(self, file: str) -> Answer:
        """Two runs from the first values: saves the first one's losses (or array) and tells how far the other is."""
        runs = []
        for _ in range(2):
            self.step.reset()
            runs.append(self._losses())
        np.save(file, runs[0])
        scale = max(float(np.max(np.abs(runs[0]))), 1e-300)
        return {"after_reset": float(np.max(np.abs(runs[0] - runs[1]))) / scale}

    def _losses(self) -> np.ndarray:
        if self.framework.steps > 1:
            self.step.run()
            return np.array(self.step.result(), np.float64)[: self.workload.losses]
        found = []
        for _ in range(max(1, self.workload.losses)):
            self.step.run()
            found.append(np.array(self.step.result(), np.float64))
        return np.array(found) if self.workload.losses else found[0]

    def turn(self, budget: float) -> Answer:
        """Time blocks of steps for `budget` seconds, then steps whose result is read each time."""
        self.step.reset()
        self._seconds(1)
        if not self.block:
            self._calibrate()
        if self.block == 1 and self.seconds > SLOW_SECONDS:
            blocks = [self._seconds(1)]
            return {"blocks": blocks, "read": blocks, "memory_mb": peak_memory()}
        blocks, end = [], time.perf_counter() + budget
        while time.perf_counter() < end or len(blocks) < 3:
            blocks.append(self._seconds(self.block))
        return {"blocks": blocks, "read": self._read(budget / 3), "memory_mb": peak_memory()}

    def _read(self, budget: float) -> list[float]:
        """Seconds of a step with its loss read."""
        clock, run, result = time.perf_counter, self.step.run, self.step.result
        found: list[float] = []
        end = clock() + budget
        while clock() < end or len(found) < 3:
            start = clock()
            run()
            result()
            found.append((clock() - start) / self.framework.steps)
        return found

    def _seconds(self, steps: int) -> float:
        """Seconds of a step, over a block of some."""
        clock, run = time.perf_counter, self.step.run
        start = clock()
        for _ in range(steps):
            run()
        self.step.wait()
        return (clock() - start) / steps / self.framework.steps

    def _calibrate(self) -> None:
        """Find how many steps a block needs."""
        self.seconds = self._seconds(1)
        for _ in range(4 if self.seconds < 0.5 else 0):
            self.seconds = self._seconds(self._fitting())
        self.block = self._fitting()
        self.step.reset()

    def _fitting(self) -> int:
        return max(1, int(BLOCK_SECONDS / max(self.seconds * self.framework.steps, 1e-7)))


def main() -> None:
    framework, workload, threads = sys.argv[1:4]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints goes elsewhere
    session = Session(framework, workload, int(threads))
    commands: dict[str, Callable[..., Answer]] = {
        "build": session.build, "check": session.check, "turn": session.turn,
    }  # fmt: skip
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("command")
        if name == "quit":
            break
        try:
            answer = commands[name](**command)
        except Exception as error:  # whatever a library raises becomes a row's note
            answer = {"error": f"{type(error).__name__}: {one_line(error)}"}
        print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)  # some libraries' threads take seconds to end


if __name__ == "__main__":
    main()
