"""Pooling against PyTorch, to second order."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.ops.test_pooling import GEOMETRIES
from tests.peers.helpers import compare

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("shape", "options"), GEOMETRIES)
@pytest.mark.parametrize("kind", ["max", "avg", "avg-without-padding", "max-dilated"])
def test_against_torch(shape, options, kind):
    options = dict(options)
    name = f"{kind[:3]}_pool{len(shape) - 2}d"
    if kind == "avg-without-padding":
        options["count_include_pad"] = False
    if kind == "max-dilated":
        options["dilation"] = 2
    ours, theirs = getattr(wg, name), getattr(torch.nn.functional, name)
    compare(lambda x: ours(x, **options) ** 3, lambda t: theirs(t, **options) ** 3, RNG.normal(size=shape), order=2)


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 3, 7, 5), (1, 2, 4, 5, 6)])
def test_adaptive_against_torch(shape):
    x, rank = RNG.normal(size=shape), len(shape) - 2
    for size in (1, 3, (4, 2, 3)[:rank]):
        for kind in ("avg", "max"):
            ours = getattr(wg, f"adaptive_{kind}_pool")
            theirs = getattr(torch.nn.functional, f"adaptive_{kind}_pool{rank}d")
            compare(lambda x, f=ours, s=size: f(x, s) ** 2, lambda t, f=theirs, s=size: f(t, s) ** 2, x, order=2)
