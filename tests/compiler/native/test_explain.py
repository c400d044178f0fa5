"""Looking at a compiled step: the table, the measured kernels, what the environment has printed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.compiler.native import listing, peaks
from wengert.nn import functional as F


def trained() -> tuple[Any, Any, tuple[Any, ...]]:
    """A model, a compiled step that trains it, and arguments of the step."""
    wg.manual_seed(0)
    model = wg.nn.Sequential(wg.nn.Linear(20, 64), wg.nn.ReLU(), wg.nn.Linear(64, 5))
    optimizer = wg.optim.Adam(model.parameters())

    @wg.compile
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    arguments = np.random.default_rng(0).standard_normal((32, 20)).astype(np.float32), np.arange(32) % 5
    for _ in range(3):
        step(*arguments)
    return model, step, (*arguments, optimizer)


def test_the_table_of_a_step() -> None:
    _, step, _ = trained()
    text = step.explain()
    kernels = len(listing.rows(step._latest().native.program))
    assert f"{len(step.tape)} lines (" in text.split("\n")[0]
    assert f"{kernels} kernels, 0 lines on numpy" in text
    for word in ("matmul", "relu", "32x64", "test_explain.py", "machine code for", "memory: ", "of scratch"):
        assert word in text
    heads, rule = text.split("\n")[4:6]
    assert heads.split()[:3] == ["kernel", "kind", "operations"]
    assert set(rule) == {"-"}


def test_rows_add_up() -> None:
    x = np.ones((64, 48), np.float32)
    f = wg.compile(lambda x: wg.tanh(x @ x.T))
    f(x)
    (row,) = listing.rows(f._latest().native.program)
    assert (row.kind, row.operations, row.shape, row.dtype) == ("matmul", "matmul tanh", (64, 64), "float32")
    assert row.flops >= 2 * 64 * 64 * 48
    assert row.bytes >= x.nbytes + 64 * 64 * 4
    assert row.nanoseconds > 0


def test_a_loop_costs_what_its_rounds_do() -> None:
    x, programs = np.ones((64, 64), np.float32), []
    for rounds in (1, 7):
        f = wg.compile(lambda x, n=rounds: wg.fori_loop(0, n, lambda _, c: wg.tanh(c @ c), x))
        f(x)
        programs.append(listing.rows(f._latest().native.program))
    (a,), (b,) = programs
    assert (b.kind, b.flops, b.bytes) == ("scan", 7 * a.flops, 7 * a.bytes)
    assert a.flops >= 2 * 64**3
    assert b.nanoseconds == pytest.approx(7 * a.nanoseconds)


@pytest.mark.parametrize(
    ("function", "x", "reason"),
    [
        (lambda x: wg.sort(x) * 2, np.arange(5.0), "argsort has no native form"),
        (lambda x: wg.exp(x), np.ones(3, np.complex128), "complex numbers"),
        (lambda x: wg.exp(x), np.ones(3, np.float16), "half precision"),
    ],
)
def test_why_a_line_stays_on_numpy(function, x, reason) -> None:
    f = wg.compile(function)
    f(x)
    left = [row for row in listing.rows(f._latest().native.program) if not row.kernel]
    assert left, f.explain()
    assert any(reason in row.reason for row in left)
    assert reason in f.explain()


def test_without_native_code_it_lists_lines(monkeypatch) -> None:
    monkeypatch.setenv("WENGERT_BACKEND", "numpy")
    f = wg.compile(lambda x: np.sum(np.sin(x)))
    f(np.ones(3))
    text = f.explain()
    assert "2 lines (2 as recorded), 0 kernels, 2 lines on numpy" in text
    assert "sin" in text
    assert "float64[3]" in text
    assert f.native_source == ""
    with pytest.raises(wg.errors.ArgumentError, match="profile: <lambda> runs on NumPy"):
        f.profile(np.ones(3))


def test_a_profile_changes_nothing(monkeypatch) -> None:
    monkeypatch.setattr(peaks, "_BYTES", 1 << 22)
    model, step, (x, y, optimizer) = trained()
    before = {k: np.array(v) for k, v in model.state_dict().items()}
    steps = optimizer.steps
    kept = x.copy()
    found = step.profile(x, y, repeats=2, show=False)
    assert optimizer.steps == steps
    np.testing.assert_array_equal(x, kept)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    step(x, y)  # and it still learns
    assert any(not np.array_equal(v, before[k]) for k, v in model.state_dict().items())
    assert len(found.rows) == len(listing.rows(step._latest().native.program))
    assert sum(row.share for row in found.rows) == pytest.approx(1.0)
    assert all(row.seconds > 0 for row in found.rows)
    assert found.seconds > 0
    assert min(found.peaks) > 0
    assert len(step.retraces) == 1


def test_a_profile_has_numpy_lines_and_is_printed(capsys, monkeypatch) -> None:
    monkeypatch.setattr(peaks, "_BYTES", 1 << 22)
    monkeypatch.delenv("COLUMNS", raising=False)
    f = wg.compile(lambda x: wg.sort(np.exp(x)) * 2)
    x = np.random.default_rng(0).standard_normal(1000)
    found = f.profile(x, repeats=2)
    out = capsys.readouterr().out
    assert {"argsort", "exp"} <= {row.row.operations for row in found.rows}
    for word in ("<lambda>:", "GFLOP/s", "of peak", "argsort", "numpy", "exp"):
        assert word in out
        assert word in str(found)
    slowest = max(found.rows, key=lambda row: row.seconds).row.operations
    assert slowest in str(found).split("\n")[3]


def test_a_profile_of_indices_sees_the_values_of_a_call() -> None:
    """A kernel that reads what another one computed finds it: an index out of bounds would be reported."""
    f = wg.compile(lambda x, i: x[wg.argsort(i)[:3]] * 2)
    found = f.profile(np.arange(5.0), np.array([3, 1, 2, 0, 4]), repeats=1, show=False)
    assert found.rows
    np.testing.assert_array_equal(f(np.arange(5.0), np.array([3, 1, 2, 0, 4])), [6.0, 2.0, 4.0])


def test_repeats() -> None:
    f = wg.compile(lambda x: x * 2)
    with pytest.raises(wg.errors.ArgumentError, match="got repeats=0"):
        f.profile(np.ones(3), repeats=0)


def test_the_environment_asks(monkeypatch, capsys) -> None:
    monkeypatch.setenv("WENGERT_SHOW", "plan,kernels")
    f = wg.compile(lambda x: wg.softmax(x @ x, -1))
    f(np.eye(4))
    shown = capsys.readouterr().err
    assert "--- <lambda>: plan" in shown
    assert "arena: " in shown
    assert "matmul" in shown
    assert "--- <lambda>: kernels" in shown
    assert "define" in f.native_source
    assert f.native_source in shown
    monkeypatch.setenv("WENGERT_SHOW", "passes")
    wg.compile(lambda x: x * 1 + 0 * 2)(np.eye(4))
    shown = capsys.readouterr().err
    assert "recorded" in shown
    assert "define" not in shown


def test_peaks_are_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(peaks, "_BYTES", 1 << 20)
    peaks._peaks.cache_clear()
    first = peaks.peaks()
    assert min(first) > 1e8
    peaks._peaks.cache_clear()
    second = peaks.peaks()
    assert all(b >= a for a, b in zip(first, second, strict=True))
    peaks._peaks.cache_clear()
