"""What every test, and every example in a docstring, leaves as it found it.

The package is imported here before pytest collects: else pytest would load the first module it collects by itself
and once more as a part of the package, and each of its primitives would be registered twice.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from wengert.core.record import local

os.environ.setdefault("MPLBACKEND", "agg")
# Machine code is kept between runs, away from the user's own; what is wrong in it is found by tests of the cache.
os.environ.setdefault("WENGERT_CACHE_DIR", str(Path(__file__).parent / "build" / "cache"))


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    """No recorder stays open, recording is on, and the default dtype is the usual one, whatever a test raised."""
    yield
    depth, paused, dtype = local.depth, local.paused, wg.get_default_dtype()
    local.depth, local.paused = 0, -1
    wg.set_default_dtype(np.float32)
    assert depth == 0, "a recorder was left open"
    assert paused == -1, "recording was left paused"
    assert dtype == np.float32, "the default dtype was left changed"


@pytest.fixture(autouse=True)
def no_figure_stays_open() -> Iterator[None]:
    """Pictures are drawn without a display, and closed."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(autouse=True)
def same_numbers(request: pytest.FixtureRequest) -> None:
    """A test draws the same numbers from its file's RNG whichever test ran before it, alone and in parallel."""
    file = request.node.getparent(pytest.Module)
    if file is not None and hasattr(file.obj, "RNG"):
        file.obj.RNG = np.random.default_rng(0)
