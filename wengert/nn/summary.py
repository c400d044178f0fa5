"""Tables of a model: its parameters, and with an input also the shapes and the operations of every part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base.dtypes import get_default_dtype
from wengert.core.primitive import Aval
from wengert.core.record import Tensor, record_flat
from wengert.core.tape import next_number
from wengert.core.tree import flatten
from wengert.ops.structure import arrayed


def table(rows: Sequence[Sequence[str]], numbers: int) -> str:
    """Rows under the first one as aligned text; the last `numbers` columns are flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = len(widths) - numbers
    lines = []
    for row in rows:
        cells = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def of_parameters(model: Any) -> str:
    """Path, kind of module, shape and count of every parameter, and the total."""
    modules = dict(model.named_modules())
    rows, total = [("parameter", "module", "shape", "count")], 0
    for path, x in model.named_parameters():
        size = math.prod(x.shape)
        total += size
        rows.append((path, type(modules[path.rpartition(".")[0]]).__name__, str(list(x.shape)), f"{size:,}"))
    return table([*rows, ("total", "", "", f"{total:,}")], 1)


def _input(model: Any, x: Any) -> Aval:
    """The shape and dtype of an example input: an array, or a shape in the dtype of the parameters."""
    if isinstance(x, tuple) and all(isinstance(n, int) for n in x):
        dtype = next((p.dtype for p in model.parameters()), get_default_dtype())
        return Aval(x, np.dtype(dtype))
    x = arrayed(x)
    return Aval(tuple(x.shape), x.dtype)


def _shapes(y: Any) -> str:
    """The shapes of an output, which may be a tree."""
    return ", ".join(str(list(x.shape)) if hasattr(x, "shape") else type(x).__name__ for x in flatten(y)[0])


def of_calls(model: Any, inputs: Sequence[Any]) -> str:
    """Path, kind, output shapes, parameters and recorded operations of every part, in the order of the calls.

    The model is recorded with shapes only: nothing is computed and no statistics change.
    """
    names = {id(module): path for path, module in model.named_modules()}
    calls: list[Any] = []
    open_calls: list[int] = []

    def before(module: Any, _args: Any) -> None:
        open_calls.append(len(calls))
        calls.append([module, next_number(), None, ""])

    def after(_module: Any, _args: Any, output: Any) -> None:
        calls[open_calls.pop()][2:] = [next_number(), _shapes(output)]

    parts = list(model.modules())
    handles = [h for m in parts for h in (m.register_forward_pre_hook(before), m.register_forward_hook(after))]
    modes = [m.training for m in parts]
    try:
        model.eval()
        tape = record_flat(
            lambda *xs: [y for y in flatten(model(*xs))[0] if isinstance(y, Tensor)],
            [_input(model, x) for x in inputs],
            "summary",
        )
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in zip(parts, modes, strict=True):
            object.__setattr__(module, "training", mode)
    counted: set[int] = set()
    rows = [("module", "kind", "output", "parameters", "operations")]
    for module, start, end, shape in calls:
        path = names[id(module)]
        own = [p for p in module.parameters(recurse=False) if id(p) not in counted]
        counted.update(map(id, own))
        lines = sum(start < node.number < end for node in tape.nodes)
        depth = path.count(".") + bool(path)
        name = "  " * depth + (path.rpartition(".")[2] or "(model)")
        rows.append((name, type(module).__name__, shape, f"{sum(math.prod(p.shape) for p in own):,}", str(lines)))
    total = sum(math.prod(p.shape) for p in model.parameters())
    return table([*rows, ("total", "", "", f"{total:,}", str(len(tape.nodes)))], 2)
