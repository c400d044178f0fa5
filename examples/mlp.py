"""A multilayer perceptron reads handwritten digits.

    f_0 = x,   f_k = relu(W_k f_(k-1) + b_k),   logits = W_3 f_2 + b_3,   loss = cross-entropy(logits, class)

Data: 1,797 digits of 8 x 8 pixels; 60 % to learn from, 20 % to choose the best epoch by, 20 % to test on.
Source: feed-forward nets; Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", 1986.
Must reach: 95 % of the test digits.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"test accuracy": ">= 0.95"}
QUICK = {"test accuracy": ">= 0.93"}


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    images, labels, _ = wg.data.digits()
    x = images.reshape(-1, 64).astype(np.float32)
    learn, choose, test = wg.data.stratified_split(labels, (0.6, 0.2, 0.2), seed=seed)
    x = wg.data.Standardizer(together=True).fit(x[learn])(x)

    model = wg.nn.Sequential(
        wg.nn.Linear(64, 64), wg.nn.ReLU(), wg.nn.Linear(64, 32), wg.nn.ReLU(), wg.nn.Linear(32, 10)
    )
    loss = wg.nn.CrossEntropyLoss()
    history = wg.fit(
        model, (x[learn], labels[learn]), loss, wg.optim.Adam(model.parameters(), lr=3e-3), 10 if quick else 60,
        validation=(x[choose], labels[choose]), patience=10, seed=seed,
    )  # fmt: skip
    accuracy = wg.train.evaluate(model, (x[test], labels[test]), loss)["accuracy"]

    print(f"best of {len(history)} epochs: {history.best_epoch}; test accuracy {accuracy:.2%}")
    print("confusions (row: digit, column: taken for)")
    with wg.no_grad():
        print(wg.train.confusion(model(x[test]), labels[test]))
    return {"test accuracy": accuracy}


if __name__ == "__main__":
    main()
