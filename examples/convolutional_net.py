"""A convolutional net reads digits, and those that were moved by a pixel too.

    conv 3x3 -> relu -> conv 3x3 -> relu -> max over 2x2 -> conv 3x3 -> relu -> mean of each channel -> linear

The same small weights look at every place, so what is learned in one place holds in all: a perceptron that knows only
centred digits fails where they are moved by a pixel, a convolutional net much less.
Source: convolutional nets; LeCun et al., "Gradient-based learning applied to document recognition", 1998.
Must reach: 98 % of the test digits, and at least 15 points more than a perceptron on digits moved by one pixel.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"test accuracy": ">= 0.98", "accuracy when moved, minus the perceptron's": ">= 0.15"}
QUICK = {"test accuracy": ">= 0.91", "accuracy when moved, minus the perceptron's": ">= 0.1"}


def convolutional() -> wg.nn.Module:
    nn = wg.nn
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


def perceptron() -> wg.nn.Module:
    return wg.nn.Sequential(wg.nn.Flatten(), wg.nn.Linear(64, 64), wg.nn.ReLU(), wg.nn.Linear(64, 10))


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    images, labels, _ = wg.data.digits()
    x = images[:, None].astype(np.float32)  # (rows, channels, height, width)
    learn, test = wg.data.stratified_split(labels, (0.8, 0.2), seed=seed)
    x = wg.data.PerChannel().fit(x[learn])(x)
    moved = np.roll(x[test], 1, axis=3)
    epochs, loss = 4 if quick else 20, wg.nn.CrossEntropyLoss()

    found = {}
    print(f"{'net':<16}{'parameters':>11}{'test accuracy':>15}{'moved by a pixel':>18}")
    for make in (perceptron, convolutional):
        wg.manual_seed(seed)
        model = make()
        optimizer = wg.optim.Adam(model.parameters(), lr=4e-3)
        rates = wg.optim.OneCycleLR(optimizer, max_lr=8e-3, total_steps=epochs * 45)
        wg.fit(model, wg.data.batches(x[learn], labels[learn], seed=seed), loss, optimizer, epochs, schedule=rates,
               schedule_every="batch", restore_best=False)  # fmt: skip
        found[make] = [wg.train.evaluate(model, (part, labels[test]), loss)["accuracy"] for part in (x[test], moved)]
        count = sum(p.size for p in model.parameters())
        print(f"{make.__name__:<16}{count:>11,}{found[make][0]:>15.2%}{found[make][1]:>18.2%}")
    return {
        "test accuracy": found[convolutional][0],
        "accuracy when moved, minus the perceptron's": found[convolutional][1] - found[perceptron][1],
    }


if __name__ == "__main__":
    main()
