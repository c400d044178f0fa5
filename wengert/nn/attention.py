"""Multi-head attention; the formula is in `wengert.nn.functional.attention`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.nn import functional, init
from wengert.nn.functional.attention import attention_weights, causal_mask
from wengert.nn.functional.checks import floating_value, positive, probability
from wengert.nn.layers import Linear, empty_parameter
from wengert.nn.module import Module
from wengert.ops.joining import concatenate
from wengert.ops.manipulation import split, swapaxes
from wengert.ops.reduction import mean
from wengert.ops.rounding import where
from wengert.ops.structure import arrayed, broadcast_to, reshape


def forbidding(mask: Any) -> Any:
    """PyTorch's masks of modules (True: not allowed) as those of `attention_weights` (True: allowed)."""
    mask = arrayed(mask)
    return ~mask if mask.dtype.kind == "b" else mask


def both(a: Any, b: Any) -> Any:
    """Two masks that act together; each is boolean (True: allowed), floating (added to the scores), or None."""
    if a is None or b is None:
        return b if a is None else a
    if a.dtype.kind == b.dtype.kind == "b":
        return a & b
    return sum(where(m, 0.0, -np.inf) if m.dtype.kind == "b" else m for m in (a, b))


def _with_one_more(x: Any, axis: int, value: Any) -> Any:
    """`x` and behind it, along an axis, one more place with a value."""
    return concatenate([x, broadcast_to(value, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))], axis)


class MultiheadAttention(Module):
    """``output, weights = attention(query, key, value)``: `num_heads` attentions on projections, side by side.

    Shapes (L, N, E), (S, N, kdim), (S, N, vdim) -> (L, N, E) and weights (N, L, S) (averaged over the heads); with
    `batch_first` (N, L, …); or all without N. Masks as in PyTorch: `attn_mask` (L, S) or (N heads, L, S),
    `key_padding_mask` (N, S); where boolean, True means *not* allowed, floating ones are added to the scores.
    ``is_causal`` alone makes the causal mask. A query that may see nothing gets weights 0. `add_bias_kv` adds one
    learned key and value to all, `add_zero_attn` one of zeros; every query may see them.

    >>> import wengert as wg, numpy as np
    >>> x = np.zeros((5, 2, 8), np.float32)
    >>> y, w = wg.nn.MultiheadAttention(8, 2)(x, x, x)
    >>> y.shape, w.shape
    ((5, 2, 8), (2, 5, 5))
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        positive("MultiheadAttention", "embed_dim", embed_dim)
        positive("MultiheadAttention", "num_heads", num_heads)
        probability("MultiheadAttention", dropout)
        if embed_dim % num_heads:
            raise ArgumentError(f"MultiheadAttention: embed_dim={embed_dim} does not divide into {num_heads} heads")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim, self.add_zero_attn = kdim or embed_dim, vdim or embed_dim, add_zero_attn
        if self.kdim == self.vdim == embed_dim:
            self.register_parameter("in_proj_weight", empty_parameter((3 * embed_dim, embed_dim), dtype))
        else:
            self.register_parameter("in_proj_weight", None)
            for name, width in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim)):
                self.register_parameter(f"{name}_proj_weight", empty_parameter((embed_dim, width), dtype))
        self.register_parameter("in_proj_bias", empty_parameter((3 * embed_dim,), dtype) if bias else None)
        for name in ("bias_k", "bias_v"):
            self.register_parameter(name, empty_parameter((1, 1, embed_dim), dtype) if add_bias_kv else None)
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew: Glorot's for the projections, biases 0."""
        for weight in self._projections():
            init.xavier_uniform_(weight)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)

    def _projections(self) -> list[Any]:
        if self.in_proj_weight is not None:
            return [self.in_proj_weight]
        return [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]

    def _projected(self, inputs: list[Any]) -> list[Any]:
        """Queries, keys, values as (N, heads, length, head size)."""
        weights = self._projections()
        weights = split(weights[0], 3, 0) if len(weights) == 1 else weights
        biases = [None] * 3 if self.in_proj_bias is None else split(self.in_proj_bias, 3, 0)
        extras = [None, self.bias_k, self.bias_v]
        found = []
        for x, weight, bias, extra in zip(inputs, weights, biases, extras, strict=True):
            y = functional.linear(x, weight, bias)
            if extra is not None:
                y = _with_one_more(y, 1, extra)
            found.append(swapaxes(reshape(y, (*y.shape[:-1], self.num_heads, -1)), 1, 2))
        return found

    def _mask(self, attn_mask: Any, key_padding_mask: Any, is_causal: bool, n: int, length: int, keys: int) -> Any:
        mask = None
        if attn_mask is not None:
            mask = forbidding(attn_mask)
            if tuple(mask.shape) == (n * self.num_heads, length, keys):
                mask = reshape(mask, (n, self.num_heads, length, keys))
            elif tuple(mask.shape) != (length, keys):
                raise ShapeError(
                    f"MultiheadAttention: got attn_mask {show(mask)}; needs ({length}, {keys}) or "
                    f"({n * self.num_heads}, {length}, {keys})"
                )
        elif is_causal:
            mask = causal_mask(length, keys)
        if key_padding_mask is None:
            return mask
        padding = forbidding(key_padding_mask)
        if tuple(padding.shape) != (n, keys) and (n, tuple(padding.shape)) != (1, (keys,)):
            raise ShapeError(f"MultiheadAttention: got key_padding_mask {show(padding)}; needs ({n}, {keys})")
        return both(mask, reshape(padding, (n, 1, 1, keys)))

    def _inputs(self, query: Any, key: Any, value: Any) -> tuple[list[Any], bool]:
        """The three inputs as (N, length, features), and whether they had no N."""
        inputs = [floating_value(x) for x in (query, key, value)]
        q, k, v = inputs
        ranks = {len(x.shape) for x in inputs}
        if ranks not in ({2}, {3}) or [x.shape[-1] for x in inputs] != [self.embed_dim, self.kdim, self.vdim]:
            raise ShapeError(
                f"MultiheadAttention: got query {show(q)}, key {show(k)}, value {show(v)}; needs three of 2 or 3 axes "
                f"with {self.embed_dim}, {self.kdim} and {self.vdim} features"
            )
        single = ranks == {2}
        if single:
            inputs = [x[None] for x in inputs]
        elif not self.batch_first:
            inputs = [swapaxes(x, 0, 1) for x in inputs]
        q, k, v = inputs
        if k.shape[:2] != v.shape[:2] or q.shape[0] != k.shape[0]:
            raise ShapeError(
                f"MultiheadAttention: got query {show(query)}, key {show(key)}, value {show(value)}; needs keys and "
                f"values of one length, and the same number of examples in all"
            )
        return inputs, single

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Any, Any]:  # fmt: skip
        inputs, single = self._inputs(query, key, value)
        (n, length), keys = inputs[0].shape[:2], inputs[1].shape[1]
        mask = self._mask(attn_mask, key_padding_mask, is_causal, n, length, keys)
        q, k, v = self._projected(inputs)
        if self.add_zero_attn:
            k, v = (_with_one_more(x, 2, np.zeros((), x.dtype)) for x in (k, v))
        for _ in range(k.shape[2] - keys if mask is not None else 0):
            mask = _with_one_more(mask, len(mask.shape) - 1, np.array(mask.dtype.kind == "b").astype(mask.dtype))
        weights = attention_weights(q, k, mask, 1 / math.sqrt(q.shape[-1]))
        weights = functional.dropout(weights, self.dropout, self.training)
        y = reshape(swapaxes(weights @ v, 1, 2), (n, length, self.embed_dim))
        y = self.out_proj(y)
        y = y[0] if single else y if self.batch_first else swapaxes(y, 0, 1)
        if not need_weights:
            return y, None
        seen = mean(weights, 1) if average_attn_weights else weights
        return y, seen[0] if single else seen

    def extra_repr(self) -> str:
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}, batch_first={self.batch_first}"
