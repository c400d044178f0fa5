"""Common subexpressions: a line that computes again what an earlier one did becomes that earlier one.

Two lines are the same where primitive, operands and attributes are: constants by their bits if they are small, else by
the array they name; numbers by type and bits (1, 1.0 and True differ, and so do 0.0 and -0.0).

| not done | why |
|---|---|
| ``a + b`` for ``b + a`` | of two NaNs the result is the first one, so the bits could change |
| lines of the user's own code | what that code does is not known |
| checkpoints | they are there to be computed twice |
| random lines | equal keys give equal numbers, so merging would be right; but a program has them once |
"""

from __future__ import annotations

from typing import Any

from wengert.compiler.rewrite import OPAQUE, Builder, array_of, rewrite, with_bodies
from wengert.core.tape import Node, Tape, Var

_SMALL = 256  # bytes of a constant that is compared by value


@with_bodies
def cse(tape: Tape) -> Tape:
    """The list in which nothing is computed twice."""
    first: dict[tuple[Any, ...], Node] = {}  # of the old list

    def change(builder: Builder, node: Node, inputs: tuple[Any, ...]) -> Var | None:
        if node.prim.name in OPAQUE or node.prim.name.startswith("random_"):
            return None
        attrs = tuple((k, _mark(v)) for k, v in sorted(node.attrs.items()))
        earlier = first.setdefault((node.prim.name, tuple(map(_mark, inputs)), attrs), node)
        return None if earlier is node else builder.read(earlier)

    return rewrite(tape, change)


def _mark(x: Any) -> Any:
    """What two equal operands or attributes have in common, and different ones have not."""
    if not isinstance(x, Var):
        return ("list", id(x)) if isinstance(x, Tape) else (type(x), repr(x))
    array = array_of(x)
    if array is None or array.nbytes > _SMALL:
        return id(x if array is None else array)
    # Arrays of one layout only: the order of the elements in memory decides how sums over them round.
    return (type(array), array.shape, array.dtype, getattr(array, "strides", None), array.tobytes())


__all__ = ["cse"]
