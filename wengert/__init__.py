"""Wengert: records a program as a Wengert list and differentiates, trains and explains it.

Plain NumPy code differentiates (`grad`, `vjp`, `jvp`, `jacobian`, `hessian`, `vmap` …); tensors with
``requires_grad`` and ``backward()`` work as in PyTorch. Both write the same list.
"""

from __future__ import annotations

import builtins as _builtins
import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING

from numpy import float16 as float16

from wengert import autograd as autograd
from wengert import fft as fft
from wengert import linalg as linalg
from wengert import random as random
from wengert.base import errors as errors
from wengert.base.constants import *
from wengert.base.dtypes import get_default_dtype as get_default_dtype
from wengert.base.dtypes import set_default_dtype as set_default_dtype
from wengert.core.record import Tensor as Tensor
from wengert.core.tape import Tape as _Tape
from wengert.core.tree import tree_leaves as tree_leaves
from wengert.core.tree import tree_map as tree_map
from wengert.linalg import det as det
from wengert.linalg import inv as inverse
from wengert.linalg import norm as norm
from wengert.ops import dispatch as _dispatch  # NumPy's functions reach tensors
from wengert.ops import generator as _generator
from wengert.ops import methods as _methods  # tensors get their operators and methods
from wengert.ops.activation import *
from wengert.ops.arithmetic import *
from wengert.ops.comparison import *
from wengert.ops.complexes import *
from wengert.ops.contraction import *
from wengert.ops.convolution import *
from wengert.ops.creation import *
from wengert.ops.cumulative import *
from wengert.ops.elementwise import *
from wengert.ops.exponential import *
from wengert.ops.gather import *
from wengert.ops.generator import Generator as Generator
from wengert.ops.generator import get_rng_state as get_rng_state
from wengert.ops.generator import initial_seed as initial_seed
from wengert.ops.generator import manual_seed as manual_seed
from wengert.ops.generator import multinomial as multinomial
from wengert.ops.generator import rand as rand
from wengert.ops.generator import rand_like as rand_like
from wengert.ops.generator import randn as randn
from wengert.ops.generator import randn_like as randn_like
from wengert.ops.generator import randperm as randperm
from wengert.ops.generator import seed as seed
from wengert.ops.generator import set_rng_state as set_rng_state
from wengert.ops.indexing import *
from wengert.ops.joining import *
from wengert.ops.manipulation import *
from wengert.ops.patterns import *
from wengert.ops.picking import *
from wengert.ops.pooling import *
from wengert.ops.reduction import *
from wengert.ops.rounding import *
from wengert.ops.searching import *
from wengert.ops.signal import *
from wengert.ops.softmax import *
from wengert.ops.sorting import *
from wengert.ops.special import *
from wengert.ops.special_gamma import *
from wengert.ops.statistics import *
from wengert.ops.structure import *
from wengert.ops.trigonometric import *
from wengert.transforms.check import *
from wengert.transforms.checkpoint import *
from wengert.transforms.control import *
from wengert.transforms.custom import *
from wengert.transforms.derived import *
from wengert.transforms.looking import *
from wengert.transforms.modes import *
from wengert.transforms.session import *

if _TYPE_CHECKING:
    from wengert import data as data
    from wengert import nn as nn
    from wengert import numpy as numpy
    from wengert import optim as optim
    from wengert import plot as plot
    from wengert import testing as testing
    from wengert import train as train
    from wengert import viz as viz
    from wengert.compiler.jit import compile as compile  # noqa: A004
    from wengert.compiler.native.denormals import set_flush_denormal as set_flush_denormal
    from wengert.compiler.native.threads import get_num_threads as get_num_threads
    from wengert.compiler.native.threads import set_num_threads as set_num_threads
    from wengert.train import fit as fit
    from wengert.viz import derive as derive
    from wengert.viz import explain as explain
    from wengert.viz import make_dot as make_dot
    from wengert.viz import show as show

__version__ = "0.1.0"

# PyTorch's names of dtypes,
float = float32
double = float64
long = int64
# and of draws from the global generator; NumPy's, from keys, are in wg.random
bernoulli = _generator.torch_bernoulli
normal = _generator.torch_normal
randint = _generator.torch_randint

# Loaded on first use, so that `import wengert` stays fast: the module, and the name in it where it is not the module.
_LAZY = {
    "nn": ("wengert.nn", ""), "optim": ("wengert.optim", ""), "numpy": ("wengert.numpy", ""),
    "data": ("wengert.data", ""), "train": ("wengert.train", ""), "viz": ("wengert.viz", ""),
    "testing": ("wengert.testing", ""), "plot": ("wengert.plot", ""), "make_dot": ("wengert.viz", "make_dot"),
    "derive": ("wengert.viz", "derive"), "explain": ("wengert.viz", "explain"),
    "show": ("wengert.viz", "show"), "fit": ("wengert.train", "fit"),
    "compile": ("wengert.compiler.jit", "compile"),
    "get_num_threads": ("wengert.compiler.native.threads", "get_num_threads"),
    "set_flush_denormal": ("wengert.compiler.native.denormals", "set_flush_denormal"),
    "set_num_threads": ("wengert.compiler.native.threads", "set_num_threads"),
}  # fmt: skip

# The floors of the package are modules of it too, but nobody's business.
_FLOORS = {"base", "core", "ops", "transforms", "annotations"}
_PUBLIC = sorted({n for n in globals() if not n.startswith("_")} - _FLOORS | set(_LAZY))

# `from wengert import *` takes away neither Python's own sum, abs, float … nor NumPy: they stay wg.sum, wg.numpy.
__all__ = [n for n in _PUBLIC if n not in _LAZY and not hasattr(_builtins, n)]

if not _TYPE_CHECKING:  # a type checker sees the imports above, and what is misspelt

    def __getattr__(name: str) -> object:
        if name not in _LAZY:
            raise AttributeError(f"module 'wengert' has no attribute {name!r}")
        module, attribute = _LAZY[name]
        found = _importlib.import_module(module)
        globals()[name] = value = getattr(found, attribute) if attribute else found
        return value


def _show(self: object, file: object = None) -> object:
    """Everything this was computed from, as the interactive page; see `wengert.show`."""
    return _importlib.import_module("wengert.viz").show(self, file=file)


for _kind in (Tensor, _Tape):
    setattr(_kind, "show", _show)  # noqa: B010  (a type checker sees no assignment to a class)


def __dir__() -> list[str]:
    return [*_PUBLIC, "__all__", "__doc__", "__version__"]
