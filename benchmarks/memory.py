"""The most memory a process holds while it trains, the libraries themselves included.

python -m benchmarks.memory [--quick] [-r ROUNDS]
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmarks.harness import registry
from benchmarks.harness.fresh import run
from benchmarks.harness.machine import alone
from benchmarks.harness.results import FOLDER, Results, say
from benchmarks.harness.rounds import Plan

WORKLOADS = ("cnn_small_resnet", "transformer_char")
FRAMEWORKS = ("wengert_compiled", "wengert_eager", "torch_eager", "torch_compile_step", "jax_jit", "autograd")
STEPS = 30


def measure(workload: str, rounds: int, threads: int) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for name in FRAMEWORKS:
        peaks = []
        for _ in range(rounds):
            with alone():
                answer = run(registry.frameworks()[name], workload, threads, STEPS, Plan().further, 300)
            if "first_step_s" not in answer:
                entry[name] = {k: v for k, v in answer.items() if k in ("error", "unable")}
                break
            peaks.append(answer["memory_mb"])
        else:
            entry[name] = {"memory_mb": statistics.median(peaks)}
    return entry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("-r", "--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    results = Results(chosen.out)
    for workload in WORKLOADS:
        entry = measure(workload, 1 if chosen.quick else chosen.rounds, chosen.threads)
        results.put("memory", workload, entry)
        for name, value in entry.items():
            shown = f"{value['memory_mb']:.0f} MB" if "memory_mb" in value else value.get("error", value.get("unable"))
            say(f"{workload:18} {name:20} {shown}")


if __name__ == "__main__":
    main()
