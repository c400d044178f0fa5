"""Activations as modules; the functions and their derivatives at kinks are in `wengert.ops.activation`."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.base.dtypes import get_default_dtype
from wengert.nn import functional
from wengert.nn.choosing import table as table
from wengert.nn.module import Module, Parameter


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``, in (0, 1); slope 1/4 at 0."""

    def forward(self, x: Any) -> Any:
        return functional.sigmoid(x)


class Tanh(Module):
    """``tanh x``, in (-1, 1), zero-centred."""

    def forward(self, x: Any) -> Any:
        return functional.tanh(x)


class Step(Module):
    """1 where ``x > 0``, else 0; its derivative is 0, so gradients cannot train through it."""

    def forward(self, x: Any) -> Any:
        return functional.step(x)


Heaviside = Step


class Softplus(Module):
    """``log(1 + exp(beta x)) / beta``, exact at any size: PyTorch's `threshold` is accepted and not needed."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta

    def forward(self, x: Any) -> Any:
        return functional.softplus(x, self.beta)

    def extra_repr(self) -> str:
        return f"beta={self.beta}"


class ReLU(Module):
    """``max(x, 0)``; derivative 0 at 0. `inplace` is PyTorch's, here and below: the input never changes."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return functional.relu(x)


class RReLU(Module):
    """`LeakyReLU` with a random slope for every element while training, uniform in ``[lower, upper)``; else the middle.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.RReLU(0.25, 0.75).eval()(np.array([-4.0, 2.0]))
    array([-2.,  2.])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper = lower, upper

    def forward(self, x: Any) -> Any:
        return functional.rrelu(x, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"


class Softsign(Module):
    """``x / (1 + |x|)``, in (-1, 1)."""

    def forward(self, x: Any) -> Any:
        return functional.softsign(x)


class ELU(Module):
    """``x`` where ``x > 0``, else ``alpha (exp(x) - 1)``."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        return functional.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class LogSigmoid(Module):
    """``log sigmoid(x) = -softplus(-x)``."""

    def forward(self, x: Any) -> Any:
        return functional.log_sigmoid(x)


class SiLU(Module):
    """Swish, ``x sigmoid(beta x)``."""

    def __init__(self, beta: float = 1.0, *, inplace: bool = False) -> None:
        super().__init__()
        self.beta = float(beta)

    def forward(self, x: Any) -> Any:
        return functional.silu(x, self.beta)

    def extra_repr(self) -> str:
        return "" if self.beta == 1 else f"beta={self.beta}"


Swish = SiLU


class Sinc(Module):
    """``sin(x) / x``, 1 at 0."""

    def forward(self, x: Any) -> Any:
        return functional.sinc(x)


class LeakyReLU(Module):
    """``x`` where ``x > 0``, else ``negative_slope x``."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Any:
        return functional.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class Mish(Module):
    """``x tanh(softplus(x))``."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return functional.mish(x)


class PReLU(Module):
    """`LeakyReLU` with a learned slope, one for all or one a channel."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        self.weight = Parameter(np.full(num_parameters, init, get_default_dtype()))

    def forward(self, x: Any) -> Any:
        return functional.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.weight.shape[0]}"


class GELU(Module):
    """``x Phi(x)``, or its tanh form."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, x: Any) -> Any:
        return functional.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softmax(Module):
    """``exp(x_i) / sum_j exp(x_j)`` along `dim`; without it along the last axis, with a warning."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Any) -> Any:
        return functional.softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of `Softmax`."""

    def forward(self, x: Any) -> Any:
        return functional.log_softmax(x, self.dim)


class Square(Module):
    """``x²``."""

    def forward(self, x: Any) -> Any:
        return x * x


class SELU(Module):
    """Self-normalising ELU: ``1.0507 x`` where ``x > 0``, else ``1.7581 (exp(x) - 1)``; for `lecun_normal_`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return functional.selu(x)


class CELU(Module):
    """``x`` where ``x > 0``, else ``alpha (exp(x / alpha) - 1)``."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        return functional.celu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class Tanhshrink(Module):
    """``x - tanh x``."""

    def forward(self, x: Any) -> Any:
        return functional.tanhshrink(x)


class GLU(Module):
    """``a sigmoid(b)`` of the two halves of the input along `dim`."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Any) -> Any:
        return functional.glu(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmin(Softmax):
    """`Softmax` of ``-x``."""

    def forward(self, x: Any) -> Any:
        return functional.softmin(x, self.dim)
