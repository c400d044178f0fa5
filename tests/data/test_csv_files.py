"""`read_csv`: types of columns, missing values, ways of writing, and every fault with its line."""

from __future__ import annotations

import csv
import gzip
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wengert.base.errors import ArgumentError, FileFormatError
from wengert.data import read_csv
from wengert.data.csv_files import MISSING

MIXED = b"""size,colour,open,empty,code
1.5,red,yes,,7
,blue,no,NA,8
-2e3,red,,?,9
"""


def read(content: bytes, **options):
    return read_csv(io.BytesIO(content), **options)


def test_columns_have_the_kinds_of_their_cells() -> None:
    table = read(MIXED)
    assert [(c.name, c.kind) for c in table] == [
        ("size", "number"), ("colour", "category"), ("open", "boolean"), ("empty", "number"), ("code", "number"),
    ]  # fmt: skip
    np.testing.assert_array_equal(table["size"].values, [1.5, np.nan, -2000])
    assert table["colour"].categories == ("blue", "red") and table["colour"].values.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(table["open"].values, [1, 0, np.nan])
    assert table["empty"].missing.all()
    assert table["open"].texts == ["true", "false", ""] and table["size"].texts == ["1.5", "", "-2000"]
    assert table["size"].lines.tolist() == [2, 3, 4]


def test_kinds_can_be_asked_for() -> None:
    table = read(MIXED, kinds={"code": "category", "colour": "text"}, columns=["code", "colour"])
    assert table.names == ("code", "colour") and table.others == ("size", "open", "empty")
    assert table["code"].categories == ("7", "8", "9")
    assert read(b"a\n1\n0\n", kinds={"a": "boolean"})["a"].texts == ["true", "false"]
    assert read(b"a\nNA\nx\n", kinds={"a": "text"})["a"].texts == ["NA", "x"]  # as it stands
    assert read(b"a,b\n-999,1\n5,2\n", missing=(*MISSING, "-999"))["a"].missing.tolist() == [True, False]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"a;b\n1,5;x\n", {"decimal": ","}),
        (b"a\tb\n1.5\tx\n", {}),
        (b"a|b\r\n1.5|x\r\n", {}),
        (b"a,b\r1.5,x\r", {}),
        (b"a:b\n1.5:x\n", {"delimiter": ":"}),
        (b"\n\na,b\n\n1.5,x\n\n", {}),
        (b'\xef\xbb\xbf"a","b"\n"1.5","x"\n', {}),
        ("a,b\n1.5,x\n".encode("utf-16"), {}),
        (gzip.compress(b"a,b\n1.5,x\n", mtime=0), {}),
        (b" a , b \n 1.5 , x \n", {}),
        (b",a,b\n0,1.5,x\n", {}),
    ],
)
def test_ways_of_writing(content, options) -> None:
    table = read(content, **options)
    assert table.names == ("a", "b")
    assert table["a"].values.tolist() == [1.5] and table["b"].texts == ["x"]
    assert bool(table.notes) == content.startswith(b",")  # a column of row numbers is left out, with a word


def test_quotation_marks_hold_commas_lines_and_themselves() -> None:
    table = read(b'name,n\n"a, ""b""\nc",1\nd,2\n')
    assert table["name"].texts == ['a, "b"\nc', "d"]
    assert table["n"].lines.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n\n", "is empty"),
        (b"a,b\n", "has 2 column names and no rows"),
        (b"1,2\n3,4\n", "the first row holds numbers; needs the names"),
        (b"a,b,a\n1,2,3\n", "columns 1 and 3 are both called 'a'"),
        (b"a,,c\n1,2,3\n", "column 2 has no name"),
        (b"a,b\n1,2\n3\n", "line 3 has 1 cells; the first row names 2 columns"),
        (b'a,b\n"x\ny",2\n3,4,5\n', "line 4 has 3 cells"),
        (b'a,b\n1,2\n"3,4\n5,6\n', "quotation mark opened on line 3"),
        (b'a,b\n"1"2,3\n', "line 2: ',' expected after '\"'"),
        (b"a,b\n1,\xff\n", "line 2 is not written in utf-8 (byte 6)"),
        (b"a,b\n1,\0\n", "line 2 holds a zero byte"),
        (b"PK\x03\x04rest", "is a zip archive"),
        (b"\x1f\x8bnothing", "damaged gzip"),
        (b"a\n" + b"1\n" * 9 + b"x\n", "line 11, column 'a' holds 'x'; 9 of its 10 cells are numbers"),
        (b"a\n1\n1e999\n1\n1\n1\n", "line 3, column 'a' holds '1e999'; 4 of its 5 cells are numbers, and this one is"),
        (b"a\n1\ninf\n1\n1\n1\n", "line 3, column 'a' holds 'inf'"),
        (b"a,b\nx," + b"y" * 200_000 + b"\n", "line 2 begins a cell of more than 131,072 characters"),
    ],
)  # fmt: skip
def test_faults_are_named(content, words) -> None:
    with pytest.raises(FileFormatError) as caught:
        read(content)
    assert words in caught.value.message


def test_what_is_asked_for_must_be_there() -> None:
    with pytest.raises(FileFormatError, match=r"has no column 'colours'; it has 'size', 'colour'") as caught:
        read(MIXED, columns=["size", "colours"])
    assert caught.value.hint == "did you mean 'colour'?"
    with pytest.raises(FileFormatError, match="line 2, column 'colour' holds 'red'; needs numbers"):
        read(MIXED, kinds={"colour": "number"})
    for options in ({"delimiter": ",,"}, {"decimal": "x"}, {"encoding": "klingon"}, {"kinds": {"size": "date"}}):
        with pytest.raises(ArgumentError):
            read(MIXED, **options)
    with pytest.raises(FileNotFoundError):
        read_csv("there is no such file.csv")


def test_other_encodings_are_read_where_named() -> None:
    content = "a,b\nKöln,1\n".encode("latin-1")
    with pytest.raises(FileFormatError, match="line 2 is not written in utf-8"):
        read(content)
    assert read(content, encoding="latin-1")["a"].texts == ["Köln"]


CELLS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8).map(str.strip)


@given(st.lists(st.tuples(CELLS, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=8))
def test_what_is_written_is_read(rows) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([("word", "number"), *((word, repr(number)) for word, number in rows)])
    table = read(text.getvalue().encode(), kinds={"word": "text"})
    assert table["word"].texts == [word for word, _ in rows]
    assert table["number"].values.tolist() == [number for _, number in rows]


@given(st.binary(max_size=60))
def test_any_bytes_give_a_table_or_an_error_of_ours(content) -> None:
    try:
        table = read(content)
    except FileFormatError:
        return
    assert len(table) > 0
