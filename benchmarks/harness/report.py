"""Results to Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.harness.definitions import Framework

Entry = Mapping[str, Any]


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    micro = seconds * 1e6
    if micro < 1e3:
        return f"{micro:.3g} us" if micro < 100 else f"{micro:.0f} us"
    return f"{micro / 1e3:.3g} ms" if micro < 1e6 else f"{micro / 1e6:.3g} s"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return [f"| {' | '.join(row)} |" for row in [list(head), ["---"] * len(head), *map(list, rows)]]


def verdict(ratio: float | None, must: float, aim: float) -> str:
    if ratio is None:
        return "not measured"
    return "aim" if ratio >= aim else "must" if ratio >= must else f"{ratio / must:.0%} of must"


def summary_table(summary: Entry, labels: Mapping[str, str]) -> list[str]:
    rows = []
    for row in summary["rows"]:
        ratio = row.get("ratio")
        best = f"{labels[row['best_peer']]} {duration(row['best_peer_s'])}" if "best_peer" in row else "-"
        ours = duration(row["ours_s"]) if "ours_s" in row else "-"
        cells = [row["row"], ours, best, f"{ratio:.2f}x" if ratio else "-", f"{row['must']:g}x", f"{row['aim']:g}x"]
        rows.append([*cells, verdict(ratio, row["must"], row["aim"])])
    mean, count = summary["geometric_mean"], summary["rows_with_a_ratio"]
    name = f"**geometric mean of {count} of {len(summary['rows'])} rows**"
    shown = f"**{mean:.2f}x**" if mean else "-"
    reached = verdict(mean, summary["must"], summary["aim"])
    rows.append([name, "", "", shown, f"{summary['must']:g}x", f"{summary['aim']:g}x", reached])
    return table(["workload", "Wengert", "best peer", "ratio", "must", "aim", "reached"], rows)


def workload_section(name: str, entry: Entry, frameworks: Mapping[str, Framework]) -> list[str]:
    """Every framework's times on one workload, and why some have none."""
    flops = entry["flops"]
    known = {k: v for k, v in entry["frameworks"].items() if k in frameworks}
    timed = {k: v for k, v in known.items() if "median_s" in v and "error" not in v}
    lines = [f"### {name}", "", f"{entry['title'][0].upper()}{entry['title'][1:]}.", ""]
    facts = [entry["dtype"], f"{entry['threads']} threads", f"results agree to {entry['tolerance']:g}"]
    facts += [f"{entry['rounds']} rounds", f"cores {entry['cores']}"]
    facts += [f"{flops / 1e6:.4g} MFLOP of products a step"] if flops else []
    lines += [f"{', '.join(facts)}.", ""]
    rows = []
    for key, value in sorted(timed.items(), key=lambda item: item[1]["median_s"]):
        cells = [frameworks[key].label + ("" if frameworks[key].ranked else " (not ranked)")]
        cells += [duration(value["median_s"]), f"{duration(value['least_s'])} .. {duration(value['most_s'])}"]
        cells += [duration(value["read_s"]), f"{value['first_step_s']:.2f} s", f"{value['difference']:.0e}"]
        cells.append(f"{flops / value['median_s'] / 1e9:.1f}" if flops else "-")
        rows.append(cells)
    head = [
        "framework",
        "a step",
        "least .. most",
        "loss read each step",
        "first step",
        "differs by",
        "GFLOP/s",
    ]
    lines += [*table(head, rows), ""] if rows else []
    for key, value in known.items():
        if key not in timed:
            lines += [f"- {frameworks[key].label}: {value.get('error', value.get('unable', 'not run'))}"]
    return [*lines, ""]


def environment_lines(environment: Entry) -> list[str]:
    machine = f"{environment['processor']}, {environment['cores']} cores"
    versions = ", ".join(f"{k} {v}" for k, v in environment.items() if k not in ("processor", "cores"))
    return [f"Machine: {machine}. {versions}.", ""]


def markdown(results: Entry, frameworks: Mapping[str, Framework], extra: Sequence[str] = ()) -> str:
    """The whole report; `extra` holds the sections of latency, memory and scaling."""
    labels = {name: framework.label for name, framework in frameworks.items()}
    lines = ["# Training, beside the peers", ""]
    commands = dict.fromkeys(c for part in results.get("commands", {}).values() for c in part.values())
    made = f"Made by {', '.join(f'`{c}`' for c in commands)}; " if commands else ""
    lines += [f"{made}`benchmarks/README.md` says how the numbers come about.", ""]
    lines += environment_lines(results["environment"])
    lines += ["Ratio: time of the best peer of the same run over ours; above 1 we are faster.", ""]
    lines += [*summary_table(results["summary"], labels), ""]
    missing = [f"- {row['row']}: {row['missing']}" for row in results["summary"]["rows"] if "missing" in row]
    lines += ["Rows without our time:", "", *missing, ""] if missing else []
    lines += [*extra, "## Each workload", ""]
    for name, entry in results["workloads"].items():
        lines += workload_section(name, entry, frameworks)
    return "\n".join(lines).rstrip() + "\n"
