"""What `derive` found, and how it is written: text, Markdown, LaTeX."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from wengert.base.errors import ArgumentError
from wengert.base.files import write_atomically
from wengert.viz import rendering
from wengert.viz.mathematics import number_text
from wengert.viz.rendering import Table, Writer
from wengert.viz.symbols import sympy
from wengert.viz.valley import Valley

_WRITERS = {".txt": "to_text", ".md": "to_markdown", ".tex": "to_latex"}
LONGEST = 300  # characters of an expression that is still one to read


class Mode(NamedTuple):
    """One way to a derivative: its values by input, the largest error, and what it costs."""

    way: str
    values: Mapping[str, float]
    error: float
    cost: str


@dataclass(frozen=True, repr=False)
class Derivation:
    """A function, its derivatives as mathematics, and all ways to their values: ``print`` it, or `save` it.

    ``expression`` and the ``partials`` (by input) are sympy's; ``partials`` are as the rules leave them,
    ``simplified`` as a person would write them. ``sizes`` counts operations. ``modes`` and ``valleys`` (by input) are
    empty where no values were given.
    """

    title: str
    expression: Any
    partials: Mapping[str, Any]
    simplified: Mapping[str, Any]
    sizes: Mapping[str, int]
    point: Mapping[str, float]
    modes: tuple[Mode, ...] = ()
    valleys: Mapping[str, Valley] | None = None

    def to_text(self, digits: int = 7) -> str:
        """Tables in plain text."""
        return rendering.text_document(w := Writer(digits), self.title, self._tables(w), self._notes())

    def to_markdown(self, digits: int = 7) -> str:
        """Markdown with the formulas in LaTeX."""
        w = rendering.MarkdownWriter(digits)
        return rendering.markdown_document(w, self.title, self._tables(w), self._notes())

    def to_latex(self, digits: int = 7) -> str:
        """LaTeX to include in a document (with the packages amsmath and booktabs)."""
        w = rendering.LatexWriter(digits)
        return rendering.latex_document(w, self.title, self._tables(w), self._notes())

    def save(self, path: str | os.PathLike[str], digits: int = 7) -> Path:
        """Write a file, .txt, .md or .tex, and return its path."""
        target = Path(path)
        if target.suffix not in _WRITERS:
            raise ArgumentError(f"save: got {target.name!r}; needs a name in {', '.join(_WRITERS)}")
        return write_atomically(target, getattr(self, _WRITERS[target.suffix])(digits).encode())

    def __str__(self) -> str:
        return self.to_text()

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    # ----- tables
    def _tables(self, w: Writer) -> list[Table]:
        found = [self._formulas(w), self._sizes(w)]
        if self.modes:
            found += [self._modes(w), self._valley(w)]
        return found

    def _formulas(self, w: Writer) -> Table:
        rows = [(w.math(w.style.name("f")), self._formula(w, self.expression))]
        for name, found in self.simplified.items():
            rows.append((w.math(w.style.derivative("f", name)), self._formula(w, found)))
        return Table("Symbolic", ("what", "formula"), [(*row,) for row in rows])

    def _formula(self, w: Writer, e: Any) -> str:
        plain = str(e)
        if len(plain) > LONGEST:
            return w.words(f"{e.count_ops():,} operations, too many to read")
        return w.math(
            sympy().latex(e).replace("|", r"\vert ") if isinstance(w, rendering.LatexWriter) else _tidy(plain)
        )

    def _sizes(self, w: Writer) -> Table:
        rows = [(w.words(what), w.math(f"{size}")) for what, size in self.sizes.items()]
        return Table("Size, in operations", ("what", "operations"), [(*row,) for row in rows])

    def _modes(self, w: Writer) -> Table:
        names = list(self.partials)
        columns = ("way", *(w.math(w.style.derivative("f", n)) for n in names), w.words("largest error"), "cost")
        rows = []
        for m in self.modes:
            numbers = (w.math(w.style.number(m.values[n])) for n in names)
            rows.append((w.words(m.way), *numbers, w.math(_error(w, m.error)), w.words(m.cost)))
        at = ", ".join(f"{n} = {number_text(x)}" for n, x in self.point.items())
        return Table(f"All ways, at {at}", columns, [(*row,) for row in rows])

    def _valley(self, w: Writer) -> Table:
        assert self.valleys is not None
        name, found = next(iter(self.valleys.items()))
        columns = (w.math("h"), w.words("error of the forward difference"), w.words("error of the central difference"))
        rows = [
            (w.math(w.style.number(r.h)), w.math(_error(w, r.forward_error)), w.math(_error(w, r.central_error)))
            for r in found.rows
        ]
        return Table(f"Differences by the step h, for {name}", columns, [(*row,) for row in rows])

    def _notes(self) -> list[str]:
        if not self.valleys:
            return ["Give values of the inputs to see all ways to the numbers."]
        name, found = next(iter(self.valleys.items()))
        forward, central = found.best
        best = f"forward difference at h = {forward.h:.0e}, central at h = {central.h:.0e}"
        return [f"Least error for {name}: {best}. Smaller steps round, larger ones bend."]


def _error(w: Writer, error: float) -> str:
    return w.style.number(float(f"{error:.1e}"))


def _tidy(formula: str) -> str:
    """``2*w**2`` as ``2·w²``."""
    raised = re.sub(
        r"\*\*(\d+)(?![\d./])", lambda m: m[1].translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")), formula
    )
    return raised.replace("**", "^").replace("*", "·")


__all__ = ["Derivation", "Mode"]
