"""A deconvolutional net draws digits of 8 x 8 pixels from 4 x 4: better than interpolation.

    4 x 4 -> conv 3x3 -> relu -> transposed conv of stride 2 -> relu -> conv 3x3 -> 8 x 8;   loss = squared error

The transposed convolution is the linear map of a convolution, transposed: each pixel below paints a patch above. That
is also exactly how a convolution's derivative sends gradients back, which the example checks.
Source: Zeiler et al., "Deconvolutional networks", 2010; Dumoulin, Visin, "A guide to convolution arithmetic", 2016.
Must reach: at most 60 % of the squared error of bilinear interpolation, on test digits.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"error relative to bilinear": "<= 0.6", "difference to the derivative of a convolution": "<= 1e-12"}
QUICK = {"error relative to bilinear": "<= 0.75", "difference to the derivative of a convolution": "<= 1e-12"}


class Drawer(wg.nn.Module):
    """Bilinear interpolation, and what the net adds to it."""

    def __init__(self) -> None:
        super().__init__()
        self.up = wg.nn.UpsamplingBilinear2d(scale_factor=2)
        self.details = wg.nn.Sequential(
            wg.nn.Conv2d(1, 24, 3, padding=1), wg.nn.ReLU(), wg.nn.ConvTranspose2d(24, 24, 4, stride=2, padding=1),
            wg.nn.ReLU(), wg.nn.Conv2d(24, 1, 3, padding=1),
        )  # fmt: skip

    def forward(self, x):
        return self.up(x) + self.details(x)


def transposed_is_derivative(seed: int) -> float:
    """The largest difference between a transposed convolution and the backward pass of the convolution."""
    rng = np.random.default_rng(seed)
    weight, small = rng.normal(size=(2, 3, 4, 4)), rng.normal(size=(1, 2, 4, 4))
    _, back = wg.vjp(lambda image: wg.conv2d(image, weight, stride=2, padding=1), np.zeros((1, 3, 8, 8)))
    return float(np.abs(back(small)[0] - wg.conv_transpose2d(small, weight, stride=2, padding=1)).max())


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    images, labels, _ = wg.data.digits()
    large = images[:, None].astype(np.float32) / 16
    small = wg.avg_pool2d(large, 2)
    learn, test = wg.data.stratified_split(labels, (0.8, 0.2), seed=seed)

    model, loss = Drawer(), wg.nn.MSELoss()
    wg.fit(model, (small[learn], large[learn]), loss, wg.optim.Adam(model.parameters(), lr=3e-3), 3 if quick else 25,
           seed=seed)  # fmt: skip
    part = (small[test], large[test])
    drawn, bilinear = (wg.train.evaluate(m, part, loss)["loss"] for m in (model, model.up))

    print(f"mean squared error: {bilinear:.5f} bilinear, {drawn:.5f} drawn")
    with wg.no_grad():
        pictures = [large[test[0], 0], model.up(small[test[:1]])[0, 0], model(small[test[:1]])[0, 0]]
    print("real      bilinear  drawn")
    for rows in zip(*(np.clip(np.asarray(p) * 4.99, 0, 4).astype(int) for p in pictures), strict=True):
        print("  ".join("".join(" .+#@"[level] for level in row) for row in rows))
    return {
        "error relative to bilinear": drawn / bilinear,
        "difference to the derivative of a convolution": transposed_is_derivative(seed),
    }


if __name__ == "__main__":
    main()
