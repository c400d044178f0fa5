"""XOR with two hidden units: not linear, but solvable after a learned change of coordinates.

    p(y = 1 | x) = σ(w·tanh(W x + b) + c),   W 2 x 2;   loss = binary cross-entropy of the four rows

A linear model can do no better than p = 1/2 everywhere, a loss of log 2. With two hidden units the loss has bad
stationary points too, so we train many random starts at once (`vmap` over stacked models) and count how many succeed.
Source: the lectures' XOR; Minsky and Papert, "Perceptrons", 1969.
Must reach: some start right on all four rows, at least half of the starts too; the linear model never below log 2.
"""

from __future__ import annotations

import math

import numpy as np

import wengert as wg

REACH = {"rows right, best start": "== 4", "share of starts that solve it": ">= 0.5", "linear loss - log 2": ">= -1e-6"}
QUICK = {"rows right, best start": "== 4", "share of starts that solve it": ">= 0.3", "linear loss - log 2": ">= -1e-6"}

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
Y = np.array([[0], [1], [1], [0]], np.float32)


def train(make, starts: int, steps: int, lr: float = 0.5):
    """Gradient descent with momentum from many starts; returns the stacked models and their last losses."""
    loss = wg.nn.BCEWithLogitsLoss()
    models = wg.tree_map(lambda *p: np.stack([q.detach().numpy() for q in p]), *(make() for _ in range(starts)))
    step = wg.vmap(wg.value_and_grad(lambda model: loss(model(X), Y)))
    speed = wg.tree_map(np.zeros_like, models)
    for _ in range(steps):
        losses, gradients = step(models)
        speed = wg.tree_map(lambda v, g: 0.9 * v + g, speed, gradients)
        models = wg.tree_map(lambda p, v: p - lr * v, models, speed)
    return models, losses


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    starts, steps = (30, 150) if quick else (200, 500)

    hidden, losses = train(
        lambda: wg.nn.Sequential(wg.nn.Linear(2, 2), wg.nn.Tanh(), wg.nn.Linear(2, 1)), starts, steps
    )
    outputs = wg.vmap(lambda model: model(X))(hidden)
    right = ((outputs > 0) == (Y > 0)).sum(axis=(1, 2))
    _, linear = train(lambda: wg.nn.Linear(2, 1), starts, steps)

    print("rows right   starts")
    for rows in range(5):
        print(f"{rows:>10}   {(right == rows).sum():>6}")
    print(
        f"least loss: {losses.min():.5f} with two hidden units, {linear.min():.5f} linear (log 2 = {math.log(2):.5f})"
    )
    return {
        "rows right, best start": int(right.max()),
        "share of starts that solve it": float((right == 4).mean()),
        "linear loss - log 2": float(linear.min()) - math.log(2),
    }


if __name__ == "__main__":
    main()
