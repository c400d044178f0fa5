"""Sequences of different lengths: padded to one length, or packed without the padding; with PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.nn.functional.checks import known
from wengert.ops.gather import getitem, setitem
from wengert.ops.joining import concatenate, stack
from wengert.ops.manipulation import swapaxes
from wengert.ops.structure import arrayed


class PackedSequence(NamedTuple):
    """The elements of several sequences, time by time, longest sequence first; made by `pack_padded_sequence`.

    ``data`` (sum of lengths, …), ``batch_sizes`` (how many sequences are alive at each time), and where the sequences
    were sorted for it, their order and its inverse.
    """

    data: Any
    batch_sizes: np.ndarray[Any, Any]
    sorted_indices: np.ndarray[Any, Any] | None = None
    unsorted_indices: np.ndarray[Any, Any] | None = None

    @property
    def lengths(self) -> np.ndarray[Any, Any]:
        """The length of every sequence, in the order they were given."""
        lengths = (np.arange(self.batch_sizes[0])[:, None] < self.batch_sizes).sum(axis=1)
        return lengths if self.unsorted_indices is None else lengths[self.unsorted_indices]


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """The elements of padded sequences (L, N, …), without what lies behind their ends; recurrent layers take it.

    With `batch_first` (N, L, …). The lengths are whole numbers from 1 to L; with `enforce_sorted` longest first.

    >>> import wengert as wg, numpy as np
    >>> packed = wg.nn.utils.rnn.pack_padded_sequence(np.array([[1.0, 4.0], [2.0, 0.0], [3.0, 0.0]]), [3, 1])
    >>> packed.data.tolist(), packed.batch_sizes.tolist()
    ([1.0, 4.0, 2.0, 3.0], [2, 1, 1])
    """
    x = arrayed(input)
    if len(x.shape) < 2:
        raise ShapeError(f"pack_padded_sequence: got {show(x)}; needs (L, N, …), or (N, L, …) with batch_first")
    steps, n = (x.shape[1], x.shape[0]) if batch_first else x.shape[:2]
    found = known(arrayed(lengths))
    fits = found is not None and found.shape == (n,) and found.dtype.kind in "iu" and found.size
    if not fits or found.min() < 1 or found.max() > steps:
        raise ArgumentError(f"pack_padded_sequence: got the lengths {lengths}; needs {n} integers from 1 to {steps}")
    if enforce_sorted and (np.diff(found.astype(np.int64)) > 0).any():
        raise ArgumentError(
            f"pack_padded_sequence: got the lengths {lengths}, which are not sorted",
            hint="sort the sequences, longest first, or pass enforce_sorted=False",
        )
    order = np.argsort(-found.astype(np.int64), kind="stable")
    times, places = _layout(found[order])
    sources = order[places]
    data = getitem(x, (sources, times) if batch_first else (times, sources))
    sizes = np.bincount(times, minlength=int(found.max()))
    return PackedSequence(data, sizes, *(() if enforce_sorted else (order, np.argsort(order))))


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Any, np.ndarray[Any, Any]]:
    """The padded sequences (L, N, …) and their lengths: the inverse of `pack_padded_sequence`.

    L is the greatest length, or `total_length`; what lies behind the ends is `padding_value`.

    >>> import wengert as wg, numpy as np
    >>> pack, pad = wg.nn.utils.rnn.pack_padded_sequence, wg.nn.utils.rnn.pad_packed_sequence
    >>> x, lengths = pad(pack(np.array([[1.0, 4.0], [2.0, 5.0]]), [1, 2], enforce_sorted=False), padding_value=9)
    >>> x.tolist(), lengths.tolist()
    ([[1.0, 4.0], [9.0, 5.0]], [1, 2])
    """
    lengths, longest = sequence.lengths, len(sequence.batch_sizes)
    if total_length is not None and total_length < longest:
        raise ArgumentError(f"pad_packed_sequence: got total_length={total_length} for sequences of up to {longest}")
    order = np.arange(len(lengths)) if sequence.sorted_indices is None else sequence.sorted_indices
    times, places = _layout(lengths[order])
    data, steps = arrayed(sequence.data), total_length or longest
    empty = np.full((steps, len(lengths), *data.shape[1:]), padding_value, data.dtype)
    x = setitem(empty, (times, order[places]), data)
    return swapaxes(x, 0, 1) if batch_first else x, lengths


def _layout(lengths: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """Time and sequence of every packed element, for lengths that fall."""
    alive = np.arange(lengths.max())[:, None] < lengths
    times, places = np.nonzero(alive)
    return times, places


def pad_sequence(sequences: Sequence[Any], batch_first: bool = False, padding_value: float = 0.0) -> Any:
    """Sequences (L_i, …) of different lengths as one array (L, N, …), with `batch_first` (N, L, …).

    >>> import wengert as wg, numpy as np
    >>> wg.nn.utils.rnn.pad_sequence([np.array([1.0, 2.0]), np.array([3.0])], batch_first=True).tolist()
    [[1.0, 2.0], [3.0, 0.0]]
    """
    members = [arrayed(s) for s in sequences]
    if not members or any(s.shape[1:] != members[0].shape[1:] or not s.shape for s in members):
        raise ShapeError(f"pad_sequence: got {', '.join(map(show, members)) or 'nothing'}; needs sequences (L_i, …)")
    steps = max(s.shape[0] for s in members)
    filled = [concatenate([s, np.full((steps - s.shape[0], *s.shape[1:]), padding_value, s.dtype)]) for s in members]
    return stack(filled, axis=0 if batch_first else 1)


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (L_i, …) of different lengths, packed; see `pack_padded_sequence`.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.utils.rnn.pack_sequence([np.array([1.0, 2.0]), np.array([3.0])]).data.tolist()
    [1.0, 3.0, 2.0]
    """
    lengths = np.array([arrayed(s).shape[0] for s in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


__all__ = ["PackedSequence", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence"]
