"""The step size 2/L: below it gradient descent converges, above it diverges; L is the greatest curvature.

    L(w) = mean (y - x·w)² / 2,   H = xᵀx / N,   w <- w - α H (w - w*)   so each error is multiplied by 1 - α λ_i

|1 - α λ| < 1 for every eigenvalue needs α < 2 / λ_max. λ_max is found without a Hessian: power iteration with
Hessian-vector products (`wg.hvp`). The best fixed step 2 / (λ_min + λ_max) multiplies the error by
(κ - 1) / (κ + 1) with κ = λ_max / λ_min, so standardised columns, which lower κ, make it faster.
Source: the lectures' L-smoothness; Nesterov, "Introductory lectures on convex optimization", 2004.
Must reach: error down at 0.99 · 2/L and up at 1.01 · 2/L; the measured factor at the best step within 1 % of theory.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {
    "L by power iteration / by eigenvalues": "1 +- 1e-6",
    "error at 0.99 x 2/L": "<= 0.1", "error at 1.01 x 2/L": ">= 10",
    "factor / theory at the best step": "1 +- 0.01", "gain in condition by standardising": ">= 5",
}  # fmt: skip
QUICK = REACH


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    flowers = wg.data.iris().features
    y = flowers[:, 3] - flowers[:, 3].mean()

    def condition(x):
        values = np.linalg.eigvalsh(x.T @ x / len(x))
        return values[-1] / values[0]

    raw = flowers[:, :3]
    x = wg.data.Standardizer().fit(raw)(raw)

    def loss(w):
        return wg.mean((y - x @ w) ** 2) / 2

    v = np.random.default_rng(seed).normal(size=3)
    for _ in range(100):
        image = wg.hvp(loss, np.zeros(3), v)
        largest, v = float(v @ image / (v @ v)), image / np.linalg.norm(image)

    values = np.linalg.eigvalsh(x.T @ x / len(x))
    best, start = np.linalg.lstsq(x, y)[0], np.zeros(3)
    gradient = wg.grad(loss)

    def errors(step, steps):
        w, found = start, []
        for _ in range(steps):
            w = w - step * gradient(w)
            found.append(np.linalg.norm(w - best) / np.linalg.norm(start - best))
        return np.array(found)

    steps = 500 if quick else 1000
    optimal = 2 / (values[0] + values[-1])
    print(f"L = {largest:.5f}, so steps below {2 / largest:.5f} converge")
    print("step x L / 2   error after", steps, "steps, relative to the start")
    for share in (0.5, 0.9, 0.99, 1.0, 1.01):
        print(f"{share:>12}   {errors(share * 2 / largest, steps)[-1]:.3e}")
    measured = errors(optimal, 120)
    factor, theory = (measured[-1] / measured[-21]) ** (1 / 20), (values[-1] - values[0]) / (values[-1] + values[0])
    print(f"best step {optimal:.4f}: each step multiplies the error by {factor:.5f}, theory {theory:.5f}")
    return {
        "L by power iteration / by eigenvalues": largest / values[-1],
        "error at 0.99 x 2/L": errors(0.99 * 2 / largest, steps)[-1],
        "error at 1.01 x 2/L": errors(1.01 * 2 / largest, steps)[-1],
        "factor / theory at the best step": factor / theory,
        "gain in condition by standardising": condition(raw) / condition(x),
    }


if __name__ == "__main__":
    main()
