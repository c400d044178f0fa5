"""Work ahead in the background: the next items are made while the last one is used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

from wengert.base.errors import ArgumentError

T = TypeVar("T")


class _Failed(NamedTuple):
    """What the maker raised."""

    error: BaseException


_END = object()


def prefetch(items: Iterable[T], size: int = 2) -> Iterator[T]:
    """The same items in the same order, made by a thread that is up to `size` of them ahead.

    What making them raises is raised here, after the items before it. Where the reader stops early the thread ends.
    It helps where making an item waits for a disk, or computes in NumPy while the reader does.

    >>> import wengert as wg
    >>> list(wg.data.prefetch(range(5), size=2))
    [0, 1, 2, 3, 4]
    """
    if size < 1:
        raise ArgumentError(f"prefetch: got size={size}; needs at least 1")
    return _ahead(items, size)


def _ahead(items: Iterable[T], size: int) -> Iterator[T]:
    ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
    room, unwanted = threading.Semaphore(size), threading.Event()
    maker = threading.Thread(target=_make, args=(items, ready, room, unwanted), name="wengert prefetch", daemon=True)
    maker.start()
    try:
        while (item := ready.get()) is not _END:
            if isinstance(item, _Failed):
                raise item.error
            room.release()
            yield item
    finally:
        unwanted.set()
        room.release()
        maker.join()


def _make(
    items: Iterable[Any], ready: queue.SimpleQueue[Any], room: threading.Semaphore, unwanted: threading.Event
) -> None:
    last: Any = _END
    try:
        coming = iter(items)
        while room.acquire() and not unwanted.is_set():
            try:
                ready.put(next(coming))
            except StopIteration:
                break
    except BaseException as error:
        last = _Failed(error)
    ready.put(last)


__all__ = ["prefetch"]
