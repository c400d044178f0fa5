"""Pictures of the recorded list: the lecture's example, and names that try to break out."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.base.errors import ArgumentError, GraphError
from wengert.viz import make_dot, show


def lecture():
    model = nn.Sequential()
    model.add_module("W0", nn.Linear(8, 16))
    model.add_module("tanh", nn.Tanh())
    model.add_module("W1", nn.Linear(16, 1))
    return model, model(np.ones((1, 8), np.float32)).mean()


def test_the_lectures_graph() -> None:
    model, y = lecture()
    source = make_dot(y, params=dict(model.named_parameters())).source
    for name, shape in [("W0.weight", "(16, 8)"), ("W0.bias", "(16)"), ("W1.weight", "(1, 16)"), ("W1.bias", "(1)")]:
        assert f'label="{name}\\n{shape}"' in source
    assert source.count('fillcolor="#c6dbef"') == 4  # parameters only: x needs no gradient
    for operation in ("matmul", "tanh", "add", "transpose"):
        assert f'label="{operation}\\n' in source


def test_every_edge_joins_drawn_nodes(tmp_path) -> None:
    _, y = lecture()
    dot = make_dot(y, show_constants=True, show_attrs=True)
    nodes = set(re.findall(r"^  (\w+) \[.*\];$", dot.source, re.M)) - {"graph", "node"}
    edges = re.findall(r"^  (\w+) -> (\w+);$", dot.source, re.M)
    assert edges
    assert {n for edge in edges for n in edge} <= nodes
    assert dot.save(tmp_path / "a" / "g.dot").read_text() == str(dot) == dot.source


def test_the_drawing_needs_no_graphviz(tmp_path) -> None:
    model, y = lecture()
    dot = make_dot(y, params=dict(model.named_parameters()))
    assert (tmp_path / "g.svg") == dot.save(tmp_path / "g.svg")
    text = (tmp_path / "g.svg").read_text()
    assert text == dot._repr_svg_()
    name = "{http://www.w3.org/2000/svg}"
    root = ElementTree.fromstring(text)
    shapes = [g for g in root.iter(f"{name}g") if "class" in g.attrib]
    assert len(list(root.iter(f"{name}ellipse"))) == len(re.findall(r"^  n\d+ \[label=", dot.source, re.M)) > 4
    words = [[t.text for t in g.iter(f"{name}text")] for g in shapes if g.get("class") == "leaf"]
    assert sorted(words) == [
        ["W0.bias", "(16)"],
        ["W0.weight", "(16, 8)"],
        ["W1.bias", "(1)"],
        ["W1.weight", "(1, 16)"],
    ]
    assert [[t.text for t in g.iter(f"{name}text")] for g in shapes if g.get("class") == "output"] == [["output", "()"]]
    arrows = [p for p in root.iter(f"{name}path") if p.get("class") == "arrow"]
    assert len(arrows) == len(set(re.findall(r"^  (\w+ -> \w+);$", dot.source, re.M)))
    for arrow in arrows:  # from above to below
        points = [float(n) for n in re.findall(r"-?[\d.]+", arrow.get("d"))]
        assert points[1] < points[-1]


def test_very_long_lists_are_text_only() -> None:
    w = y = nn.Parameter([1.0])
    for _ in range(500):
        y = y * 1.01
    dot = make_dot(y)
    assert dot._repr_svg_() is None
    assert dot.source.count("multiply") == 500
    with pytest.raises(ArgumentError, match="502 shapes are too many"):
        dot.to_svg()
    assert "<svg" in make_dot(w * 2).to_svg()


def test_hostile_names_stay_text_in_the_drawing() -> None:
    w = nn.Parameter([1.0])
    name = "</text><script>x</script>&\x00"
    root = ElementTree.fromstring(make_dot(w * w, params={name: w}).to_svg())
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    assert [t.text for t in root.iter() if t.text and "script" in t.text] == [name.replace("\x00", "?")]


def test_shared_modules_appear_twice_and_frozen_parameters_not_at_all() -> None:
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    y = layer(layer(np.ones((1, 2), np.float32))).sum()
    source = make_dot(y, params=dict(layer.named_parameters())).source
    assert source.count('label="matmul') == 2
    assert source.count('label="weight') == 1
    assert "bias" not in source


def test_hostile_names_stay_inside_their_string() -> None:
    w = nn.Parameter([1.0])
    name = 'a"];\nevil [label="\\\x00<b>'
    source = make_dot(w * 2, params={name: w}).source
    line = next(line for line in source.splitlines() if "evil" in line)
    assert re.fullmatch(r'  n\d+ \[shape=box, fillcolor="#c6dbef", label="(?:[^"\\]|\\.)*"\];', line)
    assert "\x00" not in source


def test_nothing_recorded() -> None:
    with pytest.raises(GraphError, match="make_dot: this tensor was not recorded"):
        make_dot(nn.Parameter([1.0], requires_grad=False) * 2)


def test_text() -> None:
    _, y = lecture()
    assert "tanh(" in str(show(y))
    assert wg.make_dot is make_dot
