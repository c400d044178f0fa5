"""Cumulative sums, products, extrema and recurrences in native code, added in NumPy's order.

What runs along the axis is one after the other; what stands beside it goes by whole registers. Where the axis is the
last one, rows are walked one element at a time, several rows in turn, so that their steps overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.shapes import size_of
from wengert.compiler.native import scalar
from wengert.compiler.native.ir import I64, Function, Module, Value
from wengert.compiler.native.kernel import Kernel
from wengert.compiler.native.scalar_functions import added
from wengert.compiler.native.scalar_rules import known
from wengert.core.tape import Node

_REGISTER = 64  # bytes
_ROWS = 4  # rows that are walked at the same time

State = list[Value]  # what is carried along the axis; the first value is stored
Step = Callable[[Function, Node, Value, State, list[Value]], State]


def supported(node: Node) -> bool:
    """Whether there is a kernel for this line."""
    if node.prim.name not in _STEPS or any(type(x) in SCALAR_TYPES for x in node.inputs):
        return False
    if not all(known(x.dtype) for x in (node, *node.inputs)):
        return False
    return node.prim.name != "logcumsumexp" or node.dtype.kind == "f"


def lower_cumulative(module: Module, name: str, node: Node) -> Kernel:
    """Write the kernel ``name(operands …, result, begin, end)``."""
    pointers = [*(f"x{i}" for i in range(len(node.inputs))), "y"]
    f = module.function(name, pointers, counts=["begin", "end"])
    tasks = _Walk(f, node).write() if size_of(node.shape) else 0
    f.finish()
    size = size_of(node.shape)
    item = scalar.memory_type(node.dtype).bytes * (1 + len(node.inputs))
    return Kernel(name, tasks, flops=float(size), bytes=float(size * item))


class _Walk:
    """Writes one kernel."""

    def __init__(self, f: Function, node: Node) -> None:
        self.f, self.node = f, node
        axis = node.attrs["axis"]
        self.outer, self.n = size_of(node.shape[:axis]), node.shape[axis]
        self.inner = size_of(node.shape[axis + 1 :])
        self.start, self.step = _STEPS[node.prim.name]
        # Eager adds a single recurrence in Python's numbers, which are float64.
        alone = self.outer * self.inner == 1 and node.prim.name == "linear_recurrence" and node.dtype.kind == "f"
        self.work = np.dtype(np.float64) if alone else node.dtype
        widest = max(scalar.register_type(x.dtype).bytes for x in (node, *node.inputs))
        self.width = _REGISTER // widest

    def write(self) -> int:
        """Everything between ``begin`` and ``end``; the number of tasks."""
        f = self.f
        if self.inner == 1:
            tasks = -(-self.outer // _ROWS)
            f.loop(f["begin"], f["end"], 1, self._rows)
            return tasks
        chunks = -(-self.inner // self.width)

        def columns(t: Value) -> None:
            row = f.line(I64, f"udiv {t!r}, {chunks}") if chunks > 1 else t
            chunk = t - row * chunks if chunks > 1 else f.constant(0, I64)
            base = row * (self.n * self.inner) + chunk * self.width
            rest = self.inner % self.width
            if not rest:
                self._along([base], self.width, None)
                return
            last = f.compare("eq", chunk, chunks - 1)
            f.when(last, lambda: self._along([base], self.width, rest))
            if chunks > 1:
                f.when(f.negation(last), lambda: self._along([base], self.width, None))

        f.loop(f["begin"], f["end"], 1, columns)
        return self.outer * chunks

    def _rows(self, t: Value) -> None:
        """Some rows at the same time; those of the last task that do not exist are the last row again."""
        rows = [t * _ROWS + i for i in range(_ROWS)]
        if self.outer % _ROWS:
            end = self.f.constant(self.outer - 1, I64)
            rows = [self.f.select(self.f.compare("slt", r, end), r, end) for r in rows[: self.outer]]
        self._along([r * self.n for r in rows], 1, None)

    def _along(self, bases: list[Value], width: int, lanes: int | None) -> None:
        """Walk the axis once from each of the bases."""
        f = self.f
        with f.separately():
            first = [self.start(f, self.node, self._operands(base, width, lanes)) for base in bases]
            for base, state in zip(bases, first, strict=True):
                self._store(state[0], base, lanes)
            if self.n == 1:
                return
            size = len(first[0])

            def body(i: Value, *carried: Value) -> State:
                states = []
                for k, base in enumerate(bases):
                    at = base + i * self.inner
                    state = self.step(
                        f, self.node, i, list(carried[k * size : (k + 1) * size]), self._operands(at, width, lanes)
                    )
                    self._store(state[0], at, lanes)
                    states += state
                return states

            f.loop(1, self.n, 1, body, [v for state in first for v in state])

    def _operands(self, at: Value, width: int, lanes: int | None) -> list[Value]:
        """The operands there, in the dtype the line computes in."""
        f, found = self.f, []
        for k, x in enumerate(self.node.inputs):
            value = f.load(f[f"x{k}"], scalar.memory_type(x.dtype, width), at, lanes)
            value = f.compare("ne", value, 0) if x.dtype.kind == "b" else value
            own = self.node.prim.name.endswith("index")
            found.append(value if own else scalar.convert(f, value, x.dtype, self.work))
        return found

    def _store(self, x: Value, at: Value, lanes: int | None) -> None:
        x = scalar.convert(self.f, x, self.work, self.node.dtype)
        if self.node.dtype.kind == "b":
            x = self.f.cast("zext", x, scalar.memory_type(self.node.dtype))
        self.f.store(x, self.f["y"], at, lanes)


# ----- the steps ------------------------------------------------------------------------------------------------
def _folded(kind: str) -> tuple[Any, Step]:
    rule = scalar.REDUCTIONS[kind]
    return lambda f, node, xs: xs, lambda f, node, i, state, xs: [rule.combine(f, node.dtype, state[0], xs[0])]


def _recurrence_start(f: Function, node: Node, xs: list[Value]) -> State:
    return [xs[0] * f.constant(0, xs[0].type) + xs[1]]


def _recurrence(f: Function, node: Node, i: Value, state: State, xs: list[Value]) -> State:
    return [xs[0] * state[0] + xs[1]]


def _log_sum(f: Function, node: Node, i: Value, state: State, xs: list[Value]) -> State:
    return [added(f, state[0], xs[0])]


def _index_start(f: Function, node: Node, xs: list[Value]) -> State:
    return [f.constant(0, I64.vector(xs[0].type.width)), xs[0]]


def _index(largest: bool) -> Step:
    """The place of the extremum so far, and the extremum; a NaN stays, and the latest one counts."""

    def step(f: Function, node: Node, i: Value, state: State, xs: list[Value]) -> State:
        (place, best), x, dtype = state, xs[0], node.inputs[0].dtype
        if dtype.kind == "f":
            taken = f.compare("oge" if largest else "ole", x, best) | f.compare("uno", x, x)
        else:
            sign = "s" if dtype.kind == "i" else "u"
            taken = f.compare(sign + ("ge" if largest else "le"), x, best)
        return [f.select(taken, f.splat(i, x.type.width), place), f.select(taken, x, best)]

    return step


_STEPS: dict[str, tuple[Callable[[Function, Node, list[Value]], State], Step]] = {
    "cumsum": _folded("sum"),
    "cumprod": _folded("prod"),
    "linear_recurrence": (_recurrence_start, _recurrence),
    "logcumsumexp": (lambda f, node, xs: xs, _log_sum),
    "cummax_index": (_index_start, _index(True)),
    "cummin_index": (_index_start, _index(False)),
}

__all__ = ["lower_cumulative", "supported"]
