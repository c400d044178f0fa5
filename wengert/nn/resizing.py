"""Layers that change the size of pictures; the formulas are in `wengert.nn.functional.resizing`."""

from __future__ import annotations

from typing import Any

from wengert.base.errors import ArgumentError
from wengert.nn import functional
from wengert.nn.functional.checks import positive
from wengert.nn.functional.resizing import MODES
from wengert.nn.module import Module


class Upsample(Module):
    """The spatial axes of (N, C, *space) brought to `size` or multiplied by `scale_factor`.

    Modes "nearest", "nearest-exact", "linear" (one axis), "bilinear" (two), "trilinear" (three).

    >>> import wengert as wg, numpy as np
    >>> wg.nn.Upsample(scale_factor=2, mode="bilinear")(np.zeros((1, 3, 4, 4))).shape
    (1, 3, 8, 8)
    """

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
    ) -> None:
        super().__init__()
        if mode not in MODES or (size is None) == (scale_factor is None):
            raise ArgumentError(
                f"Upsample: got size={size}, scale_factor={scale_factor}, mode={mode!r}; needs one of size and "
                f"scale_factor, and one of the modes {', '.join(MODES)}"
            )
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, x: Any) -> Any:
        return functional.interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners)

    def extra_repr(self) -> str:
        what = f"size={self.size}" if self.size is not None else f"scale_factor={self.scale_factor}"
        return f"{what}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` to the nearest neighbour."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` by bilinear interpolation whose corners stay in place."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)


class PixelShuffle(Module):
    """Channels become places: ``(…, C r², H, W) -> (…, C, H r, W r)``."""

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        positive("PixelShuffle", "upscale_factor", upscale_factor)
        self.upscale_factor = upscale_factor

    def forward(self, x: Any) -> Any:
        return functional.pixel_shuffle(x, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Places become channels: ``(…, C, H r, W r) -> (…, C r², H, W)``."""

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        positive("PixelUnshuffle", "downscale_factor", downscale_factor)
        self.downscale_factor = downscale_factor

    def forward(self, x: Any) -> Any:
        return functional.pixel_unshuffle(x, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"
