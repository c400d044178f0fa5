"""The first step towards machine code: lines with a story of their own are told in elementary ones.

Softmax and its relatives become maxima, exponentials and sums, so that they fuse with what stands around them.
Everything is as the primitives' own implementations compute it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from wengert.compiler.native import domain
from wengert.compiler.native.access import uniform
from wengert.compiler.native.hoist import hoist
from wengert.compiler.native.lines import Writer
from wengert.compiler.native.powers import powers
from wengert.compiler.native.share import share
from wengert.compiler.passes.cse import cse
from wengert.compiler.passes.dead_code import dead_code
from wengert.compiler.rewrite import Builder, array_of, rewrite
from wengert.core.tape import Const, Node, Tape, Var
from wengert.ops.elementwise import Elementwise

_ROUNDS = 6  # a rule may make another one fit


def _shift(w: Writer, x: Any, axes: Any) -> Node:
    largest = w.max(x, axes=axes, keepdims=True)
    return w.where(w.isfinite(largest), largest, 0.0)


def _logsumexp(w: Writer, node: Node, x: Any, axes: Any, keepdims: bool) -> Node:
    shift = _shift(w, x, axes)
    y = w.add(w.log(w.sum(w.exp(w.subtract(x, shift)), axes=axes, keepdims=True)), shift)
    return y if keepdims else w.reshape(y, shape=tuple(node.shape))


def _softmax(w: Writer, _node: Node, x: Any, axes: Any) -> Node:
    e = w.exp(w.subtract(x, _shift(w, x, axes)))
    total = w.sum(e, axes=axes, keepdims=True)
    return w.divide(e, w.where(w.equal(total, 0.0), 1.0, total))


def _log_softmax(w: Writer, _node: Node, x: Any, axes: Any) -> Node:
    shifted = w.subtract(x, _shift(w, x, axes))
    total = w.log(w.sum(w.exp(shifted), axes=axes, keepdims=True))
    return w.subtract(shifted, w.where(w.equal(total, -np.inf), 0.0, total))


def _extremum_share(w: Writer, _node: Node, x: Any, y: Any, axes: Any) -> Node:
    kept = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
    attained = w.astype(w.equal(x, w.reshape(y, shape=kept)), dtype=x.dtype)
    count = w.sum(attained, axes=axes, keepdims=True)
    return w.multiply(attained, w.divide(1.0, w.maximum(count, 1.0)))


def _einsum(w: Writer, node: Node, *xs: Any, subscripts: str) -> Node | None:
    """A product of one or two operands: sums, then a product of matrices of batch, own and shared indices."""
    left, _, out = subscripts.partition("->")
    terms = left.split(",")
    if len(xs) > 2 or any(len(set(t)) != len(t) for t in (*terms, out)) or any(x.dtype != node.dtype for x in xs):
        return None
    sizes = {i: n for t, x in zip(terms, xs, strict=True) for i, n in zip(t, x.shape, strict=True)}
    if any(sizes[i] != n for t, x in zip(terms, xs, strict=True) for i, n in zip(t, x.shape, strict=True)):
        return None  # a length of 1 that is repeated
    for k, t in enumerate(terms):
        others = out + "".join(terms[:k] + terms[k + 1 :])
        lone = tuple(axis for axis, i in enumerate(t) if i not in others)
        if lone:
            xs = (*xs[:k], w.sum(xs[k], axes=lone, keepdims=False), *xs[k + 1 :])
            terms[k] = "".join(i for i in t if i in others)
    if len(xs) == 1:
        return w.transpose(xs[0], axes=tuple(terms[0].index(i) for i in out))
    a, b = terms
    batch = [i for i in a if i in b and i in out]
    shared = [i for i in a if i in b and i not in out]
    rows, columns = ([i for i in t if i not in other] for t, other in ((a, b), (b, a)))

    def size(*groups: list[str]) -> tuple[int, ...]:
        return tuple(math.prod(sizes[i] for i in group) for group in groups)

    def laid(x: Any, term: str, *groups: list[str]) -> Node:
        order = tuple(term.index(i) for group in groups for i in group)
        return w.reshape(w.transpose(x, axes=order), shape=size(*groups))

    y = w.matmul(laid(xs[0], a, batch, rows, shared), laid(xs[1], b, batch, shared, columns))
    found = [*batch, *rows, *columns]
    y = w.reshape(y, shape=tuple(sizes[i] for i in found))
    return w.transpose(y, axes=tuple(found.index(i) for i in out))


_STORIES: dict[str, Callable[..., Node | None]] = {
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "extremum_share": _extremum_share,
    "einsum": _einsum,
}


def _turned(readers: Mapping[Var, int], builder: Builder, node: Node, inputs: tuple[Any, ...]) -> Var | None:
    """``(A B)'`` is ``B' A'``: the gradient of a weight then is written the way the weight lies.

    Only where nobody else reads the product, which would be computed twice.
    """
    product = inputs[0]
    if not isinstance(product, Node) or product.prim.name != "matmul" or node.attrs["axes"] != (1, 0):
        return None
    if any(len(x.shape) != 2 for x in product.inputs) or readers[node.inputs[0]] > 1:
        return None
    w = Writer(builder, node)
    a, b = (w.transpose(x, axes=(1, 0)) for x in product.inputs)
    return w.matmul(b, a)


def _masked(builder: Builder, node: Node, inputs: tuple[Any, ...]) -> Var | None:
    """A flag times a number is the number where it is set, else 0 (whatever the number)."""
    for flag, x in (inputs, inputs[::-1]):
        if isinstance(flag, Var) and flag.dtype == bool and isinstance(x, Var) and x.dtype == node.dtype:
            return Writer(builder, node).where(flag, x, 0)
    for number in inputs:
        value = uniform(number) if isinstance(number, Var) else number
        if value is not None and np.isfinite(value) and value != 0 and node.dtype.kind == "f":
            return Writer(builder, node).multiply(*inputs)  # nothing times such a number is NaN without being NaN
    return None


def _commuted(builder: Builder, node: Node, inputs: tuple[Any, ...]) -> Var | None:
    """``b + a`` is written ``a + b``, so that both are one; which of two NaNs comes out is not told apart here."""
    a, b = inputs
    if (
        node.prim.name == "add"
        and isinstance(a, Node)
        and isinstance(b, Node)
        and a.prim.name == b.prim.name == "place"
    ):
        same = a.attrs["index"] == b.attrs["index"] and a.shape == b.shape and a.dtype == b.dtype
        if same and len(a.inputs) == len(b.inputs) == 1 and a.inputs[0].shape == b.inputs[0].shape:
            return Writer(builder, node).place(Writer(builder, node).add(a.inputs[0], b.inputs[0]), **a.attrs)
    if isinstance(a, Var) and isinstance(b, Var) and a.number > b.number:
        return builder.line(node, (b, a), node.attrs)
    if node.prim.name == "multiply":
        for x, other in (inputs, inputs[::-1]):
            one = isinstance(x, Var) and isinstance(other, Var) and x.dtype == other.dtype == node.dtype
            if one and other.shape == node.shape and uniform(x) == 1:
                return other
    return None


def _identity(node: Node, inputs: tuple[Any, ...]) -> Var | None:
    """A product with the identity, as the directions of a Hessian are, is the other factor.

    In eager code infinite numbers in it meet zeros and become NaN.
    """
    for x, other in (inputs, inputs[::-1]):
        array = array_of(x)
        if array is None or array.ndim != 2 or array.shape[0] != array.shape[1] or array.dtype != node.dtype:
            continue
        same = isinstance(other, Var) and tuple(other.shape) == tuple(node.shape) and other.dtype == node.dtype
        if same and len(other.shape) == 2 and np.array_equal(array, np.eye(len(array))):
            return other
    return None


def _folded(node: Node, inputs: tuple[Any, ...]) -> Var | None:
    """An elementwise line of numbers that repeat everywhere gives such a number again."""
    if not isinstance(node.prim, Elementwise) or not node.shape:
        return None
    values = [uniform(x) if isinstance(x, Var) else x for x in inputs]
    if any(v is None for v in values):
        return None
    with np.errstate(all="ignore"):
        result = np.asarray(node.prim.impl(*values, **node.attrs), node.dtype)
    return Const(np.broadcast_to(result, node.shape)) if not result.shape else None


def _change(readers: Mapping[Var, int], builder: Builder, node: Node, inputs: tuple[Any, ...]) -> Var | None:
    known = _folded(node, inputs)
    if known is not None:
        return known
    if node.prim.name == "place" and 0 in inputs[0].shape:
        return Const(np.broadcast_to(np.zeros((), node.dtype), node.shape))  # there is nothing to be put anywhere
    if node.prim.name == "transpose":
        return _turned(readers, builder, node, inputs)
    if node.prim.name in ("add", "multiply", "maximum", "minimum"):
        return _commuted(builder, node, inputs)
    if node.prim.name == "matmul":
        return _identity(node, inputs)
    if node.prim.name == "multiply_no_nan":
        return _masked(builder, node, inputs)
    story = _STORIES.get(node.prim.name)
    if story is None or not isinstance(inputs[0], Var) or not domain.known(inputs[0].dtype) or 0 in inputs[0].shape:
        return None
    if inputs[0].dtype.kind != "f":
        return None
    return story(Writer(builder, node), node, *inputs, **node.attrs)


def expand(tape: Tape) -> Tape:
    """The list with composite lines spelled out, equal lines merged and unread ones dropped."""
    tape = hoist(share(tape))
    for turn in range(_ROUNDS):
        before = tape
        readers = Counter(
            x for xs in (*(n.inputs for n in before.nodes), before.outputs) for x in xs if isinstance(x, Var)
        )
        tape = dead_code(cse(rewrite(before, partial(_change, readers))))
        if turn and len(tape) >= len(before):
            break  # nothing left to drop
    return dead_code(cse(powers(tape)))


__all__ = ["expand"]
