"""What a file says is to be shown of it first: plots, explanations and pages open there; flags win."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli.files.formats import NUMBERS
from tests.plot.test_plot import data_of
from tests.support.files import files
from tests.support.processes import called

# Two heads; in head 1 the last query looks at the first key.
PROBLEM: dict[str, Any] = {
    "query": [[[1.0], [0.0], [0.0]], [[0.0], [0.0], [5.0]]],
    "key": [[[0.0], [0.0], [1.0]], [[2.0], [0.0], [0.0]]],
    "value": [[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]],
    "labels": ["a", "b", " c"],
    "show": {"head": 1, "row": " c", "col": 0},
}


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    """Write the problem, and return its folder."""
    files(tmp_path, {"f.json": json.dumps(PROBLEM)})
    return tmp_path


def test_a_plot_opens_there(problem: Path) -> None:
    """At the head; another one by its flag."""
    assert "head 1 of 2 (counted from 0)\n" in called("plot", "f.json", cwd=problem).out
    assert "head 0 of 2 (counted from 0)\n" in called("plot", "f.json", "--head", "0", cwd=problem).out
    assert "head 0" in called("plot", "f.json", "--all-heads", cwd=problem).out


def test_an_explanation_opens_there(problem: Path) -> None:
    """At the head, the query and the key; a query that is asked for has its own key."""
    told = called("explain", "f.json", "--step", "score", cwd=problem).out
    assert "head 1 of 2" in told
    assert "query 2 “␣c” and key 0 “a”" in told
    told = called("explain", "f.json", "--step", "score", "--head", "0", "--row", "0", cwd=problem).out
    assert "query 0 “a” and key 2 “␣c”" in told


def test_pages_open_there(problem: Path) -> None:
    """Both kinds, at the same place."""
    called("plot", "f.json", "-o", "p.html", cwd=problem)
    data = data_of((problem / "p.html").read_text(encoding="utf-8"))
    assert (data["head"], data["first"]) == (1, {"step": "weights", "row": 2, "column": 0})
    data = data_of(called("explain", "f.json", "-f", "html", cwd=problem).out)
    assert (data["head"], data["first"]) == (1, {"row": 2, "column": 0})
    called("plot", "f.json", "--all-heads", "-o", "a.html", cwd=problem)
    assert data_of((problem / "a.html").read_text(encoding="utf-8"))["head"] == 1
    called("plot", "f.json", "--head", "0", "--row", "b", "-o", "q.html", cwd=problem)
    data = data_of((problem / "q.html").read_text(encoding="utf-8"))
    assert (data["head"], data["first"]) == (0, {"step": "weights", "row": 1})


@pytest.mark.parametrize("kind", [each for each in NUMBERS if each.is_archive], ids=lambda each: each.name)
def test_every_archive_carries_it(problem: Path, kind: Any) -> None:
    """Through a file and back, beside options."""
    called("compute", "f.json", "--scale", "sqrt", "-o", f"g{kind.suffix}", cwd=problem)
    name = f"g{kind.suffix}"
    called("score", "f.json", "-o", name, "--force", cwd=problem)
    assert json.loads(called("inspect", name, "-f", "json", cwd=problem).out)["show"] == {
        "head": 1,
        "row": " c",
        "col": "0",
    }
    assert "shown first: head 1, row ␣c, col 0\n" in called("inspect", name, cwd=problem).out


def test_several_problems_of_a_file_have_each_their_own(tmp_path: Path) -> None:
    """By the name of the problem, as arrays."""
    both = {f"layer.{at}.{name}": each for at in (0, 1) for name, each in PROBLEM.items() if name != "show"}
    files(tmp_path, {"f.json": json.dumps(both | {"layer.1.show": {"head": 1}})})
    assert "head 0 of 2" in called("plot", "f.json:layer.0", cwd=tmp_path).out
    assert "head 1 of 2" in called("plot", "f.json:layer.1", cwd=tmp_path).out


def test_it_is_of_the_batch_item_that_is_shown_first(tmp_path: Path) -> None:
    """A query of another item is not the one that is meant."""
    states = {name: [PROBLEM[name]] * 2 for name in ("query", "key", "value")}
    files(tmp_path, {"f.json": json.dumps(states | {"show": {"batch": 1, "row": 1}})})
    for words, row in (([], 1), (["--batch", "1"], 1), (["--batch", "0"], None)):
        called("plot", "f.json", *words, "-o", "p.html", "--force", cwd=tmp_path)
        assert data_of((tmp_path / "p.html").read_text(encoding="utf-8"))["first"].get("row") == row


@pytest.mark.parametrize(
    ("show", "message"),
    [
        ([1], "f.json: show must be an object, not an array\n"),
        ({"heads": 1}, "f.json: show: unknown name 'heads'\nhint: did you mean \"head\"?\n"),
        ({"head": -1}, "f.json: show: head must be a whole number from 0, not -1\n"),
        ({"head": True}, "f.json: show: head must be a whole number from 0, not True\n"),
        ({"row": 0.5}, "f.json: show: row must be an index or a label, not 0.5\n"),
        ({"head": 2}, "f.json: show: head 2: the indices run from 0 to 1\n"),
        (
            {"row": "d\u001b[31m"},
            "f.json: show: row d\\x1b[31m: there is no such query (0 to 2 or a label)\n",
        ),
    ],
)
def test_what_it_cannot_say_is_told(tmp_path: Path, show: object, message: str) -> None:
    """In one line, with the name of the entry."""
    files(tmp_path, {"f.json": json.dumps(PROBLEM | {"show": show})})
    assert called("plot", "f.json", status=2, cwd=tmp_path).err == f"attn: {message}"


def test_as_a_text_in_other_archives(tmp_path: Path) -> None:
    """JSON in NPZ, as options are."""
    arrays: dict[str, Any] = {name: np.array(each) for name, each in PROBLEM.items() if name != "show"}
    np.savez(tmp_path / "f.npz", **arrays, show=np.array('{"head": 1}'))
    assert "head 1 of 2" in called("plot", "f.npz", cwd=tmp_path).out
    np.savez(tmp_path / "f.npz", **arrays, show=np.array("{head: 1}"))
    assert called("plot", "f.npz", status=2, cwd=tmp_path).err.startswith("attn: f.npz: show: line 1, column 2: ")
