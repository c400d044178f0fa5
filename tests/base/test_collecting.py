"""Python's search for circles is put off, and goes on as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest

import wengert as wg
from wengert.base.collecting import uncollected


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.isenabled()
    yield
    (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("on", [True, False])
def test_it_goes_on_as_it_was(on: bool) -> None:
    (gc.enable if on else gc.disable)()
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled() is on
    with pytest.raises(KeyError), uncollected():
        raise KeyError
    assert gc.isenabled() is on


def test_while_a_list_is_recorded() -> None:
    gc.enable()
    seen = []
    f = wg.compile(lambda x: seen.append(gc.isenabled()) or x * 2, cache_size=1)
    with pytest.raises(wg.errors.CompileError):  # it changes what it reads
        f(np.ones(3))
    assert seen == [False]
    assert gc.isenabled()
