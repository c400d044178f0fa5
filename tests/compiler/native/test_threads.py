"""The number of threads: where it comes from, that it can be changed, and that results stay."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import wengert as wg
from wengert.compiler.native.threads import TEAM

SHOW = "import wengert as wg; print(wg.get_num_threads())"


def started(**environment: str) -> int:
    """The number of threads of a new process."""
    clean = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "WENGERT_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=clean | environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_environment_and_affinity() -> None:
    most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert started() == most
    assert started(OMP_NUM_THREADS="1") == 1
    assert started(OMP_NUM_THREADS="100000") == most
    assert started(WENGERT_NUM_THREADS="3", OMP_NUM_THREADS="1") == 3
    assert started(WENGERT_NUM_THREADS="many") == most


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_one_processor_is_one_thread() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); " + SHOW
    clean = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "WENGERT_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert int(done.stdout) == 1


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_what_is_no_number_of_threads(count) -> None:
    with pytest.raises(wg.errors.ArgumentError, match="set_num_threads: got"):
        wg.set_num_threads(count)


def test_another_number_is_recorded_anew_and_gives_the_same() -> None:
    x = np.random.default_rng(0).standard_normal((700, 900))
    f = wg.compile(lambda x: (wg.tanh(x @ x.T).sum(), wg.softmax(x, -1)))
    expected = np.tanh(x @ x.T).sum(), np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    before = wg.get_num_threads()
    try:
        for count in (1, 3, 2, 2, 1):
            wg.set_num_threads(count)
            for _ in range(2):
                for y, z in zip(f(x), expected, strict=True):
                    np.testing.assert_allclose(y, z, rtol=1e-11, atol=1e-13)
        assert f.retraces[1:] == ["the number of threads changed"] * 3
    finally:
        wg.set_num_threads(before)


def test_code_stays_until_the_team_has_left_it() -> None:
    """Functions that are dropped right after a call, while a member may still be on its way out of them."""
    before = wg.get_num_threads()
    x = np.random.default_rng(0).standard_normal((400, 300))
    expected = np.tanh(x @ x.T).sum()
    try:
        wg.set_num_threads(4)
        for _ in range(60):
            np.testing.assert_allclose(wg.compile(lambda x: wg.tanh(x @ x.T).sum())(x), expected, rtol=1e-11)
        assert len(TEAM._left) < 60
    finally:
        wg.set_num_threads(before)
    assert not TEAM._left
