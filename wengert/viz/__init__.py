"""Looking at the recorded list: as text and in Graphviz's DOT language."""

from __future__ import annotations

from wengert.viz.dot import Dot, make_dot
from wengert.viz.text import show

__all__ = ["Dot", "make_dot", "show"]
