"""A list as machine code: its groups in order, memory for what lies between them, and the functions that run them.

Lines without a native form run on NumPy between *segments* of kernels; `Program` is called like the NumPy runner, with
the values of the list's inputs, and returns those of its outputs.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.native import call, kernels, memory, windows
from wengert.compiler.native.expand import expand
from wengert.compiler.native.fuse import Fusion, Group, variables
from wengert.compiler.native.ir import I64, PTR, Function, Module, Value
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.windows import Window
from wengert.core.primitive import PART
from wengert.core.tape import Const, Input, Node, Tape, Var


class Step(NamedTuple):
    """One kernel in its place: the group, the kernel, the variables whose addresses it is given."""

    group: Group
    kernel: Kernel
    bases: list[Var]


class Program:
    """A list ready to run on the processor."""

    def __init__(self, tape: Tape) -> None:
        self.given = tape
        self.tape = expand(tape)
        self.fusion = Fusion(self.tape, kernels.opaque)
        self.order = ordered(self.fusion)
        self.module = Module()
        self.steps: list[Step] = []
        self._texts: dict[str, str] = {}
        for group in self.order:
            if group.kind != "host":
                self.steps.append(self._kernel(group))
        self._places()
        self.segments = self._segments()
        self.text = self.module.text()
        self._load()

    # ----- kernels
    def _kernel(self, group: Group) -> Step:
        """The kernel of a group; equal ones are written once."""
        name = f"kernel{len(self._texts)}"
        writer = kernels.writer(self.fusion, group, self.module, name)
        kernel = writer.write()
        text = self.module.functions.pop()
        known = self._texts.setdefault(text.replace(f"@{name}(", "@("), name)
        if known == name:
            self.module.functions.append(text)
        return Step(group, kernel._replace(name=known), writer.bases)

    # ----- memory
    def _places(self) -> None:
        """Where every variable lies: in the arena, or outside (inputs, constants, outputs, results of NumPy)."""
        number = {group: i for i, group in enumerate(self.order)}
        outside = {self.fusion.resolve(y)[0] for y in self.tape.outputs if isinstance(y, Var)}
        last: dict[Var, int] = {}
        for group in self.order:
            for node in group.nodes:
                for x in variables(node):
                    last[self.fusion.resolve(x)[0]] = number[group]
        inner = [n for g in self.order if g.kind != "host" for n in g.outputs if n not in outside]
        lives = [memory.Life(_size(n), number[self.fusion.home[n]], last.get(n, number[self.fusion.home[n]]))
                 for n in inner]  # fmt: skip
        offsets, self.arena_bytes = memory.place(lives)
        self.offset = dict(zip(inner, offsets, strict=True))
        self.scratch_bytes = max([s.kernel.scratch for s in self.steps], default=0) + memory.GUARD
        self.arena = _aligned(self.arena_bytes + memory.GUARD)
        self.scratch = _aligned(self.scratch_bytes)
        self.status = _aligned(64).view(np.int64)
        if os.environ.get("WENGERT_POISON"):
            self.arena.fill(0xFF)  # NaN in every floating dtype
            self.scratch.fill(0xFF)

    # ----- segments
    def _segments(self) -> list[Any]:
        """Native functions and NumPy lines in the order in which they run."""
        self.slots: dict[Var, int] = {}  # the place of outside variables among the pointers
        self.constants: list[tuple[int, np.ndarray]] = []
        steps = {s.group: s for s in self.steps}
        found: list[Any] = []
        run: list[Step] = []
        for group in [*self.order, None]:
            if group is not None and group.kind != "host":
                run.append(steps[group])
                continue
            if run:
                found.append(self._driver(f"segment{len(found)}", run))
                run = []
            if group is not None:
                found.append(_Host(self, group.nodes[0]))
        return found

    def _driver(self, name: str, run: list[Step]) -> str:
        """The function that runs some kernels one after the other."""
        f = self.module.function(name, ["table"], external=True)
        arena, scratch, status = (f.load(f["table"], PTR, i) for i in range(3))
        known: dict[Var, Value] = {}
        for step in run:
            pointers = [self._address(f, base, arena, known) for base in step.bases]
            count = f.constant(step.kernel.tasks, I64)
            f.call(step.kernel.name, *pointers, *self._extra(step, scratch, status), f.constant(0, I64), count)
        f.finish()
        return name

    def _extra(self, step: Step, scratch: Value, status: Value) -> list[Value]:
        return [status, scratch] if step.group.kind == "matmul" else [scratch, status]

    def _address(self, f: Function, base: Var, arena: Value, known: dict[Var, Value]) -> Value:
        if base not in known:
            if base in self.offset:
                known[base] = f.line(PTR, f"getelementptr i8, {arena!r}, i64 {self.offset[base]}")
            else:
                known[base] = f.load(f["table"], PTR, self.slot(base))
        return known[base]

    def slot(self, base: Var) -> int:
        """The place of an outside variable's address among the pointers."""
        if base not in self.slots:
            self.slots[base] = 3 + len(self.slots)
            if isinstance(base, Const):
                value = np.asarray(base.value)
                array = _aligned(max(value.nbytes, 1) + memory.GUARD)[: value.nbytes].view(value.dtype)
                array[...] = value.reshape(-1)
                self.constants.append((self.slots[base], array))
        return self.slots[base]

    # ----- running
    def _load(self) -> None:
        self.library = call.load(self.text)
        self.table = np.zeros(3 + len(self.slots) + 1, np.uint64)
        for place, array in [(0, self.arena), (1, self.scratch), (2, self.status), *self.constants]:
            self.table[place] = array.ctypes.data
        results = [self.fusion.resolve(y)[0] for y in self.tape.outputs if isinstance(y, Var)]
        self.fresh = [b for b in dict.fromkeys(results) if isinstance(b, Node) and self.fusion.home[b].kind != "host"]
        self.inputs = [(i, self.slots[x]) for i, x in enumerate(self.tape.inputs) if x in self.slots]
        self.allocated = [(b, self.slots[b], tuple(b.shape), b.dtype) for b in self.fresh if b in self.slots]
        self.outputs = [self._output(y) for y in self.tape.outputs]
        self.entry = call.Entry(self.library, self.table, self.status)
        self.ready = [self.entry.function(x) if isinstance(x, str) else x for x in self.segments]

    def _output(self, y: Any) -> Any:
        """How an output is found: a number, an input, a constant, or a window of a fresh array."""
        if not isinstance(y, Var):
            return _Output(None, None, y)
        base, window = self.fusion.resolve(y)
        if isinstance(base, Const):
            return _Output(None, None, windowed(np.asarray(base.value), window))
        return _Output(base, None if window.whole and window.shape == tuple(base.shape) else window, None)

    def __call__(self, arguments: Sequence[Any]) -> list[Any]:
        with self.entry.lock:
            return self._run(arguments)

    def _run(self, arguments: Sequence[Any]) -> list[Any]:
        held: dict[Var, np.ndarray] = {}  # arrays of this call
        set_pointer = self.entry.point
        for i, place in self.inputs:
            x = arguments[i]
            if type(x) is not np.ndarray or not x.flags.c_contiguous or not x.flags.aligned:
                x = np.require(x, None, ("C", "A"))
            held[self.tape.inputs[i]] = x
            set_pointer(place, x)
        for base, place, shape, dtype in self.allocated:
            held[base] = x = np.empty(shape, dtype)
            set_pointer(place, x)
        for step in self.ready:
            step() if not isinstance(step, _Host) else step.run(held, arguments)
        if self.status[0]:
            self.status[0] = 0
            from wengert.compiler.runner import Runner
            return Runner(self.given)(arguments)
        return [self._result(y, held, arguments) for y in self.outputs]

    def _result(self, y: _Output, held: dict[Var, Any], arguments: Sequence[Any]) -> Any:
        if y.base is None:
            return y.value
        if isinstance(y.base, Input):
            array = np.asarray(arguments[self.tape.inputs.index(y.base)])
            array = array if array.flags.c_contiguous else np.ascontiguousarray(array)
        else:
            array = held[y.base]
        return array if y.window is None else windowed(array, y.window)


class _Output(NamedTuple):
    base: Var | None
    window: Window | None
    value: Any


class _Host:
    """A line that runs on NumPy."""

    def __init__(self, program: Program, node: Node) -> None:
        self.program, self.node = program, node
        self.function = itemgetter(node.attrs["index"]) if node.prim is PART else (
            partial(node.prim.impl, **node.attrs) if node.attrs else node.prim.impl)  # fmt: skip
        self.place = None
        if any(node in step.bases for step in program.steps):
            self.place = program.slot(node)
        self.operands = [self._operand(x) for x in node.inputs]

    def _operand(self, x: Any) -> Any:
        """What stands for an operand at run time: a value, or the variable and the window onto it."""
        if not isinstance(x, Var):
            return x
        base, window = self.program.fusion.resolve(x)
        if isinstance(base, Const):
            return windowed(np.asarray(base.value), window) if isinstance(base.value, np.ndarray | np.generic) else base.value
        if base in self.program.offset:
            start = self.program.offset[base]
            whole = self.program.arena[start : start + _size(base)].view(base.dtype).reshape(base.shape)
            return windowed(whole, window)
        whole_window = window.whole and window.shape == tuple(base.shape) if isinstance(base.dtype, np.dtype) else True
        return (base, None if whole_window else window)

    def run(self, held: dict[Var, Any], arguments: Sequence[Any]) -> None:
        operands = [self._value(x, held, arguments) for x in self.operands]
        with np.errstate(all="ignore"):
            result = self.function(*operands)
        if isinstance(self.node.dtype, np.dtype):
            result = np.asarray(result, self.node.dtype)
            if self.place is not None:
                result = np.ascontiguousarray(result).reshape(self.node.shape)
                self.program.entry.point(self.place, result)
            if result.base is not None and np.may_share_memory(result, self.program.arena):
                result = result.copy()
                if self.place is not None:
                    self.program.entry.point(self.place, result)
        held[self.node] = result

    def _value(self, x: Any, held: dict[Var, Any], arguments: Sequence[Any]) -> Any:
        if type(x) is not tuple:
            return x
        base, window = x
        array = held.get(base)
        if array is None:
            array = arguments[self.program.tape.inputs.index(base)]
        return array if window is None else windowed(np.ascontiguousarray(array), window)


def windowed(array: np.ndarray, w: Window) -> np.ndarray:
    """A contiguous array seen through a window (which has no pads)."""
    assert not w.pads
    if not array.size or 0 in w.shape:
        return np.empty(w.shape, array.dtype)
    flat = np.ascontiguousarray(array).reshape(-1)
    size = array.dtype.itemsize
    return np.lib.stride_tricks.as_strided(flat[w.offset :], w.shape, [s * size for s in w.strides], writeable=False)


def ordered(fusion: Fusion) -> list[Group]:
    """The groups so that each comes after those it needs, otherwise as they were recorded."""
    left = {g.number: len(g.needs) for g in fusion.groups}
    readers: dict[int, list[int]] = {g.number: [] for g in fusion.groups}
    for g in fusion.groups:
        for number in g.needs:
            readers[number].append(g.number)
    ready = [n for n, count in left.items() if not count]
    heapq.heapify(ready)
    found = []
    while ready:
        number = heapq.heappop(ready)
        found.append(fusion.groups[number])
        for reader in readers[number]:
            left[reader] -= 1
            if not left[reader]:
                heapq.heappush(ready, reader)
    assert len(found) == len(fusion.groups), "groups depend on each other in a circle"
    return found


def _size(x: Var) -> int:
    count = 1
    for n in x.shape:
        count *= n
    return count * int(x.dtype.itemsize)


def _aligned(size: int) -> np.ndarray:
    """Zeroed bytes that start at a cache line."""
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size]


__all__ = ["Program", "ordered"]
