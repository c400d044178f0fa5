"""A decoder of characters: pre-norm blocks, causal attention, output tied to the embedding."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert import nn


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        batch, time, width = x.shape
        q, k, v = (
            part.reshape(batch, time, self.heads, width // self.heads).swapaxes(1, 2)
            for part in np.split(self.qkv(x), 3, axis=2)
        )
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.swapaxes(1, 2).reshape(batch, time, width))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 4 * width)
        self.out = nn.Linear(4 * width, width)

    def forward(self, x: Any) -> Any:
        x = x + self.attention(self.norm1(x))
        return x + self.out(nn.functional.gelu(self.wide(self.norm2(x)), approximate="tanh"))


class Decoder(nn.Module):
    def __init__(self, vocabulary: int, time: int, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(time, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Any) -> Any:
        h = self.tokens(x) + self.positions.weight[: x.shape[1]]
        return nn.functional.linear(self.norm(self.blocks(h)), self.tokens.weight)


def loss(model: nn.Module, x: Any, y: Any) -> Any:
    logits = model(x)
    return nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))
