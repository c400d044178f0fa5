"""The battery: everything a primitive promises, checked on its own samples.

`check_primitive(name)` tries a primitive on every sample of ``REGISTRY[name].samples(rng)`` in float64, complex128
(where defined) and float32 and raises `AssertionError` whose message begins with primitive and rule, ``sin.jvp: …``.

* ``impl``: the value does not depend on the layout of the operands in memory and leaves them as they are.
* ``aval``: shape and dtype are those of the value.
* ``jvp``: the tangent is that of differences in a random direction (also the one made from ``linear_in``).
* ``vjp``: ``<g, J t> = <J' g, t>``; linear in g; dtype and shape of the operand; every operand alone gives the same
  as all together (the values its rule reads are kept); a zero cotangent gives exactly zero.
* second order: the derivative of the pullback, forwards against differences and backwards against forwards.
* ``batch``: vmap is the loop, for every subset of operands, the examples on the first or last axis, 0, 1 or 3 of them.

For complex operands derivatives are real-linear maps and the identities hold for their real parts; this is the
convention of `wengert.ops.elementwise`. A primitive that is not defined for complex operands, or whose samples say
it all, sets ``complex_domain = False``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from wengert.base.errors import DTypeError, MissingRuleError, WengertError
from wengert.core.primitive import REGISTRY, Aval, Primitive
from wengert.core.record import bind
from wengert.ops.elementwise import Elementwise
from wengert.transforms.batch import vmap_flat
from wengert.transforms.forward import linearize_flat
from wengert.transforms.reverse import vjp_flat

Arrays = list[Any]
STEP = 1e-4  # of the differences, which are of fourth order
EDGES = (0.0, 1.0, -1.0, 1e3, -1e3)  # where partials are singular or overflow, for zero cotangents


def check_primitive(name: str, dtypes: Sequence[Any] = ("float64", "complex128", "float32"), seed: int = 0) -> int:
    """Check everything the primitive `name` promises; returns how many checks were made.

    Raises `AssertionError`, which names primitive, rule and sample, at the first promise that is not kept.

    >>> from wengert.testing.battery import check_primitive
    >>> check_primitive("multiply") > 100
    True
    """
    prim = REGISTRY[name]
    count = 0
    with np.errstate(all="ignore"):
        for dtype in map(np.dtype, dtypes):
            if dtype.kind == "c" and not getattr(prim, "complex_domain", True):
                continue
            for number, (xs, attrs) in enumerate(prim.samples(np.random.default_rng(seed))):
                cast = _cast(xs, dtype, np.random.default_rng(seed + 1))
                if cast is None or (dtype.kind == "c" and not _defined(prim, cast, attrs)):
                    continue
                trial = _Trial(prim, cast, attrs, number, seed)
                count += trial.run(first_order_only=dtype.itemsize // (2 if dtype.kind == "c" else 1) < 8)
        if isinstance(prim, Elementwise):
            count += _check_edges(prim)
    assert count, f"{name}.samples: there is no sample"
    return count


# ----- samples ----------------------------------------------------------------------------------------
def _cast(xs: Sequence[Any], dtype: np.dtype[Any], rng: np.random.Generator) -> Arrays | None:
    """Floating operands in `dtype` (complex ones in its complex partner); None where nothing would change kind."""
    if dtype.kind == "c":
        if not any(_is_array(x) and x.dtype.kind == "f" for x in xs) or any(_kind(x) == "c" for x in xs):
            return None
        return [_with_imaginary(x, dtype, rng) if _kind(x) == "f" and _is_array(x) else x for x in xs]
    partner = np.result_type(dtype, np.complex64)
    casts = {"f": dtype, "c": partner}
    return [np.asarray(x).astype(casts[x.dtype.kind]) if _is_array(x) and _kind(x) in "fc" else x for x in xs]


def _with_imaginary(x: Any, dtype: np.dtype[Any], rng: np.random.Generator) -> Any:
    return (x + 0.4j * rng.uniform(-1, 1, x.shape)).astype(dtype)


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic)


def _kind(x: Any) -> str:
    return x.dtype.kind if _is_array(x) else ""


def _defined(prim: Primitive, xs: Arrays, attrs: dict[str, Any]) -> bool:
    """Whether the primitive takes complex operands: it may say no by its error."""
    try:
        prim.aval(*_avals(xs), **attrs)
        prim.impl(*xs, **attrs)
    except (DTypeError, TypeError):
        return False
    return True


def _avals(xs: Arrays) -> Arrays:
    return [Aval(x.shape, x.dtype) if _is_array(x) else x for x in xs]


def _layouts(x: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The same array, laid out differently."""
    yield "column-major", np.asfortranarray(x)
    padded = np.zeros(tuple(2 * n for n in x.shape), x.dtype)
    every_second = padded[(slice(None, None, 2),) * x.ndim]
    every_second[...] = x
    yield "strided", every_second
    back = (slice(None, None, -1),) * x.ndim
    yield "negative-stride", np.ascontiguousarray(x[back])[back]


# ----- comparisons ------------------------------------------------------------------------------------
def _norm(xs: Sequence[Any]) -> float:
    return max((float(np.max(np.abs(x), initial=0.0, where=np.isfinite(x))) for x in xs), default=0.0)


def _error(found: Any, wanted: Any) -> float:
    """The largest difference; NaN must meet NaN and infinities must agree."""
    if np.shape(found) != np.shape(wanted):
        return np.inf
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    if np.all(same):
        return 0.0
    if np.asarray(wanted).dtype.kind not in "fc":  # integers and truth values agree or do not
        return np.inf
    difference = np.abs(np.where(same, 0, np.subtract(found, wanted, dtype=np.result_type(found, wanted, 0.0))))
    return float(np.nan_to_num(np.max(difference, initial=0.0), nan=np.inf))


def _differences(f: Callable[..., Arrays], at: Arrays, along: Arrays) -> Arrays:
    """The derivative of `f` along a direction, by central differences of fourth order."""

    def moved(k: int) -> Arrays:
        return f(*(x + (k * STEP) * t for x, t in zip(at, along, strict=True)))

    rows = zip(moved(1), moved(-1), moved(2), moved(-2), strict=True)
    return [(8 * (a - b) - (c - d)) / (12 * STEP) for a, b, c, d in rows]


def _direction(rng: np.random.Generator, x: Any) -> Any:
    """A random array like `x`."""
    t = rng.uniform(0.2, 1, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    if x.dtype.kind == "c":
        t = t + 1j * rng.uniform(-1, 1, x.shape)
    return np.asarray(t, x.dtype)


def _product(a: Arrays, b: Arrays) -> tuple[float, float]:
    """The real part of the sum of products, and the scale of its terms."""
    terms = [np.ravel(np.multiply(p, q)) for p, q in zip(a, b, strict=True)]
    return float(sum(np.sum(t.real) for t in terms)), float(sum(np.sum(np.abs(t)) for t in terms))


# ----- one sample ---------------------------------------------------------------------------------------
class _Trial:
    """One primitive on one sample."""

    def __init__(self, prim: Primitive, xs: Arrays, attrs: dict[str, Any], number: int, seed: int) -> None:
        self.prim, self.xs, self.attrs, self.number, self.seed = prim, xs, attrs, number, seed
        self.rng = np.random.default_rng(seed + 17 * number + 2)
        self.moving = [i for i, x in enumerate(xs) if _kind(x) in ("f", "c")]
        self.count = 0
        self.ys = self.call(*xs)
        self.smooth = [i for i, y in enumerate(self.ys) if y.dtype.kind in "fc"]
        single = any(_is_array(x) and x.dtype in (np.float32, np.complex64) for x in (*xs, *self.ys))
        self.eps = 2e-6 if single else 1e-12

    def call(self, *xs: Any) -> Arrays:
        y = bind(self.prim, xs, self.attrs)
        return list(y) if self.prim.multi else [y]

    def on(self, chosen: Sequence[int]) -> Callable[..., Arrays]:
        """The smooth results as a function of the operands `chosen`, the others held fixed."""

        def f(*given: Any) -> Arrays:
            xs = list(self.xs)
            for i, x in zip(chosen, given, strict=True):
                xs[i] = x
            ys = self.call(*xs)
            return [ys[k] for k in self.smooth]

        return f

    def check(self, fine: bool, rule: str, text: str) -> None:
        self.count += 1
        if not fine:
            raise AssertionError(f"{self.prim.name}.{rule}: {text} ({self.described()})")

    def close(self, found: Arrays, wanted: Arrays, rule: str, text: str, tolerance: float, scale: float = 0.0) -> None:
        for k, (a, b) in enumerate(zip(found, wanted, strict=True)):
            allowed = tolerance * max(_norm([b]), scale, 1e-3)
            wrong = _error(a, b)
            self.check(wrong <= allowed, rule, f"{text}, value {k} is off by {wrong:.3g} (allowed {allowed:.3g})")

    def described(self) -> str:
        operands = ", ".join(f"{x.dtype}{list(x.shape)}" if _is_array(x) else repr(x) for x in self.xs)
        attrs = "".join(f", {k}={v}" for k, v in self.attrs.items())
        return f"sample {self.number}: {operands}{attrs}"

    def run(self, first_order_only: bool) -> int:
        self.value()
        if self.prim.differentiable and self.moving and self.smooth:
            self.first_order(first_order_only)
            if not first_order_only:
                self.second_order()
        self.batch(sizes=(3,) if first_order_only else (0, 1, 3))
        return self.count

    # ----- the promises -----
    def value(self) -> None:
        avals = self.prim.aval(*_avals(self.xs), **self.attrs)
        for aval, y in zip(avals if self.prim.multi else [avals], self.ys, strict=True):
            self.check(tuple(aval[0]) == y.shape, "aval", f"shape {aval[0]}, the value has {y.shape}")
            self.check(np.dtype(aval[1]) == y.dtype, "aval", f"dtype {aval[1]}, the value has {y.dtype}")
        before = [x.copy() if isinstance(x, np.ndarray) else x for x in self.xs]
        for i, x in enumerate(self.xs):
            if not isinstance(x, np.ndarray) or not x.ndim:
                continue
            for layout, other in _layouts(x):
                xs = list(self.xs)
                xs[i] = other
                other.flags.writeable = False  # as recorded operands are
                self.close(self.call(*xs), self.ys, "impl", f"operand {i} {layout}", 10 * self.eps)
        for x, old in zip(self.xs, before, strict=True):
            self.check(not _is_array(x) or _error(x, old) == 0, "impl", "an operand was changed")

    def first_order(self, single: bool) -> None:
        f, at = self.on(self.moving), [self.xs[i] for i in self.moving]
        ts = [_direction(self.rng, x) for x in at]
        gs = [_direction(self.rng, self.ys[k]) for k in self.smooth]
        pushed = linearize_flat(f, at)[1](ts)
        pulled = vjp_flat(f, at)[1]
        cotangents = pulled(gs)
        forward = "jvp" if self.prim.jvp is not None or self.prim.linear_in else "vjp"
        scale = _norm([self.ys[k] for k in self.smooth])
        for t, k in zip(pushed, self.smooth, strict=True):
            self.check(t.dtype == self.ys[k].dtype, forward, f"a tangent of dtype {t.dtype} for {self.ys[k].dtype}")
        if single:
            self.close(pushed, self.wide(ts), forward, "against the same in float64", 1e-3, scale)
        else:
            self.close(pushed, _differences(f, at, ts), forward, "against differences", 1e-7, 1e-3 * scale)
        for c, x in zip(cotangents, at, strict=True):
            self.check(c.shape == x.shape, "vjp", f"a cotangent of shape {c.shape} for an operand of {x.shape}")
            self.check(c.dtype == x.dtype, "vjp", f"a cotangent of dtype {c.dtype} for an operand of {x.dtype}")
        self.adjoint(gs, pushed, cotangents, ts, 1e-4 if single else 1e-9, "vjp")
        self.linear(pulled, gs, cotangents)
        for i, c in zip(self.moving, cotangents, strict=True):
            self.alone(i, c, gs)

    def wide(self, ts: Arrays) -> Arrays:
        """The tangents in float64 at the same point."""
        wider = [x.astype(np.result_type(x.dtype, np.float64)) if _kind(x) in ("f", "c") else x for x in self.xs]
        other = _Trial(self.prim, wider, self.attrs, self.number, self.seed)
        at = [wider[i] for i in self.moving]
        return linearize_flat(other.on(self.moving), at)[1]([t.astype(x.dtype) for t, x in zip(ts, at, strict=True)])

    def adjoint(self, gs: Arrays, pushed: Arrays, cotangents: Arrays, ts: Arrays, tolerance: float, rule: str) -> None:
        left, scale = _product(gs, pushed)
        right, other = _product(cotangents, ts)
        wrong = abs(left - right)
        self.check(
            wrong <= tolerance * max(scale, other, 1e-6), rule, f"<g, J t> = {left:.12g} but <J' g, t> = {right:.12g}"
        )

    def linear(self, pulled: Callable[[Arrays], Arrays], gs: Arrays, cotangents: Arrays) -> None:
        others = [_direction(self.rng, g) for g in gs]
        mixed = pulled([np.asarray(2.5 * g + h, g.dtype) for g, h in zip(gs, others, strict=True)])
        apart = [2.5 * c + d for c, d in zip(cotangents, pulled(others), strict=True)]
        self.close(mixed, apart, "vjp", "not linear in the cotangent", 100 * self.eps)
        for c in pulled([np.zeros_like(g) for g in gs]):
            self.check(not np.any(c), "vjp", "a zero cotangent does not give zero")

    def alone(self, i: int, wanted: Any, gs: Arrays) -> None:
        """Recording one operand only keeps what its rules read."""
        values, pulled = vjp_flat(self.on([i]), [self.xs[i]])
        del values
        self.close(pulled(gs), [wanted], "vjp", f"operand {i} alone", 10 * self.eps)
        if self.eps > 1e-9:
            return
        t = _direction(self.rng, self.xs[i])
        pushed = linearize_flat(self.on([i]), [self.xs[i]])[1]([t])
        self.adjoint(gs, pushed, [wanted], [t], 1e-9, "jvp")

    def second_order(self) -> None:
        at = [self.xs[i] for i in self.moving]
        gs = [_direction(self.rng, self.ys[k]) for k in self.smooth]

        def pullback(*given: Any) -> Arrays:
            return vjp_flat(self.on(self.moving), given)[1](gs)

        ts = [_direction(self.rng, x) for x in at]
        values, push = linearize_flat(pullback, at)
        pushed = push(ts)
        wanted = _differences(pullback, at, ts)
        self.close(pushed, wanted, "vjp", "second order, forwards against differences", 1e-6, 1e-3 * _norm(values))
        hs = [_direction(self.rng, x) for x in at]
        twice = vjp_flat(pullback, at)[1](hs)
        self.adjoint(hs, pushed, twice, ts, 1e-8, "vjp")

    def batch(self, sizes: Sequence[int]) -> None:
        arrays = [i for i, x in enumerate(self.xs) if _is_array(x)]
        subsets = [s for n in range(1, len(arrays) + 1) for s in itertools.combinations(arrays, n)]
        if len(arrays) > 3:
            subsets = [(i,) for i in arrays] + [tuple(arrays)]
        for subset in subsets:
            for size in sizes:
                rows = self.examples(subset, size)
                wanted = [self.call(*row) for row in rows]
                for place in ("first", "last", "mixed") if len(subset) > 1 and size > 1 else ("first", "last"):
                    self.batch_once(subset, rows, wanted, place)

    def examples(self, subset: Sequence[int], size: int) -> list[Arrays]:
        """Operands for every example, other samples of the same shapes where there are some."""
        rows = []
        for k in range(size):
            drawn = next(
                itertools.islice(self.prim.samples(np.random.default_rng(self.seed + 100 + k)), self.number, None)
            )[0]
            row = list(self.xs)
            for i in subset:
                x, new = self.xs[i], drawn[i]
                if _is_array(new) and new.shape == x.shape and np.can_cast(new.dtype, x.dtype, "same_kind"):
                    row[i] = np.asarray(new).astype(x.dtype)
            rows.append(row)
        return rows

    def batch_once(self, subset: Sequence[int], rows: list[Arrays], wanted: list[Arrays], place: str) -> None:
        size = len(rows)
        arguments, axes = [], []
        for k, i in enumerate(subset):
            x = self.xs[i]
            stacked = np.stack([r[i] for r in rows]) if rows else np.zeros((0, *x.shape), x.dtype)
            last = place == "last" or (place == "mixed" and k % 2 == 1)
            arguments.append(np.moveaxis(stacked, 0, -1) if last else stacked)
            axes.append(x.ndim if last else 0)

        def one(*given: Any) -> Arrays:
            xs = list(self.xs)
            for i, x in zip(subset, given, strict=True):
                xs[i] = x
            return self.call(*xs)

        text = f"{size} examples on the {place} axis of operands {list(subset)}"
        try:
            found = vmap_flat(one, size, arguments, axes, lambda n: [0] * n)
        except MissingRuleError:
            raise
        except (WengertError, TypeError, ValueError, IndexError, AttributeError, AssertionError) as error:
            raise AssertionError(f"{self.prim.name}.batch: {text}: {error!r} ({self.described()})") from error
        for k, y in enumerate(self.ys):
            self.check(found[k].shape == (size, *y.shape), "batch", f"{text}: shape {found[k].shape} for {y.shape}")
            self.check(found[k].dtype == y.dtype, "batch", f"{text}: dtype {found[k].dtype} for {y.dtype}")
            for n, row in enumerate(wanted):
                self.close([found[k][n]], [row[k]], "batch", text, 100 * self.eps)


def _check_edges(prim: Elementwise) -> int:
    """A zero cotangent contributes zero even where a partial is infinite, as in a branch that was not taken."""
    count = 0
    if not prim.differentiable:
        return 0
    for point in itertools.product(EDGES, repeat=len(prim.partials)):
        at = [np.array([v]) for v in point]
        y = bind(prim, at)
        if y.dtype.kind not in "fc":
            continue
        for c in vjp_flat(lambda *xs: [bind(prim, xs)], at)[1]([np.zeros_like(y)]):
            count += 1
            assert not np.any(c), f"{prim.name}.vjp: a zero cotangent gives {c} at {point}; make it singular=True"
    return count


__all__ = ["check_primitive"]
