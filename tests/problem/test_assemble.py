"""Files and flags become one problem: which file is which array, whose labels are whose, what replaces what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attncli.errors import InputError
from attncli.problem.assemble import SOFTMAX_ROLES, SUM_ROLES, assemble
from attncli.problem.opened import separate
from tests.support.files import put


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files with and without labels, in the current folder."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "plain.csv", "1,2\n3,4\n")
    put(tmp_path, "rows.csv", "a,1,2\nb,3,4\n")
    put(tmp_path, "table.csv", ",x,y\na,5,6\nb,7,8\n")
    put(tmp_path, "all.json", '{"query": [[1, 0]], "hidden": [[1, 0], [0, 1]], "labels": ["p", "q"], "title": "T"}')
    return tmp_path


def test_one_matrix_is_query_and_states(folder: Path) -> None:
    """Self-attention: the same numbers twice, and their labels on both sides."""
    made = assemble(["rows.csv"], {}, {})
    assert list(made.arrays) == ["query", "hidden"]
    assert_array_equal(made.arrays["query"], [[1, 2], [3, 4]])
    assert_array_equal(made.arrays["hidden"], [[1, 2], [3, 4]])
    assert made.labels == {"query_labels": ("a", "b"), "key_labels": ("a", "b")}
    assert made.files == {"query": "rows.csv", "hidden": "rows.csv"}


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["rows.csv", "plain.csv"], ["query", "hidden"]),
        (["rows.csv", "plain.csv", "table.csv"], ["query", "key", "value"]),
    ],
)
def test_files_have_their_roles_by_their_number(folder: Path, files: list[str], names: list[str]) -> None:
    """QUERY HIDDEN, or QUERY KEY VALUE."""
    assert assemble(files, {}, {}).files == dict(zip(names, files, strict=True))


def test_other_commands_have_other_roles(folder: Path) -> None:
    """A matrix is logits to softmax and weights to sum; its columns are keys."""
    made = assemble(["table.csv"], {}, {}, SOFTMAX_ROLES)
    assert list(made.arrays) == ["logits"]
    assert made.labels == {"query_labels": ("a", "b"), "key_labels": ("x", "y")}
    assert list(assemble(["table.csv", "plain.csv"], {}, {}, SUM_ROLES).arrays) == ["weights", "value"]


def test_columns_of_states_are_labelled_where_states_are_columns(folder: Path) -> None:
    """The same table, read by rows and by columns."""
    assert assemble(["table.csv"], {}, {}).labels["key_labels"] == ("a", "b")
    assert assemble(["table.csv"], {}, {"states": "columns"}).labels["key_labels"] == ("x", "y")


def test_flags_replace_what_the_file_holds(folder: Path) -> None:
    """An array, and an option with where it came from."""
    put(folder, "more.json", '{"query": [[1]], "hidden": [[1]], "options": {"scale": 2, "causal": true}}')
    made = assemble(["more.json"], {"query": "plain.csv", "mask": None}, {"scale": "sqrt", "softcap": None})
    assert_array_equal(made.arrays["query"], [[1, 2], [3, 4]])
    assert made.files == {"query": "plain.csv", "hidden": "more.json"}
    assert (made.options.scale, made.options.causal) == ("sqrt", True)
    assert made.option_sources == {"scale": "--scale", "causal": "more.json"}
    assert made.given == ("more.json", "plain.csv")


def test_labels_in_an_archive_come_before_those_of_matrices(folder: Path) -> None:
    """Labels without a side are both sides'; the title is kept."""
    made = assemble(["all.json"], {"query": "rows.csv"}, {})
    assert made.labels == {"query_labels": ("p", "q"), "key_labels": ("p", "q")}
    assert made.texts == {"title": "T"}


@pytest.mark.parametrize(("past", "labels"), [("plain.csv", ("0", "1", "a", "b")), ("table.csv", ("a", "b", "a", "b"))])
def test_keys_of_a_cache_are_labelled_before_the_new_ones(folder: Path, past: str, labels: tuple[str, ...]) -> None:
    """With labels of their own, or else with their numbers."""
    made = assemble(["rows.csv"], {"past_key": past, "past_value": past}, {})
    assert made.labels == {"query_labels": ("a", "b"), "key_labels": labels}


@pytest.mark.parametrize(("options", "count"), [({}, 4), ({"layout": "bshd"}, 3), ({"layout": "sbhd"}, 2)])
def test_keys_of_a_cache_are_counted_as_they_lie(folder: Path, options: dict[str, object], count: int) -> None:
    """Of a cache of four axes, beside keys that have labels."""
    np.save(folder / "past.npy", np.ones((2, 3, 4, 5)))
    made = assemble(["rows.csv"], {"past_key": "past.npy", "past_value": "past.npy"}, options)
    assert made.labels["key_labels"] == (*map(str, range(count)), "a", "b")


def test_archives_are_problems_and_matrices_belong_together(folder: Path) -> None:
    """Two archives are two problems; with a matrix among them all files are one."""
    put(folder, "two.json", '{"a.query": [[1]], "b.query": [[2]], "hidden": [[1]]}')
    assert [[each.given for each in files] for files in separate(["all.json", "two.json"])] == [
        ["all.json"],
        ["two.json:a"],
        ["two.json:b"],
    ]
    assert [[each.given for each in files] for files in separate(["rows.csv", "plain.csv"])] == [
        ["rows.csv", "plain.csv"]
    ]
    (broken,) = separate(["nowhere.json"])
    assert isinstance(broken[0].contents, InputError)


def test_null_closes_keys_and_is_no_number(folder: Path) -> None:
    """In a mask it is −∞; among states it is an error with the place of the file."""
    put(folder, "null.json", "[[null, 0]]")
    assert_array_equal(assemble(["plain.csv"], {"mask": "null.json"}, {}).arrays["mask"], [[-np.inf, 0]])
    with pytest.raises(InputError) as caught:
        assemble(["null.json"], {}, {})
    assert caught.value.place == "null.json"


def test_a_wrong_option_is_told_with_the_file_that_holds_it(folder: Path) -> None:
    """One from a flag has no file."""
    put(folder, "wrong.json", '{"query": [[1]], "hidden": [[1]], "options": {"scale": "big"}}')
    for files, options, place in ((["wrong.json"], {}, "wrong.json"), (["plain.csv"], {"scale": "big"}, "")):
        with pytest.raises(InputError) as caught:
            assemble(files, {}, options)
        assert caught.value.place == place
