"""How the time of a step grows with batch, width, depth and length, and what the second thread brings.

    python -m benchmarks.scaling [--quick] [-d batch,width]

Time against size in doubly logarithmic axes is a line where time is a power of size; its slope is fitted over all
sizes and over the largest three. The curves are drawn into scaling.svg.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import registry
from benchmarks.harness.results import FOLDER, Results, say
from benchmarks.harness.rounds import Plan, measure
from benchmarks.workloads.scaling import DIMENSIONS, name

FRAMEWORKS = ("wengert_compiled", "wengert_eager", "torch_eager", "jax_jit")
THREADED = ("mlp_mnist", "mlp_wide", "cnn_lenet", "cnn_small_resnet", "lstm_char", "transformer_char", "tanh_6th_1e6")
QUICK = {"rounds": 1, "extra_rounds": 0, "budget": 0.05}
USUAL = {"rounds": 3, "extra_rounds": 3, "budget": 0.1}


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of log time over log size, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def curve(dimension: str, plan: Plan) -> dict[str, Any]:
    """Times of all frameworks over the sizes of one dimension; a framework that fails at one size is left out."""
    sizes = DIMENSIONS[dimension].sizes
    entries = [measure(name(dimension, size), FRAMEWORKS, plan)["frameworks"] for size in sizes]
    found: dict[str, Any] = {"sizes": list(sizes), "fixed": DIMENSIONS[dimension].fixed, "frameworks": {}}
    for framework in FRAMEWORKS:
        values = [entry[framework] for entry in entries]
        faults = [value.get("error", value.get("unable")) for value in values if "median_s" not in value]
        if faults:
            found["frameworks"][framework] = {"error": faults[0]}
            continue
        seconds = [value["median_s"] for value in values]
        found["frameworks"][framework] = {
            "seconds": seconds, "exponent": exponent(sizes, seconds), "last": exponent(sizes[-3:], seconds[-3:]),
        }  # fmt: skip
    return found


def threads(workload: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Seconds a step with one thread and with two."""
    found: dict[str, Any] = {}
    for count in (1, 2):
        entry = measure(workload, FRAMEWORKS, Plan(threads=count, **settings))
        for framework, value in entry["frameworks"].items():
            if "median_s" in value:
                found.setdefault(framework, {})[str(count)] = value["median_s"]
    return found


def plot(data: dict[str, Any], file: Path) -> None:
    """All curves, one panel a dimension."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "wengert"  # the same file from the same numbers
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FormatStrFormatter, LogLocator

    figure, axes = plt.subplots(1, len(data), figsize=(4 * len(data), 3.6), squeeze=False, layout="constrained")
    for axis, (dimension, entry) in zip(axes[0], data.items(), strict=True):
        for number, (framework, value) in enumerate(entry["frameworks"].items()):
            if "seconds" in value:
                label = f"{registry.frameworks()[framework].label} ({value['last']:.2f})"
                milli = [1e3 * seconds for seconds in value["seconds"]]
                axis.loglog(entry["sizes"], milli, marker="o", markersize=3, color=f"C{number}", label=label)
        axis.set(xlabel=dimension, ylabel="milliseconds a step")
        axis.set_xticks(entry["sizes"], [str(size) for size in entry["sizes"]], minor=False)
        axis.minorticks_off()
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axis.grid(alpha=0.3)
        axis.legend(title="slope over the last three sizes", title_fontsize=8, fontsize=8, frameon=False)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("-d", "--dimensions", default=",".join([*DIMENSIONS, "threads"]), metavar="A,B")
    parser.add_argument("--out", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    settings: dict[str, Any] = QUICK if chosen.quick else USUAL
    results = Results(chosen.out)
    wanted = chosen.dimensions.split(",")
    for dimension in (d for d in DIMENSIONS if d in wanted):
        results.put("scaling", dimension, curve(dimension, Plan(**settings)))
        say(dimension, results.data["scaling"][dimension]["frameworks"])
        plot(results.data["scaling"], chosen.out / "scaling.svg")
    for workload in THREADED if "threads" in wanted else ():
        results.put("threads", workload, threads(workload, settings))
        say(workload, results.data["threads"][workload])


if __name__ == "__main__":
    main()
