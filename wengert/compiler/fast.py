"""Short ways of a call: the same kinds of arrays as the last time, nothing changed, straight to the machine code.

Everything is looked at that the general way looks at. `short_way` does so in as few steps of Python as we know; what
does not fit gives `MISSED`, and the call goes the general way. `Whole` is for small functions: machine code does all.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base import dtypes
from wengert.base.dtypes import get_default_dtype
from wengert.compiler.guards import MISSING
from wengert.compiler.native import call
from wengert.compiler.trace import Trace
from wengert.core.epoch import EPOCH
from wengert.core.record import Tensor, local
from wengert.core.tree import LEAF

MISSED = object()
_SEEN = memoryview(EPOCH)  # type: ignore[arg-type]
_NEVER = 2**64 - 1


def short_way(trace: Trace, args: Sequence[Any], enabled: bool) -> Callable[[tuple[Any, ...]], Any] | None:
    """A function of the arguments of the next calls; None where they are not all plain arrays."""
    if trace.live or (enabled and trace.tracked) or not all(type(x) is np.ndarray for x in args):
        return None
    kinds = [(x.shape, x.dtype) for x in args]
    count, default, guards, finish = len(kinds), get_default_dtype(), trace.guards, trace.finish
    run, array, where = trace.run, np.ndarray, local

    def short(args: tuple[Any, ...]) -> Any:
        if _SEEN[0] != trace.seen or where.lifting is not None or (where.paused < 0) is not enabled:
            return MISSED
        if len(args) != count or get_default_dtype() is not default:
            return MISSED
        for x, (shape, dtype) in zip(args, kinds):  # noqa: B905  (as many as counted above)
            if type(x) is not array or x.shape != shape or x.dtype is not dtype:
                return MISSED
        for guard in guards:
            if not guard.holds():
                return MISSED
        native = trace.native
        return finish(run(args) if native is None else native(args))

    return short


def _places(trace: Trace) -> tuple[list[Any], list[Any], list[Any]]:
    """The guards: rows (dictionary, key, value) and (cell, value), and those that take more than a look."""
    names, cells, others = [], [], []
    for guard in trace.guards:
        space, name = guard.place or (None, None)
        if guard.stable and type(space) is dict and type(name) is str:
            names.append((space, name, guard.value))
        elif guard.stable and type(space) is types.CellType and guard.value is not MISSING:
            cells.append((space, guard.value))
        else:
            others.append(guard)
    return names, cells, others


def _missed(*args: Any, **kwargs: Any) -> Any:
    return MISSED


class Whole:
    """A trace whose calls are machine code from the first guard to the returned object; see `native.call`.

    Guards that Python has to look at are ``others``.
    """

    def __init__(self, trace: Trace, enabled: bool, general: Callable[..., Any]) -> None:
        assert trace.native is not None and trace.native.bound is not None
        self.trace, self.calls, bound = trace, -1, trace.native.bound
        program = bound.program
        assert program.library is not None
        names, cells, self.others = _places(trace)
        names.append((vars(dtypes), "_default", get_default_dtype()))
        results = [(shape, dtype, i in trace.native.scalars) for i, (shape, dtype) in enumerate(bound.made)]
        sheet, kept = call.Whole(
            names=[(space, name, None if value is MISSING else (value,)) for space, name, value in names],
            cells=cells,
            results=results,
            make=_make(trace),
            tensor=(Tensor, "value", "node", "rec"),
            finish=trace.finish,
            general=_missed if self.others else general,
            quiet=not enabled,
        ).sheet(program.table)
        self.sheet = sheet
        self.function = call.function(program.library, "call", sheet, trace, kept, keywords=True)
        self.renew()

    def checked(self, args: tuple[Any, ...]) -> Any:
        """A call with arguments `args` where there are other guards."""
        for guard in self.others:
            if not guard.holds():
                return MISSED
        return self.function(*args)

    def renew(self) -> None:
        """The guards were looked at: calls may take this way until something changes."""
        self.sheet[call.Sheet.RECORDED] = self.trace.seen

    @property
    def used(self) -> bool:
        """Whether a call went this way since `idle` was asked for last."""
        return self.calls != int(self.sheet[call.Sheet.CALLS])

    def idle(self) -> bool:
        """Whether no call went this way since this was asked for last: another one goes the general way now."""
        before, self.calls = self.calls, int(self.sheet[call.Sheet.CALLS])
        return before == self.calls

    def forget(self) -> None:
        """No call takes this way any more, whoever still holds the function."""
        self.sheet[call.Sheet.RECORDED] = _NEVER


def whole(trace: Trace, args: Sequence[Any], enabled: bool, general: Callable[..., Any]) -> Whole | None:
    """The way of small functions; None where there is none."""
    native = trace.native
    if native is None or native.bound is None or not native.bound.direct or len(args) != native.bound.given:
        return None
    if trace.live or (enabled and trace.tracked) or not all(type(x) is np.ndarray for x in args):
        return None
    return Whole(trace, enabled, general)


def _make(trace: Trace) -> call.Make:
    if trace.structure != LEAF:
        return call.Make.LIST
    if trace.plain:
        return call.Make.ARRAY
    return call.Make.TENSOR if trace.results[0].output is not None and trace.results[0].is_tensor else call.Make.LIST


__all__ = ["MISSED", "Whole", "short_way", "whole"]
