"""What tensors are made of Python's numbers, against PyTorch."""

from __future__ import annotations

import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")


def test_python_numbers_agree_with_pytorch() -> None:
    for data in (1.5, 2, True, 1j, [1.0, 2], [[1, 2], [3, 4]], [], [True, 2.0]):
        ours, theirs = wg.tensor(data), torch.tensor(data)
        assert ours.shape == tuple(theirs.shape) and str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
