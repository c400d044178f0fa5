"""A variational autoencoder: a probability for digits, by a bound on their likelihood.

    -log p(x) <= E_q[-log p(x | z)] + KL(q(z | x) || N(0, 1)),   z = mean(x) + deviation(x) * noise  (4 numbers)

The noise is drawn outside, so the gradient passes through mean and deviation ("reparametrisation"). p(x | z) holds 64
independent coins, one a pixel; the KL of two normal distributions is a formula, which the example checks by sampling.
Source: Kingma, Welling, "Auto-encoding variational Bayes", 2014.
Must reach: a bound at least 6 nats a test digit below that of independent pixels; all four numbers in use.
"""

from __future__ import annotations

import numpy as np

import wengert as wg
from wengert.nn.functional import binary_cross_entropy_with_logits

REACH = {"nats below independent pixels": ">= 6", "numbers in use": "== 4", "KL formula - sampled": "0 +- 0.05"}
QUICK = {"nats below independent pixels": ">= 4", "numbers in use": ">= 2", "KL formula - sampled": "0 +- 0.05"}
CODE = 4


class Autoencoder(wg.nn.Module):
    """``logits, mean, log_variance = model(x)``."""

    def __init__(self) -> None:
        super().__init__()
        nn = wg.nn
        self.encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 2 * CODE))
        self.decoder = nn.Sequential(nn.Linear(CODE, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, x):
        mean, log_variance = wg.split(self.encoder(x), 2, axis=1)
        z = mean + wg.exp(log_variance / 2) * wg.randn_like(mean)
        return self.decoder(z), mean, log_variance


def divergence(mean, log_variance):
    """KL(N(mean, variance) || N(0, 1)) for each number: (variance + mean² - 1 - log variance) / 2."""
    return (wg.exp(log_variance) + mean**2 - 1 - log_variance) / 2


def bound(outputs, x):
    """The bound on -log p(x), mean over the rows; one draw of z for each."""
    logits, mean, log_variance = outputs
    return (binary_cross_entropy_with_logits(logits, x, reduction="sum") + divergence(mean, log_variance).sum()) / len(
        x
    )


def sampled_divergence(mean: float, log_variance: float, seed: int) -> float:
    """KL as the mean of log q(z) - log p(z) over many z drawn from q."""
    e = np.random.default_rng(seed).normal(size=400_000)
    z = mean + np.exp(log_variance / 2) * e
    return float(np.mean((z**2 - e**2 - log_variance) / 2))


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    images, labels, _ = wg.data.digits()
    x = (images.reshape(-1, 64) > 7).astype(np.float32)  # black and white
    train, test = (x[part] for part in wg.data.stratified_split(labels, (0.8, 0.2), seed=seed))

    p = (train.sum(axis=0) + 1) / (len(train) + 2)
    independent = float(-(test * np.log(p) + (1 - test) * np.log(1 - p)).sum(axis=1).mean())

    model, epochs = Autoencoder(), 10 if quick else 80
    wg.fit(
        model, (train, train), bound, wg.optim.Adam(model.parameters(), lr=3e-3), epochs, restore_best=False, seed=seed
    )
    nats = float(np.mean([wg.train.evaluate(model, (test, test), bound)["loss"] for _ in range(20)]))
    with wg.no_grad():
        used = np.asarray(divergence(*model(test)[1:]).mean(axis=0))
        drawn = np.asarray(wg.sigmoid(model.decoder(wg.randn(6, CODE)))).reshape(6, 8, 8)

    print(
        f"nats a digit: {independent:.2f} by independent pixels, {nats:.2f} by the bound; KL by number {used.round(2)}"
    )
    print("digits that never were:")
    for row in (drawn * 4.99).astype(int).transpose(1, 0, 2):
        print("  ".join("".join(" .+#@"[level] for level in part) for part in row))
    formula = float(divergence(np.float64(0.7), np.float64(-1.2)))
    return {
        "nats below independent pixels": independent - nats, "numbers in use": int((used > 0.1).sum()),
        "KL formula - sampled": formula - sampled_divergence(0.7, -1.2, seed),
    }  # fmt: skip


if __name__ == "__main__":
    main()
