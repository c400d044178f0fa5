"""Padding of the last one, two or three axes, with PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from wengert.base.errors import ArgumentError
from wengert.nn import functional
from wengert.nn.functional.checks import ranked
from wengert.nn.module import Module


class _Pad(Module):
    """What the padding layers share: on how many axes, and with what."""

    rank: ClassVar[int]
    mode: ClassVar[str] = "constant"
    value: float = 0.0

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        self.padding = (padding,) * (2 * self.rank) if isinstance(padding, int) else tuple(padding)
        if len(self.padding) != 2 * self.rank:
            raise ArgumentError(
                f"{type(self).__name__}: got padding={padding}; needs a number, or {2 * self.rank} (last axis first)"
            )

    def forward(self, x: Any) -> Any:
        axes = ", ".join("DHW"[3 - self.rank :] if self.rank > 1 else "L")
        x = ranked(type(self).__name__, x, (self.rank + 1, self.rank + 2), f"(N, C, {axes}) or (C, {axes})")
        return functional.pad(x, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """`value` before and behind the last axis: `padding` places, or ``(before, behind)``; negative numbers cut off."""

    rank = 1


class ConstantPad2d(_ConstantPad):
    """`value` around the last two axes: `padding` places, or ``(left, right, top, bottom)``.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.ConstantPad2d((1, 0, 0, 1), 7.0)(np.zeros((1, 1, 2)))
    array([[[7., 0., 0.],
            [7., 7., 7.]]])
    """

    rank = 2


class ConstantPad3d(_ConstantPad):
    """`value` around the last three axes: `padding` places, or ``(left, right, top, bottom, front, back)``."""

    rank = 3


class ZeroPad1d(_Pad):
    """Zeros before and behind the last axis; see `ConstantPad1d`."""

    rank = 1


class ZeroPad2d(_Pad):
    """Zeros around the last two axes; see `ConstantPad2d`."""

    rank = 2


class ZeroPad3d(_Pad):
    """Zeros around the last three axes; see `ConstantPad3d`."""

    rank = 3


class ReflectionPad1d(_Pad):
    """The last axis mirrored at its ends, without the ends themselves: fewer places than it is long.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.ReflectionPad1d(2)(np.array([[1.0, 2.0, 3.0]]))
    array([[3., 2., 1., 2., 3., 2., 1.]])
    """

    rank, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The last two axes mirrored at their ends; see `ReflectionPad1d`."""

    rank, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """The last three axes mirrored at their ends; see `ReflectionPad1d`."""

    rank, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The ends of the last axis, repeated."""

    rank, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The border of the last two axes, repeated.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.ReplicationPad2d((1, 0, 1, 0))(np.array([[[1.0, 2.0]]]))
    array([[[1., 1., 2.],
            [1., 1., 2.]]])
    """

    rank, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The border of the last three axes, repeated."""

    rank, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The last axis goes on at its other end."""

    rank, mode = 1, "circular"


class CircularPad2d(_Pad):
    """The last two axes go on at their other ends."""

    rank, mode = 2, "circular"


class CircularPad3d(_Pad):
    """The last three axes go on at their other ends."""

    rank, mode = 3, "circular"
