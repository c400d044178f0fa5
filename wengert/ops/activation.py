"""Activations: the functions between the layers.

Derivatives at kinks are fixed and the same in every mode: relu'(0) = 0, leaky_relu'(0) = slope, elu'(0) = alpha,
step' = 0 everywhere, softsign'(0) = 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.ops.elementwise import elementwise
from wengert.ops.exponential import expit
from wengert.ops.rounding import where
from wengert.ops.special import erfc
from wengert.ops.structure import arrayed
from wengert.ops.trigonometric import tanh


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


sigmoid = expit
_softplus_of = elementwise(
    "softplus",
    _softplus,
    lambda _y, x: sigmoid(x),
    low=-4.0,
    high=4.0,
    complex_domain=False,
)
relu = elementwise(
    "relu",
    lambda x: np.maximum(x, 0),
    lambda y, _x: y > 0,
    low=0.1,
    complex_domain=False,
    masks=True,
    doc="""Rectifier ``max(x, 0)``; its derivative at 0 is 0.

    >>> import wengert as wg, numpy as np
    >>> wg.relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """,
)
_leaky = elementwise(
    "leaky_relu",
    lambda x, slope: np.where(np.greater(x, 0), x, np.multiply(slope, x)),
    lambda _y, x, slope: where(x > 0, 1, slope),
    lambda _y, x, _slope: where(x > 0, 0, x),
    low=(0.1, -2.0),
    complex_domain=False,
)
_elu_of: Callable[..., Any] = elementwise(
    "elu",
    lambda x, alpha: np.where(np.greater(x, 0), x, np.multiply(alpha, np.expm1(np.minimum(x, 0)))),
    lambda y, x, alpha: where(x > 0, 1, y + alpha),
    lambda _y, x, _alpha: _elu_of(x, 1) * (x <= 0),
    low=(-2.0, 0.5),
    high=(-0.1, 2.0),
    complex_domain=False,
)
step = elementwise(
    "step",
    lambda x: np.heaviside(x, 0.0),
    None,
    low=0.1,
    complex_domain=False,
    doc="""Threshold of the perceptron: 1 where ``x > 0``, else 0; its derivative is 0 everywhere.

    >>> import wengert as wg, numpy as np
    >>> wg.step(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 1.])
    """,
)


def softplus(x: Any, /, beta: float = 1.0) -> Any:
    """Smooth rectifier ``log(1 + exp(beta x)) / beta``, safe from overflow; its derivative is the sigmoid.

    >>> import wengert as wg, numpy as np
    >>> wg.softplus(np.array([-1000.0, 1000.0]))
    array([   0., 1000.])
    """
    return _softplus_of(x) if beta == 1 else _softplus_of(arrayed(x) * beta) / beta


def log_sigmoid(x: Any, /) -> Any:
    """Logarithm of the sigmoid, ``-softplus(-x)``, safe from underflow.

    >>> import wengert as wg, numpy as np
    >>> wg.log_sigmoid(np.array([-1000.0]))
    array([-1000.])
    """
    return -_softplus_of(-arrayed(x))


def leaky_relu(x: Any, /, negative_slope: Any = 0.01) -> Any:
    """``x`` where ``x > 0``, else ``negative_slope x``; the slope may be an array, and learned (PReLU).

    The derivative at 0 is the slope.

    >>> import wengert as wg, numpy as np
    >>> wg.leaky_relu(np.array([-1.0, 2.0]), 0.1)
    array([-0.1,  2. ])
    """
    return _leaky(x, negative_slope)


def elu(x: Any, /, alpha: Any = 1.0) -> Any:
    """``x`` where ``x > 0``, else ``alpha (exp(x) - 1)``; strictly increasing. The derivative at 0 is alpha.

    >>> import wengert as wg, numpy as np
    >>> wg.elu(np.array([-1000.0, 2.0]))
    array([-1.,  2.])
    """
    return _elu_of(x, alpha)


def silu(x: Any, /, beta: Any = 1.0) -> Any:
    """Swish ``x sigmoid(beta x)``.

    >>> import wengert as wg, numpy as np
    >>> wg.silu(np.array([0.0, 100.0]))
    array([  0., 100.])
    """
    x = arrayed(x)
    return x * sigmoid(x if type(beta) is float and beta == 1 else x * beta)


def mish(x: Any, /) -> Any:
    """``x tanh(softplus(x))``.

    >>> import wengert as wg, numpy as np
    >>> wg.mish(np.array([0.0, 100.0]))
    array([  0., 100.])
    """
    x = arrayed(x)
    return x * tanh(_softplus_of(x))


def softsign(x: Any, /) -> Any:
    """``x / (1 + |x|)``; its derivative at 0 is 1.

    >>> import wengert as wg, numpy as np
    >>> wg.softsign(np.array([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """
    x = arrayed(x)
    return x / (1 + abs(x))


def gelu(x: Any, /, approximate: str = "none") -> Any:
    """``x Phi(x)`` with the normal distribution function Phi, or its tanh form (``approximate="tanh"``).

    Raises `ArgumentError` for another word.

    >>> import wengert as wg, numpy as np
    >>> wg.gelu(np.array([0.0, 100.0]))
    array([  0., 100.])
    """
    x = arrayed(x)
    if approximate == "none":
        return 0.5 * x * erfc(x * -math.sqrt(0.5))  # 1 + erf would cancel for negative x
    if approximate == "tanh":
        return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))
    raise ArgumentError(f"gelu: got approximate={approximate!r}; needs 'none' or 'tanh'")


__all__ = [
    "elu", "gelu", "leaky_relu", "log_sigmoid", "mish", "relu", "sigmoid", "silu", "softplus", "softsign", "step",
]  # fmt: skip
