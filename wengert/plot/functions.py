"""Functions and their derivatives: activations, towers of derivatives, a Jacobian as a local map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.core.record import concrete
from wengert.nn import activations
from wengert.ops import FUNCTIONS
from wengert.plot.axes import COLOURS, INK, axes, legend, plain
from wengert.transforms.derived import elementwise_grad, grad, jacobian
from wengert.viz.valley import WAYS, valley

Scalar = Callable[[Any], Any]
MARKS = ("f", "f′", "f″", "f‴")


def named(f: Scalar | str) -> tuple[Scalar, str]:
    """A function by its name, and the name."""
    if not isinstance(f, str):
        return f, getattr(f, "__name__", type(f).__name__)
    for name in (f, f.lower()):
        if name in FUNCTIONS:
            return FUNCTIONS[name], f
    kind = getattr(activations, f, None)
    if kind is None:
        raise ArgumentError(f"plot: got {f!r}; needs a function or the name of one, as 'tanh' or 'GELU'")
    return kind(), f


def tower(f: Scalar, x: Any, order: int) -> list[Any]:
    """The values of f and of its derivatives up to `order`, element by element."""
    found = []
    for _ in range(order + 1):
        found.append(np.asarray(concrete(f(x))))
        f = elementwise_grad(f)
    return found


def activation(f: Scalar | str, low: float = -4.0, high: float = 4.0, ax: Any = None) -> Any:
    """An activation with its first and second derivative, all computed by automatic differentiation.

    `f` is a function of one number, a module without options, or a name: ``"tanh"``, ``"GELU"``.

    >>> import wengert as wg
    >>> [line.get_label() for line in wg.plot.activation("tanh").lines[:3]]
    ['f', 'f′', 'f″']
    """
    function, name = named(f)
    ax = axes(ax, "activation")
    x = np.linspace(low, high, 401)
    for values, mark, colour, width in zip(tower(function, x, 2), MARKS, COLOURS, (2.2, 1.6, 1.2), strict=False):
        ax.plot(x, values, color=colour, linewidth=width, label=mark)
    ax.axhline(0, color=INK, linewidth=0.6, zorder=0)
    legend(ax)
    return plain(ax, name, "x")


def derivatives(f: Scalar | str = "tanh", order: int = 6, low: float = -7.0, high: float = 7.0, ax: Any = None) -> Any:
    """A function and its derivatives up to `order`, each the gradient of the one before: six of tanh by default.

    Each curve is divided by its greatest size, which stands in the legend, so that all are seen.

    >>> import wengert as wg
    >>> wg.plot.derivatives("tanh", 6).lines[6].get_label()
    'order 6, up to 52.3'
    """
    function, name = named(f)
    ax = axes(ax, "derivatives", (7.0, 4.2))
    x = np.linspace(low, high, 200)
    for k, values in enumerate(tower(function, x, order)):
        size = float(np.abs(values).max())
        label = f"order {k}, up to {size:.3g}" if k else name
        ax.plot(x, values / (size or 1.0), color=COLOURS[k % len(COLOURS)], linewidth=1.5, label=label)
    legend(ax, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return plain(ax, f"{name} and its derivatives, each by its greatest size", "x")


def jacobian_map(f: Callable[[Any], Any], x: Any, size: float = 0.5, lines: int = 9, ax: Any = None) -> Any:
    """A map of the plane near `x`: a small grid under f (blue), and under its linear part ``f(x) + J e`` (orange).

    The parallelogram is what J makes of a square; its area is ``|det J|`` times the square's. Where both grids agree
    the Jacobian says all; their distance grows with the square of the grid's size.

    >>> import wengert as wg, numpy as np
    >>> polar = lambda p: np.stack([p[0] * np.cos(p[1]), p[0] * np.sin(p[1])])
    >>> wg.plot.jacobian_map(polar, [2.0, 0.7]).get_title()
    'near (2, 0.7): |det J| = 2'
    """
    centre = np.asarray(x, np.float64)
    if centre.shape != (2,):
        raise ShapeError(f"plot.jacobian_map: got {show(centre)}; needs a point of the plane")
    ax = axes(ax, "jacobian_map", (5.2, 4.8))
    matrix, origin = (np.asarray(concrete(y)) for y in (jacobian(f)(centre), f(centre)))
    along = np.linspace(-size, size, 41)
    for colour, label, image in (
        (COLOURS[0], "f", lambda e: np.asarray(concrete(f(centre + e)))),
        (COLOURS[1], "f(x) + J e", lambda e: origin + matrix @ e),
    ):
        for fixed in np.linspace(-size, size, lines):
            for swap in (False, True):
                steps = [np.array((fixed, t) if swap else (t, fixed)) for t in along]
                ax.plot(*np.array([image(e) for e in steps]).T, color=colour, linewidth=0.9, alpha=0.9, label=label)
                label = "_"
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * size
    ax.fill(*(origin + corners @ matrix.T).T, color=COLOURS[1], alpha=0.12)
    ax.plot(*origin, "o", color=INK, markersize=4, label="f(x)")
    ax.set_aspect("equal", "datalim")
    legend(ax)
    area = abs(float(np.linalg.det(matrix)))
    return plain(ax, f"near ({centre[0]:.4g}, {centre[1]:.4g}): |det J| = {area:.4g}")


def error_valley(f: Callable[[Any], Any], x: float, ax: Any = None) -> Any:
    """How wrong differences are by their step h: truncation falls with h, rounding grows; `wg.grad` is taken as exact.

    >>> import wengert as wg, numpy as np
    >>> [line.get_label() for line in wg.plot.error_valley(np.exp, 1.0).lines[:2]]
    ['forward difference, best at 1e-08', 'central difference, best at 1e-05']
    """
    found = valley(f, float(x), float(np.asarray(concrete(grad(f)(np.float64(x))))))
    ax = axes(ax, "error_valley")
    steps = [r.h for r in found.rows]
    for k, (way, best) in enumerate(zip(WAYS, found.best, strict=True)):
        errors = [r[3 + k] for r in found.rows]
        ax.loglog(steps, errors, marker="o", markersize=3.5, color=COLOURS[k], label=f"{way}, best at {best.h:.0e}")
    legend(ax)
    return plain(ax, f"the derivative at {x:g} by differences", "h", "error")


__all__ = ["activation", "derivatives", "error_valley", "jacobian_map"]
