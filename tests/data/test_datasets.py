"""The embedded data are what their sources say, and a damaged file is refused."""

from __future__ import annotations

import hashlib
import io
from importlib import resources
from typing import Any

import numpy as np
import pytest

from wengert.base.errors import FileFormatError
from wengert.data import datasets, digits, iris


def test_digits_are_the_uci_test_part() -> None:
    images, labels, names = digits()
    assert images.shape == (1797, 8, 8) and images.dtype == np.uint8
    assert labels.shape == (1797,) and labels.dtype == np.uint8
    assert names == tuple("0123456789")
    assert (images.min(), images.max(), images.sum()) == (0, 16, 561718)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert images[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_iris_is_fishers() -> None:
    features, labels, names, columns = iris()
    assert features.shape == (150, 4) and features.dtype == np.float64
    assert names == ("setosa", "versicolor", "virginica")
    assert columns == ("sepal length", "sepal width", "petal length", "petal width")
    assert np.bincount(labels).tolist() == [50, 50, 50]
    np.testing.assert_allclose(features.sum(axis=0), [876.5, 458.6, 563.7, 179.9], rtol=1e-12)
    # The two flowers that the UCI copy has wrong.
    assert features[34].tolist() == [4.9, 3.1, 1.5, 0.2]
    assert features[37].tolist() == [4.9, 3.6, 1.4, 0.1]


@pytest.mark.parametrize("read", [digits, iris])
def test_each_call_gives_arrays_of_ones_own(read: Any) -> None:
    first, second = read()[0], read()[0]
    first[...] = 0
    assert second.any() and read()[0].any()


@pytest.mark.parametrize("file", sorted(datasets.SHA256))
def test_checksum_stands_in_the_attribution_too(file: str) -> None:
    folder = resources.files("wengert.data").joinpath("embedded")
    found = hashlib.sha256(folder.joinpath(file).read_bytes()).hexdigest()
    assert found == datasets.SHA256[file]
    assert found in folder.joinpath("ATTRIBUTION.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("file", "read"), [("digits.npz", digits), ("iris.npz", iris)])
def test_one_flipped_bit_is_refused(file: str, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(datasets._content(file))
    content[len(content) // 2] ^= 1
    monkeypatch.setattr(datasets, "_content", lambda _file: bytes(content))
    with pytest.raises(FileFormatError) as caught:
        read()
    assert caught.value.message == (
        f"embedded data {file}: got the SHA-256 {hashlib.sha256(content).hexdigest()[:12]}…; "
        f"needs {datasets.SHA256[file][:12]}…"
    )
    assert caught.value.hint == "the installed file is damaged; install the package again"


def plant(monkeypatch: pytest.MonkeyPatch, file: str, **changed: Any) -> None:
    """Replace arrays of an embedded file (None: leave out) and let its checksum agree."""
    arrays: dict[str, Any] = {**datasets._read(file), **changed}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{n: a for n, a in arrays.items() if a is not None})
    content = buffer.getvalue()
    monkeypatch.setattr(datasets, "_content", lambda _file: content)
    monkeypatch.setitem(datasets.SHA256, file, hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": None}, "embedded data digits.npz: has no array 'images'; needs uint8[1797, 8, 8]"),
        (
            {"images": np.zeros((1797, 64), np.uint8)},
            "embedded data digits.npz: got images uint8[1797, 64]; needs uint8[1797, 8, 8]",
        ),
        (
            {"labels": np.zeros(1797, np.int64)},
            "embedded data digits.npz: got labels int64[1797]; needs uint8[1797]",
        ),
        ({"names": np.arange(10)}, "embedded data digits.npz: names must be 10 strings"),
    ],
)
def test_wrong_content_is_named(changed: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "digits.npz", **changed)
    with pytest.raises(FileFormatError) as caught:
        digits()
    assert caught.value.message == message


def test_pickled_objects_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "digits.npz", names=np.array([str(i) for i in range(10)], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        digits()
