"""Unsupervised: digits fall into groups without any label, and k-means is Newton's method.

    loss(c_1 … c_k) = mean over x of min_j |x - c_j|² / 2,   dL/dc_j = n_j / N (c_j - mean of the x nearest to c_j)

The Hessian is diagonal, n_j / N; so Newton's step c_j - H^-1 g puts each centre on the mean of its points, which is
Lloyd's algorithm. The example takes it by automatic differentiation, with the Hessian's product with ones as its
diagonal. Then one labelled digit for each centre, the nearest, names its group.
Source: Bottou, Bengio, "Convergence properties of the k-means algorithms", 1995.
Must reach: Newton's step and Lloyd's equal to 1e-10; 40 labels right for 85 % of all digits, five points above
the labels of 40 random digits.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {
    "Newton - Lloyd": "<= 1e-10",
    "accuracy with 40 labels": ">= 0.85",
    "accuracy above 40 random labels": ">= 0.05",
}
QUICK = REACH
CENTRES = 40


def distances(x, centres):
    """|x_i - c_j|² for all pairs."""
    return (x**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * x @ centres.T


def spread_start(x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """k-means++: each next centre drawn with a probability proportional to its squared distance from those before."""
    chosen = [generator.integers(len(x))]
    while len(chosen) < CENTRES:
        d = np.maximum(distances(x, x[chosen]).min(axis=1), 0)
        chosen.append(generator.choice(len(x), p=d / d.sum()))
    # Digits have whole numbers as pixels, so a point can be equally far from two of them; a trifle decides.
    return x[chosen] + 1e-6 * generator.normal(size=(CENTRES, x.shape[1]))


def lloyd(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Each centre on the mean of the points nearest to it."""
    nearest = distances(x, centres).argmin(axis=1)
    return np.stack([x[nearest == j].mean(axis=0) if (nearest == j).any() else c for j, c in enumerate(centres)])


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    generator = np.random.default_rng(seed)
    images, labels, _ = wg.data.digits()
    x = images.reshape(-1, 64).astype(np.float64) / 16

    def loss(centres):
        return wg.mean(wg.min(distances(x, centres), axis=1)) / 2

    gradient = wg.grad(loss)
    centres, difference = spread_start(x, generator), 0.0
    print("step   loss")
    for step in range(10 if quick else 30):
        if step % 5 == 0:
            print(f"{step:>4}   {float(loss(centres)):.5f}")
        curvature = wg.hvp(loss, centres, np.ones_like(centres))
        new = centres - gradient(centres) / np.maximum(curvature, 1e-12)
        difference = max(difference, float(np.abs(new - lloyd(x, centres)).max()))
        centres = new

    table = distances(x, centres)
    named = labels[table.argmin(axis=0)]  # the label of the digit nearest to each centre
    accuracy = float((named[table.argmin(axis=1)] == labels).mean())
    picked = [generator.permutation(len(x))[:CENTRES] for _ in range(20)]
    by_chance = float(np.mean([(labels[p][distances(x, x[p]).argmin(axis=1)] == labels).mean() for p in picked]))
    print(
        f"{CENTRES} labels: {accuracy:.1%} right by centres, {by_chance:.1%} by the nearest of random labelled digits"
    )
    return {
        "Newton - Lloyd": difference, "accuracy with 40 labels": accuracy,
        "accuracy above 40 random labels": accuracy - by_chance,
    }  # fmt: skip


if __name__ == "__main__":
    main()
