"""Denormal numbers are kept unless the user says otherwise; then they are 0 in all threads of a step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import wengert as wg
from wengert.base.errors import OperandError


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    wg.set_flush_denormal(False)
    yield
    wg.set_flush_denormal(False)


@pytest.mark.parametrize(("dtype", "small"), [(np.float32, 2e-38), (np.float64, 4e-308)])
def test_kept_or_flushed(dtype: type, small: float) -> None:
    half = wg.compile(lambda x: x * 0.25)
    for shape in ((), (3,), (400_000,)):  # the last one is shared by all threads
        for mode in (False, True, False):
            assert wg.set_flush_denormal(mode)
            x = np.full(shape, small, dtype)
            for found in (half(x), x * dtype(0.25), wg.tensor(x) * 0.25):
                assert np.all(np.asarray(found) == 0) == mode
    assert np.all(half(np.full(3, small, dtype)) > 0)


def test_others_keep_their_values() -> None:
    x = np.random.default_rng(0).normal(size=1000)
    f = wg.compile(lambda x: wg.tanh(x) * wg.exp(x))
    before = f(x)
    wg.set_flush_denormal(True)
    assert f(x).tobytes() == before.tobytes()


def test_bad_mode() -> None:
    with pytest.raises(OperandError, match="needs True or False"):
        wg.set_flush_denormal("yes")  # type: ignore[arg-type]
