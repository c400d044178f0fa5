"""An explanation as tables, and the tables as plain text, Markdown and LaTeX."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.viz.lines import Account, Contribution, Line, Local, Partial
from wengert.viz.mathematics import Latex, Style

MOST_ELEMENTS = 9  # of an array that is shown in full


class Table(NamedTuple):
    """A heading (as words), and finished cells: the columns' names and the rows."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


# ----- how a document writes ---------------------------------------------------------------------
class Writer:
    """Plain text: mathematics and words as they are."""

    def __init__(self, digits: int) -> None:
        self.style = Style(digits)

    def math(self, text: str) -> str:
        return text

    def words(self, text: str) -> str:
        return "".join(c if c.isprintable() else "?" for c in text)

    def code(self, text: str) -> str:
        return self.words(text)

    def product(self, factors: Sequence[str]) -> str:
        return self.style.product(factors)

    def rows(self, rows: Sequence[Sequence[str]]) -> str:
        """A matrix."""
        return f"[{', '.join(map(self.vector, rows))}]"

    def vector(self, entries: Sequence[str]) -> str:
        return f"[{', '.join(entries)}]"

    def diagonal(self, entries: Sequence[str]) -> str:
        return f"diag({', '.join(entries)})"

    def array(self, dtype: str, shape: str, norm: str) -> str:
        return f"{dtype}{shape}" + (f", norm {norm}" if norm else "")

    def total(self, terms: Sequence[str]) -> str:
        return " + ".join(f"({t})" if t.startswith("-") and i else t for i, t in enumerate(terms))


class LatexWriter(Writer):
    """LaTeX: formulas between dollar signs, words escaped."""

    def __init__(self, digits: int) -> None:
        self.style = Latex(digits)

    def math(self, text: str) -> str:
        return f"${text}$" if text else ""

    def words(self, text: str) -> str:
        return "".join(_LATEX_WORDS.get(c, c if c.isprintable() else "?") for c in text)

    def code(self, text: str) -> str:
        return rf"\texttt{{{self.words(text)}}}" if text else ""

    def rows(self, rows: Sequence[Sequence[str]]) -> str:
        inside = r" \\ ".join(" & ".join(row) for row in rows)
        return rf"\begin{{pmatrix}} {inside} \end{{pmatrix}}"

    def vector(self, entries: Sequence[str]) -> str:
        return self.rows([entries])

    def diagonal(self, entries: Sequence[str]) -> str:
        return rf"\operatorname{{diag}}\left({', '.join(entries)}\right)"

    def array(self, dtype: str, shape: str, norm: str) -> str:
        return rf"\mathrm{{{dtype}}}{shape}" + (rf",\ \lVert\cdot\rVert = {norm}" if norm else "")


_LATEX_WORDS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\textasciicircum{}", "&": r"\&",
    "%": r"\%", "#": r"\#", "$": r"\$", "~": r"\textasciitilde{}", "∂": r"$\partial$", "Σ": r"$\Sigma$",
}  # fmt: skip


class MarkdownWriter(LatexWriter):
    """Markdown with LaTeX formulas; nothing in a word is markup, and no cell holds a ``|``."""

    def words(self, text: str) -> str:
        clean = "".join(c if c.isprintable() else "?" for c in text)
        return "".join(f"&#{ord(c)};" if c in "\\`*_{}[]<>()#+-!|$&~" else c for c in clean)

    def code(self, text: str) -> str:
        return f"<code>{self.words(text)}</code>" if text else ""

    def rows(self, rows: Sequence[Sequence[str]]) -> str:
        return super().rows(rows).replace(r"\\", r"\cr")  # Markdown would take the two strokes for one


# ----- values ---------------------------------------------------------------------------------------
def value_text(w: Writer, x: Any) -> str:
    """A number, a small array in full, a large one as dtype, shape and norm."""
    if isinstance(x, tuple):
        return f"({', '.join(value_text(w, part) for part in x)})"
    if x is None:
        return ""
    x = np.asarray(x)
    if x.shape == ():
        return w.style.number(x[()]) if x.dtype.kind != "b" else str(x[()])
    if 0 < x.size <= MOST_ELEMENTS and x.ndim <= 2:
        return _in_full(w, x)
    numbers = x.ravel().astype(np.result_type(x, np.float64)) if x.dtype.kind in "fc" else None
    norm = "" if numbers is None else w.style.number(np.linalg.norm(numbers))
    return w.array(str(x.dtype), _shape(x.shape), norm)


def _in_full(w: Writer, x: Any) -> str:
    if x.ndim == 1:
        return w.vector([w.style.number(e) for e in x])
    return w.rows([[w.style.number(e) for e in row] for row in x])


def _shape(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})"


def local_text(w: Writer, part: Local) -> str:
    """A local derivative: a number, a diagonal, a matrix, or shape and norm."""
    if part.kind == "diagonal" and 0 < part.value.size <= MOST_ELEMENTS:
        return w.diagonal([w.style.number(e) for e in part.value.ravel()])
    if part.kind == "full" and part.value.ndim <= 2:
        return _in_full(w, part.value)
    if part.kind == "full" and part.value.size <= MOST_ELEMENTS:
        return _in_full(w, part.value.reshape(part.rows, -1))
    if part.kind == "number":
        return w.style.number(part.value)
    return w.array("Jacobian", _shape(part.shape), "" if part.norm is None else w.style.number(part.norm))


# ----- the tables -------------------------------------------------------------------------------------
def tables(e: Account, w: Writer) -> list[Table]:
    """Forward, local derivatives, backward, and forward mode beside reverse mode."""
    found = [_forward(e, w), _locals(e, w), _backward(e, w)]
    return [t for t in (*found, *([_modes(e, w)] if e.directions else [])) if t.rows]


def _forward(e: Account, w: Writer) -> Table:
    sources = any(line.source for line in e.lines)
    rows: list[tuple[str, ...]] = []
    for line in e.lines:
        meaning = w.words(line.kind) if line.operation is None else w.math(w.style.expression(line.operation))
        row = (w.math(w.style.name(line.name)), meaning, w.math(value_text(w, line.value)))
        rows.append((*row, w.code(line.source)) if sources else row)
    columns = tuple(map(w.words, ("line", "operation", "value", "source")))
    return Table("Forward", columns[: 3 + sources], rows)


def _derivative(w: Writer, part: Partial) -> str:
    return w.math(w.style.derivative(part.of, part.by)) + (f" (operand {part.operand})" if part.operand else "")


def _locals(e: Account, w: Writer) -> Table:
    rows: list[tuple[str, ...]] = []
    for line in e.lines:
        for part in line.partials:
            formula = "" if part.formula is None else w.style.expression(part.formula)
            rows.append((_derivative(w, part), w.math(formula), w.math(local_text(w, part.local))))
    return Table("Local derivatives", ("derivative", "formula", "value"), rows)


def _backward(e: Account, w: Writer) -> Table:
    title = f"Backward: the derivatives of {e.objective}"
    rows: list[tuple[str, ...]] = []
    order = [line for line in reversed(e.lines) if line.kind == "operation"]
    order += [line for line in reversed(e.lines) if line.kind == "input"]
    for line in order:
        if line.adjoint is not None:
            rows.extend(_steps(e, w, line))
    return Table(title, ("adjoint", "path", "product", "value"), rows)


def _steps(e: Account, w: Writer, line: Line) -> Iterator[tuple[str, ...]]:
    """One row for every path to a line, and their sum where there are several."""
    name = w.math(w.style.derivative(e.objective, line.name))
    steps: list[tuple[str, str, Any]] = []
    if line.seed is not None:
        steps.append((w.words("seed"), "", line.seed))
    for c in line.contributions:
        through = w.words("through ") + w.math(w.style.name(c.partial.of))
        steps.append((through, product_text(e, w, c), c.value))
    if not steps:
        swept = any(other.seed is not None for other in e.lines)
        yield name, w.words("no path" if swept else "collected by backward()"), "", w.math(value_text(w, line.adjoint))
    elif len(steps) == 1:
        yield name, steps[0][0], steps[0][1], w.math(value_text(w, line.adjoint))
    else:
        for path, product, value in steps:
            yield "", path, product, w.math(value_text(w, value))
        values = [value_text(w, value) for *_, value in steps]
        small = all(np.size(value) <= MOST_ELEMENTS for *_, value in steps)
        terms = w.math(w.total(values)) if small else ""
        yield name, w.words("sum of the paths"), terms, w.math(value_text(w, line.adjoint))


def product_text(e: Account, w: Writer, c: Contribution) -> str:
    """``∂y/∂a·∂a/∂z = 7.39·1``; without the numbers where they are arrays."""
    symbols = [w.style.derivative(e.objective, c.partial.of), w.style.derivative(c.partial.of, c.partial.by)]
    text = w.product(symbols)
    if c.partial.local.kind == "number":
        numbers = [value_text(w, np.asarray(c.adjoint).reshape(())), w.style.number(c.partial.local.value)]
        text += " = " + w.product(numbers)
    return w.math(text)


def _modes(e: Account, w: Writer) -> Table:
    pairs = [*(("line", d) for d in e.directions), (e.objective, "line")]
    columns = (w.words("line"), *(w.math(w.style.derivative(of, by)) for of, by in pairs))
    rows: list[tuple[str, ...]] = []
    for line in e.lines:
        if line.kind != "constant" and (line.adjoint is not None or line.tangents):
            zero = np.zeros(np.shape(line.value))
            pushed = (w.math(value_text(w, line.tangents.get(d, zero))) for d in e.directions)
            rows.append((w.math(w.style.name(line.name)), *pushed, w.math(value_text(w, line.adjoint))))
    return Table("Forward mode, and reverse mode in the last column", columns, rows)


def notes(e: Account) -> list[str]:
    """What is to be said below the tables."""
    if all(line.seed is None for line in e.lines):
        return [*e.remarks] or ["The result depends on no input."]
    inputs, results = e.numbers
    forward, reverse = e.multiplications
    counts = (
        f"Multiplications, every local derivative taken as a full matrix: forward mode {forward:,} "
        f"(for {_many(inputs, 'input number')}), reverse mode {reverse:,} (for {_many(results, 'result number')})."
    )
    found = [counts, *e.remarks]
    for line in e.lines:
        values = line.value if isinstance(line.value, tuple) else (line.value,)
        if not all(v is None or np.all(np.isfinite(v)) for v in values):
            found.append(f"The first value that is not finite: {line.name}.")
            break
    return found + objective_note(e)


def objective_note(e: Account) -> list[str]:
    """What the adjoints are derivatives of, where that is no single number."""
    if not e.objective.startswith("Σ"):
        return []
    what = "the results" if e.objective == "Σ" else e.objective[1:]
    return [f"{e.objective} is the sum of all elements of {what}."]


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


# ----- documents -----------------------------------------------------------------------------------
def text(e: Account, digits: int = 7) -> str:
    """Tables with aligned columns."""
    w = Writer(digits)
    return text_document(w, e.title, tables(e, w), notes(e))


def markdown(e: Account, digits: int = 7) -> str:
    """A heading and one table a step."""
    w = MarkdownWriter(digits)
    return markdown_document(w, e.title, tables(e, w), notes(e))


def latex(e: Account, digits: int = 7) -> str:
    """A subsection with one tabular a step."""
    w = LatexWriter(digits)
    return latex_document(w, e.title, tables(e, w), notes(e))


def text_document(w: Writer, title: str, found: Sequence[Table], below: Sequence[str]) -> str:
    """Plain text: a title, tables with aligned columns, notes."""
    parts = [w.words(title)]
    for table in found:
        widths = [max(map(_width, cells)) for cells in zip(table.columns, *table.rows, strict=True)]
        lines = [table.columns, tuple("-" * width for width in widths), *table.rows]
        body = (
            "  ".join(c + " " * (n - _width(c)) for c, n in zip(row, widths, strict=True)).rstrip() for row in lines
        )
        parts.append("\n".join([w.words(table.title), *body]))
    parts.append("\n".join(map(w.words, below)))
    return "\n\n".join(parts) + "\n"


def _width(cell: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in cell)


def markdown_document(w: MarkdownWriter, title: str, found: Sequence[Table], below: Sequence[str]) -> str:
    """Markdown: a heading, tables, notes."""
    parts = [f"### {w.code(title)}"]
    for table in found:
        head = [f"| {' | '.join(table.columns)} |", "|" + " --- |" * len(table.columns)]
        rows = [f"| {' | '.join(row)} |" for row in table.rows]
        parts.append("\n".join([f"**{w.words(table.title)}**", "", *head, *rows]))
    return "\n\n".join([*parts, *map(w.words, below)]) + "\n"


def latex_document(w: LatexWriter, title: str, found: Sequence[Table], below: Sequence[str]) -> str:
    """LaTeX: a subsection with one tabular a table."""
    parts = [rf"\subsection*{{{w.code(title)}}}"]
    for table in found:
        rows = [" & ".join(row) + r" \\[2pt]" for row in table.rows]
        parts.append("\n".join([
            rf"\paragraph{{{w.words(table.title)}}}\mbox{{}}\\[4pt]",
            rf"\begin{{tabular}}{{{'l' * len(table.columns)}}}", r"\toprule",
            " & ".join(table.columns) + r" \\", r"\midrule", *rows, r"\bottomrule", r"\end{tabular}",
        ]))  # fmt: skip
    return "\n\n".join([*parts, *map(w.words, below)]) + "\n"


__all__ = [
    "LatexWriter",
    "MarkdownWriter",
    "Table",
    "Writer",
    "latex",
    "latex_document",
    "markdown",
    "markdown_document",
    "notes",
    "objective_note",
    "product_text",
    "tables",
    "text",
    "text_document",
]
