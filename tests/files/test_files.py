"""Every reader, with bytes written by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

from attncli.errors import InputError
from attncli.files import csv_tsv, json
from attncli.files.contents import Matrix, Named
from attncli.files.formats import FORMATS, sniff
from attncli.files.open import read
from attncli.files.save import encoded
from tests.support.files import member, npy, put, zipped


def matrix(path: Path) -> np.ndarray:
    contents = read(str(path))
    assert isinstance(contents, Matrix)
    return np.asarray(contents.array)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("1;2\n3;4", [[1, 2], [3, 4]]),
        ("1\t2\n3\t4\n", [[1, 2], [3, 4]]),
        ("1 2\n3  4\n", [[1, 2], [3, 4]]),
        ("\ufeff1,2\r\n3,4\r\n\r\n\r\n", [[1, 2], [3, 4]]),
        ("1,2\r3,4\r", [[1, 2], [3, 4]]),
        ("# made by hand\n\n  # by me\n1,2\n\n3,4\n", [[1, 2], [3, 4]]),
        ("sep=;\n1;2\n3;4\n", [[1, 2], [3, 4]]),
        ('"1","2"\n" 3 ", 4\n', [[1, 2], [3, 4]]),
        ("1,2,\n3,4,\n", [[1, 2], [3, 4]]),
        ("1,5;2,25\n-3,0;4e1\n", [[1.5, 2.25], [-3, 40]]),
        ("a,b\n1,2\n", [[1, 2]]),
        ("x\n1\n2\n", [[1], [2]]),
        ("1e-3,.5,-2.,+7\n", [[0.001, 0.5, -2, 7]]),
        ("nan,inf\n-inf,Infinity\n", [[np.nan, np.inf], [-np.inf, np.inf]]),
        ("True,false\nFALSE,true\n", [[True, False], [False, True]]),
    ],
)
def test_csv_as_people_have_it(tmp_path: Path, text: str, numbers: list[list[float]]) -> None:
    """Delimiters, comments, quotes, marks, line ends, decimal commas, headers."""
    assert_array_equal(matrix(put(tmp_path, "m.csv", text)), numbers)


@pytest.mark.parametrize(
    ("text", "rows", "columns"),
    [
        ("1,2\n3,4\n", None, None),
        (",a,b\nx,1,2\ny,3,4\n", ("x", "y"), ("a", "b")),
        ("token,a,b\nx,1,2\ny,3,4\n", ("x", "y"), ("a", "b")),
        ("x,1,2\ny,3,4\n", ("x", "y"), None),
        (",0,1\n0,1,2\n1,3,4\n", ("0", "1"), ("0", "1")),
        ('"a, b",1\n"c ""d""",2\n', ("a, b", 'c "d"'), None),
        ("Attention,1,2\n42,3,4\n!,5,6\n", ("Attention", "42", "!"), None),
        ("cat,1\n#1,2\n", ("cat", "#1"), None),
        ('cat,1\n"#1",2\n', ("cat", "#1"), None),
        ("的,1\n注意力,2\n", ("的", "注意力"), None),
        ("a\u2028b,1\nc,2\n", ("a\u2028b", "c"), None),
    ],
)
def test_labels_in_csv(text: str, rows: tuple[str, ...] | None, columns: tuple[str, ...] | None) -> None:
    """A header row and a label column are told from numbers, and become labels."""
    found = csv_tsv.parse(text)
    assert (found.row_labels, found.column_labels) == (rows, columns)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("1,2\n3\n", "line 2", "row 2 has 1 cell, the first row 2 cells: ragged rows"),
        ("# c\n1,2\n\n3,4,5\n", "line 4", "row 2 has 3 cells, the first row 2 cells: ragged rows"),
        ("1,2\n3,o\n", "line 2, column 2", "'o' is not a number"),
        ("1,2\n3,1_000\n", "line 2, column 2", "'1_000' is not a number"),
        ("1,2\n3,\n", "line 2, column 2", "an empty cell is a missing value, not a number"),
        ("1,2\n1e999,3\n", "line 2, column 1", "1e999 is beyond the range of float64"),
        ("true,false\ntrue,1\n", "line 2, column 2", "'1' is neither true nor false"),
        ('1,"2\n3,4\n', "line 1", 'broken row: a quote (") is opened and never closed'),
        ('1,2\n3,"4"5\n', "line 2", 'broken row: text follows a closing quote (")'),
        ("1,2\n3," + "4" * 200_000, "line 2", "broken row: a cell is longer than 131072 characters"),
        ("# nothing\n\n", "", "no numbers in it: the file is empty or all comments"),
        ("a,b\n", "", "no numbers in it: there is only a header"),
    ],
)
def test_wrong_csv_is_told_with_its_place(text: str, place: str, message: str) -> None:
    """Line and column are those of the file, comments and empty lines counted."""
    with pytest.raises(InputError) as caught:
        csv_tsv.parse(text)
    assert (caught.value.place, caught.value.message) == (place, message)


@pytest.mark.parametrize(
    ("descr", "data", "numbers"),
    [
        ("<f4", struct.pack("<4f", 1, 2, 3, 4), [[1, 2], [3, 4]]),
        (">f4", struct.pack(">4f", 1, 2, 3, 4), [[1, 2], [3, 4]]),
        ("<f2", struct.pack("<4e", 1, 2, 3, 4), [[1, 2], [3, 4]]),
        ("<f8", struct.pack("<4d", 1, 2, 3, 4), [[1, 2], [3, 4]]),
        (">f8", struct.pack(">4d", 1, 2, 3, 4), [[1, 2], [3, 4]]),
        ("|i1", struct.pack("<4b", 1, -2, 3, 4), [[1, -2], [3, 4]]),
        ("<u2", struct.pack("<4H", 1, 2, 3, 65535), [[1, 2], [3, 65535]]),
        (">i8", struct.pack(">4q", 1, 2, 3, -4), [[1, 2], [3, -4]]),
        ("|b1", b"\1\0\0\1", [[True, False], [False, True]]),
    ],
)
def test_npy_of_every_type(tmp_path: Path, descr: str, data: bytes, numbers: list[list[float]]) -> None:
    """Halves, floats, integers and booleans in either byte order, mapped rather than read."""
    path = put(tmp_path, "m.npy", npy(descr, "(2, 2)", data))
    contents = read(str(path))
    assert isinstance(contents, Matrix)
    assert isinstance(contents.array, np.memmap)
    assert_array_equal(contents.array, numbers)


def test_npy_orders_versions_and_ranks(tmp_path: Path) -> None:
    """Fortran order is columns first; version 2 has a longer length field; () is one number."""
    data = struct.pack("<6f", *range(6))
    fortran = matrix(put(tmp_path, "f.npy", npy("<f4", "(2, 3)", data, fortran="True")))
    assert_array_equal(fortran, [[0, 2, 4], [1, 3, 5]])
    second = matrix(put(tmp_path, "2.npy", npy("<f4", "(3, 2)", data, version=b"\x02\x00")))
    assert_array_equal(second, [[0, 1], [2, 3], [4, 5]])
    assert matrix(put(tmp_path, "0.npy", npy("<f8", "()", struct.pack("<d", 7)))).shape == ()


@pytest.mark.parametrize("deflate", [False, True])
def test_npz_plain_and_deflated(tmp_path: Path, deflate: bool) -> None:
    """Numbers, labels, texts and options; plain members are mapped in place."""
    numbers = npy("<f4", "(1, 2)", struct.pack("<2f", 1, 2))
    labels = npy("<U2", "(1,)", "ab".encode("utf-32-le"))
    options = npy("<U13", "()", '{"scale": 2 }'.encode("utf-32-le"))
    title = npy("|S2", "()", b"hi")
    members = {b"q.npy": numbers, b"query_labels.npy": labels, b"options.npy": options, b"title.npy": title}
    found = read(str(put(tmp_path, "a.npz", zipped(*(member(n, d, deflate) for n, d in members.items())))))
    assert isinstance(found, Named)
    assert_array_equal(found.arrays["query"], [[1, 2]])
    assert (found.labels, found.texts, found.options) == ({"query_labels": ("ab",)}, {"title": "hi"}, {"scale": 2})


def test_json_names_labels_and_types() -> None:
    """Aliases, labels for both sides, null and texts for what JSON has no number for, the type of the numbers."""
    found = json.parse(
        '{"Q": [[1, 2.5]], "h": [[1e0, "NaN"]], "mask": [[null, 0]], "labels": ["a"], "dtype": "float32",'
        ' "options": {"causal": true}, "title": "t", "logits": [["-Infinity", "Infinity"]]}'
    )
    assert isinstance(found, Named)
    assert_array_equal(found.arrays["query"], np.array([[1, 2.5]], dtype="f4"))
    assert_array_equal(found.arrays["hidden"], [[1, np.nan]])
    assert_array_equal(found.arrays["mask"], [[-np.inf, 0]])
    assert_array_equal(found.arrays["logits"], [[-np.inf, np.inf]])
    types = {name: array.dtype.name for name, array in found.arrays.items()}
    assert types == {"query": "float32", "hidden": "float32", "mask": "float64", "logits": "float32"}
    assert (found.labels, found.texts, found.options) == ({"labels": ("a",)}, {"title": "t"}, {"causal": True})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[1, 2], [3]]", "array[1] has 1 element where the rows before it have 2: ragged rows"),
        ("[[1, 2], 3]", "array[1] is the number 3 where the rows before it are arrays: ragged rows"),
        ('{"query": [1, "two"]}', "query[1] is the text 'two', not a number"),
        ('{"query": [1, null]}', "query[1] is null, not a number"),
        ('{"query": [1, true]}', "query[1] is true, not a number"),
        ('{"query": [[1], [[2]]]}', "query[1][0] is an array where the elements before it are numbers: ragged rows"),
        ('{"query": [1, 1e999]}', "query[1] is 1e999, beyond the range of float64"),
        ('{"query": [1' + "0" * 400 + "]}", "query[0] is 1" + "0" * 39 + ", beyond the range of float64"),
        ('{"query": 1, "q": 2}', "query is given twice, as 'query' and as 'q'"),
        ('{"w_query": [[1]], "w_score": [[2]]}', "w_a is given twice, as 'w_query' and as 'w_score'"),
        ('{"query": 1, "query": 2}', "the name 'query' stands twice in one object"),
        ('{"quary": [1]}', "unknown name 'quary'"),
        ('{"query": [[[[[1]]]]]}', "query has more than 4 axes"),
        ('{"query": {}}', "query is an object, not an array of numbers"),
        ('{"title": 1}', "title is the number 1, not a text"),
        ('{"labels": [true]}', "labels[0] is true, not a text"),
        ('{"options": []}', "options must be an object, not an array"),
        ('{"dtype": "int8"}', "dtype is float16, float32, float64, not 'int8'"),
        ('"text"', "the JSON is the text 'text', not an object of arrays or an array of numbers"),
        ("17", "the JSON is the number 17, not an object of arrays or an array of numbers"),
        ("null", "the JSON is null, not an object of arrays or an array of numbers"),
        ("[" * 100_000, "the JSON is nested too deeply"),
        ("[" * 500 + "]" * 500, "array has more than 4 axes"),
    ],
)
def test_wrong_json_is_told_with_its_place(text: str, message: str) -> None:
    """The array and the index are named."""
    with pytest.raises(InputError) as caught:
        json.parse(text)
    assert caught.value.message == message


def test_broken_json_has_line_and_column() -> None:
    """The place is that of the first character that cannot be."""
    with pytest.raises(InputError) as caught:
        json.parse('{"query": [1,\n 2,,]}')
    assert (caught.value.place, caught.value.message) == (
        "line 2, column 4",
        "broken JSON: two commas with nothing between them",
    )


def test_kinds_are_told_from_the_first_bytes() -> None:
    """NPY and NPZ have magic, JSON begins with a bracket, anything else is CSV."""
    heads = [b"\x93NUMPY\1\0", b"PK\3\4..", b' \n{"q', b"\xef\xbb\xbf[1", "［1，2］".encode(), b"1,2"]
    assert [sniff(head).title for head in heads] == ["NPY", "NPZ", "JSON", "JSON", "JSON", "CSV"]


@given(arrays(st.sampled_from(["f2", "f4", "f8"]), array_shapes(min_dims=1, max_dims=4, max_side=4)))
def test_numbers_survive_every_format(array: np.ndarray) -> None:
    """What is written reads back as the same numbers, to the last bit, NaN and ∞ included."""
    result = Named({"logits": array})
    named = json.parse(encoded(FORMATS["json"], result).decode())
    assert isinstance(named, Named)
    assert_array_equal(named.arrays["logits"], array.astype("f8"))
    if array.ndim <= 2:
        table = np.atleast_2d(array)
        assert_array_equal(csv_tsv.parse(encoded(FORMATS["csv"], result).decode()).array, table)
        assert_array_equal(csv_tsv.parse(encoded(FORMATS["tsv"], result).decode(), "\t").array, table)


def test_archives_read_back(tmp_path: Path) -> None:
    """NPY and NPZ hold the same bytes for the same input, and NPZ the labels and options too."""
    result = Named({"query": np.eye(2, dtype="f4")}, {"query_labels": ("a", "b")}, {"title": "t"}, {"causal": True})
    assert encoded(FORMATS["npz"], result) == encoded(FORMATS["npz"], result)
    found = read(str(put(tmp_path, "r.npz", encoded(FORMATS["npz"], result))))
    assert isinstance(found, Named)
    assert (found.labels, found.texts, found.options) == (result.labels, result.texts, result.options)
    assert_array_equal(matrix(put(tmp_path, "r.npy", encoded(FORMATS["npy"], result))), np.eye(2))
    assert_array_equal(read(f"{tmp_path}/r.npz:q").array, np.eye(2))  # type: ignore[union-attr]


def test_numeric_labels_survive_csv() -> None:
    """The empty corner marks the first row and column as labels even where they are numbers."""
    result = Named({"weights": np.eye(2)}, {"query_labels": ("1", "2"), "key_labels": ("0.5", "1.0")})
    found = csv_tsv.parse(encoded(FORMATS["csv"], result).decode())
    assert (found.row_labels, found.column_labels, found.array.tolist()) == (
        ("1", "2"),
        ("0.5", "1.0"),
        [[1, 0], [0, 1]],
    )
