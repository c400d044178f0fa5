"""Batch size and gradient noise: the variance of a minibatch gradient falls as 1/m; its mean is the full gradient.

    g_m = mean of the gradients of m rows drawn at random,   E g_m = g,   Var g_m = Var(one row) / m

All gradients of single rows come at once from `vmap(grad)`. Minibatches are drawn with replacement, so the law is
exact. Then one pass over the data with batches of different size shows what noise buys: for the same work, many noisy
steps go further than few exact ones.
Source: the lectures' batches; Bottou, Curtis, Nocedal, "Optimization methods for large-scale machine learning", 2018.
Must reach: slope -1 of log variance over log m within 0.05, a mean within 2 standard errors; and a loss after one epoch
of batches of 16 below half that of batches of 512.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {
    "slope of log variance": "-1 +- 0.05", "variance of 1 row / predicted": "1 +- 0.1",
    "bias in standard errors": "<= 2",    "loss of small / of large batches": "<= 0.5",
}  # fmt: skip
QUICK = REACH | {"slope of log variance": "-1 +- 0.1"}


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    images, labels, _ = wg.data.digits()
    x = images.reshape(-1, 64).astype(np.float64) / 16
    model, loss = wg.nn.Linear(64, 10, dtype=np.float64), wg.nn.CrossEntropyLoss()

    def of_row(row, label):
        return wg.grad(lambda m: loss(m(row[None]), label[None]))(model).weight.ravel()

    with wg.no_grad():
        single = wg.vmap(of_row)(x, labels.astype(np.int64))  # (rows, parameters)
    full = single.mean(axis=0)
    variance = ((single - full) ** 2).sum(axis=1).mean()

    draws, measured = 200 if quick else 1000, {}
    generator = np.random.default_rng(seed)
    print("batch size   variance of the gradient   predicted")
    for m in (1, 4, 16, 64, 256):
        means = np.array([single[generator.integers(0, len(x), m)].mean(axis=0) for _ in range(draws)])
        measured[m] = float(((means - full) ** 2).sum(axis=1).mean())
        print(f"{m:>10}{measured[m]:>27.6f}{variance / m:>12.6f}")
    slope = np.polyfit(np.log(list(measured)), np.log(list(measured.values())), 1)[0]
    bias = np.linalg.norm(means.mean(axis=0) - full) / np.sqrt(measured[256] / draws)

    losses = {}
    for m in (16, 512):
        wg.manual_seed(seed)
        learner = wg.nn.Linear(64, 10, dtype=np.float64)
        wg.fit(learner, (x, labels), loss, wg.optim.SGD(learner.parameters(), lr=0.5), 1, batch_size=m, seed=seed)
        losses[m] = wg.train.evaluate(learner, (x, labels), loss)["loss"]
        print(f"loss after one epoch with batches of {m}: {losses[m]:.3f}")
    return {
        "slope of log variance": float(slope), "variance of 1 row / predicted": measured[1] / variance,
        "bias in standard errors": float(bias), "loss of small / of large batches": losses[16] / losses[512],
    }  # fmt: skip


if __name__ == "__main__":
    main()
