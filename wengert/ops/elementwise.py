"""Elementwise primitives: a scalar function is one line, its value and its partial derivatives.

    tanh = elementwise("tanh", np.tanh, lambda y, _x: 1 - y * y, doc=…)

vjp, jvp, batching, shapes and dtypes follow. A partial is a function ``(y, *xs)`` in wengert operations, a
number where it is constant, or None where it is zero everywhere; an argument it does not read starts with an
underscore. Broadcasting and promotion are NumPy's.

A zero cotangent contributes zero: where a partial can be infinite or NaN (``singular``), it is multiplied by
`multiply_no_nan`, so nothing leaks from a branch of `where` that was not taken.

Complex numbers: a holomorphic function's vjp is ``g * partial`` without conjugation (the convention of JAX and
HIPS autograd: the gradient of a real function of z = x + iy is df/dx - i df/dy).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.errors import DTypeError, show
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind
from wengert.ops.structure import Dims, Samples, pad_rank, to_front

Partial = Callable[..., Any] | int | float | None


class Elementwise(Primitive):
    """A function applied to every element, of one or several broadcast operands."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        partials: Sequence[Partial],
        domain: Sequence[tuple[float, float]],
        singular: bool,
        complex_domain: bool,
    ) -> None:
        self.name = name
        self.impl = function  # type: ignore[method-assign]
        self.partials = tuple(partials)
        self.domain = domain
        self.scale = _scale_safely if singular else _scale
        self.complex_domain = complex_domain
        self._dtypes: dict[tuple[Any, ...], np.dtype[Any]] = {}
        super().__init__()

    def aval(self, *xs: Any) -> Aval:
        shape = shapes.broadcast(self.name, *(() if type(x) in SCALAR_TYPES else x.shape for x in xs))
        key = tuple(type(x) if type(x) in SCALAR_TYPES else x.dtype for x in xs)
        dtype = self._dtypes.get(key)
        if dtype is None:
            dtype = self._dtypes[key] = self._find_dtype(key, xs)
        return Aval(shape, dtype)

    def _find_dtype(self, key: tuple[Any, ...], xs: Sequence[Any]) -> np.dtype[Any]:
        """NumPy's own answer, asked on one element a operand (Python scalars stay weak)."""
        try:
            with np.errstate(all="ignore"):
                ones = [k(1) if isinstance(k, type) else np.ones((), k)[()] for k in key]
                return np.asarray(self.impl(*ones)).dtype
        except TypeError:
            raise DTypeError(f"{self.name}: not defined for {', '.join(map(show, xs))}") from None

    def vjp(self, g: Any, y: Any, *xs: Any) -> tuple[Any, ...]:
        return self.pull(g, y, list(xs), [True] * len(xs), {})

    def pull(self, g: Any, y: Any, xs: list[Any], needs: list[bool], attrs: dict[str, Any]) -> tuple[Any, ...]:
        return self._terms(g, y, xs, needs, self.scale)

    def pull_behind_mask(
        self, g: Any, y: Any, xs: list[Any], needs: list[bool], attrs: dict[str, Any]
    ) -> tuple[Any, ...]:
        # Safe for bounded partials too: an operand that is NaN itself (tanh(log(x)), x negative) makes any of them NaN.
        if type(self).pull is not Elementwise.pull:
            return self.pull(g, y, xs, needs, attrs)
        return self._terms(g, y, xs, needs, _scale_safely)

    def _terms(
        self, g: Any, y: Any, xs: list[Any], needs: list[bool], scale: Callable[[Any, Any], Any]
    ) -> tuple[Any, ...]:
        return tuple(
            [  # a list: twice as fast as a generator in the hottest place of the reverse sweep
                None
                if partial is None or not need
                else g
                if partial == 1
                else scale(g, partial(y, *xs))
                if callable(partial)
                else g * partial
                for need, partial in zip(needs, self.partials)  # noqa: B905
            ]
        )

    def jvp(self, ts: Sequence[Any], y: Any, *xs: Any) -> Any:
        total = None
        for t, partial in zip(ts, self.partials, strict=True):
            if t is None or partial is None:
                continue
            if callable(partial):
                term = self.scale(t, partial(y, *xs))
            else:
                term = t if partial == 1 else -t if partial == -1 else t * partial
            total = term if total is None else total + term
        return total

    def batch(self, size: int, xs: Sequence[Any], dims: Dims) -> tuple[Any, int]:
        ranks = [_rank(x) - (d is not None) for x, d in zip(xs, dims, strict=True)]
        moved = [x if d is None else pad_rank(to_front(x, d), max(ranks)) for x, d in zip(xs, dims, strict=True)]
        return bind(self, moved), 0

    def reads(self, tracked: int) -> tuple[tuple[int, ...], bool]:
        read_y = False
        read_xs: set[int] = set()
        for i, partial in enumerate(self.partials):
            if tracked >> i & 1 and callable(partial):
                y, *xs = inspect.signature(partial).parameters
                read_y = read_y or not y.startswith("_")
                read_xs.update(j for j, x in enumerate(xs) if not x.startswith("_"))
        return tuple(sorted(read_xs)), read_y

    def samples(self, rng: np.random.Generator) -> Samples:
        for sizes in _SAMPLE_SHAPES[len(self.partials)]:
            yield [_draw(rng, *limits, s) for limits, s in zip(self.domain, sizes, strict=True)], {}


_SAMPLE_SHAPES: dict[int, list[tuple[tuple[int, ...], ...]]] = {
    1: [((2, 3),), ((),), ((0,),), ((1,),)],
    2: [((2, 3), (3,)), ((), (2,)), ((2, 1), (1, 3)), ((0, 2), (1, 2)), ((), ())],
    3: [((2, 3), (3,), (2, 1)), ((), (2,), ()), ((0,), (1,), ())],
}


def _draw(rng: np.random.Generator, low: float, high: float, size: tuple[int, ...]) -> Any:
    return rng.uniform(low, high, size)


def _rank(x: Any) -> int:
    return 0 if type(x) in SCALAR_TYPES else len(x.shape)


def _scale(g: Any, partial: Any) -> Any:
    return g * partial


def _scale_safely(g: Any, partial: Any) -> Any:
    return multiply_no_nan(partial, g)


def _multiply_no_nan(x: Any, y: Any) -> Any:
    with np.errstate(all="ignore"):
        product = np.multiply(x, y)
        if not np.isnan(np.vdot(product, product)):  # the cheapest look at all elements
            return product
        return np.where(np.isnan(product) & (np.equal(x, 0) | np.equal(y, 0)), np.zeros((), product.dtype), product)


def elementwise(
    name: str,
    function: Callable[..., Any],
    *partials: Partial,
    doc: str = "",
    low: float | Sequence[float] = -2.0,
    high: float | Sequence[float] = 2.0,
    singular: bool = False,
    complex_domain: bool = True,
    masks: bool = False,
) -> Callable[..., Any]:
    """Define an elementwise primitive and return the user's function for it.

    `low` and `high` (one number, or one an operand) bound the samples of the battery; `singular` says that a
    partial can be infinite where the value is used; `masks` that partials are 0 where an operand was not chosen;
    `complex_domain` that they hold for complex numbers.
    """
    count = len(partials)
    lows = (low,) * count if isinstance(low, int | float) else tuple(low)
    highs = (high,) * count if isinstance(high, int | float) else tuple(high)
    primitive = Elementwise(name, function, partials, list(zip(lows, highs, strict=True)), singular, complex_domain)
    primitive.masks = masks
    return user_function(primitive, count, doc)


def user_function(primitive: Primitive, count: int, doc: str) -> Callable[..., Any]:
    """The public function ``name(x1, …, xn, /)`` of an elementwise primitive."""
    if count == 1:

        def function(x: Any, /) -> Any:
            return bind(primitive, (x,))

    elif count == 2:

        def function(x1: Any, x2: Any, /) -> Any:  # type: ignore[misc]
            return bind(primitive, (x1, x2))

    else:

        def function(*xs: Any) -> Any:  # type: ignore[misc]
            if len(xs) != count:
                raise TypeError(f"{primitive.name}() takes {count} arguments but {len(xs)} were given")
            return bind(primitive, xs)

    function.__name__ = function.__qualname__ = primitive.name
    function.__doc__ = doc
    function.primitive = primitive  # type: ignore[attr-defined]
    return function


def example(name: str, arguments: str, result: str) -> str:
    """The example at the end of a docstring."""
    return f"\n\n    >>> import wengert as wg, numpy as np\n    >>> wg.{name}({arguments})\n    {result}\n    "


multiply_no_nan = elementwise(
    "multiply_no_nan",
    _multiply_no_nan,
    lambda _y, _a, b: b,
    lambda _y, a, _b: a,
    singular=True,
    doc="""Product ``x1 * x2`` in which 0 times anything is 0, also against an infinite or NaN operand.

    >>> import wengert as wg, numpy as np
    >>> wg.multiply_no_nan(np.array([np.inf, 2.0]), np.array([0.0, 3.0]))
    array([0., 6.])
    """,
)

__all__ = ["multiply_no_nan"]
