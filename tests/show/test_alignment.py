"""Tables of labels in any script: each column begins in the same place on every line."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

from attncli.show.numbers import label
from attncli.text import clusters, shortened
from tests.support.processes import called

# Chinese, an accent of its own, full-width letters, Hebrew, Persian with a joiner, Thai, an emoji and its skin tone.
LABELS = ["注意力", "e\u0301te\u0301", "ＡＢ", "שלום", "می\u200cخواهم", "ที่", "👍🏽", "a"]


def columns(text: str) -> int:
    """Return the columns of a text by Unicode's own tables, as wcwidth counts them."""
    seen = [each for each in text if unicodedata.category(each)[0] != "M" and each not in "\u200c\U0001f3fd"]
    return len(seen) + sum(unicodedata.east_asian_width(each) in "WF" for each in seen)


def test_numbers_stand_under_each_other(tmp_path: Path) -> None:
    """On the terminal, whatever the labels are made of."""
    numbers = [[float(at)] for at in range(len(LABELS))]
    path = tmp_path / "f.json"
    path.write_text(json.dumps({"query": numbers, "hidden": numbers, "labels": LABELS}))
    table = called("compute", path, "--step", "softmax", "--cols", "all", env={"COLUMNS": "200"}).out.split("\n\n")[1]
    head, rule, *rows = table.splitlines()[1:]
    assert len(rows) == len(LABELS)
    assert {columns(row) for row in rows} == {columns(head), len(rule) - 1}


def test_a_label_is_cut_where_a_reader_would() -> None:
    """Never between a letter and its accent, or within a flag."""
    assert label("e\u0301" * 20) == "e\u0301" * 15 + "…"
    assert shortened("🇨🇳" * 4, 3) == "🇨🇳🇨🇳…"
    assert [len(each) for each in clusters("ที่👍🏽a")] == [3, 2, 1]


def test_labels_from_top_to_bottom_keep_their_accents(tmp_path: Path) -> None:
    """Above narrow cells a letter and its accent share a line."""
    numbers = [[float(at)] for at in range(30)]
    path = tmp_path / "f.json"
    path.write_text(json.dumps({"query": numbers, "hidden": numbers, "key_labels": ["e\u0301a\u0300o"] * 30}))
    lines = called("plot", path).out.splitlines()
    assert [line.split() for line in lines[:3]] == [["e\u0301"] * 30, ["a\u0300"] * 30, ["o"] * 30]
