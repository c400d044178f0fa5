"""Names of lists: the same for the same list, another one for whatever makes another program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from tests.compiler.native.comparing import tape_of
from wengert.compiler.native import engine, naming
from wengert.compiler.native.threads import TEAM
from wengert.core.primitive import REGISTRY, Primitive
from wengert.core.tape import Const, Input, Node, Tape

X = np.linspace(-1.0, 1.0, 12).reshape(3, 4)
W = np.linspace(0.5, 2.0, 12).reshape(3, 4)


def name_of(f: Callable[..., Any], *arguments: Any, options: Any = (1, 1, {}, None, set())) -> str:
    found = naming.name(tape_of(f, list(arguments or (X,))), options)
    assert found is not None
    return found[0]


def body(step: float) -> Callable[..., Any]:
    return lambda x: wg.scan(lambda c, row: (c * step + row, c.sum()), x[0], x)


SAME: dict[str, Callable[[], str]] = {
    "arithmetic": lambda: name_of(lambda x: wg.tanh(x) * 2.0 + x.sum(0)),
    "constant": lambda: name_of(lambda x: x * W.copy()),
    "scan": lambda: name_of(body(0.5)),
    "gradient": lambda: name_of(wg.grad(lambda x: (wg.exp(x) @ x.T).sum())),
    "index": lambda: name_of(lambda x: x[1:, ::2][..., None]),
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_the_same_list_has_the_same_name(make) -> None:
    assert make() == make()


OTHERS: dict[str, tuple[Callable[[], str], Callable[[], str]]] = {
    "operation": (lambda: name_of(wg.sin), lambda: name_of(wg.cos)),
    "number": (lambda: name_of(lambda x: x * 2.0), lambda: name_of(lambda x: x * 3.0)),
    "kind of number": (lambda: name_of(lambda x: x * 2.0), lambda: name_of(lambda x: x * 2)),
    "sign of zero": (lambda: name_of(lambda x: x + 0.0), lambda: name_of(lambda x: x + -0.0)),
    "last bit": (lambda: name_of(lambda x: x * 0.1), lambda: name_of(lambda x: x * np.nextafter(0.1, 1))),
    "order of operands": (lambda: name_of(lambda x: x - x.T.T * 2), lambda: name_of(lambda x: x.T.T * 2 - x)),
    "shape": (lambda: name_of(wg.sin, X), lambda: name_of(wg.sin, X[:2])),
    "dtype": (lambda: name_of(wg.sin, X), lambda: name_of(wg.sin, X.astype(np.float32))),
    "axis": (lambda: name_of(lambda x: x.sum(0)), lambda: name_of(lambda x: x.sum(1))),
    "index": (lambda: name_of(lambda x: x[0]), lambda: name_of(lambda x: x[1])),
    "constant": (lambda: name_of(lambda x: x * W), lambda: name_of(lambda x: x * (W + 1e-16 * (W < 0.6)))),
    "constant's order": (lambda: name_of(lambda x: x * W), lambda: name_of(lambda x: x * np.asfortranarray(W))),
    "which constant": (
        lambda: name_of(lambda x: (x * W, x + X)), lambda: name_of(lambda x: (x * X, x + W)),
    ),
    "inner list": (lambda: name_of(body(0.5)), lambda: name_of(body(0.25))),
    "results": (lambda: name_of(lambda x: (x * 2, x + 1)), lambda: name_of(lambda x: (x + 1, x * 2))),
    "options": (lambda: name_of(wg.sin), lambda: name_of(wg.sin, options=(0, 1, {0: 0}, None, set()))),
    "aliases": (
        lambda: name_of(wg.sin, options=(0, 1, {0: 0}, None, set())),
        lambda: name_of(wg.sin, options=(0, 1, {0: 1}, None, set())),
    ),
    "gate": (lambda: name_of(wg.sin), lambda: name_of(wg.sin, options=(1, 1, {}, 0, set()))),
}  # fmt: skip


@pytest.mark.parametrize("pair", OTHERS.values(), ids=OTHERS)
def test_another_list_has_another_name(pair) -> None:
    one, other = pair
    assert one() != other()


def test_a_list_that_stands_in_two_places() -> None:
    """Each line of an inner list keeps a number of its own, however often the list is met."""

    def twice(inner: Callable[..., Any]) -> str:
        x = Input((3,), np.dtype(float))
        a, b = Input((), x.dtype), Input((), x.dtype)
        body = Tape([a, b], [node := Node(REGISTRY["subtract"], inner(a, b), {}, (), x.dtype)], [node, node])
        scans = [Node(REGISTRY["scan"], (1.0, x), {"body": body, "carries": 1, "consts": 0, "length": 3, "reverse": r},
                      ((), (3,)), (x.dtype, x.dtype)) for r in (False, True)]  # fmt: skip
        found = naming.name(Tape([x], scans, scans), ())
        assert found is not None
        return found[0]

    assert twice(lambda a, b: (a, b)) != twice(lambda a, b: (b, a))


def test_the_surroundings_are_part_of_it(monkeypatch) -> None:
    names = {name_of(wg.sin)}
    for change in (
        lambda patch: patch.setattr(TEAM, "size", TEAM.size + 1),
        lambda patch: patch.setattr(engine, "setting", lambda: ("another machine",)),
        lambda patch: patch.setattr(naming, "sources", lambda: "another version of this package"),
        lambda patch: patch.setattr(np, "__version__", "1.0"),
    ):
        with monkeypatch.context() as patch:
            change(patch)
            names.add(name_of(wg.sin))
    assert len(names) == 5


def test_sources_are_hashed_by_content(tmp_path, monkeypatch) -> None:
    file = tmp_path / "compiler" / "native" / "naming.py"
    file.parent.mkdir(parents=True)
    monkeypatch.setattr(naming, "__file__", str(file))
    found = set()
    for content in ("a = 1", "a = 2", "a = 1"):
        file.write_text(content)
        found.add(naming.sources.__wrapped__())
    assert len(found) == 2
    file.unlink()
    with pytest.raises(naming.Unknown):  # an installation without sources
        naming.sources.__wrapped__()


def test_what_has_no_name(monkeypatch) -> None:
    x = Input((3,), np.dtype(float))

    def named(*nodes: Node) -> Any:
        return naming.name(Tape([x], list(nodes), nodes[-1:]), ())

    line = Node(REGISTRY["sin"], (x,), {}, (3,), x.dtype)
    assert named(line) is not None
    assert named(Node(REGISTRY["sin"], (x,), {"rule": lambda x: x}, (3,), x.dtype)) is None  # a function
    assert named(Node(REGISTRY["add"], (x, Input((3,), x.dtype)), {}, (3,), x.dtype)) is None  # of another list
    assert named(Node(REGISTRY["add"], (x, Const(wg.tensor([1.0]))), {}, (3,), x.dtype)) is None
    monkeypatch.setattr(naming, "_MOST", 100)
    assert named(Node(REGISTRY["add"], (x, Const(np.zeros(13))), {}, (13,), x.dtype)) is None  # too large to be read

    class Mine(Primitive):
        name = "mine, of this test"

    try:
        assert named(Node(Mine(), (x,), {}, (3,), x.dtype)) is None
    finally:
        del REGISTRY[Mine.name]


def test_the_primitives_of_this_package() -> None:
    """All have names but those whose lines hold functions, and one that compiled lists do not have."""
    assert set(REGISTRY) - naming._OWN == {"checkpoint", "custom_vjp", "custom_jvp"}
