"""Dead code."""

from __future__ import annotations

from wengert.compiler.passes import dead_code
from wengert.compiler.text import parse, text


def test_unread_lines_go() -> None:
    tape = parse("""tape(x0:float64[3])
      v0:float64[3] = sin(x0)
      v1:float64[3] = cos(x0)
      v2:float64[3] = exp(v1)
      return v0""")
    assert text(dead_code(tape)) == "tape(x0:float64[3])\n  v0:float64[3] = sin(x0)\n  return v0"


def test_nothing_to_do_is_the_same_list() -> None:
    tape = parse("tape(x0:float64[3])\n  v0:float64[3] = sin(x0)\n  return v0, v0")
    assert dead_code(tape) is tape


def test_an_unused_input_stays() -> None:
    tape = parse("tape(x0:float64[3], x1:float64[])\n  v0:float64[3] = sin(x0)\n  return x1")
    assert text(dead_code(tape)) == "tape(x0:float64[3], x1:float64[])\n  return x1"


def test_parts_keep_their_line() -> None:
    tape = parse("""tape(x0:float64[2,2])
      v0:(float64[2], float64[2,2]) = eigh(x0)
      v1:float64[2] = part(v0, index=0)
      v2:float64[2,2] = part(v0, index=1)
      return v1""")
    assert [node.prim.name for node in dead_code(tape)] == ["eigh", "part"]


def test_inside_a_loop() -> None:
    tape = parse("""tape(x0:float64[], x1:float64[4])
      v0:(float64[], float64[4]) = scan(x0, x1, consts=0, carries=1, length=4, reverse=False)
        body:
          tape(x0:float64[], x1:float64[])
            v0:float64[] = multiply(x0, x1)
            v1:float64[] = sin(v0)
            return v0, x1
      v1:float64[] = part(v0, index=0)
      return v1""")
    assert "sin" in text(tape)
    assert "sin" not in text(dead_code(tape))
