"""Images changed at random, each in its own way: ``step(generator, images) -> images`` for (N, …, H, W)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, DTypeError, ShapeError, show

Generator = np.random.Generator
Step = Callable[[Generator, Any], Any]


def _images(what: str, images: Any) -> Any:
    images = np.asarray(images)
    if images.ndim < 3:
        raise ShapeError(f"{what}: got {show(images)}; needs images (N, H, W) or (N, C, H, W)",
                         hint="reshape rows of pixels: x.reshape(-1, 8, 8)")  # fmt: skip
    return images


def _each(values: Any, images: Any) -> Any:
    """One value for each image, to be broadcast with them."""
    return np.asarray(values).reshape(-1, *(1,) * (images.ndim - 1))


def _require(good: bool, words: str) -> None:
    if not good:
        raise ArgumentError(words)


@dataclass(frozen=True)
class RandomFlip:
    """Mirror each image with the chance `chance`: left and right, or with ``axis=-2`` top and bottom.

    >>> import numpy as np, wengert as wg
    >>> wg.data.RandomFlip(chance=1.0)(np.random.default_rng(0), np.array([[[1, 2, 3]]]))
    array([[[3, 2, 1]]])
    """

    chance: float = 0.5
    axis: int = -1

    def __post_init__(self) -> None:
        _require(0 <= self.chance <= 1 and self.axis in (-1, -2), f"{self}: needs a chance of 0 to 1, axis -1 or -2")

    def __call__(self, generator: Generator, images: Any) -> Any:
        images = _images("RandomFlip", images)
        chosen = generator.random(len(images)) < self.chance
        return np.where(_each(chosen, images), np.flip(images, self.axis), images)


@dataclass(frozen=True)
class RandomCrop:
    """Cut a window of `height` by `width` out of each image, after `padding` pixels of `fill` on every side.

    >>> import numpy as np, wengert as wg
    >>> wg.data.RandomCrop(24, 24)(np.random.default_rng(0), np.zeros((5, 3, 28, 28))).shape
    (5, 3, 24, 24)
    """

    height: int
    width: int
    padding: int = 0
    fill: float = 0.0

    def __post_init__(self) -> None:
        _require(min(self.height, self.width) > 0 and self.padding >= 0, f"{self}: needs a window of at least 1 by 1")

    def __call__(self, generator: Generator, images: Any) -> Any:
        images = _images("RandomCrop", images)
        room = [n + 2 * self.padding - m for n, m in zip(images.shape[-2:], (self.height, self.width), strict=True)]
        if min(room) < 0:
            raise ShapeError(f"RandomCrop: got images {show(images)}; too small for {self}")
        wide = np.pad(images, [(0, 0)] * (images.ndim - 2) + [(self.padding,) * 2] * 2, constant_values=self.fill)
        windows = np.lib.stride_tricks.sliding_window_view(wide, (self.height, self.width), axis=(-2, -1))
        corners = (generator.integers(0, n + 1, len(images)) for n in room)
        # (N, …, places down, places across, H, W): the two places of each image are chosen.
        return np.moveaxis(windows, (-4, -3), (1, 2))[np.arange(len(images)), *corners]


@dataclass(frozen=True)
class RandomShift:
    """Move each image by up to `most` pixels up, down, left and right; `fill` comes in.

    >>> import numpy as np, wengert as wg
    >>> moved = wg.data.RandomShift(1)(np.random.default_rng(1), np.ones((2, 3, 3)))
    >>> moved.shape, int(moved[0].sum()) in (4, 6, 9)
    ((2, 3, 3), True)
    """

    most: int = 1
    fill: float = 0.0

    def __post_init__(self) -> None:
        _require(self.most >= 0, f"{self}: needs at least 0 pixels")

    def __call__(self, generator: Generator, images: Any) -> Any:
        images = _images("RandomShift", images)
        return RandomCrop(*images.shape[-2:], padding=self.most, fill=self.fill)(generator, images)


@dataclass(frozen=True)
class GaussianNoise:
    """Add normal noise of this deviation to every pixel; images must be floating.

    >>> import numpy as np, wengert as wg
    >>> wg.data.GaussianNoise(0.1)(np.random.default_rng(0), np.zeros((1, 2, 2), np.float32)).dtype
    dtype('float32')
    """

    deviation: float = 0.1

    def __post_init__(self) -> None:
        _require(0 <= self.deviation < np.inf, f"{self}: needs a deviation of at least 0")

    def __call__(self, generator: Generator, images: Any) -> Any:
        images = _images("GaussianNoise", images)
        if images.dtype.kind != "f":
            raise DTypeError(f"GaussianNoise: got {show(images)}; needs floating images", hint="x.astype(np.float32)")
        return images + (self.deviation * generator.standard_normal(images.shape)).astype(images.dtype)


@dataclass(frozen=True)
class Cutout:
    """Cover a square of `size` pixels in each image by `fill`; its centre lies anywhere, so it may be cut off.

    >>> import numpy as np, wengert as wg
    >>> covered = wg.data.Cutout(3)(np.random.default_rng(0), np.ones((4, 8, 8)))
    >>> bool((covered.sum(axis=(1, 2)) <= 64 - 4).all())
    True
    """

    size: int
    fill: float = 0.0

    def __post_init__(self) -> None:
        _require(self.size >= 1, f"{self}: needs at least 1 pixel")

    def __call__(self, generator: Generator, images: Any) -> Any:
        images = _images("Cutout", images)
        covered = np.ones((), bool)
        for axis in (-2, -1):
            length = images.shape[axis]
            begin = _each(generator.integers(0, length, len(images)) - self.size // 2, images)
            place = np.arange(length).reshape((-1, 1) if axis == -2 else (1, -1))
            covered = covered & (begin <= place) & (place < begin + self.size)
        return np.where(covered, np.asarray(self.fill, images.dtype), images)


class Augment:
    """Steps one after the other, as the `transform` of `wg.data.batches`: the first array are images, others stay.

    >>> import numpy as np, wengert as wg
    >>> change = wg.data.Augment(wg.data.RandomShift(1), wg.data.GaussianNoise(0.1))
    >>> parts = wg.data.batches(np.ones((6, 8, 8)), np.arange(6), batch_size=3, transform=change)
    >>> [(x.shape, y.shape) for x, y in parts]
    [((3, 8, 8), (3,)), ((3, 8, 8), (3,))]
    """

    def __init__(self, *steps: Step) -> None:
        self.steps = steps

    def __call__(self, generator: Generator, images: Any, *others: Any) -> tuple[Any, ...]:
        for step in self.steps:
            images = step(generator, images)
        return (images, *others)

    def __repr__(self) -> str:
        return f"Augment({', '.join(map(repr, self.steps))})"


__all__ = ["Augment", "Cutout", "GaussianNoise", "RandomCrop", "RandomFlip", "RandomShift"]
