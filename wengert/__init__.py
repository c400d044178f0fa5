"""Wengert: records a program as a Wengert list and differentiates, trains and explains it.

Plain NumPy code differentiates (`grad`, `vjp`, `jvp`, `jacobian`, `hessian`, `vmap` …); tensors with
``requires_grad`` and ``backward()`` work as in PyTorch. Both write the same list.
"""

from __future__ import annotations

import importlib
from math import e, inf, nan, pi

from numpy import bool_ as bool  # noqa: A004  (the array API's name)
from numpy import (
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    newaxis,
    uint8,
    uint16,
    uint32,
    uint64,
)

from wengert import autograd, fft, linalg, random
from wengert.base import errors
from wengert.base.dtypes import get_default_dtype, set_default_dtype
from wengert.core.record import Tensor
from wengert.core.tree import tree_leaves, tree_map
from wengert.ops import FUNCTIONS, dispatch, generator, methods
from wengert.transforms.check import *  # noqa: F403
from wengert.transforms.checkpoint import *  # noqa: F403
from wengert.transforms.control import *  # noqa: F403
from wengert.transforms.custom import *  # noqa: F403
from wengert.transforms.derived import *  # noqa: F403
from wengert.transforms.looking import *  # noqa: F403
from wengert.transforms.session import *  # noqa: F403

__version__ = "0.1.0"

# PyTorch's names of dtypes
float = float32
double = float64
long = int64

globals().update({n: f for n, f in FUNCTIONS.items() if "." not in n} | generator.TOP_LEVEL)

# Loaded on first use, so that `import wengert` stays fast: sub-package, or (module, name).
_LAZY = {
    "nn": "wengert.nn", "optim": "wengert.optim", "numpy": "wengert.numpy", "data": "wengert.data",
    "train": "wengert.train", "viz": "wengert.viz", "testing": "wengert.testing",
    "make_dot": ("wengert.viz", "make_dot"), "fit": ("wengert.train", "fit"),
}  # fmt: skip


def __getattr__(name: str) -> object:
    place = _LAZY.get(name)
    if place is None:
        raise AttributeError(f"module 'wengert' has no attribute {name!r}")
    module, attribute = (place, None) if isinstance(place, str) else place
    found = importlib.import_module(module)
    globals()[name] = value = found if attribute is None else getattr(found, attribute)
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_LAZY))
