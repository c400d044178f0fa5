"""Fourier transforms against PyTorch, in every form."""

from __future__ import annotations

import pytest

import wengert as wg
from tests.peers.helpers import compare, draw

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
MANY = ["fft2", "ifft2", "fftn", "ifftn", "rfft2", "irfft2", "rfftn", "irfftn"]


def operand(name):
    return draw("real" if name.startswith("rfft") or name == "ihfft" else "complex", 4, 5, seed=3)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("name", ONE)
def test_one_axis(name, norm):
    ours, theirs = getattr(wg.fft, name), getattr(torch.fft, name)
    for n in (None, 3, 8):
        compare(lambda a, n=n: ours(a, n, norm=norm), lambda a, n=n: theirs(a, n, norm=norm), operand(name))


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize(
    "s,axes", [(None, (0, 1)), ((3, 8), (0, 1)), ((3, 8), (1, 0)), ((6, 5), (-2, -1)), (None, (1, 0))]
)
def test_several_axes(name, s, axes):
    ours, theirs = getattr(wg.fft, name), getattr(torch.fft, name)
    compare(lambda a: ours(a, s, axes, "ortho"), lambda a: theirs(a, s, axes, norm="ortho"), operand(name))
