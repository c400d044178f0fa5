"""How long a user waits until steps run as fast as they will, from the process' start, import and compilation included.

    python -m benchmarks.latency [--quick] [-r ROUNDS]

Cold: with empty folders for whatever a library keeps on disk. Warm: once more with what the cold run left there.
Rounds are interleaved over the frameworks.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import registry
from benchmarks.harness.fresh import run
from benchmarks.harness.machine import alone
from benchmarks.harness.report import duration
from benchmarks.harness.results import FOLDER, Results, say
from benchmarks.harness.rounds import Plan

WORKLOADS = ("mlp_mnist", "transformer_char", "long_list")
FRAMEWORKS = ("wengert_compiled", "wengert_eager", "jax_jit", "torch_eager", "torch_compile_step", "autograd")
# `torch_compile_step` leaves functions alone, for which `torch_compile` is the same.
INSTEAD = {("torch_compile_step", "long_list"): "torch_compile"}


def caches(folder: str) -> dict[str, str]:
    """The environment that keeps every library's files in a folder."""
    path = Path(folder)
    return {
        "XDG_CACHE_HOME": folder,
        "WENGERT_CACHE_DIR": str(path / "wengert"),
        "TORCHINDUCTOR_CACHE_DIR": str(path / "inductor"),
        # JAX keeps nothing unless asked to; asked, it is up to a second faster warm.
        "JAX_COMPILATION_CACHE_DIR": str(path / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


def once(framework: str, workload: str, threads: int, timeout: float) -> dict[str, Any]:
    """Cold and warm seconds to the second result."""
    chosen = registry.frameworks()[INSTEAD.get((framework, workload), framework)]
    with tempfile.TemporaryDirectory() as folder, alone():
        answers = {}
        for kind in ("cold", "warm"):
            answer = run(chosen, workload, threads, 2, Plan().further, timeout, caches(folder))
            if "first_step_s" not in answer:
                return answer
            answers[f"{kind}_s"] = answer["second_result_s"]
        return answers


def measure(workload: str, rounds: int, threads: int, timeout: float) -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in FRAMEWORKS}
    for _ in range(rounds):
        for name, answers in found.items():
            if not answers or "cold_s" in answers[-1]:
                answers.append(once(name, workload, threads, timeout))
    entry = {}
    for name, answers in found.items():
        entry[name] = answers[-1]
        if "cold_s" in answers[-1]:
            entry[name] = {k: statistics.median(answer[k] for answer in answers) for k in ("cold_s", "warm_s")}
    return entry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("-r", "--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=180.0)
    parser.add_argument("--out", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    results = Results(chosen.out)
    for workload in WORKLOADS:
        entry = measure(workload, 1 if chosen.quick else chosen.rounds, chosen.threads, chosen.timeout)
        results.put("latency", workload, entry)
        for name, value in entry.items():
            times = [f"{kind} {duration(value[f'{kind}_s'])}" for kind in ("cold", "warm") if f"{kind}_s" in value]
            say(f"{workload:18} {name:20} {', '.join(times) or value.get('error', value.get('unable'))}")


if __name__ == "__main__":
    main()
