"""Normalisation layers; the formulas are in `wengert.nn.functional.norm`.

Running statistics are buffers. They are replaced, never written into, so a copy of a module (a snapshot, the module
inside ``wg.grad(loss)(model)``) keeps its own. Where the batch's statistics have no values (inside vmap or an
abstract recording) they cannot be kept; a warning says so, except where the running ones were handed in as tensors
of that recording: then the module holds the new ones afterwards, to be returned.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from wengert.base.dtypes import get_default_dtype
from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.core.record import Tensor
from wengert.nn import functional
from wengert.nn.functional.checks import floating_value, known, positive
from wengert.nn.functional.norm import channel_statistics
from wengert.nn.module import Module, Parameter
from wengert.ops.arithmetic import stop_gradient
from wengert.ops.reduction import mean, var


class _RunningNorm(Module):
    """What batch and instance norm share: scale and shift for each channel, and running statistics."""

    ranks: ClassVar[Sequence[int]]
    form: ClassVar[str]
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any
    counts: ClassVar[bool] = True  # PyTorch's instance norm has the count in its state, but leaves it at 0

    def __init__(
        self, num_features: int, eps: float, momentum: float | None, affine: bool, track_running_stats: bool,
        dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        positive(type(self).__name__, "num_features", num_features)
        dtype = dtype or get_default_dtype()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, value in (("weight", np.ones), ("bias", np.zeros)):
            self.register_parameter(name, Parameter(value(num_features, dtype)) if affine else None)
        self.register_buffer("running_mean", np.zeros(num_features, dtype) if track_running_stats else None)
        self.register_buffer("running_var", np.ones(num_features, dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", np.array(0, np.int64) if track_running_stats else None)

    def reset_running_stats(self) -> None:
        """Forget the running statistics."""
        if self.running_mean is not None:
            self.running_mean, self.running_var = np.zeros_like(self.running_mean), np.ones_like(self.running_var)
            self.num_batches_tracked = np.array(0, np.int64)

    def _input(self, x: Any) -> Any:
        x = floating_value(x)
        if len(x.shape) not in self.ranks or x.shape[self._channel_axis(x)] != self.num_features:
            raise ShapeError(
                f"{type(self).__name__}: got {show(x)}; needs {self.form} with {self.num_features} channels"
            )
        return x

    def _channel_axis(self, x: Any) -> int:
        return 1

    def _keep(self, centre: Any, spread: Any) -> None:
        """Move the running statistics towards those of a batch (the unbiased variance, as PyTorch)."""
        count = self.num_batches_tracked + self.counts
        share = 1.0 / count if self.momentum is None else self.momentum
        new = []
        for old, seen in ((self.running_mean, centre), (self.running_var, spread)):
            values = seen if isinstance(old, Tensor) and old.rec is not None else known(seen)
            if values is None:
                warnings.warn(
                    f"{type(self).__name__}: the running statistics are not kept, for the batch has no values inside "
                    f"vmap or an abstract recording; call eval() there, or hand the buffers in as arguments",
                    stacklevel=4,
                )
                return
            values = stop_gradient(values) if isinstance(values, Tensor) else values
            new.append(((1 - share) * old + share * values).astype(old.dtype))
        self.running_mean, self.running_var = new
        self.num_batches_tracked = np.asarray(count) if not isinstance(count, Tensor) else count

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_RunningNorm):
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype)

    def forward(self, x: Any) -> Any:
        x = self._input(x)
        batch = self.training or self.running_mean is None
        y = functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, batch, eps=self.eps)
        if self.training and self.running_mean is not None:
            centre, spread, count = channel_statistics(known_or_recorded(x))
            self._keep(centre, spread * (count / (count - 1)))
        return y


def known_or_recorded(x: Any) -> Any:
    """The values of `x` where they are there (statistics need no recording), else `x`."""
    values = known(x)
    return x if values is None else values


class BatchNorm1d(_BatchNorm):
    """Every channel of (N, C) or (N, C, L) normalised, then scaled and shifted by `weight` and `bias`.

    While training by the batch's mean and biased variance; the running statistics move towards the batch's (with the
    unbiased variance) by `momentum`, or are plain averages with ``momentum=None``. In `eval` by the running ones.

    >>> import wengert as wg, numpy as np
    >>> norm = wg.nn.BatchNorm1d(1)
    >>> _ = norm(np.array([[1.0], [3.0]]))
    >>> norm.running_mean, norm.running_var
    (array([0.2], dtype=float32), array([1.1], dtype=float32))
    """

    ranks, form = (2, 3), "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """Every channel of (N, C, H, W) normalised; see `BatchNorm1d`."""

    ranks, form = (4,), "(N, C, H, W)"


class BatchNorm3d(_BatchNorm):
    """Every channel of (N, C, D, H, W) normalised; see `BatchNorm1d`."""

    ranks, form = (5,), "(N, C, D, H, W)"


class _InstanceNorm(_RunningNorm):
    counts = False

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype)

    def _channel_axis(self, x: Any) -> int:
        return len(x.shape) - self.ranks[0]

    def forward(self, x: Any) -> Any:
        x = self._input(x)
        single = len(x.shape) == self.ranks[0]
        batched = x[None] if single else x
        own = self.training or self.running_mean is None
        y = functional.instance_norm(
            batched, self.running_mean, self.running_var, self.weight, self.bias, own, eps=self.eps
        )
        if self.training and self.running_mean is not None:
            values = known_or_recorded(batched)
            axes = tuple(range(2, len(values.shape)))
            self._keep(mean(mean(values, axes), 0), mean(var(values, axes, ddof=1), 0))
        return y[0] if single else y


class InstanceNorm1d(_InstanceNorm):
    """Every channel of every example of (N, C, L) or (C, L) normalised by its own mean and variance."""

    ranks, form = (2, 3), "(N, C, L) or (C, L)"


class InstanceNorm2d(_InstanceNorm):
    """Every channel of every example of (N, C, H, W) or (C, H, W) normalised by its own mean and variance."""

    ranks, form = (3, 4), "(N, C, H, W) or (C, H, W)"


class InstanceNorm3d(_InstanceNorm):
    """Every channel of every example of (N, C, D, H, W) or (C, D, H, W) normalised."""

    ranks, form = (4, 5), "(N, C, D, H, W) or (C, D, H, W)"


class GroupNorm(Module):
    """Channels of (N, C, …) in `num_groups` groups, each group of each example normalised."""

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, dtype: Any = None
    ) -> None:
        super().__init__()
        positive("GroupNorm", "num_groups", num_groups)
        positive("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ArgumentError(f"GroupNorm: {num_channels} channels do not make {num_groups} equal groups")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        for name, value in (("weight", np.ones), ("bias", np.zeros)):
            made = Parameter(value(num_channels, dtype or get_default_dtype())) if affine else None
            self.register_parameter(name, made)

    def forward(self, x: Any) -> Any:
        x = floating_value(x)
        if len(x.shape) < 2 or x.shape[1] != self.num_channels:
            raise ShapeError(f"GroupNorm: got {show(x)}; needs (N, C, …) with {self.num_channels} channels")
        return functional.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class _LastAxesNorm(Module):
    def __init__(self, normalized_shape: Any, elementwise_affine: bool, dtype: Any) -> None:
        super().__init__()
        given = normalized_shape
        self.normalized_shape = (int(given),) if isinstance(given, int | np.integer) else tuple(given)
        self.elementwise_affine = elementwise_affine
        ones = np.ones(self.normalized_shape, dtype or get_default_dtype())
        self.register_parameter("weight", Parameter(ones) if elementwise_affine else None)


class LayerNorm(_LastAxesNorm):
    """Every example normalised over its last axes, of shape `normalized_shape`.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.LayerNorm(2)(np.array([1.0, 3.0], np.float32)).shape
    (2,)
    """

    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(normalized_shape, elementwise_affine, dtype)
        self.eps = eps
        zeros = np.zeros(self.normalized_shape, dtype or get_default_dtype())
        self.register_parameter("bias", Parameter(zeros) if elementwise_affine and bias else None)

    def forward(self, x: Any) -> Any:
        return functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class RMSNorm(_LastAxesNorm):
    """``x / sqrt(mean(x²) + eps) weight`` over the last axes; `eps` is the dtype's precision by default."""

    def __init__(
        self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True, dtype: Any = None
    ) -> None:
        super().__init__(normalized_shape, elementwise_affine, dtype)
        self.eps = eps

    def forward(self, x: Any) -> Any:
        return functional.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LocalResponseNorm(Module):
    """``x / (k + alpha mean(x²))^beta``, the mean over `size` neighbouring channels of (N, C, …)."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Any) -> Any:
        return functional.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
