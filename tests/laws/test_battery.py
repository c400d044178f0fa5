"""Every registered primitive keeps its promises; and the battery notices a primitive that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert  # noqa: F401  (registers the primitives)
from wengert.core.primitive import REGISTRY, Aval, Primitive
from wengert.ops.elementwise import Elementwise
from wengert.ops.structure import moveaxis, sum_axes
from wengert.testing.battery import check_primitive

# Primitives the battery refuses, and why that is right. A gap that works is an error: take it out.
GAPS = {
    "part": "names one value of a line with several; the walks treat it themselves and it has no rules",
    "gamma_slope": "the second derivative of a gamma draw by its shape has no known formula; it says so",
    "random_gamma": "its derivative is the implicit one of the distribution; a draw itself jumps where it is rejected",
    "while": "the number of steps is not known, so reverse mode refuses by name; forward mode and batching work",
    "stop_gradient": "its value is the identity and its derivative zero by definition, so differences disagree",
}
NAMES = sorted(REGISTRY)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in GAPS])
def test_primitive(name: str) -> None:
    assert check_primitive(name) > 0


@pytest.mark.parametrize("name", sorted(GAPS))
def test_gap_is_still_one(name: str) -> None:
    with pytest.raises((AssertionError, NotImplementedError)):
        check_primitive(name)


def test_another_seed() -> None:
    counts = {n: check_primitive(n, dtypes=["float64"], seed=5) for n in NAMES if n not in GAPS}
    assert sum(counts.values()) > 50 * len(counts)


# ----- the battery itself: one error of a thousandth at a time ------------------------------------------
class Scaled(Primitive):
    """``x * y`` summed over the last axis, with every rule written out so that each can be wrong."""

    linear_in: tuple[int, ...] = ()

    def __init__(self, **changed: Callable[..., Any]) -> None:
        self.name = "planted"
        for rule, function in changed.items():
            setattr(self, rule, function)
        REGISTRY.pop("planted", None)
        super().__init__()

    def impl(self, x: Any, y: Any) -> Any:
        return np.sum(x * y, -1)

    def aval(self, x: Any, y: Any) -> Aval:
        return Aval(x.shape[:-1], np.result_type(x.dtype, y.dtype))

    def vjp(self, g: Any, _v: Any, x: Any, y: Any) -> tuple[Any, ...]:
        return g[..., None] * y, g[..., None] * x

    def jvp(self, ts: Any, _v: Any, x: Any, y: Any) -> Any:  # type: ignore[override]
        terms = [t * o for t, o in zip(ts, (y, x), strict=True) if t is not None]
        return sum_axes(terms[0] if len(terms) == 1 else terms[0] + terms[1], (1,))

    def batch(self, size: int, xs: Any, dims: Any) -> Any:  # type: ignore[override]
        x, y = (a if d is None else moveaxis(a, d, 0) for a, d in zip(xs, dims, strict=True))
        product = x * y
        return sum_axes(product, (len(product.shape) - 1,)), 0

    def samples(self, rng: np.random.Generator) -> Any:
        yield [rng.normal(size=(2, 3)), rng.normal(size=(2, 3))], {}


@pytest.fixture(autouse=True)
def _no_planted_primitive_stays() -> Any:
    yield
    REGISTRY.pop("planted", None)


WRONG = Scaled()
BROKEN: dict[str, dict[str, Callable[..., Any]]] = {
    "jvp": {"jvp": lambda ts, v, x, y: 1.001 * WRONG.jvp(ts, v, x, y)},
    "vjp": {"vjp": lambda g, _v, x, y: (1.001 * WRONG.vjp(g, None, x, y)[0], WRONG.vjp(g, None, x, y)[1])},
    "batch": {"batch": lambda size, xs, dims: (1.001 * WRONG.batch(size, xs, dims)[0], 0)},
    "aval": {"aval": lambda x, y: Aval((*x.shape[:-1], 1), x.dtype)},
    "impl": {"impl": lambda x, y: np.sum(x * y, -1) * (1 if x.flags.c_contiguous else 1.001)},
}
REGISTRY.pop("planted", None)


def test_the_unbroken_one_passes() -> None:
    Scaled()
    assert check_primitive("planted") > 100


@pytest.mark.parametrize("rule", sorted(BROKEN))
def test_a_broken_rule_is_named(rule: str) -> None:
    Scaled(**BROKEN[rule])
    with pytest.raises(AssertionError, match=rf"^planted\.{rule}: "):
        check_primitive("planted")


def test_a_wrong_dtype_is_named() -> None:
    Scaled(aval=lambda x, y: Aval(x.shape[:-1], np.dtype(np.float64)))
    with pytest.raises(AssertionError, match=r"^planted\.aval: dtype float64, the value has"):
        check_primitive("planted")


def test_a_wrong_axis_of_examples_is_named() -> None:
    Scaled(batch=lambda size, xs, dims: (WRONG.batch(size, xs, dims)[0], 1))
    with pytest.raises(AssertionError, match=r"^planted\.batch: "):
        check_primitive("planted")


def test_a_changed_operand_is_named() -> None:
    def impl(x: Any, y: Any) -> Any:
        result = np.sum(x * y, -1)
        if x.flags.writeable:
            x *= 1.001
        return result

    Scaled(impl=impl)
    with pytest.raises(AssertionError, match=r"^planted\.impl: "):
        check_primitive("planted")


def test_a_rule_that_hides_what_it_reads_is_named() -> None:
    """The values of arguments with a leading underscore are not kept."""
    Scaled(vjp=lambda g, _v, _x, y: (g[..., None] * y, g[..., None] * _x))
    with pytest.raises((AssertionError, TypeError)):
        check_primitive("planted")


@pytest.mark.parametrize(
    ("partial", "says"),
    [
        (lambda _y, x: 2.002 * x, "planted.jvp: against differences"),
        (lambda _y, x: 2 * np.abs(np.asarray(x)), "planted"),
        (lambda _y, x: 2 * x + 0 / x, "planted.vjp: a zero cotangent"),
    ],
)
def test_a_wrong_partial_is_named(partial: Callable[..., Any], says: str) -> None:
    Elementwise("planted", np.square, [partial], [(0.5, 2.0)], False, True)
    with pytest.raises((AssertionError, TypeError)) as caught:
        check_primitive("planted")
    assert says in str(caught.value) or isinstance(caught.value, TypeError)


def test_every_refusal_is_counted() -> None:
    assert check_primitive("add", dtypes=["float64"]) < check_primitive("add")
