"""Pooling layers; the operations are in `wengert.ops.pooling`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from wengert.base.errors import ArgumentError
from wengert.nn import functional
from wengert.nn.module import Module
from wengert.ops import pooling


class _MaxPool(Module):
    function: ClassVar[Callable[..., Any]]

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, x: Any) -> Any:
        return type(self).function(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
                                   self.return_indices)  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The maximum of every window of the last axis; the first of equal maxima gets the gradient."""

    function = staticmethod(pooling.max_pool1d)


class MaxPool2d(_MaxPool):
    """The maximum of every window of the last two axes; the stride is the kernel by default.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.MaxPool2d(2)(np.zeros((4, 8, 28, 28))).shape
    (4, 8, 14, 14)
    """

    function = staticmethod(pooling.max_pool2d)


class MaxPool3d(_MaxPool):
    """The maximum of every window of the last three axes."""

    function = staticmethod(pooling.max_pool3d)


class _AvgPool(Module):
    function: ClassVar[Callable[..., Any]]

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if divisor_override == 0:
            raise ArgumentError(f"{type(self).__name__}: got divisor_override=0; needs another number")
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    def forward(self, x: Any) -> Any:
        return type(self).function(x, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                                   self.count_include_pad, self.divisor_override)  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    """The mean of every window of the last axis; padding counts as zeros unless `count_include_pad` is False."""

    function = staticmethod(pooling.avg_pool1d)

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)

    def forward(self, x: Any) -> Any:
        return pooling.avg_pool1d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                                  self.count_include_pad)  # fmt: skip


class AvgPool2d(_AvgPool):
    """The mean of every window of the last two axes.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.AvgPool2d(2)(np.ones((1, 1, 4, 4)))
    array([[[[1., 1.],
             [1., 1.]]]])
    """

    function = staticmethod(pooling.avg_pool2d)


class AvgPool3d(_AvgPool):
    """The mean of every window of the last three axes."""

    function = staticmethod(pooling.avg_pool3d)


class _AdaptivePool(Module):
    function: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Any) -> Any:
        return type(self).function(x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """Means over as many windows as `output_size` says, whatever the length."""

    function = staticmethod(pooling.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptivePool):
    """Means over as many windows as `output_size` says (None keeps an axis): ``AdaptiveAvgPool2d(1)`` is the mean.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.AdaptiveAvgPool2d((1, None))(np.zeros((4, 8, 7, 5))).shape
    (4, 8, 1, 5)
    """

    function = staticmethod(pooling.adaptive_avg_pool2d)


class AdaptiveMaxPool1d(_AdaptivePool):
    """Maxima over as many windows as `output_size` says."""

    function = staticmethod(functional.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptivePool):
    """Maxima over as many windows as `output_size` says."""

    function = staticmethod(functional.adaptive_max_pool2d)
