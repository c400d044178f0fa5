"""The page and the drawing without a browser: layers, places, folding, escaping, findings, every way to `show`."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.base.errors import ArgumentError, GraphError
from wengert.viz import layering, page
from wengert.viz.figures import brief, heat, jacobian, portrait
from wengert.viz.groups import MOST_CHILDREN, MOST_SHOWN, Group, tree
from wengert.viz.health import findings
from wengert.viz.layering import crossings, edges, rows
from wengert.viz.lines import Account, Line
from wengert.viz.mathematics import Expr
from wengert.viz.placing import GAP, settle
from wengert.viz.sketch import sketch

RNG = np.random.default_rng(0)
FILES = Path(page.__file__).parent / "page_files"
HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script>", "]]>", "@@data@@", "a&b", "\x00"]


def explained(f: Any, *args: Any) -> wg.viz.Explanation:
    return wg.explain(f, *args)


def chain(count: int) -> Account:
    """A list of so many lines, each of which reads the one before and one from a while ago."""
    lines = [Line("x", "input", None, 1.0)]
    for i in range(1, count):
        both = lines[i - 1].name, lines[max(0, i - 7)].name
        reads = tuple(dict.fromkeys(both))
        lines.append(Line(f"v{i}", "operation", Expr("+", both), 1.0, reads=reads, dtype=np.dtype("f8")))
    return Account("chain", tuple(lines), "y", (), (1, 1), (1, 1))


def network(*sizes: int) -> wg.nn.Module:
    wg.manual_seed(0)
    layers: list[wg.nn.Module] = []
    for a, b in zip(sizes, sizes[1:], strict=False):
        layers += [wg.nn.Linear(a, b), wg.nn.ReLU()]
    return wg.nn.Sequential(*layers[:-1])


# ----- layers and places ----------------------------------------------------------------------------------
def test_every_arrow_leads_down_and_long_ones_have_their_places() -> None:
    e = chain(30)
    root = tree(e)
    readers = edges(root, e)[root]
    layers = rows(root, readers)
    row_of = {key: n for n, row in enumerate(layers) for key in row if key[0] != "~"}
    assert len(row_of) == 30
    for key, found in readers.items():
        for reader in found:
            assert row_of[reader] > row_of[key]
            for n in range(row_of[key] + 1, row_of[reader]):
                assert f"~{key}" in layers[n]


def test_an_input_stands_right_above_its_reader() -> None:
    e = explained(lambda x, b: np.exp(np.sin(x)) + b, 1.0, 2.0)
    root = tree(e)
    layers = rows(root, edges(root, e)[root])
    names = [{e.lines[int(key[1:])].name for key in row} for row in layers]
    assert names == [{"x"}, {"v1"}, {"v2", "b"}, {"y"}]


def test_the_order_in_rows_has_few_crossings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ladders written in turns: a drawing without a crossing exists, the given order has many."""
    cells = [(f"{side}{i}", row) for row in range(6) for i in range(4) for side in "ab"]
    links = []
    for row in range(5):
        links += [((f"a{i}", row), (f"a{(i + 1) % 4}", row + 1)) for i in range(4)]
        links += [((f"b{i}", row), (f"b{i}", row + 1)) for i in range(4)]
    start = crossings(links, layering._rank(cells))

    def after() -> int:
        return crossings(links, layering._rank(layering._ordered(cells, links)))

    both = after()
    monkeypatch.setattr(layering, "_by_igraph", lambda cells, links: cells)
    assert both <= after() < start / 2


def test_crossings_are_counted_as_by_hand() -> None:
    links = [((f"{x}", 0), (f"{y}", 1)) for x, y in RNG.integers(0, 6, (40, 2))]
    place = {end: float(end[0]) for link in links for end in link}
    pairs = [(place[a], place[b]) for a, b in links]
    by_hand = sum(p[0] < q[0] and p[1] > q[1] for p in pairs for q in pairs)
    assert crossings(links, place) == by_hand > 50


def test_settling_is_the_best_that_keeps_order_and_gaps() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    wanted, widths = RNG.uniform(-200, 200, 7), RNG.uniform(10, 80, 7)
    weights = RNG.uniform(0.5, 3, 7)
    found = np.array(settle(list(wanted), list(widths), list(weights)))
    apart = (widths[1:] + widths[:-1]) / 2 + GAP
    assert np.all(np.diff(found) >= apart - 1e-9)
    best = optimize.minimize(
        lambda x: np.sum(weights * (x - wanted) ** 2), np.cumsum(np.r_[0, apart]), method="SLSQP",
        constraints={"type": "ineq", "fun": lambda x: np.diff(x) - apart}, options={"ftol": 1e-12},
    )  # fmt: skip
    assert np.sum(weights * (found - wanted) ** 2) <= best.fun * (1 + 1e-6)


@pytest.mark.parametrize("count", [5, 300, 3000])
def test_no_two_boxes_overlap(count: int) -> None:
    boxes = sketch(chain(count)).boxes
    assert 3 < len(boxes) <= MOST_SHOWN + 20
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            beside = a.left + a.width <= b.left or b.left + b.width <= a.left
            assert beside or a.top + a.height <= b.top or b.top + b.height <= a.top, (a, b)


def curves(points: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Points along an arrow, which bends as in `svg.path`."""
    t = np.linspace(0, 1, 40)[:, None]
    found = []
    for (x, y), (u, v) in zip(points, points[1:], strict=False):
        a, b, c, d = np.array([[x, y], [x, (y + v) / 2], [u, (y + v) / 2], [u, v]])
        found.append((1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t * t * (1 - t) * c + t**3 * d)
    return np.concatenate(found)


def passing_behind(drawn: Any) -> int:
    """How many arrows pass behind a box that is not their end."""
    count = 0
    for arrow in drawn.arrows:
        x, y = curves(arrow.points).T
        for box in drawn.boxes:
            inside = (x > box.left + 1) & (x < box.left + box.width - 1)
            count += bool((inside & (y > box.top + 1) & (y < box.top + box.height - 1)).any())
    return count


def test_no_arrow_passes_behind_a_box() -> None:
    class Block(wg.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = wg.nn.Linear(3, 3), wg.nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return np.tanh(self.b(np.tanh(self.a(x)))) + x

    wg.manual_seed(0)
    for model in (network(4, 3, 5, 2), wg.nn.Sequential(Block(), Block(), Block())):
        size = 4 if model[0].__class__ is wg.nn.Linear else 3
        drawn = sketch(explained(model, RNG.standard_normal((2, size))))
        assert len(drawn.frames) >= 3
        assert passing_behind(drawn) == 0
        straight = replace(drawn, arrows=tuple(replace(a, points=(a.points[0], a.points[-1])) for a in drawn.arrows))
        assert passing_behind(straight) > 0


# ----- groups ---------------------------------------------------------------------------------------------
def widest(group: Group) -> int:
    return max(len(g.children) for g in group.groups())


def test_long_lists_are_cut_into_stretches_that_fold() -> None:
    e = chain(5000)
    root = tree(e)
    assert sorted(root.lines()) == list(range(5000))
    assert widest(root) <= MOST_CHILDREN + 1
    for group in root.groups():
        own = [i for i in group.lines() if e.lines[i].kind == "operation"]
        assert own == list(range(own[0], own[0] + len(own)))
    assert any(not group.open for group in root.groups())


def test_modules_are_groups_and_their_parameters_stand_in_them() -> None:
    e = explained(network(4, 3, 2), RNG.standard_normal((5, 4)))
    root = tree(e)
    named = {g.name: {e.lines[i].name for i in g.lines()} for g in root.groups()}
    assert named["0 · Linear"] >= {"0.weight", "0.bias", "x"}
    assert named["2 · Linear"] >= {"2.weight", "2.bias"} and "x" not in named["2 · Linear"]
    assert e["0.weight"].learned and not e["x"].learned


def test_a_layer_called_twice_is_two_groups() -> None:
    class Twice(wg.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = wg.nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return self.inner(self.inner(x))

    e = explained(Twice(), np.ones((2, 3)))
    assert [g.name for g in tree(e).groups()][1:] == ["inner · Linear", "inner · Linear (2)"]
    assert e["inner.weight"].contributions  # the sum of two paths
    assert len(e["inner.weight"].contributions) == 2


def test_modules_among_the_arguments_are_seen_too() -> None:
    e = explained(lambda m, x: wg.mean(m(x) ** 2), network(4, 3, 2), np.ones((2, 4)))
    assert [g.name for g in tree(e).groups()][1:3] == ["Sequential", "0 · Linear"]
    assert e["m.0.weight"].learned


def test_modules_that_a_function_refers_to_are_seen_with_their_parameters() -> None:
    model, unused = network(4, 3, 2), network(4, 3)
    loss_fn, labels = wg.nn.CrossEntropyLoss(), np.array([0, 1])

    def loss(x: Any) -> Any:
        return loss_fn(model(x), labels) if x is not unused else None

    x = RNG.standard_normal((2, 4)).astype(np.float32)
    e = explained(loss, x)
    assert [line.name for line in e.lines if line.learned] == [f"model.{name}" for name, _ in model.named_parameters()]
    loss(x).backward()
    for name, parameter in model.named_parameters():
        assert np.array_equal(e[f"model.{name}"].adjoint, parameter.grad.numpy())
    assert {line.place[0] for line in e.lines if line.place} == {"Sequential", "CrossEntropyLoss"}


def test_hooks_are_gone_afterwards() -> None:
    model = network(4, 3)
    explained(model, np.ones((2, 4)))
    assert all(not m._before and not m._after for m in model.modules())


def test_functions_are_groups_where_there_are_several() -> None:
    def helper(x: Any) -> Any:
        return np.exp(x) * np.sin(x)

    e = explained(lambda x: helper(x) + helper(2 * x), 1.0)
    names = [g.name for g in tree(e).groups()][1:]
    assert len(names) == 2 and names[0].endswith("helper") and names[1].endswith("helper (2)")


# ----- the document ---------------------------------------------------------------------------------------
def test_the_policy_covers_exactly_this_style_and_script() -> None:
    text = explained("exp(w*x + b)", 2, 3, -4).to_html()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy and "unsafe" not in policy[1] and "default-src 'none'" in policy[1]
    for tag, name in (("style", "style-src"), ("script", "script-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy[1]
    assert not re.search(r"""(src|href)=["'](?!#)|@import|url\((?!#)""", text)


def test_the_script_never_reads_markup() -> None:
    for file in FILES.glob("*.js"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function", text)
        assert not re.search(r"fetch\(|XMLHttp|WebSocket|import\(", text)
        assert len(text.splitlines()) < 400 and max(map(len, text.splitlines())) <= 120
        assert "\t" not in text


@pytest.mark.parametrize("kind", ["to_html", "to_svg"])
def test_hostile_names_stay_text(kind: str) -> None:
    e = wg.explain(lambda p: sum(p.values(), 0.0), dict.fromkeys(HOSTILE, 1.5))
    text = getattr(e, kind)()
    assert "\x00" not in text
    if kind == "to_svg":
        root = ElementTree.fromstring(text)
        words = [t.text or "" for t in root.iter("{http://www.w3.org/2000/svg}text")]
        assert any("<script>alert(1)</script>" in word for word in words)
        assert not [t for t in root.iter() if t.tag.endswith(("}script", "}img"))]
    else:
        assert text.count("<script") == 2 and "<img" not in text
        data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
        assert any("<script>alert(1)</script>" in line["name"] for line in data["lines"])


def test_the_frame_of_a_notebook_holds_the_page_unchanged() -> None:
    e = explained("exp(w*x + b)", 2, 3, -4)
    frame = e._repr_html_()
    inside = re.search(r'srcdoc="([^"]*)"', frame)
    assert inside and 'sandbox="allow-scripts"' in frame
    head = html.unescape(inside[1]).split('id="data"')[0]
    assert head == e.to_html().split('id="data"')[0]


def test_readers_without_script_get_the_tables() -> None:
    assert "Local derivatives" in re.search(r"<noscript>(.*?)</noscript>", explained("x**2", 3).to_html(), re.DOTALL)[1]  # type: ignore[index]


def test_data_stays_small_where_lists_are_long() -> None:
    def deep(x: Any) -> Any:
        for _ in range(600):
            x = np.tanh(x)
        return np.sum(x)

    text = explained(deep, RNG.standard_normal((30, 30))).to_html()
    assert len(text) < 1_500_000


def test_pictures_of_every_kind(tmp_path: Path) -> None:
    e = explained(network(8, 6, 3), RNG.standard_normal((20, 8)))
    starts = {".html": b"<!DOCTYPE html>", ".svg": b"<svg", ".png": b"\x89PNG", ".dot": b"digraph"}
    for suffix, start in starts.items():
        assert wg.show("x**2", 3, file=tmp_path / f"x{suffix}")
        assert e.save(tmp_path / f"e{suffix}").read_bytes().startswith(start)
    assert wg.show("x**2", 3, file=tmp_path / "x.md")
    assert (tmp_path / "x.md").read_text().startswith("###")


def test_the_png_shows_the_boxes(tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    dots = image.imread(explained("exp(w*x + b)", 2, 3, -4).save(tmp_path / "e.png"))[..., :3]
    assert 0.7 < dots.mean() < 0.99
    assert len(np.unique((dots * 15).astype(int).reshape(-1, 3), axis=0)) > 10


# ----- values and findings --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (7.38905609893065, "7.3891"), (np.array([1.0, 2.0]), "[1, 2]"), (np.zeros((64, 10)), "[64×10] ‖0‖"),
        (np.array([[1.0, np.nan]]), "[1×2] NaN"), (np.array([[np.inf]]), "[1×1] inf"), (np.zeros((0, 3)), "[0×3]"),
        (np.arange(8), "[8]"), (None, ""), ((1.0, 2.0), "2 values"), (np.float32(3), "3"), (True, "True"),
    ],
)  # fmt: skip
def test_values_in_few_words(value: Any, words: str) -> None:
    assert brief(value, 7) == words


def test_heat_maps_keep_signs_extremes_and_what_is_no_number() -> None:
    x = np.zeros((100, 200))
    x[50, 100], x[0, 0], x[99, 199] = -4.0, 2.0, np.nan
    map_ = heat(x)
    assert (map_["r"], map_["c"], map_["top"]) == (16, 16, "4")
    assert min(v for v in map_["d"] if v is not None) == -100 and map_["d"][0] == 50 and map_["d"][-1] is None
    assert heat(np.zeros((2, 2)))["d"] == [0, 0, 0, 0]


@pytest.mark.parametrize("dtype", ["float32", "complex128", "int64", "bool"])
def test_values_of_every_dtype_have_a_portrait(dtype: str) -> None:
    x = (RNG.standard_normal((9, 9)) * 3).astype(dtype)
    made = portrait(x, 7)
    assert made and len(made["h"]["d"]) == 81
    json.dumps(made, allow_nan=False)


def test_sums_speak_of_the_finite_numbers() -> None:
    x = np.ones((8, 8))
    x[0, 0], x[1, 1], x[2] = np.nan, np.inf, 0
    sums = dict(portrait(x, 7)["s"])  # type: ignore[index]
    assert sums["not finite"] == "2 of 64" and sums["mean"] == "0.87097" and "zeros" not in sums
    assert dict(portrait(np.full((7, 7), np.nan), 7)["s"]) == {"not finite": "49 of 49"}  # type: ignore[index]
    assert dict(portrait(np.zeros((7, 7)), 7)["s"])["zeros"] == "100%"  # type: ignore[index]


def test_small_jacobians_are_there_in_full_and_large_ones_as_map() -> None:
    A = np.array([[1.0, 2.0], [3.0, 4.0]])
    (part,) = explained(lambda x: A @ x, np.ones(2))["y"].partials
    assert jacobian(part.local, 7)["m"] == [["1", "2"], ["3", "4"]]
    B = RNG.standard_normal((70, 80))
    (part,) = explained(lambda x: B @ x, np.ones(80))["y"].partials
    assert part.local.norm is None and part.local.picture.shape == (16, 16)
    assert jacobian(part.local, 7)["shape"] == "[70×80]"
    first = B[0][:5]  # the first block of the first row: of 80 columns, 5
    assert part.local.picture[0, 0] == first[np.argmax(np.abs(first))]


def test_findings_name_the_first_nan_dead_units_and_vanishing_gradients() -> None:
    (forward, backward) = findings(explained(lambda x: np.sum(np.exp(np.log(x - 1))), np.array([2.0, 0.5])))
    assert forward.line == "v2" and forward.badge == "first NaN" and "forward" in forward.words
    assert "backward" in backward.words
    dead = findings(explained(lambda x: wg.relu(x - np.array([0.0, 9.0])), RNG.uniform(0, 1, (8, 2))))
    assert [f.words for f in dead] == ["1 of 2 units of y are zero for the whole batch."]

    def squash(x: Any) -> Any:
        for _ in range(40):
            x = 0.2 * x
        return x

    def swell(x: Any) -> Any:
        for _ in range(40):
            x = 5.0 * x
        return x

    (vanishing,) = findings(explained(squash, 1.0))
    assert vanishing.level == "warn" and "vanish towards the inputs" in vanishing.words
    (exploding,) = findings(explained(swell, 1.0))
    assert "explode" in exploding.words
    assert findings(explained("exp(w*x + b)", 2, 3, -4)) == []


# ----- show -----------------------------------------------------------------------------------------------
def test_a_tensor_shows_what_it_was_computed_from() -> None:
    w = wg.tensor([0.1, 0.2], requires_grad=True)
    y = (np.tanh(w * 3) + 4).sum()
    seen = y.show()
    assert [line.operation.op for line in seen.lines if line.operation] == ["*", "tanh", "+", "sum"]
    assert np.allclose(seen["p0"].adjoint, 3 * (1 - np.tanh([0.3, 0.6]) ** 2), rtol=1e-5)
    assert np.allclose(seen["v3"].value, np.tanh([0.3, 0.6]) + 4)  # not kept while recording: computed again
    value = np.array(seen["p0"].value)
    y.backward()
    with wg.no_grad():
        w *= 0
    assert np.array_equal(seen["p0"].value, value)
    assert w.grad is not None


def test_after_backward_the_gradients_are_shown_and_what_is_lost_is_said() -> None:
    model = network(4, 3, 2)
    loss = wg.nn.MSELoss()(model(np.ones((2, 4), np.float32)), np.zeros((2, 2), np.float32))
    loss.backward()
    seen = wg.show(loss)
    assert "given back by backward()" in seen.remarks[0]
    assert np.array_equal(seen["0.weight"].adjoint, model[0].weight.grad.numpy())
    assert "given back" in str(seen) and "no path" not in str(seen)
    assert "given back" in seen.to_html()


def test_a_loss_is_grouped_by_its_parameters() -> None:
    model = network(4, 3, 2)
    seen = wg.show(wg.nn.MSELoss()(model(np.ones((2, 4), np.float32)), np.zeros((2, 2), np.float32)))
    assert [g.name for g in tree(seen).groups()][1:] == ["0", "2"]
    assert seen["c2"].value is None and "were not kept" in seen.remarks[0]  # the target, which no derivative reads
    assert seen["c1"].value is not None


def test_lists_are_shown_with_the_values_they_have() -> None:
    recorded = wg.record(lambda w, x: np.exp(w * x), 2.0, 3.0)
    assert recorded.tape.show()["x0"].adjoint == pytest.approx(3 * np.exp(6))
    session = wg.tape_of(wg.tensor(2.0, requires_grad=True) * 3).show()
    assert session["p0"].adjoint == 3


def test_compiled_functions_show_their_list_and_the_values_at_arguments() -> None:
    step = wg.compile(wg.grad(lambda w, x: np.sum(np.tanh(x @ w))))
    with pytest.raises(ArgumentError, match="not called yet"):
        wg.show(step)
    seen = wg.show(step, np.zeros(2), np.ones((3, 2)))
    assert step.retraces and "passes of the compiler" in seen.remarks[0]
    result = next(line for line in reversed(seen.lines) if line.kind == "operation")
    assert np.array_equal(result.value, [3.0, 3.0])
    without = wg.show(step)
    assert all(line.value is None for line in without.lines if line.kind == "input")
    for made in (seen, without):
        assert "adjoint" not in str(made)
        assert made.to_html() and made.to_svg() and made.to_dot()


def test_a_training_step_is_shown_with_its_sweeps_and_its_update_and_not_taken() -> None:
    model = network(4, 3, 2)
    optimizer = wg.optim.SGD(model.parameters(), lr=0.5)
    x, y = RNG.standard_normal((6, 4)).astype(np.float32), np.array([0, 1, 0, 1, 1, 0])

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = wg.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    before = [p.detach().numpy().copy() for p in model.parameters()]
    seen = wg.show(step, x, y)
    assert all(np.array_equal(p.detach().numpy(), was) for p, was in zip(model.parameters(), before, strict=True))
    assert "passes of the compiler" in seen.remarks[0]
    loss = step(x, y)
    values = [line.value for line in seen.lines if line.value is not None and np.ndim(line.value) == 0]
    assert any(np.isclose(value, loss.item(), rtol=1e-5) for value in values)
    for p in model.parameters():  # what the update writes is a line of the list
        found = [v.value for v in seen.lines if v.kind == "operation" and np.shape(v.value) == p.shape]
        assert any(np.allclose(value, p.detach().numpy(), rtol=1e-4, atol=1e-6) for value in found)


def test_a_loop_of_unknown_length_is_shown_without_a_backward_sweep() -> None:
    seen = wg.show(lambda x: wg.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, c[1] * 1.1), (0, x))[1], 1.0)
    assert seen["y"].value == pytest.approx(1.1**5) and seen["y"].adjoint is None
    assert "No backward sweep: while_loop" in str(seen) and "No backward sweep" in seen.to_html()


def test_numbers_that_reach_nothing_and_lists_of_nothing() -> None:
    assert "depends on no input" in wg.show(lambda x: 3.0, 2.0).to_html()
    unused = wg.show(lambda x, y: x * 2, 2.0, 3.0)
    assert unused["y"].adjoint == 0 and not unused["y"].contributions
    empty = wg.show(lambda x: np.sum(x), np.zeros((0, 3)))
    assert empty.to_svg() and json.loads(re.search(r'id="data">(.*?)</script>', empty.to_html())[1])  # type: ignore[index]


def test_a_dictionary_is_no_module() -> None:
    seen = wg.show(lambda p: p["w"] @ p["x"] + p["b"], {"w": np.ones((2, 3)), "x": np.ones(3), "b": 0.5})
    assert all(line.place == () and not line.learned for line in seen.lines)


def test_comprehensions_belong_to_the_function_around_them() -> None:
    seen = wg.show(lambda x: sum(np.sin(x * k) for k in range(5)), 0.5)
    assert {line.place for line in seen.lines} == {()}


def test_what_cannot_be_shown_is_refused() -> None:
    for thing, error, words in [
        (3.0, ArgumentError, "needs a function, a formula"), (wg.tensor(1.0), GraphError, "not recorded"),
        (wg.tape_of(wg.tensor(1.0, requires_grad=True) * 2), ArgumentError, "takes no arguments"),
    ]:  # fmt: skip
        with pytest.raises(error, match=words):
            wg.show(thing, *([1.0] if "arguments" in words else []))


def test_a_line_that_calls_the_users_function_is_not_run_again() -> None:
    calls = []

    @wg.custom_vjp
    def noted(x: Any) -> Any:
        calls.append(1)
        return x * 2

    noted.defvjp(lambda x: (noted(x), None), lambda residual, g: (2 * g,))
    explained(lambda x: noted(x) + 1, 1.0)
    before = len(calls)
    calls.clear()
    wg.vjp(lambda x: noted(x) + 1, 1.0)
    assert before == len(calls) > 0
