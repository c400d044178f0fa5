"""Wengert: records a program as a Wengert list and differentiates, trains and explains it.

Plain NumPy code differentiates (`grad`, `vjp`, `jvp`, `jacobian`, `hessian`, `vmap` …); tensors with
``requires_grad`` and ``backward()`` work as in PyTorch. Both write the same list.
"""

from __future__ import annotations

from math import e, inf, nan, pi

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
from numpy import bool_ as bool  # noqa: A004  (the array API's name)

from wengert import autograd, fft, linalg, random
from wengert.base import errors
from wengert.base.dtypes import get_default_dtype, set_default_dtype
from wengert.core.record import Tensor
from wengert.core.tree import tree_leaves, tree_map
from wengert.ops import FUNCTIONS, dispatch, methods
from wengert.transforms.derived import *  # noqa: F403
from wengert.transforms.looking import *  # noqa: F403
from wengert.transforms.session import *  # noqa: F403

__version__ = "0.1.0"

# PyTorch's names of dtypes
float = float32
double = float64
long = int64

globals().update({n: f for n, f in FUNCTIONS.items() if "." not in n})
