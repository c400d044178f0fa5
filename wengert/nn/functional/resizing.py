"""Sizes of pictures: interpolation, and channels exchanged for places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.nn.functional.checks import floating_value, positive
from wengert.ops.picking import take
from wengert.ops.structure import arrayed, moveaxis, reshape, transpose

MODES = {"nearest": None, "nearest-exact": None, "linear": 1, "bilinear": 2, "trilinear": 3}


def _wanted(sizes: Sequence[int], size: Any, scale_factor: Any) -> tuple[list[int], list[float]]:
    """The new lengths, and how many old elements one new element stands for along every axis."""
    if (size is None) == (scale_factor is None):
        raise ArgumentError("interpolate: needs either size or scale_factor")
    given = scale_factor if size is None else size
    each = list(given) if isinstance(given, tuple | list) else [given] * len(sizes)
    if len(each) != len(sizes):
        raise ArgumentError(f"interpolate: got {given!r} for {len(sizes)} spatial axes")
    if size is None:
        if not all(s > 0 for s in each):
            raise ArgumentError(f"interpolate: got scale_factor={scale_factor!r}; needs positive numbers")
        return [math.floor(n * s) for n, s in zip(sizes, each, strict=True)], [1 / s for s in each]
    for n in each:
        positive("interpolate", "size", n)
    return [int(n) for n in each], [old / new for old, new in zip(sizes, each, strict=True)]


def _nearest(length: int, new: int, ratio: float, shift: float) -> Any:
    return np.minimum(np.floor((np.arange(new) + shift) * ratio).astype(np.intp), length - 1)


def _linear(length: int, new: int, ratio: float, align_corners: bool, dtype: Any) -> np.ndarray:
    """The matrix (old, new) of linear interpolation: every column has at most two weights, of sum 1."""
    if align_corners:
        at = np.arange(new) * ((length - 1) / (new - 1) if new > 1 else 0.0)
    else:
        at = np.maximum((np.arange(new) + 0.5) * ratio - 0.5, 0.0)
    low = np.minimum(at.astype(np.intp), length - 1)
    share = at - low
    weights = np.zeros((length, new), np.float64)
    np.add.at(weights, (low, np.arange(new)), 1 - share)
    np.add.at(weights, (np.minimum(low + 1, length - 1), np.arange(new)), share)
    return weights.astype(dtype)


def interpolate(
    x: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Any:
    """The spatial axes of (N, C, *space) brought to `size`, or multiplied by `scale_factor`.

    Modes: ``"nearest"`` (PyTorch's, which rounds down), ``"nearest-exact"``, and ``"linear"``, ``"bilinear"``,
    ``"trilinear"`` for one, two, three spatial axes, with ``align_corners`` as in PyTorch.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.interpolate(np.array([[[1.0, 2.0]]]), scale_factor=2)
    array([[[1., 1., 2., 2.]]])
    """
    x = floating_value(x)
    rank = len(x.shape) - 2
    if mode not in MODES or align_corners is not None and MODES[mode] is None:
        raise ArgumentError(
            f"interpolate: got mode={mode!r}, align_corners={align_corners}; modes are {', '.join(MODES)}, and "
            f"align_corners belongs to the linear ones"
        )
    if rank < 1 or MODES[mode] not in (None, rank):
        raise ShapeError(f"interpolate: got {show(x)} for mode={mode!r}; needs (N, C, *space) of its number of axes")
    lengths, ratios = _wanted(x.shape[2:], size, scale_factor)
    for axis, (new, ratio) in enumerate(zip(lengths, ratios, strict=True), start=2):
        old = x.shape[axis]
        if MODES[mode] is None:
            x = take(x, _nearest(old, new, ratio, 0.5 if mode == "nearest-exact" else 0.0), axis=axis)
        elif new != old or not align_corners:
            matrix = _linear(old, new, ratio, bool(align_corners), x.dtype)
            x = moveaxis(moveaxis(x, axis, -1) @ matrix, -1, axis)
    return x


def pixel_shuffle(x: Any, upscale_factor: int) -> Any:
    """Channels become places: ``(…, C r², H, W) -> (…, C, H r, W r)``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.functional.pixel_shuffle(np.arange(4.0).reshape(4, 1, 1), 2)
    array([[[0., 1.],
            [2., 3.]]])
    """
    x, r = arrayed(x), upscale_factor
    positive("pixel_shuffle", "upscale_factor", r)
    if len(x.shape) < 3 or x.shape[-3] % (r * r):
        raise ShapeError(f"pixel_shuffle: got {show(x)}; needs (…, C, H, W) with channels divisible by {r * r}")
    lead, (c, h, w) = tuple(x.shape[:-3]), x.shape[-3:]
    n = len(lead)
    parts = reshape(x, (*lead, c // (r * r), r, r, h, w))
    mixed = transpose(parts, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return reshape(mixed, (*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(x: Any, downscale_factor: int) -> Any:
    """Places become channels, the inverse of `pixel_shuffle`: ``(…, C, H r, W r) -> (…, C r², H, W)``."""
    x, r = arrayed(x), downscale_factor
    positive("pixel_unshuffle", "downscale_factor", r)
    if len(x.shape) < 3 or x.shape[-1] % r or x.shape[-2] % r:
        raise ShapeError(f"pixel_unshuffle: got {show(x)}; needs (…, C, H, W) with H and W divisible by {r}")
    lead, (c, h, w) = tuple(x.shape[:-3]), x.shape[-3:]
    n = len(lead)
    parts = reshape(x, (*lead, c, h // r, r, w // r, r))
    mixed = transpose(parts, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(mixed, (*lead, c * r * r, h // r, w // r))
