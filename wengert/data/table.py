"""Tables: columns of numbers, booleans and categories by name, with missing values kept apart."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, DTypeError, ShapeError, show

KINDS = ("number", "boolean", "category")


@dataclass(frozen=True, eq=False)
class Column:
    """One column: float64 for numbers and booleans (NaN is missing), codes into `categories` otherwise (-1 is missing).

    ``lines`` are where the rows stood in the file, for messages.
    """

    name: str
    kind: str
    values: Any
    categories: tuple[str, ...] = ()
    lines: Any = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> Any:
        """Which rows have no value: (N,) bool."""
        return self.values < 0 if self.kind == "category" else np.isnan(self.values)

    @property
    def texts(self) -> list[str]:
        """The cells as text; missing ones are empty."""
        if self.kind == "category":
            return [self.categories[code] if code >= 0 else "" for code in self.values.tolist()]
        return ["" if v != v else self.word(v) for v in self.values.tolist()]

    def word(self, value: float) -> str:
        """One number or boolean as text: whole numbers without a point."""
        if self.kind == "boolean":
            return "true" if value else "false"
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)

    def take(self, rows: Any) -> Column:
        """The column of some rows only."""
        return replace(self, values=self.values[rows], lines=None if self.lines is None else self.lines[rows])

    def place(self, row: int) -> str:
        """Where a row is, for messages: its line in the file where there is one."""
        return f"row {row}" if self.lines is None else f"line {self.lines[row]}"


class Table:
    """Columns of equal length by name; `notes` say what reading did, `others` are columns of the file that it left.

    >>> import wengert as wg
    >>> table = wg.data.table({"size": [1.5, 2.0, float("nan")], "colour": ["red", "blue", "red"]})
    >>> table
    Table of 3 rows
      size    number    1.5 to 2, 1 missing
      colour  category  blue, red
    >>> table["colour"].values.tolist(), len(table.take([0, 2]))
    ([1, 0, 1], 2)
    """

    def __init__(
        self,
        columns: Iterable[Column],
        source: str = "the table",
        notes: Sequence[str] = (),
        others: Sequence[str] = (),
        reading: Mapping[str, Any] | None = None,
    ) -> None:
        self.columns = {column.name: column for column in columns}
        self.source, self.notes, self.others = source, tuple(notes), tuple(others)
        self.reading = dict(reading or {})
        sizes = {len(column) for column in self.columns.values()}
        if len(sizes) > 1:
            raise ShapeError(f"table: got columns of {sorted(sizes)} rows; needs equally many in each")
        self.size = sizes.pop() if sizes else 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns.values())

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Column:
        if name not in self.columns:
            raise ArgumentError(f"{self.source}: {missing_names([name], self.names)}", hint=nearest(name, self.names))
        return self.columns[name]

    def take(self, rows: Any) -> Table:
        """The table of some rows only (indices or a mask)."""
        chosen = np.asarray(rows)
        taken = (column.take(chosen) for column in self)
        return Table(taken, self.source, self.notes, self.others, self.reading)

    def numbers(self, *names: str) -> Any:
        """Columns of numbers or booleans side by side, (N, D) float64, NaN where missing; all of them by default."""
        chosen = [self[name] for name in names] if names else [c for c in self if c.kind != "category"]
        wrong = [column.name for column in chosen if column.kind == "category"]
        if wrong or not chosen:
            raise DTypeError(f"{self.source}: column {wrong[0]!r} holds categories, no numbers" if wrong else
                             f"{self.source}: has no columns of numbers")  # fmt: skip
        return np.stack([column.values for column in chosen], axis=1)

    def __repr__(self) -> str:
        width = max(map(len, self.names), default=0)
        lines = [f"  {column.name:<{width}}  {column.kind:<8}  {describe(column)}" for column in self]
        return "\n".join([f"Table of {len(self)} rows", *lines])


def describe(column: Column) -> str:
    """The content of a column in a few words."""
    missing = int(column.missing.sum())
    present = column.values[~column.missing]
    if not present.size:
        words = "nothing"
    elif column.kind == "category":
        count, shown = len(column.categories), column.categories[:4]
        words = ", ".join(shown) + (f" and {count - 4} more" if count > 4 else "")
    elif column.kind == "boolean":
        words = f"true in {int(present.sum())} of {present.size}"
    else:
        words = f"{present.min():.6g} to {present.max():.6g}"
    return words + (f", {missing} missing" if missing else "")


def table(columns: Mapping[str, Any]) -> Table:
    """A table from arrays or lists by name: numbers, booleans, or texts (categories; empty ones are missing).

    >>> import wengert as wg
    >>> wg.data.table({"age": [30, 41], "member": [True, False]}).numbers()
    array([[30.,  1.],
           [41.,  0.]])
    """
    return Table([_column(name, np.asarray(values)) for name, values in columns.items()])


def _column(name: str, values: Any) -> Column:
    if values.ndim != 1:
        raise ShapeError(f"table: got column {name!r} of {show(values)}; needs one dimension")
    if values.dtype.kind == "b":
        return Column(name, "boolean", values.astype(np.float64))
    if values.dtype.kind in "iuf":
        found = values.astype(np.float64)
        if np.isinf(found).any():
            raise ArgumentError(f"table: column {name!r} holds infinity; needs finite numbers, or NaN for missing")
        return Column(name, "number", found)
    if values.dtype.kind != "U":
        raise DTypeError(f"table: got column {name!r} of {values.dtype}; needs numbers, booleans or texts")
    return category(name, values.tolist())


def category(name: str, texts: Sequence[str], lines: Any = None) -> Column:
    """A column of categories from texts; empty ones are missing."""
    categories = tuple(sorted(set(texts) - {""}, key=natural))
    codes = {text: code for code, text in enumerate(categories)} | {"": -1}
    return Column(name, "category", np.array([codes[text] for text in texts], np.int64), categories, lines)


def natural(text: str) -> tuple[int, float, str]:
    """A key that sorts whole numbers by value, before everything else."""
    return (0, int(text), text) if text.isascii() and text.isdigit() and len(text) < 16 else (1, 0, text)


def missing_names(absent: Sequence[str], present: Sequence[str]) -> str:
    """The words for columns that are not there."""
    shown = ", ".join(map(repr, present[:12])) + (f" and {len(present) - 12} more" if len(present) > 12 else "")
    many = "s" * (len(absent) > 1)
    more = f" and {len(absent) - 12} more" if len(absent) > 12 else ""
    return f"has no column{many} {', '.join(map(repr, absent[:12]))}{more}; it has {shown or 'none'}"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """A hint at the most similar name, whatever its capitals."""
    folded = {other.casefold(): other for other in names}
    found = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f"did you mean {folded[found[0]]!r}?" if found else None


__all__ = ["Column", "Table", "table"]
