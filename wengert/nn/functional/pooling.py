"""Adaptive maxima under PyTorch's names; the other pools are those of `wengert.ops.pooling`."""

from __future__ import annotations

from typing import Any

from wengert.ops.pooling import adaptive_max_pool


def _each(output_size: Any, rank: int) -> tuple[Any, ...]:
    return tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * rank


def adaptive_max_pool1d(x: Any, output_size: Any) -> Any:
    """`adaptive_max_pool` over the last axis.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.adaptive_max_pool1d(np.array([[[1.0, 3.0, 2.0]]]), 2)
    array([[[3., 3.]]])
    """
    return adaptive_max_pool(x, _each(output_size, 1))


def adaptive_max_pool2d(x: Any, output_size: Any) -> Any:
    """`adaptive_max_pool` over the last two axes."""
    return adaptive_max_pool(x, _each(output_size, 2))
