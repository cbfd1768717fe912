"""Matrices typed on the command line: between brackets wherever a file may stand, as a list where a flag takes one."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attncli.problem.assemble import assemble
from tests.support.files import put
from tests.support.processes import attn, called


def test_files_between_brackets() -> None:
    """Query and hidden; query, key and value; one that is both; and in each command."""
    score = ["--step", "score", "-f", "csv"]
    assert attn("compute", "[1,2,3]", "[[1,2,3],[4,5,6]]", *score).out == "14.0,32.0\n"
    assert called("compute", "[[1, 0]]", " [[2, 0], [0, 2]]", "[[1],\n[3]]", *score).out == "2.0,0.0\n"
    assert called("compute", "[[1,2],[3,4]]", *score).out == "5.0,11.0\n11.0,25.0\n"
    assert called("softmax", "[[5,5],[null,1]]", "-f", "csv").out == "0.5,0.5\n0.0,1.0\n"
    assert called("sum", "[[0.25,0.75]]", "[[-1,2],[3,4]]", "-f", "csv").out == "2.0,3.5\n"
    assert "agrees" in called("check", "[1]", "[[1]]", "--expected", "[1]").out
    assert "exp(11 − 11)" in called("explain", "[1,2]", "[[1,2],[3,4]]", "--step", "softmax").out
    assert "file: [[1,2],[3,4]]" in called("inspect", "[[1,2],[3,4]]").out


@pytest.mark.parametrize(
    ("flag", "text", "expected"),
    [
        ("mask", "[[true,false]]", [[True, False]]),
        ("mask", "true,false", [True, False]),
        ("mask", "[0,null]", [0, -math.inf]),
        ("sinks", "0.1,0.2", [0.1, 0.2]),
        ("sinks", "-0.1,.5", [-0.1, 0.5]),
        ("sinks", "-inf, 2e-3", [-math.inf, 0.002]),
        ("sinks", "-3", [-3]),
        ("key_lengths", "3,5", [3, 5]),
        ("query", "[-1, 2]", [-1, 2]),
        ("query", '["NaN", "Infinity"]', [math.nan, math.inf]),
    ],
)
def test_arrays_of_flags(flag: str, text: str, expected: list[object]) -> None:
    """Between brackets by the rules of JSON; a list as the numbers of a CSV file, true and false included."""
    array = assemble([], {flag: text}, {}).arrays[flag]
    assert_array_equal(array, expected)
    assert array.dtype == (bool if "true" in text else float)


def test_a_minus_may_come_first() -> None:
    """A value is not taken for a flag: a sink at −1 beside a score of 0 leaves e / (1 + e)."""
    out = attn("compute", "[0]", "[[0]]", "--sinks", "-1,", status=2)
    assert out.err.startswith("attn: -1,: no such file")
    out = attn("compute", "[0]", "[[0]]", "--sinks", "-1", "--step", "softmax", "-f", "csv")
    assert float(out.out) == pytest.approx(math.e / (1 + math.e), rel=1e-15)
    out = attn("compute", "[[-1,0]]", "[[-1,0],[2,2]]", "--step", "score", "-f", "csv")
    assert out.out == "1.0,-2.0\n"


def test_lengths_of_keys_are_a_list(tmp_path: Path) -> None:
    """Two items of a batch, of which the second sees one key."""
    np.save(tmp_path / "x.npy", np.eye(2).reshape(1, 1, 2, 2).repeat(2, axis=0))
    made = json.loads(
        called("compute", tmp_path / "x.npy", "--key-lengths", "2,1", "--step", "softmax", "-f", "json").out
    )
    assert [row[1] == 0 for row in made["weights"][1][0]] == [True, True]
    assert all(row[1] > 0 for row in made["weights"][0][0])


def test_a_file_of_that_name_is_the_file(tmp_path: Path) -> None:
    """As with colons: what exists is meant."""
    for name in ("[1,2]", "1,2", "5", "[1,2]:x"):
        put(tmp_path, name, "7,7\n")
    for name in ("[1,2]", "[1,2]:x"):
        assert called("compute", name, "--step", "score", "-f", "csv", cwd=tmp_path).out == "98.0\n"
    for name in ("1,2", "5"):
        assert (
            called("compute", "[1,1]", "--hidden", name, "--step", "score", "-f", "csv", cwd=tmp_path).out == "14.0\n"
        )
    np.savez(tmp_path / "[1].npz", x=[[1.0, 2.0]])
    assert called("compute", "[1].npz:x", "--step", "score", "-f", "csv", cwd=tmp_path).out == "5.0\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["compute", "[1,", "2]"],
            "attn: [1,: line 1, column 3: broken JSON: it ends before the [ of line 1 is closed\n"
            "hint: there is no file of this name; a matrix is quoted, as in '[[1, 2], [3, 4]]'\n",
        ),
        (
            ["compute", "[[1,2],[3]]"],
            "attn: [[1,2],[3]]: array[1] has 1 element where the rows before it have 2: ragged rows\n",
        ),
        (["compute", "[[1,null]]"], "attn: [[1,null]]: array[0][1] is null, not a number\n"),
        (
            ["compute", "1,2,3"],
            "attn: 1,2,3: no such file\nhint: a matrix on the command line stands in brackets, as in '[1, 2, 3]'\n",
        ),
        (
            ["compute", "[[1,2]]", "--sinks", "1,1e400"],
            "attn: 1,1e400: line 1, column 2: 1e400 is beyond the range of float64\n",
        ),
        (
            ["compute", "[[1,2,3]]", "[[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18]]"],
            "attn: [[1,2,3]], [[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,1…: query 1×3 and hidden 1×18 do not fit: each "
            "query has 3 features, each key 18\n"
            "hint: with --states columns they fit (each state a column of its matrix)\n",
        ),
    ],
)
def test_what_is_wrong_in_it_is_told_with_its_text(words: list[str], message: str) -> None:
    """Cut where it is long, with how to quote it where the shell took it apart."""
    assert called(*words, status=2).err == message
