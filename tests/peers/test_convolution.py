"""Convolution and its transpose against PyTorch, to second order."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.ops.test_convolution import CASES, TRANSPOSES
from tests.peers.helpers import compare

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("x", "w", "stride", "padding", "dilation", "groups"), CASES)
def test_against_torch(x, w, stride, padding, dilation, groups):
    name, options = f"conv{len(x) - 2}d", (stride, padding, dilation, groups)
    ours, theirs = getattr(wg, name), getattr(torch.nn.functional, name)
    compare(
        lambda x, w, b: ours(x, w, b, *options) ** 3,
        lambda x, w, b: theirs(x, w, b, *options) ** 3,
        *(RNG.normal(size=size) for size in (x, w, w[:1])),
        order=2,
        atol=1e-9,
    )


@pytest.mark.parametrize(("x", "w", "options"), TRANSPOSES)
def test_transpose_against_torch(x, w, options):
    name = f"conv_transpose{len(x) - 2}d"
    ours, theirs = getattr(wg, name), getattr(torch.nn.functional, name)
    x, w = RNG.normal(size=x), RNG.normal(size=w)
    compare(lambda x, w: ours(x, w, **options) ** 2, lambda x, w: theirs(x, w, **options) ** 2, x, w, order=2)
