"""The short way of a call: the same kinds of arrays as the last time, nothing changed, straight to the machine code.

Everything is looked at that the long way looks at, in as few steps of Python as we know. Whatever does not fit gives
`MISSED`, and the call goes the long way. The same checks stand twice below, as a function for them would cost more than
they do: a small step takes two microseconds in all, and a call in Python a twentieth of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from wengert.base.dtypes import get_default_dtype
from wengert.compiler.guards import MISSING
from wengert.compiler.trace import Trace
from wengert.core.epoch import EPOCH
from wengert.core.record import Tensor, local
from wengert.core.tree import LEAF

MISSED = object()
_SEEN = memoryview(EPOCH)  # type: ignore[arg-type]
_new = Tensor.__new__


def short_way(trace: Trace, args: Sequence[Any], enabled: bool) -> Callable[[tuple[Any, ...]], Any] | None:
    """A function of the arguments of the next calls; None where they are not all plain arrays."""
    if trace.live or (enabled and trace.tracked) or not all(type(x) is np.ndarray for x in args):
        return None
    kinds = [(x.shape, x.dtype) for x in args]
    count, default, finish = len(kinds), get_default_dtype(), _finish(trace)
    named = [guard.place for guard in trace.guards if guard.stable and guard.place is not None]
    values = [guard.value for guard in trace.guards if guard.stable and guard.place is not None]
    names = [(space, name, value) for (space, name), value in zip(named, values, strict=True)]
    others = [guard for guard in trace.guards if not guard.stable or guard.place is None]
    run, array, where = trace.run, np.ndarray, local
    bound = trace.native.bound if trace.native is not None else None
    if bound is not None and bound.direct and len(args) == bound.given:
        return _direct(trace, bound, names, others, enabled)

    def call(args: tuple[Any, ...]) -> Any:
        if _SEEN[0] != trace.seen or where.lifting is not None or (where.paused < 0) is not enabled:
            return MISSED
        if len(args) != count or get_default_dtype() is not default:
            return MISSED
        for x, (shape, dtype) in zip(args, kinds):  # noqa: B905  (as many as counted above)
            if type(x) is not array or x.shape != shape or x.dtype is not dtype:
                return MISSED
        for space, name, value in names:
            if space.get(name, MISSING) is not value:
                return MISSED
        for guard in others:
            if not guard.holds():
                return MISSED
        native = trace.native
        return finish(run(args) if native is None else native(args))

    return call


def _direct(trace: Trace, bound: Any, names: Sequence[Any], others: Sequence[Any],
            enabled: bool) -> Callable[[tuple[Any, ...]], Any]:  # fmt: skip
    """The way of small functions: the machine code itself looks whether the arrays are of the right kind."""
    fast, made, empty, where = bound.program.fast, bound.made, np.empty, local
    default, finish = get_default_dtype(), _finish(trace)
    assert trace.native is not None
    scalars = trace.native.scalars

    def call(args: tuple[Any, ...]) -> Any:
        if _SEEN[0] != trace.seen or where.lifting is not None or (where.paused < 0) is not enabled:
            return MISSED
        if get_default_dtype() is not default:
            return MISSED
        for space, name, value in names:
            if space.get(name, MISSING) is not value:
                return MISSED
        for guard in others:
            if not guard.holds():
                return MISSED
        fresh = [empty(shape, dtype) for shape, dtype in made]
        answer = fast(*args, *fresh)
        if answer is None:
            for i in scalars:
                fresh[i] = fresh[i][()]
            return finish(fresh)
        if answer is False:  # nothing was written back: the long way finds the same and says why
            bound.program.failed()
        return MISSED

    return call


def _finish(trace: Trace) -> Callable[[list[Any]], Any]:
    """What makes the returned object of the values."""
    if trace.structure == LEAF and trace.plain:
        return itemgetter(0)
    if trace.structure != LEAF or trace.plain or trace.results[0].output is None or not trace.results[0].is_tensor:
        return trace.finish

    def tensor(values: list[Any]) -> Any:
        t = _new(Tensor)
        t.value = values[0]
        t.node = t.rec = None
        return t

    return tensor


__all__ = ["MISSED", "short_way"]
