"""The report's sections on latency, memory, scaling and threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.harness import registry
from benchmarks.harness.report import duration, table

Entry = Mapping[str, Any]


def _labels(entries: Entry) -> list[str]:
    """The frameworks of all entries, in the order of the first."""
    names = dict.fromkeys(name for entry in entries.values() for name in entry)
    return [name for name in names if name in registry.frameworks()]


def _matrix(entries: Entry, cell: Callable[[Entry], str]) -> list[str]:
    """A row for each framework, a column for each workload."""
    rows = []
    for name in _labels(entries):
        cells = [cell(entry[name]) if name in entry else "-" for entry in entries.values()]
        rows.append([registry.frameworks()[name].label, *cells])
    return table(["", *entries], rows)


def _faults(entries: Entry) -> list[str]:
    lines = []
    for workload, entry in entries.items():
        for name, value in entry.items():
            why = value.get("error", value.get("unable"))
            if why and name in registry.frameworks():
                lines.append(f"- {registry.frameworks()[name].label}, {workload}: {why}")
    return ["", *lines] if lines else []


def latency(entries: Entry) -> list[str]:
    def cell(value: Entry) -> str:
        return f"{value['cold_s']:.2f} s, {value['warm_s']:.2f} s" if "cold_s" in value else "-"

    text = (
        "From the process' start to the second result, imports included; with empty caches, and with filled ones. The "
        "second, because a first step may run as Python has it."
    )
    return ["## Time to the second result", "", text, "", *_matrix(entries, cell), *_faults(entries), ""]


def memory(entries: Entry) -> list[str]:
    """Peaks; a last row with PyTorch's over ours."""

    def cell(value: Entry) -> str:
        return f"{value['memory_mb']:.0f} MB" if "memory_mb" in value else "-"

    lines = _matrix(entries, cell)
    shares = []
    for entry in entries.values():
        theirs, ours = (entry.get(k, {}).get("memory_mb") for k in ("torch_eager", "wengert_compiled"))
        shares.append(f"{theirs / ours:.2f}x" if theirs and ours else "-")
    lines.append(f"| torch over Wengert (must 2x) | {' | '.join(shares)} |")
    return ["## Peak memory of a process that trains", "", *lines, *_faults(entries), ""]


def scaling(entries: Entry) -> list[str]:
    """The exponents; the times are in the plot and in results.json."""
    rows = []
    for dimension, entry in entries.items():
        for name, value in entry["frameworks"].items():
            if "seconds" in value and name in registry.frameworks():
                span = f"{duration(value['seconds'][0])} .. {duration(value['seconds'][-1])}"
                sizes = f"{entry['sizes'][0]} .. {entry['sizes'][-1]}"
                label = registry.frameworks()[name].label
                rows.append([dimension, sizes, label, span, f"{value['exponent']:.2f}", f"{value['last']:.2f}"])
    head = ["what grows", "sizes", "framework", "a step", "exponent", "of the last three sizes"]
    fixed = [f"- {dimension}: {entry['fixed']}" for dimension, entry in entries.items()]
    picture = "![Time of a step over batch, width, depth and length](scaling.svg)"
    text = "Time grows as size to this exponent (least squares of the logarithms)."
    return ["## Scaling", "", text, "", *fixed, "", picture, "", *table(head, rows), ""]


def threads(entries: Entry) -> list[str]:
    def cell(value: Entry) -> str:
        if "1" not in value or "2" not in value:
            return "-"
        return f"{duration(value['1'])}, {duration(value['2'])} ({value['1'] / value['2']:.2f}x)"

    return ["## One thread and two", "", *_matrix(entries, cell), ""]


def sections(results: Entry) -> list[str]:
    """All that were measured."""
    lines: list[str] = []
    for name, section in (("latency", latency), ("memory", memory), ("scaling", scaling), ("threads", threads)):
        if results.get(name):
            lines += section(results[name])
    return lines
