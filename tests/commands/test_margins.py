"""--header and --row-labels: for every table that a command reads or writes, and refused where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attncli.commands.app import build
from tests.support.files import put
from tests.support.places import SAMPLES
from tests.support.processes import called

ARTICLE = SAMPLES / "article.json"
FLAGS = ("--header", "--no-header", "--row-labels", "--no-row-labels")
READERS = ("compute", "score", "softmax", "sum", "explain", "plot", "inspect", "check")


@pytest.mark.parametrize("command", READERS)
def test_every_command_that_reads_files_has_them(command: str) -> None:
    """Under one help."""
    known = {flag for each in build(command).params for flag in (*each.opts, *each.secondary_opts)}
    assert set(FLAGS) <= known


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("flag", FLAGS)
def test_they_are_refused_where_they_would_do_nothing(command: str, flag: str, tmp_path: Path) -> None:
    """With a hint; nothing is computed."""
    piped = {"softmax": b'{"logits": [[1]]}', "sum": b'{"weights": [[1]], "value": [[1]]}'}
    files = ["-"] if command in piped else [ARTICLE]
    ran = called(command, *files, flag, stdin=piped.get(command, b""), status=2)
    assert ran.out == ""
    assert ran.err.endswith(
        f"attn: {flag} does nothing here: no CSV or TSV is read or written\n"
        "hint: only CSV and TSV have a header row and a column of labels\n"
    )


def test_the_example_of_explain_is_no_table() -> None:
    """Without files they do nothing either."""
    assert "--no-header does nothing here" in called("explain", "--no-header", status=2).err


def test_they_hold_for_all_files_and_flags_that_set_arrays(tmp_path: Path) -> None:
    """A key and a mask with headers of numbers, worked out by hand: the only open key has the value 7."""
    put(tmp_path, "q.csv", "5,6\n1,2\n")
    put(tmp_path, "k.csv", "5,6\n3,4\n1,1\n")
    put(tmp_path, "v.tsv", "5\n7\n9\n")
    put(tmp_path, "m.csv", "0,1\n0,-Infinity\n")
    words = ["q.csv", "k.csv", "v.tsv", "--mask", "m.csv", "--header", "--no-row-labels"]
    ran = called("compute", *words, "--step", "sum", "-f", "json", cwd=tmp_path)
    assert json.loads(ran.out)["output"] == [[7]]
    assert ran.err == ""


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ([], "55.0,70.0\n"),
        (["--header"], "0,1\n55.0,70.0\n"),
        (["--row-labels"], "0,55.0,70.0\n"),
        (["--header", "--row-labels"], ",0,1\n0,55.0,70.0\n"),
        (["--no-header", "--no-row-labels"], "55.0,70.0\n"),
    ],
)
def test_they_decide_what_is_written(flags: list[str], text: str, tmp_path: Path) -> None:
    """On standard output and in a file; what has no labels is counted."""
    assert called("compute", ARTICLE, "--step", "score", "-f", "csv", *flags).out == text
    called("compute", ARTICLE, "--step", "score", "-o", tmp_path / "x.tsv", *flags)
    assert (tmp_path / "x.tsv").read_text() == text.replace(",", "\t")


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ([], ',"##a",b\n"#q",1.0,2.0\n'),
        (["--no-header"], '"#q",1.0,2.0\n'),
        (["--no-row-labels"], '"##a",b\n1.0,2.0\n'),
        (["--no-header", "--no-row-labels"], "1.0,2.0\n"),
    ],
)
def test_labels_that_begin_like_comments_are_written_so_that_they_come_back(
    flags: list[str], text: str, tmp_path: Path
) -> None:
    """Quoted where they may begin the first line."""
    problem = {"query": [[1]], "hidden": [[1], [2]], "query_labels": ["#q"], "key_labels": ["##a", "b"]}
    put(tmp_path, "p.json", json.dumps(problem))
    written = called("compute", "p.json", "--step", "score", "-f", "csv", *flags, cwd=tmp_path).out
    assert written == text
    put(tmp_path, "x.csv", written)
    seen = json.loads(called("softmax", "x.csv", *flags, "-f", "json", cwd=tmp_path).out)
    assert seen["logits"] == [[1, 2]]
    assert seen.get("query_labels", ["#q"]) == ["#q"]
    assert seen.get("key_labels", ["##a", "b"]) == ["##a", "b"]


def test_inspect_says_what_was_guessed(tmp_path: Path) -> None:
    """As the commands do that compute."""
    put(tmp_path, "f.csv", "# by me\n0,1,2\n.5,.5,.5\n")
    ran = called("inspect", "f.csv", "-f", "json", cwd=tmp_path)
    assert json.loads(ran.out)["arrays"]["query"]["shape"] == [1, 3]
    assert ran.err == called("compute", "f.csv", cwd=tmp_path).err
    assert ran.err.splitlines() == [
        "attn: notice: f.csv: 1 comment line before the table is left out",
        "attn: notice: f.csv: the first row, 0, 1, 2, is read as a header; --no-header reads it as numbers",
    ]
