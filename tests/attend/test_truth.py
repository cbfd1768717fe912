"""Masks of 0 and 1: whole numbers are true and false, floating ones are added; and either is said."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attncli import attention, score, steps
from attncli.attend.truth import as_rule
from tests.support.arrays import normal
from tests.support.files import npy, put
from tests.support.processes import called

QUERY, KEY, VALUE = normal(3, 4), normal(5, 4), normal(5, 2)
TRUTH = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 1]])
READ = "mask holds only the whole numbers 0 and 1, which are read as false and true: 1 = may attend"
CLOSED = "mask holds only the whole number 0, which is read as false: all keys are closed; 0.0 would add nothing"
ADDED = "mask holds the numbers 0 and 1, which are added to the scores; to close keys, use true and false"


def told(mask: Any) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Return the logits with a mask, and what each of the functions warned of, which must be the same."""
    said: list[list[str]] = []
    functions: tuple[Any, ...] = (steps, attention, score)
    for function in functions:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            made = function(QUERY, KEY, mask=mask)
        assert all(each.category is UserWarning and each.filename == __file__ for each in caught)
        said.append([str(each.message) for each in caught])
    assert said[0] == said[1] == said[2]
    return made, said[0]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4"])
def test_whole_numbers_are_true_and_false(dtype: str) -> None:
    """Of any size and byte order: what is 0 is closed, as with a boolean mask."""
    made, said = told(TRUTH.astype(dtype))
    assert said == [READ]
    assert_array_equal(made > -np.inf, TRUTH == 1)
    assert_array_equal(made, score(QUERY, KEY, mask=TRUTH == 1))
    with pytest.warns(UserWarning, match="whole numbers 0 and 1"):
        output = attention(QUERY, KEY, VALUE, mask=TRUTH.astype(dtype))
    assert_array_equal(output, attention(QUERY, KEY, VALUE, mask=TRUTH == 1))


@pytest.mark.parametrize("mask", [[1, 0, 0, 1, 1], [[True, 0, 1, 0, 1]], [1]])
def test_lists_of_whole_numbers_too(mask: Any) -> None:
    """A short one closes the keys beyond its end, as every mask does."""
    made, said = told(mask)
    assert said == [READ]
    full = np.zeros(5, bool)
    full[: np.size(mask)] = np.ravel(mask)
    assert_array_equal(made > -np.inf, np.tile(full, (3, 1)))


def test_zeros_alone_close_everything() -> None:
    """As they do in each row of a mask that holds a 1 elsewhere; the warning says so."""
    made, said = told(np.zeros((3, 5), int))
    assert said == [CLOSED]
    assert (made == -np.inf).all()
    with pytest.warns(UserWarning, match="all keys are closed"):
        assert_array_equal(attention(QUERY, KEY, VALUE, mask=np.zeros(5, int)), np.zeros((3, 2)))


def test_ones_alone_close_nothing() -> None:
    """The usual mask of a tokenizer whose texts are of one length."""
    made, said = told(np.ones((3, 5), int))
    assert said == [READ]
    assert_array_equal(made, score(QUERY, KEY))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_floating_ones_are_added(dtype: str) -> None:
    """With a warning."""
    made, said = told(TRUTH.astype(dtype))
    assert said == [ADDED]
    assert_array_equal(made, score(QUERY, KEY) + TRUTH)


@pytest.mark.parametrize(
    "mask", [TRUTH == 1, 0.0 * TRUTH, 2 * TRUTH, -TRUTH, 0.5 * TRUTH, np.where(TRUTH, 0, -np.inf), -10000 * (1 - TRUTH)]
)
def test_other_masks_are_what_they_are(mask: Any) -> None:
    """Booleans close, other numbers of either kind are added, and nothing is said."""
    made, said = told(mask)
    assert said == []
    expected = np.where(mask, score(QUERY, KEY), -np.inf) if mask.dtype == bool else score(QUERY, KEY) + mask
    assert_array_equal(made, expected)


def test_a_bias_of_whole_numbers_is_added() -> None:
    """Only a mask can be boolean."""
    assert_array_equal(score(QUERY, KEY, bias=TRUTH), score(QUERY, KEY) + TRUTH)


def test_numbers_of_one_byte_are_read_in_place() -> None:
    """A mask may be larger than memory."""
    mask = TRUTH.astype("u1")
    assert np.shares_memory(as_rule(mask)[0], mask)


FILES = {
    "rule.json": ("[[1, 0, 1], [0, 1, 1], [1, 1, 1]]", READ),
    "zeros.json": ("[[0, 0, 0]]", CLOSED),
    "added.json": ("[[1.0, 0, 1], [0, 1, 1], [1, 1, 1]]", ADDED),
    "other.json": ("[[1, 0, 2], [0, 1, 1], [1, 1, 1]]", ""),
    "null.json": ("[[0, null, 0], [0, 0, 0], [0, 0, 0]]", ""),
    "rule.csv": ("1,0,1\n0,1,1\n1,1,1\n", READ),
    # As numpy.savetxt writes integers and booleans: a table knows no types.
    "savetxt.csv": ("1.000000e+00 0.000000e+00 1.000000e+00\n" * 3, READ),
    "other.csv": ("1,0,0.5\n0,1,1\n1,1,1\n", ""),
    "beyond.csv": ("1e300,0,-inf\n0,1,1\n1,1,1\n", ""),
    "truth.csv": ("true,false,true\n" * 3, ""),
}


@pytest.mark.parametrize("name", FILES)
def test_files_say_what_is_whole(name: str, tmp_path: Path) -> None:
    """JSON by the point, tables by the number; by a flag, and picked by name out of an archive."""
    text, notice = FILES[name]
    states = put(tmp_path, "states.json", json.dumps([[1, 2], [3, 4], [5, 6]]))
    expected = f"attn: notice: {notice}\n" if notice else ""
    commands: list[tuple[object, ...]] = [("compute", states, "--mask", put(tmp_path, name, text))]
    if name.endswith("json"):
        named = put(tmp_path, f"named-{name}", f'{{"hidden": [[1, 2]], "mask": {text}}}')
        commands.append(("compute", states, "--mask", f"{named}:mask"))
        whole = f'{{"query": [[1, 2], [3, 4], [5, 6]], "hidden": [[1, 2], [3, 4], [5, 6]], "mask": {text}}}'
        commands.append(("compute", put(tmp_path, f"whole-{name}", whole)))
    for command in commands:
        ran = called(*command, "-f", "json", "--step", "score")
        assert "".join(line + "\n" for line in ran.err.splitlines() if "may attend to nothing" not in line) == expected
        closed = [[number is None for number in row] for row in json.loads(ran.out)["logits"]]
        assert any(map(any, closed)) == (notice in (READ, CLOSED) or name in ("null.json", "beyond.csv", "truth.csv"))


def test_integers_of_a_binary_file_are_whole(tmp_path: Path) -> None:
    """By their type; and a file of floating numbers is not."""
    states = put(tmp_path, "states.json", json.dumps([[1, 2], [3, 4]]))
    for kind, data, notice in (
        ("|u1", b"\1\0\1\1", READ),
        ("<i4", np.array([1, 0, 1, 1], "<i4").tobytes(), READ),
        ("<f4", np.array([1, 0, 1, 1], "<f4").tobytes(), ADDED),
    ):
        path = put(tmp_path, "mask.npy", npy(kind, "(2, 2)", data))
        ran = called("compute", states, "--mask", path, "-f", "csv", "--step", "score")
        assert ran.err == f"attn: notice: {notice}\n"
        # 1·1 + 2·2, 1·3 + 2·4; 3·1 + 4·2, 3·3 + 4·4
        assert ran.out == ("5.0,-inf\n11.0,25.0\n" if notice == READ else "6.0,11.0\n12.0,26.0\n")


def test_a_pipe_keeps_what_was_whole(tmp_path: Path) -> None:
    """Results in JSON carry whole numbers on as whole, and floating ones with their point."""
    for mask, notice in (("[[1, 0]]", READ), ("[[1.0, 0.0]]", ADDED)):
        text = f'{{"query": [[1, 2]], "hidden": [[1, 2], [3, 4]], "mask": {mask}}}'
        first = called("score", put(tmp_path, "case.json", text)).raw
        assert called("score", stdin=first).err == f"attn: notice: {notice}\n"
        last = json.loads(called("sum", stdin=called("softmax", stdin=first).raw).out)
        assert last["output"] == json.loads(called("compute", tmp_path / "case.json", "-f", "json").out)["output"]
