"""CSV as other programs write it: comments, headers, labels, slips. Texts and numbers are written by hand."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from attncli.errors import InputError
from attncli.files import csv_tsv
from attncli.files.contents import Named
from attncli.text import visible
from tests.support.processes import called

HEADER = "the first row, {}, is read as a header; --no-header reads it as numbers"
NO_HEADER = "the first row, {}, is read as numbers; --header reads it as a header"
LABELS = "the first column, {}, is read as labels; --no-row-labels reads it as numbers"
NO_LABELS = "the first column, {}, is read as numbers; --row-labels reads it as labels"
NAN = "write NaN for a number that is missing"
COMMENT = "a line that begins with # is a comment only before the first row"

Labels = tuple[str, ...] | None


def read(text: str, header: bool | None = None, labels: bool | None = None) -> tuple[list[list[float]], Labels, Labels]:
    found = csv_tsv.parse(text, None, header, labels)
    return found.array.tolist(), found.row_labels, found.column_labels


@pytest.mark.parametrize(
    ("text", "rows", "notices"),
    [
        ("un,.1\n##believ,.2\n##able,.3\n!,.4\n", ("un", "##believ", "##able", "!"), []),
        (
            "#believ,.1\nun,.2\nable,.3\n",
            ("#believ", "un", "able"),
            ["line 1 begins with # and is read as a row, for it has the cells of one"],
        ),
        (
            "# made by me\n##be,.1\n##ing,.2\n",
            ("##be", "##ing"),
            [
                "1 comment line before the table is left out",
                "lines 2 to 3 begin with # and are read as rows, for they have the cells of some",
            ],
        ),
        ("# 1\n#\n\nun,.1\nto,.2\n", ("un", "to"), ["2 comment lines before the table are left out"]),
        ('"#un",.1\n#to,.2\n', ("#un", "#to"), []),
        ("#un .1 .2\n#to .3 .4\nbe .5 .6\n", ("#un", "#to", "be"), None),
    ],
)
def test_no_row_is_lost_for_its_first_character(text: str, rows: Labels, notices: list[str] | None) -> None:
    """WordPiece labels begin with #. A row is one wherever it stands, and comments before the table are counted."""
    found = csv_tsv.parse(text)
    assert found.row_labels == rows
    assert len(found.array) == len(rows or ())
    assert notices is None or list(found.notices) == notices


@pytest.mark.parametrize(
    ("text", "numbers", "columns"),
    [
        ("# rows, columns\n1,2\n3,4\n", [[1, 2], [3, 4]], None),
        ("#1,2\n3,4\n", [[3, 4]], None),
        ("# 3 3\n1 2 3\n", [[1, 2, 3]], None),
        ("# a matrix\n1 2 3\n", [[1, 2, 3]], None),
        ("#a,b\n1,2\n", [[1, 2]], ("#a", "b")),
        ("# a: 5\na,b\n1,2\n", [[1, 2]], ("a", "b")),
    ],
)
def test_comments_above_numbers_are_comments(text: str, numbers: list[list[float]], columns: Labels) -> None:
    """What numpy.savetxt writes as a header, a row that is commented out; right above numbers a header may stand."""
    found = csv_tsv.parse(text)
    assert (found.array.tolist(), found.column_labels) == (numbers, columns)
    assert len(found.notices) == 1


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("1,2\n# more\n3,4\n", "line 2", "row 2 has 1 cell, the first row 2 cells: ragged rows", COMMENT),
        ("#a,1\n# more\nb,2\n", "line 2", "row 2 has 1 cell, the first row 2 cells: ragged rows", COMMENT),
        (
            "1,2\n3,4 # the last row\n",
            "line 2, column 2",
            "'4 # the last row' is a number and a comment",
            "comments stand before the table, on lines of their own that begin with #",
        ),
        ("#N/A,2\n3,4\n", "line 1, column 1", "'#N/A' is a missing value, not a number", NAN),
    ],
)
def test_what_looks_like_a_comment_later_is_told(text: str, place: str, message: str, hint: str) -> None:
    """Nothing after the first row is left out."""
    with pytest.raises(InputError) as caught:
        csv_tsv.parse(text)
    assert (caught.value.place, caught.value.message, caught.value.hint) == (place, message, hint)


@pytest.mark.parametrize(
    ("text", "shape", "rows", "columns", "notices"),
    [
        # pandas: to_csv() with and without its header and its index
        (",0,1,2\n0,.5,1.5,2.5\n1,3.5,4.5,5.5\n", (2, 3), ("0", "1"), ("0", "1", "2"), [LABELS.format("0, 1")]),
        ("0,1,2\n.5,1.5,2.5\n3.5,4.5,5.5\n", (2, 3), None, ("0", "1", "2"), [HEADER.format("0, 1, 2")]),
        ("0,.5,1.5\n1,3.5,4.5\n2,6.5,7.5\n", (3, 3), None, None, [NO_LABELS.format("0, 1, 2")]),
        (".5,1.5\n3.5,4.5\n", (2, 2), None, None, []),
        # with a name for the index
        (
            "token,0,1,2\nthe,.5,1.5,2.5\ncat,3.5,4.5,5.5\n",
            (2, 3),
            ("the", "cat"),
            ("0", "1", "2"),
            [HEADER.format("0, 1, 2")],
        ),
        # the labels of tokens, and what this program writes
        (",0,1\nthe,.5,1.5\ncat,3.5,4.5\n", (2, 2), ("the", "cat"), ("0", "1"), []),
        # a frame of truths, one of whole numbers
        ("0,1,2\nTrue,False,True\n", (1, 3), None, ("0", "1", "2"), [HEADER.format("0, 1, 2")]),
        ("0,1,2\n5,6,7\n", (2, 3), None, None, [NO_HEADER.format("0, 1, 2")]),
        # what this program, numpy.savetxt and pandas write of floats has a point in every number
        ("0.0,1.0\n0.5,0.5\n", (2, 2), None, None, []),
        ("0,1,2,3,4\n.5,.5,.5,.5,.5\n", (1, 5), None, ("0", "1", "2", "3", "4"), [HEADER.format("0, 1, 2, …")]),
        ("0\n.5\n", (2, 1), None, None, [NO_HEADER.format("0")]),
        ("0,1\n1,0\n", (2, 2), None, None, []),
        # R: write.csv and write.table, whose header has one cell less
        ('"","V1","V2"\n"1",.5,1.5\n"2",3.5,4.5\n', (2, 2), ("1", "2"), ("V1", "V2"), [LABELS.format("1, 2")]),
        ('"V1" "V2"\n"1" .5 1.5\n"2" 3.5 4.5\n', (2, 2), ("1", "2"), ("V1", "V2"), [LABELS.format("1, 2")]),
        # Excel where commas are decimal
        ("sep=;\r\n;a;b\r\nx;1,5;2,5\r\n", (1, 2), ("x",), ("a", "b"), []),
        # a label may hold what other tables separate cells with
        (",the,;\nthe,1,2\n;,3,4\n", (2, 2), ("the", ";"), ("the", ";"), []),
    ],
)
def test_headers_and_labels_that_count(
    text: str, shape: tuple[int, int], rows: Labels, columns: Labels, notices: list[str]
) -> None:
    """They are told from numbers by how they are written, and what is guessed is said."""
    found = csv_tsv.parse(text)
    assert (found.row_labels, found.column_labels, list(found.notices)) == (rows, columns, notices)
    assert found.array.shape == shape


@pytest.mark.parametrize(
    ("header", "labels", "found"),
    [
        (True, None, ([[5, 6, 7], [8, 9, 1]], None, ("0", "1", "2"))),
        (False, None, ([[0, 1, 2], [5, 6, 7], [8, 9, 1]], None, None)),
        (None, True, ([[1, 2], [6, 7], [9, 1]], ("0", "5", "8"), None)),
        (True, True, ([[6, 7], [9, 1]], ("5", "8"), ("1", "2"))),
        (False, False, ([[0, 1, 2], [5, 6, 7], [8, 9, 1]], None, None)),
    ],
)
def test_whoever_says_what_stands_around_the_numbers_decides(
    header: bool | None, labels: bool | None, found: tuple[list[list[float]], Labels, Labels]
) -> None:
    """Whatever the table looks like; and what is said is no guess."""
    assert read("0,1,2\n5,6,7\n8,9,1\n", header, labels) == found
    assert read("#1,.5\n2,.5\n", labels=True)[1] == ("#1", "2")
    guesses = csv_tsv.parse("0,1,2\n.5,6,7\n.8,9,1\n", None, header, labels).notices
    assert (header is None) is bool(guesses)


@pytest.mark.parametrize(
    ("header", "labels", "message"),
    [
        (False, None, "an empty cell is a missing value, not a number"),
        (None, False, "'x' is not a number"),
        (False, False, "an empty cell is a missing value, not a number"),
    ],
)
def test_what_is_said_may_be_wrong(header: bool | None, labels: bool | None, message: str) -> None:
    """Then the cell is named that does not fit."""
    with pytest.raises(InputError) as caught:
        read(",a,b\nx,1,2\n", header, labels)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("cell", "message", "hint"),
    [
        ("50%", "'50%' is a percentage, not a number", "write 0.5"),
        ("12,5 %", "'12,5 %' is a percentage, not a number", "write 0.125"),
        ("1/8", "'1/8' is a fraction, not a number", "write 0.125"),
        *((word, f"{word!r} is a missing value, not a number", NAN) for word in ("NA", "N/A", "null", "None", "#N/A")),
        ("", "an empty cell is a missing value, not a number", NAN),
        ("1,5", "'1,5' has a decimal comma", "write 1.5, or separate the cells with semicolons or tabs"),
        ("#DIV/0!", "'#DIV/0!' is an error of the spreadsheet, not a number", f"mend the formula, or {NAN}"),
    ],
)
@pytest.mark.parametrize("column", [1, 2])
def test_what_stands_for_a_number_is_named(cell: str, message: str, hint: str, column: int) -> None:
    """And does not turn the first column into labels."""
    row = [f'"{cell}"', "2"] if column == 1 else ["2", f'"{cell}"']
    with pytest.raises(InputError) as caught:
        csv_tsv.parse(f"3,4\n{','.join(row)}\n{','.join(row)}\n")
    place = f"line 2, column {column}"
    assert (caught.value.place, caught.value.message, caught.value.hint) == (place, message, hint)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1,b,3\n4,5,6\n", "--header reads the first row as a header"),
        ("1,2\nb,4\n5,6\n", "--row-labels reads the first column as labels"),
        (
            "b,2,3\n4,5,6\n7,8,9\n",
            "--header reads the first row as a header, --row-labels reads the first column as labels",
        ),
        ("1,2\n3,b\n", ""),
    ],
)
def test_a_text_among_numbers_has_the_flag_that_reads_it(text: str, hint: str) -> None:
    """Where it stands in the first row or column."""
    with pytest.raises(InputError, match="'b' is not a number") as caught:
        csv_tsv.parse(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("1，2\n3，4\n", 1, "a full-width comma (，)", "write ,"),
        ("1,2\n3，4\n", 2, "a full-width comma (，)", "write ,"),
        ("1,2\n\n3,4，5\n", 3, "a full-width comma (，)", "write ,"),
        ("a，b\n1,2\n", 1, "a full-width comma (，)", "write ,"),
        ("的，1，2\n我，3，4\n", 1, "a full-width comma (，)", "write ,"),
        ("1、2\n", 1, "an ideographic comma (、)", "write ,"),
        ("1；2\n", 1, "a full-width semicolon (；)", "write ;"),
        ("1,2\n3,４\n", 2, "a full-width digit (４)", "write 4"),
        ("1,2\n3,4．5\n", 2, "a full-width full stop (．)", "write ."),
        ("1,2\n−3,4\n", 2, "a typographic minus (−)", "write -"),
        ("1,2\n3：4,5\n", 2, "a full-width colon (：)", "write :"),
        ("1,2\n“3”,4\n", 2, "a curly quote (“)", 'write "'),
        ("1,2\n3\u00a0,4\n", 2, "a no-break space (U+00A0)", "write a plain space"),
        ("［1，2］\n", 1, "a full-width bracket (［)", "write ["),
    ],
)
def test_characters_that_only_look_right_are_named(text: str, line: int, message: str, hint: str) -> None:
    """With the line on which the first of them stands."""
    with pytest.raises(InputError) as caught:
        csv_tsv.parse(text)
    assert (caught.value.place, caught.value.message, caught.value.hint) == (f"line {line}", message, hint)


def test_labels_may_be_any_text() -> None:
    """Punctuation as it is typed in Chinese, a percentage among words, what is missing elsewhere."""
    assert read("，,1,2\n。,3,4\n") == ([[1, 2], [3, 4]], ("，", "。"), None)
    assert read("it,1\n50%,2\ncosts,3\n") == ([[1], [2], [3]], ("it", "50%", "costs"), None)
    assert read(",None,１\nNA,1,2\n") == ([[1, 2]], ("NA",), ("None", "１"))


LABEL = st.one_of(
    st.text(max_size=5), st.sampled_from(["#", "##a", "#1", "sep=;", ";", ",", '"', "0", "1", "", "NA", "50%", "1，2"])
)


@given(st.data())
def test_whatever_is_written_is_read_again(data: st.DataObject) -> None:
    """Any labels, with every setting of the margins; those that are read as they were written."""
    shape = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    sides = [data.draw(st.none() | st.lists(LABEL, min_size=length, max_size=length)) for length in shape]
    header, labels = (data.draw(st.sampled_from([None, True, False])) for _ in range(2))
    delimiter = data.draw(st.sampled_from([",", "\t"]))
    array = np.arange(shape[0] * shape[1]).reshape(shape) / 4
    given = {name: tuple(side) for name, side in zip(("query_labels", "key_labels"), sides, strict=True) if side}
    file = io.BytesIO()
    csv_tsv.write(Named({"weights": array}, given), file, delimiter, header, labels)
    above = header if header is not None else bool(sides[1] or (sides[0] and labels is not False))
    beside = labels if labels is not None else bool(sides[0] or (sides[1] and header is not False))
    said = (None, None) if header is labels is None and sides != [None, None] else (above, beside)
    found = csv_tsv.parse(file.getvalue().decode(), delimiter if delimiter == "\t" else None, *said)
    assert_array_equal(found.array, array)
    for side, there, read_back, length in zip(
        sides, (beside, above), (found.row_labels, found.column_labels), shape, strict=True
    ):
        shown = side if side and any(map(str.strip, side)) else map(str, range(length))
        assert read_back == (tuple(map(visible, shown)) if there else None)


def test_rows_that_are_heads_have_no_labels_of_queries(tmp_path: Path) -> None:
    """Of one query whose heads come behind it, the output is a table of heads."""
    np.savez(tmp_path / "p.npz", query=np.ones((1, 3, 2)), hidden=np.ones((2, 3, 2)), query_labels=np.array(["q"]))
    made = called("compute", "p.npz", "--layout", "bshd", "-f", "csv", cwd=tmp_path).out
    assert made == "1.0,1.0\n" * 3
