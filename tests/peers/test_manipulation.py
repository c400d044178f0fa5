"""Rearrangements under PyTorch's names and arguments, against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.peers.helpers import draw

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

A, C = draw("real", 3, 4), draw("real", 2, 3, 4)


def test_pytorch_names_agree_with_pytorch() -> None:
    t = torch.tensor(C)
    pairs = [
        (wg.flatten(C, 1), t.flatten(1)),
        (wg.flatten(C, 0, 1), t.flatten(0, 1)),
        (wg.unsqueeze(C, 1), t.unsqueeze(1)),
        (wg.unsqueeze(C, dim=-1), t.unsqueeze(dim=-1)),
        (wg.permute(C, (2, 0, 1)), t.permute(2, 0, 1)),
        (wg.flip(C, dims=(0, 2)), t.flip(dims=(0, 2))),
        (wg.roll(C, shifts=1, dims=1), t.roll(shifts=1, dims=1)),
        (wg.tril(A, diagonal=1), torch.tensor(A).tril(diagonal=1)),
        *zip(wg.chunk(C, 3, dim=2), t.chunk(3, dim=2), strict=True),
    ]
    for found, wanted in pairs:
        np.testing.assert_array_equal(found, wanted)
