"""`check_grads`: are the derivatives of a function those of differences, in both modes and to every order?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base.dtypes import is_differentiable
from wengert.base.errors import ArgumentError
from wengert.core.record import Tensor, as_array, concrete
from wengert.core.tree import flatten
from wengert.transforms.forward import linearize_flat
from wengert.transforms.reverse import vjp_flat

Flat = Callable[..., Sequence[Any]]
STEP = 1e-3  # of central differences of fourth order, relative to the size of the argument
MODES = ("fwd", "rev")
# Relative tolerances by the digits of the coarsest floating dtype: of differences, and of the exact identity.
TOLERANCES = {2: (2e-1, 5e-2), 4: (2e-2, 1e-3), 8: (1e-6, 1e-9), 16: (1e-6, 1e-9)}


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = MODES,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    step: float | None = None,
    seed: int = 0,
) -> None:
    """Compare the derivatives of `f` at `args` with central differences, in random directions, to `order`.

    With a direction ``v`` and a cotangent ``w``: the tangent ``J v`` of mode ``"fwd"`` is compared with differences of
    ``f``, the cotangent ``w J`` of mode ``"rev"`` by ``<w J, v> = <w, J v>``. Then the pushforward and the pullback are
    checked in the same way, as functions of their arguments, until `order`. Arguments are trees; integers are held
    fixed. Complex derivatives are compared as real-linear maps. Raises `AssertionError` with mode, order and numbers.

    >>> import wengert as wg, numpy as np
    >>> wg.check_grads(np.tanh, (np.array([0.1, 0.2]),), order=3)
    """
    unknown = [m for m in modes if m not in MODES]
    if unknown or order < 1:
        raise ArgumentError(
            f"check_grads: got modes {tuple(modes)} and order {order}; modes are 'fwd', 'rev', order at least 1"
        )
    leaves, structure = flatten(tuple(args) if isinstance(args, tuple | list) else (args,))
    leaves = [concrete(x) if isinstance(x, Tensor) else as_array(x) for x in leaves]
    places = [i for i, x in enumerate(leaves) if is_differentiable(x)]

    def flat(*xs: Any) -> list[Any]:
        full = list(leaves)
        for i, x in zip(places, xs, strict=True):
            full[i] = x
        results = flatten(f(*structure.unflatten(full)))[0]
        return [y for y in (y if isinstance(y, Tensor) else as_array(y) for y in results) if is_differentiable(y)]

    name = getattr(f, "__name__", type(f).__name__)
    check = _Check(name, order, tuple(modes), rtol, atol, step, np.random.default_rng(seed))
    check.run(flat, [leaves[i] for i in places], 1, "")


class _Check:
    def __init__(
        self,
        name: str,
        order: int,
        modes: tuple[str, ...],
        rtol: float | None,
        atol: float | None,
        step: float | None,
        rng: np.random.Generator,
    ) -> None:
        self.name, self.order, self.modes, self.rng = name, order, modes, rng
        self.rtol, self.atol, self.step = rtol, atol, step

    def run(self, f: Flat, xs: list[Any], order: int, path: str) -> None:
        """Check the derivatives of `f`, then those of its pushforward and pullback; `path` tells how `f` arose."""
        vs = [self.direction(x) for x in xs]
        with np.errstate(all="ignore"):
            ys = [np.asarray(concrete(y)) for y in f(*xs)]
        ws = [self.direction(y) for y in ys]
        digits = min((_real_size(x) for x in (*xs, *ys)), default=8)
        loose, tight = TOLERANCES[digits]
        differences = self.differences(f, xs, vs, digits)
        wanted = _product(ws, differences)
        tangents = None
        if "fwd" in self.modes:
            tangents = [np.asarray(concrete(t)) for t in linearize_flat(f, xs, "check_grads")[1](vs)]
            for k, (t, d) in enumerate(zip(tangents, differences, strict=True)):
                self.compare(t, d, loose, "fwd", order, path, f"tangent of output {k} against differences")
        if "rev" in self.modes:
            cotangents = [np.asarray(concrete(g)) for g in vjp_flat(f, xs, "check_grads")[1](ws)]
            found = _product(cotangents, vs)
            size = _magnitude(cotangents, vs) + _magnitude(ws, differences)
            self.compare(found, wanted, loose, "rev", order, path, "<w J, v> against differences <w, J v>", size)
            if tangents is not None:
                exact = _product(ws, tangents)
                self.compare(found, exact, tight, "rev", order, path, "<w J, v> against <w, J v> of mode fwd", size)
        if order < self.order:
            self.deeper(f, xs, vs, ws, order, path)

    def deeper(self, f: Flat, xs: list[Any], vs: list[Any], ws: list[Any], order: int, path: str) -> None:
        """The derivative in each mode is itself a function of the argument and of the direction."""
        n = len(xs)
        if "fwd" in self.modes:
            self.run(lambda *a: linearize_flat(f, a[:n], "jvp")[1](a[n:]), [*xs, *vs], order + 1, f" of fwd{path}")
        if "rev" in self.modes:
            self.run(lambda *a: vjp_flat(f, a[:n], "vjp")[1](a[n:]), [*xs, *ws], order + 1, f" of rev{path}")

    def direction(self, x: Any) -> Any:
        """A random array like `x`, of size 1 an element."""
        shape = np.shape(x)
        v = self.rng.uniform(0.5, 1.5, shape) * self.rng.choice([-1.0, 1.0], shape)
        if x.dtype.kind == "c":
            v = v + 1j * self.rng.uniform(-1.0, 1.0, shape)
        return np.asarray(v, x.dtype)[()]

    def differences(self, f: Flat, xs: list[Any], vs: list[Any], digits: int) -> list[Any]:
        """``J v`` by central differences of fourth order."""
        step = self.step or STEP * {2: 100.0, 4: 30.0}.get(digits, 1.0)

        def moved(k: int) -> list[Any]:
            at = [np.asarray(x + x.dtype.type(k * step) * v, x.dtype)[()] for x, v in zip(xs, vs, strict=True)]
            with np.errstate(all="ignore"):
                return [_wide(concrete(y)) for y in f(*at)]

        rows = zip(moved(1), moved(-1), moved(2), moved(-2), strict=True)
        return [(8 * (a - b) - (c - d)) / (12 * step) for a, b, c, d in rows]

    def compare(
        self, found: Any, wanted: Any, tolerance: float, mode: str, order: int, path: str, what: str, size: float = 0.0
    ) -> None:
        rtol = tolerance if self.rtol is None else self.rtol
        atol = tolerance if self.atol is None else self.atol
        where = f"check_grads({self.name}): mode {mode}{path}, order {order}: {what}"
        if np.shape(found) != np.shape(wanted):
            raise AssertionError(f"{where}: shape {np.shape(found)} against {np.shape(wanted)}")
        if not np.size(wanted):
            return
        scale = max(size, float(np.max(np.abs(wanted), initial=0.0)))
        error = np.abs(_wide(found) - wanted)
        if not np.all(error <= atol + rtol * scale):
            worst = np.unravel_index(np.argmax(np.nan_to_num(error, nan=np.inf)), np.shape(error))
            raise AssertionError(
                f"{where}: got {np.asarray(found)[worst]:.10g}, needs {np.asarray(wanted)[worst]:.10g} "
                f"(difference {np.asarray(error)[worst]:.3g}, allowed {atol + rtol * scale:.3g})"
            )


def _real_size(x: Any) -> int:
    size: int = x.dtype.itemsize // (2 if x.dtype.kind == "c" else 1)
    return size


def _wide(x: Any) -> Any:
    """At least double precision, for the differences."""
    return np.asarray(x).astype(np.result_type(np.asarray(x).dtype, np.float64))


def _product(a: Sequence[Any], b: Sequence[Any]) -> float:
    """The pairing of cotangents with tangents; its real part for complex ones (no conjugation)."""
    return float(sum(np.sum(_wide(x) * _wide(y)).real for x, y in zip(a, b, strict=True)))


def _magnitude(a: Sequence[Any], b: Sequence[Any]) -> float:
    """The size of the terms of `_product`, against which its rounding is measured."""
    return float(sum(np.sum(np.abs(_wide(x) * _wide(y))) for x, y in zip(a, b, strict=True)))


__all__ = ["check_grads"]
