"""One hidden layer approximates sin on [-π, π] ever better as it grows wider.

    f(x) = Σ_i v_i tanh(w_i x + b_i) + c,   i = 1 … width

Universal approximation (Cybenko 1989, Hornik 1991): some width reaches any error, for any continuous function on a
compact set and any activation that is no polynomial. It is a statement about what exists, not about what training
finds: a polynomial activation, x², stays where it is however wide the layer, for then f is a parabola.
Source: the lectures' universal approximation.
Must reach: largest error below 0.001 at width 16, a hundred times below that of width 1; the parabola above 0.3.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"largest error, width 16": "<= 1e-3", "error of width 1 / width 16": ">= 100", "error with squares": ">= 0.3"}
QUICK = {"largest error, width 16": "<= 5e-3", "error of width 1 / width 16": ">= 50", "error with squares": ">= 0.3"}
X = np.linspace(-np.pi, np.pi, 201)
Y = np.sin(X)


def error(width: int, activation, generator: np.random.Generator, steps: int) -> float:
    """The largest error after training a layer of that width by Levenberg-Marquardt."""

    def residuals(theta):
        w, b, v = theta[:-1].reshape(3, width)
        return activation(w * X[:, None] + b) @ v + theta[-1] - Y

    found = wg.optim.least_squares(residuals, generator.normal(size=3 * width + 1), maxiter=steps)
    return float(np.abs(residuals(found.x)).max())


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    generator = np.random.default_rng(seed)
    widths, steps, starts = ((1, 4, 16), 50, 3) if quick else ((1, 2, 4, 8, 16, 32), 200, 5)
    errors = {}
    print("width   largest error (best of some starts)")
    for width in widths:
        errors[width] = min(error(width, np.tanh, generator, steps) for _ in range(starts))
        print(f"{width:>5}   {errors[width]:.2e}")
    squares = error(16, np.square, generator, steps)
    print(f"   16   {squares:.2e} with squares in place of tanh")
    return {
        "largest error, width 16": errors[16], "error of width 1 / width 16": errors[1] / errors[16],
        "error with squares": squares,
    }  # fmt: skip


if __name__ == "__main__":
    main()
