"""TensorBoard's event files: scalars over the epochs, written without TensorBoard.

A file is a sequence of records: length (8 bytes), its checksum, content, its checksum. The content is an ``Event`` of
TensorFlow's protocol buffers, of which three fields and one nested scalar are needed.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wengert.base.errors import ArgumentError
from wengert.train.weights import Source

# Of CRC-32C (Castagnoli), bit-reversed; zlib's checksum is another one.
POLYNOMIAL = 0x82F63B78
MASK = 0xA282EAD8


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


TABLE = _table()


def checksum(content: bytes) -> int:
    """CRC-32C."""
    value = 0xFFFFFFFF
    for byte in content:
        value = TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _masked(content: bytes) -> bytes:
    value = checksum(content)
    return struct.pack("<I", ((value >> 15 | value << 17) + MASK) & 0xFFFFFFFF)


def record(content: bytes) -> bytes:
    """One record of an event file."""
    length = struct.pack("<Q", len(content))
    return length + _masked(length) + content + _masked(content)


# ----- protocol buffers: a field is its number and kind, then its value
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _field(number: int, kind: int, value: Any) -> bytes:
    head = _varint(number << 3 | kind)
    if kind == BYTES:
        return head + _varint(len(value)) + value
    return head + (_varint(value) if kind == VARINT else struct.pack("<d" if kind == EIGHT_BYTES else "<f", value))


def _event(step: int, *fields: bytes) -> bytes:
    return _field(1, EIGHT_BYTES, time.time()) + (_field(2, VARINT, step) if step else b"") + b"".join(fields)


class EventWriter:
    """Scalars for TensorBoard, in a new file in `folder`; itself a callback of `fit`.

    ``train_loss`` and ``validation_loss`` become ``loss/train`` and ``loss/validation``, which TensorBoard draws
    together. Every row is on the disk when it is written: what a crash leaves can be read.

    >>> import pathlib, tempfile, wengert as wg
    >>> folder = tempfile.mkdtemp()
    >>> with wg.train.EventWriter(folder) as writer:
    ...     writer.add_scalar("loss/train", 0.5, step=1)
    >>> [path.name.startswith("events.out.tfevents.") for path in pathlib.Path(folder).iterdir()]
    [True]
    """

    def __init__(self, folder: Source) -> None:
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        # The numbers keep apart what is written in the same second or by several processes.
        self.path = place / f"events.out.tfevents.{time.time_ns() // 10**9}.wengert.{os.getpid()}.{time.time_ns()}"
        self._file: Any = open(self.path, "xb", buffering=0)
        self._write(_event(0, _field(3, BYTES, b"brain.Event:2")))

    def _write(self, content: bytes) -> None:
        if self._file is None:
            raise ArgumentError(f"EventWriter: {str(self.path)!r} is closed")
        self._file.write(record(content))

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """Write one number (as float32, as TensorBoard has it); a step is a whole number from 0 on."""
        if step < 0:
            raise ArgumentError(f"EventWriter: got step={step}; needs at least 0")
        scalar = _field(1, BYTES, name.encode()) + _field(2, FOUR_BYTES, _float32(float(value)))
        self._write(_event(step, _field(5, BYTES, _field(1, BYTES, scalar))))

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Write the row of an epoch."""
        for name, value in row.items():
            if name != "epoch" and isinstance(value, int | float):
                part, _, metric = name.partition("_")
                tag = f"{metric}/{part}" if part in ("train", "validation") and metric else name
                self.add_scalar(tag, value, int(row["epoch"]))

    def close(self) -> None:
        """End the file; closing again does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _float32(value: float) -> float:
    """Infinite where a float32 cannot hold it; `struct` would refuse."""
    try:
        struct.pack("<f", value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return value


__all__ = ["EventWriter"]
