"""A character model: embedding, one LSTM layer, logits at every step; time-major."""

from __future__ import annotations

from typing import Any

from wengert import nn


class CharacterModel(nn.Module):
    """Of the layer's two biases, which are only added, one stays at zero."""

    def __init__(self, vocabulary: int, width: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.recurrent = nn.LSTM(width, hidden)
        self.recurrent.bias_hh_l0.requires_grad_(False)
        self.head = nn.Linear(hidden, vocabulary)

    def forward(self, x: Any) -> Any:
        hidden, _ = self.recurrent(self.embedding(x))
        return self.head(hidden)


def loss(model: nn.Module, x: Any, y: Any) -> Any:
    logits = model(x)
    return nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))
