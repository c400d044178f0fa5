"""Rosenblatt's perceptron learns AND and never XOR; on iris it separates one pair of species and not the other.

    output = [w·x + b > 0],   w += (y - output) x,   b += y - output      for every row, until none is wrong

The derivative of the threshold is 0 wherever there is one, so no gradient could train this unit; the rule needs none.
If a line separates the classes the rule comes to rest (Novikoff 1962), else it never does.
Source: the lectures' perceptron; Rosenblatt, "The perceptron", 1958.
Must reach: AND and setosa against versicolor learned without error; XOR and versicolor against virginica never at rest.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {
    "AND at rest": "== 1", "XOR at rest": "== 0", "setosa at rest": "== 1", "virginica at rest": "== 0",
    "AND rows right": "== 4", "XOR rows right": "<= 3", "gradient of the threshold": "== 0",
}  # fmt: skip
QUICK = REACH


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    epochs = 200 if quick else 2000
    square = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    flowers = wg.data.iris()
    order = np.random.default_rng(seed).permutation(100)
    tasks = {
        "AND": (square, np.array([0, 0, 0, 1])),
        "XOR": (square, np.array([0, 1, 1, 0])),
        "setosa": (flowers.features[:100][order], flowers.labels[:100][order]),  # against versicolor
        "virginica": (flowers.features[50:][order], flowers.labels[50:][order] - 1),  # against versicolor
    }
    figures: dict[str, float] = {}
    print(f"{'task':<12}{'rows right':>12}{'epochs':>8}  at rest")
    for name, (x, y) in tasks.items():
        unit = wg.optim.perceptron(x, y, epochs=epochs)
        right = int((unit(x) == y).sum())
        figures |= {f"{name} at rest": unit.converged, f"{name} rows right": right}
        print(f"{name:<12}{f'{right} of {len(y)}':>12}{unit.epochs:>8}  {unit.converged}")

    gradient = wg.grad(lambda w: wg.sum(wg.step(square @ w)))(np.array([0.3, -0.2]))
    figures["gradient of the threshold"] = float(np.abs(gradient).max())
    return figures


if __name__ == "__main__":
    main()
