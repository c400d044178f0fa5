"""Normalisation: ``(x - mean) / sqrt(var + eps)`` over a choice of axes, then scale and shift."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.nn.functional.checks import floating_value, over_channels, ranked
from wengert.ops.exponential import rsqrt
from wengert.ops.linalg import vector_norm
from wengert.ops.manipulation import broadcast_arrays
from wengert.ops.patterns import pad
from wengert.ops.reduction import mean, var
from wengert.ops.rounding import maximum
from wengert.ops.structure import arrayed, reshape


def standardised(x: Any, axes: Sequence[int], eps: float) -> Any:
    """`x` with mean 0 and variance 1 (biased, plus `eps`) over `axes`."""
    centre = mean(x, axes, keepdims=True)
    difference = x - centre
    return difference * rsqrt(mean(difference * difference, axes, keepdims=True) + eps)


def affine(x: Any, weight: Any, bias: Any) -> Any:
    """``x weight + bias``, each where it is there."""
    y = x if weight is None else x * weight
    return y if bias is None else y + bias


def _affine_of_channels(x: Any, weight: Any, bias: Any) -> Any:
    rank = len(x.shape)
    return affine(x, *(None if p is None else over_channels(p, rank) for p in (weight, bias)))


def _channels(what: str, x: Any) -> Any:
    x = floating_value(x)
    if len(x.shape) < 2:
        raise ShapeError(f"{what}: got {show(x)}; needs (N, C) or (N, C, …)")
    return x


def channel_statistics(x: Any) -> tuple[Any, Any, int]:
    """Mean and biased variance of every channel of (N, C, …), and how many elements each is of."""
    axes = (0, *range(2, len(x.shape)))
    return mean(x, axes), var(x, axes), math.prod(x.shape[:1] + x.shape[2:])


def batch_norm(
    x: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Every channel of (N, C, …) normalised: while training by the batch's statistics, else by the running ones.

    A function changes nothing: the module `BatchNorm1d` keeps the running statistics, here `momentum` is unused.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.batch_norm(np.array([[1.0], [3.0]]), training=True, eps=0)
    array([[-1.],
           [ 1.]])
    """
    x = _channels("batch_norm", x)
    if training:
        if math.prod(x.shape[:1] + x.shape[2:]) < 2:
            raise ShapeError(
                f"batch_norm: got {show(x)}; while training it needs more than one value a channel",
                hint="use a larger batch, or model.eval()",
            )
        return _affine_of_channels(standardised(x, (0, *range(2, len(x.shape))), eps), weight, bias)
    if running_mean is None or running_var is None:
        raise ArgumentError("batch_norm: not training, and no running statistics given")
    rank = len(x.shape)
    y = (x - over_channels(running_mean, rank)) * over_channels(rsqrt(arrayed(running_var) + eps), rank)
    return _affine_of_channels(y, weight, bias)


def instance_norm(
    x: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Every channel of every example of (N, C, …) normalised by its own statistics."""
    x = _channels("instance_norm", x)
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    if math.prod(x.shape[2:]) < 2:
        raise ShapeError(f"instance_norm: got {show(x)}; needs more than one value a channel and example")
    return _affine_of_channels(standardised(x, tuple(range(2, len(x.shape))), eps), weight, bias)


def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """The channels of (N, C, …) in `num_groups` groups, each group of each example normalised.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.group_norm(np.array([[1.0, 3.0, 5.0, 7.0]]), 2, eps=0)
    array([[-1.,  1., -1.,  1.]])
    """
    x = _channels("group_norm", x)
    n, channels = x.shape[:2]
    if num_groups < 1 or channels % num_groups:
        raise ShapeError(f"group_norm: got {show(x)}; its {channels} channels do not make {num_groups} equal groups")
    groups = reshape(x, (n, num_groups, -1) if x.size else (n, num_groups, 0))
    return _affine_of_channels(reshape(standardised(groups, (2,), eps), x.shape), weight, bias)


def _last_axes(what: str, x: Any, normalized_shape: Any) -> tuple[Any, tuple[int, ...]]:
    x = floating_value(x)
    shape = (normalized_shape,) if isinstance(normalized_shape, int | np.integer) else tuple(normalized_shape)
    rank = len(shape)
    if not rank or tuple(x.shape[-rank:]) != shape:
        raise ShapeError(f"{what}: got {show(x)}; needs its last axes to be {list(shape)}")
    return x, tuple(range(len(x.shape) - rank, len(x.shape)))


def layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Every example normalised over its last axes, which have the shape `normalized_shape`.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.layer_norm(np.array([1.0, 3.0]), (2,), eps=0)
    array([-1.,  1.])
    """
    x, axes = _last_axes("layer_norm", x, normalized_shape)
    return affine(standardised(x, axes, eps), weight, bias)


def rms_norm(x: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """``x / sqrt(mean(x²) + eps)`` over the last axes; `eps` is the dtype's precision where it is not given."""
    x, axes = _last_axes("rms_norm", x, normalized_shape)
    small = float(np.finfo(x.dtype).eps) if eps is None else eps
    return affine(x * rsqrt(mean(x * x, axes, keepdims=True) + small), weight, None)


def normalize(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """``x / max(‖x‖_p, eps)`` along `dim`."""
    x = floating_value(x)
    return x / maximum(vector_norm(x, axis=dim, keepdims=True, ord=p), eps)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between two vectors along `dim`, of operands that broadcast.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.cosine_similarity(np.array([1.0, 0.0]), np.array([1.0, 1.0]), dim=0).round(4)
    np.float64(0.7071)
    """
    x1, x2 = broadcast_arrays(floating_value(x1), floating_value(x2))
    lengths = (maximum(vector_norm(x, axis=dim, keepdims=True), eps) for x in (x1, x2))
    first, second = (x / n for x, n in zip((x1, x2), lengths, strict=True))
    return (first * second).sum(axis=dim)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """``‖x1 - x2 + eps‖_p`` along the last axis."""
    difference = ranked("pairwise_distance", floating_value(x1) - x2 + eps, range(1, 33), "at least one axis")
    return vector_norm(difference, axis=-1, keepdims=keepdim, ord=p)


def local_response_norm(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """``x / (k + alpha mean(x²))^beta``, the mean over `size` neighbouring channels of (N, C, …), 0 beyond the ends.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.local_response_norm(np.full((1, 3, 1), 2.0), 3, alpha=3.0, beta=1.0, k=0.0).ravel()
    array([0.25      , 0.16666667, 0.25      ])
    """
    x = _channels("local_response_norm", x)
    if len(x.shape) < 3 or size < 1:
        raise ShapeError(f"local_response_norm: got {show(x)} and size={size}; needs (N, C, …) and at least 1")
    widths = [(0, 0)] * len(x.shape)
    widths[1] = (size // 2, (size - 1) // 2)
    squares, channels = pad(x * x, widths), x.shape[1]
    near = sum(squares[:, i : i + channels] for i in range(size))
    return x / (k + alpha / size * near) ** beta
