"""Denormal numbers as 0: a mode of the processor, set by generated code."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from wengert.base.errors import OperandError, show
from wengert.compiler.native import engine
from wengert.compiler.native.threads import TEAM

# By machine: a function that sets or clears the bits of the mode and returns whether they are set now.
_TEXTS = {
    # Results (bit 15) and operands (bit 6) of SSE and AVX.
    "x86_64": """
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)

define i32 @flush(i32 %wanted) {
  %place = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %place)
  %before = load i32, ptr %place
  %others = and i32 %before, -32833
  %bits = mul i32 %wanted, 32832
  %now = or i32 %others, %bits
  store i32 %now, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  ret i32 1
}
""",
    # FZ, bit 24: results and operands.
    "aarch64": """
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)

define i32 @flush(i32 %wanted) {
  %before = call i64 @llvm.aarch64.get.fpcr()
  %others = and i64 %before, -16777217
  %flag = zext i32 %wanted to i64
  %bits = shl i64 %flag, 24
  %now = or i64 %others, %bits
  call void @llvm.aarch64.set.fpcr(i64 %now)
  ret i32 1
}
""",
}


@cache
def _function() -> tuple[Any, Any] | None:
    """The function, and the code it is part of; None where there is none for this machine."""
    if not engine.available():
        return None
    text = _TEXTS.get(engine.binding().get_default_triple().split("-")[0])
    if text is None:
        return None
    library = engine.Library(engine.object_code(text))
    return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32)(library.address("flush")), library


def set_flush_denormal(mode: bool) -> bool:
    """Let this thread take denormal numbers (below 1.2e-38 in float32, 2.2e-308 in float64) for 0, or not.

    Processors take some 100 times as long for denormal numbers, which come up where values decay: long recurrences,
    gradients that vanish, moments of an optimizer. At first they are computed with, as IEEE 754 says; JAX always
    flushes them. It is a mode of the processor, so NumPy's operations in this thread follow it too, and so do threads
    that are started afterwards. Returns whether this machine can do it (x86-64 and AArch64 with native code can).
    Raises `OperandError` unless `mode` is a bool.

    >>> import numpy as np, wengert as wg
    >>> half = wg.compile(lambda x: x * 0.5)
    >>> wg.set_flush_denormal(True)
    True
    >>> half(np.array([1e-38], np.float32))
    array([0.], dtype=float32)
    >>> wg.set_flush_denormal(False)
    True
    >>> float(half(np.array([1e-38], np.float32))[0]) > 0
    True
    """
    if not isinstance(mode, bool):
        raise OperandError(f"set_flush_denormal: got {show(mode)}; needs True or False")
    found = _function()
    if found is None:
        return False
    with TEAM.lock:
        TEAM.dismiss()  # the next members are started by a thread in this mode
        return bool(found[0](int(mode)))


__all__ = ["set_flush_denormal"]
