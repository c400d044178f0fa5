"""Scaled dot-product attention and the masks it takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, DTypeError, ShapeError, show
from wengert.nn.functional.checks import floating_value
from wengert.nn.functional.layer import dropout
from wengert.ops.manipulation import swapaxes
from wengert.ops.rounding import where
from wengert.ops.softmax import softmax
from wengert.ops.structure import arrayed


def causal_mask(queries: int, keys: int) -> np.ndarray:
    """Which keys a query may see when none lies in its future: ``mask[i, j] = j <= i``."""
    return np.tri(queries, keys, dtype=bool)


def attention_weights(q: Any, k: Any, mask: Any, scale: float) -> Any:
    """``softmax(q kᵀ scale)`` over the keys. A boolean mask is True where a key may be seen; numbers are added.

    A query that sees no key gets weights 0.
    """
    scores = (q * scale) @ swapaxes(k, -1, -2)
    if mask is not None:
        mask = arrayed(mask)
        if mask.dtype.kind not in "bf":
            raise DTypeError(f"attention: got the mask {show(mask)}; needs booleans or floating numbers")
        try:
            fits = np.broadcast_shapes(tuple(mask.shape), tuple(scores.shape)) == tuple(scores.shape)
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(
                f"attention: got the mask {show(mask)} for scores {show(scores)}; it must broadcast to them"
            )
        scores = where(mask, scores, -np.inf) if mask.dtype.kind == "b" else scores + mask
    return softmax(scores, axis=-1)


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None,
) -> Any:  # fmt: skip
    """``softmax(q kᵀ / sqrt(E) + mask) v``: ``(…, L, E), (…, S, E), (…, S, V) -> (…, L, V)``.

    A boolean `attn_mask` is True where attention is allowed, a floating one is added to the scores; ``is_causal``
    lets position i see keys up to i. A query that sees nothing gives 0. `dropout_p` always acts (as in PyTorch).

    >>> import wengert as wg, numpy as np
    >>> v = np.array([[1.0], [3.0]])
    >>> wg.nn.functional.scaled_dot_product_attention(np.zeros((2, 4)), np.zeros((2, 4)), v, is_causal=True)
    array([[1.],
           [2.]])
    """
    q, k, v = (floating_value(x) for x in (query, key, value))
    if min(len(x.shape) for x in (q, k, v)) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ShapeError(
            f"scaled_dot_product_attention: got query {show(q)}, key {show(k)}, value {show(v)}; needs (…, L, E), "
            f"(…, S, E) and (…, S, V)"
        )
    if is_causal:
        if attn_mask is not None:
            raise ArgumentError("scaled_dot_product_attention: got both attn_mask and is_causal; give one")
        attn_mask = causal_mask(q.shape[-2], k.shape[-2])
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    return dropout(attention_weights(q, k, attn_mask, factor), dropout_p) @ v
