"""Elementwise primitives in native code against their NumPy implementation, over dtypes, widths and special values."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from wengert.base.errors import DTypeError
from wengert.compiler.native import scalar
from wengert.compiler.native.engine import Library, object_code
from wengert.compiler.native.ir import F32, I64, Function, Module, Value
from wengert.core.primitive import REGISTRY, Primitive
from wengert.core.tape import Input, Node
from wengert.ops.elementwise import Elementwise
from wengert.ops.family import Family

# What NumPy still computes; the list may only get shorter.
NOT_NATIVE = {"beta", "betaln", "gamma_slope", "iv", "ive", "jv", "kv", "yv"}
DTYPES = [np.dtype(t) for t in "?bhilBHILfd" if t != "q"]
FEW = [np.dtype(t) for t in "?biHLfd"]
SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    3.0,
    -7.0,
    0.3,
    np.inf,
    -np.inf,
    np.nan,
    1e-42,
    -1e-42,
    3e38,
    -3e38,
    1e20,
]


def elementwise_primitives() -> list[Primitive]:
    return [p for p in REGISTRY.values() if isinstance(p, Elementwise | Family) or p.name in ("astype", "ldexp")]


def node_of(prim: Primitive, xs: Sequence[Any], **attrs: Any) -> Node:
    inputs = tuple(x if type(x) in (bool, int, float) else Input(x.shape, x.dtype) for x in xs)
    result = prim.aval(*xs, **attrs)
    return Node(prim, inputs, attrs, result.shape, result.dtype)


def read(f: Function, name: str, dtype: Any, index: Value, width: int) -> Value:
    x = f.load(f[name], scalar.memory_type(dtype, width), index)
    return f.compare("ne", x, 0) if dtype.kind == "b" else x


def compiled(nodes: Sequence[Node], width: int) -> list[Any]:
    """A function of arrays for each of the nodes, all from one module."""
    module = Module()
    for number, node in enumerate(nodes):
        names = [f"x{i}" for i in range(len(node.inputs))]
        f = module.function(f"kernel{number}", [*names, "y"], ["n"], external=True)

        def body(index: Value, f: Function = f, node: Node = node, names: list[str] = names) -> None:
            xs = [x if not isinstance(x, Input) else read(f, k, x.dtype, index, width)
                  for k, x in zip(names, node.inputs, strict=True)]  # fmt: skip
            y = scalar.lower(f, node, xs)
            if node.dtype.kind == "b":
                y = f.cast("zext", y, scalar.memory_type(node.dtype))
            f.store(y, f["y"], index)

        f.loop(0, f["n"], width, body)
        f.finish()
    library = Library(object_code(module.text()))
    return [(library, library.address(f"kernel{i}"), node) for i, node in enumerate(nodes)]


def call(kernel: Any, xs: Sequence[Any]) -> np.ndarray:
    library, address, node = kernel
    arrays = [np.ascontiguousarray(x) for x in xs if isinstance(x, np.ndarray)]
    places = iter(arrays)
    y = np.empty(arrays[0].shape, node.dtype)
    pointers = [next(places).ctypes.data if isinstance(x, np.ndarray) else 0 for x in xs]
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(xs) + 1), ctypes.c_int64)
    kind(address)(*pointers, y.ctypes.data, y.size)
    return y


def values(dtype: np.dtype[Any], rng: np.random.Generator, count: int) -> np.ndarray:
    """Ordinary numbers, extremes and special values of a dtype."""
    if dtype.kind == "b":
        return rng.integers(0, 2, count).astype(dtype)
    if dtype.kind == "f":
        x = np.concatenate([rng.normal(size=count // 2) * 3, rng.uniform(-1, 1, count - count // 2)])
        x[: len(SPECIAL)] = SPECIAL
        with np.errstate(over="ignore"):
            return rng.permutation(x.astype(dtype))
    limits = np.iinfo(dtype)
    x = rng.integers(max(limits.min, -9), 10, count).astype(dtype)
    x[:6] = [limits.min, limits.max, 0, 1, limits.max - 1, limits.max // 2]
    x[6] = 0 if dtype.kind == "u" else -1
    return rng.permutation(x)


def combinations(prim: Primitive) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Operands' dtypes, or Python numbers, to try a primitive with."""
    if prim.name == "astype":
        return [((a,), {"dtype": b}) for a, b in itertools.product(DTYPES, DTYPES)]
    if isinstance(prim, Family):
        return [((d,), {"n": n}) for d in DTYPES for n in ((0, 1, 2, -1) if prim.name == "round" else (0, 1))]
    count = len(prim.partials) if isinstance(prim, Elementwise) else 2
    if count == 1:
        return [((d,), {}) for d in DTYPES]
    if count == 2:
        some = [(np.dtype("f"), 2.5), (np.dtype("d"), 3), (np.dtype("d"), -2), (np.dtype("f"), 0.5), (np.dtype("i"), 3),
                (np.dtype("B"), 2), (2, np.dtype("f")), (2.0, np.dtype("d")), (np.dtype("f"), True)]  # fmt: skip
        return [(pair, {}) for pair in [*((d, d) for d in DTYPES), *itertools.product(FEW, FEW), *some]]
    floats = [np.dtype("f"), np.dtype("d")]
    if count == 5:
        return [((d, d, 0.1, 0.2, e), {}) for d in floats for e in (False, True)]
    some3 = [(np.dtype("?"), np.dtype("f"), 0), (np.dtype("i"), 1.5, np.dtype("d")), (np.dtype("?"), 1, np.dtype("h"))]
    return [(k, {}) for k in [*((np.dtype("?"), d, d) for d in DTYPES), *itertools.product(floats, FEW, FEW), *some3]]


def operands(kinds: Sequence[Any], rng: np.random.Generator, count: int = 128) -> list[Any]:
    return [values(k, rng, count) if isinstance(k, np.dtype) else k for k in kinds]


def reference(prim: Primitive, xs: Sequence[Any], attrs: dict[str, Any]) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(prim.impl(*xs, **attrs))


def restricted(prim: Primitive, xs: list[Any], node: Node) -> list[Any]:
    """Operands without those for which NumPy leaves the result to the processor."""
    if prim.name == "astype" and node.dtype.kind in "iu" and xs[0].dtype.kind == "f":
        low, high = (0 if node.dtype.kind == "u" else np.iinfo(node.dtype).min // 2), np.iinfo(node.dtype).max // 2
        return [np.clip(np.nan_to_num(xs[0], posinf=1.0, neginf=1.0), low, high).astype(xs[0].dtype)]
    return xs


# Units of the last place where SciPy's own value is less exact (measured against mpmath), and at a result of at least
# 1 where the function passes 0 between larger numbers.
LOOSE = {
    "erfc": 64,
    "erfcx": 64,
    "ndtr": 64,
    "log_ndtr": 64,
    "erfinv": 16,
    "erfcinv": 16,
    "ndtri": 16,
    "gammaln": 16,
    "gamma": 32,
    "rgamma": 32,
    "polygamma": 256,
}


def assert_near(prim: Primitive, got: np.ndarray, want: np.ndarray, size: Any = 0.0) -> None:
    """Equal; for floating numbers, within 4 units of the last place."""
    assert got.dtype == want.dtype
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        return
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    fine = np.isfinite(want)
    np.testing.assert_array_equal(got[~fine], want[~fine])
    distance = np.abs(got[fine].astype(np.longdouble) - want[fine])
    with np.errstate(over="ignore"):
        unit = np.spacing(np.maximum(np.abs(want), np.asarray(size, want.dtype))[fine])
    assert np.all(distance <= LOOSE.get(prim.name, 4) * unit), (got[fine], want[fine])


def native_cases(prim: Primitive) -> list[Any]:
    rng, cases = np.random.default_rng(7), []
    for kinds, attrs in combinations(prim):
        xs = operands(kinds, rng)
        try:
            node = node_of(prim, xs, **attrs)
        except (DTypeError, TypeError, OverflowError, AttributeError):
            continue  # not for NumPy
        if scalar.supported(node):
            cases.append((node, restricted(prim, xs, node), attrs))
    return cases


@pytest.mark.parametrize("name", sorted(p.name for p in elementwise_primitives()))
def test_native_is_numpy(name: str) -> None:
    prim = REGISTRY[name]
    cases = native_cases(prim)
    assert bool(cases) == (name not in NOT_NATIVE)
    for kernel, (_, xs, attrs) in zip(compiled([node for node, _, _ in cases], 16), cases, strict=True):
        size = 1.0 if name in ("gammaln", "polygamma") else 0.0
        if name.startswith("logadd"):
            size = np.maximum(*(np.nan_to_num(np.abs(x), posinf=0) for x in xs))
        assert_near(prim, call(kernel, xs), reference(prim, xs, attrs), size)


@pytest.mark.parametrize("width", [8, 4, 1])
def test_other_widths(width: int) -> None:
    """One case of every primitive: the numbers are those of width 16, bit for bit."""
    cases = [native_cases(prim)[-1] for prim in elementwise_primitives() if prim.name not in NOT_NATIVE]
    nodes = [node for node, _, _ in cases]
    for kernel, wide, (_, xs, _) in zip(compiled(nodes, width), compiled(nodes, 16), cases, strict=True):
        np.testing.assert_array_equal(call(kernel, xs), call(wide, xs))


def test_scalars_stand_for_every_lane() -> None:
    """A scalar register beside a vector, and a line of Python numbers alone."""
    module, x = Module(), np.arange(16, dtype=np.float32)
    nodes = [node_of(REGISTRY["power"], [x, np.float32(3)]), node_of(REGISTRY["add"], [1.5, 2])]
    f = module.function("kernel", ["x", "y"], [], external=True)
    base, exponent = f.load(f["x"], F32.vector(16)), f.load(f["x"], F32, 3)
    power = scalar.lower(f, nodes[0], [base, exponent])
    total = scalar.convert(f, scalar.lower(f, nodes[1], [1.5, 2]), nodes[1].dtype, np.dtype(np.float32))
    f.store(power * total, f["y"])
    f.finish()
    library, y = Library(object_code(module.text())), np.empty_like(x)
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    kind(library.address("kernel"))(x.ctypes.data, y.ctypes.data)
    np.testing.assert_allclose(y, x**3 * 3.5, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(scalar.REDUCTIONS))
def test_reductions(name: str) -> None:
    """Folded from the neutral number on, every reduction gives NumPy's result; max and min keep NaN."""
    rng = np.random.default_rng(3)
    for dtype in DTYPES:
        if name in ("all", "any") and dtype.kind != "b":
            continue
        x = values(dtype, rng, 32)
        x = np.abs(x[np.isfinite(x)]).clip(0, 2).astype(dtype) if dtype.kind == "f" and name in ("sum", "prod") else x
        module, rule = Module(), scalar.REDUCTIONS[name]
        f = module.function("kernel", ["x", "y"], [], external=True)
        total = f.constant(rule.identity(dtype), scalar.register_type(dtype))
        for i in range(x.size):
            total = rule.combine(f, dtype, total, read(f, "x", dtype, f.constant(i, I64), 1))
        f.store(f.cast("zext", total, scalar.memory_type(dtype)) if dtype.kind == "b" else total, f["y"])
        f.finish()
        library, y = Library(object_code(module.text())), np.empty((), dtype)
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
        kind(library.address("kernel"))(x.ctypes.data, y.ctypes.data)
        with np.errstate(all="ignore"):
            want = getattr(np, name)(x, **({"dtype": dtype} if name in ("sum", "prod") else {}))
        if dtype.kind == "b" and name in ("sum", "prod"):
            want = x.any() if name == "sum" else x.all()
        np.testing.assert_allclose(y, want, rtol=1e-5 if dtype.kind == "f" else 0)
