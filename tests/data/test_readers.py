"""Files of data sets: read right, and refused by name where they are damaged."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from wengert.base.errors import ArgumentError, FileFormatError
from wengert.data import mnist, read_cifar, read_idx, read_npz

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(x) -> bytes:
    code = CODES[x.dtype.str[1:]]
    return (
        bytes([0, 0, code, x.ndim]) + np.array(x.shape, ">u4").tobytes() + x.astype(x.dtype.newbyteorder(">")).tobytes()
    )


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("packed", [False, True])
def test_idx(tmp_path, kind, packed) -> None:
    x = (np.arange(24).reshape(2, 3, 4) * 5).astype(kind)
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(idx(x), mtime=0) if packed else idx(x))
    found = read_idx(path)
    np.testing.assert_array_equal(found, x)
    assert found.dtype == x.dtype and found.flags.writeable


def test_mnist(tmp_path) -> None:
    images, labels = np.arange(3 * 28 * 28).reshape(3, 28, 28).astype(np.uint8), np.array([1, 0, 2], np.uint8)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(labels))
    for found, expected in zip(mnist(tmp_path), (images, labels), strict=True):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(FileNotFoundError, match="has no file 't10k-images-idx3-ubyte'"):
        mnist(tmp_path, train=False)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(labels[:2]))
    with pytest.raises(FileFormatError, match=r"images \[3, 28, 28\] and labels \[2\]"):
        mnist(tmp_path)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda b: b[:-1], "has 23 bytes; .* need 24"),
        (lambda b: b + b"x", "has 25 bytes"),
        (lambda b: b[:6], "ends inside its header"),
        (lambda b: b"", "is no IDX file"),
        (lambda b: b"PK" + b, "is no IDX file; it begins with 50 4b 00 00"),
        (lambda b: gzip.compress(b)[:-9], "damaged gzip file"),
    ],
)
def test_damaged_idx(tmp_path, damage, words) -> None:
    path = tmp_path / "x"
    path.write_bytes(damage(idx(np.zeros((3, 4), np.uint8))))
    with pytest.raises(FileFormatError, match=words):
        read_idx(path)


@pytest.mark.parametrize("classes", [10, 100])
def test_cifar(tmp_path, classes) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(5, 3, 32, 32), dtype=np.uint8)
    labels = [rng.integers(0, bound, size=5, dtype=np.uint8) for bound in ((10,) if classes == 10 else (20, 100))]
    rows = np.concatenate([*(v[:, None] for v in labels), images.reshape(5, -1)], axis=1)
    (tmp_path / "a").write_bytes(rows[:2].tobytes())
    (tmp_path / "b").write_bytes(rows[2:].tobytes())
    for found, expected in zip(read_cifar([tmp_path / "a", tmp_path / "b"], classes), (images, *labels), strict=True):
        np.testing.assert_array_equal(found, expected)
    (tmp_path / "a").write_bytes(rows.tobytes()[:-1])
    with pytest.raises(FileFormatError, match="needs a multiple of"):
        read_cifar(tmp_path / "a", classes)
    (tmp_path / "a").write_bytes(b"\xff" * rows.shape[1])
    with pytest.raises(FileFormatError, match="are no classes"):
        read_cifar(tmp_path / "a", classes)
    with pytest.raises(ArgumentError, match="needs 10 or 100"):
        read_cifar(tmp_path / "a", 7)


def test_npz(tmp_path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.zeros(3), y=np.ones(3))
    assert len(read_npz(path)) == 2
    with pytest.raises(FileFormatError, match="has no array 'z'; it has x, y"):
        read_npz(path, "z")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(FileFormatError, match="no readable .npz"):
        read_npz(path)
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(FileFormatError, match="no readable .npz"):
        read_npz(path)
