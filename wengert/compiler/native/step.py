"""How a recorded function runs natively: bound to its places where that can be, else by reading and writing them."""

from __future__ import annotations

import importlib
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wengert.compiler.native import listing
from wengert.compiler.native.bound import Bound, Closed
from wengert.compiler.native.stored import Options, program
from wengert.core.places import Gradient
from wengert.core.tape import Node
from wengert.transforms.reverse import owned

if TYPE_CHECKING:
    from wengert.compiler.native.measure import Profile
    from wengert.compiler.trace import Trace


class Step:
    """The native form of a `Trace`."""

    def __init__(self, trace: Trace) -> None:
        self._trace = reference = weakref.ref(trace)  # which holds this
        given = len(trace.recorded.inputs) - len(trace.sources)
        aliases = {
            d.output: given + d.alias
            for d in trace.destinations if d.output is not None and d.alias is not None
        }  # fmt: skip
        # As in eager code, gradients that are not finite may be there when the call is refused.
        gradients = {d.output for d in trace.destinations if d.output is not None and isinstance(d.place, Gradient)}
        self._options = Options(trace.count, given, aliases, trace.gate, gradients)
        self.program = program(trace.recorded, lambda: _of(reference).tape, self._options)
        listing.show(self.program, trace.name)
        written = {d.output: d.place for d in trace.destinations if d.output is not None}
        self.bound: Bound | None = None
        # NumPy's operations give numbers, not arrays, where the result has no axes.
        self.scalars = [
            r.output for r in trace.results
            if r.output is not None and not r.is_tensor and _is_number(trace.recorded.outputs[r.output])
        ]  # fmt: skip
        if all(d.output is not None for d in trace.destinations):
            self.bound = Bound(self.program, trace.sources, written)

    def profile(self, leaves: Sequence[Any], repeats: int) -> Profile:
        """The kernels with their times, measured on copies."""
        trace = _of(self._trace)
        measure = importlib.import_module("wengert.compiler.native.measure")
        found: Profile = measure.profile(trace.name, (trace.tape, *self._options), trace.arguments(leaves), repeats)
        return found

    def __call__(self, leaves: Sequence[Any]) -> list[Any]:
        """The results of one call, after everything was written back."""
        values = self._values(leaves)
        for i in self.scalars:
            values[i] = values[i][()]
        return values

    def _values(self, leaves: Sequence[Any]) -> list[Any]:
        trace = _of(self._trace)
        if self.bound is not None and self.bound.possible:
            try:
                values = self.bound(leaves)
            except Closed:
                raise trace.refuse(trace.arguments(leaves)) from None
            if values is not None:
                return values if self.bound.simple else owned(values)
        arguments = trace.arguments(leaves)
        values = self.program(arguments)
        if values is None:
            raise trace.refuse(arguments)
        if trace.destinations:
            trace.write(values, arguments)
        return owned(values[: trace.count])


def _of(trace: weakref.ref[Trace]) -> Trace:
    found = trace()
    if found is None:
        raise ReferenceError("compile: this function is being deleted")
    return found


def _is_number(y: Any) -> bool:
    return isinstance(y, Node) and y.shape == () and y.prim.name not in ("reshape", "broadcast_to", "transpose")


__all__ = ["Step"]
