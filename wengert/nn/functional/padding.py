"""Padding with PyTorch's names and order: the last axis first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.ops.patterns import pad as numpy_pad
from wengert.ops.structure import arrayed

# PyTorch's names and NumPy's.
MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Any:
    """`input` with ``pad[0]`` places before and ``pad[1]`` behind its last axis, the next two around the one before.

    Modes: "constant" (`value`), "reflect" (mirrored, without the border itself), "replicate" (the border), "circular".
    Negative numbers cut places off.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.pad(np.array([[1.0, 2.0, 3.0]]), (2, 1), mode="reflect")
    array([[3., 2., 1., 2., 3., 2.]])
    >>> wg.nn.functional.pad(np.array([1.0, 2.0, 3.0]), (-1, 1), value=7)
    array([2., 3., 7.])
    """
    x = arrayed(input)
    rank, places = len(x.shape), tuple(pad)
    if mode not in MODES:
        raise ArgumentError(f"pad: got mode={mode!r}; needs one of {', '.join(MODES)}")
    if len(places) % 2 or len(places) > 2 * rank:
        raise ShapeError(f"pad: got pad={places} for {show(x)}; needs two numbers for each of the last axes")
    widths = [(0, 0)] * rank
    for number in range(len(places) // 2):
        widths[rank - 1 - number] = places[2 * number], places[2 * number + 1]
    for axis, (before, behind) in enumerate(widths):
        length, most = x.shape[axis], {"reflect": x.shape[axis] - 1, "circular": x.shape[axis]}.get(mode)
        if length + min(before, 0) + min(behind, 0) < 0 or (most is not None and max(before, behind) > most):
            raise ShapeError(
                f"pad: got pad={places} with mode={mode!r} for {show(x)}; axis {axis} of length {length} is too short"
            )
    cut = tuple(slice(-min(a, 0), n + min(b, 0)) for n, (a, b) in zip(x.shape, widths, strict=True))
    x = x[cut] if any(min(w) < 0 for w in widths) else x
    grown = [(max(a, 0), max(b, 0)) for a, b in widths]
    return numpy_pad(x, grown, constant_values=value) if mode == "constant" else numpy_pad(x, grown, MODES[mode])
