"""What a model does: regions, confusions, histograms by depth, initial values, filters, codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.core.record import concrete
from wengert.nn import init
from wengert.nn.module import Module, Parameter
from wengert.ops.generator import randn
from wengert.plot.axes import COLOURS, INK, axes, legend, plain
from wengert.plot.functions import named
from wengert.train.metrics import confusion, predicted_classes
from wengert.transforms.modes import no_grad


def _array(x: Any) -> Any:
    return np.asarray(concrete(x))


def _classes(scores: Any) -> Any:
    """Classes from scores ``(N, C)``, or from one logit a row."""
    scores = _array(scores)
    if scores.ndim == 2 and scores.shape[1] > 1:
        return predicted_classes(scores)
    return (scores.reshape(len(scores)) > 0).astype(np.int64)


def decision_regions(
    model: Callable[[Any], Any], x: Any, y: Any, names: Sequence[str] | None = None, points: int = 200, ax: Any = None
) -> Any:
    """Which class a model gives to each point of the plane, with the rows ``x (N, 2)`` and their classes on it.

    The model gives scores ``(N, C)``, or one logit a row (class 1 where it is positive).

    >>> import wengert as wg
    >>> ax = wg.plot.decision_regions(lambda x: x[:, :1] - 0.5, [[0.0, 0.0], [1.0, 1.0]], [0, 1])
    >>> [str(t.get_text()) for t in ax.get_legend().get_texts()]
    ['0', '1']
    """
    rows, classes = _array(x), _array(y).astype(np.int64).ravel()
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise ShapeError(f"plot.decision_regions: got x {show(rows)}; needs (N, 2)")
    ax = axes(ax, "decision_regions", (5.2, 4.4))
    margin = 0.15 * np.ptp(rows, axis=0) + 1e-3
    (left, low), (right, high) = rows.min(axis=0) - margin, rows.max(axis=0) + margin
    xs, ys = np.meshgrid(np.linspace(left, right, points), np.linspace(low, high, points))
    places = np.stack([xs.ravel(), ys.ravel()], axis=1).astype(rows.dtype)
    with no_grad():
        found = _classes(model(places)).reshape(xs.shape)
    count = int(max(classes.max(), found.max())) + 1
    ax.contourf(xs, ys, found, levels=np.arange(count + 1) - 0.5, colors=_palette(count), alpha=0.22)
    for c in range(count):
        label = names[c] if names is not None else str(c)
        ax.scatter(
            *rows[classes == c].T,
            s=22 if len(rows) > 20 else 70,
            color=_palette(count)[c],
            edgecolor="white",
            linewidth=0.5,
            label=label,
        )
    legend(ax)
    return plain(ax, grid=False)


def _palette(count: int) -> list[str]:
    return [COLOURS[c % len(COLOURS)] for c in range(count)]


def confusion_table(scores: Any, labels: Any, names: Sequence[str] | None = None, ax: Any = None) -> Any:
    """How often a row of a class (up and down) was taken for another (left and right), with the counts written in.

    The shade is the share of the row's class; the counts are those of `wg.train.confusion`.

    >>> import wengert as wg
    >>> [t.get_text() for t in wg.plot.confusion_table([0, 1, 1], [0, 0, 1]).texts]
    ['1', '1', '', '1']
    """
    table = confusion(scores, labels)
    count = len(table)
    ax = axes(ax, "confusion_table", (1.6 + 0.42 * count, 1.2 + 0.42 * count))
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1.15)
    for (i, j), number in np.ndenumerate(table):
        ink = "white" if shares[i, j] > 0.6 else INK if i == j else COLOURS[3]
        ax.text(j, i, str(number) if number else "", ha="center", va="center", color=ink, fontsize="small")
    words = list(names) if names is not None else [str(c) for c in range(count)]
    ax.set_xticks(range(count), words)
    ax.set_yticks(range(count), words)
    right = np.trace(table) / max(table.sum(), 1)
    return plain(ax, f"{right:.1%} right", "taken for", "is", grid=False)


# ----- by depth -------------------------------------------------------------------------------------
def _ridges(ax: Any, rows: Sequence[tuple[str, Any]], title: str) -> Any:
    """One histogram a row, the first layer at the top; the standard deviation stands at the right."""
    if not rows:
        raise ArgumentError(f"plot: there is nothing to count for {title}")
    reach = max(float(np.abs(np.quantile(values, [0.005, 0.995])).max()) for _, values in rows) or 1.0
    edges = np.linspace(-1.15 * reach, 1.15 * reach, 61)
    middle = (edges[1:] + edges[:-1]) / 2
    for k, (_, values) in enumerate(rows):
        counts = np.histogram(values, edges)[0]
        top = counts.max() or 1
        colour, base = COLOURS[k % len(COLOURS)], len(rows) - 1 - k
        ax.fill_between(middle, base, base + 0.85 * counts / top, step="mid", color=colour, alpha=0.75, linewidth=0)
        ax.text(1.01, base + 0.12, f"σ {values.std():.2g}", transform=ax.get_yaxis_transform(), fontsize="small")
    ax.set_yticks(range(len(rows)), [name for name, _ in rows][::-1])
    ax.set_ylim(-0.1, len(rows))
    return plain(ax, title)


def weight_histograms(model: Module, ax: Any = None) -> Any:
    """The weights of every layer as histograms, from the input (top) to the output; σ is their standard deviation.

    >>> import wengert as wg
    >>> model = wg.nn.Sequential(wg.nn.Linear(8, 16), wg.nn.Tanh(), wg.nn.Linear(16, 1))
    >>> [t.get_text() for t in wg.plot.weight_histograms(model).get_yticklabels()]
    ['2.weight', '0.weight']
    """
    rows = [(name, _array(p).ravel()) for name, p in model.named_parameters() if len(p.shape) > 1]
    return _ridges(axes(ax, "weight_histograms", (5.6, 1.2 + 0.7 * len(rows))), rows, "weights by depth")


def activation_histograms(model: Module, x: Any, ax: Any = None) -> Any:
    """What leaves every activation (or, where a model has none, every layer) for the inputs `x`, as histograms.

    A layer whose histogram is a spike at 0, or two spikes at the ends of the range, lets little gradient through.

    >>> import wengert as wg
    >>> model = wg.nn.Sequential(wg.nn.Linear(8, 16), wg.nn.Tanh(), wg.nn.Linear(16, 1))
    >>> [t.get_text() for t in wg.plot.activation_histograms(model, wg.randn(5, 8)).get_yticklabels()]
    ['1 Tanh']
    """
    leaves = {n: m for n, m in model.named_modules() if not any(True for _ in m.children())}
    chosen = {n: m for n, m in leaves.items() if not any(True for _ in m.parameters())} or leaves
    rows: list[tuple[str, Any]] = []

    def remember(name: str) -> Callable[..., None]:
        return lambda module, _args, out: rows.append((f"{name} {type(module).__name__}", _array(out).ravel()))

    handles = [m.register_forward_hook(remember(n)) for n, m in chosen.items()]
    try:
        with no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return _ridges(axes(ax, "activation_histograms", (5.6, 1.2 + 0.7 * len(rows))), rows, "activations by depth")


RULES: dict[str, Callable[[Any], Any]] = {
    "σ = 0.01": lambda w: init.normal_(w, 0.0, 0.01),
    "σ = 1": lambda w: init.normal_(w, 0.0, 1.0),
    "Xavier, 1/fan_in": lambda w: init.normal_(w, 0.0, w.shape[1] ** -0.5),
    "Glorot": init.xavier_normal_,
    "He, 2/fan_in": lambda w: init.kaiming_normal_(w, nonlinearity="relu"),
}


def initialization(
    rules: Mapping[str, Callable[[Any], Any]] | None = None,
    activation: Callable[[Any], Any] | str = "tanh",
    depth: int = 10,
    width: int = 200,
    ax: Any = None,
) -> Any:
    """The standard deviation of what leaves each of `depth` layers, by the rule that drew their weights.

    Normal inputs of variance 1 go in; each rule sets a weight ``(width, width)`` in place, as those of `wg.nn.init` do.
    A good rule keeps its line level; where it falls the gradient vanishes as well. Level at the end of the range (tanh
    at 1) is no success: every unit is saturated.

    >>> import wengert as wg
    >>> _ = wg.manual_seed(0)
    >>> ax = wg.plot.initialization({"σ = 0.01": lambda w: wg.nn.init.normal_(w, 0, 0.01)}, depth=3, width=100)
    >>> ax.lines[0].get_ydata().round(4).tolist()
    [0.0998, 0.01, 0.001]
    """
    f, name = named(activation)
    ax = axes(ax, "initialization")
    for k, (rule_name, rule) in enumerate((RULES if rules is None else rules).items()):
        x, sizes = _array(randn(width, width)), []
        for _ in range(depth):
            weight = Parameter(np.zeros((width, width), x.dtype))
            rule(weight)
            x = _array(f(x @ _array(weight).T))
            sizes.append(float(x.std()))
        ax.plot(
            range(1, depth + 1), sizes, marker="o", markersize=3.5, color=COLOURS[k % len(COLOURS)], label=rule_name
        )
    ax.set_yscale("log")
    legend(ax)
    return plain(ax, f"size of the signal, {name}", "layer", "standard deviation")


# ----- pictures of weights and codes ----------------------------------------------------------------
def filters(weight: Any, shape: tuple[int, int] | None = None, columns: int = 8, ax: Any = None) -> Any:
    """What each unit of a first layer looks for, as small pictures: red for positive, blue for negative weights.

    `weight` is ``(units, height * width)`` with the `shape` of one picture (a square by default), or the kernels
    ``(units, channels, height, width)`` of a convolution, whose channels are averaged.

    >>> import wengert as wg
    >>> wg.plot.filters(wg.nn.Linear(64, 16).weight).images[0].get_array().shape
    (17, 71)
    """
    tiles = _array(weight)
    if tiles.ndim == 4:
        tiles = tiles.mean(axis=1)
    elif tiles.ndim == 2:
        side = round(tiles.shape[1] ** 0.5)
        tiles = tiles.reshape(len(tiles), *(shape or (side, tiles.shape[1] // max(side, 1))))
    if tiles.ndim != 3:
        raise ShapeError(f"plot.filters: got {show(weight)}; needs (units, pixels) or (units, channels, height, width)")
    count, height, width = tiles.shape
    columns = min(columns, count)
    sheet = np.full((-(-count // columns) * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for k, tile in enumerate(tiles):
        top, left = k // columns * (height + 1), k % columns * (width + 1)
        sheet[top : top + height, left : left + width] = tile / (np.abs(tile).max() or 1.0)
    ax = axes(ax, "filters", (0.75 * columns, 0.75 * -(-count // columns) + 0.4))
    ax.imshow(sheet, cmap="RdBu_r", vmin=-1, vmax=1)
    ax.set_axis_off()
    ax.set_title(f"{count} units", fontsize="medium", color=INK)
    return ax


def latent_space(codes: Any, labels: Any = None, names: Sequence[str] | None = None, ax: Any = None) -> Any:
    """Codes ``(N, d)`` as points of a plane, coloured by their labels; of more than two numbers, the two main axes.

    >>> import wengert as wg
    >>> ax = wg.plot.latent_space(wg.randn(20, 3), [0, 1] * 10, names=["even", "odd"])
    >>> [str(t.get_text()) for t in ax.get_legend().get_texts()], ax.get_xlabel()
    (['even', 'odd'], 'main axis 1')
    """
    points = _array(codes)
    if points.ndim != 2 or points.shape[1] < 2:
        raise ShapeError(f"plot.latent_space: got {show(points)}; needs (N, d) with d at least 2")
    word = "code"
    if points.shape[1] > 2:
        centred = points - points.mean(axis=0)
        points, word = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T, "main axis"
    ax = axes(ax, "latent_space", (5.6, 4.6))
    marks = np.zeros(len(points), np.int64) if labels is None else _array(labels)
    kinds = np.unique(marks)
    for k, c in enumerate(kinds):
        name = names[int(c)] if names is not None else str(c)
        ax.scatter(
            *points[marks == c].T,
            s=12 if len(points) > 20 else 70,
            color=COLOURS[k % len(COLOURS)],
            alpha=0.75,
            linewidth=0,
            label=name,
        )
    if labels is not None:
        legend(ax, markerscale=1.8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return plain(ax, "", f"{word} 1", f"{word} 2")


__all__ = [
    "activation_histograms",
    "confusion_table",
    "decision_regions",
    "filters",
    "initialization",
    "latent_space",
    "weight_histograms",
]
