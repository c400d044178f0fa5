"""Augmentations: what they may change, and that the seed repeats it."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.base.errors import ArgumentError, DTypeError, ShapeError
from wengert.data import Augment, Cutout, GaussianNoise, RandomCrop, RandomFlip, RandomShift, batches

IMAGES = np.arange(200 * 2 * 5 * 4, dtype=np.float32).reshape(200, 2, 5, 4) + 1


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("step", [RandomFlip(), RandomShift(2), RandomCrop(3, 2, 1), GaussianNoise(), Cutout(2)])
def test_shapes_dtypes_and_seeds(step) -> None:
    for images in (IMAGES, IMAGES[:, 0], IMAGES.astype(np.float64)):
        made = step(rng(), images)
        assert made.dtype == images.dtype
        assert made.shape == (images.shape[:-2] + (3, 2) if isinstance(step, RandomCrop) else images.shape)
        np.testing.assert_array_equal(step(rng(), images), made)
        assert (step(np.random.default_rng(1), images) != made).any()
    before = IMAGES.copy()
    step(rng(), IMAGES)[...] = 0
    np.testing.assert_array_equal(IMAGES, before)  # never a window into what came in
    assert step(rng(), IMAGES[:0]).shape[0] == 0


def test_a_flip_mirrors_about_half() -> None:
    for axis in (-1, -2):
        made = RandomFlip(axis=axis)(rng(), IMAGES)
        same = (made == IMAGES).all(axis=(1, 2, 3))
        turned = (made == np.flip(IMAGES, axis)).all(axis=(1, 2, 3))
        assert (same ^ turned).all() and 70 < turned.sum() < 130
    assert (RandomFlip(0.0)(rng(), IMAGES) == IMAGES).all()


def test_a_shift_moves_whole_images() -> None:
    made = RandomShift(2, fill=-1)(rng(), IMAGES)
    seen = set()
    for before, after in zip(IMAGES, made, strict=True):
        wide = np.pad(before, ((0, 0), (2, 2), (2, 2)), constant_values=-1)
        found = [(i, j) for i in range(5) for j in range(5) if (wide[:, i : i + 5, j : j + 4] == after).all()]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) == 25  # every move comes up
    assert (RandomShift(0)(rng(), IMAGES) == IMAGES).all()


def test_a_crop_is_a_window() -> None:
    made = RandomCrop(3, 2)(rng(), IMAGES)
    corners = set()
    for before, after in zip(IMAGES, made, strict=True):
        found = [(i, j) for i in range(3) for j in range(3) if (before[:, i : i + 3, j : j + 2] == after).all()]
        assert len(found) == 1
        corners.add(found[0])
    assert len(corners) == 9


def test_noise_has_its_deviation() -> None:
    noise = GaussianNoise(0.5)(rng(), np.zeros((100, 20, 20)))
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 0.5) < 0.01


def test_a_cutout_covers_one_square() -> None:
    made = Cutout(3, fill=-7)(rng(), np.ones((300, 9, 8)))
    covered = made == -7
    assert ((made == 1) | covered).all()
    assert set(covered.sum(axis=(1, 2))) == {4, 6, 9}  # corners, edges, inside
    for image in covered:
        rows, columns = image.any(axis=1), image.any(axis=0)
        np.testing.assert_array_equal(image, rows[:, None] & columns[None])
    both = Cutout(2)(rng(), IMAGES) == 0
    np.testing.assert_array_equal(both[:, 0], both[:, 1])  # the same square in every channel


def test_what_does_not_fit_is_refused() -> None:
    for step in (RandomFlip(), RandomShift(), RandomCrop(1, 1), GaussianNoise(), Cutout(1)):
        with pytest.raises(ShapeError, match=r"needs images \(N, H, W\)"):
            step(rng(), np.ones((4, 64)))
    with pytest.raises(ShapeError, match="too small for RandomCrop"):
        RandomCrop(9, 9)(rng(), IMAGES)
    with pytest.raises(DTypeError, match="needs floating images"):
        GaussianNoise()(rng(), np.ones((2, 3, 3), int))
    for make in (lambda: RandomFlip(2), lambda: RandomFlip(axis=0), lambda: RandomShift(-1), lambda: RandomCrop(0, 1),
                 lambda: GaussianNoise(-1), lambda: Cutout(0)):  # fmt: skip
        with pytest.raises(ArgumentError):
            make()


def test_a_transform_that_loses_rows_is_refused() -> None:
    for wrong in (lambda _, x, y: (x[:1], y), lambda _, x, y: x, lambda _, x, y: (x,)):
        with pytest.raises(ShapeError, match="batches: transform made"):
            next(iter(batches(IMAGES, np.arange(200), transform=wrong)))


def test_shifted_digits_help_on_shifted_digits() -> None:
    """The reason for augmentation: what is trained with shifts recognises what is shifted."""
    images, labels, _ = wg.data.digits()
    x, y = images.astype(np.float32) / 16, labels.astype(np.int64)
    moved = RandomShift(1)(np.random.default_rng(9), x[1200:])
    scores = {}
    for change in (None, Augment(RandomShift(1))):
        wg.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        data = batches(x[:1200], y[:1200], batch_size=50, transform=change, prefetch=2)
        loss = nn.CrossEntropyLoss()
        wg.fit(model, data, loss, optim.Adam(model.parameters(), lr=0.005), 15)
        scores[change is not None] = wg.train.evaluate(model, (moved, y[1200:]), loss)["accuracy"]
    assert scores[True] > scores[False] + 0.1, scores
