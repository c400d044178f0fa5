"""Depth makes linear pieces: k layers of two units fold the line into 2^k pieces, a shallow net needs 2^k - 1 units.

    tent(x) = 2 relu(x) - 4 relu(x - 1/2),   sawtooth of k teeth-doublings = tent(tent(… tent(x)))

A layer of n rectifiers bends a line at most n times, so a shallow net of 2k units has at most 2k + 1 pieces. Pieces
are counted by the derivative (`vmap` of `grad`) at points between the possible bends. Then a shallow net of as many
units is trained to be the sawtooth of depth 5: it cannot, while the deep one is.
Source: the lectures' depth; Telgarsky, "Benefits of depth in neural networks", 2016.
Must reach: 2^8 pieces of slope ±2^8 at depth 8, at most 2k + 1 in the shallow net, whose error stays above 0.2.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"pieces at depth 8": "== 256", "slope at depth 8": "== 256", "shallow pieces, 10 units": "<= 11",
         "error of the shallow net": ">= 0.2", "error of the deep net": "== 0"}  # fmt: skip
QUICK = REACH


def sawtooth(depth: int) -> wg.nn.Module:
    """The deep net: two units a layer, weights by hand."""
    net = wg.nn.Sequential()
    for k in range(depth):
        unfold = wg.nn.Linear(1, 2, dtype=np.float64), wg.nn.ReLU(), wg.nn.Linear(2, 1, bias=False, dtype=np.float64)
        unfold[0].load_state_dict({"weight": [[1.0], [1.0]], "bias": [0.0, -0.5]})
        unfold[2].load_state_dict({"weight": [[2.0, -4.0]]})
        net.add_module(f"fold{k}", wg.nn.Sequential(*unfold))
    return net


def slopes(net: wg.nn.Module, points: np.ndarray) -> np.ndarray:
    """The derivative at every point."""
    return wg.vmap(wg.grad(lambda x: net(x[None])[0]))(points)


def pieces(net: wg.nn.Module, points: np.ndarray) -> int:
    """How many pieces of constant slope follow one another."""
    found = slopes(net, points)
    return 1 + int((np.abs(np.diff(found)) > 1e-9).sum())


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    points = (np.arange(2**12) + 0.5) / 2**12  # never on a bend of the deep net
    print("depth   units   pieces")
    for depth in (1, 2, 4, 8):
        print(f"{depth:>5}{2 * depth:>8}{pieces(sawtooth(depth), points):>9}")

    x, deep = points[:, None], sawtooth(5)
    with wg.no_grad():
        y = np.asarray(deep(x))
    target = 1 - np.abs(1 - (x * 2**5) % 2)  # the sawtooth, written without a net
    shallow = wg.nn.Sequential(
        wg.nn.Linear(1, 10, dtype=np.float64), wg.nn.ReLU(), wg.nn.Linear(10, 1, dtype=np.float64)
    )
    bends = np.arange(10) / 10  # a fair start: all bends inside, at equal distances
    shallow[0].load_state_dict({"weight": np.ones((10, 1)), "bias": -bends})
    loss = wg.nn.L1Loss()
    optimizer = wg.optim.Adam(shallow.parameters(), lr=1e-2)
    history = wg.fit(shallow, (x, target), loss, optimizer, 5 if quick else 60, batch_size=64, seed=seed)
    error = wg.train.evaluate(shallow, (x, target), loss)["loss"]
    print(f"mean error on the sawtooth of depth 5: shallow {error:.3f} after {len(history)} epochs, deep 0")
    return {
        "pieces at depth 8": pieces(sawtooth(8), points),
        "slope at depth 8": float(np.abs(slopes(sawtooth(8), points)).max()),
        "shallow pieces, 10 units": pieces(shallow, points),
        "error of the shallow net": error,
        "error of the deep net": float(np.abs(y - target).max()),
    }


if __name__ == "__main__":
    main()
