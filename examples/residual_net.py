"""A residual net learns where a plain one of the same depth cannot: 40 layers, with and without the shortcut.

    plain: x -> f(x)        residual: x -> x + f(x)        f(x) = W_2 relu(W_1 norm(x))

The derivative of a residual block is I + f'(x): the identity carries the gradient to the first layer whatever f' is,
while that of the plain net is a product of 20 factors.
Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2016.
Must reach: 93 % of the test digits; the plain net at least 20 points less.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"test accuracy": ">= 0.93", "accuracy above the plain net's": ">= 0.2"}
QUICK = {"test accuracy": ">= 0.88", "accuracy above the plain net's": ">= 0.2"}
WIDTH, BLOCKS = 32, 20


class Block(wg.nn.Module):
    """Two layers, and around them the shortcut if there is one."""

    def __init__(self, shortcut: bool) -> None:
        super().__init__()
        self.shortcut = shortcut
        self.inside = wg.nn.Sequential(
            wg.nn.LayerNorm(WIDTH), wg.nn.Linear(WIDTH, WIDTH), wg.nn.ReLU(), wg.nn.Linear(WIDTH, WIDTH)
        )

    def forward(self, x):
        return x + self.inside(x) if self.shortcut else self.inside(x)


def net(shortcut: bool) -> wg.nn.Module:
    blocks = [Block(shortcut) for _ in range(BLOCKS)]
    return wg.nn.Sequential(wg.nn.Linear(64, WIDTH), *blocks, wg.nn.LayerNorm(WIDTH), wg.nn.Linear(WIDTH, 10))


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    images, labels, _ = wg.data.digits()
    x = images.reshape(-1, 64).astype(np.float32) / 16
    learn, test = wg.data.stratified_split(labels, (0.8, 0.2), seed=seed)
    loss = wg.nn.CrossEntropyLoss()

    accuracy = {}
    print(f"{'net':<10}{'layers':>7}{'test accuracy':>15}")
    for shortcut in (False, True):
        wg.manual_seed(seed)
        model = net(shortcut)
        optimizer = wg.optim.Adam(model.parameters(), lr=2e-3)
        wg.fit(model, (x[learn], labels[learn]), loss, optimizer, 5 if quick else 20,
               batch_size=64, seed=seed)  # fmt: skip
        accuracy[shortcut] = wg.train.evaluate(model, (x[test], labels[test]), loss)["accuracy"]
        print(f"{'residual' if shortcut else 'plain':<10}{2 * BLOCKS:>7}{accuracy[shortcut]:>15.2%}")
    return {"test accuracy": accuracy[True], "accuracy above the plain net's": accuracy[True] - accuracy[False]}


if __name__ == "__main__":
    main()
