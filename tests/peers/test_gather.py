"""Picking and scattering under PyTorch's names, against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.peers.helpers import draw

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")


def test_pytorch_names_agree_with_pytorch() -> None:
    x, src = draw("real", 3, 4), draw("real", 2, 2)
    t, ts = torch.tensor(x), torch.tensor(src)
    index = np.array([[0, 1], [2, 2]])
    ti = torch.tensor(index)
    for axis in (0, 1):
        np.testing.assert_allclose(wg.gather(x, axis, index), torch.gather(t, axis, ti))
        np.testing.assert_allclose(wg.scatter(x, axis, index[:1], src[:1]), t.scatter(axis, ti[:1], ts[:1]))
        np.testing.assert_allclose(wg.scatter_add(x, axis, index, src), t.scatter_add(axis, ti, ts))
        np.testing.assert_allclose(wg.index_select(x, axis, [2, 0]), t.index_select(axis, torch.tensor([2, 0])))
    added = t.index_add(0, torch.tensor([1, 1, 0]), t, alpha=2)
    np.testing.assert_allclose(wg.index_add(x, 0, [1, 1, 0], x, alpha=2), added)
    np.testing.assert_allclose(wg.masked_select(x, x > 0), t.masked_select(t > 0))
    np.testing.assert_allclose(wg.masked_fill(x, x > 0, 1.5), t.masked_fill(t > 0, 1.5))
