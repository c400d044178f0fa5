"""Affine and bilinear maps, tables of vectors, dropout."""

from __future__ import annotations

from typing import Any

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.nn.functional.checks import indices, probability, ranked
from wengert.ops import random
from wengert.ops.arithmetic import stop_gradient
from wengert.ops.contraction import einsum
from wengert.ops.gather import getitem
from wengert.ops.generator import next_key
from wengert.ops.manipulation import expand_dims
from wengert.ops.rounding import where
from wengert.ops.structure import arrayed, transpose

ALPHA_PRIME = -1.7580993408473766  # what selu tends to for x -> -inf


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Affine map ``y = x Wᵀ + b``: ``(…, in), (out, in), (out,) -> (…, out)``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.linear(np.array([1.0, 2.0]), np.eye(2), np.array([0.5, 0.5]))
    array([1.5, 2.5])
    """
    x = arrayed(x)
    if not x.shape or x.shape[-1] != weight.shape[1]:
        raise ShapeError(
            f"linear: got x {show(x)} for a weight {list(weight.shape)}; needs {weight.shape[1]} features on the "
            f"last axis of x"
        )
    y = x @ transpose(weight)
    return y if bias is None else y + bias


def bilinear(x1: Any, x2: Any, weight: Any, bias: Any = None) -> Any:
    """``y_o = x1ᵀ W_o x2 + b_o``: ``(…, m), (…, n), (o, m, n), (o,) -> (…, o)``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.bilinear(np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.eye(2)[None])
    array([11.])
    """
    x1, x2, weight = arrayed(x1), arrayed(x2), arrayed(weight)
    if x1.shape[:-1] != x2.shape[:-1] or (x1.shape[-1:] + x2.shape[-1:]) != tuple(weight.shape[1:]):
        raise ShapeError(
            f"bilinear: got x1 {show(x1)} and x2 {show(x2)} for a weight {list(weight.shape)}; needs "
            f"(…, {weight.shape[1]}) and (…, {weight.shape[2]}) with the same axes before"
        )
    y = einsum("...m,omn,...n->...o", x1, weight, x2)
    return y if bias is None else y + bias


def embedding(index: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """Rows of a table: ``(…), (count, dim) -> (…, dim)``. The row `padding_idx` gets no gradient.

    Raises where an index (as far as indices are known) is no row.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.embedding(np.array([1, 1]), np.array([[0.0, 0.0], [1.0, 2.0]]))
    array([[1., 2.],
           [1., 2.]])
    """
    weight = ranked("embedding", weight, (2,), "a table (count, dim)")
    rows = weight.shape[0]
    index = indices("embedding", index, rows, "row")
    y = getitem(weight, index)
    if padding_idx is None:
        return y
    if not -rows <= padding_idx < rows:
        raise ArgumentError(f"embedding: got padding_idx={padding_idx} for rows 0 to {rows - 1}")
    return where(expand_dims(index == padding_idx % rows, -1), stop_gradient(y), y)


# ----- dropout ----------------------------------------------------------------------------------------------
def _kept(x: Any, p: float, whole_axes: int = 0) -> Any:
    """Which elements stay, with probability ``1 - p``; the last `whole_axes` axes share their fate."""
    rank = len(x.shape)
    return random.uniform(next_key(), tuple(x.shape[: rank - whole_axes]) + (1,) * whole_axes) >= p


def _dropped(what: str, x: Any, p: float, training: bool, whole_axes: int) -> Any:
    probability(what, p)
    if not training or p == 0:
        return x
    x = arrayed(x)
    if p == 1:
        return x * 0
    return x * (_kept(x, p, whole_axes).astype(x.dtype) / (1 - p))


def dropout(x: Any, p: float = 0.5, training: bool = True) -> Any:
    """Set every element to 0 with probability `p` and divide the others by ``1 - p``; only while training.

    The draw is made when the function runs: inside vmap all examples share it.
    """
    return _dropped("dropout", x, p, training, 0)


def dropout1d(x: Any, p: float = 0.5, training: bool = True) -> Any:
    """`dropout` of whole channels of ``(N, C, L)`` or ``(C, L)``."""
    return _dropped("dropout1d", ranked("dropout1d", x, (2, 3), "(N, C, L) or (C, L)"), p, training, 1)


def dropout2d(x: Any, p: float = 0.5, training: bool = True) -> Any:
    """`dropout` of whole channels of ``(N, C, H, W)`` or ``(C, H, W)``."""
    return _dropped("dropout2d", ranked("dropout2d", x, (3, 4), "(N, C, H, W) or (C, H, W)"), p, training, 2)


def dropout3d(x: Any, p: float = 0.5, training: bool = True) -> Any:
    """`dropout` of whole channels of ``(N, C, D, H, W)`` or ``(C, D, H, W)``."""
    return _dropped("dropout3d", ranked("dropout3d", x, (4, 5), "(N, C, D, H, W) or (C, D, H, W)"), p, training, 3)


def alpha_dropout(x: Any, p: float = 0.5, training: bool = False) -> Any:
    """Dropout that keeps mean 0 and variance 1 of `selu` networks: dropped elements become selu's lower limit."""
    probability("alpha_dropout", p)
    if not training or p == 0:
        return x
    x = arrayed(x)
    if p == 1:
        return x * 0
    scale = ((1 - p) * (1 + p * ALPHA_PRIME**2)) ** -0.5
    return where(_kept(x, p), x, ALPHA_PRIME) * scale - scale * ALPHA_PRIME * p
