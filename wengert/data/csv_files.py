"""Reading CSV: typed columns by name, and a clear word for every fault, with its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from wengert.base.errors import ArgumentError, FileFormatError
from wengert.data.readers import Source, unpacked
from wengert.data.table import KINDS, Column, Table, category, missing_names, nearest

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "?")
READ_KINDS = (*KINDS, "text")
DELIMITERS = ",;\t|"
BOOLEANS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
DIGITS_TOO = {**BOOLEANS, "1": 1.0, "0": 0.0}  # where a column is known to be boolean
ODD = re.compile(r"[^0-9+\-.eE]")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
HINT = "correct it, or call it missing (--missing, missing=), or the column categorical (--categorical, kinds=)"
# Nearly all cells are numbers: then the others are faults, not categories.
NEARLY_ALL = 0.8


class Dialect(NamedTuple):
    """How a file is written."""

    delimiter: str | None
    decimal: str
    missing: frozenset[str]


def read_csv(
    path: Source | BinaryIO,
    *,
    columns: Iterable[str] | None = None,
    kinds: Mapping[str, str] | None = None,
    missing: Sequence[str] = MISSING,
    delimiter: str | None = None,
    decimal: str = ".",
    encoding: str | None = None,
) -> Table:
    """The columns of a CSV file whose first row are their names (packed by gzip or not).

    A column is of numbers, of booleans (true/false, yes/no), or of categories; `kinds` ("number", "boolean",
    "category", or "text": as it stands) says what it must be, by name, and `columns` which ones are wanted. Cells that
    are in `missing` are missing values. The `delimiter` is found in the first row where it is not given; `encoding` is
    UTF-8, or UTF-16 where the file begins with its mark. A first column without a name (row numbers) is left out, and
    `notes` say so.

    Raises `FileFormatError` naming the line for rows of another length, an unclosed quotation mark, a text among
    numbers, a number without bounds; for an empty file, no or double names, another encoding, and no text at all.

    >>> import io, wengert as wg
    >>> wg.data.read_csv(io.BytesIO(b"size,colour\\n1.5,red\\n,blue\\n"))
    Table of 2 rows
      size    number    1.5 to 1.5, 1 missing
      colour  category  blue, red
    """
    name = "standard input" if hasattr(path, "read") else str(path)
    dialect = Dialect(delimiter, decimal, frozenset(missing) | {""})
    _check(dialect, kinds or {})
    content = path.read() if hasattr(path, "read") else Path(path).read_bytes()  # type: ignore[union-attr, arg-type]
    names, rows, lines = _cells(_decoded(unpacked(content, "read_csv", name), encoding, name), dialect, name)
    notes = []
    places = {column: place for place, column in enumerate(names) if column}
    if not names[0]:
        notes.append("the first column has no name: it is taken for row numbers and left out")
    wanted = list(places) if columns is None else list(dict.fromkeys(columns))
    absent = [column for column in wanted if column not in places]
    if absent:
        raise FileFormatError(f"{name}: {missing_names(absent, list(places))}", hint=nearest(absent[0], places))
    cells = list(zip(*rows, strict=True))
    made = [_column(column, cells[places[column]], (kinds or {}).get(column), dialect, lines, name)
            for column in wanted]  # fmt: skip
    others = [column for column in places if column not in wanted]
    return Table(made, name, notes, others, {"missing": sorted(dialect.missing), "decimal": decimal})


def _check(dialect: Dialect, kinds: Mapping[str, str]) -> None:
    if dialect.delimiter is not None and (len(dialect.delimiter) != 1 or dialect.delimiter in '"\r\n'):
        raise ArgumentError(f"read_csv: got delimiter={dialect.delimiter!r}; needs one character such as ',' or ';'")
    if dialect.decimal not in (".", ","):
        raise ArgumentError(f"read_csv: got decimal={dialect.decimal!r}; needs '.' or ','")
    wrong = [kind for kind in kinds.values() if kind not in READ_KINDS]
    if wrong:
        raise ArgumentError(f"read_csv: got the kind {wrong[0]!r}; needs one of {', '.join(READ_KINDS)}")


# ----- bytes to cells
def _decoded(content: bytes, encoding: str | None, name: str) -> str:
    if content[:4] == b"PK\x03\x04":
        raise FileFormatError(f"{name}: is a zip archive (a spreadsheet?), no CSV", hint="export it as CSV first")
    mark = next((codec for mark, codec in BYTE_ORDER_MARKS.items() if content.startswith(mark)), None)
    codec = encoding or mark or "utf-8"
    try:
        text = content.decode("utf-8-sig" if codec.lower() in ("utf-8", "utf8") else codec)
    except LookupError:
        raise ArgumentError(f"read_csv: no encoding is called {encoding!r}", hint="utf-8, latin-1, cp1252 …") from None
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        line = content.count(b"\n", 0, at) + 1
        raise FileFormatError(
            f"{name}: line {line} is not written in {codec} (byte {at})",
            hint="name its encoding, for example latin-1 or cp1252",
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise FileFormatError(f"{name}: line {line} holds a zero byte; this is no text file")
    return text


def _cells(text: str, dialect: Dialect, name: str) -> tuple[list[str], list[list[str]], Any]:
    """Names, rows of stripped cells, and the line each row begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, dialect), strict=True)
    names: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    before = 0
    try:
        for row in reader:
            begin, before = before + 1, reader.line_num
            if not row:
                continue
            cells = [cell.strip() for cell in row]
            if not names:
                names = _names(cells, name)
            elif len(cells) == len(names):
                rows.append(cells)
                lines.append(begin)
            else:
                raise _ragged(cells, names, begin, name)
    except csv.Error as error:
        raise _broken(error, before + 1, name) from None
    if not names:
        raise FileFormatError(f"{name}: is empty; needs a first row with the names of the columns")
    if not rows:
        raise FileFormatError(f"{name}: has {len(names)} column names and no rows")
    return names, rows, np.array(lines)


def _delimiter(text: str, dialect: Dialect) -> str:
    """The one that is most frequent in the first row, outside of quotation marks."""
    if dialect.delimiter is not None:
        return dialect.delimiter
    begin = text.lstrip("\r\n")
    first = re.sub(r'"[^"]*"', "", begin[: begin.find("\n")] if "\n" in begin else begin)
    return max(DELIMITERS, key=first.count)


def _names(cells: list[str], name: str) -> list[str]:
    if all(NUMBER.fullmatch(cell) or not cell for cell in cells):
        raise FileFormatError(
            f"{name}: the first row holds numbers; needs the names of the columns", hint="write a row of names above it"
        )
    nameless = [place for place, cell in enumerate(cells, 1) if not cell and place > 1]
    if nameless:
        raise FileFormatError(f"{name}: column {nameless[0]} has no name in the first row")
    for place, cell in enumerate(cells):
        if cell in cells[:place]:
            first = cells.index(cell) + 1
            raise FileFormatError(f"{name}: columns {first} and {place + 1} are both called {cell!r}")
    return cells


def _ragged(cells: list[str], names: list[str], line: int, name: str) -> FileFormatError:
    return FileFormatError(
        f"{name}: line {line} has {len(cells)} cells; the first row names {len(names)} columns",
        hint="is a cell with a comma not in quotation marks?" if len(cells) > len(names) else "is the file cut off?",
    )


def _broken(error: csv.Error, line: int, name: str) -> FileFormatError:
    reason = str(error)
    if "field limit" in reason:
        return FileFormatError(
            f"{name}: line {line} begins a cell of more than {csv.field_size_limit():,} characters",
            hint="is a quotation mark not closed?",
        )
    if "unexpected end" in reason:
        return FileFormatError(f"{name}: the quotation mark opened on line {line} or after it is never closed")
    return FileFormatError(f"{name}: line {line}: {reason}")


# ----- cells to columns
def _column(
    name: str, cells: Sequence[str], kind: str | None, dialect: Dialect, lines: Any, source: str
) -> Column:  # fmt: skip
    """One column of the kind that is asked for or, by default, of the one that all its cells have."""
    numbers = _numbers(cells, dialect) if kind in (None, "number") else None
    if numbers is not None:
        return Column(name, "number", numbers, (), lines)
    found = {text: _number(text, dialect) for text in dict.fromkeys(cells) if text not in dialect.missing}
    blank = dict.fromkeys(dialect.missing, np.nan)
    if kind is None:
        kind = _kind(name, cells, found, dialect, lines, source)
    if kind == "text":
        return category(name, cells, lines)
    if kind == "category":
        return category(name, ["" if cell in dialect.missing else cell for cell in cells], lines)
    if kind == "boolean":
        found = {text: DIGITS_TOO.get(text.lower()) for text in found}
    wrong = next((text for text, value in found.items() if value is None), None)
    if wrong is not None:
        raise _misfit(name, cells, wrong, lines, source, f"needs {kind}s", "correct it, or leave the cell empty")
    table = {**found, **blank}
    return Column(name, kind, np.array([table[cell] for cell in cells], np.float64), (), lines)


def _numbers(cells: Sequence[str], dialect: Dialect) -> Any:
    """All cells at once, which is fast; None where some are no plain finite numbers, and need a closer look."""
    present = [cell for cell in cells if cell not in dialect.missing]
    if dialect.decimal != "." or ODD.search("".join(present)):
        return None
    try:
        found = np.array(list(map(float, present)), np.float64)
    except ValueError:
        return None
    if not np.isfinite(found).all():
        return None
    if len(present) == len(cells):
        return found
    values = np.full(len(cells), np.nan)
    values[[cell not in dialect.missing for cell in cells]] = found
    return values


def _number(text: str, dialect: Dialect) -> float | None:
    """The number a cell holds; None where it is none, or none that is finite."""
    if dialect.decimal == ",":
        text = text.replace(".", "x").replace(",", ".")
    value = float(text) if NUMBER.fullmatch(text) else np.inf
    return value if np.isfinite(value) else None


def _kind(
    name: str, cells: Sequence[str], found: Mapping[str, float | None], dialect: Dialect, lines: Any, source: str
) -> str:  # fmt: skip
    wrong = {text for text, value in found.items() if value is None}
    if not wrong:
        return "number"
    if all(text.lower() in BOOLEANS for text in found):
        return "boolean"
    present = [cell for cell in cells if cell not in dialect.missing]
    numbers = sum(cell not in wrong for cell in present)
    if numbers >= NEARLY_ALL * len(present):
        culprit = next(cell for cell in present if cell in wrong)
        words = f"{numbers} of its {len(present)} cells are numbers"
        raise _misfit(name, cells, culprit, lines, source, words, HINT)
    return "category"


def _misfit(
    name: str, cells: Sequence[str], text: str, lines: Any, source: str, needed: str, hint: str
) -> FileFormatError:
    shown = text if len(text) <= 40 else text[:40] + "…"
    if NUMBER.fullmatch(text):
        needed, hint = f"{needed}, and this one is too large for a float", "correct it"
    return FileFormatError(f"{source}: line {lines[cells.index(text)]}, column {name!r} holds {shown!r}; {needed}",
                           hint=hint)  # fmt: skip


__all__ = ["read_csv"]
