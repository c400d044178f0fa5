"""The lines of functions with a derivative of the user's own, and the rules they hold (users' side: custom.py).

A call is one line of the list. Its attribute `rule` holds the callables; the line's value is the plain function's,
computed on plain arrays. What the forward pass hands to the backward pass (the residuals) is either an input, or an
output, or a further value of the line; so a backward rule that is itself differentiated sees where they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES, is_differentiable
from wengert.base.errors import ArgumentError, GraphError, ShapeError, show
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import Tensor, as_array, bind
from wengert.core.tree import Structure, flatten
from wengert.ops.structure import Dims, Samples, arrayed, moveaxis, sum_axes
from wengert.transforms.batch import vmap_flat
from wengert.transforms.forward import linearize_flat
from wengert.transforms.reverse import vjp_flat
from wengert.transforms.sublists import aval, close, partially


class Spread:
    """A tree whose array leaves are operands and whose other leaves (strings, None, axes) stay as they are."""

    def __init__(self, tree: Any, scalars: bool) -> None:
        leaves, self.structure = flatten(tree)
        self.static: list[Any] = []
        self.operands: list[Any] = []
        for x in leaves:
            if isinstance(x, Tensor | np.ndarray | np.generic) or (scalars and type(x) in SCALAR_TYPES):
                self.operands.append(x)
                self.static.append(None)
            else:
                self.static.append((x,))

    def join(self, operands: Sequence[Any]) -> Any:
        """The tree with other operands."""
        given = iter(operands)
        return self.structure.unflatten(next(given) if s is None else s[0] for s in self.static)


def _same(a: Any, b: Any) -> bool:
    """Whether two handles are one value (NumPy has only one True and one False, so these say nothing)."""
    if isinstance(a, np.bool_):
        return False
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a is b or (a.node is not None and a.node is b.node) or (a.value is not None and a.value is b.value)
    return a is b


def _plain(y: Any, name: str) -> Any:
    """A result of a plain run: an array. A recorded one means that the function closes over a recorded tensor."""
    if isinstance(y, Tensor):
        if y.rec is not None:
            raise GraphError(
                f"{name}: the function reads a recorded tensor that is not among its arguments; its gradient would "
                "be lost",
                hint="pass the tensor as an argument",
            )
        return y.value
    return y


# ----- vjp rules --------------------------------------------------------------------------------------
class VjpRule:
    """Forward and backward of one call, between flat lists of arrays.

    ``forward(xs) -> [*ys, *extra]``, the first `count` being the results;
    ``backward(xs, outs, gs) -> cotangents of xs`` (None for zero), with `gs` those of the results.
    What is a residual of its own (extra) is settled by the first run, so that every run has the same values.
    """

    name = "custom_vjp"
    count = 0

    def forward(self, xs: Sequence[Any]) -> list[Any]:
        raise NotImplementedError

    def backward(self, xs: Sequence[Any], outs: Sequence[Any], gs: Sequence[Any]) -> Sequence[Any]:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.name


class UserVjp(VjpRule):
    """The user's functions over trees of arguments: ``fwd(args) -> (out, residuals)``, ``bwd(residuals, g)``."""

    def __init__(
        self, name: str, args: Spread, fwd: Callable[..., Any], bwd: Callable[..., Any], handles: bool = False
    ) -> None:
        self.name, self.args, self.fwd, self.bwd, self.handles = name, args, fwd, bwd, handles
        self.output: Structure | None = None
        self.residuals: Spread | None = None
        self.sources: list[tuple[str, int]] = []

    def forward(self, xs: Sequence[Any]) -> list[Any]:
        xs = [Tensor(x) if self.handles and isinstance(x, np.ndarray | np.generic) else x for x in xs]
        given = self.fwd(self.args.join(xs))
        ys, self.output = flatten(given[0])
        ys = [arrayed(y) for y in ys]
        kept = Spread(given[1], scalars=False)
        if self.residuals is None:
            self.count, self.residuals = len(ys), kept
            self._settle(kept.operands, xs, ys)
        own = [r for r, (place, _) in zip(kept.operands, self.sources, strict=True) if place == "own"]
        return [*ys, *own]

    def _settle(self, residuals: Sequence[Any], xs: Sequence[Any], ys: Sequence[Any]) -> None:
        """Note where each residual comes from: an input, a result, or itself."""
        values = [*(("x", i, x) for i, x in enumerate(xs)), *(("out", i, y) for i, y in enumerate(ys))]
        extra = len(ys)
        for r in residuals:
            found = next(((place, i) for place, i, value in values if _same(r, value)), None)
            self.sources.append(found or ("own", extra))
            extra += found is None

    def backward(self, xs: Sequence[Any], outs: Sequence[Any], gs: Sequence[Any]) -> Sequence[Any]:
        assert self.output is not None and self.residuals is not None
        values = [xs[i] if where == "x" else outs[i] for where, i in self.sources]
        if self.handles:
            values = [x if isinstance(x, Tensor) else Tensor(as_array(x)) for x in values]
            gs = [g if isinstance(g, Tensor) else Tensor(g) for g in gs]
        given = self.bwd(self.residuals.join(values), self.output.unflatten(gs))
        return self._operands(given, xs)

    def _operands(self, given: Any, xs: Sequence[Any]) -> list[Any]:
        """The cotangents of the operands, out of one tree (or None) for each argument."""
        children = self.args.structure.children
        if not isinstance(given, tuple | list) or len(given) != len(children):
            got = f"{len(given)} of them" if isinstance(given, tuple | list) else type(given).__name__
            raise ArgumentError(
                f"{self.name}: the backward function must return a tuple with one gradient for each of the "
                f"{len(children)} arguments; got {got}"
            )
        flat: list[Any] = []
        for number, (g, child) in enumerate(zip(given, children, strict=True)):
            flat.extend([None] * child.count if g is None else _gradient_leaves(g, child, number, self.name))
        cotangents = [g for g, s in zip(flat, self.args.static, strict=True) if s is None]
        return [_checked(g, x, self.name) for g, x in zip(cotangents, xs, strict=True)]


def _gradient_leaves(g: Any, wanted: Structure, number: int, name: str) -> list[Any]:
    if wanted.kind is None:
        return [g]
    found: list[Any] = []
    pairs = [(g, wanted)]
    while pairs:  # None may stand for a whole branch
        part, structure = pairs.pop(0)
        if part is None or structure.kind is None:
            found.extend([None] * structure.count if part is None else [part])
            continue
        children = list(part.values()) if isinstance(part, dict) else flatten_once(part)
        if len(children) != len(structure.children):
            raise ArgumentError(f"{name}: the gradient of argument {number} must have the tree {wanted}")
        pairs = [*zip(children, structure.children, strict=True), *pairs]
    return found


def flatten_once(part: Any) -> list[Any]:
    """The children of one container."""
    if isinstance(part, tuple | list):
        return list(part)
    leaves, structure = flatten(part)
    given = iter(leaves)
    return [c.unflatten(given) for c in structure.children]


def _moves(x: Any) -> bool:
    """Whether a gradient by this operand can be asked for; Python scalars are part of the line."""
    return type(x) not in SCALAR_TYPES and is_differentiable(x)


def _checked(g: Any, x: Any, name: str) -> Any:
    if g is None or not _moves(x):
        return None
    g = g.value if isinstance(g, Tensor) and g.rec is None else arrayed(g)
    if tuple(g.shape) != aval(x).shape:
        raise ShapeError(f"{name}: the backward function gave a gradient {show(g)} for an argument {show(x)}; "
                         "needs the same shape")  # fmt: skip
    return g


class BatchedVjp(VjpRule):
    """A rule on many examples at once."""

    def __init__(self, inner: VjpRule, size: int, dims: Dims) -> None:
        self.inner, self.size, self.dims, self.name = inner, size, tuple(dims), inner.name

    def forward(self, xs: Sequence[Any]) -> list[Any]:
        out = _on_examples(self.inner.forward, self.size, xs, self.dims)
        self.count = self.inner.count
        return out

    def backward(self, xs: Sequence[Any], outs: Sequence[Any], gs: Sequence[Any]) -> Sequence[Any]:
        n, m = len(xs), len(outs)
        used: list[int] = []

        def one(a: Sequence[Any]) -> list[Any]:
            cotangents = self.inner.backward(a[:n], a[n : n + m], a[n + m :])
            used[:] = [i for i, c in enumerate(cotangents) if c is not None]
            return [cotangents[i] for i in used]

        axes = [*self.dims, *[0] * (m + len(gs))]
        given = _on_examples(one, self.size, [*xs, *outs, *gs], axes)
        result: list[Any] = [None] * n
        for i, g in zip(used, given, strict=True):
            dim = self.dims[i]
            result[i] = sum_axes(g, (0,)) if dim is None else moveaxis(g, 0, dim)
        return result


def _on_examples(f: Callable[[Sequence[Any]], Sequence[Any]], size: int, xs: Sequence[Any], axes: Dims) -> list[Any]:
    """`f` of a flat list on every example, results with the examples in front; Python scalars stay what they are."""
    places = [i for i, x in enumerate(xs) if type(x) not in SCALAR_TYPES]

    def call(*given: Any) -> Sequence[Any]:
        return f(_put(xs, places, given))

    return vmap_flat(call, size, [xs[i] for i in places], [axes[i] for i in places], _all_front)


def _put(xs: Sequence[Any], places: Sequence[int], given: Sequence[Any]) -> list[Any]:
    full = list(xs)
    for i, x in zip(places, given, strict=True):
        full[i] = x
    return full


def _all_front(n: int) -> list[int | None]:
    return [0] * n


class CustomVjp(Primitive):
    """A call of a function with its own vjp."""

    name = "custom_vjp"
    multi = True

    def impl(self, *xs: Any, rule: VjpRule) -> tuple[Any, ...]:
        return tuple(_plain(y, rule.name) for y in rule.forward(xs))

    def aval(self, *xs: Any, rule: VjpRule) -> tuple[Aval, ...]:
        return _recorded_avals(lambda *a: rule.forward(a), xs, rule.name)

    def vjp(self, g: Any, y: Any, *xs: Any, rule: VjpRule) -> tuple[Any, ...]:
        gs, rest = g[: rule.count], g[rule.count :]
        total = list(rule.backward(xs, y, gs))
        if any(isinstance(e, Tensor) or e.any() for e in rest):
            # A residual of its own carries a cotangent (second order): it is differentiated as written.
            which = [_moves(x) for x in xs]
            _, back = partially(vjp_flat, lambda *a: rule.forward(a)[rule.count :], xs, which)
            more = iter(back(rest))
            for i, moves in enumerate(which):
                if moves:
                    extra = next(more)
                    total[i] = extra if total[i] is None else total[i] + extra
        return tuple(total)

    def jvp(self, ts: Sequence[Any], y: Any, *xs: Any, rule: VjpRule) -> tuple[Any, ...]:
        which = [t is not None for t in ts]
        used: list[int] = []

        def pulled(*gs: Any) -> list[Any]:
            cotangents = rule.backward(xs, y, gs)
            used[:] = [i for i, c in enumerate(cotangents) if c is not None and which[i]]
            return [cotangents[i] for i in used]

        # The backward function is linear in g: its transpose is the pushforward.
        zeros = [np.zeros(v.shape, v.dtype) for v in y[: rule.count]]
        _, transpose = vjp_flat(pulled, zeros, "jvp")
        moved = transpose([ts[i] for i in used])
        if len(y) == rule.count:
            return tuple(moved)
        _, push = partially(linearize_flat, lambda *a: rule.forward(a)[rule.count :], xs, which)
        return (*moved, *push([t for t in ts if t is not None]))

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, rule: VjpRule) -> tuple[Any, list[int]]:
        ys = bind(self, xs, {"rule": BatchedVjp(rule, size, dims)})
        return list(ys), [0] * len(ys)

    def samples(self, rng: np.random.Generator) -> Samples:
        args = Spread((np.zeros((2, 3)),), scalars=True)
        cube = UserVjp("cube", args, lambda a: (a[0] * a[0] * a[0], (a[0],)), lambda r, g: (3.0 * r[0] * r[0] * g,))
        yield [rng.normal(size=(2, 3))], {"rule": cube}


CUSTOM_VJP = CustomVjp()


def _recorded_avals(f: Callable[..., Sequence[Any]], xs: Sequence[Any], name: str) -> tuple[Aval, ...]:
    """Shapes and dtypes of the results, found by recording; Python scalars are handed on as they are."""
    places = [i for i, x in enumerate(xs) if type(x) not in SCALAR_TYPES]

    def call(*given: Any) -> Sequence[Any]:
        return f(*_put(xs, places, given))

    tape, outside = close(call, [xs[i] for i in places], name)
    for x in outside:
        _plain(x, name)
    return tuple(aval(y) for y in tape.outputs)


# ----- jvp rules ----------------------------------------------------------------------------------------
class JvpRule:
    """A function and its tangent, between flat lists: ``forward(xs) -> ys``, ``push(xs, ts) -> tangents of ys``."""

    name = "custom_jvp"

    def forward(self, xs: Sequence[Any]) -> list[Any]:
        raise NotImplementedError

    def push(self, xs: Sequence[Any], ts: Sequence[Any]) -> list[Any]:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.name


class UserJvp(JvpRule):
    """The user's functions over trees: ``fun(*args)`` and ``rule(args, tangents) -> (out, tangent of out)``."""

    def __init__(self, name: str, args: Spread, fun: Callable[..., Any], rule: Callable[..., Any]) -> None:
        self.name, self.args, self.fun, self.rule = name, args, fun, rule
        self.output: Structure | None = None

    def forward(self, xs: Sequence[Any]) -> list[Any]:
        ys, self.output = flatten(self.fun(*self.args.join(xs)))
        return [arrayed(y) for y in ys]

    def push(self, xs: Sequence[Any], ts: Sequence[Any]) -> list[Any]:
        given = self.rule(self.args.join(xs), self.args.join(ts))
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise ArgumentError(f"{self.name}: the jvp function must return (output, tangent of the output)")
        tangents, structure = flatten(given[1])
        ys, output = flatten(given[0])
        if structure != output:
            raise ArgumentError(f"{self.name}: the tangent has the tree {structure}, the output has {output}")
        result = []
        for t, y in zip(tangents, ys, strict=True):
            t = arrayed(t)
            if tuple(t.shape) != aval(y).shape:
                raise ShapeError(
                    f"{self.name}: the jvp function gave a tangent {show(t)} for an output {show(y)}; "
                    "needs the same shape"
                )
            result.append(t)
        return result


class BatchedJvp(JvpRule):
    """A rule on many examples at once."""

    def __init__(self, inner: JvpRule, size: int, dims: Dims) -> None:
        self.inner, self.size, self.dims, self.name = inner, size, tuple(dims), inner.name

    def forward(self, xs: Sequence[Any]) -> list[Any]:
        return _on_examples(self.inner.forward, self.size, xs, self.dims)

    def push(self, xs: Sequence[Any], ts: Sequence[Any]) -> list[Any]:
        n, axes = len(xs), [*self.dims, *self.dims]
        return _on_examples(lambda a: self.inner.push(a[:n], a[n:]), self.size, [*xs, *ts], axes)


class CustomJvp(Primitive):
    """A call of a function with its own jvp; reverse mode transposes it."""

    name = "custom_jvp"
    multi = True

    def impl(self, *xs: Any, rule: JvpRule) -> tuple[Any, ...]:
        return tuple(_plain(y, rule.name) for y in rule.forward(xs))

    def aval(self, *xs: Any, rule: JvpRule) -> tuple[Aval, ...]:
        return _recorded_avals(lambda *a: rule.forward(a), xs, rule.name)

    def vjp(self, g: Any, _y: Any, *xs: Any, rule: JvpRule) -> tuple[Any, ...]:
        which = [_moves(x) for x in xs]
        zeros = _tangent_zeros(xs)
        _, back = partially(vjp_flat, lambda *ts: rule.push(xs, ts), zeros, which)
        given = iter(back([c if is_differentiable(c) else None for c in g]))
        return tuple(next(given) if w else None for w in which)

    def jvp(self, ts: Sequence[Any], _y: Any, *xs: Any, rule: JvpRule) -> tuple[Any, ...]:
        moved = [z if t is None else t for t, z in zip(ts, _tangent_zeros(xs), strict=True)]
        return tuple(rule.push(xs, moved))

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, rule: JvpRule) -> tuple[Any, list[int]]:
        ys = bind(self, xs, {"rule": BatchedJvp(rule, size, dims)})
        return list(ys), [0] * len(ys)

    def samples(self, rng: np.random.Generator) -> Samples:
        args = Spread((np.zeros((2, 3)),), scalars=True)
        yield [rng.normal(size=(2, 3))], {"rule": UserJvp("cube", args, lambda a: a * a * a, _cube_jvp)}


CUSTOM_JVP = CustomJvp()


def _cube_jvp(primals: Any, tangents: Any) -> Any:
    (a,), (t,) = primals, tangents
    return a * a * a, 3.0 * a * a * t


def _tangent_zeros(xs: Sequence[Any]) -> list[Any]:
    """Zeros to move along; those of integers are floating, since they have no tangent of their own dtype."""
    avals = [aval(x) for x in xs]
    return [np.zeros(a.shape, a.dtype if a.dtype.kind in "fc" else np.float64) for a in avals]


__all__: list[str] = []
