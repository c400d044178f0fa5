"""`prefetch`: the same order, bounded, errors carried over, nothing left running."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from wengert.base.errors import ArgumentError
from wengert.data import batches, prefetch


def makers() -> int:
    return sum(thread.name == "wengert prefetch" for thread in threading.enumerate())


def test_everything_comes_in_order() -> None:
    for size in (1, 2, 7):
        assert list(prefetch(range(500), size)) == list(range(500))
    assert list(prefetch([])) == [] and makers() == 0


def test_it_is_ahead_but_not_far() -> None:
    made = []

    def items():
        for k in range(100):
            made.append(k)
            yield k

    for size in (1, 2, 4):
        made.clear()
        reader = prefetch(items(), size)
        assert next(reader) == 0
        deadline = time.monotonic() + 5
        while len(made) < size + 1 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.1)
        assert len(made) == size + 1  # the one that was read, and `size` ahead
        reader.close()
        assert makers() == 0


def test_an_error_comes_after_what_was_before_it() -> None:
    def items():
        yield 1
        yield 2
        raise ValueError("the third is broken")

    reader = prefetch(items())
    assert [next(reader), next(reader)] == [1, 2]
    with pytest.raises(ValueError, match="the third is broken"):
        next(reader)
    assert makers() == 0


def test_a_reader_that_stops_ends_the_thread() -> None:
    for item in prefetch(iter(int, 1)):  # endless
        assert item == 0
        break
    assert makers() == 0


def test_an_unread_one_starts_nothing() -> None:
    reader = prefetch(range(3))
    assert makers() == 0
    del reader
    with pytest.raises(ArgumentError, match="got size=0"):
        prefetch([], 0)


def test_batches_are_the_same_with_and_without() -> None:
    x = np.arange(103)

    def noisy(generator, rows):
        return (rows + generator.random(len(rows)),)

    plain, ahead = (batches(x, batch_size=10, seed=4, transform=noisy, prefetch=n) for n in (0, 3))
    for _ in range(3):
        for (a,), (b,) in zip(plain, ahead, strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(next(iter(ahead.rows(1, 4)))[0], list(plain.rows(1))[4][0])  # taken up in the middle
    assert ahead.state_dict() == plain.state_dict()
