"""What a file or a flag says of sizes costs nothing that arrays do not warrant, and no text makes a message long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import SAMPLES
from tests.support.processes import attn, called

LONG = 1_000_000
PROBLEM: dict[str, Any] = {"query": [[1, 2, 3, 4]], "hidden": [[1, 2, 3], [4, 5, 6]]}


def saved(path: Path, **more: Any) -> Path:
    path.write_text(json.dumps(PROBLEM | more))
    return path


@pytest.mark.parametrize("heads", [10**12, 2**53 - 1])
def test_heads_that_no_axis_has_are_not_looked_for(tmp_path: Path, heads: int) -> None:
    """Counts of key heads that would fit are looked for among those that the arrays can have."""
    path = saved(tmp_path / "f.json", options={"heads": heads})
    fact = f"query 1×4 has 4 features, not divisible by --heads {heads}"
    assert called("compute", path, status=2).err == f"attn: {path}: {fact}\n"


def test_key_heads_that_fit_are_still_found(tmp_path: Path) -> None:
    """Four query heads of one feature; a key of two features can only be two heads."""
    path = saved(tmp_path / "f.json", hidden=[[1, 2], [3, 4]], options={"heads": 4})
    assert called("compute", path, status=2).err.splitlines()[1] == "hint: with --kv-heads 2 they fit"


@pytest.mark.takes(5)
@pytest.mark.parametrize("mark", ["（", "“", "(", "字（"])
@pytest.mark.parametrize("command", ["compute", "explain", "inspect", "plot"])
def test_a_title_of_brackets_is_printed_at_once(tmp_path: Path, mark: str, command: str) -> None:
    """Its characters are looked at once each, not once for each bracket before them: that would take hours here."""
    path = saved(tmp_path / "f.json", query=[[1, 2, 3]], title=mark * 300_000, key_labels=[mark * 100, "b"])
    assert mark * 8 in attn(command, path).out.replace("\n", "") or command == "inspect"


@pytest.mark.parametrize(
    ("words", "gigabytes"),
    [
        # 64 features · 8 heads · (3 · 4 bytes for query, key and value, 2 · 4 + 3 · 8 for outputs to compare)
        (["--length", "999999999999999999999"], "2.25e+16"),
        (["--length", "1", "--keys", "1" + "0" * 400], "1e+291"),
        # 4096 rows · (3 · 8 bytes, and 2 · 8 + 3 · 8)
        (["--heads", "1", "--dim", "10000000000", "--dtype", "float64"], "2.62e+06"),
        (["--heads", "1000000000000", "--kv-heads", "1", "--length", "1", "--dim", "1"], "3.6e+04"),
    ],
)
def test_a_benchmark_beyond_memory_is_refused(words: list[str], gigabytes: str) -> None:
    """Before anything is made; it is said what it would take."""
    ran = called("bench", *words, status=2)
    assert ran.err == (
        f"attn: this problem would take {gigabytes} GB, more than the available memory\n"
        "hint: give a smaller --length, --keys, --dim or --heads\n"
    )


def test_a_name_of_a_megabyte_makes_a_short_message(tmp_path: Path) -> None:
    """Both ends of it are there, and so are what is wrong and how to mend it."""
    name = "n" * LONG + "end"
    path = tmp_path / "f.json"
    path.write_text(json.dumps({name: [1]}))
    lines = called("compute", path, status=2).err.splitlines()
    assert len(lines) == 2
    assert all(len(line) <= 500 for line in lines)
    assert lines[0].startswith(f"attn: {path}: unknown name 'nnn")
    assert lines[0].endswith("nend'")
    assert "…" in lines[0]
    assert lines[1].startswith("hint: ")


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (["compute", "n" * LONG + ".json"], "n.json: File name too long"),
        (["n" * LONG + "end"], "nend'"),
        (["compute", SAMPLES / "article.json", "--" + "n" * LONG], "n"),
        (["compute", SAMPLES / "article.json", "--scale", "1" * LONG], "1'"),
        (["compute", f"{SAMPLES / 'article.json'}:" + "n" * LONG], "n'"),
        (["explain", SAMPLES / "article.json", "--row", "n" * LONG], ": there is no such query (0 to 0)"),
    ],
)
def test_a_word_of_a_megabyte_makes_a_short_message(words: list[object], end: str) -> None:
    """Whatever the word is: at most three lines of 500 characters, with what is wrong at the end."""
    lines = called(*words, status=2).err.splitlines()
    assert len(lines) <= 3
    assert all(len(line) <= 500 for line in lines)
    assert lines[0].endswith(end)


def test_a_notice_is_short_too(tmp_path: Path) -> None:
    """Of a file with two problems it names the one that is taken."""
    path = tmp_path / "f.json"
    array = [[1.0]]
    named = {f"{letter * LONG}.{name}": array for letter in "ab" for name in ("query", "hidden")}
    path.write_text(json.dumps(named))
    err = called("compute", path).err
    assert err.startswith(f"attn: notice: {path} holds 2 problems; using ")
    assert len(err) <= 501
