"""Convolution layers: ``(N, C_in, *space) -> (N, C_out, *space')``; the operations are in `wengert.ops.convolution`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from wengert.base.errors import ArgumentError
from wengert.nn import functional, init
from wengert.nn.functional.checks import positive
from wengert.nn.layers import empty_parameter
from wengert.nn.module import Module
from wengert.ops.patterns import pad
from wengert.ops.structure import arrayed
from wengert.ops.windows import numbers, paddings

PADDING_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class _Convolution(Module):
    """What all convolutions share: kernels, bias, geometry, PyTorch's first values (±1 / sqrt(fan_in))."""

    rank: ClassVar[int]
    function: ClassVar[Callable[..., Any]]
    transposed: ClassVar[bool] = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        groups: int, bias: bool, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        what = type(self).__name__
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            positive(what, name, value)
        if in_channels % groups or out_channels % groups:
            raise ArgumentError(
                f"{what}: got {in_channels} and {out_channels} channels; both must be divisible by groups={groups}"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = numbers(what, "kernel_size", kernel_size, self.rank, 1)
        self.stride = numbers(what, "stride", stride, self.rank, 1)
        self.dilation = numbers(what, "dilation", dilation, self.rank, 1)
        self.padding: Any = padding if isinstance(padding, str) else numbers(what, "padding", padding, self.rank, 0)
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = empty_parameter((first, second // groups, *self.kernel_size), dtype)
        if bias:
            self.bias = empty_parameter((out_channels,), dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        bound = 1 / math.sqrt(init.fans(self.weight)[0])
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        text += f", padding={self.padding!r}" if self.padding != (0,) * self.rank else ""
        text += f", dilation={self.dilation}" if self.dilation != (1,) * self.rank else ""
        text += f", groups={self.groups}" if self.groups != 1 else ""
        return text + (", bias=False" if self.bias is None else "")


class _Conv(_Convolution):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, dtype)
        if padding_mode not in PADDING_MODES:
            raise ArgumentError(f"{type(self).__name__}: got padding_mode={padding_mode!r}; needs one of "
                                f"{', '.join(PADDING_MODES)}")  # fmt: skip
        self.padding_mode = padding_mode

    def forward(self, x: Any) -> Any:
        padding = self.padding
        if self.padding_mode != "zeros":
            x = arrayed(x)
            pads = paddings(type(self).__name__, padding, self.kernel_size, self.stride, self.dilation)
            x = pad(x, ((0, 0),) * (len(x.shape) - self.rank) + pads, PADDING_MODES[self.padding_mode])
            padding = (0,) * self.rank
        return type(self).function(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """Convolution over one axis: ``(N, C, L)`` or ``(C, L)``; weight ``(out, in / groups, kernel)``.

    ``places = (L + 2 padding - dilation (kernel - 1) - 1) // stride + 1``. `padding` is a number or "same", "valid";
    `padding_mode` one of "zeros", "reflect", "replicate", "circular".

    >>> import wengert as wg, numpy as np
    >>> wg.nn.Conv1d(2, 3, 3, padding="same")(np.zeros((4, 2, 8), np.float32)).shape
    (4, 3, 8)
    """

    rank, function = 1, staticmethod(functional.conv1d)


class Conv2d(_Conv):
    """Convolution over two axes: ``(N, C, H, W)`` or ``(C, H, W)``; weight ``(out, in / groups, *kernel)``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.Conv2d(1, 8, 3, stride=2, padding=1)(np.zeros((4, 1, 28, 28), np.float32)).shape
    (4, 8, 14, 14)
    """

    rank, function = 2, staticmethod(functional.conv2d)


class Conv3d(_Conv):
    """Convolution over three axes: ``(N, C, D, H, W)`` or ``(C, D, H, W)``; weight ``(out, in / groups, *kernel)``."""

    rank, function = 3, staticmethod(functional.conv3d)


class _ConvTranspose(_Convolution):
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, dtype)
        self.output_padding = numbers(type(self).__name__, "output_padding", output_padding, self.rank, 0)

    def forward(self, x: Any) -> Any:
        return type(self).function(x, self.weight, self.bias, self.stride, self.padding, self.output_padding,
                                   self.groups, self.dilation)  # fmt: skip


class ConvTranspose1d(_ConvTranspose):
    """The transpose of `Conv1d` ("deconvolution"): ``(N, C, L)``; weight ``(in, out / groups, kernel)``.

    ``size = (L - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1``.
    """

    rank, function = 1, staticmethod(functional.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """The transpose of `Conv2d`: ``(N, C, H, W)``; weight ``(in, out / groups, *kernel)``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.ConvTranspose2d(8, 1, 2, stride=2)(np.zeros((4, 8, 14, 14), np.float32)).shape
    (4, 1, 28, 28)
    """

    rank, function = 2, staticmethod(functional.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """The transpose of `Conv3d`: ``(N, C, D, H, W)``; weight ``(in, out / groups, *kernel)``."""

    rank, function = 3, staticmethod(functional.conv_transpose3d)
