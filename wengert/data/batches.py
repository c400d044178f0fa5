"""Minibatches of arrays, in an order that depends on seed and epoch only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, DTypeError, ShapeError, show
from wengert.data.prefetch import prefetch as ahead_of

Transform = Callable[..., tuple[Any, ...]]


class Batches:
    """What `batches` returns: iterate it once an epoch; ``len`` is the number of batches."""

    def __init__(
        self, arrays: tuple[Any, ...], batch_size: int, shuffle: bool, seed: int, drop_last: bool,
        replacement: bool = False, transform: Transform | None = None, ahead: int = 0,
    ) -> None:  # fmt: skip
        self.arrays = tuple(np.asarray(a) for a in arrays)
        sizes = {len(a) if a.shape else None for a in self.arrays}
        if not arrays or len(sizes) != 1 or None in sizes:
            raise ShapeError(f"batches: got {', '.join(map(show, self.arrays))}; needs arrays with equally many rows")
        objects = [number for number, a in enumerate(self.arrays) if a.dtype.kind == "O"]
        if objects:
            raise DTypeError(f"batches: array {objects[0]} holds Python objects; needs numbers, booleans or texts")
        self.size = len(self.arrays[0])
        if not self.size:
            raise ArgumentError("batches: got no rows")
        if batch_size < 1:
            raise ArgumentError(f"batches: got batch_size={batch_size}; needs at least 1")
        if drop_last and batch_size > self.size:
            raise ArgumentError(f"batches: {self.size} rows make no whole batch of {batch_size}, and drop_last is set")
        if ahead < 0:
            raise ArgumentError(f"batches: got prefetch={ahead}; needs at least 0")
        self.batch_size, self.shuffle, self.seed, self.drop_last = batch_size, shuffle, seed, drop_last
        self.replacement, self.transform, self.ahead = replacement, transform, ahead
        self.epoch = 0  # which order comes next; set it to resume

    def __len__(self) -> int:
        whole, rest = divmod(self.size, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        self.epoch += 1
        return self.rows(self.epoch - 1)

    def rows(self, epoch: int, start: int = 0) -> Iterator[tuple[Any, ...]]:
        """The batches of an epoch, from number `start` on; changes nothing here."""
        made = self._made(epoch, start)
        return ahead_of(made, self.ahead) if self.ahead else made

    def _made(self, epoch: int, start: int) -> Iterator[tuple[Any, ...]]:
        order = np.arange(self.size)
        if self.shuffle or self.replacement:
            generator = np.random.default_rng((self.seed, epoch))
            order = (
                generator.integers(0, self.size, self.size) if self.replacement else generator.permutation(self.size)
            )
        for number in range(start, len(self)):
            chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
            rows = tuple(a[chosen] for a in self.arrays)
            yield rows if self.transform is None else self._changed(rows, epoch, number)

    def _changed(self, rows: tuple[Any, ...], epoch: int, number: int) -> tuple[Any, ...]:
        """The transform's own generator depends on the place only, so a training that is resumed meets the same."""
        generator = np.random.default_rng((self.seed, epoch, number + 1))  # a last 0 would be the one of the order
        made = self.transform(generator, *rows)  # type: ignore[misc]
        if not isinstance(made, tuple) or [len(a) for a in made] != [len(a) for a in rows]:
            shown = ", ".join(map(show, made if isinstance(made, tuple) else (made,)))
            raise ShapeError(f"batches: transform made {shown} of {', '.join(map(show, rows))}; needs a tuple of as "
                             "many arrays with as many rows")  # fmt: skip
        return made

    def state_dict(self) -> dict[str, Any]:
        """What decides which rows come next."""
        return {"epoch": self.epoch, **self._settings()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go to the epoch where the state was taken; raises `ArgumentError` for batches that are made otherwise."""
        wrong = [f"{k}={state_dict.get(k)!r} for {v!r}" for k, v in self._settings().items() if state_dict.get(k) != v]
        if wrong:
            raise ArgumentError(f"batches: the saved position belongs to other batches: {', '.join(wrong)}")
        self.epoch = int(state_dict["epoch"])

    def _settings(self) -> dict[str, Any]:
        return {
            "size": self.size, "batch_size": self.batch_size, "shuffle": self.shuffle, "seed": self.seed,
            "drop_last": self.drop_last, "replacement": self.replacement,
        }  # fmt: skip


def batches(
    *arrays: Any,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int = 0,
    drop_last: bool = False,
    replacement: bool = False,
    transform: Transform | None = None,
    prefetch: int = 0,
) -> Batches:
    """Tuples of rows of `arrays`, `batch_size` at a time; every iteration is one epoch with its own order.

    ``batch_size=1`` gives single samples, the number of rows the full batch. With `replacement` an epoch is as many
    rows drawn independently, so that some come up twice and others not at all.

    `transform` is called with a random generator and the arrays of a batch and gives those to use (`Augment`); it
    depends on seed, epoch and batch only. With `prefetch` a thread makes so many batches ahead, in the same order.

    >>> import numpy as np, wengert as wg
    >>> [len(x) for x, y in wg.data.batches(np.zeros((5, 2)), np.zeros(5), batch_size=2)]
    [2, 2, 1]
    """
    return Batches(arrays, batch_size, shuffle, seed, drop_last, replacement, transform, prefetch)
