"""`Explanation`: what is known of a differentiated program, with every way to look at it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from wengert.base.errors import ArgumentError
from wengert.base.files import write_atomically
from wengert.viz import drawing, page, picture, rendering, svg
from wengert.viz.lines import Account

_WRITERS: dict[str, str] = {
    ".html": "to_html", ".svg": "to_svg", ".png": "to_png", ".dot": "to_dot", ".txt": "to_text", ".md": "to_markdown",
    ".tex": "to_latex",
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class Explanation(Account):
    """A differentiated program to be read: ``print`` it, `save` it, or look a line up, ``e["z"].adjoint``.

    A notebook shows it as the interactive page. ``objective`` names what the adjoints are derivatives of,
    ``directions`` the inputs of forward mode.
    """

    @classmethod
    def of(cls, account: Account) -> Explanation:
        """The same knowledge, with every way to look at it."""
        return cls(**vars(account))

    def to_html(self, digits: int = 7) -> str:
        """The interactive page: one document that needs no network, played forward and backward line by line."""
        return page.html(self, digits)

    def to_svg(self, digits: int = 7) -> str:
        """The layered drawing, as the page first shows it."""
        return svg.svg(self, digits)

    def to_png(self, digits: int = 7) -> bytes:
        """The same drawing in dots; needs matplotlib."""
        return picture.png(self, digits)

    def to_text(self, digits: int = 7) -> str:
        """Tables in plain text."""
        return rendering.text(self, digits)

    def to_markdown(self, digits: int = 7) -> str:
        """Markdown with the formulas in LaTeX."""
        return rendering.markdown(self, digits)

    def to_latex(self, digits: int = 7) -> str:
        """LaTeX to include in a document (with the packages amsmath and booktabs)."""
        return rendering.latex(self, digits)

    def to_dot(self, digits: int = 7) -> str:
        """The graph in DOT: values and adjoints in the nodes, local derivatives at the edges."""
        return drawing.dot(self, digits)

    def save(self, path: str | os.PathLike[str], digits: int = 7) -> Path:
        """Write a file, .html, .svg, .png, .dot, .txt, .md or .tex, and return its path."""
        target = Path(path)
        if target.suffix not in _WRITERS:
            raise ArgumentError(f"save: got {target.name!r}; needs a name in {', '.join(_WRITERS)}")
        written = getattr(self, _WRITERS[target.suffix])(digits)
        return write_atomically(target, written if isinstance(written, bytes) else written.encode())

    def __str__(self) -> str:
        return self.to_text()

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        return page.frame(self)


__all__ = ["Explanation"]
