"""A Hopfield net remembers digits and completes spoilt ones; attention is a Hopfield net that remembers far more.

    energy E(s) = -sᵀ W s / 2,   W = Σ_μ x_μ x_μᵀ / n  with diagonal 0,   s_i <- sign((W s)_i), one unit at a time

-∂E/∂s = W s (checked by `grad`), so each step goes downhill and the net comes to rest. It holds about 0.14 n random
patterns, and fewer that resemble each other, such as digits. The modern form
E(s) = -log Σ_μ exp(β x_μ·s) / β + s·s / 2  has the step s <- Xᵀ softmax(β X s): attention with the patterns as keys and
values. It holds exponentially many.
Source: Hopfield 1982; Ramsauer et al., "Hopfield networks is all you need", 2021.
Must reach: three digits recalled without error from 10 % spoilt pixels in 85 % of the trials, energy never rising;
80 % of 200 digits by attention, which the first form cannot hold.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {
    "three recalled": ">= 0.85", "largest rise of energy": "<= 1e-9", "gradient + W s": "<= 1e-12",
    "200 recalled by attention": ">= 0.8", "200 recalled by the first form": "<= 0.05",
}  # fmt: skip
QUICK = REACH | {"three recalled": ">= 0.75"}


def weights(patterns: np.ndarray) -> np.ndarray:
    """Hebb's rule: units that fire together are wired together."""
    w = patterns.T @ patterns / patterns.shape[1]
    np.fill_diagonal(w, 0)
    return w


def energy(s, w):
    return -s @ w @ s / 2


def settle(s: np.ndarray, w: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, float]:
    """The state at rest, and by how much the energy rose in the worst step."""
    s, rise = s.copy(), -np.inf
    for _ in range(20):
        before = s.copy()
        for i in generator.permutation(len(s)):
            old = energy(s, w)
            field = w[i] @ s
            s[i] = np.sign(field) if field else s[i]
            rise = max(rise, energy(s, w) - old)
        if (s == before).all():
            break
    return s, rise


def attend(s: np.ndarray, patterns: np.ndarray, beta: float = 1.0) -> np.ndarray:
    """The modern step, a few times: queries are the states, keys and values the patterns."""
    for _ in range(3):
        scores = wg.nn.functional.scaled_dot_product_attention(s, patterns, patterns, scale=beta)
        s = np.asarray(scores)
    return np.sign(s)


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    generator = np.random.default_rng(seed)
    images, labels, _ = wg.data.digits()
    x = np.where(images.reshape(-1, 64) > 7, 1.0, -1.0)

    def spoilt(patterns: np.ndarray) -> np.ndarray:
        return patterns * np.where(generator.random(patterns.shape) < 0.1, -1, 1)

    three = x[[np.flatnonzero(labels == digit)[0] for digit in (0, 1, 7)]]
    w = weights(three)
    s = spoilt(three[:1])[0]
    difference = np.abs(wg.grad(energy)(s, w) + w @ s).max()

    trials, recalled, rise = 10 if quick else 50, [], -np.inf
    for _ in range(trials):
        for pattern, state in zip(three, spoilt(three), strict=True):
            end, worst = settle(state, w, generator)
            recalled.append((end == pattern).all())
            rise = max(rise, worst)

    many = np.unique(x[generator.permutation(len(x))[:250]], axis=0)[:200]
    states = spoilt(many)
    by_hebb = np.mean([(settle(s, weights(many), generator)[0] == p).all()
                       for s, p in zip(states[:10], many, strict=False)])  # fmt: skip
    by_attention = (attend(states, many) == many).all(axis=1).mean()

    print(
        f"3 digits: {np.mean(recalled):.0%} of {len(recalled)} spoilt ones recalled; energy rose by at most {rise:.1e}"
    )
    print(f"200 digits: {by_hebb:.0%} by Hebb's weights, {by_attention:.0%} by attention")
    print("spoilt    at rest")
    for before, after in zip(s.reshape(8, 8), settle(s, w, generator)[0].reshape(8, 8), strict=True):
        print("  ".join("".join("@" if v > 0 else "." for v in row) for row in (before, after)))
    return {
        "three recalled": float(np.mean(recalled)), "largest rise of energy": float(rise),
        "gradient + W s": float(difference), "200 recalled by attention": float(by_attention),
        "200 recalled by the first form": float(by_hebb),
    }  # fmt: skip


if __name__ == "__main__":
    main()
