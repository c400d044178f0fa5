"""A denoising autoencoder takes noise off digits it has never seen.

    loss = |x - f(x + noise)|²,   fresh noise in every batch

Nothing but the noise keeps the net from learning the identity. The best f is the mean of all clean images that could
have given the noisy one, E[x | noisy]. Every linear f is worse than the best linear one, the Wiener filter
C (C + σ²)^-1, which is computed here from the training part for comparison.
Source: Vincent et al., "Extracting and composing robust features with denoising autoencoders", 2008.
Must reach: at most 35 % of the noise's squared error left on test digits, and less than the Wiener filter leaves.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"error left": "<= 0.3", "error / Wiener filter's": "<= 0.95"}
QUICK = {"error left": "<= 0.4", "error / Wiener filter's": "<= 1.2"}
NOISE = 0.3


class AddNoise(wg.nn.Module):
    """Normal noise while training; nothing in evaluation."""

    def forward(self, x):
        return x + NOISE * wg.randn_like(x) if self.training else x


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    images, labels, _ = wg.data.digits()
    x = images.reshape(-1, 64).astype(np.float32) / 16
    train, test = (x[part] for part in wg.data.stratified_split(labels, (0.8, 0.2), seed=seed))
    noisy = (test + NOISE * np.random.default_rng(seed).normal(size=test.shape)).astype(np.float32)

    nn = wg.nn
    model = nn.Sequential(
        AddNoise(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 256), nn.ReLU(),
        nn.Linear(256, 64),
    )  # fmt: skip
    epochs = 10 if quick else 80
    optimizer = wg.optim.Adam(model.parameters(), lr=3e-3)
    schedule = wg.optim.CosineAnnealingLR(optimizer, T_max=epochs)
    wg.fit(model, (train, train), nn.MSELoss(), optimizer, epochs, schedule=schedule, restore_best=False, seed=seed)

    covariance, mean = np.cov(train.T, bias=True), train.mean(axis=0)
    wiener = np.linalg.solve(covariance + NOISE**2 * np.eye(64), covariance)
    with wg.no_grad():
        cleaned = {
            "nothing": noisy,
            "Wiener filter": mean + (noisy - mean) @ wiener,
            "autoencoder": np.asarray(model(noisy)),
        }
    error = {name: float(((found - test) ** 2).mean()) for name, found in cleaned.items()}
    print("cleaned by      squared error")
    for name, value in error.items():
        print(f"{name:<16}{value:>13.5f}")
    pictures = [p[0].reshape(8, 8) for p in (noisy, cleaned["autoencoder"], test)]
    print("noisy     cleaned   real")
    for rows in zip(*((np.clip(p, 0, 1) * 4.99).astype(int) for p in pictures), strict=True):
        print("  ".join("".join(" .+#@"[level] for level in row) for row in rows))
    return {
        "error left": error["autoencoder"] / error["nothing"],
        "error / Wiener filter's": error["autoencoder"] / error["Wiener filter"],
    }


if __name__ == "__main__":
    main()
