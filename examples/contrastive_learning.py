"""Self-supervised: a net learns what digits are alike from pictures only; fifty labels then name the classes.

    two random changes of each image -> codes a_i, b_i of length 1;   loss = cross-entropy(a_i·b_j / τ, right j is i)

Each image must find its other half among all of the batch. What both halves share survives in the code, what the
changes destroy (place, noise) does not. No label is used. Afterwards a linear classifier is fitted to fifty labelled
codes, and for comparison to the fifty images.
Source: van den Oord et al., "Contrastive predictive coding", 2018; Chen et al., "SimCLR", 2020.
Must reach: 80 % of the test digits from five labels a class, at least 4 points above the classifier on pixels.
"""

from __future__ import annotations

import numpy as np

import wengert as wg
from wengert.nn.functional import cross_entropy, normalize

REACH = {"test accuracy": ">= 0.8", "accuracy above pixels": ">= 0.04"}
QUICK = {"test accuracy": ">= 0.75", "accuracy above pixels": ">= 0"}


def changed(x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Digits (N, 1, 8, 8), each moved by up to a pixel, brighter or darker, with noise."""
    moves = generator.integers(-1, 2, (len(x), 2))
    moved = np.stack([np.roll(image, move, axis=(1, 2)) for image, move in zip(x, moves, strict=True)])
    light = generator.uniform(0.7, 1.3, (len(x), 1, 1, 1)).astype(np.float32)
    return moved * light + generator.normal(0, 0.2, x.shape).astype(np.float32)


def linear_probe(train, labels, test, test_labels) -> float:
    """The accuracy of multinomial regression on given features."""
    scale = wg.data.Standardizer().fit(train)
    model = wg.nn.Linear(train.shape[1], 10)
    optimizer = wg.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-2)
    data = wg.data.batches(scale(train), labels, batch_size=len(train))
    wg.fit(model, data, wg.nn.CrossEntropyLoss(), optimizer, 200, restore_best=False)
    with wg.no_grad():
        return wg.train.accuracy(model(scale(test)), test_labels)


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    nn, generator = wg.nn, np.random.default_rng(seed)
    images, labels, _ = wg.data.digits()
    x = images[:, None].astype(np.float32) / 16
    learn, test = wg.data.stratified_split(labels, (0.8, 0.2), seed=seed)
    few = np.concatenate([learn[labels[learn] == digit][:5] for digit in range(10)])

    encoder = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(512, 64), nn.ReLU(),
    )  # fmt: skip
    head = nn.Linear(64, 32)
    optimizer = wg.optim.Adam([*encoder.parameters(), *head.parameters()], lr=2e-3)
    data, epochs = wg.data.batches(x[learn], batch_size=128, seed=seed, drop_last=True), 15 if quick else 50
    for epoch in range(epochs):
        for (batch,) in data:
            a, b = (normalize(head(encoder(changed(batch, generator))), dim=1) for _ in range(2))
            similar = a @ b.T / 0.2
            loss = (cross_entropy(similar, np.arange(len(batch))) + cross_entropy(similar.T, np.arange(len(batch)))) / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 10 == 0 or epoch == epochs - 1:
            print(f"epoch {epoch + 1:>2}: loss {float(loss):.3f} (guessing the other half: {np.log(128):.3f})")

    with wg.no_grad():
        codes = np.asarray(encoder(x))
    pixels = x.reshape(-1, 64)
    of_codes, of_pixels = (linear_probe(z[few], labels[few], z[test], labels[test]) for z in (codes, pixels))
    print(f"linear classifier, {len(few)} labels: {of_pixels:.1%} on pixels, {of_codes:.1%} on codes")
    return {"test accuracy": of_codes, "accuracy above pixels": of_codes - of_pixels}


if __name__ == "__main__":
    main()
