"""Looking at the recorded list: explained step by step, as text, and in Graphviz's DOT language."""

from __future__ import annotations

from wengert.viz.derivation import Derivation
from wengert.viz.derive import derive
from wengert.viz.dot import Dot, make_dot
from wengert.viz.explain import Explanation, explain
from wengert.viz.formula import Formula, parse
from wengert.viz.text import show

__all__ = ["Derivation", "Dot", "Explanation", "Formula", "derive", "explain", "make_dot", "parse", "show"]
