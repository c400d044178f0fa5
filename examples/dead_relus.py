"""Dead rectifiers: large steps kill units, no later step revives them, and a leak prevents it.

    relu'(a) = [a > 0]:   a unit whose a = w·x + b is negative for every row has gradient 0 and can never change

One long step may push b far below zero. From then on no learning rate helps, because it multiplies 0. The leaky
rectifier max(a, 0.01 a) lets a hundredth of the gradient through, so its units come back.
Source: the lectures' dead ReLUs; Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models",
2013.
Must reach: no dead unit at a small step, at least a tenth dead at a large one; the gradient of the dead ones exactly 0,
and of the same units with a leak not 0.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"dead units, step 0.05": "<= 0.02", "dead units, step 1": ">= 0.1", "gradient of the dead": "== 0",
         "gradient of the same with a leak": ">= 1e-9"}  # fmt: skip
QUICK = REACH
UNITS = 64


def net(activation: wg.nn.Module) -> wg.nn.Module:
    return wg.nn.Sequential(wg.nn.Linear(64, UNITS), activation, wg.nn.Linear(UNITS, 10))


def dead(model: wg.nn.Module, x: np.ndarray) -> np.ndarray:
    """Which hidden units are at most zero for every row."""
    with wg.no_grad():
        return np.asarray((model[0](x) <= 0).all(axis=0))


def gradients(model: wg.nn.Module, x: np.ndarray, labels: np.ndarray, units: np.ndarray) -> float:
    """The largest entry of the loss's gradient with respect to the weights into some units."""
    model.zero_grad()
    wg.nn.CrossEntropyLoss()(model(x), labels).backward()
    return float(np.abs(model[0].weight.grad[units]).max())


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    images, labels, _ = wg.data.digits()
    x = images.reshape(-1, 64).astype(np.float32)
    x = wg.data.Standardizer(together=True).fit(x)(x)
    epochs, loss = 3 if quick else 10, wg.nn.CrossEntropyLoss()

    share = {}
    print("step   share of dead units   accuracy")
    for step in (0.05, 0.2, 0.5, 1.0):
        wg.manual_seed(seed)
        model = net(wg.nn.ReLU())
        wg.fit(
            model, (x, labels), loss, wg.optim.SGD(model.parameters(), lr=step), epochs, restore_best=False, seed=seed
        )
        share[step] = float(dead(model, x).mean())
        print(f"{step:<4}{share[step]:>20.1%}{wg.train.evaluate(model, (x, labels), loss)['accuracy']:>14.1%}")

    killed = dead(model, x)
    leaky = net(wg.nn.LeakyReLU(0.01))
    leaky.load_state_dict(model.state_dict())
    without, within = (gradients(m, x, labels, killed) for m in (model, leaky))
    print(f"largest gradient into the {killed.sum()} dead units: {without} with ReLU, {within:.1e} with a leak")
    return {
        "dead units, step 0.05": share[0.05], "dead units, step 1": share[1.0], "gradient of the dead": without,
        "gradient of the same with a leak": within,
    }  # fmt: skip


if __name__ == "__main__":
    main()
