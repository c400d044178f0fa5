"""Minibatches of arrays, in an order that depends on seed and epoch only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show


class Batches:
    """What `batches` returns: iterate it once an epoch; ``len`` is the number of batches."""

    def __init__(self, arrays: tuple[Any, ...], batch_size: int, shuffle: bool, seed: int, drop_last: bool) -> None:
        self.arrays = tuple(np.asarray(a) for a in arrays)
        sizes = {len(a) if a.shape else None for a in self.arrays}
        if not arrays or len(sizes) != 1 or None in sizes:
            raise ShapeError(f"batches: got {', '.join(map(show, self.arrays))}; needs arrays with equally many rows")
        self.size = len(self.arrays[0])
        if not self.size:
            raise ArgumentError("batches: got no rows")
        if batch_size < 1:
            raise ArgumentError(f"batches: got batch_size={batch_size}; needs at least 1")
        if drop_last and batch_size > self.size:
            raise ArgumentError(f"batches: {self.size} rows make no whole batch of {batch_size}, and drop_last is set")
        self.batch_size, self.shuffle, self.seed, self.drop_last = batch_size, shuffle, seed, drop_last
        self.epoch = 0  # which order comes next; set it to resume

    def __len__(self) -> int:
        whole, rest = divmod(self.size, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        order = np.arange(self.size)
        if self.shuffle:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.size)
        self.epoch += 1
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            rows = order[start : start + self.batch_size]
            yield tuple(a[rows] for a in self.arrays)


def batches(
    *arrays: Any, batch_size: int = 32, shuffle: bool = True, seed: int = 0, drop_last: bool = False
) -> Batches:
    """Tuples of rows of `arrays`, `batch_size` at a time; every iteration is one epoch with its own order.

    ``batch_size=1`` gives single samples, the number of rows the full batch.

    >>> import numpy as np, wengert as wg
    >>> [len(x) for x, y in wg.data.batches(np.zeros((5, 2)), np.zeros(5), batch_size=2)]
    [2, 2, 1]
    """
    return Batches(arrays, batch_size, shuffle, seed, drop_last)
