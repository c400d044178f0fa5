"""Floor 2: the operations, by NumPy chapter.

`FUNCTIONS` collects every public function of the chapters by name; the package, the tensor methods and the NumPy
dispatch are made from it. A chapter lists its public names in ``__all__``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.core.primitive import REGISTRY
from wengert.ops import (
    activation,
    arithmetic,
    comparison,
    complexes,
    contraction,
    convolution,
    creation,
    cumulative,
    decomposition,
    elementwise,
    equations,
    exponential,
    fft,
    gather,
    generator,
    indexing,
    joining,
    linalg,
    manipulation,
    patterns,
    picking,
    pooling,
    random,
    reduction,
    rounding,
    searching,
    signal,
    softmax,
    sorting,
    special,
    special_gamma,
    statistics,
    structure,
    trigonometric,
)

BUILTIN = frozenset(REGISTRY)  # the primitives of this package, before anybody registers one more

CHAPTERS = (
    structure, elementwise, indexing, joining, arithmetic, exponential, trigonometric, rounding, comparison, complexes,
    special, special_gamma, activation, reduction, softmax, cumulative, sorting, searching, statistics, manipulation,
    patterns, gather, picking, creation,
    contraction, convolution, pooling, signal,
)  # fmt: skip
NAMESPACES = {"linalg": (equations, decomposition, linalg), "fft": (fft,), "random": (random, generator)}

FUNCTIONS: dict[str, Callable[..., Any]] = {n: getattr(m, n) for m in CHAPTERS for n in m.__all__}
for _name, _modules in NAMESPACES.items():
    FUNCTIONS.update({f"{_name}.{n}": getattr(m, n) for m in _modules for n in m.__all__})
