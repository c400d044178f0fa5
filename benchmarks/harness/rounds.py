"""One workload in all frameworks: processes are built, checked against each other, and timed in interleaved rounds."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import registry
from benchmarks.harness.agreement import Unmoved, disagreements
from benchmarks.harness.child import Child
from benchmarks.harness.machine import BUILD, alone, cores_near

Entry = dict[str, Any]
SLOW_SECONDS = 1.0  # of a step; three rounds of such are enough
SHARE = 5  # rounds after which others may have the machine


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int = 7
    extra_rounds: int = 5  # at most so many more, to get enough with the cores near each other
    budget: float = 0.2  # seconds for each framework and round
    threads: int = 2
    build_timeout: float = 240.0
    together: bool = False  # build all at once: sooner done, but the first step's time means little
    further: Path = BUILD / "further" / "bin" / "python"  # the interpreter of the further peers


def measure(name: str, frameworks: Sequence[str], plan: Plan) -> Entry:
    """The entry of a workload in the results: of each framework its times, or why there are none."""
    workload = registry.workload(name)
    entry: Entry = {
        "title": workload.title, "dtype": workload.dtype, "tolerance": workload.tolerance, "flops": workload.flops,
        "threads": plan.threads, "frameworks": {},
    }  # fmt: skip
    BUILD.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        log = stack.enter_context(open(BUILD / f"{name}.log", "w"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with alone():
            children = _build(name, frameworks, plan, log, entry["frameworks"])
            for child in children.values():
                stack.callback(child.quit)
            check(name, children, folder, plan, entry["frameworks"])
        turns = _rounds(children, plan, entry["frameworks"])
    summarise(entry, turns)
    return entry


def _build(name: str, frameworks: Sequence[str], plan: Plan, log: Any, found: Entry) -> dict[str, Child]:
    """Start every process; those of frameworks that cannot do the workload are told so without one."""
    started: dict[str, Child] = {}
    children: dict[str, Child] = {}
    for framework in (registry.frameworks()[f] for f in frameworks):
        if framework.only is not None and name not in framework.only:
            continue
        if framework.further and not plan.further.exists():
            found[framework.name] = {"unable": "the environment of the further peers is not there"}
            continue
        child = started[framework.name] = Child(framework, name, plan.threads, plan.further, log)
        child.send("build")
        if not plan.together:
            found[framework.name] = child.answer(plan.build_timeout)
    for key, child in started.items():
        if plan.together:
            found[key] = child.answer(plan.build_timeout)
        if "first_step_s" in found[key]:
            children[key] = child
        else:
            child.quit()
    return children


def check(name: str, children: dict[str, Child], folder: Path, plan: Plan, found: Entry) -> None:
    """Drop every process whose results do not agree with the others'."""
    results, after_reset = {}, {}
    for framework, child in list(children.items()):
        file = folder / f"{framework}.npy"
        answer = child.ask(plan.build_timeout, "check", file=str(file))
        if "error" in answer:
            found[framework] = answer
            del children[framework]
            continue
        results[framework], after_reset[framework] = np.load(file), answer["after_reset"]
    if not results:
        return
    try:
        differences, faults = disagreements(registry.workload(name), results, after_reset)
    except Unmoved as why:
        differences, faults = {}, dict.fromkeys(results, str(why))
    for framework, error in differences.items():
        found[framework]["difference"] = error
    for framework, fault in faults.items():
        found[framework]["error"] = fault
        children.pop(framework).quit()


def _rounds(children: dict[str, Child], plan: Plan, found: Entry) -> dict[str, list[Entry]]:
    """Turns A B C A B C …; the first round warms up and calibrates and is not kept."""
    turns: dict[str, list[Entry]] = {name: [] for name in children}
    number = 0
    while children and (number <= plan.rounds or _few_near(turns, number, plan)):
        with alone():
            for _ in range(SHARE):
                _one_round(children, turns, number, plan, found)
                number += 1
                if number > plan.rounds and not _few_near(turns, number, plan):
                    break
        time.sleep(0.05)
    return turns


def _few_near(turns: dict[str, list[Entry]], number: int, plan: Plan) -> bool:
    """Whether more rounds are worth it: with the cores apart, two threads are slower and vary."""
    counts = [sum(turn["near"] for turn in kept) for kept in turns.values() if kept and not _slow(kept)]
    return min(counts, default=plan.rounds) < plan.rounds and number <= plan.rounds + plan.extra_rounds


def _slow(turns: Sequence[Entry]) -> bool:
    return bool(turns) and statistics.median(turns[0]["blocks"]) > SLOW_SECONDS


def _one_round(
    children: dict[str, Child], turns: dict[str, list[Entry]], number: int, plan: Plan, found: Entry
) -> None:
    before = cores_near()
    for name, child in list(children.items()):
        if number > 3 and _slow(turns[name]):
            continue
        turn = child.turn(plan.budget)
        after = cores_near()
        if "error" in turn:
            found[name]["error"] = turn["error"]
            children.pop(name).kill()
            turns.pop(name)
        elif number:
            turns[name].append({**turn, "near": before and after})
        before = after


def summarise(entry: Entry, turns: dict[str, list[Entry]]) -> None:
    """Medians over rounds of each round's median block; of rounds with the cores near, where there are enough."""
    near = min((sum(t["near"] for t in kept) for kept in turns.values() if not _slow(kept)), default=0)
    entry["rounds"] = max(map(len, turns.values()), default=0)
    entry["cores"] = "near" if near >= 3 else "mixed" if any(t["near"] for k in turns.values() for t in k) else "far"
    for name, every in turns.items():
        kept = [t for t in every if t["near"] or near < 3] or every
        blocks = [statistics.median(t["blocks"]) for t in kept]
        entry["frameworks"][name].update(
            median_s=statistics.median(blocks),
            least_s=min(blocks),
            most_s=max(blocks),
            read_s=statistics.median(statistics.median(t["read"]) for t in kept),
            foreign_cores=round(statistics.mean(t["foreign_cores"] for t in kept), 3),
            memory_mb=round(kept[-1]["memory_mb"], 1),
        )
