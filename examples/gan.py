"""A generative adversarial net draws digits: a painter and a critic learn from each other.

    critic: log-odds D(x) that x is real;   loss of D = -log σ(D(real)) - log(1 - σ(D(G(z))))
    painter: x = G(z), z normal;            loss of G = -log σ(D(G(z)))

Both chase each other in circles; the mean of the painter over its last few hundred steps (an exponential average of
its weights) paints better than the painter of any one step. How well it paints is measured from outside: by the Fréchet
distance between real and painted pixels (means and covariances of the normal distributions nearest to each), and by how
many digits a classifier sees that learned from real ones.
Source: Goodfellow et al., "Generative adversarial nets", 2014.
Must reach: 40 % of the distance that independent pixels have, and nine of the ten digits seen.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"distance / independent pixels'": "<= 0.4", "digits seen": ">= 9"}
QUICK = {"distance / independent pixels'": "<= 0.8", "digits seen": ">= 5"}
CODE = 16


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """|mean_a - mean_b|² + trace(C_a + C_b - 2 (C_a C_b)^½)."""
    c_a, c_b = np.cov(a.T), np.cov(b.T)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(c_a @ c_b).real, 0))
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c_a) + np.trace(c_b) - 2 * roots.sum())


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    nn = wg.nn
    images, labels, _ = wg.data.digits()
    real = images.reshape(-1, 64).astype(np.float32) / 8 - 1
    painter = nn.Sequential(
        nn.Linear(CODE, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 128), nn.BatchNorm1d(128), nn.ReLU(),
        nn.Linear(128, 64), nn.Tanh(),
    )  # fmt: skip
    critic = nn.Sequential(
        nn.Linear(64, 128), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(128, 128), nn.LeakyReLU(0.2), nn.Dropout(0.3),
        nn.Linear(128, 1),
    )  # fmt: skip
    of_painter = wg.optim.Adam(painter.parameters(), lr=1e-3, betas=(0.5, 0.99))
    of_critic = wg.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.99))
    loss, epochs = nn.BCEWithLogitsLoss(), 25 if quick else 60
    slower = [wg.optim.LinearLR(optimizer, 1, 0.05, epochs) for optimizer in (of_painter, of_critic)]
    data = wg.data.batches(real, batch_size=64, seed=seed, drop_last=True)
    average = wg.optim.AveragedModel(painter, avg_fn=wg.optim.get_ema_avg_fn(0.995), use_buffers=True)

    for _ in range(epochs):
        for (x,) in data:
            painted = painter(wg.randn(64, CODE))
            of_critic.zero_grad()
            of_real, of_painted = critic(x), critic(painted.detach())
            # Not quite sure of real ones (0.9): a critic without doubt teaches nothing.
            value = loss(of_real, wg.full_like(of_real, 0.9)) + loss(of_painted, wg.zeros_like(of_painted))
            value.backward()
            of_critic.step()

            of_painter.zero_grad()
            of_painted = critic(painted)
            loss(of_painted, wg.ones_like(of_painted)).backward()
            of_painter.step()
            average.update_parameters(painter)
        for schedule in slower:
            schedule.step()

    average.eval()
    with wg.no_grad():
        found = np.asarray(average(wg.randn(len(real), CODE)))
    # Each pixel from a digit of its own: the right pixels, put together wrongly.
    shuffled = np.random.default_rng(seed).permuted(real, axis=0)
    judge = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    wg.fit(judge, (real, labels), nn.CrossEntropyLoss(), wg.optim.Adam(judge.parameters(), lr=3e-3), 10, seed=seed)
    with wg.no_grad():
        seen = np.bincount(np.asarray(judge(found)).argmax(1), minlength=10) / len(found)

    distance, apart = frechet(real, found), frechet(real, shuffled)
    print(f"Fréchet distance to real digits: {distance:.2f} painted, {apart:.2f} independent pixels")
    print("share of each digit among the painted:", seen.round(2))
    for row in ((found[:6].reshape(6, 8, 8) + 1) * 2.49).astype(int).transpose(1, 0, 2):
        print("  ".join("".join(" .+#@"[level] for level in part) for part in row))
    return {"distance / independent pixels'": distance / apart, "digits seen": int((seen > 0.02).sum())}


if __name__ == "__main__":
    main()
