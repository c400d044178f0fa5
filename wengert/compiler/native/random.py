"""Random numbers in native code: the words of Philox 4x32-10 for eight blocks at a time, and what is made of them.

Words, uniform numbers, booleans, integers and keys are eager's bit for bit; numbers that need a logarithm or an angle
differ by rounding only. A kernel's tasks are runs of blocks, of one key after the other, so any number of threads
draws the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.shapes import size_of
from wengert.compiler.native import angles, maths
from wengert.compiler.native.ir import F32, F64, I32, I64, Function, Module, Value
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.scalar_rules import convert, memory_type, register_type
from wengert.core.tape import Node
from wengert.ops import philox

_LANES = 8  # blocks in a register, each in 64 bits
_GROUPS = 64  # groups of so many blocks make one task
_WORDS = I64.vector(_LANES)
_LOW = 0xFFFFFFFF
_FLOATS = ("float32", "float64")

Words = tuple[Value, Value, Value, Value]


def supported(node: Node) -> bool:
    """Whether there is a kernel for this line."""
    name = node.prim.name
    if any(type(x) in SCALAR_TYPES for x in node.inputs):
        return False
    dtypes = [x.dtype for x in node.inputs]
    if name == "random_standard":
        return node.dtype.name in _FLOATS and node.attrs["kind"] in _STANDARD
    if name == "random_bernoulli":
        return dtypes[1].name in _FLOATS
    if name == "random_integers":
        return dtypes[1] == dtypes[2] == np.int64
    if name == "random_fold":
        return dtypes[1].kind in "iu" and tuple(node.inputs[1].shape) == tuple(node.inputs[0].shape[:-1])
    return name in ("random_bits", "random_keys")


def lower_random(module: Module, name: str, node: Node) -> Kernel:
    """Write the kernel ``name(key, parameters …, result, begin, end)``."""
    pointers = [f"x{i}" for i in range(len(node.inputs))]
    f = module.function(name, [*pointers, "y"], counts=["begin", "end"])
    if node.prim.name == "random_fold":
        return _fold(f, node)
    keys, count = size_of(node.inputs[0].shape[:-1]), _count(node)
    if not keys * count:
        f.finish()
        return Kernel(name, 0)
    draw, per_block = _drawing(f, node)
    chunks = -(-count // (_GROUPS * _LANES * per_block))
    f.loop(f["begin"], f["end"], 1, lambda t: _task(f, node, draw, (per_block, chunks, count), t))
    f.finish()
    size = keys * count * memory_type(node.dtype).bytes
    return Kernel(name, keys * chunks, flops=keys * count * 30.0, bytes=float(size))


def _count(node: Node) -> int:
    """The numbers drawn for one key; a new key counts as one."""
    return size_of(node.attrs["shape"])


# ----- the generator ----------------------------------------------------------------------------------------
def _philox(f: Function, block: Value, purpose: int, key: tuple[Value, Value]) -> Words:
    """Ten rounds; all values are 32-bit words in 64 bits."""
    width = block.type.width
    first, second, k0, k1 = block & _LOW, f.shift_right(block, 32), *key
    third, fourth = f.constant(0, block.type), f.constant(purpose, block.type)
    for _ in range(10):
        p0, p1 = first * int(philox._MULTIPLIERS[0]), third * int(philox._MULTIPLIERS[1])
        first, second, third, fourth = (
            f.shift_right(p1, 32) ^ second ^ f.splat(k0, width), p1 & _LOW,
            f.shift_right(p0, 32) ^ fourth ^ f.splat(k1, width), p0 & _LOW,
        )  # fmt: skip
        k0, k1 = (k0 + int(philox._WEYL[0])) & _LOW, (k1 + int(philox._WEYL[1])) & _LOW
    return first, second, third, fourth


def _key(f: Function, number: Value) -> tuple[Value, Value]:
    words = [f.load(f["x0"], I32, number * 2 + i) for i in range(2)]
    return f.cast("zext", words[0], I64), f.cast("zext", words[1], I64)


def _pair(low: Value, high: Value) -> Value:
    """A 64-bit word of two 32-bit words."""
    return low | (high << 32)


def _task(f: Function, node: Node, draw: Any, plan: tuple[int, int, int], t: Value) -> None:
    """The numbers of some groups of blocks of one key."""
    per_block, chunks, count = plan
    group = _LANES * per_block  # numbers that come at once
    number = f.line(I64, f"udiv {t!r}, {chunks}") if chunks > 1 else t
    chunk = t - number * chunks if chunks > 1 else f.constant(0, I64)
    key, base = _key(f, number), number * count
    purpose = philox.SPLIT if node.prim.name == "random_keys" else philox.NUMBERS

    def some(g: Value, lanes: int | None = None) -> None:
        blocks = f.splat(g * _LANES, _LANES) + f.iota(_WORDS)
        draw(_philox(f, blocks, purpose, key), base + g * group, lanes)

    full, rest = divmod(count, group)
    first, last = chunk * _GROUPS, chunk * _GROUPS + _GROUPS
    last = f.select(f.compare("slt", last, full), last, full)
    f.loop(first, last, 1, some)
    if rest:
        f.when(f.compare("eq", chunk, chunks - 1), lambda: some(f.constant(full, I64), rest))


# ----- what is made of the words ------------------------------------------------------------------------------
def _interleaved(f: Function, parts: list[Value]) -> Value:
    """``a0 b0 c0 d0 a1 b1 …``: the lanes of the parts in turn."""
    while len(parts) > 1:
        half = len(parts) // 2
        parts = [_alternating(f, parts[i], parts[i + half]) for i in range(half)]
    return parts[0]


def _alternating(f: Function, a: Value, b: Value) -> Value:
    width = a.type.width
    order = ", ".join(f"i32 {i + j * width}" for i in range(width) for j in range(2))
    kind = a.type.vector(2 * width)
    return f.line(kind, f"shufflevector {a!r}, {b!r}, <{2 * width} x i32> <{order}>")


def _drawing(f: Function, node: Node) -> tuple[Callable[[Words, Value, int | None], None], int]:
    """What is done with the words of eight blocks, and how many numbers a block gives."""
    name = node.prim.name
    if name == "random_keys":
        return lambda w, at, n: _store(f, [f.cast("trunc", x, I32) for x in w[:2]], at * 2, 2 * n if n else None), 1
    if name == "random_bits" and node.attrs["width"] == 32:
        return lambda w, at, n: _store(f, [f.cast("trunc", x, I32) for x in w], at, n), 4
    if name == "random_bits":
        return lambda w, at, n: _store(f, _pairs(w), at, n), 2
    if name == "random_bernoulli":
        return lambda w, at, n: _bernoulli(f, node, w, at, n), 2
    if name == "random_integers":
        return lambda w, at, n: _integers(f, w, at, n), 2
    make = _STANDARD[node.attrs["kind"]]
    single = node.dtype == np.float32
    uniform = _uniform32 if single else _uniform64
    return lambda w, at, n: _store(f, make(f, uniform(f, w)), at, n), 4 if single else 2


def _pairs(w: Words) -> list[Value]:
    return [_pair(w[0], w[1]), _pair(w[2], w[3])]


def _store(f: Function, parts: list[Value], at: Value, lanes: int | None) -> None:
    f.store(_interleaved(f, parts), f["y"], at, lanes)


def _uniform32(f: Function, w: Words) -> list[Value]:
    """(word >> 9 + 1/2) / 2^23; every step is exact."""
    return [(f.cast("sitofp", f.shift_right(f.cast("trunc", x, I32), 9), F32) + 0.5) * 2.0**-23 for x in w]


def _uniform64(f: Function, w: Words) -> list[Value]:
    """The upper 52 bits as the fraction of a number in [1, 2), less 1 - 2^-53; exact too."""
    one = 0x3FF0000000000000
    return [f.bitcast(f.shift_right(x, 12) | one, F64) - (1 - 2.0**-53) for x in _pairs(w)]


def _bernoulli(f: Function, node: Node, w: Words, at: Value, lanes: int | None) -> None:
    dtype = node.inputs[1].dtype
    kind = register_type(dtype, 2 * _LANES)
    p = convert(f, f.load(f["x1"], kind, at, lanes), dtype, np.dtype(np.float64))
    flags = f.compare("olt", _interleaved(f, _uniform64(f, w)), p)
    f.store(f.cast("zext", flags, memory_type(node.dtype)), f["y"], at, lanes)


def _integers(f: Function, w: Words, at: Value, lanes: int | None) -> None:
    """low + the upper half of word times range; where the range has more than 32 bits, word modulo range."""
    kind = I64.vector(2 * _LANES)
    word = _interleaved(f, _pairs(w))
    low, high = f.load(f["x1"], kind, at, lanes), f.load(f["x2"], kind, at, lanes)
    span = high - low
    small = f.compare("ule", span, _LOW)
    upper = f.shift_right(f.shift_right(word, 32) * span + f.shift_right((word & _LOW) * span, 32), 32)

    def large() -> list[Value]:
        divisor = f.select(f.compare("eq", span, 0), 1, span)
        rest = f.line(kind, f"urem {word!r}, {divisor.name}")
        return [f.select(small, upper, rest)]

    picked = f.when(f.any(f.negation(small)), large, [upper])[0]
    f.store(low + picked, f["y"], at, lanes)


def _normal(f: Function, u: list[Value]) -> list[Value]:
    """Box and Muller: of two uniform numbers two normal ones."""
    out = []
    for first, second in zip(u[0::2], u[1::2], strict=True):
        radius = f.intrinsic("sqrt", maths.log(f, first) * -2.0)
        sine, cosine = angles.sin_cos(f, second * (2 * math.pi))
        out += [radius * cosine, radius * sine]
    return out


def _each(one: Callable[[Function, Value], Value]) -> Callable[[Function, list[Value]], list[Value]]:
    return lambda f, u: [one(f, x) for x in u]


def _laplace(f: Function, u: Value) -> Value:
    v = u + u - 1.0
    size = maths.log1p(f, -maths.absolute(f, v))
    return f.select(f.compare("ogt", v, 0.0), -size, size)


_STANDARD: dict[str, Callable[[Function, list[Value]], list[Value]]] = {
    "uniform": lambda f, u: u,
    "normal": _normal,
    "exponential": _each(lambda f, u: -maths.log(f, u)),
    "gumbel": _each(lambda f, u: -maths.log(f, -maths.log(f, u))),
    "laplace": _each(_laplace),
    "logistic": _each(lambda f, u: maths.log(f, u) - maths.log1p(f, -u)),
}


# ----- one key of a key -----------------------------------------------------------------------------------------
def _fold(f: Function, node: Node) -> Kernel:
    """A new key for every key and its number."""
    dtype = node.inputs[1].dtype
    keys = size_of(node.inputs[0].shape[:-1])

    def body(t: Value) -> None:
        number = convert(f, f.load(f["x1"], register_type(dtype), t), dtype, np.dtype(np.int64))
        words = _philox(f, number, philox.FOLD, _key(f, t))
        for i in range(2):
            f.store(f.cast("trunc", words[i], I32), f["y"], t * 2 + i)

    f.loop(f["begin"], f["end"], 1, body)
    f.finish()
    return Kernel(f.name, keys, flops=keys * 60.0, bytes=keys * 16.0)


__all__ = ["lower_random", "supported"]
