"""The functions of one argument: within 2.5 units of the last place, right at special values, on every processor.

In float32 the reference is NumPy's float64; in float64 `longdouble`, or mpmath where there is no such function.
`WENGERT_LONG=1` (`make test-long`) goes through all 2**32 numbers of float32 and millions of float64.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from wengert.compiler.native import angles, engine, errors, maths
from wengert.compiler.native.ir import Module, Type

LONG = bool(os.environ.get("WENGERT_LONG"))
LIMIT = 2.5


def logistic(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


PLAIN = {
    maths: "exp expm1 exp2 log log1p log2 log10 tanh sinh cosh arcsinh arccosh arctanh",
    angles: "sin cos tan arcsin arccos arctan",
}
FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    **{name: (getattr(m, name), getattr(np, name)) for m, names in PLAIN.items() for name in names.split()},
    "expit": (maths.expit, logistic),
    "softplus": (maths.softplus, softplus),
    "log_expit": (maths.log_expit, lambda x: -softplus(-x)),
    "erf": (errors.erf, special.erf),
    "erfc": (errors.erfc, special.erfc),
    "cbrt": (errors.cbrt, np.cbrt),
}  # fmt: skip
KINDS = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}


def kernel(function: Callable[..., Any], dtype: Any, width: int, count: int = 1) -> Callable[..., np.ndarray]:
    """`function` for arrays, their length a multiple of `width`."""
    module, kind = Module(), Type(KINDS[np.dtype(dtype)], width)
    names = [f"x{i}" for i in range(count)]
    f = module.function("kernel", [*names, "y"], ["n"], external=True)
    f.loop(0, f["n"], width, lambda i: f.store(function(f, *(f.load(f[x], kind, i) for x in names)), f["y"], i))
    f.finish()
    library = engine.Library(engine.object_code(module.text()))
    address = library.address("kernel")
    native = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (count + 1), ctypes.c_int64)(address)

    def call(*xs: np.ndarray) -> np.ndarray:
        assert library is not None
        y = np.empty_like(xs[0])
        native(*(x.ctypes.data for x in xs), y.ctypes.data, y.size)
        return y

    return call


def check(name: str, x: np.ndarray, got: np.ndarray, exact: np.ndarray) -> None:
    """NaN, infinities and signs of zeros as the reference has them; everything else within the limit."""
    with np.errstate(all="ignore"):
        want = exact.astype(got.dtype)
        wrong = (np.isnan(want) != np.isnan(got)) | (np.isinf(want) != np.isinf(got))
        wrong |= (want == 0) & (got == 0) & (np.signbit(want) != np.signbit(got))
        smallest = float(np.finfo(got.dtype).smallest_subnormal)
        units = np.abs(got.astype(exact.dtype) - exact) / np.maximum(np.spacing(np.abs(want)), smallest)
        wrong |= np.isfinite(want) & ~(units <= LIMIT)
    assert not wrong.any(), [(name, x[i], got[i], exact[i], units[i]) for i in np.flatnonzero(wrong)[:5]]


EDGES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, -0.5, 1e-45, -1e-45, 1e-40, -1e-40, 3e38, -3e38, 2.0]


def all_float32(step: int) -> Iterator[np.ndarray]:
    """Every `step`-th number of float32 by its bits, a few million at a time; special values first."""
    yield np.array(EDGES, np.float32)
    block = step << 22
    for start in range(0, 2**32, block):
        bits = np.arange(start, min(start + block, 2**32), step, dtype=np.uint64).astype(np.uint32)
        yield bits[: bits.size // 16 * 16].view(np.float32)


def hard_float64(count: int) -> np.ndarray:
    """All sizes, the usual range, around 1, multiples of pi/2 and their neighbours, special values."""
    rng = np.random.default_rng(5)
    signs = rng.choice([-1.0, 1.0], count)
    turns = rng.integers(1, 10 * count, count) * (np.pi / 2)
    parts = [
        rng.integers(0, 2047 << 52, count, dtype=np.int64).view(np.float64) * signs,
        rng.uniform(-1, 1, count),
        rng.normal(size=count) * 3,
        rng.uniform(-750, 750, count),
        1 + rng.uniform(-1e-3, 1e-3, count),
        turns + rng.integers(-2, 3, count) * np.spacing(turns),
        np.exp(rng.uniform(-40, 5, count)) * signs,
        np.array([*EDGES, 5e-324, -5e-324, 2.3e-308, -1e-308, 1.7e308, -1.7e308, 709.0, -745.0] + [1.0] * 8),
    ]
    return np.concatenate(parts)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_float32(name: str) -> None:
    function, reference = FUNCTIONS[name]
    native = kernel(function, np.float32, 16)
    for x in all_float32(1 if LONG else 20_011):
        with np.errstate(all="ignore"):
            check(name, x, native(x), reference(x.astype(np.float64)))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs an 80-bit longdouble")
@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"erf", "erfc"}))
def test_float64(name: str) -> None:
    function, reference = FUNCTIONS[name]
    native = kernel(function, np.float64, 8)
    x = hard_float64(1 << (19 if LONG else 12))
    with np.errstate(all="ignore"):
        check(name, x, native(x), reference(x.astype(np.longdouble)))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs an 80-bit longdouble")
@pytest.mark.parametrize("name", ["erf", "erfc", "sin", "cos", "tan"])
def test_float64_against_mpmath(name: str) -> None:
    """Error functions, and angles so large that only whole numbers of a thousand bits reduce them."""
    rng, count = np.random.default_rng(6), 40_000 if LONG else 800
    if name.startswith("erf"):
        x = np.concatenate([rng.uniform(-6, 27.2, count), rng.normal(size=count), np.exp(rng.uniform(-30, 0, count))])
    else:
        x = np.exp(rng.uniform(10, 709, count))
    with mp.workdps(400 if name[0] != "e" else 40):
        exact = np.array([np.longdouble(mp.nstr(getattr(mp, name)(mp.mpf(float(v))), 25)) for v in x])
    check(name, x, kernel(FUNCTIONS[name][0], np.float64, 8)(x), exact)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["power", "hypot", "arctan2"])
def test_two_arguments(name: str, dtype: Any) -> None:
    """Every pair of special values, and ordinary ones."""
    rng = np.random.default_rng(8)
    some = np.array([*EDGES, 3.0, -3.0, 2.5, -2.5, 1e10, -1e10, 1 - 1e-7, 1 + 1e-7, 1e9 + 1], dtype)
    a, b = (x.ravel() for x in np.meshgrid(some, some))
    count = (1 << (20 if LONG else 14)) - a.size
    a = np.concatenate([a, np.exp(rng.uniform(-30, 30, count))]).astype(dtype)
    b = np.concatenate([b, rng.normal(size=count) * 9]).astype(dtype)
    function = {"power": errors.power, "hypot": errors.hypot, "arctan2": angles.arctan2}[name]
    wide = np.float64 if dtype is np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        exact = getattr(np, name)(a.astype(wide), b.astype(wide))
    check(name, np.stack([a, b], 1), kernel(function, dtype, 8, 2)(a, b), exact)


@pytest.mark.parametrize("cpu", ["haswell", "baseline"])
def test_the_same_bits_on_other_processors(cpu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if engine.processor()[0] == "":
        pytest.skip("the tests run for the baseline already")
    x = {d: np.concatenate([np.array(EDGES), np.random.default_rng(9).normal(size=240) * 4]).astype(d) for d in KINDS}
    wanted = {(n, d): kernel(FUNCTIONS[n][0], d, 16)(x[d]) for n in FUNCTIONS for d in KINDS}
    monkeypatch.setenv("WENGERT_CPU", cpu)
    engine.processor.cache_clear()
    try:
        for (name, dtype), want in wanted.items():
            np.testing.assert_array_equal(kernel(FUNCTIONS[name][0], dtype, 16)(x[dtype]), want)
    finally:
        monkeypatch.undo()
        engine.processor.cache_clear()
