"""What the functions check and share: reductions, ranks, integer indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, DTypeError, ShapeError, show
from wengert.core.record import Tensor
from wengert.ops.reduction import mean
from wengert.ops.reduction import sum as total
from wengert.ops.structure import arrayed, reshape


def reduce(loss: Any, reduction: str) -> Any:
    """The ``mean`` or ``sum`` of the losses of all elements, or (``none``) the losses themselves."""
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return total(loss)
    if reduction == "none":
        return loss
    raise ArgumentError(f"loss: got reduction={reduction!r}; needs 'mean', 'sum' or 'none'")


def pair(what: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Prediction and target, which must have one shape (silent broadcasting would compare all with all)."""
    x, y = arrayed(x), arrayed(y)
    if x.shape != y.shape:
        raise ShapeError(f"{what}: got a prediction {show(x)} and a target {show(y)}; needs the same shape")
    return x, y


def ranked(what: str, x: Any, ranks: Sequence[int], form: str) -> Any:
    """`x`, which must have one of these numbers of axes; `form` is how the message spells them."""
    x = arrayed(x)
    if len(x.shape) not in ranks:
        raise ShapeError(f"{what}: got {show(x)}; needs {form}")
    return x


def known(x: Any) -> Any:
    """The values of `x` where they are there to be checked, else None (recorded without values)."""
    while isinstance(x, Tensor):
        x = x.value
    return x


def indices(what: str, x: Any, count: int, of: str, other: int | None = None) -> Any:
    """Integer indices below `count`, or equal to `other`; what is known is checked."""
    x = arrayed(x)
    if x.dtype.kind not in "iu":
        raise DTypeError(f"{what}: got {show(x)}; needs integer {of} indices")
    values = known(x)
    if values is None or not values.size:
        return x
    if other is None or 0 <= other < count:
        low, high = values.min(), values.max()
    else:
        low = values.min(initial=0, where=values != other)
        high = values.max(initial=0, where=values != other)
    if low < 0 or high >= count:
        ofs = "classes" if of == "label" else f"{of}s"
        raise ArgumentError(f"{what}: got the {of} {low if low < 0 else high} for {ofs} 0 to {count - 1}")
    return x


def floating_value(x: Any) -> Any:
    """`x` as an array of floating numbers."""
    x = arrayed(x)
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def over_channels(parameter: Any, rank: int) -> Any:
    """One number a channel, ready to meet (N, C, …) of `rank` axes."""
    return reshape(parameter, (-1,) + (1,) * (rank - 2)) if rank > 2 else parameter


def probability(what: str, p: float) -> None:
    """Refuse what is no probability."""
    if not 0 <= p <= 1:
        raise ArgumentError(f"{what}: got p={p}; needs a probability between 0 and 1")


def positive(what: str, name: str, value: Any) -> None:
    """Refuse a size that is not a positive integer."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{what}: got {name}={value!r}; needs an integer of at least 1")
