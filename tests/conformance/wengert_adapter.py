"""Wengert as HIPS autograd's tests see it: plain NumPy, our transforms (what an adapter holds: autograd_shim.py).

`numpy` is the user's own NumPy, whose functions dispatch to us. Of SciPy the ufuncs dispatch too; for the other
functions NumPy has no protocol, and `scipy_functions` puts ours in their place where there are such.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy_functions import OURS

import wengert as wg
from wengert.core import tree

NAME = "wengert"


class Namespace:
    """A module (or distribution) of SciPy, with ours in front of its functions."""

    def __init__(self, name: str, theirs: Any) -> None:
        self.name, self.theirs, self.ours = name, theirs, OURS.get(name)

    def __getattr__(self, key: str) -> Any:
        if f"{self.name}.{key}" in OURS:
            return Namespace(f"{self.name}.{key}", getattr(self.theirs, key))
        return getattr(self.ours, key) if hasattr(self.ours, key) else getattr(self.theirs, key)


def namespace(name: str) -> Any:
    """The library of that name, or what it has under its last part."""
    try:
        found = importlib.import_module(name)
    except ImportError:
        parent, _, attribute = name.rpartition(".")
        found = getattr(importlib.import_module(parent), attribute, None) if parent else None
    return Namespace(name, found) if name.startswith("scipy") and found is not None else found


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


def flatten(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """autograd's ``misc.flatten``: a tree as one vector, and the way back."""
    leaves, structure = tree.flatten(value)
    shapes = [np.shape(x) for x in leaves]
    ends = np.cumsum([int(np.prod(s)) for s in shapes])
    vector = wg.concatenate([wg.reshape(x, (-1,)) for x in leaves]) if leaves else np.zeros(0)

    def unflatten(v: Any) -> Any:
        parts = np.split(v, ends[:-1])
        return structure.unflatten(np.reshape(part, s) for part, s in zip(parts, shapes, strict=True))

    return vector, unflatten


EXTRA = {"autograd.misc.flatten": flatten}


def to_numpy(leaf: Any) -> np.ndarray:
    while isinstance(leaf, wg.Tensor):
        leaf = leaf.value
    return np.asarray(leaf)
