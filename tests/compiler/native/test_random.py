"""Random kernels draw eager's numbers: bit for bit, or to rounding where a logarithm or an angle is in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wengert.compiler.native import random
from wengert.core.primitive import REGISTRY

ONE = np.array([7, 9], np.uint32)
MANY = np.array([[7, 9], [1, 2], [0xFFFFFFFF, 4]], np.uint32)
SHAPES: list[tuple[int, ...]] = [(0,), (), (5,), (31,), (32,), (33,), (100, 41)]


def check(run: Any, line: Any, name: str, xs: list[Any], bound: float = 0.0, **attrs: Any) -> None:
    xs = [np.asarray(x) for x in xs]
    assert random.supported(line(name, xs, attrs))
    got, want = run(random.lower_random, name, xs, attrs).value, REGISTRY[name].impl(*xs, **attrs)
    assert got.dtype == want.dtype and got.shape == want.shape
    if bound:
        np.testing.assert_allclose(got, want, rtol=bound, atol=bound)
    else:
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("key", [ONE, MANY], ids=["one", "many"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_exact_draws(run: Any, line: Any, key: Any, shape: tuple[int, ...]) -> None:
    rng, full = np.random.default_rng(0), (*key.shape[:-1], *shape)
    for width in (32, 64):
        check(run, line, "random_bits", [key], shape=shape, width=width)
    check(run, line, "random_keys", [key], shape=shape)
    for dtype in (np.float32, np.float64):
        check(run, line, "random_standard", [key], shape=shape, kind="uniform", dtype=np.dtype(dtype))
        check(run, line, "random_bernoulli", [key, rng.uniform(size=full).astype(dtype)], shape=shape)
    low, high = rng.integers(-9, 0, full), rng.integers(0, 9, full)
    check(run, line, "random_integers", [key, low, high], shape=shape)
    check(run, line, "random_integers", [key, low << 55, high << 59], shape=shape)  # ranges of more than 32 bits


@pytest.mark.parametrize("key", [ONE, MANY], ids=["one", "many"])
@pytest.mark.parametrize("kind", ["normal", "exponential", "gumbel", "laplace", "logistic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_draws_with_logarithms(run: Any, line: Any, key: Any, kind: str, dtype: Any) -> None:
    bound = 1e-6 if dtype is np.float32 else 1e-12
    for shape in [(), (63,), (100, 41)]:
        check(run, line, "random_standard", [key], bound, shape=shape, kind=kind, dtype=np.dtype(dtype))


def test_keys_of_keys(run: Any, line: Any) -> None:
    check(run, line, "random_fold", [ONE, np.int64(-3)], shape=())
    check(run, line, "random_fold", [MANY, np.array([1, 2, 1 << 40])], shape=())
    check(run, line, "random_fold", [MANY, np.array([1, -2, 3], np.int8)], shape=())


def test_what_numpy_draws(line: Any) -> None:
    for name, attrs in [("random_poisson", {}), ("random_gamma", {})]:
        assert not random.supported(line(name, [ONE, np.ones(3)], {"shape": (3,), **attrs}))
    half = {"shape": (3,), "kind": "uniform", "dtype": np.dtype(np.float16)}
    assert not random.supported(line("random_standard", [ONE], half))
