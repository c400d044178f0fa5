"""The pictures hold the right data: lines, labels, images; what is drawn is looked at by people."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest

import wengert as wg

plt = pytest.importorskip("matplotlib.pyplot")
plot = wg.plot
RNG = np.random.default_rng(0)

# One call of every function: enough to be drawn.
CALLS: dict[str, Any] = {
    "activation": lambda ax: plot.activation("relu", ax=ax),
    "activation_histograms": lambda ax: plot.activation_histograms(model(), np.ones((5, 4), np.float32), ax=ax),
    "call_counts": lambda ax: plot.call_counts(5, ax=ax),
    "confusion_table": lambda ax: plot.confusion_table([0, 1], [1, 1], ax=ax),
    "contour": lambda ax: plot.contour("saddle", ax=ax),
    "decision_regions": lambda ax: plot.decision_regions(lambda x: x, [[0.0, 1.0], [1.0, 0.0]], [1, 0], ax=ax),
    "derivatives": lambda ax: plot.derivatives("sin", 2, ax=ax),
    "error_valley": lambda ax: plot.error_valley(np.exp, 1, ax=ax),
    "filters": lambda ax: plot.filters(np.ones((3, 4)), ax=ax),
    "gradient_noise": lambda ax: plot.gradient_noise(*problem(), sizes=(1, 2), draws=3, ax=ax),
    "initialization": lambda ax: plot.initialization(depth=2, width=10, ax=ax),
    "jacobian_map": lambda ax: plot.jacobian_map(lambda p: p * p, [1.0, 2.0], ax=ax),
    "latent_space": lambda ax: plot.latent_space(np.eye(3), ax=ax),
    "loss_surface": lambda ax: plot.loss_surface(*problem(), points=3, ax=ax),
    "paths": lambda ax: plot.paths("ravine", {"SGD": lambda p: wg.optim.SGD(p, lr=0.05)}, steps=2, ax=ax),
    "schedules": lambda ax: plot.schedules([wg.optim.ExponentialLR(optimizer(), 0.9)], 3, ax=ax),
    "training_curves": lambda ax: plot.training_curves(history(), ax=ax),
    "weight_histograms": lambda ax: plot.weight_histograms(model(), ax=ax),
}


def model() -> Any:
    wg.manual_seed(0)
    return wg.nn.Sequential(wg.nn.Linear(4, 6), wg.nn.Tanh(), wg.nn.Linear(6, 2))


def optimizer() -> Any:
    return wg.optim.SGD([wg.nn.Parameter(np.zeros(1))], lr=0.1)


def problem() -> tuple[Any, Any, Any]:
    x = RNG.standard_normal((30, 4)).astype(np.float32)
    return model(), wg.nn.MSELoss(), (x, x[:, :2])


def history() -> Any:
    found = wg.train.History()
    for epoch in (1, 2):
        found.append({"epoch": epoch, "train_loss": 1 / epoch, "validation_loss": 2 / epoch})
    found.best_epoch = 2
    return found


def curve(line: Any) -> Any:
    return np.asarray(line.get_ydata(), np.float64)


def names(ax: Any) -> list[str]:
    return [t.get_text() for t in ax.get_legend().get_texts()]


def test_every_function_has_a_call_here() -> None:
    assert set(CALLS) == set(plot.__all__) - {"LANDSCAPES", "Live"}


@pytest.mark.parametrize("name", CALLS)
def test_draws_into_the_given_axes_or_into_a_new_figure(name: str) -> None:
    given = plt.subplots()[1]
    before = len(plt.get_fignums())
    assert CALLS[name](given) is given
    assert len(plt.get_fignums()) == before
    new = CALLS[name](None)
    assert isinstance(new, type(given))
    assert new is not given
    assert len(plt.get_fignums()) == before + 1
    new.figure.canvas.draw()


def test_activation_and_both_derivatives() -> None:
    f, first, second = plot.activation("tanh", -2, 2).lines[:3]
    x = f.get_xdata()
    t = np.tanh(x)
    assert np.allclose(curve(f), t)
    assert np.allclose(curve(first), 1 - t**2)
    assert np.allclose(curve(second), -2 * t * (1 - t**2))
    assert plot.activation("GELU").get_title() == "GELU"
    assert np.allclose(curve(plot.activation(wg.nn.Square()).lines[2]), 2)
    with pytest.raises(wg.errors.ArgumentError, match="got 'tanhh'; needs a function or the name of one"):
        plot.activation("tanhh")


def test_six_derivatives_of_tanh_have_the_known_sizes() -> None:
    lines = plot.derivatives().lines
    assert [line.get_label().rpartition(" ")[2] for line in lines[1:]] == [
        "0.999",
        "0.77",
        "1.99",
        "4.06",
        "15.8",
        "52.3",
    ]
    assert all(np.isclose(np.abs(curve(line)).max(), 1) for line in lines)


def test_the_linear_part_touches_the_map_in_the_middle() -> None:
    def polar(p: Any) -> Any:
        return np.stack([p[0] * np.cos(p[1]), p[0] * np.sin(p[1])])

    ax = plot.jacobian_map(polar, [2.0, 0.7], size=0.1, lines=3)
    grids = [np.array([line.get_xydata() for line in ax.lines[k : k + 6]]) for k in (0, 6)]
    middle = polar(np.array([2.0, 0.7]))
    for grid in grids:
        assert np.allclose(grid[2, 20], middle)
    assert 1e-4 < np.abs(grids[0] - grids[1]).max() < 0.02  # of second order: size² · r
    assert "|det J| = 2" in ax.get_title()
    with pytest.raises(wg.errors.ShapeError, match="needs a point of the plane"):
        plot.jacobian_map(polar, [1.0, 2.0, 3.0])


def test_the_valley_of_differences() -> None:
    forward, central = map(curve, plot.error_valley(np.exp, 1.0).lines)
    assert np.isclose(forward[0], 0.14056012641483795)
    assert (forward.argmin(), central.argmin()) == (7, 4)  # h = 1e-8, 1e-5


def test_paths_are_those_of_the_worked_examples() -> None:
    ways = {
        "plain": lambda p: wg.optim.SGD(p, lr=0.05),
        "momentum": lambda p: wg.optim.SGD(p, lr=0.05, momentum=0.9),
        "Adagrad": lambda p: wg.optim.Adagrad(p, lr=0.5),
    }
    ax = plot.paths("ravine", ways, steps=5)
    plain, momentum, adagrad = (line.get_xydata() for line in ax.lines[-3:])
    assert plain[0].tolist() == [1.0, -2.0]
    assert np.allclose(plain[5], [0.03125, -1.5475619], atol=1e-7)
    assert np.allclose(momentum[5], [-0.5218, -0.83431187], atol=1e-7)
    assert np.allclose(adagrad[5], [0.050891304, -0.68279022], atol=1e-6)
    assert names(ax) == list(ways)
    with pytest.raises(wg.errors.ArgumentError, match="known are ravine, saddle, rosenbrock"):
        plot.contour("hill")


def test_the_axes_show_where_the_ways_lead() -> None:
    ways = {"SGD": lambda p: wg.optim.SGD(p, lr=0.5)}
    ax = plot.paths(lambda p: (p[0] - 30) ** 2 / 2 + (p[1] + 4) ** 2 / 2, ways, start=(0.0, 0.0), steps=20)
    assert ax.get_xlim()[0] < 0 < 29 < ax.get_xlim()[1] < 40
    assert ax.get_ylim()[0] < -3.9 and 0 < ax.get_ylim()[1] < 2
    assert plot.paths("ravine", ways, steps=1, x=(-3, 3)).get_xlim() == (-3, 3)


@pytest.mark.parametrize("name", plot.LANDSCAPES)
def test_a_landscape_is_lowest_at_its_best_point(name: str) -> None:
    land = plot.LANDSCAPES[name]
    if land.best is not None:
        assert land.f(np.array(land.best)) == 0
        assert np.allclose(wg.grad(land.f)(np.array(land.best)), 0)
    assert land.x[0] <= land.start[0] <= land.x[1]
    assert land.y[0] <= land.start[1] <= land.y[1]


def test_the_surface_is_the_loss_and_leaves_the_model_alone() -> None:
    net, loss, data = problem()
    before = {n: p.detach().numpy().copy() for n, p in net.named_parameters()}
    ax = plot.loss_surface(net, loss, data, points=3)
    for n, p in net.named_parameters():
        assert np.array_equal(p.detach().numpy(), before[n])
    with pytest.raises(wg.errors.ShapeError):
        plot.loss_surface(net, loss, (data[0][:, :3], data[1]), points=3)
    for n, p in net.named_parameters():
        assert np.array_equal(p.detach().numpy(), before[n]), "after an error too"
    assert ax.get_title() == "the loss around the parameters"


def test_noise_falls_as_one_over_the_size() -> None:
    measured, theory = map(curve, plot.gradient_noise(*problem(), sizes=(1, 4, 16, 64), draws=400).lines)
    assert np.allclose(measured, theory, rtol=0.25)
    assert np.allclose(theory[0] / theory, [1, 4, 16, 64])


def test_regions_show_the_classes_where_they_are() -> None:
    x, y = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), np.array([0, 1, 1])
    ax = plot.decision_regions(lambda p: p[:, 1] - 0.5, x, y, ["low", "high"])
    assert names(ax) == ["low", "high"]
    low, high = ax.collections[-2:]
    assert np.asarray(low.get_offsets()).tolist() == [[0.0, 0.0]]
    assert len(high.get_offsets()) == 2
    with pytest.raises(wg.errors.ShapeError, match=r"needs \(N, 2\)"):
        plot.decision_regions(lambda p: p, np.ones((3, 3)), y)


def test_confusions_are_counted_and_named() -> None:
    ax = plot.confusion_table([0, 0, 1, 1], [0, 1, 1, 1], names=["cat", "dog"])
    assert [t.get_text() for t in ax.texts] == ["1", "", "1", "2"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["cat", "dog"]
    assert ax.get_title() == "75.0% right"


def test_histograms_by_depth() -> None:
    ax = plot.weight_histograms(model())
    assert [t.get_text() for t in ax.get_yticklabels()] == ["2.weight", "0.weight"]
    spreads = [float(p.detach().numpy().std()) for n, p in model().named_parameters() if n.endswith("weight")]
    assert [t.get_text() for t in ax.texts] == [f"σ {s:.2g}" for s in spreads]
    net, x = model(), np.ones((5, 4), np.float32)
    ax = plot.activation_histograms(net, x)
    assert [t.get_text() for t in ax.texts] == [f"σ {np.tanh(net[0](x).detach().numpy()).std():.2g}"]
    linear = wg.nn.Sequential(wg.nn.Linear(4, 2))
    labels = plot.activation_histograms(linear, np.ones((5, 4), np.float32)).get_yticklabels()
    assert [t.get_text() for t in labels] == ["0 Linear"]
    with pytest.raises(wg.errors.ArgumentError, match="nothing to count for weights by depth"):
        plot.weight_histograms(wg.nn.Tanh())


def test_good_rules_keep_the_signal() -> None:
    wg.manual_seed(0)
    ax = plot.initialization(activation="relu", depth=8, width=200)
    last = {line.get_label(): curve(line)[-1] for line in ax.lines}
    assert last["σ = 0.01"] < 1e-6
    assert last["Xavier, 1/fan_in"] < 0.1  # ReLU halves the variance
    assert 0.4 < last["He, 2/fan_in"] < 2
    assert last["σ = 1"] > 1e4


def test_filters_lie_on_a_sheet() -> None:
    tiles = np.arange(3 * 6.0).reshape(3, 6)
    sheet = plot.filters(tiles, shape=(2, 3), columns=2).images[0].get_array()
    assert sheet.shape == (5, 7)
    assert np.allclose(sheet[3:5, :3], tiles[2].reshape(2, 3) / 17)
    assert np.isnan(np.ma.getdata(sheet)[2]).all()
    assert plot.filters(np.ones((4, 3, 5, 5))).get_title() == "4 units"
    with pytest.raises(wg.errors.ShapeError):
        plot.filters(np.ones(3))


def test_codes_of_many_numbers_are_turned_to_their_main_axes() -> None:
    points = RNG.standard_normal((50, 1)) * [3.0, 0.0, 4.0]
    ax = plot.latent_space(points, np.arange(50) % 2)
    drawn = np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections])
    assert np.allclose(np.ptp(drawn[:, 0]), 5 / 3 * np.ptp(points[:, 0]))
    assert np.allclose(drawn[:, 1], 0, atol=1e-9)
    with pytest.raises(wg.errors.ShapeError, match="d at least 2"):
        plot.latent_space(np.ones((3, 1)))


def test_schedules_are_those_of_the_worked_examples() -> None:
    given = {
        "usual": wg.optim.TimeBasedLR(optimizer(), 0.5),
        "recursive": wg.optim.RecursiveTimeBasedLR(optimizer(), 0.5),
    }
    usual, recursive = map(curve, plot.schedules(given, 6).lines)
    assert np.allclose(usual[1:], [0.066666667, 0.05, 0.04, 0.033333333, 0.028571429])
    assert np.allclose(recursive[1:], [0.066666667, 0.033333333, 0.013333333, 0.0044444444, 0.0012698413])
    with pytest.raises(wg.errors.ArgumentError, match="got none"):
        plot.schedules([])


def test_training_curves_mark_the_best_epoch() -> None:
    ax = plot.training_curves(history())
    assert names(ax) == ["train", "validation", "best epoch (2)"]
    assert curve(ax.lines[1]).tolist() == [2.0, 1.0]
    assert ax.get_yscale() == "log"
    with pytest.raises(wg.errors.ArgumentError, match="the columns are epoch, train_loss, validation_loss"):
        plot.training_curves(history(), "accuracy")


def test_call_counts_are_counted() -> None:
    naive, memoized, table = map(curve, plot.call_counts(20).lines)
    assert [naive[k - 1] for k in (5, 10, 20)] == [15, 177, 21891]
    assert [memoized[k - 1] for k in (5, 10, 20)] == [9, 19, 39]
    assert table[19] == 19


# ----- while a training runs ----------------------------------------------------------------------
def test_live_follows_a_training() -> None:
    net, loss, data = problem()
    live = plot.Live()
    found = wg.fit(net, data, loss, wg.optim.SGD(net.parameters(), lr=0.01), epochs=3, callbacks=[live])
    assert len(live.axes) == len([c for c in found.columns if c.startswith("train_")])
    assert curve(live.axes[0].lines[0]).tolist() == found["train_loss"]
    assert len(plt.get_fignums()) == 1


def test_live_replaces_its_picture_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, figure: Any) -> None:
            shown.append("updated")

    def display(figure: Any, display_id: bool) -> Handle:
        shown.append("displayed")
        return Handle()

    notebook = types.ModuleType("IPython")
    notebook.get_ipython = object  # type: ignore[attr-defined]
    shows = types.ModuleType("IPython.display")
    shows.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", shows)
    live = plot.Live("loss", every=2)
    for epoch in range(1, 7):
        live({"epoch": epoch, "train_loss": 1 / epoch})
    assert shown == ["displayed", "updated", "updated"]
    assert plt.get_fignums() == [], "a notebook would show it a second time"
    with pytest.raises(wg.errors.ArgumentError, match="at least 1"):
        plot.Live(every=0)


def test_a_missing_matplotlib_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(wg.errors.MissingDependencyError, match=r"(?s)plot.contour: needs matplotlib.*wengert\[plot\]"):
        plot.contour("saddle")
