"""A variational autoencoder."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert import nn


class Autoencoder(nn.Module):
    def __init__(self, pixels: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, pixels))

    def forward(self, x: Any, noise: Any) -> Any:
        mean, log_variance = np.split(self.encoder(x), 2, axis=1)
        return self.decoder(mean + np.exp(0.5 * log_variance) * noise), mean, log_variance


def loss(model: nn.Module, x: Any, noise: Any) -> Any:
    """Cross-entropy of the pixels plus divergence from the standard normal, for each sample."""
    logits, mean, log_variance = model(x, noise)
    pixels = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    divergence = -0.5 * np.sum(1 + log_variance - mean * mean - np.exp(log_variance))
    return (pixels + divergence) / x.shape[0]
