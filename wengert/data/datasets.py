"""The two data sets that come with the package; sources and licences in `embedded/ATTRIBUTION.md`."""

from __future__ import annotations

import hashlib
import io
from importlib import resources
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import FileFormatError

# Of the whole files: a damaged installation is noticed before anything is trained on it.
SHA256 = {
    "digits.npz": "7f4cae2e7bf61d626ab8dcbd6f4df6df510b29be9c509dcceb9d8fd4c85acde0",
    "iris.npz": "42fa1367f27ec015c977029dfa176bc1f34720f6e96e2b58aaae0cb2842165ef",
}


class Digits(NamedTuple):
    """Handwritten digits: images (1797, 8, 8), labels (1797,), names of the ten classes."""

    images: np.ndarray[Any, np.dtype[np.uint8]]
    labels: np.ndarray[Any, np.dtype[np.uint8]]
    names: tuple[str, ...]


class Iris(NamedTuple):
    """Iris flowers: features (150, 4) in cm, labels (150,), names of the three classes and four columns."""

    features: np.ndarray[Any, np.dtype[np.float64]]
    labels: np.ndarray[Any, np.dtype[np.uint8]]
    names: tuple[str, ...]
    columns: tuple[str, ...]


def digits() -> Digits:
    """The UCI optical digits: 1,797 grey images of 8x8 with values 0 to 16, and their classes 0 to 9.

    images: (1797, 8, 8) uint8, labels: (1797,) uint8

    >>> import wengert as wg
    >>> images, labels, names = wg.data.digits()
    >>> images.shape, images.dtype, int(images.max())
    ((1797, 8, 8), dtype('uint8'), 16)
    >>> names[labels[0]]
    '0'

    Every call reads the file again, so the arrays are the caller's own.
    """
    arrays = _read("digits.npz")
    _expect(arrays, "digits.npz", "images", (1797, 8, 8), np.uint8)
    _expect(arrays, "digits.npz", "labels", (1797,), np.uint8)
    return Digits(arrays["images"], arrays["labels"], _names(arrays, "digits.npz", "names", 10))


def iris() -> Iris:
    """Fisher's iris: four lengths in cm of 150 flowers, fifty of each of three species.

    features: (150, 4) float64, labels: (150,) uint8

    >>> import wengert as wg
    >>> flowers = wg.data.iris()
    >>> flowers.features[0].tolist(), flowers.names[flowers.labels[0]]
    ([5.1, 3.5, 1.4, 0.2], 'setosa')
    >>> flowers.columns[3]
    'petal width'

    The flowers are in the order of their species: shuffle before cutting into minibatches.
    """
    arrays = _read("iris.npz")
    _expect(arrays, "iris.npz", "features", (150, 4), np.float64)
    _expect(arrays, "iris.npz", "labels", (150,), np.uint8)
    names = _names(arrays, "iris.npz", "names", 3)
    return Iris(arrays["features"], arrays["labels"], names, _names(arrays, "iris.npz", "columns", 4))


def _content(file: str) -> bytes:
    return resources.files("wengert.data").joinpath("embedded", file).read_bytes()


def _read(file: str) -> dict[str, np.ndarray[Any, Any]]:
    content = _content(file)
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[file]:
        raise FileFormatError(
            f"embedded data {file}: got the SHA-256 {found[:12]}…; needs {SHA256[file][:12]}…",
            hint="the installed file is damaged; install the package again",
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return dict(archive)


def _expect(arrays: dict[str, np.ndarray[Any, Any]], file: str, name: str, shape: tuple[int, ...], dtype: Any) -> None:
    needed = f"{np.dtype(dtype)}{list(shape)}"
    if name not in arrays:
        raise FileFormatError(f"embedded data {file}: has no array {name!r}; needs {needed}")
    array = arrays[name]
    if array.shape != shape or array.dtype != dtype:
        raise FileFormatError(f"embedded data {file}: got {name} {array.dtype}{list(array.shape)}; needs {needed}")


def _names(arrays: dict[str, np.ndarray[Any, Any]], file: str, name: str, count: int) -> tuple[str, ...]:
    names = arrays.get(name)
    if names is None or names.shape != (count,) or names.dtype.kind != "U":
        raise FileFormatError(f"embedded data {file}: {name} must be {count} strings")
    return tuple(names.tolist())
