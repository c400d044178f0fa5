"""The random generator itself, in plain NumPy: Philox 4x32-10 (Salmon et al., 2011) and what is made of its words.

A counter-based generator is a function: words = philox(counter, key). Word ``w`` of draw number ``i`` needs nothing of
draw ``i - 1``, so any part can be computed anywhere (also by compiled code), in any order, with the same result.

The counter of a block of four words is ``(block, block >> 32, attempt, purpose)``. ``purpose`` keeps the words that
make numbers apart from those that make keys; ``attempt`` counts the rounds of a rejection method.
Keys are uint32 arrays (..., 2); leading axes are several keys, each with its own stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

NUMBERS, SPLIT, FOLD, REJECTION = range(4)  # purposes
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_CHUNK = 1 << 14  # counters at a time, so that the eight work arrays stay in the cache


def philox(counter: tuple[Array, Array, Array, Array], key: tuple[Array, Array]) -> tuple[Array, ...]:
    """Ten rounds on broadcast uint64 arrays that hold 32-bit words; four such arrays."""
    c0, c1, c2, c3 = counter
    k0, k1 = (k.astype(np.uint64) for k in key)
    w0, w1 = np.uint64(_WEYL[0]), np.uint64(_WEYL[1])
    for _ in range(10):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _LOW, (p0 >> _HALF) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + w0) & _LOW, (k1 + w1) & _LOW
    return c0, c1, c2, c3


def words(key: Array, count: int, purpose: int = NUMBERS, attempt: int = 0) -> Array:
    """The first `count` 32-bit words of each key: (..., 2) -> (..., count)."""
    lead = key.shape[:-1]
    blocks = -(-count // 4)
    out = np.empty((*lead, blocks, 4), np.uint32)
    keys = key[..., 0, None], key[..., 1, None]
    chunk = max(1, _CHUNK // max(1, int(np.prod(lead))))
    for start in range(0, blocks, chunk):
        block = np.arange(start, min(start + chunk, blocks), dtype=np.uint64)
        fixed = np.uint64(attempt) + np.zeros_like(block), np.uint64(purpose) + np.zeros_like(block)
        parts = philox((block & _LOW, block >> _HALF, *fixed), keys)
        for i, part in enumerate(parts):
            out[..., start : start + len(block), i] = part
    return out.reshape(*lead, blocks * 4)[..., :count]


def words64(key: Array, count: int, purpose: int = NUMBERS, attempt: int = 0) -> Array:
    """The first `count` 64-bit words: pairs of 32-bit words, the first one low."""
    pairs = words(key, 2 * count, purpose, attempt).astype(np.uint64)
    return pairs[..., 0::2] | (pairs[..., 1::2] << _HALF)


def at_counter(key: Array, counter: Any, purpose: int) -> Array:
    """A new key for each `counter` (uint64): the first two words of the block with that number."""
    counter = np.asarray(counter, np.uint64)
    zero = np.zeros_like(counter)
    first, second, _, _ = philox(
        (counter & _LOW, counter >> _HALF, zero, zero + np.uint64(purpose)), (key[..., 0], key[..., 1])
    )
    return np.stack(np.broadcast_arrays(first, second), -1).astype(np.uint32)


# ----- numbers made of words -----------------------------------------------------------------------------
def uniform(key: Array, count: int, dtype: Any, purpose: int = NUMBERS, attempt: int = 0) -> Array:
    """`count` numbers in the open interval (0, 1): (word + 1/2) / 2^k with k = 23 bits (float32) or 52 (float64)."""
    if np.dtype(dtype).itemsize == 8:
        bits = words64(key, count, purpose, attempt) >> np.uint64(12)
        return (bits.astype(np.float64) + 0.5) * 2.0**-52
    bits32 = words(key, count, purpose, attempt) >> np.uint32(9)
    return ((bits32.astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)).astype(dtype)


def normal(key: Array, count: int, dtype: Any, purpose: int = NUMBERS, attempt: int = 0) -> Array:
    """`count` standard normal numbers by Box and Muller: r cos t, r sin t with r = sqrt(-2 log u), t = 2 pi v."""
    work = np.float64 if np.dtype(dtype).itemsize == 8 else np.float32
    pairs = -(-count // 2)
    u = uniform(key, 2 * pairs, work, purpose, attempt)
    radius = np.sqrt(work(-2.0) * np.log(u[..., 0::2]))
    angle = work(2.0 * np.pi) * u[..., 1::2]
    out = np.empty((*key.shape[:-1], 2 * pairs), dtype)
    out[..., 0::2] = radius * np.cos(angle)
    out[..., 1::2] = radius * np.sin(angle)
    return out[..., :count]


def integers(key: Array, low: Array, high: Array) -> Array:
    """An integer in low … high - 1 for every element of the (..., count) bounds.

    The upper half of word times range, whose bias is below range / 2^64 (ranges above 2^32: word modulo range).
    """
    w = words64(key, low.shape[-1])
    span = high.astype(np.uint64) - low.astype(np.uint64)  # modulo 2^64, right also for negative bounds
    small = span <= _LOW
    upper = ((w >> _HALF) * span + (((w & _LOW) * span) >> _HALF)) >> _HALF
    with np.errstate(all="ignore"):
        picked = np.where(small, upper, w % np.maximum(span, np.uint64(1)))
    return (low.astype(np.uint64) + picked).astype(np.int64)


def _rejected(shape: tuple[int, ...], attempt_once: Callable[[int], tuple[Array, Array]], dtype: Any) -> Array:
    """Repeat ``attempt_once(number) -> (proposal, accepted)`` until every element was accepted once."""
    out, todo = np.zeros(shape, dtype), np.ones(shape, bool)
    for attempt in range(1, 10_000):
        proposal, accepted = attempt_once(attempt)
        now = todo & accepted
        out[now] = proposal[now]
        todo &= ~accepted
        if not todo.any():
            break
    return out


def gamma(key: Array, shape_parameter: Array) -> Array:
    """Standard gamma numbers (scale 1) by Marsaglia and Tsang; for parameters below 1 by the boost with u^(1/a)."""
    a = shape_parameter.astype(np.float64)
    count = a.shape[-1]
    valid = a > 0
    boosted = np.where(a < 1, a + 1, a)
    d = np.where(valid, boosted, 1.0) - 1 / 3
    c = 1 / np.sqrt(9 * d)

    def once(attempt: int) -> tuple[Array, Array]:
        x = normal(key, count, np.float64, REJECTION, 2 * attempt)
        u = uniform(key, count, np.float64, REJECTION, 2 * attempt + 1)
        v = (1 + c * x) ** 3
        with np.errstate(all="ignore"):
            fine = (v > 0) & (np.log(u) < 0.5 * x * x + d - d * v + d * np.log(v))
        return d * v, fine | ~valid

    y = _rejected(np.broadcast_shapes(a.shape, (*key.shape[:-1], count)), once, np.float64)
    with np.errstate(all="ignore"):
        power = uniform(key, count, np.float64) ** (1 / a)
        y = np.where(a < 1, y * power, y)
    return np.where(valid, y, np.nan).astype(shape_parameter.dtype)


def poisson(key: Array, rate: Array) -> Array:
    """Poisson counts: by the distribution function below a rate of 10, else by Hoermann's transformed rejection."""
    lam = rate.astype(np.float64)
    count = lam.shape[-1]
    small = lam < 10
    out = _poisson_search(uniform(key, count, np.float64), np.where(small, lam, 0.0))
    if small.all():
        return out
    big = np.where(small, 10.0, lam)
    b = 0.931 + 2.53 * np.sqrt(big)
    a = -0.059 + 0.02483 * b
    inverse = 1.1239 + 1.1328 / (b - 3.4)
    edge = 0.9277 - 3.6224 / (b - 2)

    def once(attempt: int) -> tuple[Array, Array]:
        u = uniform(key, count, np.float64, REJECTION, 2 * attempt) - 0.5
        v = uniform(key, count, np.float64, REJECTION, 2 * attempt + 1)
        us = 0.5 - np.abs(u)
        k = np.floor((2 * a / us + b) * u + big + 0.43)
        quick = (us >= 0.07) & (v <= edge)
        hopeless = (k < 0) | ((us < 0.013) & (v > us))
        with np.errstate(all="ignore"):
            left = np.log(v) + np.log(inverse) - np.log(a / (us * us) + b)
            fine = left <= k * np.log(big) - big - log_factorial(np.maximum(k, 0))
        return k.astype(np.int64), quick | (~hopeless & fine)

    return np.where(small, out, _rejected(out.shape, once, np.int64))


def _poisson_search(u: Array, lam: Array) -> Array:
    term = np.exp(-lam) + np.zeros_like(u)
    total, k = term.copy(), np.zeros(term.shape, np.int64)
    for step in range(1, 100):
        beyond = u > total
        if not beyond.any():
            break
        k += beyond
        term = term * lam / step
        total += term
    return k


def log_factorial(k: Array) -> Array:
    """log k! by Stirling's series, after shifting small arguments up."""
    x = k + 1.0
    shift = np.zeros_like(x)
    for _ in range(8):
        low = x < 8
        shift = shift + np.where(low, np.log(np.where(low, x, 1.0)), 0.0)
        x = np.where(low, x + 1, x)
    series = (1 / 12 - (1 / 360 - 1 / (1260 * x * x)) / (x * x)) / x
    return (x - 0.5) * np.log(x) - x + 0.5 * np.log(2 * np.pi) + series - shift


def gamma_slope(a: Array, x: Array) -> Array:
    """dx/da of a gamma number at fixed probability: -(dP(a, x)/da) / p(x; a), by the series of P.

    -sum_n c_n (log x - psi(a + n + 1)) with c_n = x^(n+1) / (a (a+1) … (a+n)).
    """
    dtype = np.result_type(a, x)
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    with np.errstate(all="ignore"):
        c = x / a
        bracket = np.log(x) - _digamma(a + 1)
        total = c * bracket
        for n in range(1, 20_000):
            c = c * x / (a + n)
            bracket = bracket - 1 / (a + n)
            term = c * bracket
            total = total + term
            if not np.any((np.abs(term) > 1e-17 * np.abs(total)) | (a + n < x)):
                break
    slope: Array = np.where(x > 0, -total, 0.0).astype(dtype)
    return slope


def _digamma(x: Array) -> Array:
    shift = np.zeros_like(x)
    for _ in range(8):
        low = x < 8
        shift = shift + np.where(low, 1 / np.where(low, x, 1.0), 0.0)
        x = np.where(low, x + 1, x)
    y = 1 / (x * x)
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y * (1 / 132)))))
    result: Array = np.log(x) - 0.5 / x - series - shift
    return result


__all__: list[str] = []
