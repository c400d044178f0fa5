"""Every line has at most one kernel of its own, and every sample of the native primitives has one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wengert.compiler.native import catalogue
from wengert.core.primitive import REGISTRY, Primitive

NATIVE = {
    "argmax", "argmin", "cummax_index", "cummin_index", "cumprod", "cumsum", "gather", "linear_recurrence",
    "logcumsumexp", "random_bernoulli", "random_bits", "random_fold", "random_integers", "random_keys",
    "random_standard", "scatter_add", "scatter_extremum", "scatter_set", "setitem",
}  # fmt: skip


def lines(prim: Primitive, line: Any) -> list[Any]:
    found = []
    for xs, attrs in prim.samples(np.random.default_rng(0)):
        more = getattr(prim, "more", ({},))
        found.append(line(prim.name, [np.asarray(x) for x in xs], {**more[0], **attrs}))
    return found


@pytest.mark.parametrize("name", sorted(NATIVE))
def test_native_lines_have_a_kernel(name: str, line: Any) -> None:
    nodes = lines(REGISTRY[name], line)
    assert nodes and all(catalogue.kernel_of(node) is not None for node in nodes)


@pytest.mark.parametrize("name", ["add", "matmul", "argsort", "random_gamma", "winner"])
def test_other_lines_have_none(name: str, line: Any) -> None:
    assert all(catalogue.kernel_of(node) is None for node in lines(REGISTRY[name], line))
