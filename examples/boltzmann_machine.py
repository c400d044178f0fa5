"""A restricted Boltzmann machine learns the distribution of digits by contrastive divergence.

    p(v, h) = exp(v·b + h·c + hᵀ W v) / Z,   free energy F(v) = -v·b - Σ_j softplus(c_j + (W v)_j)

The gradient of -log p(v) is that of F(data) - E F(v from the model). Contrastive divergence replaces the model's v by
those one Gibbs step away from the data, so the loss to differentiate is mean F(data) - mean F(after one step); the
step itself is not differentiated. With 12 hidden units Z is a sum over 4,096 states, so the likelihood is exact here.
Source: Hinton, "Training products of experts by minimizing contrastive divergence", 2002.
Must reach: 5.5 nats a test digit more likely than independent pixels.
"""

from __future__ import annotations

import itertools

import numpy as np

import wengert as wg

REACH = {"nats gained over independent pixels": ">= 5.5"}
QUICK = {"nats gained over independent pixels": ">= 4"}
HIDDEN = 12


class Boltzmann(wg.nn.Module):
    """`HIDDEN` units, one for each cause, and 64 pixels; called, it gives the free energy of rows of pixels."""

    def __init__(self, frequency: np.ndarray) -> None:
        super().__init__()
        self.weight = wg.nn.Parameter(0.05 * wg.randn(HIDDEN, 64))
        self.hidden_bias = wg.nn.Parameter(wg.zeros(HIDDEN))
        self.pixel_bias = wg.nn.Parameter(np.log(frequency / (1 - frequency)).astype(np.float32))

    def forward(self, v):
        return -v @ self.pixel_bias - wg.softplus(v @ self.weight.T + self.hidden_bias).sum(axis=1)

    def gibbs_step(self, v):
        """Causes drawn given the pixels, then pixels given the causes."""
        with wg.no_grad():
            h = wg.bernoulli(wg.sigmoid(v @ self.weight.T + self.hidden_bias))
            return wg.bernoulli(wg.sigmoid(h @ self.weight + self.pixel_bias))

    def log_normaliser(self) -> float:
        """log Z: for each of all states of the hidden units, the sum over the pixels is a product."""
        h = np.array(list(itertools.product((0.0, 1.0), repeat=HIDDEN)))
        with wg.no_grad():
            return float(
                wg.logsumexp(h @ self.hidden_bias + wg.softplus(h @ self.weight + self.pixel_bias).sum(axis=1))
            )


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    images, labels, _ = wg.data.digits()
    x = (images.reshape(-1, 64) > 7).astype(np.float32)  # black and white
    train, test = (x[part] for part in wg.data.stratified_split(labels, (0.8, 0.2), seed=seed))
    p = (train.sum(axis=0) + 1) / (len(train) + 2)
    independent = float((test * np.log(p) + (1 - test) * np.log(1 - p)).sum(axis=1).mean())

    model, epochs = Boltzmann(p), 20 if quick else 150
    optimizer = wg.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)

    def log_likelihood() -> float:
        with wg.no_grad():
            return -float(model(test).mean()) - model.log_normaliser()

    print(f"epoch   log-likelihood of a test digit (independent pixels: {independent:.2f})")
    loader = wg.data.batches(train, batch_size=50, seed=seed)
    for epoch in range(epochs + 1):
        if epoch % (epochs // 5) == 0:
            print(f"{epoch:>5}   {log_likelihood():.2f}")
        for (v,) in loader:
            optimizer.zero_grad()
            loss = (model(v) - model(model.gibbs_step(v))).mean()
            loss.backward()
            optimizer.step()
    return {"nats gained over independent pixels": log_likelihood() - independent}


if __name__ == "__main__":
    main()
