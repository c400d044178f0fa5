"""A handle on the process that is timed."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from benchmarks.harness.definitions import Framework
from benchmarks.harness.machine import ROOT, favoured, real_time, threads_environment


class Child:
    """One framework on one workload, in a process of its own that is kept alive between the rounds."""

    def __init__(self, framework: Framework, workload: str, threads: int, further: Path, log: IO[str]) -> None:
        self.framework = framework
        python = str(further) if framework.further else sys.executable
        command = [python, "-m", "benchmarks.harness.worker", framework.name, workload, str(threads)]
        environment = {**threads_environment(threads), **framework.environment, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, bufsize=1, start_new_session=True, preexec_fn=favoured,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip

    def send(self, command: str, **arguments: Any) -> None:
        """Send a command without waiting for its answer."""
        assert self._process.stdin is not None
        if self._process.stdin.closed:
            return  # it was killed, and said so
        try:
            self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says so

    def answer(self, timeout: float) -> dict[str, Any]:
        """The answer to the latest command, or {"error": …}."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], timeout)[0]:
            self.kill()
            return {"error": f"took longer than {timeout:.0f} s"}
        line = self._process.stdout.readline()
        if not line:
            return {"error": f"the process ended with {self._process.wait()}"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, timeout: float, command: str, **arguments: Any) -> dict[str, Any]:
        self.send(command, **arguments)
        return self.answer(timeout)

    def turn(self, budget: float) -> dict[str, Any]:
        """One timed turn in the real-time class; adds how many cores other work used meanwhile."""
        before, started = self._used(), os.times().elapsed
        real_time(self._process.pid, True)
        answer = self.ask(300, "turn", budget=budget)
        real_time(self._process.pid, False)
        if "error" not in answer:
            after, seconds = self._used(), os.times().elapsed - started
            foreign = (after[1] - before[1]) - (after[0] - before[0])
            answer["foreign_cores"] = max(0.0, foreign / max(seconds, 1e-3))
        return answer

    def _used(self) -> tuple[float, float]:
        """Processor seconds of this process, and of all of them."""
        ticks = os.sysconf("SC_CLK_TCK")
        own = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        every = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        return (int(own[11]) + int(own[12])) / ticks, (sum(every) - every[3] - every[4]) / ticks

    def quit(self) -> None:
        self.send("quit")
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._close()

    def kill(self) -> None:
        self._process.kill()
        self._close()

    def _close(self) -> None:
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
