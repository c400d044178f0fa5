"""Results to rows: our time, the best peer's, their ratio, and the geometric mean of all ratios."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.harness.definitions import Framework
from benchmarks.harness.rows import AIM_MEAN, MUST_MEAN, ROWS, Row

OURS, OURS_LOOPED = "wengert_compiled", "wengert_repeat"


def peers_of(row: Row, timed: Mapping[str, float], frameworks: Mapping[str, Framework]) -> dict[str, float]:
    """The times that count against ours.

    A looped row is compared with looped peers. A row per call is compared with peers called once a step; where the
    workload has no looped row, looped peers count too, so that no peer is left out.
    """
    has_looped_row = any(other.looped for other in ROWS if other.workload == row.workload)
    peers = {}
    for name, seconds in timed.items():
        framework = frameworks[name]
        if framework.family == "wengert" or not framework.ranked:
            continue
        if has_looped_row and row.looped != (framework.steps > 1):
            continue
        peers[name] = seconds
    return peers


def summary_row(row: Row, entry: Mapping[str, Any] | None, frameworks: Mapping[str, Framework]) -> dict[str, Any]:
    """One row; without a ratio where we or all peers have no time, with the reason for ours."""
    found: dict[str, Any] = {"row": row.name, "workload": row.workload, "must": row.must, "aim": row.aim}
    if entry is None:
        return {**found, "missing": "not run"}
    entries = {name: value for name, value in entry["frameworks"].items() if name in frameworks}
    timed = {k: v["median_s"] for k, v in entries.items() if "median_s" in v and "error" not in v}
    ours = OURS_LOOPED if row.looped else OURS
    if ours in timed:
        found["ours_s"] = timed[ours]
    else:
        reason = entries.get(ours, {})
        found["missing"] = reason.get("error", reason.get("unable", "not run"))
    peers = peers_of(row, timed, frameworks)
    found["peers_s"] = dict(sorted(peers.items(), key=lambda item: item[1]))
    if peers:
        found["best_peer"], found["best_peer_s"] = next(iter(found["peers_s"].items()))
        if "ours_s" in found:
            found["ratio"] = found["best_peer_s"] / found["ours_s"]
    return found


def summarise(results: Mapping[str, Any], frameworks: Mapping[str, Framework]) -> dict[str, Any]:
    """All rows and the geometric mean of the ratios there are."""
    workloads = results.get("workloads", {})
    rows = [summary_row(row, workloads.get(row.workload), frameworks) for row in ROWS]
    ratios = [row["ratio"] for row in rows if "ratio" in row]
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None
    return {
        "rows": rows, "geometric_mean": mean, "rows_with_a_ratio": len(ratios), "must": MUST_MEAN, "aim": AIM_MEAN,
    }  # fmt: skip
