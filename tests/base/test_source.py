"""The user's line: the innermost frame outside the package."""

from __future__ import annotations

import inspect
import sys
from types import CodeType

import numpy as np

import wengert as wg
from wengert.base import source
from wengert.core.record import trace


def test_where_a_line_was_written() -> None:
    def f(x):  # type: ignore[no-untyped-def]
        y = x * 2.0
        return [y + 1.0]

    start = inspect.getsourcelines(f)[1]
    nodes = trace(f, [np.ones(2)], "grad").tape.nodes
    assert [n.where for n in nodes] == [f"test_source.py:{start + 1} in f", f"test_source.py:{start + 2} in f"]
    assert source.source_text(nodes[0].code, nodes[0].lasti) == "y = x * 2.0"


def test_nothing_was_captured() -> None:
    assert source.describe(None, 0) == ""
    assert source.source_text(None, 0) == ""


def test_our_own_frames_are_passed_over() -> None:
    assert source.INTERNAL[wg.__file__]
    assert source.INTERNAL["<frozen importlib._bootstrap>"]
    assert not source.INTERNAL[__file__]
    assert not source.INTERNAL["<stdin>"]
    frame = source.user_frame()
    assert frame is sys._getframe()


def test_a_file_that_is_gone() -> None:
    module = compile("def f():\n    return 1\n", "/nowhere/gone.py", "exec")
    inner = next(c for c in module.co_consts if isinstance(c, CodeType))
    assert source.describe(inner, 0) == "gone.py:1 in f"
    assert source.source_text(inner, 0) == ""
