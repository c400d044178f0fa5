"""Odd lengths, dtypes and layouts: one past each register and tile, primes, 1 and 0; windows, strides, alignment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from tests.compiler.native.comparing import close, compare, made, tape_of
from wengert.compiler.runner import Runner

LENGTHS = (0, 1, 2, 5, 8, 9, 16, 17, 33, 127, 257)
FLOATS = (np.float64, np.float32)
WHOLE = (np.int64, np.int32, np.int8, np.uint8, np.bool_)


def numbers(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=shape).astype(dtype) if np.dtype(dtype).kind == "f" else rng.integers(0, 2, shape).astype(dtype)
    )


def floating(x: Any, y: Any, m: Any) -> tuple[Any, ...]:
    """What every shape is tried with: x (n,), y (n,), m (3, n)."""
    e = wg.exp(x - y)
    return (
        e, x * 2 + y, wg.where(x > y, x, -y), (m * x).sum(-1), (m + y).sum(0), (m * m).sum(), m.T @ m[:, :1],
        m @ x, m.T * 2, m[:, ::-1] + x, m[::2].sum(1), wg.concatenate([x, y, m[0]]), wg.cumsum(m, axis=1),
        wg.cumsum(m, axis=0), (m - m.mean(0)) / wg.sqrt(m.var(0) + 1), wg.nn.functional.pad(m, (1, 2)),
        m.prod(0), wg.isfinite(m).all(), wg.tanh(m.reshape(-1)), wg.broadcast_to(x[:, None], (*x.shape, 3)) + 1,
    )  # fmt: skip


def with_elements(m: Any) -> tuple[Any, ...]:
    return (
        m.max(0), m.max(1), m.min(), wg.softmax(m, 1), wg.softmax(m, 0), wg.logsumexp(m, 1), m.argmax(1), m.argmin(0),
        (m - m.max(1, keepdims=True)).sum(), m[:, -1], m[np.array([0, -1, 1, 0])], wg.log_softmax(m.T, 0),
    )  # fmt: skip


def whole(x: Any, y: Any, m: Any) -> tuple[Any, ...]:
    return (
        x + y, x * y, wg.where(x > y, x, y), m.sum(0), m.sum(), m.any(1), m.all(0), m.T, m[:, ::-1], m.prod(1),
        wg.concatenate([x, y]), x == y, m.astype(np.float32) * 1.5, wg.maximum(m, x), wg.cumsum(m, axis=1),
    )  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", LENGTHS)
def test_floating(n: int, dtype: Any) -> None:
    x, y, m = (numbers(s, dtype, i) for i, s in enumerate(((n,), (n,), (3, n))))
    compare(tape_of(floating, [x, y, m]), [x, y, m])
    if n:
        compare(tape_of(with_elements, [m]), [m])
        compare(tape_of(wg.grad(lambda m: sum((y * y).sum() for y in with_elements(m) if y.dtype == dtype)), [m]), [m])


@pytest.mark.parametrize("dtype", WHOLE)
@pytest.mark.parametrize("n", [0, 1, 7, 17, 65])
def test_whole(n: int, dtype: Any) -> None:
    given = [numbers(s, dtype, i) for i, s in enumerate(((n,), (n,), (3, n)))]
    compare(tape_of(whole, given), given)


@pytest.mark.parametrize("shape", [(1, 1), (17, 1), (1, 33), (5, 3, 2), (2, 1, 9, 4), (3, 16, 17), (7, 0, 3)])
def test_every_reduction(shape: tuple[int, ...]) -> None:
    rank = len(shape)
    axes = [tuple(a for a in range(rank) if bits >> a & 1) for bits in range(1, 2**rank)]

    def f(x: Any) -> list[Any]:
        found = [x.sum(a) for a in axes] + [wg.exp(x.sum(a, keepdims=True) - x) for a in axes]
        found += [wg.transpose(x * x, a).sum(0) for a in (tuple(range(rank))[::-1], (rank - 1, *range(rank - 1)))]
        return found + ([x.max(a) for a in axes] if x.size else [])

    x = numbers(shape, np.float64)
    compare(tape_of(f, [x]), [x])


@pytest.mark.parametrize("m", [1, 2, 17])
@pytest.mark.parametrize("n", [1, 3, 33])
@pytest.mark.parametrize("k", [1, 7])
def test_products(m: int, n: int, k: int) -> None:
    def f(a: Any, b: Any, c: Any) -> tuple[Any, ...]:
        return (
            wg.relu(a @ b + c), (a.T[:, ::-1].T @ b), wg.tanh(b.T @ a.T) * 2, a[::2] @ b, (a @ b).sum(0), a @ b[:, 0],
            a[0] @ b, (a @ b) / wg.exp(c).sum(), wg.stack([a, a]) @ b, wg.stack([a, 2 * a]) @ wg.stack([b, b * b]),
        )  # fmt: skip

    given = [numbers(s, np.float64, i) for i, s in enumerate(((m, k), (k, n), (n,)))]
    compare(tape_of(f, given), given)


def layouts(x: np.ndarray) -> Iterator[np.ndarray]:
    """The same values laid out in every odd way."""
    yield np.asfortranarray(x)
    wide = np.full(tuple(2 * n + 1 for n in x.shape), 7, x.dtype)
    wide[tuple(slice(1, None, 2) for _ in x.shape)] = x
    yield wide[tuple(slice(1, None, 2) for _ in x.shape)]
    yield np.ascontiguousarray(x[::-1])[::-1]
    yield np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)  # not aligned
    yield np.broadcast_to(x[:1], x.shape)
    locked = x.copy()
    locked.flags.writeable = False
    yield locked
    yield x.astype(x.dtype.newbyteorder())


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
def test_layouts_of_inputs(dtype: Any) -> None:
    x, y = numbers((5, 9), dtype), numbers((9, 4), dtype, 1)
    tape = tape_of(lambda x, y: (x * 2, x.T + 1, (x * x).sum(0), x @ y, x[::2]), [x, y])
    program, runner = made(tape), Runner(tape)
    compiled = wg.compile(lambda x, y: (x * 2, (x * x).sum(0), x @ y))
    for a in layouts(x):
        for b in layouts(y):
            for found, wanted in zip(program([a, b]), runner([a, b]), strict=True):
                close(found, np.asarray(wanted).astype(found.dtype))
        if a.dtype.isnative:
            for found, wanted in zip(compiled(a, y), (a * 2, (a * a).sum(0), a @ y), strict=True):
                close(found, wanted)


CHAINS: list[Callable[[Any], Any]] = [
    lambda x: wg.exp(x[1:, ::2].T).reshape(-1)[::-1],
    lambda x: (x.reshape(4, 2, 3).transpose(2, 0, 1) * 2).reshape(3, 8).sum(0),
    lambda x: wg.broadcast_to(x[:, :1], (4, 6)) * x[:, ::-1] - x.T.reshape(4, 6),
    lambda x: wg.nn.functional.pad(x, (2, 1, 1, 0))[1:-1, ::3] + 1,
    lambda x: wg.concatenate([x, wg.exp(x), x[:1]], 0).T.sum(0),
    lambda x: wg.grad(lambda x: (x[::2, 1:] ** 3).sum() + (x[:, None, ::-1] ** 2)[1:3].sum())(x),
    lambda x: wg.grad(lambda x: wg.sin(x[1:3, ::-2].T.reshape(-1)).sum())(x),
    lambda x: wg.roll(x, 1, 1) + wg.flip(x, 0) + wg.swapaxes(x.reshape(6, 4), 0, 1),
    lambda x: wg.stack([x, x[::-1]], 1).max(1) + wg.tile(x[:2, :3], (2, 2)),
    lambda x: wg.diff(x, axis=1).sum(1) * wg.squeeze(x[:, :1], 1) + wg.outer(x[0], x[:, 0]).sum(0),
]


@pytest.mark.parametrize("number", range(len(CHAINS)))
@pytest.mark.parametrize("dtype", FLOATS)
def test_chains_of_windows(number: int, dtype: Any) -> None:
    x = numbers((4, 6), dtype)
    compare(tape_of(CHAINS[number], [x]), [x])
