"""A number from outside while a function is recorded for the compiler: a learning rate, the number of a step."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partialmethod
from typing import Any

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.source import capture
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import Recorder, Tensor, escaped, local
from wengert.core.tape import Node, Var


class Scalar(Tensor):
    """A weak number: computed with in float64 or int64, and cast to the dtype of the array it meets (NEP 50).

    Its value is known. Where Python decides by it, the answer is guarded: the function is recorded anew where another
    value gives another answer, and only there.
    """

    __slots__ = ("known", "again", "roots")

    def __init__(self, node: Var, rec: Recorder, known: Any, again: Callable[[], Any], roots: frozenset[Any]) -> None:
        super().__init__(None, node, rec)
        self.known, self.again, self.roots = known, again, roots

    def _answer(self, kind: Callable[[Any], Any]) -> Any:
        """What Python makes of the value, guarded."""
        if local.lifting is None:
            assert self.rec is not None
            raise escaped(self.rec)
        answer, again = kind(self.known), self.again
        where = f"{getattr(kind, '__name__', 'the value')} of {' and '.join(map(repr, self.roots)) or 'a number'}"
        local.lifting.watch(where, lambda: kind(again()), answer, self.roots)
        return answer

    def _changed(self, name: str, other: Any) -> Any:
        """``x op= other``: another number; nothing is written to."""
        return getattr(self, f"__{name}__")(other)

    __iadd__ = partialmethod(_changed, "add")
    __isub__ = partialmethod(_changed, "sub")
    __imul__ = partialmethod(_changed, "mul")
    __itruediv__ = partialmethod(_changed, "truediv")
    __ipow__ = partialmethod(_changed, "pow")

    def __bool__(self) -> bool:
        return bool(self._answer(bool))

    def __float__(self) -> float:
        return float(self._answer(float))

    def __int__(self) -> int:
        return int(self._answer(int))

    def __index__(self) -> int:
        return operator.index(self._answer(operator.index))

    def __format__(self, spec: str) -> str:
        return format(self._answer(lambda x: x), spec)

    def __str__(self) -> str:
        return str(self._answer(lambda x: x))

    def __hash__(self) -> int:
        return hash(self._answer(lambda x: x))

    def item(self) -> Any:
        """The Python number, guarded."""
        return self._answer(lambda x: x)


def scalar_of(prim: Primitive, args: Sequence[Any], attrs: dict[str, Any], rec: Recorder) -> Any:
    """The line of an operation on numbers alone: a number again, or the guarded answer of a comparison."""

    def compute(operands: Sequence[Any]) -> Any:
        return prim.impl(*operands, **attrs)

    known = compute([x.known if isinstance(x, Scalar) else x for x in args])
    again: Callable[[], Any] = lambda: compute([x.again() if isinstance(x, Scalar) else x for x in args])  # noqa: E731
    roots = frozenset().union(*(x.roots for x in args if isinstance(x, Scalar)))
    result = np.asarray(known)
    avals = [Aval((), x.dtype) if isinstance(x, Scalar) else x for x in args]
    y = prim.aval(*avals, **attrs)
    code, lasti = capture()
    inputs = tuple(x if type(x) in SCALAR_TYPES else x.node for x in args)
    node = Node(prim, inputs, attrs, y[0], y[1], code, lasti)
    if prim.multi or y[0] != ():
        return Tensor(None, node, rec)
    number = Scalar(node, rec, result.item(), lambda: np.asarray(again()).item(), roots)
    return bool(number) if y[1].kind == "b" else number


__all__ = ["Scalar", "scalar_of"]
