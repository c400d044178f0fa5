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


def trunc_normal_(parameter: Any, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Any:
    """Normal, conditioned on values in ``[a, b]``.

    >>> import wengert as wg, numpy as np
    >>> p = wg.nn.init.trunc_normal_(wg.nn.Parameter(np.zeros(1000)), a=-1.0, b=1.0)
    >>> bool(abs(p.detach().numpy()).max() <= 1)
    True
    """
    if not (a < b and std > 0):
        raise ArgumentError(f"trunc_normal_: got a={a}, b={b}, std={std}; needs a < b and a positive std")
    low, high = (a - mean) / std, (b - mean) / std
    drawn = random.truncated_normal(next_key(), low, high, parameter.shape, mean, std, parameter.dtype)
    return _set(parameter, np.clip(np.asarray(concrete(drawn)), a, b))


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


def lecun_uniform_(parameter: Any) -> Any:
    """LeCun uniform: ``±sqrt(3 / fan_in)``, variance ``1 / fan_in``; for linear units and `SELU`."""
    bound = math.sqrt(3 / fans(parameter)[0])
    return uniform_(parameter, -bound, bound)


def lecun_normal_(parameter: Any) -> Any:
    """LeCun normal: variance ``1 / fan_in`` (the lectures' Xavier form)."""
    return normal_(parameter, 0.0, 1 / math.sqrt(fans(parameter)[0]))


def orthogonal_(parameter: Any, gain: float = 1.0) -> Any:
    """A random orthogonal matrix times `gain`; all axes but the first count as one.

    With fewer rows than columns the rows are orthonormal, otherwise the columns.

    >>> import wengert as wg, numpy as np
    >>> w = wg.nn.init.orthogonal_(wg.nn.Parameter(np.zeros((2, 3)))).detach().numpy()
    >>> np.allclose(w @ w.T, np.eye(2))
    True
    """
    fans(parameter)
    rows, columns = parameter.shape[0], math.prod(parameter.shape[1:])
    tall = (max(rows, columns), min(rows, columns))
    q, r = np.linalg.qr(np.asarray(concrete(random.normal(next_key(), tall, dtype=np.float64))))
    q = q * np.where(np.diag(r) < 0, -1, 1)  # without this the draw would not be uniform
    return _set(parameter, gain * (q if rows >= columns else q.T).reshape(parameter.shape))


def sparse_(parameter: Any, sparsity: float, std: float = 0.01) -> Any:
    """A normal matrix in whose every column a part `sparsity` of the elements, chosen at random, is 0."""
    if len(parameter.shape) != 2:
        raise ShapeError(f"sparse_: got a parameter of shape {list(parameter.shape)}; needs a matrix")
    if not 0 <= sparsity <= 1:
        raise ArgumentError(f"sparse_: got sparsity={sparsity}; needs a number from 0 to 1")
    rows, columns = parameter.shape
    values = np.array(concrete(random.normal(next_key(), (rows, columns), 0.0, std, parameter.dtype)))
    order = np.argsort(np.asarray(concrete(random.uniform(next_key(), (rows, columns)))), axis=0)
    np.put_along_axis(values, order[: math.ceil(sparsity * rows)], 0, axis=0)
    return _set(parameter, values)


def eye_(parameter: Any) -> Any:
    """The identity matrix (ones on the diagonal)."""
    if len(parameter.shape) != 2:
        raise ShapeError(f"eye_: got a parameter of shape {list(parameter.shape)}; needs a matrix")
    return _set(parameter, np.eye(*parameter.shape, dtype=parameter.dtype))
