"""Random numbers from explicit keys: a function of the key, so recorded, batched and compiled like any other.

    k = wg.random.key(0)
    a, b = wg.random.split(k)              # two keys, two independent streams
    wg.random.normal(a, (3, 2))

A key is a uint32 array of two words; never draw twice from one. The numbers are those of Philox 4x32-10 (philox.py):
uniform by the upper bits, normal by Box and Muller, gamma by Marsaglia and Tsang, Poisson by Hoermann. Parameters
are broadcast to `shape`; gradients reach them wherever a draw is a differentiable function of them (location and
scale everywhere; the shape parameter of gamma and beta by implicit differentiation, first order only).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.dtypes import SCALAR_TYPES, get_default_dtype
from wengert.base.errors import ArgumentError, DTypeError, MissingRuleError, ShapeError, show
from wengert.base.shapes import Shape
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import Tensor, bind
from wengert.ops import contraction, decomposition, gather, philox, special
from wengert.ops import exponential as exponentials
from wengert.ops.elementwise import elementwise
from wengert.ops.structure import Dims, Samples, arrayed, broadcast_to, stacked

INT64 = np.dtype(np.int64)


# ----- lines ------------------------------------------------------------------------------------------------
class Draw(Primitive):
    """Numbers from a key and parameters of the shape of the result; subclasses draw them for a flat count."""

    differentiable = False
    complex_domain = False
    parameters = 0

    def impl(self, *xs: Any, **attrs: Any) -> Any:
        (key, *params), shape = xs, attrs.pop("shape")
        lead, count = key.shape[:-1], shapes.size_of(shape)
        flat = [np.reshape(p, (*lead, count)) for p in params]
        return self.draw(key, flat, count, **attrs).reshape((*lead, *self.result(shape, **attrs)))

    def draw(self, *given: Any, **attrs: Any) -> Any:
        """``draw(key, params, count, **attrs)``: `count` numbers for every key, params (..., count)."""
        raise NotImplementedError

    def result(self, shape: Shape, **_attrs: Any) -> Shape:
        """The shape of one key's result."""
        return shape

    def dtype_of(self, *_params: Any, **_attrs: Any) -> np.dtype[Any]:
        """The dtype of the result."""
        return INT64

    def aval(self, *xs: Any, **attrs: Any) -> Aval:
        (key, *params), shape = xs, attrs.pop("shape")
        return Aval((*key.shape[:-1], *self.result(shape, **attrs)), self.dtype_of(*params, **attrs))

    def vjp(self, _g: Any, _y: Any, _key: Any, *_params: Any, **_attrs: Any) -> tuple[Any, ...]:
        return (None,) * (1 + len(_params))

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, **attrs: Any) -> tuple[Any, int]:
        moved = [stacked(size, x, d) for x, d in zip(xs, dims, strict=True)]
        return bind(self, moved, attrs), 0

    def samples(self, rng: np.random.Generator) -> Samples:
        for shape in ((2, 3), (), (0,)):
            params = [rng.uniform(0.5, 2.0, shape) for _ in range(self.parameters)]
            yield [np.array([1, 2], np.uint32), *params], {"shape": shape, **self.sample_attrs()}

    def sample_attrs(self) -> dict[str, Any]:
        """Further attributes for the battery."""
        return {}


class RandomBits(Draw):
    """Words of 32 or 64 bits."""

    name = "random_bits"

    def draw(self, key: Any, params: Sequence[Any], count: int, *, width: int) -> Any:
        return philox.words(key, count) if width == 32 else philox.words64(key, count)

    def dtype_of(self, *_params: Any, width: int) -> np.dtype[Any]:
        return np.dtype(f"uint{width}")

    def sample_attrs(self) -> dict[str, Any]:
        return {"width": 64}


_KINDS: dict[str, Callable[[Any, int, Any], Any]] = {
    "uniform": philox.uniform,
    "normal": philox.normal,
    "exponential": lambda key, count, dtype: -np.log(philox.uniform(key, count, dtype)),
    "gumbel": lambda key, count, dtype: -np.log(-np.log(philox.uniform(key, count, dtype))),
    "laplace": lambda key, count, dtype: _laplace(philox.uniform(key, count, dtype)),
    "logistic": lambda key, count, dtype: _logistic(philox.uniform(key, count, dtype)),
}


def _laplace(u: Any) -> Any:
    v = 2 * u - 1
    return -np.sign(v) * np.log1p(-np.abs(v))


def _logistic(u: Any) -> Any:
    return np.log(u) - np.log1p(-u)


class RandomStandard(Draw):
    """Numbers of a distribution without parameters."""

    name = "random_standard"

    def draw(self, key: Any, params: Sequence[Any], count: int, *, kind: str, dtype: np.dtype[Any]) -> Any:
        return _KINDS[kind](key, count, dtype.type).astype(dtype, copy=False)

    def dtype_of(self, *_params: Any, kind: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
        return dtype

    def sample_attrs(self) -> dict[str, Any]:
        return {"kind": "normal", "dtype": np.dtype(np.float64)}


class RandomIntegers(Draw):
    """Integers in low … high - 1."""

    name = "random_integers"

    def draw(self, key: Any, params: Sequence[Any], count: int) -> Any:
        return philox.integers(key, *(np.asarray(p, INT64) for p in params))

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [np.array([1, 2], np.uint32), np.array([0, -5]), np.array([10, 5])], {"shape": (2,)}


class RandomBernoulli(Draw):
    """True with a probability."""

    name = "random_bernoulli"
    parameters = 1

    def draw(self, key: Any, params: Sequence[Any], count: int) -> Any:
        return philox.uniform(key, count, np.float64) < params[0]

    def dtype_of(self, *_params: Any) -> np.dtype[Any]:
        return np.dtype(bool)


class RandomPoisson(Draw):
    """Poisson counts."""

    name = "random_poisson"
    parameters = 1

    def draw(self, key: Any, params: Sequence[Any], count: int) -> Any:
        return philox.poisson(key, params[0])


class RandomGamma(Draw):
    """Standard gamma numbers; the derivative by the parameter is implicit: -(dP/da) / (dP/dx)."""

    name = "random_gamma"
    differentiable = True
    parameters = 1

    def draw(self, key: Any, params: Sequence[Any], count: int) -> Any:
        return philox.gamma(key, params[0])

    def dtype_of(self, *params: Any) -> np.dtype[Any]:
        return params[0].dtype

    def vjp(self, g: Any, y: Any, _key: Any, a: Any, *, shape: Shape) -> tuple[Any, ...]:
        return None, g * gamma_slope(a, y)


class RandomPermutation(Draw):
    """The numbers 0 … n - 1 in random order, or the first `count` of them; drawn by sorting random words."""

    name = "random_permutation"

    def draw(self, key: Any, params: Sequence[Any], count: int, *, n: int) -> Any:
        return np.argsort(philox.words64(key, n), axis=-1, kind="stable")[..., :count].astype(np.int64)

    def sample_attrs(self) -> dict[str, Any]:
        return {"n": 7}


class RandomChoice(Draw):
    """Indices with probability proportional to exp(logits), along the last axis of the logits.

    With replacement by the largest of logit + Gumbel number in every row; without, the largest ones of a single row.
    """

    name = "random_choice"

    def impl(self, key: Any, logits: Any, *, shape: Shape, replace: bool) -> Any:
        lead, count, n = key.shape[:-1], shapes.size_of(shape), logits.shape[-1]
        rows = 1 if not replace else count
        noise = _KINDS["gumbel"](key, rows * n, np.float64).reshape((*lead, rows, n))
        scores = noise + np.reshape(logits, (*lead, rows if len(logits.shape) - len(lead) > 1 else 1, n))
        if replace:
            return np.argmax(scores, axis=-1).reshape((*lead, *shape))
        order = np.argsort(-scores[..., 0, :], axis=-1, kind="stable")
        return order[..., :count].reshape((*lead, *shape)).astype(np.int64)

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [np.array([1, 2], np.uint32), rng.normal(size=(2, 4))], {"shape": (2,), "replace": True}
        yield [np.array([1, 2], np.uint32), rng.normal(size=5)], {"shape": (3,), "replace": False}


class RandomKeys(Draw):
    """New keys: block number i of the key's own stream for keys (shape: how many)."""

    name = "random_keys"

    def draw(self, key: Any, params: Sequence[Any], count: int) -> Any:
        return philox.at_counter(key[..., None, :], np.arange(count, dtype=np.uint64), philox.SPLIT)

    def result(self, shape: Shape, **_attrs: Any) -> Shape:
        return (*shape, 2)

    def dtype_of(self, *_params: Any) -> np.dtype[Any]:
        return np.dtype(np.uint32)


class RandomFold(Draw):
    """A new key from a key and an integer."""

    name = "random_fold"

    def impl(self, key: Any, data: Any, *, shape: Shape) -> Any:
        return philox.at_counter(key, np.asarray(data).astype(np.int64).view(np.uint64), philox.FOLD)

    def aval(self, key: Any, _data: Any, *, shape: Shape) -> Aval:
        return Aval(key.shape, np.dtype(np.uint32))

    def samples(self, rng: np.random.Generator) -> Samples:
        yield [np.array([1, 2], np.uint32), np.int64(-3)], {"shape": ()}


RANDOM_BITS, RANDOM_STANDARD, RANDOM_INTEGERS = RandomBits(), RandomStandard(), RandomIntegers()
RANDOM_BERNOULLI, RANDOM_POISSON, RANDOM_GAMMA = RandomBernoulli(), RandomPoisson(), RandomGamma()
RANDOM_PERMUTATION, RANDOM_CHOICE, RANDOM_KEYS = RandomPermutation(), RandomChoice(), RandomKeys()
RANDOM_FOLD = RandomFold()


def _no_second(_y: Any, _a: Any, _x: Any) -> Any:
    raise MissingRuleError(
        "gamma: the second derivative of a gamma draw by its shape parameter is not known here",
        hint="gradients of gamma and beta draws are first order only",
    )


gamma_slope = elementwise(
    "gamma_slope", philox.gamma_slope, _no_second, _no_second, low=0.5, complex_domain=False,
    doc="""Derivative of a standard gamma number by its shape parameter, at fixed probability; see philox.py.

    >>> import wengert as wg, numpy as np
    >>> from wengert.ops.random import gamma_slope
    >>> gamma_slope(np.array([1.0]), np.array([np.log(2)])).round(6)
    array([0.917972])
    """,
)  # fmt: skip


# ----- keys -----------------------------------------------------------------------------------------------
def key(seed: int) -> Any:
    """The key of a seed: its lower and upper 32 bits.

    >>> import wengert as wg
    >>> wg.random.key(7)
    array([7, 0], dtype=uint32)
    """
    try:
        number = operator.index(seed)
    except TypeError:
        raise ArgumentError(f"key: got the seed {seed!r}; needs an integer") from None
    return np.array([number & 0xFFFFFFFF, (number >> 32) & 0xFFFFFFFF], np.uint32)


def _key(k: Any, what: str) -> Any:
    if getattr(k, "dtype", None) != np.uint32 or tuple(k.shape) != (2,):
        raise ArgumentError(f"{what}: got {show(k)} as key; needs a uint32 array of shape (2,)",
                            hint="make one with wg.random.key(seed), several with wg.random.split(key, n)")  # fmt: skip
    return k


def split(key: Any, n: int = 2) -> Any:
    """`n` new keys with independent streams, as an array (n, 2).

    >>> import wengert as wg
    >>> wg.random.split(wg.random.key(0), 3).shape
    (3, 2)
    """
    return bind(RANDOM_KEYS, (_key(key, "split"),), {"shape": shapes.as_shape("split", n)})


def fold_in(key: Any, data: Any) -> Any:
    """A new key from a key and an integer, such as the number of a step.

    >>> import wengert as wg
    >>> k = wg.random.key(0)
    >>> bool((wg.random.fold_in(k, 1) != wg.random.fold_in(k, 2)).any())
    True
    """
    data = arrayed(data)
    if data.dtype.kind not in "iu" or data.shape:
        raise ArgumentError(f"fold_in: got {show(data)}; needs an integer")
    return bind(RANDOM_FOLD, (_key(key, "fold_in"), data), {"shape": ()})


def bits(key: Any, shape: Any = (), width: int = 32) -> Any:
    """Random words of 32 or 64 bits, as uint32 or uint64.

    >>> import wengert as wg, numpy as np
    >>> [hex(w) for w in wg.random.bits(wg.random.key(0), 2)]
    ['0x6627e8d5', '0xe169c58d']
    """
    if width not in (32, 64):
        raise ArgumentError(f"bits: got a width of {width}; needs 32 or 64")
    return bind(RANDOM_BITS, (_key(key, "bits"),), {"shape": shapes.as_shape("bits", shape), "width": width})


# ----- parameters -----------------------------------------------------------------------------------------
def _float(what: str, dtype: Any, *params: Any) -> np.dtype[Any]:
    """The dtype asked for, else that of the floating array parameters, else the default."""
    if dtype is None:
        strong = [p.dtype for p in params if type(p) not in SCALAR_TYPES and p.dtype.kind == "f"]
        return np.result_type(*strong) if strong else get_default_dtype()
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        raise DTypeError(f"{what}: got the dtype {wanted}; needs a real floating dtype")
    return wanted


def _params(*params: Any) -> list[Any]:
    return [p if type(p) in SCALAR_TYPES else arrayed(p) for p in params]


def _shape(what: str, shape: Any, *params: Any) -> Shape:
    """The shape asked for, to which the parameters must broadcast; else theirs."""
    theirs = shapes.broadcast(what, *(() if type(p) in SCALAR_TYPES else tuple(p.shape) for p in params))
    if shape is None:
        return theirs
    wanted = shapes.as_shape(what, shape)
    if shapes.broadcast(what, wanted, theirs) != wanted:
        raise ShapeError(f"{what}: parameters of shape {list(theirs)} do not broadcast to the shape {list(wanted)}")
    return wanted


def _standard(key: Any, what: str, kind: str, shape: Shape, dtype: np.dtype[Any]) -> Any:
    return bind(RANDOM_STANDARD, (_key(key, what),), {"shape": shape, "kind": kind, "dtype": dtype})


def _filled(p: Any, shape: Shape, dtype: Any) -> Any:
    """A parameter of the shape of the result."""
    p = np.asarray(p, dtype) if type(p) in SCALAR_TYPES else p
    return broadcast_to(p, shape)


def _location_scale(what: str, kind: str, key: Any, loc: Any, scale: Any, shape: Any, dtype: Any) -> Any:
    loc, scale = _params(loc, scale)
    kept = _float(what, dtype, loc, scale)
    z = _standard(key, what, kind, _shape(what, shape, loc, scale), kept)
    scaled = z if type(scale) in SCALAR_TYPES and scale == 1 else z * scale
    return scaled if type(loc) in SCALAR_TYPES and loc == 0 else scaled + loc


# ----- continuous distributions ----------------------------------------------------------------------------
def uniform(key: Any, shape: Any = None, low: Any = 0.0, high: Any = 1.0, dtype: Any = None) -> Any:
    """Uniform numbers between `low` and `high`, ends excluded (up to rounding): ``low + (high - low) u``.

    >>> import wengert as wg
    >>> float(wg.random.uniform(wg.random.key(0), dtype="float64"))
    0.88052...
    """
    low, high = _params(low, high)
    return _location_scale("uniform", "uniform", key, low, high - low, _shape("uniform", shape, low, high), dtype)


def normal(key: Any, shape: Any = None, loc: Any = 0.0, scale: Any = 1.0, dtype: Any = None) -> Any:
    """Normal numbers ``loc + scale z``; z by Box and Muller.

    >>> import wengert as wg
    >>> wg.random.normal(wg.random.key(0), (2, 3)).dtype
    dtype('float32')
    """
    return _location_scale("normal", "normal", key, loc, scale, shape, dtype)


def laplace(key: Any, shape: Any = None, loc: Any = 0.0, scale: Any = 1.0, dtype: Any = None) -> Any:
    """Laplace numbers ``loc + scale z``, density ``exp(-|z|) / 2``.

    >>> import wengert as wg
    >>> wg.random.laplace(wg.random.key(0), 3).shape
    (3,)
    """
    return _location_scale("laplace", "laplace", key, loc, scale, shape, dtype)


def gumbel(key: Any, shape: Any = None, loc: Any = 0.0, scale: Any = 1.0, dtype: Any = None) -> Any:
    """Gumbel numbers ``loc - scale log(-log u)``.

    >>> import wengert as wg
    >>> wg.random.gumbel(wg.random.key(0), 3).shape
    (3,)
    """
    return _location_scale("gumbel", "gumbel", key, loc, scale, shape, dtype)


def logistic(key: Any, shape: Any = None, loc: Any = 0.0, scale: Any = 1.0, dtype: Any = None) -> Any:
    """Logistic numbers ``loc + scale log(u / (1 - u))``.

    >>> import wengert as wg
    >>> wg.random.logistic(wg.random.key(0), 3).shape
    (3,)
    """
    return _location_scale("logistic", "logistic", key, loc, scale, shape, dtype)


def exponential(key: Any, shape: Any = None, scale: Any = 1.0, dtype: Any = None) -> Any:
    """Exponential numbers ``-scale log u`` of mean `scale`.

    >>> import wengert as wg
    >>> wg.random.exponential(wg.random.key(0), 3).shape
    (3,)
    """
    return _location_scale("exponential", "exponential", key, 0.0, scale, shape, dtype)


def gamma(key: Any, a: Any, shape: Any = None, scale: Any = 1.0, dtype: Any = None) -> Any:
    """Gamma numbers of shape parameter `a`, density ``x^(a-1) exp(-x/scale)``; NaN where `a` is not positive.

    The gradient by `a` is implicit, ``-(dP(a, x)/da) / p(x; a)``, and first order only (`MissingRuleError`).

    >>> import wengert as wg
    >>> wg.random.gamma(wg.random.key(0), 2.0, 3).shape
    (3,)
    """
    a, scale = _params(a, scale)
    kept = _float("gamma", dtype, a, scale)
    wanted = _shape("gamma", shape, a, scale)
    filled = _filled(a, wanted, kept)
    x = bind(RANDOM_GAMMA, (_key(key, "gamma"), filled if filled.dtype == kept else filled.astype(kept)),
             {"shape": wanted})  # fmt: skip
    return x if type(scale) in SCALAR_TYPES and scale == 1 else x * scale


def beta(key: Any, a: Any, b: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Beta numbers ``x / (x + y)`` of two gamma numbers; gradients as for `gamma`.

    >>> import wengert as wg
    >>> wg.random.beta(wg.random.key(0), 2.0, 3.0, 4).shape
    (4,)
    """
    a, b = _params(a, b)
    keys, wanted, kept = split(key), _shape("beta", shape, a, b), _float("beta", dtype, a, b)
    x, y = gamma(keys[0], a, wanted, dtype=kept), gamma(keys[1], b, wanted, dtype=kept)
    return x / (x + y)


def truncated_normal(
    key: Any, lower: Any, upper: Any, shape: Any = None, loc: Any = 0.0, scale: Any = 1.0, dtype: Any = None
) -> Any:
    """Normal numbers conditioned on ``lower < z < upper`` (in units of `scale`), by the inverse of their distribution.

    >>> import wengert as wg
    >>> x = wg.random.truncated_normal(wg.random.key(0), -1.0, 1.0, 100)
    >>> bool(abs(x).max() <= 1)
    True
    """
    lower, upper, loc, scale = _params(lower, upper, loc, scale)
    kept = _float("truncated_normal", dtype, lower, upper, loc, scale)
    wanted = _shape("truncated_normal", shape, lower, upper, loc, scale)
    u = _standard(key, "truncated_normal", "uniform", wanted, np.dtype(np.float64))
    low, high = special.ndtr(arrayed(lower)), special.ndtr(arrayed(upper))
    z = special.ndtri(low + u * (high - low)).astype(kept)
    return z * scale + loc


def multivariate_normal(key: Any, mean: Any, cov: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Normal vectors ``mean + L z`` with ``L L' = cov``: shapes (n,), (n, n) -> (*shape, n).

    >>> import wengert as wg, numpy as np
    >>> wg.random.multivariate_normal(wg.random.key(0), np.zeros(2), np.eye(2), 5).shape
    (5, 2)
    """
    mean, cov = _params(mean, cov)
    n = mean.shape[-1]
    z = normal(key, (*shapes.as_shape("multivariate_normal", shape), n), dtype=_float("normal", dtype, mean, cov))
    return mean + contraction.matmul(z, decomposition.cholesky(cov).T)


# ----- integers, choices -----------------------------------------------------------------------------------
def integers(key: Any, low: Any, high: Any = None, shape: Any = None, dtype: Any = np.int64) -> Any:
    """Integers in ``low … high - 1``; with one bound in ``0 … low - 1``.

    >>> import wengert as wg
    >>> wg.random.integers(wg.random.key(0), 10, shape=5).max() < 10
    np.True_
    """
    low, high = (0, low) if high is None else (low, high)
    low, high = _params(low, high)
    for bound in (low, high):
        if (bound.dtype.kind if type(bound) not in SCALAR_TYPES else type(bound).__name__[0]) not in "iub":
            raise DTypeError(f"integers: got the bound {show(bound)}; needs integers")
    if type(low) in SCALAR_TYPES and type(high) in SCALAR_TYPES and not low < high:
        raise ArgumentError(f"integers: got low {low} and high {high}; needs low < high")
    wanted = _shape("integers", shape, low, high)
    bounds = [_filled(b, wanted, np.int64) for b in (low, high)]
    drawn = bind(RANDOM_INTEGERS, (_key(key, "integers"), *bounds), {"shape": wanted})
    return drawn if np.dtype(dtype) == np.int64 else drawn.astype(dtype)


randint = integers


def _take(x: Any, indices: Any, axis: int) -> Any:
    return gather.getitem(x, (slice(None),) * axis + (indices,))


def permutation(key: Any, x: Any, axis: int = 0) -> Any:
    """The numbers ``0 … x - 1`` in random order, or the slices of an array along `axis`.

    >>> import wengert as wg
    >>> sorted(wg.random.permutation(wg.random.key(0), 4).tolist())
    [0, 1, 2, 3]
    """
    if isinstance(x, int | np.integer):
        return bind(RANDOM_PERMUTATION, (_key(key, "permutation"),), {"shape": (int(x),), "n": int(x)})
    x = arrayed(x)
    axis = shapes.axis_index("permutation", axis, len(x.shape))
    return _take(x, permutation(key, x.shape[axis]), axis)


shuffle = permutation


def choice(key: Any, a: Any, shape: Any = (), replace: bool = True, p: Any = None, axis: int = 0) -> Any:
    """Random elements of ``range(a)``, or slices of an array along `axis`, with probabilities `p` (default equal).

    >>> import wengert as wg
    >>> len(set(wg.random.choice(wg.random.key(0), 5, 5, replace=False).tolist()))
    5
    """
    single = isinstance(a, int | np.integer)
    a = int(a) if single else arrayed(a)
    axis = 0 if single else shapes.axis_index("choice", axis, len(a.shape))
    n = a if single else a.shape[axis]
    wanted = shapes.as_shape("choice", shape)
    if n < 1 and shapes.size_of(wanted) or not replace and shapes.size_of(wanted) > n:
        raise ArgumentError(f"choice: cannot take {shapes.size_of(wanted)} of {n} without replacement"
                            if n else "choice: there is nothing to choose from")  # fmt: skip
    if p is not None:
        indices = _weighted(key, p, n, wanted, replace)
    elif replace:
        indices = integers(key, 0, n, wanted)
    else:
        indices = bind(RANDOM_PERMUTATION, (_key(key, "choice"),), {"shape": wanted, "n": n}).reshape(wanted)
    return indices if single else _take(a, indices, axis)


def _weighted(key: Any, p: Any, n: int, shape: Shape, replace: bool) -> Any:
    p = arrayed(p)
    if tuple(p.shape) != (n,):
        raise ShapeError(f"choice: got probabilities {show(p)} for {n} elements; needs shape ({n},)")
    if not isinstance(p, Tensor) and (np.any(p < 0) or abs(np.sum(p) - 1) > 1e-4):
        raise ArgumentError(f"choice: probabilities must be at least 0 and sum to 1; got the sum {np.sum(p)}")
    with np.errstate(all="ignore"):
        logits = exponentials.log(p)
    return bind(RANDOM_CHOICE, (_key(key, "choice"), logits), {"shape": shape, "replace": replace})


def categorical(key: Any, logits: Any, shape: Any = None) -> Any:
    """Indices with probabilities softmax(logits) along the last axis: (..., n) -> (...), or `shape`.

    >>> import wengert as wg, numpy as np
    >>> int(wg.random.categorical(wg.random.key(0), np.array([-np.inf, 0.0])))
    1
    """
    logits = arrayed(logits)
    if not logits.shape or not logits.shape[-1]:
        raise ShapeError(f"categorical: got logits {show(logits)}; needs at least one on the last axis")
    lead = tuple(logits.shape[:-1])
    wanted = lead if shape is None else shapes.as_shape("categorical", shape)
    rows = logits if not lead else broadcast_to(logits, (*wanted, logits.shape[-1]))
    return bind(RANDOM_CHOICE, (_key(key, "categorical"), rows), {"shape": wanted, "replace": True})


def bernoulli(key: Any, p: Any = 0.5, shape: Any = None) -> Any:
    """True with probability `p`, elementwise.

    >>> import wengert as wg
    >>> wg.random.bernoulli(wg.random.key(0), 1.0, 2)
    array([ True,  True])
    """
    (p,) = _params(p)
    wanted = _shape("bernoulli", shape, p)
    return bind(RANDOM_BERNOULLI, (_key(key, "bernoulli"), _filled(p, wanted, np.float64)), {"shape": wanted})


def poisson(key: Any, rate: Any = 1.0, shape: Any = None) -> Any:
    """Poisson counts of mean `rate`, as int64; no gradient.

    >>> import wengert as wg
    >>> wg.random.poisson(wg.random.key(0), 0.0, 2)
    array([0, 0])
    """
    (rate,) = _params(rate)
    wanted = _shape("poisson", shape, rate)
    return bind(RANDOM_POISSON, (_key(key, "poisson"), _filled(rate, wanted, np.float64)), {"shape": wanted})


__all__ = [
    "bernoulli", "beta", "bits", "categorical", "choice", "exponential", "fold_in", "gamma", "gumbel", "integers",
    "key", "laplace", "logistic", "multivariate_normal", "normal", "permutation", "poisson", "randint", "shuffle",
    "split", "truncated_normal", "uniform",
]  # fmt: skip
