"""What vector registers the processor has: how wide, how many, and whether they multiply and add at once."""

from __future__ import annotations

import platform
from functools import cache
from typing import NamedTuple

from wengert.compiler.native.engine import processor
from wengert.compiler.native.ir import Type

# Names that say what they offer; a processor that is asked by its features needs none of them.
_WIDE = ("skylake-avx512", "cascadelake", "cooperlake", "icelake", "tigerlake", "rocketlake", "sapphirerapids",
         "emeraldrapids", "graniterapids", "znver4", "znver5", "x86-64-v4")  # fmt: skip
_MIDDLE = ("haswell", "broadwell", "skylake", "alderlake", "raptorlake", "znver1", "znver2", "znver3", "x86-64-v3")


class Registers(NamedTuple):
    """The vector registers: `size` bytes each, `number` of them, with fused multiply-add or without."""

    size: int
    number: int
    fused: bool

    def lanes(self, kind: Type) -> int:
        """How many elements of this type one register holds."""
        return self.size // kind.bytes


@cache
def registers() -> Registers:
    """The vector registers of the processor that code is generated for."""
    name, features = processor()
    if platform.machine().lower() in ("arm64", "aarch64"):
        return Registers(16, 32, True)
    offered = set(features.split(","))
    if "+avx512f" in offered or name.startswith(_WIDE):
        return Registers(64, 32, True)
    if {"+avx2", "+fma"} <= offered or name in _MIDDLE:
        return Registers(32, 16, True)
    return Registers(16, 16, False)


__all__ = ["Registers", "registers"]
