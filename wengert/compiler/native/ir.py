"""LLVM's language, written by hand: functions of explicit fixed-width vectors, with loops, masks and arithmetic.

A `Function` collects the lines of one function; a `Value` names one of its registers and knows its type. Vectors are
as wide as the kernel asks for: the code generator splits them where the processor's registers are narrower. No
optimising pass runs afterwards, so what is written here is what is executed.

    module = Module()
    f = module.function("scale", ["x", "y"], counts=["n"])
    f.loop(0, f["n"], 16, lambda i: f.store(f.load(f["x"], F32.vector(16), i) * 2.0, f["y"], i))
    f.finish()
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np


class Type(NamedTuple):
    """The type of a register: an element (``float``, ``double``, ``i1`` … ``i64``, ``ptr``) and how many of them."""

    element: str
    width: int = 1

    def vector(self, width: int) -> Type:
        """The same element, `width` times."""
        return Type(self.element, width)

    @property
    def floating(self) -> bool:
        return self.element in ("float", "double")

    @property
    def suffix(self) -> str:
        """How LLVM's intrinsics call it: ``v16f32``."""
        name = {"float": "f32", "double": "f64", "ptr": "p0"}.get(self.element, self.element)
        return name if self.width == 1 else f"v{self.width}{name}"

    @property
    def bytes(self) -> int:
        """The size of one element in memory."""
        return _BYTES[self.element]

    @property
    def integer(self) -> Type:
        """The integers of the same size."""
        return Type(f"i{8 * self.bytes}", self.width)

    @property
    def bits(self) -> int:
        """The size of one element as a register has it."""
        return 1 if self.element == "i1" else 8 * self.bytes

    @property
    def flag(self) -> Type:
        """The result of a comparison."""
        return Type("i1", self.width)

    def __str__(self) -> str:
        return self.element if self.width == 1 else f"<{self.width} x {self.element}>"


_BYTES = {"float": 4, "double": 8, "i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8, "ptr": 8}
F32, F64 = Type("float"), Type("double")
I1, I8, I16, I32, I64, PTR = Type("i1"), Type("i8"), Type("i16"), Type("i32"), Type("i64"), Type("ptr")


def constant_text(x: Any, kind: Type) -> str:
    """A number as LLVM reads it: floating numbers by their bits, so that nothing is rounded twice."""
    if kind.floating:
        with np.errstate(over="ignore"):  # a number too large for float32 is infinite there
            exact = float(np.float32(x)) if kind.element == "float" else float(x)
        text = f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"
    else:
        text = str(int(x))
    return text if kind.width == 1 else f"splat ({kind.element} {text})"


class Value:
    """A register of a function, or a constant. Operators write the line that computes the result.

    Python numbers take the type of the other operand; a scalar register meets a vector by being spread over it.
    """

    __slots__ = ("function", "name", "type")

    def __init__(self, function: Function, name: str, kind: Type) -> None:
        self.function, self.name, self.type = function, name, kind

    def _with(self, other: Any, operation: str, integer: str, swapped: bool = False) -> Value:
        f = self.function
        a, b = f.same(self, other)
        if swapped:
            a, b = b, a
        if not a.type.floating:
            return f.line(a.type, f"{integer} {a.type} {a.name}, {b.name}")
        return f.line(a.type, f"{operation} {f.fusing}{a.type} {a.name}, {b.name}")

    def __add__(self, other: Any) -> Value:
        return self._with(other, "fadd", "add")

    def __sub__(self, other: Any) -> Value:
        return self._with(other, "fsub", "sub")

    def __mul__(self, other: Any) -> Value:
        return self._with(other, "fmul", "mul")

    def __truediv__(self, other: Any) -> Value:
        return self._with(other, "fdiv", "sdiv")

    def __radd__(self, other: Any) -> Value:
        return self._with(other, "fadd", "add", True)

    def __rsub__(self, other: Any) -> Value:
        return self._with(other, "fsub", "sub", True)

    def __rmul__(self, other: Any) -> Value:
        return self._with(other, "fmul", "mul", True)

    def __rtruediv__(self, other: Any) -> Value:
        return self._with(other, "fdiv", "sdiv", True)

    def __neg__(self) -> Value:
        if self.type.floating:
            return self.function.line(self.type, f"fneg {self.type} {self.name}")
        return self.function.constant(0, self.type) - self

    def __and__(self, other: Any) -> Value:
        return self._with(other, "", "and")

    def __or__(self, other: Any) -> Value:
        return self._with(other, "", "or")

    def __xor__(self, other: Any) -> Value:
        return self._with(other, "", "xor")

    def __lshift__(self, other: Any) -> Value:
        return self._with(other, "", "shl")

    def __rshift__(self, other: Any) -> Value:
        """The arithmetic shift (the sign is kept)."""
        return self._with(other, "", "ashr")

    def __repr__(self) -> str:
        return f"{self.type} {self.name}"


class Module:
    """The functions of one unit of translation, with the declarations they need."""

    def __init__(self) -> None:
        self.declarations: dict[str, str] = {}
        self.functions: list[str] = []

    def function(self, name: str, pointers: Sequence[str] = (), counts: Sequence[str] = (), *,
                 external: bool = False) -> Function:  # fmt: skip
        """Start a function of pointers (that do not overlap where they are written) and of whole numbers."""
        return Function(self, name, pointers, counts, external)

    def text(self) -> str:
        """Everything as LLVM's assembly."""
        return "\n".join([*self.declarations.values(), *self.functions])


class Function:
    """A function being written, one line after the other."""

    def __init__(self, module: Module, name: str, pointers: Sequence[str], counts: Sequence[str],
                 external: bool) -> None:  # fmt: skip
        self.module, self.name = module, name
        self.arguments = {p: Value(self, f"%{p}", PTR) for p in pointers} | {
            c: Value(self, f"%{c}", I64) for c in counts
        }
        self.lines: list[str] = []
        self.stack: list[str] = []
        self.first: list[str] = []  # lines before all others, see `once`
        self.known: dict[Any, Value] = {}  # what was computed first
        self.block = "entry"
        self.count = 0
        self.external = external
        self.result: Type | None = None  # a function with a result ends with its own `ret`
        self.fusing = "contract "

    def __getitem__(self, name: str) -> Value:
        return self.arguments[name]

    # ----- lines
    def line(self, kind: Type, text: str) -> Value:
        """Write a line that computes a value."""
        self.count += 1
        name = f"%v{self.count}"
        self.lines.append(f"  {name} = {text}")
        return Value(self, name, kind)

    def _named(self, kind: Type) -> Value:
        """A register whose line is written later."""
        self.count += 1
        return Value(self, f"%v{self.count}", kind)

    def do(self, text: str) -> None:
        """Write a line that computes nothing."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        """Start a block."""
        self.lines.append(f"{name}:")
        self.block = name

    def finish(self) -> None:
        """End the function and put it into the module."""
        parameters = ", ".join(f"{v.type} {v.name}" for v in self.arguments.values())
        body = "\n".join(["entry:", *self.stack, *self.first, *self.lines, *([] if self.result else ["  ret void"])])
        linkage = "" if self.external else "internal "
        noinline = "noinline nounwind" if not self.external else "nounwind"
        head = f"define {linkage}{self.result or 'void'} @{self.name}({parameters}) {noinline}"
        self.module.functions.append(f'{head} "prefer-vector-width"="512" {{\n{body}\n}}\n')

    def once(self, key: Any, compute: Callable[[], Value]) -> Value:
        """A value that is computed at the function's beginning, of its arguments alone and without branches."""
        if key not in self.known:
            before, self.lines = self.lines, self.first
            try:
                self.known[key] = compute()
            finally:
                self.lines = before
        return self.known[key]

    @contextmanager
    def separately(self) -> Iterator[None]:
        """Every operation written here is rounded by itself: no product is fused with the sum it goes into."""
        before, self.fusing = self.fusing, ""
        try:
            yield
        finally:
            self.fusing = before

    # ----- constants and conversions
    def constant(self, x: Any, kind: Type) -> Value:
        return Value(self, constant_text(x, kind), kind)

    def lift(self, x: Any, kind: Type) -> Value:
        """`x` as a value of this type: a Python number, or a scalar spread over a vector."""
        if not isinstance(x, Value):
            return self.constant(x, kind)
        if x.type == kind:
            return x
        assert x.type.width == 1 and x.type.element == kind.element, f"{x!r} is no {kind}"
        return self.splat(x, kind.width)

    def same(self, a: Any, b: Any) -> tuple[Value, Value]:
        """Two operands of the same type."""
        kinds = [x.type for x in (a, b) if isinstance(x, Value)]
        kind = max(kinds, key=lambda k: k.width)
        return self.lift(a, kind), self.lift(b, kind)

    def splat(self, x: Value, width: int) -> Value:
        """A scalar in every lane."""
        if width == 1:
            return x
        kind = x.type.vector(width)
        if not x.name.startswith("%"):
            return Value(self, f"splat ({x.type} {x.name})", kind)
        first = self.line(kind, f"insertelement {kind} poison, {x.type} {x.name}, i64 0")
        return self.line(kind, f"shufflevector {kind} {first.name}, {kind} poison, <{width} x i32> zeroinitializer")

    def cast(self, operation: str, x: Value, kind: Type) -> Value:
        """One of LLVM's conversions: ``bitcast``, ``fpext``, ``sitofp``, ``zext`` …"""
        kind = kind.vector(x.type.width)
        return self.line(kind, f"{operation} {x.type} {x.name} to {kind}")

    def iota(self, kind: Type) -> Value:
        """0, 1, 2 … in the lanes."""
        if kind.width == 1:
            return self.constant(0, kind)
        one = kind.vector(1)
        lanes = ", ".join(f"{one} {constant_text(i, one)}" for i in range(kind.width))
        return Value(self, f"<{lanes}>", kind)

    # ----- arithmetic beyond the operators
    def intrinsic(self, name: str, *operands: Any, result: Type | None = None) -> Value:
        """Call ``llvm.name`` for the type of the first register among the operands."""
        kind = max((x.type for x in operands if isinstance(x, Value)), key=lambda k: k.width)
        values = [self.lift(x, kind) for x in operands]
        result = result or kind
        symbol = f"llvm.{name}.{kind.suffix}"
        self.declare(symbol, f"declare {result} @{symbol}({', '.join(str(v.type) for v in values)})")
        return self.line(result, f"call {result} @{symbol}({', '.join(f'{v.type} {v.name}' for v in values)})")

    def declare(self, symbol: str, text: str) -> None:
        self.module.declarations[symbol] = text

    def fma(self, a: Any, b: Any, c: Any) -> Value:
        """``a * b + c``, rounded once."""
        return self.intrinsic("fma", a, b, c)

    def compare(self, predicate: str, a: Any, b: Any) -> Value:
        """``fcmp`` or ``icmp`` by the type: ``olt``, ``oeq``, ``une`` …, ``slt``, ``eq`` …"""
        a, b = self.same(a, b)
        word = "fcmp" if a.type.floating else "icmp"
        return self.line(a.type.flag, f"{word} {predicate} {a.type} {a.name}, {b.name}")

    def select(self, flag: Value, a: Any, b: Any) -> Value:
        """`a` where the flag is set, else `b`."""
        a, b = self.same(a, b)
        width = max(flag.type.width, a.type.width)
        a, b = self.lift(a, a.type.vector(width)), self.lift(b, b.type.vector(width))
        flag = self.lift(flag, flag.type.vector(width))
        return self.line(a.type, f"select {flag.type} {flag.name}, {a.type} {a.name}, {b.type} {b.name}")

    def remainder(self, a: Any, b: Any) -> Value:
        """C's fmod: the remainder with the sign of `a`."""
        a, b = self.same(a, b)
        return self.line(a.type, f"frem {a.type} {a.name}, {b.name}")

    def shift_right(self, x: Value, by: Any) -> Value:
        """The logical shift (zeros come in)."""
        x, by = self.same(x, by)
        return self.line(x.type, f"lshr {x.type} {x.name}, {by.name}")

    def bitcast(self, x: Value, kind: Type) -> Value:
        """The same bits as another type of that size."""
        return self.cast("bitcast", x, kind)

    def to_whole(self, x: Value, kind: Type) -> Value:
        """A floating number without its fraction; the nearest one where it does not fit, 0 for NaN."""
        result = kind.vector(x.type.width)
        symbol = f"llvm.fptosi.sat.{result.suffix}.{x.type.suffix}"
        self.declare(symbol, f"declare {result} @{symbol}({x.type})")
        return self.line(result, f"call {result} @{symbol}({x!r})")

    def any(self, flags: Value) -> Value:
        """Whether one flag of a vector is set."""
        if flags.type.width == 1:
            return flags
        whole = Type(f"i{flags.type.width}")
        return self.compare("ne", self.line(whole, f"bitcast {flags!r} to {whole}"), 0)

    def negation(self, flag: Value) -> Value:
        return flag ^ self.constant(-1, flag.type)

    def horizontal(self, kind: str, x: Value) -> Value:
        """All lanes combined into one by ``add``, ``mul``, ``max`` or ``min``, as a tree of halves."""
        combine = {"add": lambda a, b: a + b, "mul": lambda a, b: a * b, "max": self.maximum, "min": self.minimum}[kind]
        while x.type.width > 1:
            half = x.type.width // 2
            low = self.lanes(x, range(half))
            x = combine(low, self.lanes(x, range(half, 2 * half)))
        return x

    def lanes(self, x: Value, which: Sequence[int]) -> Value:
        """Some lanes of a vector; one lane is a scalar."""
        if len(which) == 1:
            return self.line(x.type.vector(1), f"extractelement {x.type} {x.name}, i64 {which[0]}")
        kind = x.type.vector(len(which))
        indices = ", ".join(f"i32 {i}" for i in which)
        return self.line(kind, f"shufflevector {x.type} {x.name}, {x.type} poison, <{len(which)} x i32> <{indices}>")

    def maximum(self, a: Any, b: Any) -> Value:
        """The greater one; NaN where either is NaN (as NumPy's)."""
        a, b = self.same(a, b)
        if not a.type.floating:
            return self.select(self.compare("sgt", a, b), a, b)
        larger = self.select(self.compare("ogt", a, b), a, b)  # b where unordered
        return self.select(self.compare("uno", a, a), a, larger)

    def minimum(self, a: Any, b: Any) -> Value:
        """The smaller one; NaN where either is NaN (as NumPy's)."""
        a, b = self.same(a, b)
        if not a.type.floating:
            return self.select(self.compare("slt", a, b), a, b)
        smaller = self.select(self.compare("olt", a, b), a, b)
        return self.select(self.compare("uno", a, a), a, smaller)

    # ----- memory
    def at(self, pointer: Value, index: Any, kind: Type) -> Value:
        """The address of an element."""
        if not isinstance(index, Value):
            if index == 0:
                return pointer
            index = self.constant(index, I64)
        return self.line(PTR, f"getelementptr {kind.element}, ptr {pointer.name}, i64 {index.name}")

    def load(self, pointer: Value, kind: Type, index: Any = 0, lanes: int | None = None) -> Value:
        """Read a value at an element index; with `lanes`, only so many lanes of it (the others are 0)."""
        place = self.at(pointer, index, kind)
        if lanes is None or lanes == kind.width:
            return self.line(kind, f"load {kind}, ptr {place.name}, align {kind.bytes}")
        mask = self.mask(lanes, kind.width)
        symbol = f"llvm.masked.load.{kind.suffix}.p0"
        self.declare(symbol, f"declare {kind} @{symbol}(ptr, i32, {mask.type}, {kind})")
        return self.line(
            kind,
            f"call {kind} @{symbol}(ptr {place.name}, i32 {kind.bytes}, {mask!r}, {kind} zeroinitializer)",
        )

    def store(self, x: Value, pointer: Value, index: Any = 0, lanes: int | None = None) -> None:
        """Write a value at an element index; with `lanes`, only so many lanes of it."""
        place = self.at(pointer, index, x.type)
        if lanes is None or lanes == x.type.width:
            self.do(f"store {x!r}, ptr {place.name}, align {x.type.bytes}")
            return
        mask = self.mask(lanes, x.type.width)
        symbol = f"llvm.masked.store.{x.type.suffix}.p0"
        self.declare(symbol, f"declare void @{symbol}({x.type}, ptr, i32, {mask.type})")
        self.do(f"call void @{symbol}({x!r}, ptr {place.name}, i32 {x.type.bytes}, {mask!r})")

    def masked_load(self, place: Value, kind: Type, mask: Value) -> Value:
        """Read the lanes of a mask; the others are 0, and their memory is not touched."""
        symbol = f"llvm.masked.load.{kind.suffix}.p0"
        self.declare(symbol, f"declare {kind} @{symbol}(ptr, i32, {mask.type}, {kind})")
        return self.line(
            kind, f"call {kind} @{symbol}(ptr {place.name}, i32 {kind.bytes}, {mask!r}, {kind} zeroinitializer)"
        )

    def prefetch(self, place: Value) -> None:
        """Ask for the memory at a place, which will be read soon; nothing waits for it."""
        self.declare("llvm.prefetch.p0", "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.do(f"call void @llvm.prefetch.p0({place!r}, i32 0, i32 3, i32 1)")

    def gather(self, place: Value, steps: Value, kind: Type, mask: Value) -> Value:
        """Read the elements at distances `steps` from a place, in the lanes of a mask."""
        places = self._places(place, steps, kind)
        symbol = f"llvm.masked.gather.{kind.suffix}.{places.type.suffix}"
        self.declare(symbol, f"declare {kind} @{symbol}({places.type}, i32, {mask.type}, {kind})")
        return self.line(kind, f"call {kind} @{symbol}({places!r}, i32 {kind.bytes}, {mask!r}, {kind} zeroinitializer)")

    def scatter(self, x: Value, place: Value, steps: Value, mask: Value) -> None:
        """Write the lanes of a mask to distances `steps` from a place."""
        places = self._places(place, steps, x.type)
        symbol = f"llvm.masked.scatter.{x.type.suffix}.{places.type.suffix}"
        self.declare(symbol, f"declare void @{symbol}({x.type}, {places.type}, i32, {mask.type})")
        self.do(f"call void @{symbol}({x!r}, {places!r}, i32 {x.type.bytes}, {mask!r})")

    def _places(self, place: Value, steps: Value, kind: Type) -> Value:
        return self.line(PTR.vector(kind.width), f"getelementptr {kind.element}, {place!r}, {steps!r}")

    def mask(self, lanes: int, width: int) -> Value:
        """The first `lanes` of `width` flags."""
        flags = ", ".join(f"i1 {int(i < lanes)}" for i in range(width))
        return Value(self, f"<{flags}>", I1.vector(width))

    def local(self, kind: Type, count: int) -> Value:
        """Memory of this call for `count` values."""
        self.count += 1
        name = f"%v{self.count}"
        self.stack.append(f"  {name} = alloca [{count} x {kind}], align 64")
        return Value(self, name, PTR)

    # ----- control
    def loop(
        self, start: Any, stop: Any, step: int, body: Callable[..., Any], carried: Sequence[Value] = ()
    ) -> list[Value]:
        """``for i in range(start, stop, step)``; `body` gets i and the carried values and returns their next ones.

        With known bounds the loop must run at least once or not at all; a bound in a register is checked first.
        """
        if not isinstance(start, Value) and not isinstance(stop, Value):
            if start >= stop:
                return list(carried)
            if start + step >= stop:  # once
                return _listed(body(self.constant(start, I64), *carried))
        self.count += 1
        tag = self.count
        low, high = self.lift(start, I64), self.lift(stop, I64)
        before = self.block
        dynamic = isinstance(start, Value) or isinstance(stop, Value)
        if dynamic:
            inside = self.compare("slt", low, high)
            self.do(f"br i1 {inside.name}, label %L{tag}, label %X{tag}")
        else:
            self.do(f"br label %L{tag}")
        self.label(f"L{tag}")
        index, entering = self._named(I64), [self._named(value.type) for value in carried]
        place = len(self.lines)
        leaving = _listed(body(index, *entering))
        assert len(leaving) == len(carried), "a loop's body returns the next values of what it carries"
        following = self.line(I64, f"add nuw nsw i64 {index.name}, {step}")
        last = self.block
        again = self.compare("slt", following, high)
        self.do(f"br i1 {again.name}, label %L{tag}, label %X{tag}")
        values = zip([index, *entering], [low, *carried], [following, *leaving], strict=True)
        self.lines[place:place] = [
            f"  {v.name} = phi {v.type} [ {first.name}, %{before} ], [ {after.name}, %{last} ]"
            for v, first, after in values
        ]
        self.label(f"X{tag}")
        if not dynamic:
            return leaving
        return [
            self.line(first.type, f"phi {first.type} [ {first.name}, %{before} ], [ {after.name}, %{last} ]")
            for first, after in zip(carried, leaving, strict=True)
        ]

    def when(self, flag: Value, body: Callable[[], Any], otherwise: Sequence[Value] = ()) -> list[Value]:
        """Run `body` where a scalar flag is set; its values there, those of `otherwise` elsewhere."""
        self.count += 1
        tag, before = self.count, self.block
        self.do(f"br i1 {flag.name}, label %T{tag}, label %E{tag}")
        self.label(f"T{tag}")
        inside = _listed(body())
        last = self.block
        self.do(f"br label %E{tag}")
        self.label(f"E{tag}")
        return [
            self.line(b.type, f"phi {b.type} [ {a.name}, %{last} ], [ {b.name}, %{before} ]")
            for a, b in zip(inside, otherwise, strict=True)
        ]

    def call(self, name: str, *operands: Value) -> None:
        """Call a function of this module."""
        self.do(f"call void @{name}({', '.join(map(repr, operands))})")


def _listed(x: Any) -> list[Value]:
    if x is None:
        return []
    return [x] if isinstance(x, Value) else list(x)


__all__ = [
    "F32", "F64", "I1", "I8", "I16", "I32", "I64", "PTR", "Function", "Module", "Type", "Value", "constant_text",
]  # fmt: skip
