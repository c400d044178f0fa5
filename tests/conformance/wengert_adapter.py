"""Wengert as HIPS autograd's tests see it: plain NumPy and SciPy, our transforms.

What an adapter holds is told in autograd_shim.py.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert as wg

NAME = "wengert"


def namespace(name: str) -> Any:
    """The user's own NumPy and SciPy: their functions dispatch to us."""
    try:
        return importlib.import_module(name)
    except ImportError:
        parent, _, attribute = name.rpartition(".")
        return getattr(importlib.import_module(parent), attribute, None) if parent else None


def make_vjp(f: Callable[[Any], Any], x: Any) -> tuple[Callable[[Any], Any], Any]:
    y, pullback = wg.vjp(f, x)
    return (lambda g: pullback(g)[0]), y


def make_jvp(f: Callable[[Any], Any], x: Any) -> Callable[[Any], tuple[Any, Any]]:
    return lambda v: wg.jvp(f, (x,), (v,))


def _positional(transform: Any) -> Any:
    """autograd's ``transform(f, argnum=0)``."""
    return lambda f, argnum=0: transform(f, tuple(argnum) if isinstance(argnum, list) else argnum)


OPERATORS = {
    "grad": _positional(wg.grad),
    "value_and_grad": _positional(wg.value_and_grad),
    "elementwise_grad": _positional(wg.elementwise_grad),
    "jacobian": _positional(wg.jacobian),
    "checkpoint": wg.checkpoint,
}


def to_numpy(leaf: Any) -> np.ndarray:
    while isinstance(leaf, wg.Tensor):
        leaf = leaf.value
    return np.asarray(leaf)
