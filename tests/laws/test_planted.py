"""The battery is worth something: an error of a thousandth in any rule of any primitive is found and named."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import wengert  # noqa: F401  (registers the primitives)
from wengert.core.primitive import REGISTRY, Aval, Primitive
from wengert.testing.battery import check_primitive

# What the battery refuses anyway (see test_battery.py), and what has derivative zero: a thousandth more is nothing.
REFUSED = {"part", "gamma_slope", "random_gamma", "while", "stop_gradient"}
FLAT = {"ceil", "floor", "floor_divide", "gammasgn", "heaviside", "rint", "round", "share", "sign", "step", "trunc"}
NAMES = sorted(set(REGISTRY) - REFUSED)


def scaled(x: Any) -> Any:
    """A thousandth more of every floating value; costly cotangents are still functions."""
    if isinstance(x, tuple | list):
        return type(x)(map(scaled, x))
    if callable(x):
        return lambda: scaled(x())
    return x * 1.001 if getattr(x, "dtype", None) is not None and x.dtype.kind in "fc" else x


def moved(x: Any) -> Any:
    """Another value of the same dtype."""
    if isinstance(x, tuple | list):
        return type(x)(map(moved, x))
    return ~x if x.dtype.kind == "b" else x + x.dtype.type(1) if x.dtype.kind in "iu" else x * 1.001 + 0.001


@contextlib.contextmanager
def planted(prim: Primitive, change: Callable[[Any], Any], *rules: str) -> Iterator[None]:
    """The rules of one primitive with their results changed."""
    for rule in rules:
        right = getattr(prim, rule)
        setattr(prim, rule, lambda *args, right=right, **attrs: change(right(*args, **attrs)))
    try:
        yield
    finally:
        for rule in rules:
            delattr(prim, rule)


def found(name: str) -> str:
    with pytest.raises(AssertionError) as caught:
        check_primitive(name, dtypes=["float64"])
    return str(caught.value).partition(":")[0]


@pytest.mark.parametrize("name", [n for n in NAMES if REGISTRY[n].differentiable and n not in FLAT])
def test_an_error_in_a_derivative(name: str) -> None:
    prim = REGISTRY[name]
    with planted(prim, scaled, "pull", "pull_behind_mask"):
        assert found(name) in (f"{name}.vjp", f"{name}.jvp")
    if prim.jvp is not None:
        with planted(prim, scaled, "jvp"):
            assert found(name) in (f"{name}.jvp", f"{name}.vjp")


@pytest.mark.parametrize("name", sorted(FLAT & set(NAMES)))
def test_a_flat_primitive_is_flat(name: str) -> None:
    with planted(REGISTRY[name], scaled, "pull", "pull_behind_mask"):
        assert check_primitive(name, dtypes=["float64"]) > 0


@pytest.mark.parametrize("name", [n for n in NAMES if REGISTRY[n].batch is not None])
def test_an_error_in_a_batch_rule(name: str) -> None:
    with planted(REGISTRY[name], lambda r: (moved(r[0]), r[1]), "batch"):
        assert found(name) == f"{name}.batch"


@pytest.mark.parametrize("name", NAMES)
def test_an_error_in_an_aval(name: str) -> None:
    def change(y: Any) -> Any:
        return tuple(Aval((*a[0], 1), a[1]) for a in y) if REGISTRY[name].multi else Aval((*y[0], 1), y[1])

    with planted(REGISTRY[name], change, "aval"):
        assert found(name) == f"{name}.aval"
