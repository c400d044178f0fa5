"""Vanishing and exploding gradients: what 20 layers do to them, by activation and initial weights.

    dL/dh_k = W_(k+1)ᵀ σ'(z_(k+1)) … W_nᵀ σ'(z_n) dL/dh_n:   a product of n - k factors

With the sigmoid each factor is at most 1/4 |W|. Weights of variance 1/fan-in (Xavier) keep the size of signals for
tanh, 2/fan-in (He) for rectifiers, which let half through. Shown is the norm of dL/dh_0 relative to that of
dL/dh_n, in fresh nets on real digits; then two of them are trained.
Source: the lectures' initialisation; Glorot, Bengio 2010; He et al. 2015; Hochreiter 1991.
Must reach: a ratio within 0.03 … 30 with the matching initial values, below 1e-6 with the sigmoid, above 1000 with
weights too large; 90 % accuracy with He's, chance with the sigmoid.
"""

from __future__ import annotations

import math

import numpy as np

import wengert as wg

REACH = {
    "log10 of the ratio, tanh with Xavier": "0 +- 1.5", "log10 of the ratio, relu with He": "0 +- 1.5",
    "log10 of the ratio, sigmoid": "<= -6", "log10 of the ratio, too large": ">= 3",
    "accuracy, relu with He": ">= 0.9", "accuracy, sigmoid": "<= 0.2",
}  # fmt: skip
QUICK = REACH
DEPTH, WIDTH = 20, 64
KINDS = {
    "sigmoid": (wg.nn.Sigmoid, 1.0),
    "tanh with Xavier": (wg.nn.Tanh, 1.0),
    "tanh, too small": (wg.nn.Tanh, 0.25),
    "relu with Xavier": (wg.nn.ReLU, 1.0),
    "relu with He": (wg.nn.ReLU, 2.0),
    "too large": (wg.nn.ReLU, 8.0),
}


def net(activation: type[wg.nn.Module], scale: float) -> wg.nn.Module:
    """`DEPTH` equal layers with weights of variance scale / fan-in and biases 0, and an output layer."""
    model = wg.nn.Sequential()
    for k in range(DEPTH):
        layer = wg.nn.Linear(WIDTH, WIDTH)
        wg.nn.init.normal_(layer.weight, std=math.sqrt(scale / WIDTH))
        wg.nn.init.zeros_(layer.bias)
        model.add_module(f"layer{k}", wg.nn.Sequential(layer, activation()))
    model.add_module("output", wg.nn.Linear(WIDTH, 10))
    return model


def gradient_size(model: wg.nn.Module, k: int, x: np.ndarray, labels: np.ndarray) -> float:
    """The norm of the loss's gradient with respect to h_k, the input of layer k."""
    with wg.no_grad():
        h = np.asarray(model[:k](x))
        gradient = wg.grad(lambda h: wg.nn.functional.cross_entropy(model[k:](h), labels))(h)
    return float(np.linalg.norm(gradient))


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    images, labels, _ = wg.data.digits()
    x = images.reshape(-1, 64).astype(np.float32)
    x = wg.data.Standardizer(together=True).fit(x)(x)
    loss = wg.nn.CrossEntropyLoss()
    figures = {}
    print(f"{'kind':<18}{'|dL/dh_0| / |dL/dh_n|':>22}")
    for name, (activation, scale) in KINDS.items():
        model = net(activation, scale)
        first, last = (gradient_size(model, k, x[:256], labels[:256]) for k in (0, DEPTH))
        figures[f"log10 of the ratio, {name}"] = float(np.log10(first / last))
        print(f"{name:<18}{first / last:>22.1e}")

    print("trained:")
    for name in ("sigmoid", "relu with He"):
        model = net(*KINDS[name])
        wg.fit(model, (x, labels), loss, wg.optim.Adam(model.parameters(), lr=1e-3), 5 if quick else 10, seed=seed)
        figures[f"accuracy, {name}"] = wg.train.evaluate(model, (x, labels), loss)["accuracy"]
        print(f"{name:<18}{figures[f'accuracy, {name}']:>22.1%} right")
    return figures


if __name__ == "__main__":
    main()
