"""Transformer layers (attention and two linear layers, each with a residual and a norm) and stacks of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from wengert.base.errors import ArgumentError
from wengert.nn import functional
from wengert.nn.attention import MultiheadAttention
from wengert.nn.containers import ModuleList
from wengert.nn.dropout import Dropout
from wengert.nn.functional.checks import positive
from wengert.nn.layers import Linear
from wengert.nn.module import Module
from wengert.nn.norm import LayerNorm

ACTIVATIONS = {"relu": functional.relu, "gelu": functional.gelu}


class _Layer(Module):
    """The parts that encoder and decoder layers share, in the order of PyTorch's state dict."""

    norms: int

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ArgumentError(
                f"{type(self).__name__}: got activation={activation!r}; needs 'relu', 'gelu' or a function"
            )
        self.norm_first = norm_first
        for name in ("self_attn", "multihead_attn")[: self.norms - 1]:
            attention = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype)
        for i in range(1, self.norms + 1):
            self.add_module(f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))
        for i in range(1, self.norms + 1):
            self.add_module(f"dropout{i}", Dropout(dropout))
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation

    def _residual(self, x: Any, index: int, block: Callable[[Any], Any]) -> Any:
        """``norm(x + block(x))``, or ``x + block(norm(x))`` with `norm_first`."""
        norm, dropout = self._modules[f"norm{index}"], self._modules[f"dropout{index}"]
        return x + dropout(block(norm(x))) if self.norm_first else norm(x + dropout(block(x)))

    def _feed_forward(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Self-attention, then two linear layers: ``norm(x + attention(x))``, ``norm(x + linear2(relu(linear1(x))))``.

    Shapes (L, N, d_model), with `batch_first` (N, L, d_model). Masks as those of `MultiheadAttention`.

    >>> import wengert as wg, numpy as np
    >>> layer = wg.nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> layer(np.zeros((3, 5, 8), np.float32), is_causal=True).shape
    (3, 5, 8)
    """

    norms = 2

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        def attend(x: Any) -> Any:
            return self.self_attn(
                x, x, x, src_key_padding_mask, need_weights=False, attn_mask=src_mask, is_causal=is_causal
            )[0]

        return self._residual(self._residual(src, 1, attend), 2, self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to `memory` (the encoder's output), two linear layers; each with residual and norm."""

    norms = 3

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        def attend(x: Any) -> Any:
            return self.self_attn(
                x, x, x, tgt_key_padding_mask, need_weights=False, attn_mask=tgt_mask, is_causal=tgt_is_causal
            )[0]

        def look_up(x: Any) -> Any:
            return self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, need_weights=False, attn_mask=memory_mask,
                is_causal=memory_is_causal,
            )[0]  # fmt: skip

        x = self._residual(self._residual(tgt, 1, attend), 2, look_up)
        return self._residual(x, 3, self._feed_forward)


class _Stack(Module):
    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        positive(type(self).__name__, "num_layers", num_layers)
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.add_module("norm", norm)

    def _finished(self, x: Any) -> Any:
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """Copies of an encoder layer one after the other, and a norm at the end where one is given.

    As in PyTorch the copies start with equal values; draw them anew for layers that should differ.
    """

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return self._finished(src)


class TransformerDecoder(_Stack):
    """Copies of a decoder layer one after the other, and a norm at the end where one is given."""

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                        tgt_is_causal, memory_is_causal)  # fmt: skip
        return self._finished(tgt)
