"""Families of elementwise functions of one argument, numbered by an attribute: f_n(x).

The derivative of a member is made of other members (polygamma_n' = polygamma_(n+1)), so one class states all orders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from wengert.base.errors import DTypeError
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops.elementwise import multiply_no_nan
from wengert.ops.structure import Dims, Samples

Derivative = Callable[[Any, Any, int], Any]  # (y, x, n) to the derivative of f_n at x, in wengert operations


class Family(Primitive):
    """The functions f_n: value ``function(x, n)``, derivative ``derivative(y, x, n)``; None for zero."""

    complex_domain = False

    def __init__(
        self,
        name: str,
        function: Callable[[Any, int], Any],
        derivative: Derivative | None,
        members: Sequence[int],
        domain: tuple[float, float] = (0.5, 3.0),
    ) -> None:
        self.name, self.function, self.derivative = name, function, derivative
        self.members, self.domain = tuple(members), domain
        super().__init__()

    def __call__(self, x: Any, n: int) -> Any:
        return bind(self, (x,), {"n": n})

    def impl(self, x: Any, *, n: int) -> Any:
        return self.function(x, n)

    def aval(self, x: Any, *, n: int) -> Aval:
        return Aval(x.shape, _dtype_of(self, x.dtype, n))

    def vjp(self, g: Any, y: Any, x: Any, *, n: int) -> tuple[Any, ...]:
        return (None if self.derivative is None else multiply_no_nan(self.derivative(y, x, n), g),)

    def jvp(self, ts: Sequence[Any], y: Any, x: Any, *, n: int) -> Any:
        return None if self.derivative is None else multiply_no_nan(self.derivative(y, x, n), ts[0])

    def reads(self, tracked: int) -> tuple[tuple[int, ...], bool]:
        return ((), False) if self.derivative is None else ((0,), True)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, n: int) -> tuple[Any, int | None]:
        return bind(self, xs, {"n": n}), dims[0]

    def samples(self, rng: np.random.Generator) -> Samples:
        for n in self.members:
            yield [rng.uniform(*self.domain, (2, 3))], {"n": n}
        yield [rng.uniform(*self.domain, ())], {"n": self.members[0]}
        yield [rng.uniform(*self.domain, (0,))], {"n": self.members[0]}


@cache
def _dtype_of(family: Family, dtype: np.dtype[Any], n: int) -> np.dtype[Any]:
    try:
        with np.errstate(all="ignore"):
            return np.asarray(family.function(np.ones((), dtype)[()], n)).dtype
    except TypeError:
        raise DTypeError(f"{family.name}: not defined for {dtype}") from None


__all__: list[str] = []
