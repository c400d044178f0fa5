"""Looking at the recorded list: played in a page, explained step by step, as text, as a picture, in DOT."""

from __future__ import annotations

from wengert.viz.derivation import Derivation
from wengert.viz.derive import derive
from wengert.viz.dot import Dot, make_dot
from wengert.viz.explain import Explanation, explain
from wengert.viz.formula import Formula, parse
from wengert.viz.show import show

__all__ = ["Derivation", "Dot", "Explanation", "Formula", "derive", "explain", "make_dot", "parse", "show"]
