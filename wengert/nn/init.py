"""Initial values of parameters, set in place (PyTorch's names).

``fan_in`` is the number of inputs of one unit, ``fan_out`` the number of units one input reaches; a weight has the
shape ``(out, in, *kernel)``. Draws come from the global generator: `wg.manual_seed`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError
from wengert.core.record import concrete
from wengert.ops import random
from wengert.ops.generator import next_key

_GAINS = {
    "linear": 1.0, "identity": 1.0, "sigmoid": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0,
    "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4,
}  # fmt: skip


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance through an activation; `param` is the slope of ``leaky_relu``.

    >>> import wengert as wg
    >>> wg.nn.init.calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ArgumentError(f"calculate_gain: got {nonlinearity!r}; needs one of leaky_relu, {', '.join(_GAINS)}")
    return _GAINS[nonlinearity]


def fans(parameter: Any) -> tuple[int, int]:
    """``(fan_in, fan_out)`` of a weight of the shape ``(out, in, *kernel)``."""
    if len(parameter.shape) < 2:
        raise ShapeError(f"init: a parameter of shape {list(parameter.shape)} has no fans; needs at least 2 axes")
    size = math.prod(parameter.shape[2:])
    return parameter.shape[1] * size, parameter.shape[0] * size


def _chosen_fan(parameter: Any, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ArgumentError(f"init: got mode={mode!r}; needs 'fan_in' or 'fan_out'")
    return fans(parameter)[mode == "fan_out"]


def _set(parameter: Any, values: Any) -> Any:
    return parameter.assign_(np.asarray(concrete(values)))


def uniform_(parameter: Any, a: float = 0.0, b: float = 1.0) -> Any:
    """Uniform in ``[a, b)``."""
    return _set(parameter, random.uniform(next_key(), parameter.shape, a, b, parameter.dtype))


def normal_(parameter: Any, mean: float = 0.0, std: float = 1.0) -> Any:
    """Normal with this mean and standard deviation."""
    return _set(parameter, random.normal(next_key(), parameter.shape, mean, std, parameter.dtype))


def constant_(parameter: Any, value: float) -> Any:
    """The same value everywhere; equal units stay equal, so this is not for weights of hidden layers."""
    return _set(parameter, np.full(parameter.shape, value, parameter.dtype))


def zeros_(parameter: Any) -> Any:
    """Zeros."""
    return constant_(parameter, 0.0)


def ones_(parameter: Any) -> Any:
    """Ones."""
    return constant_(parameter, 1.0)


def xavier_uniform_(parameter: Any, gain: float = 1.0) -> Any:
    """Glorot uniform: ``±gain sqrt(6 / (fan_in + fan_out))``, variance ``2 gain² / (fan_in + fan_out)``."""
    bound = gain * math.sqrt(6 / sum(fans(parameter)))
    return uniform_(parameter, -bound, bound)


def xavier_normal_(parameter: Any, gain: float = 1.0) -> Any:
    """Glorot normal: variance ``2 gain² / (fan_in + fan_out)``, as the uniform form."""
    return normal_(parameter, 0.0, gain * math.sqrt(2 / sum(fans(parameter))))


def kaiming_uniform_(parameter: Any, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Any:
    """He uniform: ``±gain sqrt(3 / fan)``; `a` is the slope of the leaky rectifier that follows."""
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3 / _chosen_fan(parameter, mode))
    return uniform_(parameter, -bound, bound)


def kaiming_normal_(parameter: Any, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Any:
    """He normal: standard deviation ``gain / sqrt(fan)``."""
    return normal_(parameter, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_chosen_fan(parameter, mode)))
