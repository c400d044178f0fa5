"""Multinomial regression: one linear layer and softmax on digits, and the pictures that its weights are.

    p(class | x) = softmax(W x + b),   loss = mean of -log p(right class) + decay |W|²

Without hidden layers the loss is convex: full-batch L-BFGS and minibatch gradient descent go to the same minimum. The
softmax is inside the loss: `CrossEntropyLoss` takes logits, and a softmax before it would be one too many.
Source: the lectures' multinomial regression.
Must reach: 94 % of the test digits by either method; losses on the training part that agree within 1 %.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"accuracy, L-BFGS": ">= 0.94", "accuracy, minibatches": ">= 0.94", "ratio of losses": "<= 1.01"}
QUICK = {"accuracy, L-BFGS": ">= 0.94", "accuracy, minibatches": ">= 0.94", "ratio of losses": "<= 1.05"}
DECAY = 1e-3


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    images, labels, _ = wg.data.digits()
    x = images.reshape(-1, 64).astype(np.float64) / 16
    learn, test = wg.data.stratified_split(labels, (0.8, 0.2), seed=seed)
    loss = wg.nn.CrossEntropyLoss()

    def total(model):
        """What is minimised: the mean loss of the training part, and the decay."""
        return loss(model(x[learn]), labels[learn]) + DECAY * (model.weight**2).sum()

    exact = wg.nn.Linear(64, 10, dtype=np.float64)
    solver = wg.optim.LBFGS(exact.parameters(), lr=1, max_iter=300, line_search_fn="strong_wolfe")

    def closure():
        solver.zero_grad()
        value = total(exact)
        value.backward()
        return value

    solver.step(closure)

    sampled = wg.nn.Linear(64, 10, dtype=np.float64)
    groups = [{"params": [sampled.weight], "weight_decay": 2 * DECAY}, {"params": [sampled.bias]}]
    optimizer = wg.optim.SGD(groups, lr=0.5, momentum=0.9)
    epochs = 25 if quick else 60
    schedule = wg.optim.CosineAnnealingLR(optimizer, T_max=epochs)
    wg.fit(
        sampled, (x[learn], labels[learn]), loss, optimizer, epochs, schedule=schedule, restore_best=False, seed=seed
    )

    figures, losses = {}, {}
    print(f"{'method':<14}{'training loss':>14}{'test accuracy':>15}")
    for name, model in {"L-BFGS": exact, "minibatches": sampled}.items():
        losses[name] = float(total(model))
        figures[f"accuracy, {name}"] = wg.train.evaluate(model, (x[test], labels[test]), loss)["accuracy"]
        print(f"{name:<14}{losses[name]:>14.5f}{figures[f'accuracy, {name}']:>15.2%}")
    print("the weights of 0 and 1 as pictures (@ for, . against)")
    for rows in zip(*exact.weight.detach().numpy()[:2].reshape(2, 8, 8), strict=True):
        print("   ".join("".join("@" if w > 0.5 else "." if w < -0.5 else " " for w in row) for row in rows))
    return {**figures, "ratio of losses": losses["minibatches"] / losses["L-BFGS"]}


if __name__ == "__main__":
    main()
