"""TensorBoard's event files, read back by a reader of their own, and by TensorBoard where it is installed."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.base.errors import ArgumentError
from wengert.train.events import EventWriter, checksum


def crc(content: bytes) -> int:
    """CRC-32C bit by bit, by its definition."""
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0x82F63B78 * (value & 1)
    return ~value & 0xFFFFFFFF


def records(content: bytes) -> Iterator[bytes]:
    """The contents of the records; every checksum must hold."""
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        body, rest = content[12 : 12 + length], content[12 + length :]
        for part, said in ((content[:8], content[8:12]), (body, rest[:4])):
            value = crc(part)
            assert struct.unpack("<I", said)[0] == ((value >> 15 | value << 17) + 0xA282EAD8) % 2**32
        yield body
        content = rest[4:]


def varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (content[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if content[at - 1] < 0x80:
            return value, at


def fields(content: bytes) -> dict[int, Any]:
    found: dict[int, Any] = {}
    at = 0
    while at < len(content):
        key, at = varint(content, at)
        if key & 7 == 0:
            found[key >> 3], at = varint(content, at)
        else:
            length, begin = {1: (8, at), 5: (4, at)}.get(key & 7) or varint(content, at)
            raw, at = content[begin : begin + length], begin + length
            found[key >> 3] = struct.unpack("<d", raw)[0] if key & 7 == 1 else (
                struct.unpack("<f", raw)[0] if key & 7 == 5 else raw)  # fmt: skip
    return found


def scalars(path) -> list[tuple[str, int, float]]:
    first, *rest = (fields(body) for body in records(path.read_bytes()))
    assert first[3] == b"brain.Event:2" and abs(first[1] - time.time()) < 600
    found = []
    for event in rest:
        value = fields(fields(event[5])[1])
        found.append((value[1].decode(), event.get(2, 0), value[2]))
    return found


def test_the_checksum_is_the_one_of_the_standard() -> None:
    assert checksum(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert checksum(b"\0" * 32) == 0x8A9136AA and checksum(b"\xff" * 32) == 0x62A8AB43  # RFC 3720, B.4
    content = np.random.default_rng(0).bytes(1000)
    assert checksum(content) == crc(content)


def test_scalars_come_back(tmp_path) -> None:
    written = [
        ("a", 0, 1.5),
        ("ä/b", 1, -0.25),
        ("a", 127, 0.0),
        ("a", 128, 3e38),
        ("a", 2**40, 2.0),
        ("x" * 300, 5, 1.0),
    ]
    with EventWriter(tmp_path / "sub" / "logs") as writer:
        for name, step, value in written:
            writer.add_scalar(name, value, step)
        assert scalars(writer.path) == [(n, s, float(np.float32(v))) for n, s, v in written]  # before it is closed
        writer.add_scalar("big", 1e300, 1)
        writer.add_scalar("nan", float("nan"), 1)
    (_, _, big), (_, _, nan) = scalars(writer.path)[-2:]
    assert big == float("inf") and nan != nan
    with pytest.raises(ArgumentError, match="is closed"):
        writer.add_scalar("a", 1.0, 1)
    writer.close()


def test_two_writers_never_share_a_file(tmp_path) -> None:
    with EventWriter(tmp_path) as first, EventWriter(tmp_path) as second:
        assert first.path != second.path
        with pytest.raises(ArgumentError, match="step=-1"):
            first.add_scalar("a", 0, -1)


def train(folder) -> Any:
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    model = nn.Linear(3, 1)
    with EventWriter(folder) as writer:
        data = (x, x.sum(axis=1, keepdims=True))
        history = wg.fit(model, data, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), 4, validation=data,
                         callbacks=[writer])  # fmt: skip
    return history, writer


def test_it_is_a_callback_of_fit(tmp_path) -> None:
    history, writer = train(tmp_path)
    found = scalars(writer.path)
    assert [(s, v) for n, s, v in found if n == "loss/train"] == [
        (k, float(np.float32(v))) for k, v in enumerate(history["train_loss"], 1)
    ]
    assert {n for n, _, _ in found} == {"loss/train", "loss/validation", "seconds"}


def test_tensorboard_reads_it(tmp_path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="no TensorBoard")
    history, _ = train(tmp_path)
    events = loader.EventAccumulator(str(tmp_path))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"loss/train", "loss/validation", "seconds"}
    read = events.Scalars("loss/validation")
    assert [e.step for e in read] == [1, 2, 3, 4]
    np.testing.assert_allclose([e.value for e in read], history["validation_loss"], rtol=1e-6)
