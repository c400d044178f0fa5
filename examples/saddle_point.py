"""A saddle point holds gradient descent up, not for ever: a two-layer linear net that starts near zero.

    L(w_1, w_2) = mean (y - w_2 w_1·x)²  on iris: petal width from the other three columns

At w_1 = 0, w_2 = 0 the gradient vanishes and the Hessian has as many negative as positive eigenvalues: a saddle
point. Started there exactly, gradient descent never moves; started near it, it lingers (the closer, the longer, by a
logarithm), then leaves along the eigenvector of negative curvature and reaches the least-squares solution, for all
other stationary points of linear nets are minima (Baldi and Hornik 1989). Newton's method is drawn to the saddle.
Source: the lectures' non-convex cost; Dauphin et al., "Identifying and attacking the saddle point problem", 2014.
Must reach: no move from the saddle; the least-squares loss from near it; Newton ends in the saddle, its guarded form
in the minimum.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {
    "distance moved from the saddle": "== 0", "loss / least squares": "<= 1.001", "negative eigenvalues": "== 1",
    "longer wait per thousandth": ">= 5", "Newton ends in the saddle": "== 1", "guarded Newton in a minimum": "== 1",
}  # fmt: skip
QUICK = REACH


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    flowers = wg.data.Standardizer().fit(wg.data.iris().features)(wg.data.iris().features)
    x, y = flowers[:, :3], flowers[:, 3]

    def loss(w):  # w_1 and w_2 in one vector
        return wg.mean((y - w[3] * (x @ w[:3])) ** 2)

    def descend(w, steps):
        path = [w]
        for _ in range(steps):
            path.append(path[-1] - 0.02 * gradient(path[-1]))
        return np.array(path)

    gradient = wg.grad(loss)
    curvature = np.linalg.eigvalsh(wg.hessian(loss)(np.zeros(4)))
    least = float(np.mean((y - x @ np.linalg.lstsq(x, y)[0]) ** 2))
    stuck = descend(np.zeros(4), 100)
    print("eigenvalues of the Hessian in the saddle point:", np.round(curvature, 3))

    direction = np.random.default_rng(seed).normal(size=4)
    direction /= np.linalg.norm(direction)
    waits = {}
    print("start   steps until half the loss is gone   last loss   least squares")
    for distance in (1e-2, 1e-5, 1e-8):
        path = descend(distance * direction, 1500 if quick else 5000)
        losses = wg.vmap(loss)(path)
        waits[distance] = int(np.argmax(losses < losses[0] / 2))
        print(f"{distance:.0e}   {waits[distance]:>33}   {losses[-1]:>9.5f}   {least:>13.5f}")

    drawn = wg.optim.newton_minimize(loss, 1e-2 * direction)
    guarded = wg.optim.newton_minimize(loss, 1e-2 * direction, safeguard=True, gtol=1e-6)
    print(f"Newton: {drawn.message}, loss {drawn.fun:.5f}; guarded: {guarded.message}, loss {guarded.fun:.5f}")
    return {
        "distance moved from the saddle": float(np.abs(stuck[-1]).max()),
        "loss / least squares": float(losses[-1]) / least,
        "negative eigenvalues": int((curvature < -1e-9).sum()),
        "longer wait per thousandth": (waits[1e-8] - waits[1e-2]) / 2,
        "Newton ends in the saddle": drawn.fun > 0.9,
        "guarded Newton in a minimum": float(guarded.fun) < 1.001 * least,
    }


if __name__ == "__main__":
    main()
