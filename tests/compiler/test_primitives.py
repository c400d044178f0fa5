"""Every primitive of the registry compiled by itself and run on NumPy: value and pullback are eager's, bit for bit.

Machine code, which rounds otherwise, is compared in ``native/test_registry.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.core.primitive import REGISTRY, Primitive
from wengert.core.record import bind


@pytest.fixture(autouse=True)
def on_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WENGERT_BACKEND", "numpy")


def samples(prim: Primitive) -> list[tuple[list[Any], dict[str, Any]]]:
    return list(prim.samples(np.random.default_rng(0)))


def called(prim: Primitive, attrs: dict[str, Any]) -> Any:
    return lambda *xs: bind(prim, xs, attrs)


def pulled(prim: Primitive, attrs: dict[str, Any], moving: list[int]) -> Any:
    """The cotangents of the floating operands, from those that are the results themselves."""

    def pullback(*xs: Any) -> Any:
        def some(*given: Any) -> Any:
            full = list(xs)
            for i, x in zip(moving, given, strict=True):
                full[i] = x
            y = bind(prim, full, attrs)
            return [v for v in (y if prim.multi else (y,)) if v.dtype.kind in "fc"]

        ys, back = wg.vjp(some, *(xs[i] for i in moving))
        return back(ys)

    return pullback


def bits(tree: Any) -> list[Any]:
    return [(np.shape(x), np.asarray(x).dtype, np.asarray(x).tobytes()) for x in wg.tree_leaves(tree)]


@pytest.mark.parametrize("name", sorted(set(REGISTRY) - {"part"}))
def test_compiled_is_eager(name: str) -> None:
    prim = REGISTRY[name]
    for xs, attrs in samples(prim):
        functions = [called(prim, attrs)]
        moving = [i for i, x in enumerate(xs) if getattr(x, "dtype", np.dtype(int)).kind in "fc"]
        if prim.differentiable and moving and name not in ("while", "gamma_slope"):  # no reverse rule
            functions.append(pulled(prim, attrs, moving))
        for f in functions:
            with np.errstate(all="ignore"):
                wanted = bits(f(*xs))
                compiled = wg.compile(f)
                assert bits(compiled(*xs)) == wanted
                other = [x * 0.5 if i in moving else x for i, x in enumerate(xs)]
                try:
                    again = bits(f(*other))
                except np.linalg.LinAlgError:
                    continue
                assert bits(compiled(*other)) == again
            assert len(compiled.retraces) == 1
