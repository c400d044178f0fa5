"""The passes: each a function from a list to a list, verified, named, and tested as text.

`optimise` runs them in order until none changes anything. With ``WENGERT_SHOW=passes`` in the environment the list is
printed after each pass that changed it.
"""

from __future__ import annotations

import os
import sys

from wengert.compiler.passes.cse import cse
from wengert.compiler.passes.dead_code import dead_code
from wengert.compiler.passes.fold import fold
from wengert.compiler.passes.simplify import simplify
from wengert.compiler.rewrite import Pass
from wengert.core.tape import Tape

PASSES: tuple[tuple[str, Pass], ...] = (
    ("dead code", dead_code),
    ("simplify", simplify),
    ("fold", fold),
    ("common subexpressions", cse),
)
_ROUNDS = 8  # far more than programs need; a rule that undoes another would otherwise never end


def optimise(tape: Tape, name: str = "function") -> Tape:
    """The list after all passes; `name` is what is printed above it where ``WENGERT_SHOW=passes`` asks for that."""
    shown = "passes" in os.environ.get("WENGERT_SHOW", "").split(",")
    if shown:
        _print(f"{name}: recorded", tape)
    for _ in range(_ROUNDS):
        before = tape
        for title, one in PASSES:
            after = one(tape)
            if shown and after is not tape:
                _print(f"{name}: {title}", after)
            tape = after
        if tape is before:
            break
    return tape


def _print(title: str, tape: Tape) -> None:
    sys.stderr.write(f"--- {title} ({len(tape)} lines)\n{tape}\n")


__all__ = ["PASSES", "cse", "dead_code", "fold", "optimise", "simplify"]
