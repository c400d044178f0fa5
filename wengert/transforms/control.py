"""Control flow as lines: `cond`, `switch`, `scan`, `fori_loop`, `while_loop`, each holding the lists of its bodies.

Bodies are recorded once, at shapes and dtypes; carries and results are trees. Tensors that a body closes over become
operands of the line, so gradients reach them. See `loops` for the lines themselves.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES
from wengert.base.errors import ArgumentError, DTypeError, ShapeError, TreeError, show
from wengert.core.primitive import Aval
from wengert.core.record import Tensor, as_array, bind
from wengert.core.tape import Tape
from wengert.core.tree import Structure, flatten
from wengert.ops.structure import AS_TYPE, arrayed
from wengert.transforms.loops import SCAN, SWITCH, WHILE, saving
from wengert.transforms.sublists import aval, close, outputs, run, spaced


def _known(x: Any) -> Any:
    """The value of a predicate or bound as a NumPy scalar, or None where it is abstract."""
    while isinstance(x, Tensor):
        if x.value is None:
            return None
        x = x.value
    return np.asarray(x)


class _Body:
    """One recorded function: its list, the structure of its result, the tensors it closes over."""

    def __init__(self, f: Callable[..., Any], avals: Sequence[Any], build: Callable[[Sequence[Any]], Any], what: str):
        self.structure: Structure | None = None
        self.weak: list[bool] = []

        def flat(*xs: Any) -> list[Any]:
            leaves, self.structure = flatten(f(*build(xs)))
            self.weak = [type(y) in SCALAR_TYPES for y in leaves]
            return [arrayed(y) for y in leaves]

        self.tape, self.outside = close(flat, avals, what)

    @property
    def results(self) -> list[Aval]:
        """Shapes and dtypes of the leaves of the result."""
        return outputs(self.tape)


# ----- branches -----------------------------------------------------------------------------------------
def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """``true_fun(*operands)`` where the scalar `pred` is true, else ``false_fun(*operands)``.

    Both branches return trees of the same structure, shapes and dtypes (`TreeError`, `ShapeError`, `DTypeError`).
    Where `pred` is known while recording, its branch is simply run; else the line holds both. Under `vmap` with a
    batched `pred` both branches run and `where` selects; the branch not taken contributes no gradient.

    >>> import wengert as wg, numpy as np
    >>> wg.grad(lambda x: wg.cond(x > 0, lambda a: a * a, lambda a: -a, x))(-3.0)
    np.float64(-1.0)
    """
    known = _known(pred)
    shape = pred.shape if known is None else known.shape
    if shape != ():
        raise ShapeError(
            f"cond: got a predicate of shape {list(shape)}; needs a scalar", hint="use wg.where or wg.vmap"
        )
    if known is not None:
        return (true_fun if known else false_fun)(*operands)
    return _select("cond", pred, {"false": false_fun, "true": true_fun}, operands)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """``branches[index](*operands)``, with `index` clamped into range.

    As `cond` for any number of branches.

    >>> import wengert as wg, numpy as np
    >>> wg.switch(1, [np.sin, np.exp], 0.0)
    np.float64(1.0)
    """
    if not branches:
        raise ArgumentError("switch: needs at least one branch")
    known = _known(index)
    dtype, shape = (index.dtype, index.shape) if known is None else (known.dtype, known.shape)
    if shape != () or dtype.kind not in "iub":
        raise ArgumentError(f"switch: got the index {show(index)}; needs an integer scalar")
    if known is not None:
        return branches[min(max(int(known), 0), len(branches) - 1)](*operands)
    return _select("switch", index, {f"case{i}": f for i, f in enumerate(branches)}, operands)


def _select(what: str, index: Any, branches: dict[str, Callable[..., Any]], operands: Sequence[Any]) -> Any:
    leaves, structure = flatten(tuple(operands))
    leaves = [arrayed(x) for x in leaves]
    bodies = {k: _Body(f, leaves, structure.unflatten, what) for k, f in branches.items()}
    outside = [b.outside for b in bodies.values()]
    attrs = {}
    for number, (key, body) in enumerate(bodies.items()):
        before = [t for o in outside[:number] for t in o]
        after = [t for o in outside[number + 1 :] for t in o]
        attrs[key] = spaced(body.tape, before, after, len(leaves))
    attrs = _agreed(what, bodies, attrs)
    out = bind(SWITCH, (index, *leaves, *(t for o in outside for t in o)), attrs)
    found = next(iter(bodies.values())).structure
    assert found is not None
    return found.unflatten(out)


def _agreed(what: str, bodies: dict[str, _Body], tapes: dict[str, Tape]) -> dict[str, Tape]:
    """Branches with equal results; a Python scalar takes the dtype of the other branches."""
    (first_key, first), *rest = bodies.items()
    for key, body in rest:
        if body.structure != first.structure:
            raise TreeError(
                f"{what}: branch {key!r} returns the tree {body.structure}, branch {first_key!r} {first.structure}; "
                "needs the same structure"
            )
    wanted: list[np.dtype[Any]] = []
    for place, leaf in enumerate(first.results):
        here = [b.results[place] for b in bodies.values()]
        strong = [a.dtype for a, b in zip(here, bodies.values(), strict=True) if not b.weak[place]]
        if any(a.shape != leaf.shape for a in here) or len(set(strong)) > 1:
            error = ShapeError if any(a.shape != leaf.shape for a in here) else DTypeError
            got = ", ".join(f"{k!r} {show(a)}" for k, a in zip(bodies, here, strict=True))
            raise error(f"{what}: result {place} differs between the branches: {got}; needs equal shapes and dtypes")
        wanted.append(strong[0] if strong else leaf.dtype)
    return {k: _cast_results(t, wanted) for k, t in tapes.items()}


def _cast_results(tape: Tape, dtypes: Sequence[np.dtype[Any]]) -> Tape:
    from_dtypes = [y.dtype for y in outputs(tape)]
    if list(dtypes) == from_dtypes:
        return tape
    return _rerecorded(tape, lambda ys: [_cast(y, d) for y, d in zip(ys, dtypes, strict=True)])


def _rerecorded(tape: Tape, change: Callable[[list[Any]], list[Any]]) -> Tape:
    return close(lambda *a: change(run(tape, a)), [aval(x) for x in tape.inputs], "cond")[0]


def _cast(y: Any, dtype: np.dtype[Any]) -> Any:
    return y if y.dtype == dtype else bind(AS_TYPE, (y,), {"dtype": dtype})


# ----- loops --------------------------------------------------------------------------------------------
def scan(
    f: Callable[[Any, Any], Any], init: Any, xs: Any = None, length: int | None = None, reverse: bool = False
) -> tuple[Any, Any]:
    """A loop over the first axis of `xs` that carries a value: ``carry, y = f(carry, x)`` for every ``x``.

    Returns the last carry and all ``y`` stacked along axis 0. The carry keeps its tree, shapes and dtypes
    (`TreeError`, `ShapeError`, `DTypeError`). `xs` may be None with `length` given; ``reverse=True`` runs from the
    last to the first, results staying in place. Differentiable in both modes: the reverse sweep is a scan from the
    other end over the carries, which are kept.

    >>> import wengert as wg, numpy as np
    >>> wg.scan(lambda c, x: (c + x, c * x), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 2., 9.]))
    """
    slices, slice_tree = flatten(xs)
    slices = [arrayed(x) for x in slices]
    count = _length(slices, length)
    carry, carry_tree = flatten(init)
    each = [Aval(tuple(x.shape[1:]), x.dtype) for x in slices]

    def build(values: Sequence[Any]) -> tuple[Any, Any]:
        k = len(carry)
        return carry_tree.unflatten(values[:k]), slice_tree.unflatten(values[k:])

    def pair(c: Any, x: Any) -> Any:
        out = f(c, x)
        if not isinstance(out, tuple | list) or len(out) != 2:
            raise TreeError(f"scan: the function returned {type(out).__name__}; needs a pair (carry, y)")
        return tuple(out)

    body, carry = _settled("scan", pair, carry, each, build, carry_tree)
    assert body.structure is not None
    k = len(carry)
    # Operands in the order: what is closed over, the carry, the slices.
    tape = Tape((*body.tape.inputs[k + len(each) :], *body.tape.inputs[: k + len(each)]), body.tape.nodes,
                body.tape.outputs)  # fmt: skip
    operands = [*body.outside, *carry, *slices]
    if any(isinstance(x, Tensor) and x.rec is not None and not x.rec.abstract for x in operands):
        tape = saving(tape, len(body.outside), k)
    attrs = {"body": tape, "consts": len(body.outside), "carries": k, "length": count, "reverse": bool(reverse)}
    out = bind(SCAN, operands, attrs)
    return tuple(body.structure.unflatten(_handles(out[: len(body.results)], operands)))


def _handles(out: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
    return [y[()] if isinstance(y, np.ndarray) and not y.shape else y for y in out]


def _length(slices: Sequence[Any], length: int | None) -> int:
    if not all(x.shape for x in slices):
        raise ShapeError("scan: got a scalar among xs; every leaf needs a first axis to loop over")
    lengths = {int(x.shape[0]) for x in slices}
    if length is not None:
        lengths.add(operator.index(length))
    if len(lengths) > 1:
        raise ShapeError(f"scan: got different lengths {sorted(lengths)} of the first axes of xs; needs one")
    if not lengths:
        raise ArgumentError("scan: xs is empty; needs `length`")
    (count,) = lengths
    if count < 0:
        raise ArgumentError(f"scan: got the length {count}; needs at least 0")
    return count


def _settled(
    what: str, f: Callable[..., Any], init: Sequence[Any], each: Sequence[Aval], build: Callable[..., Any],
    carry_tree: Structure,
) -> tuple[_Body, list[Any]]:  # fmt: skip
    """The recorded body, and the first carry with the dtypes and shapes it keeps.

    A Python scalar in `init` has no dtype of its own: it takes the one (and the shape) that the first step gives.
    """
    carry = [arrayed(x) for x in init]
    weak = [i for i, x in enumerate(init) if type(x) in SCALAR_TYPES]
    if weak:
        strong = [i for i in range(len(carry) + len(each)) if i not in weak]
        avals = [*carry, *each]

        def first(*given: Any) -> Any:
            values: list[Any] = [*init, *each]
            for i, x in zip(strong, given, strict=True):
                values[i] = x
            return f(*build(values))

        trial = _Body(first, [avals[i] for i in strong], lambda xs: xs, what)
        for i, new in enumerate(_carried(what, trial, carry_tree)):
            if i in weak and np.can_cast(carry[i].dtype, new.dtype, "same_kind"):
                value = as_array(init[i]).astype(new.dtype)
                carry[i] = np.broadcast_to(value, new.shape)
    body = _Body(f, [*carry, *each], build, what)
    for i, (old, new) in enumerate(zip(carry, _carried(what, body, carry_tree), strict=True)):
        if tuple(old.shape) != new.shape:
            raise ShapeError(f"{what}: leaf {i} of the carry starts as {show(old)} and becomes {show(new)}; "
                             "needs the same shape in every step")  # fmt: skip
        if old.dtype != new.dtype:
            raise DTypeError(f"{what}: leaf {i} of the carry starts as {show(old)} and becomes {show(new)}; needs the "
                             "same dtype in every step", hint="convert the first carry or the result")  # fmt: skip
    return body, carry


def _carried(what: str, body: _Body, carry_tree: Structure) -> list[Aval]:
    """The carry among the results of a body; for `scan` the first of a pair."""
    assert body.structure is not None
    found = body.structure.children[0] if what == "scan" else body.structure
    if found != carry_tree:
        raise TreeError(f"{what}: the carry starts as the tree {carry_tree} and becomes {found}; "
                        "needs the same structure in every step")  # fmt: skip
    return body.results[: carry_tree.count]


def while_loop(cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init: Any) -> Any:
    """``while cond_fun(carry): carry = body_fun(carry)``, returning the last carry.

    The carry keeps its tree, shapes and dtypes. Differentiable in forward mode; reverse mode raises `MissingRuleError`,
    since the number of steps is not known (use `fori_loop` or `scan`). Under `vmap` it runs until every example is
    done; those that are done keep their values.

    >>> import wengert as wg, numpy as np
    >>> wg.while_loop(lambda c: c < 100.0, lambda c: c * 3.0, 1.0)
    np.float64(243.0)
    """
    carry, tree = flatten(init)
    body, carry = _settled("while_loop", lambda c: body_fun(c), carry, [], lambda xs: (tree.unflatten(xs),), tree)
    test = _Body(cond_fun, carry, lambda xs: (tree.unflatten(xs),), "while_loop")
    if len(test.results) != 1 or test.results[0].shape != ():
        got = ", ".join(show(a) for a in test.results) or "nothing"
        raise ShapeError(f"while_loop: the condition returned {got}; needs one boolean scalar")
    k = len(carry)
    attrs = {
        "test": _consts_first(test.tape, k),
        "body": _consts_first(body.tape, k),
        "test_consts": len(test.outside),
        "body_consts": len(body.outside),
    }
    operands = [*test.outside, *body.outside, *carry]
    return tree.unflatten(_handles(bind(WHILE, operands, attrs), operands))


def _consts_first(tape: Tape, carries: int) -> Tape:
    return Tape((*tape.inputs[carries:], *tape.inputs[:carries]), tape.nodes, tape.outputs)


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init: Any) -> Any:
    """``for i in range(lower, upper): carry = body_fun(i, carry)``, returning the last carry.

    With known bounds it is a `scan` (differentiable in both modes), with recorded ones a `while_loop` (forward mode).

    >>> import wengert as wg, numpy as np
    >>> wg.grad(lambda x: wg.fori_loop(0, 3, lambda i, c: c * x, 1.0))(2.0)
    np.float64(12.0)
    """
    low, high = _known(lower), _known(upper)
    if low is not None and high is not None:
        try:
            steps = np.arange(operator.index(low[()]), max(operator.index(low[()]), operator.index(high[()])))
        except TypeError:
            raise ArgumentError(f"fori_loop: got bounds {show(lower)}, {show(upper)}; needs integers") from None
        return scan(lambda c, i: (body_fun(i, c), None), init, steps)[0]
    start, end = _cast(arrayed(lower), np.dtype(np.int64)), _cast(arrayed(upper), np.dtype(np.int64))
    first = (start, end, init)
    return while_loop(lambda c: c[0] < c[1], lambda c: (c[0] + 1, c[1], body_fun(c[0], c[2])), first)[2]


__all__ = ["cond", "fori_loop", "scan", "switch", "while_loop"]
