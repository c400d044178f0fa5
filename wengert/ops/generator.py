"""Random numbers without keys, as in PyTorch: one global generator, seeded by `manual_seed`.

Draw number ``n`` of the session uses the key ``fold_in(key(seed), n)``: the state is the seed and ``n``, so a saved
state continues bit for bit. Every draw of the package takes its key from `next_key`. Safe to call from many threads
(which draw gets which number is then up to their order).
"""

from __future__ import annotations

import operator
import os
import threading
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.dtypes import get_default_dtype
from wengert.base.errors import ArgumentError, DTypeError, show
from wengert.core.places import Fixed
from wengert.core.record import Tensor, concrete, current, leaf, local, needs_eager
from wengert.ops import random


class Generator:
    """A seed and the number of the next draw.

    The key of the seed and the count are arrays that stay the same ones: compiled functions read and count there.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._lock = threading.Lock()
        self._key = np.zeros(2, np.uint32)
        self._count = np.zeros((), np.int64)
        self.manual_seed(int.from_bytes(os.urandom(8)) >> 1 if seed is None else seed)

    @property
    def count(self) -> int:
        """The number of the next draw."""
        return int(self._count)

    def manual_seed(self, seed: int) -> Generator:
        """Start again from `seed`."""
        self._set(operator.index(seed) & 0xFFFFFFFFFFFFFFFF, 0)
        return self

    def _set(self, seed: int, count: int) -> None:
        needs_eager("the seed of a generator", "seed it outside of the compiled function")
        with self._lock:
            self.seed = seed
            self._key[...] = random.key(seed)
            self._count[...] = count

    def next_key(self) -> Any:
        """The key of the next draw."""
        if local.lifting is not None:
            key = local.lifting.get(id(self._key), lambda: Fixed(self._key, "the key of a generator"))
            slot = local.lifting.slot(id(self._count), lambda: Fixed(self._count, "the count of a generator"))
            count, slot.now = slot.now, slot.now + 1
            return random.fold_in(key, count)
        with self._lock:
            key, count = self._key.copy(), int(self._count)
            self._count += 1
        return random.fold_in(key, count)

    def get_state(self) -> np.ndarray:
        """Seed and number of draws, as two uint64."""
        with self._lock:
            return np.array([self.seed, self._count], np.uint64)

    def set_state(self, state: Any) -> None:
        """Continue from a state of `get_state`."""
        state = np.asarray(concrete(state))
        if state.shape != (2,) or state.dtype != np.uint64:
            raise ArgumentError(f"set_rng_state: got {show(state)}; needs a state that get_rng_state gave, uint64[2]")
        self._set(int(state[0]), int(state[1]))


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the global generator: from here on the same draws give the same numbers.

    >>> import wengert as wg
    >>> _ = wg.random.manual_seed(0)
    >>> a = wg.random.rand(2)
    >>> _ = wg.random.manual_seed(0)
    >>> bool((a.value == wg.random.rand(2).value).all())
    True
    """
    try:
        return default_generator.manual_seed(seed)
    except TypeError:
        raise ArgumentError(f"manual_seed: got {seed!r}; needs an integer") from None


def initial_seed() -> int:
    """The seed of the global generator.

    >>> import wengert as wg
    >>> _ = wg.random.manual_seed(3)
    >>> wg.random.initial_seed()
    3
    """
    return default_generator.seed


def seed() -> int:
    """Seed the global generator from the operating system; returns the seed.

    >>> import wengert as wg
    >>> wg.random.seed() == wg.random.initial_seed()
    True
    """
    default_generator.manual_seed(int.from_bytes(os.urandom(8)) >> 1)
    return default_generator.seed


def get_rng_state() -> np.ndarray:
    """The state of the global generator; `set_rng_state` continues from it bit for bit.

    >>> import wengert as wg
    >>> _ = wg.random.manual_seed(5)
    >>> wg.random.get_rng_state()
    array([5, 0], dtype=uint64)
    """
    return default_generator.get_state()


def set_rng_state(state: Any) -> None:
    """Continue the global generator from a state of `get_rng_state`.

    >>> import wengert as wg
    >>> s = wg.random.get_rng_state()
    >>> a = wg.random.rand(1)
    >>> wg.random.set_rng_state(s)
    >>> bool(wg.random.rand(1).value == a.value)
    True
    """
    default_generator.set_state(state)


def next_key() -> Any:
    """The key of the next draw of the global generator, for use with the functions of keys.

    >>> import wengert as wg
    >>> wg.random.next_key().shape
    (2,)
    """
    return default_generator.next_key()


# ----- tensors -------------------------------------------------------------------------------------------
def _sizes(what: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    return shapes.as_shape(what, size[0] if len(size) == 1 else size)


def _dtype(dtype: Any) -> np.dtype[Any]:
    return get_default_dtype() if dtype is None else np.dtype(dtype)


def _tensor(values: Any, requires_grad: bool) -> Tensor:
    values = current(values) if isinstance(values, Tensor) else np.asarray(values)
    if requires_grad and values.dtype.kind not in "fc":
        raise DTypeError(f"requires_grad: only floating tensors have gradients, got {values.dtype}")
    return leaf(values) if requires_grad else values if isinstance(values, Tensor) else Tensor(values)


def _key(generator: Generator | None) -> Any:
    return (generator or default_generator).next_key()


def rand(*size: Any, dtype: Any = None, requires_grad: bool = False, generator: Generator | None = None) -> Tensor:
    """A tensor of uniform numbers in (0, 1), of the default dtype.

    >>> import wengert as wg
    >>> wg.random.rand(2, 3).shape
    (2, 3)
    """
    return _tensor(random.uniform(_key(generator), _sizes("rand", size), dtype=_dtype(dtype)), requires_grad)


def randn(*size: Any, dtype: Any = None, requires_grad: bool = False, generator: Generator | None = None) -> Tensor:
    """A tensor of standard normal numbers, of the default dtype.

    >>> import wengert as wg
    >>> wg.random.randn(2, 3).shape
    (2, 3)
    """
    return _tensor(random.normal(_key(generator), _sizes("randn", size), dtype=_dtype(dtype)), requires_grad)


def rand_like(x: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform numbers in (0, 1) of the shape and dtype of `x`.

    >>> import wengert as wg, numpy as np
    >>> wg.random.rand_like(np.zeros((2, 3))).shape
    (2, 3)
    """
    return rand(tuple(x.shape), dtype=dtype or x.dtype, requires_grad=requires_grad)


def randn_like(x: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Standard normal numbers of the shape and dtype of `x`.

    >>> import wengert as wg, numpy as np
    >>> wg.random.randn_like(np.zeros((2, 3))).shape
    (2, 3)
    """
    return randn(tuple(x.shape), dtype=dtype or x.dtype, requires_grad=requires_grad)


def torch_randint(low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64,
                  generator: Generator | None = None) -> Tensor:  # fmt: skip
    """A tensor of integers in ``low … high - 1``; ``randint(high, size)`` starts from 0.

    >>> import wengert as wg
    >>> wg.randint(0, 10, (2, 3)).shape
    (2, 3)
    """
    if isinstance(high, tuple | list):
        low, high, size = 0, low, high
    if size is None:
        raise ArgumentError("randint: needs a size, as in randint(0, 10, (2, 3))")
    low, high = (0, low) if high is None else (low, high)
    return _tensor(random.integers(_key(generator), low, high, tuple(size), dtype), False)


def randperm(n: int, dtype: Any = np.int64, generator: Generator | None = None) -> Tensor:
    """A tensor of the numbers ``0 … n - 1`` in random order.

    >>> import wengert as wg
    >>> sorted(wg.random.randperm(3).value.tolist())
    [0, 1, 2]
    """
    drawn = random.permutation(_key(generator), operator.index(n))
    return _tensor(drawn if np.dtype(dtype) == np.int64 else drawn.astype(dtype), False)


def torch_normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, dtype: Any = None, requires_grad: bool = False,
                 generator: Generator | None = None) -> Tensor:  # fmt: skip
    """A tensor of normal numbers of the given means and standard deviations (broadcast, or of the given size).

    >>> import wengert as wg
    >>> wg.normal(0.0, 1.0, (2, 3)).shape
    (2, 3)
    """
    strong = any(hasattr(p, "dtype") for p in (mean, std))
    kept = None if strong and dtype is None else _dtype(dtype)
    drawn = random.normal(_key(generator), size, concrete(mean), concrete(std), dtype=kept)
    return _tensor(drawn, requires_grad)


def torch_bernoulli(p: Any, generator: Generator | None = None) -> Tensor:
    """A tensor of zeros and ones, ones with the probabilities `p`, of the dtype of `p`.

    >>> import wengert as wg, numpy as np
    >>> wg.bernoulli(np.ones(2)).value
    array([1., 1.])
    """
    p = np.asarray(concrete(p))
    return _tensor(random.bernoulli(_key(generator), p).astype(p.dtype), False)


def multinomial(
    weights: Any, num_samples: int, replacement: bool = False, generator: Generator | None = None
) -> Tensor:
    """A tensor of `num_samples` indices drawn with probability proportional to `weights` (..., n).

    >>> import wengert as wg, numpy as np
    >>> wg.random.multinomial(np.array([0.0, 1.0]), 3, replacement=True).value
    array([1, 1, 1])
    """
    values = np.asarray(concrete(weights), np.float64)
    rows = values.reshape(-1, values.shape[-1])
    keys = random.split(_key(generator), max(1, len(rows)))
    shares = rows / rows.sum(-1, keepdims=True)
    drawn = [random.choice(keys[i], len(p), num_samples, replacement, p) for i, p in enumerate(shares)]
    return _tensor(np.reshape(drawn, (*values.shape[:-1], num_samples)), False)


# ----- filling tensors ---------------------------------------------------------------------------------------
def fill_uniform(x: Tensor, low: float = 0.0, high: float = 1.0, generator: Generator | None = None) -> Any:
    """New values for ``x.uniform_``: uniform between `low` and `high`.

    >>> import wengert as wg, numpy as np
    >>> wg.random.fill_uniform(np.zeros(2)).shape
    (2,)
    """
    return random.uniform(_key(generator), tuple(x.shape), low, high, dtype=x.dtype)


def fill_normal(x: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Any:
    """New values for ``x.normal_``: normal.

    >>> import wengert as wg, numpy as np
    >>> wg.random.fill_normal(np.zeros(2)).shape
    (2,)
    """
    return random.normal(_key(generator), tuple(x.shape), mean, std, dtype=x.dtype)


__all__ = [
    "Generator", "fill_normal", "fill_uniform", "get_rng_state", "initial_seed", "manual_seed", "multinomial",
    "next_key", "rand", "rand_like", "randn", "randn_like", "randperm", "seed", "set_rng_state",
]  # fmt: skip
