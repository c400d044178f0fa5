"""Landscapes: where optimizers walk, what surrounds a solution, how noisy the gradient of a batch is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.core.record import concrete
from wengert.nn.module import Module, Parameter
from wengert.optim.optimizer import Optimizer
from wengert.plot.axes import COLOURS, INK, axes, legend, plain
from wengert.transforms.derived import vmap
from wengert.transforms.modes import no_grad
from wengert.transforms.session import grad

Height = Callable[[Any], Any]
Loss = Callable[[Any, Any], Any]
LEVELS = 18


class Landscape(NamedTuple):
    """A function of two numbers with the part of the plane worth looking at, a start, and the best point."""

    f: Height
    x: tuple[float, float]
    y: tuple[float, float]
    start: tuple[float, float]
    best: tuple[float, float] | None


LANDSCAPES = {
    "ravine": Landscape(lambda p: (10 * p[0] ** 2 + p[1] ** 2) / 2, (-1.2, 1.2), (-2.3, 1.2), (1.0, -2.0), (0.0, 0.0)),
    "saddle": Landscape(lambda p: p[0] ** 2 - p[1] ** 2, (-1.5, 1.5), (-1.5, 1.5), (1.2, 1e-3), None),
    "rosenbrock": Landscape(
        lambda p: (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2, (-1.7, 1.5), (-0.7, 1.7), (-1.2, 1.0), (1.0, 1.0)
    ),
}


def landscape(f: Height | str) -> Landscape:
    """One of the known landscapes by its name, or a function as one."""
    if isinstance(f, str):
        if f not in LANDSCAPES:
            raise ArgumentError(f"plot: got the landscape {f!r}; known are {', '.join(LANDSCAPES)}")
        return LANDSCAPES[f]
    return Landscape(f, (-2.0, 2.0), (-2.0, 2.0), (1.0, 1.0), None)


def _levels(heights: Any) -> Any:
    """Closer lines where the land is flat, so that a valley is seen beside its walls."""
    low, high = float(heights.min()), float(heights.max())
    return low + (max(high - low, 1e-12)) * np.linspace(0, 1, LEVELS) ** 2.5


def contour(
    f: Height | str, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None, ax: Any = None
) -> Any:
    """The height lines of a function of a pair of numbers: yours, or ``"ravine"``, ``"saddle"``, ``"rosenbrock"``.

    >>> import wengert as wg
    >>> wg.plot.contour(lambda p: p[0] ** 2 * p[1], x=(-1, 1)).get_xlim()
    (np.float64(-1.0), np.float64(1.0))
    """
    land = landscape(f)
    ax = axes(ax, "contour", (5.4, 4.4))
    xs, ys = np.meshgrid(np.linspace(*(x or land.x), 121), np.linspace(*(y or land.y), 121))
    heights = np.asarray(concrete(vmap(land.f)(np.stack([xs.ravel(), ys.ravel()], axis=1)))).reshape(xs.shape)
    levels = _levels(heights)
    ax.contourf(xs, ys, heights, levels=levels, cmap="Blues_r", alpha=0.55, extend="max")
    ax.contour(xs, ys, heights, levels=levels, colors="white", linewidths=0.6)
    if land.best is not None:
        ax.plot(*land.best, marker="*", color=INK, markersize=11, linestyle="none", label="_best")
    return plain(ax, f if isinstance(f, str) else "", grid=False)


def walk(f: Height, make: Callable[[list[Parameter]], Optimizer], start: Sequence[float], steps: int) -> Any:
    """The points an optimizer visits, the start first: ``(steps + 1, 2)``."""
    p = Parameter(np.asarray(start, np.float64))
    optimizer = make([p])
    points = [np.array(concrete(p))]
    for _ in range(steps):
        optimizer.zero_grad()
        f(p).backward()
        optimizer.step()
        points.append(np.array(concrete(p)))
    return np.stack(points)


def paths(
    f: Height | str,
    optimizers: Mapping[str, Callable[[list[Parameter]], Optimizer]],
    start: Sequence[float] | None = None,
    steps: int = 50,
    x: tuple[float, float] | None = None,
    y: tuple[float, float] | None = None,
    ax: Any = None,
) -> Any:
    """The ways of optimizers over a landscape, each from the same start, drawn over its height lines.

    Each of `optimizers` makes one from a list of parameters. `x` and `y` are the ends of the axes; for a function of
    yours they are by default where the ways lead.

    >>> import wengert as wg
    >>> ways = {
    ...     "plain": lambda p: wg.optim.SGD(p, lr=0.05),
    ...     "momentum": lambda p: wg.optim.SGD(p, lr=0.05, momentum=0.9),
    ... }
    >>> ax = wg.plot.paths("ravine", ways, steps=5)
    >>> ax.lines[-1].get_xydata()[2].round(4).tolist()
    [-0.2, -1.715]
    """
    land = landscape(f)
    begin = land.start if start is None else start
    walked = {name: walk(land.f, make, begin, steps) for name, make in optimizers.items()}
    if not isinstance(f, str):
        seen = [_ends(np.concatenate([points[:, k] for points in walked.values()])) for k in (0, 1)]
        x, y = x or seen[0], y or seen[1]
    ax = contour(f, x, y, ax=axes(ax, "paths", (5.8, 4.6)))
    limits = ax.get_xlim(), ax.get_ylim()
    for k, (name, points) in enumerate(walked.items()):
        colour = (COLOURS[3], COLOURS[1], COLOURS[4], COLOURS[2], COLOURS[6])[k % 5]
        ax.plot(*points.T, marker="o", markersize=2.8, linewidth=1.3, color=colour, label=name)
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])
    ax.legend(fontsize="small", framealpha=0.85, edgecolor="none")
    return ax


def _ends(numbers: Any) -> tuple[float, float]:
    """The ends of an axis on which all finite numbers lie, with a margin."""
    finite = numbers[np.isfinite(numbers)]
    low, high = float(finite.min()), float(finite.max())
    margin = 0.15 * (high - low) or 1.0
    return low - margin, high + margin


# ----- around a solution ----------------------------------------------------------------------------
def _directions(parameters: Iterable[Any], rng: np.random.Generator) -> list[Any]:
    """A random direction with, for each unit, the length of that unit's weights; biases stay."""
    found = []
    for p in parameters:
        value = np.array(concrete(p))
        d = rng.standard_normal(value.shape)
        if value.ndim < 2:
            found.append(np.zeros_like(value))
            continue
        unit = tuple(range(1, value.ndim))
        size = np.sqrt((d**2).sum(axis=unit, keepdims=True))
        found.append((d / size * np.sqrt((value**2).sum(axis=unit, keepdims=True))).astype(value.dtype))
    return found


def loss_surface(
    model: Module, loss: Loss, data: tuple[Any, Any], span: float = 1.0, points: int = 25, seed: int = 0, ax: Any = None
) -> Any:
    """The loss around a model's parameters, in two random directions (each unit's as long as its weights).

    The model is as it was before, afterwards.

    >>> import wengert as wg
    >>> _ = wg.manual_seed(0)
    >>> model, x = wg.nn.Linear(2, 1), wg.ones(4, 2)
    >>> wg.plot.loss_surface(model, wg.nn.MSELoss(), (x, wg.zeros(4, 1)), points=5).get_title()
    'the loss around the parameters'
    """
    ax = axes(ax, "loss_surface", (5.4, 4.4))
    parameters = list(model.parameters())
    before, rng = [np.array(concrete(p)) for p in parameters], np.random.default_rng(seed)
    ways = _directions(parameters, rng), _directions(parameters, rng)
    steps = np.linspace(-span, span, points)
    heights = np.empty((points, points))
    try:
        with no_grad():
            for j, b in enumerate(steps):
                for i, a in enumerate(steps):
                    for p, value, u, v in zip(parameters, before, *ways, strict=True):
                        p.assign_((value + a * u + b * v).astype(value.dtype))
                    heights[j, i] = loss(model(data[0]), data[1]).item()
    finally:
        for p, value in zip(parameters, before, strict=True):
            p.assign_(value)
    levels = _levels(heights)
    drawn = ax.contourf(steps, steps, heights, levels=levels, cmap="Blues_r", alpha=0.75)
    ax.contour(steps, steps, heights, levels=levels, colors="white", linewidths=0.6)
    ax.plot(0, 0, marker="*", color=INK, markersize=11)
    ax.figure.colorbar(drawn, ax=ax, label="loss", format="%.3g")
    return plain(ax, "the loss around the parameters", "one direction", "another", grid=False)


def gradient_noise(
    model: Module,
    loss: Loss,
    data: tuple[Any, Any],
    sizes: Sequence[int] = (1, 2, 4, 8, 16, 32, 64),
    draws: int = 200,
    seed: int = 0,
    ax: Any = None,
) -> Any:
    """How far the gradient of a batch is from that of all rows, by the size of the batch; `loss` is a mean.

    The mean of ``|g_batch - g|²`` over `draws` random batches with replacement, and beside it the line ``c / m`` of
    theory: the variance of a mean of m rows falls as 1/m.

    >>> import wengert as wg, numpy as np
    >>> _ = wg.manual_seed(0)
    >>> x = wg.randn(200, 3)
    >>> ax = wg.plot.gradient_noise(wg.nn.Linear(3, 1), wg.nn.MSELoss(), (x, x.sum(1, keepdim=True)), (1, 4, 16))
    >>> measured, theory = (line.get_ydata() for line in ax.lines)
    >>> bool(np.all(np.abs(np.log(measured / theory)) < 0.7))
    True
    """
    ax = axes(ax, "gradient_noise")
    parameters, (x, y) = list(model.parameters()), data
    rng, rows = np.random.default_rng(seed), len(y)

    def gradient(chosen: Any) -> Any:
        found = grad(loss(model(x[chosen]), y[chosen]), parameters)
        return np.concatenate([np.asarray(concrete(g)).ravel() for g in found])

    singles = np.stack([gradient(np.array([i])) for i in range(rows)])
    mean = singles.mean(axis=0)
    # The gradient of a mean is the mean of the gradients: batches need no further sweeps.
    noise = [
        np.mean([((singles[rng.integers(0, rows, m)].mean(axis=0) - mean) ** 2).sum() for _ in range(draws)])
        for m in sizes
    ]
    spread = float(((singles - mean) ** 2).sum(axis=1).mean())
    ax.loglog(sizes, noise, marker="o", color=COLOURS[0], label="measured")
    ax.loglog(sizes, spread / np.asarray(sizes), linestyle="--", color=COLOURS[1], label="variance of one row / m")
    legend(ax)
    return plain(ax, "noise of the gradient", "rows in a batch, m", "mean of |g_batch - g|²")


__all__ = ["LANDSCAPES", "contour", "gradient_noise", "loss_surface", "paths"]
