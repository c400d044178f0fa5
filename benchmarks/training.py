"""Training steps and derivatives in Wengert and its peers, side by side in one run.

    python -m benchmarks.training                     everything, 7 rounds
    python -m benchmarks.training --quick             the best peers only, few rounds: about three minutes
    python -m benchmarks.training -w mlp_tiny,gmm -f wengert_compiled,jax_jit -r 9

For each workload one process per framework is built, run twice from the same weights and compared with the others;
only those that agree are timed, in rounds A B C A B C … Results go into results.json and RESULTS.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.harness import registry
from benchmarks.harness.machine import favoured
from benchmarks.harness.report import duration
from benchmarks.harness.results import FOLDER, Results, say
from benchmarks.harness.rounds import Entry, Plan, measure
from benchmarks.harness.rows import quick_frameworks

QUICK = {"rounds": 2, "extra_rounds": 0, "budget": 0.06, "build_timeout": 60.0, "together": True}


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-w", "--workloads", type=names, default=list(registry.WORKLOADS), metavar="A,B")
    parser.add_argument("-f", "--frameworks", type=names, default=None, metavar="A,B")
    parser.add_argument("-r", "--rounds", type=int, default=None)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="the best peers only, few rounds")
    parser.add_argument("--further", type=Path, default=None, help="the interpreter with CasADi, heyoka and PyTensor")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where results.json and RESULTS.md go")
    chosen = parser.parse_args()
    unknown = set(chosen.workloads) - set(registry.WORKLOADS) | set(chosen.frameworks or ()) - set(
        registry.frameworks()
    )
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are the workloads {', '.join(registry.WORKLOADS)} "
                     f"and the frameworks {', '.join(registry.frameworks())}")  # fmt: skip
    return chosen


def show(name: str, entry: Entry) -> None:
    """One workload's times on the terminal."""
    say(f"\n{name}: cores {entry['cores']}, {entry['rounds']} rounds")
    frameworks = registry.frameworks()
    for key, value in sorted(entry["frameworks"].items(), key=lambda item: item[1].get("median_s", 1e9)):
        time, note = "-", value.get("error", value.get("unable", ""))
        if "median_s" in value:
            time = duration(value["median_s"])
            note = f"differs by {value['difference']:.0e}, other work {value['foreign_cores']:.2f} cores"
        say(f"  {frameworks[key].label:28} {time:>9}   {note}")


def main() -> None:
    chosen = options()
    settings: dict[str, Any] = dict(QUICK) if chosen.quick else {}
    settings["threads"] = chosen.threads
    if chosen.rounds is not None:
        settings["rounds"] = chosen.rounds
    if chosen.further is not None:
        settings["further"] = chosen.further.absolute()
    plan = Plan(**settings)
    favoured()
    chosen.out.mkdir(parents=True, exist_ok=True)
    results = Results(chosen.out)
    for workload in chosen.workloads:
        default = quick_frameworks(workload) if chosen.quick else list(registry.frameworks())
        entry = measure(workload, chosen.frameworks or default, plan)
        show(workload, entry)
        results.put("workloads", workload, entry)
    mean = results.data["summary"]["geometric_mean"]
    say(f"\ngeometric mean of the ratios: {mean:.2f}" if mean else "\nno ratio: nothing of ours was timed")


if __name__ == "__main__":
    main()
