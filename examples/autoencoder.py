"""An autoencoder keeps digits in eight numbers: the linear one finds PCA, the one with hidden layers beats it.

    code = encode(x) in R^8,   x' = decode(code),   loss = |x - x'|²

With linear encoder and decoder the best loss is that of the eight leading principal components (Eckart and Young 1936;
Baldi and Hornik 1989), and every other stationary point is a saddle: training gets there from anywhere.
Source: the lectures' autoencoders; Hinton, Salakhutdinov, "Reducing the dimensionality of data with neural networks",
2006.
Must reach: the error of PCA within 2 % by the linear one (training part), at most 80 % of it by the other (test part).
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"linear error / PCA": "1.01 +- 0.01", "deep error / PCA, test part": "<= 0.8"}
QUICK = {"linear error / PCA": "1.05 +- 0.05", "deep error / PCA, test part": "<= 1"}
CODE = 8


def linear() -> wg.nn.Module:
    return wg.nn.Sequential(wg.nn.Linear(64, CODE), wg.nn.Linear(CODE, 64))


def deep() -> wg.nn.Module:
    nn = wg.nn
    return nn.Sequential(
        nn.Linear(64, 128), nn.ELU(), nn.Linear(128, CODE), nn.Linear(CODE, 128), nn.ELU(), nn.Linear(128, 64)
    )


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    images, labels, _ = wg.data.digits()
    x = images.reshape(-1, 64).astype(np.float32) / 16
    train, test = (x[part] for part in wg.data.stratified_split(labels, (0.8, 0.2), seed=seed))

    mean = train.mean(axis=0)
    components = np.linalg.svd(train - mean, full_matrices=False)[2][:CODE]

    def pca_error(part: np.ndarray) -> float:
        shifted = part - mean
        return float(((shifted - shifted @ components.T @ components) ** 2).mean())

    error, loss = {}, wg.nn.MSELoss()
    for make, rate, epochs in ((linear, 1e-2, 20 if quick else 60), (deep, 3e-3, 15 if quick else 80)):
        wg.manual_seed(seed)
        model = make()
        optimizer = wg.optim.Adam(model.parameters(), lr=rate)
        schedule = wg.optim.CosineAnnealingLR(optimizer, T_max=epochs)
        wg.fit(model, (train, train), loss, optimizer, epochs, schedule=schedule, seed=seed)
        error[make] = [wg.train.evaluate(model, (part, part), loss)["loss"] for part in (train, test)]

    print("mean squared error   training part   test part")
    for name, (of_train, of_test) in {
        "PCA": (pca_error(train), pca_error(test)), "linear": error[linear], "deep": error[deep],
    }.items():  # fmt: skip
        print(f"{name:<21}{of_train:>13.5f}{of_test:>12.5f}")
    return {
        "linear error / PCA": error[linear][0] / pca_error(train),
        "deep error / PCA, test part": error[deep][1] / pca_error(test),
    }


if __name__ == "__main__":
    main()
