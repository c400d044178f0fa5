"""Files of well-known data sets: MNIST's IDX (gzip too), CIFAR's binary batches, and `.npz`; data only, never code."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, FileFormatError

Source = str | os.PathLike[str]

# The third byte of an IDX file.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MNIST_FILES = {True: "train", False: "t10k"}


def _content(path: Source, what: str) -> bytes:
    """The bytes of a file, unpacked where it is a gzip file (by its first bytes, whatever its name)."""
    return unpacked(Path(path).read_bytes(), what, str(path))


def unpacked(content: bytes, what: str, name: str) -> bytes:
    """What gzip packed; anything else as it is."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"{what}: {name!r} is a damaged gzip file: {error}") from error


def read_idx(path: Source) -> np.ndarray[Any, Any]:
    """The array of an IDX file, the format of MNIST, packed by gzip or not; in this machine's byte order.

    Raises `FileFormatError` for another format, and for a file that is shorter or longer than it says.
    """
    content = _content(path, "read_idx")
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES:
        raise FileFormatError(f"read_idx: {str(path)!r} is no IDX file; it begins with {content[:4].hex(' ')}")
    dtype, rank = np.dtype(IDX_TYPES[content[2]]), content[3]
    begin = 4 + 4 * rank
    if len(content) < begin:
        raise FileFormatError(f"read_idx: {str(path)!r} ends inside its header")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", rank, 4))
    needed = begin + math.prod(shape) * dtype.itemsize
    if len(content) != needed:
        raise FileFormatError(
            f"read_idx: {str(path)!r} has {len(content)} bytes; {list(shape)} numbers of {dtype.itemsize} need {needed}"
        )
    return np.frombuffer(content, dtype, offset=begin).reshape(shape).astype(dtype.newbyteorder("="))


def mnist(folder: Source, train: bool = True) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Images (N, 28, 28) and labels (N,) of MNIST, or a set in its form, from its four files in `folder`.

    The files are named as they are offered, ``train-images-idx3-ubyte`` and so on, with ``.gz`` or without.
    """
    start = MNIST_FILES[bool(train)]
    images, labels = (
        read_idx(_first(folder, f"{start}-{kind}")) for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
    )
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise FileFormatError(f"mnist: {str(folder)!r} has images {list(images.shape)} and labels {list(labels.shape)}")
    return images, labels


def _first(folder: Source, name: str) -> Path:
    for candidate in (name, f"{name}.gz", name.replace("-idx", ".idx"), f"{name.replace('-idx', '.idx')}.gz"):
        path = Path(folder) / candidate
        if path.exists():
            return path
    raise FileNotFoundError(f"mnist: {str(folder)!r} has no file {name!r}, packed or not")


def read_cifar(paths: Source | Iterable[Source], classes: int = 10) -> tuple[np.ndarray[Any, Any], ...]:
    """Images (N, 3, 32, 32) and labels (N,) of CIFAR's binary batches; for CIFAR-100 coarse and fine labels.

    `paths` is one file or several, which are joined. Raises `FileFormatError` for a file of another length or with
    labels outside the classes.
    """
    if classes not in (10, 100):
        raise ArgumentError(f"read_cifar: got classes={classes}; needs 10 or 100")
    front = 1 if classes == 10 else 2
    parts = []
    for path in [paths] if isinstance(paths, str | os.PathLike) else list(paths):
        content = _content(path, "read_cifar")
        if not content or len(content) % (front + 3072):
            raise FileFormatError(
                f"read_cifar: {str(path)!r} has {len(content)} bytes; needs a multiple of {front + 3072}"
            )
        rows = np.frombuffer(content, np.uint8).reshape(-1, front + 3072)
        bounds = (10,) if front == 1 else (20, 100)
        if (rows[:, :front] >= bounds).any():
            raise FileFormatError(f"read_cifar: {str(path)!r} has labels that are no classes of CIFAR-{classes}")
        parts.append(rows)
    if not parts:
        raise ArgumentError("read_cifar: got no files")
    rows = np.concatenate(parts)
    return rows[:, front:].reshape(-1, 3, 32, 32).copy(), *(rows[:, k].copy() for k in range(front))


def read_npz(path: Source, *names: str) -> tuple[np.ndarray[Any, Any], ...]:
    """The arrays `names` of a `.npz` file (all of them, in their order, without names); never objects.

    >>> import os, tempfile, numpy as np, wengert as wg
    >>> path = os.path.join(tempfile.mkdtemp(), "data.npz")
    >>> np.savez(path, x=np.zeros((4, 2)), y=np.arange(4))
    >>> x, y = wg.data.read_npz(path, "x", "y")
    >>> x.shape, y.tolist()
    ((4, 2), [0, 1, 2, 3])
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [name for name in names if name not in archive.files]
            if missing:
                raise FileFormatError(
                    f"read_npz: {str(path)!r} has no array {missing[0]!r}; it has {', '.join(archive.files)}"
                )
            return tuple(archive[name] for name in names or archive.files)
    except (FileNotFoundError, FileFormatError):
        raise
    except Exception as error:  # NumPy, zipfile and zlib each have their own
        raise FileFormatError(f"read_npz: {str(path)!r} is no readable .npz file of arrays: {error}") from error


__all__ = ["mnist", "read_cifar", "read_idx", "read_npz"]
