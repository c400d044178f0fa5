"""The benchmarks' own logic: what agrees, what counts, what is reported. Nothing here is timed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from benchmarks import latency
from benchmarks.harness import registry, rounds
from benchmarks.harness.agreement import Unmoved, difference, disagreements
from benchmarks.harness.child import Child
from benchmarks.harness.definitions import Framework, NotApplicable, Step, Workload
from benchmarks.harness.machine import one_line
from benchmarks.harness.report import duration, markdown, verdict
from benchmarks.harness.results import Results
from benchmarks.harness.rows import ROWS, quick_frameworks
from benchmarks.harness.sections import sections
from benchmarks.harness.summary import summarise
from benchmarks.harness.worker import Session
from benchmarks.scaling import exponent
from benchmarks.workloads.scaling import DIMENSIONS, name

FLOORS = Path(__file__).resolve().parents[1] / "laws" / "test_floors.py"
TRAINING = Workload("training", dict, {}, losses=3)
LOSSES = np.array([2.0, 1.5, 1.2])


# ----- agreement --------------------------------------------------------------------------------
def agree(workload: Workload, **results: np.ndarray) -> dict[str, str]:
    return disagreements(workload, results, dict.fromkeys(results, 0.0))[1]


@pytest.mark.parametrize("step", range(3))
def test_a_planted_wrong_loss_is_caught_at_every_step(step: int) -> None:
    wrong = LOSSES.copy()
    wrong[step] *= 1 + 2e-4
    assert set(agree(TRAINING, a=LOSSES, b=LOSSES * (1 + 5e-5), c=wrong)) == {"c"}


@pytest.mark.parametrize("wrong", [LOSSES[:2], LOSSES * np.nan, LOSSES * np.inf, -LOSSES])
def test_results_of_another_shape_or_that_are_not_finite_are_caught(wrong: np.ndarray) -> None:
    assert set(agree(TRAINING, a=LOSSES, b=LOSSES, c=wrong)) == {"c"}


def test_a_second_run_that_differs_is_caught() -> None:
    _, faults = disagreements(TRAINING, {"a": LOSSES, "b": LOSSES}, {"a": 0.0, "b": 1e-3})
    assert set(faults) == {"b"} and "second run" in faults["b"]


def test_losses_that_stand_still_prove_nothing() -> None:
    with pytest.raises(Unmoved, match="proves nothing"):
        agree(TRAINING, a=np.full(3, 2.0), b=np.full(3, 2.0))


def test_a_closed_form_goes_before_the_majority() -> None:
    right = np.linspace(1, 2, 100)
    workload = Workload("function", dict, {}, dtype="float64", reference=lambda _: right)
    wrong = right + np.where(np.arange(100) == 7, 1e-7, 0)
    assert set(agree(workload, a=wrong, b=wrong, c=right)) == {"a", "b"}


def test_an_array_is_compared_with_its_largest_magnitude() -> None:
    large = np.linspace(0, 1000, 101)
    assert difference(large + 1e-3, large) == pytest.approx(1e-6)
    assert difference(np.array(1.01), np.array(1.0)) == pytest.approx(0.01)


class Recorded:
    """Stands for a process: it answers a check with given losses."""

    def __init__(self, losses: np.ndarray) -> None:
        self.losses, self.ended = losses, False

    def ask(self, _timeout: float, _command: str, file: str) -> dict[str, Any]:
        np.save(file, self.losses)
        return {"after_reset": 0.0}

    def quit(self) -> None:
        self.ended = True


def test_who_disagrees_is_not_timed(tmp_path: Path) -> None:
    losses = np.linspace(2, 1, 20)
    children: Any = {"a": Recorded(losses), "b": Recorded(losses * (1 + 1e-3)), "c": Recorded(losses)}
    wrong = children["b"]
    found: dict[str, Any] = {name: {} for name in children}
    rounds.check("mlp_tiny", children, tmp_path, rounds.Plan(), found)
    assert list(children) == ["a", "c"] and wrong.ended
    assert "do not agree" in found["b"]["error"] and found["b"]["difference"] == pytest.approx(1e-3)
    assert "error" not in found["a"] and found["a"]["difference"] == 0


@pytest.mark.parametrize(("near", "cores", "milli"), [(3, "near", 1.0), (2, "mixed", 5.0), (0, "far", 5.0)])
def test_times_are_of_turns_with_the_cores_near_where_there_are_enough(near: int, cores: str, milli: float) -> None:
    rest = {"read": [1.0], "foreign_cores": 0.0, "memory_mb": 1.0}
    turns = [{"blocks": [1e-3] * 3, "near": True, **rest} for _ in range(near)]
    turns += [{"blocks": [4e-3, 5e-3, 9e-3], "near": False, **rest} for _ in range(5 - near)]
    entry: dict[str, Any] = {"frameworks": {"a": {}}}
    rounds.summarise(entry, {"a": turns})
    assert entry["cores"] == cores and entry["rounds"] == 5
    assert entry["frameworks"]["a"]["median_s"] == pytest.approx(1e-3 * milli)


# ----- ratios -----------------------------------------------------------------------------------
def timed(**seconds: float) -> dict[str, Any]:
    usual = {"read_s": 2e-5, "first_step_s": 1.0, "difference": 1e-7, "foreign_cores": 0.0, "memory_mb": 100.0}
    frameworks = {k: {"median_s": s, "least_s": s, "most_s": s, **usual} for k, s in seconds.items()}
    return {
        "title": "made up", "dtype": "float32", "tolerance": 1e-4, "flops": 1_000_000, "threads": 2, "rounds": 7,
        "cores": "near", "frameworks": frameworks,
    }  # fmt: skip


def rows(workloads: dict[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    summary = summarise({"workloads": workloads}, registry.frameworks())
    return {row["row"]: row for row in summary["rows"]}, summary


def test_ratios_and_their_geometric_mean() -> None:
    wide = timed(wengert_compiled=0.1, torch_eager=0.15, jax_jit=0.2)
    gmm = timed(wengert_compiled=0.001, jax_jit=0.006, torch_eager=0.1)
    found, summary = rows({"mlp_wide": wide, "gmm": gmm})
    assert found["mlp_wide"]["ratio"] == pytest.approx(1.5) and found["mlp_wide"]["best_peer"] == "torch_eager"
    assert found["gmm"]["ratio"] == pytest.approx(6) and list(found["gmm"]["peers_s"]) == ["jax_jit", "torch_eager"]
    assert summary["geometric_mean"] == pytest.approx(3) and summary["rows_with_a_ratio"] == 2
    assert found["mlp_tiny (per call)"]["missing"] == "not run" and "ratio" not in found["mlp_tiny (per call)"]


def test_looped_rows_are_compared_with_looped_peers() -> None:
    tiny = timed(wengert_compiled=4e-6, wengert_repeat=2e-6, jax_jit=20e-6, jax_scan=8e-6)
    found, _ = rows({"mlp_tiny": tiny, "mlp_mnist": tiny})
    assert found["mlp_tiny (per call)"]["ratio"] == pytest.approx(5)
    assert found["mlp_tiny (looped)"]["ratio"] == pytest.approx(4)
    # Without a looped row of its own the looping peer counts against our single calls.
    assert found["mlp_mnist"]["best_peer"] == "jax_scan" and found["mlp_mnist"]["ratio"] == pytest.approx(2)


def test_what_does_not_count() -> None:
    entry = timed(wengert_compiled=4e-6, wengert_eager=1e-6, numpy_by_hand=1e-6, jax_jit=8e-6, heyoka=1e-6)
    entry["frameworks"]["heyoka"]["error"] = "results do not agree"  # a time from before the fault was seen
    found, _ = rows({"rosenbrock_gradient": entry})
    assert list(found["rosenbrock gradient"]["peers_s"]) == ["jax_jit"]
    entry["frameworks"]["wengert_compiled"] = {"error": "results do not agree: relative difference 0.1"}
    found, summary = rows({"rosenbrock_gradient": entry})
    assert "ratio" not in found["rosenbrock gradient"] and "do not agree" in found["rosenbrock gradient"]["missing"]
    assert summary["geometric_mean"] is None


def test_exponents_are_slopes() -> None:
    sizes = (8, 16, 32, 64)
    assert exponent(sizes, [1e-6 * n**1.5 for n in sizes]) == pytest.approx(1.5)


# ----- reports ----------------------------------------------------------------------------------
def test_durations_and_verdicts() -> None:
    assert [duration(s) for s in (1.234e-6, 1.5e-4, 0.0123, 2.5)] == ["1.23 us", "150 us", "12.3 ms", "2.5 s"]
    assert [verdict(r, 1.5, 3) for r in (None, 1.2, 1.5, 3.1)] == ["not measured", "80% of must", "must", "aim"]


def test_the_report_says_what_the_file_holds(tmp_path: Path) -> None:
    results = Results(tmp_path)
    wide = timed(wengert_compiled=0.1, torch_eager=0.15)
    wide["frameworks"]["jax_jit"] = {"error": "results do not agree: relative difference 0.02"}
    results.put("workloads", "mlp_wide", wide)
    results.put(
        "latency", "mlp_mnist", {"wengert_compiled": {"cold_s": 0.7, "warm_s": 0.25}, "jax_jit": {"error": "no"}}
    )
    results.put("memory", "mlp_mnist", {"wengert_compiled": {"memory_mb": 100.0}, "torch_eager": {"memory_mb": 250.0}})
    curve = {"seconds": [1e-3, 2e-3, 4e-3], "exponent": 1.0, "last": 1.0}
    results.put("scaling", "batch", {"sizes": [8, 16, 32], "fixed": "a net", "frameworks": {"wengert_compiled": curve}})
    results.put("threads", "mlp_wide", {"wengert_compiled": {"1": 0.2, "2": 0.1}})
    text = (tmp_path / "RESULTS.md").read_text()
    for part in (
        "| mlp_wide | 100 ms | torch 150 ms | 1.50x | 1x | 1.1x | aim |",
        "geometric mean of 1 of 19 rows",
        "- jax.jit: results do not agree: relative difference 0.02",
        "| Wengert | 100 ms | 100 ms .. 100 ms | 20 us | 1.00 s | 1e-07 | 0.0 |",
        "| Wengert | 0.70 s, 0.25 s |",
        "- jax.jit, mlp_mnist: no",
        "| torch over Wengert (must 2x) | 2.50x |",
        "| batch | 8 .. 32 | Wengert | 1 ms .. 4 ms | 1.00 | 1.00 |",
        "| Wengert | 200 ms, 100 ms (2.00x) |",
    ):
        assert part in text, part
    assert str(tmp_path) not in text and str(Path.home()) not in text
    assert Results(tmp_path).data == results.data


def test_an_error_is_one_line_without_folders() -> None:
    text = "cannot import 'x' (/home/me/project/wengert/core/record.py)\n  hint: a / b, 1/2 of it, see ./core/a.py"
    assert one_line(text) == "cannot import 'x' (record.py) hint: a / b, 1/2 of it, see ./core/a.py"


def test_an_entry_is_replaced_as_a_whole(tmp_path: Path) -> None:
    Results(tmp_path).put("workloads", "gmm", timed(wengert_compiled=1.0, jax_jit=2.0))
    results = Results(tmp_path)
    results.put("workloads", "gmm", timed(wengert_compiled=1.0))
    assert list(results.data["workloads"]["gmm"]["frameworks"]) == ["wengert_compiled"]
    assert "ratio" not in next(row for row in results.data["summary"]["rows"] if row["row"] == "gmm")


def test_the_report_names_the_commands_that_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Results(tmp_path, "python -m benchmarks.training").put("workloads", "gmm", timed(wengert_compiled=1.0, jax_jit=2.0))
    monkeypatch.setattr("sys.argv", ["run", "--out", "/some/where", "--quick", "--further=/else/where", "-r", "4"])
    monkeypatch.setattr("sys.modules", {**sys.modules, "__main__": latency})
    Results(tmp_path).put("latency", "mlp_mnist", {})
    line = next(x for x in (tmp_path / "RESULTS.md").read_text().split("\n") if x.startswith("Made by"))
    assert line.startswith("Made by `python -m benchmarks.training`, `python -m benchmarks.latency --quick -r 4`;")


def test_an_empty_report_is_a_report() -> None:
    summary = summarise({}, registry.frameworks())
    data = {"environment": {"processor": "p", "cores": "2"}, "summary": summary}
    text = markdown({**data, "workloads": {}}, registry.frameworks(), sections(data))
    assert "geometric mean of 0 of 19 rows" in text


@pytest.fixture(autouse=True)
def denormals_as_before() -> Iterator[None]:
    """Some frameworks flush them, in the thread that sets them up."""
    yield
    wg.set_flush_denormal(False)


# ----- frameworks and workloads -----------------------------------------------------------------
def test_rows_name_what_there_is() -> None:
    assert {row.workload for row in ROWS} == set(registry.WORKLOADS)
    for row in ROWS:
        assert row.aim > row.must > 0
        for framework in map(registry.frameworks().__getitem__, quick_frameworks(row.workload)):
            framework.builder(row.workload, registry.workload(row.workload))  # none says that it cannot
    for dimension, value in DIMENSIONS.items():
        assert all(registry.workload(name(dimension, size)).losses for size in value.sizes)


def test_why_a_framework_is_left_out() -> None:
    build: Any = lambda framework, data: Step(lambda: None, lambda: 0.0)  # noqa: E731
    workload = Workload("w", dict, {"a": build}, unable={"slow": "too slow"})
    assert Framework("fast", "", "a").builder("w", workload) is build
    for framework, why in (
        (Framework("slow", "", "a"), "too slow"),
        (Framework("b", "", "b"), "no builder"),
        (Framework("c", "", "a", only=frozenset({"v"})), "not meant"),
    ):
        with pytest.raises(NotApplicable, match=why):
            framework.builder("w", workload)


@pytest.mark.parametrize("workload", registry.WORKLOADS)
def test_our_steps_do_what_the_workload_says(workload: str, tmp_path: Path) -> None:
    """Losses fall, functions have the closed form's values, compiled steps and second runs give the same."""
    results, after_reset = {}, {}
    for framework in ("wengert_eager", "wengert_compiled"):
        session = Session(framework, workload, threads=1)
        assert "first_step_s" in session.build()
        after_reset[framework] = session.check(str(tmp_path / "found.npy"))["after_reset"]
        results[framework] = np.load(tmp_path / "found.npy")
    differences, faults = disagreements(session.workload, results, after_reset)
    assert not faults, differences
    assert after_reset["wengert_eager"] == 0  # bit for bit
    if session.workload.losses:
        assert results["wengert_eager"][-1] < results["wengert_eager"][0]


@pytest.mark.parametrize("workload", ["mlp_digits", "mlp_mnist"])
def test_processes_with_two_threads_agree(workload: str, tmp_path: Path) -> None:
    """Through the processes that a run would time; Adam counts its steps while two threads share its kernels."""
    results, after_reset = {}, {}
    for framework in ("wengert_eager", "wengert_compiled"):
        with open(tmp_path / "log", "w") as log:
            child = Child(registry.frameworks()[framework], workload, 2, tmp_path, log)
            try:
                assert "first_step_s" in child.ask(60, "build"), (tmp_path / "log").read_text()
                after_reset[framework] = child.ask(60, "check", file=str(tmp_path / "found.npy"))["after_reset"]
            finally:
                child.quit()
        results[framework] = np.load(tmp_path / "found.npy")
    differences, faults = disagreements(registry.workload(workload), results, after_reset)
    assert not faults, differences


# ----- the laws of the package hold here too ----------------------------------------------------
def test_files_and_functions_are_small() -> None:
    spec = importlib.util.spec_from_file_location("floors", FLOORS)
    assert spec is not None and spec.loader is not None
    floors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(floors)
    found = floors.oversized(FLOORS.parents[2] / "benchmarks")
    assert found == ([], []), found
