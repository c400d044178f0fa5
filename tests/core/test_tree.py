"""Trees: flattening, putting back, comparing."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from wengert.base.errors import TreeError
from wengert.core.tree import flatten, match, register_tree, tree_leaves, tree_map, unflatten

Point = namedtuple("Point", "x y")


class Typed(NamedTuple):
    a: Any
    b: Any = 0


@dataclass
class Layer:
    w: Any
    b: Any = None


@dataclass(frozen=True)
class Computed:
    w: Any
    double: Any = field(init=False, default=None)

    def __post_init__(self) -> None:
        raise RuntimeError("trees do not go through __init__")


class Box:
    def __init__(self, content: Any, label: str) -> None:
        self.content, self.label = content, label


class SubBox(Box):
    pass


register_tree(Box, lambda x: ([x.content], x.label), lambda label, children: Box(children[0], label))

TREES = [
    (1.0, 1, "*"),
    (None, 0, "None"),
    ([], 0, "[]"),
    ((1, [2, (3,)], {}), 3, "(*, [*, (*,)], {})"),
    ({"b": 1, "a": {"c": 2}}, 2, "{'b': *, 'a': {'c': *}}"),
    (Point(1, [2]), 2, "Point(*, [*])"),
    (Typed(1), 2, "Typed(*, *)"),
    (Layer(1, {"x": 2}), 2, "Layer(*, {'x': *})"),
    (Layer(1), 1, "Layer(*, None)"),
    (OrderedDict(p=1, q=2), 2, "OrderedDict(*, *)"),
]


@pytest.mark.parametrize(("tree", "count", "text"), TREES, ids=[t[2] for t in TREES])
def test_there_and_back(tree: Any, count: int, text: str) -> None:
    leaves, structure = flatten(tree)
    assert len(leaves) == structure.count == count
    assert repr(structure) == text
    back = unflatten(structure, leaves)
    assert back == tree
    assert type(back) is type(tree)
    assert flatten(back)[1] == structure
    assert hash(flatten(back)[1]) == hash(structure)


def test_leaves_come_in_the_order_of_insertion() -> None:
    assert tree_leaves({"b": 1, "a": [2, 3], "c": Point(4, 5)}) == [1, 2, 3, 4, 5]


def test_structures_differ() -> None:
    trees = [1, None, [], [1], (1,), [1, 2], {"a": 1}, {"b": 1}, Point(1, 2), Typed(1, 2), Layer(1, 2), Layer(1), [[1]]]
    structures = [flatten(t)[1] for t in trees]
    for i, a in enumerate(structures):
        for j, b in enumerate(structures):
            assert (a == b) == (i == j), (trees[i], trees[j])
    assert flatten({"a": 1, "b": 2})[1] != flatten({"b": 2, "a": 1})[1]


def test_tree_map() -> None:
    assert tree_map(lambda x: x + 1, {"a": (1, 2), "b": None}) == {"a": (2, 3), "b": None}
    assert tree_map(lambda x, y: x * y, Layer(2, [3]), Layer(5, [7])) == Layer(10, [21])


def test_tree_map_refuses_another_structure() -> None:
    with pytest.raises(TreeError) as caught:
        tree_map(lambda x, y: x, {"a": 1}, {"a": (1, 2)})
    assert caught.value.message == "tree_map: got the tree {'a': (*, *)}; needs the same structure as {'a': *}"
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TypeError)


def test_match_gives_the_leaves() -> None:
    assert match(flatten((0, [0]))[1], (1, [2]), "f") == [1, 2]


def test_a_dataclass_is_not_made_through_its_init() -> None:
    x = object.__new__(Computed)
    object.__setattr__(x, "w", 1)
    object.__setattr__(x, "double", 2)
    y = tree_map(lambda v: v + 1, x)
    assert (y.w, y.double) == (2, 3)


def test_registered_classes_and_their_children() -> None:
    box = tree_map(lambda x: x + 1, Box((1, 2), "left"))
    assert (box.content, box.label) == ((2, 3), "left")
    assert flatten(Box(1, "left"))[1] != flatten(Box(1, "right"))[1]
    assert tree_leaves(SubBox([1, 2], "x")) == [1, 2]


def test_a_default_dict_comes_back_as_one() -> None:
    tree = defaultdict(list, a=1, b=2)
    back = tree_map(lambda x: x + 1, tree)
    assert back == {"a": 2, "b": 3}
    assert isinstance(back, dict)


def test_what_is_a_container() -> None:
    assert all(tree_leaves(x) != [x] for x in [None, [], (), {}, Point(1, 2), Layer(1), Box(1, "")])
    assert all(tree_leaves(x) == [x] for x in [1, 1.0, "text", object(), {1, 2}, b"bytes"])
