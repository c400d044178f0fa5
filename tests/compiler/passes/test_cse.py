"""Common subexpressions."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.compiler.passes import cse
from wengert.compiler.text import parse, text


def names(source: str, **values: np.ndarray) -> list[str]:
    return [node.prim.name for node in cse(parse(source, **values))]


def test_a_line_is_computed_once() -> None:
    tape = parse("""tape(x0:float64[3])
      v0:float64[3] = sin(x0)
      v1:float64[3] = sin(x0)
      v2:float64[3] = exp(v0)
      v3:float64[3] = exp(v1)
      v4:float64[3] = multiply(v2, v3)
      return v4, v1""")
    assert (
        text(cse(tape))
        == """tape(x0:float64[3])
  v0:float64[3] = sin(x0)
  v1:float64[3] = exp(v0)
  v2:float64[3] = multiply(v1, v1)
  return v2, v0"""
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("multiply(x0, 2.0)", "multiply(x0, 2)"),
        ("multiply(x0, 0.0)", "multiply(x0, -0.0)"),
        ("multiply(x0, 1)", "multiply(x0, True)"),
        ("add(x0, x1)", "add(x1, x0)"),
        ("multiply(x0, c0)", "multiply(x0, c1)"),
    ],
)
def test_what_is_not_the_same(first: str, second: str) -> None:
    source = f"""tape(x0:float64[3], x1:float64[3])
      v0:float64[3] = {first}
      v1:float64[3] = {second}
      return v0, v1"""
    given = {"c0": np.array([0.0, 1.0, 2.0]), "c1": np.array([-0.0, 1.0, 2.0])}
    assert len(names(source, **given)) == 2


def test_attributes_count() -> None:
    source = """tape(x0:float64[3,3])
      v0:float64[3] = sum(x0, axes=(0,), keepdims=False)
      v1:float64[3] = sum(x0, axes=(1,), keepdims=False)
      v2:float64[3] = sum(x0, axes=(0,), keepdims=False)
      return v0, v1, v2"""
    assert len(names(source)) == 2


def test_small_constants_are_compared_by_value_large_ones_by_identity() -> None:
    source = """tape(x0:float64[{n}])
      v0:float64[{n}] = multiply(x0, c0)
      v1:float64[{n}] = multiply(x0, c1)
      return v0, v1"""
    assert len(names(source.format(n=3), c0=np.ones(3), c1=np.ones(3))) == 1
    assert len(names(source.format(n=100), c0=np.ones(100), c1=np.ones(100))) == 2
    one = np.ones(100)
    assert len(names(source.format(n=100), c0=one, c1=one)) == 1


def test_draws_stay() -> None:
    source = """tape(x0:uint32[2])
      v0:uint32[3] = random_bits(x0, shape=(3,), width=32)
      v1:uint32[3] = random_bits(x0, shape=(3,), width=32)
      return v0, v1"""
    assert names(source) == ["random_bits", "random_bits"]
