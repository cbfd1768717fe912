"""How several values are shown: tables beside or below each other, maps, words and pages, in every language."""

from __future__ import annotations

import base64
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli.languages import LANGUAGES
from attncli.plot.layout import of_maps
from tests.support.files import files
from tests.support.golden import golden
from tests.support.places import SAMPLES
from tests.support.processes import attn, called, in_terminal
from tests.vary.test_compared import BY_HAND, put

SCALES = ["--vary", "scale=none,sqrt"]
COREFERENCE = SAMPLES / "coreference.npz"
BESIDE = """\
query 1×4 float64 · key 2×4 float64 · value 2×1 float64
score dot · states rows · computed in float64

weights = softmax(logits)   1×2
 scale=none            scale=sqrt
         0       1             0       1
───────────────────   ───────────────────
 0  0.9000  0.1000     0  0.7500  0.2500

What changes
scale   effective keys   largest weight   output change
───────────────────────────────────────────────────────
none             1.384           0.9000               0
sqrt             1.755           0.7500          0.1500
effective keys and largest weight: means over the queries that see something;
output change: that of the number that changes most, against scale=none
"""
BELOW = """\
scale=none
         0       1
───────────────────
 0  0.9000  0.1000

scale=sqrt
         0       1
───────────────────
 0  0.7500  0.2500
"""


@pytest.fixture
def hand(tmp_path: Path) -> Path:
    """The problem that is worked out by hand."""
    return put(tmp_path / "f.json", BY_HAND)


def test_tables_stand_beside_each_other(hand: Path) -> None:
    """The whole output, through a pipe; below it what changes."""
    assert attn("compute", hand, *SCALES).out == BESIDE


@pytest.mark.parametrize(("width", "rows"), [(41, 1), (40, 2), (20, 2)])
def test_where_there_is_no_room_they_stand_below_each_other(hand: Path, width: int, rows: int) -> None:
    """Two tables of 19 columns and the gap of 3 take 41."""
    out = called("compute", hand, *SCALES, "--width", str(width)).out
    assert sum(line.startswith(" 0 ") for line in out.splitlines()) == rows


def test_tables_that_are_too_wide_are_cut_below_each_other(hand: Path) -> None:
    """Each in the width of the screen, its title above it."""
    out = called("compute", COREFERENCE, "--head", 1, "--rows", 2, *SCALES, "--width", 70).out
    assert max(map(len, out.splitlines()[4:])) <= 70
    assert [line for line in out.splitlines() if line.startswith("scale=")] == ["scale=none", "scale=sqrt"]
    assert "…" in out


def test_what_varies_the_formula_says_it_in_each_title(hand: Path) -> None:
    """And a result that one value lacks has no table there."""
    out = called("compute", hand, "--vary", "softcap=none,2", "--step", "score", "--width", 100).out
    assert "scores = scale · query · keyᵀ   1×2\n softcap=none    softcap=2\n" in out
    assert "capped = 2 · tanh(scores / 2)   1×2\n softcap=2\n" in out
    three = called("compute", hand, "--vary", "softcap=none,1,2", "--step", "score", "--width", 100).out
    assert "capped   1×2\n softcap=1 " in three
    assert " capped = 1 · tanh(scores / 1)   1×2    capped = 2 · tanh(scores / 2)   1×2\n" in three


def test_on_a_terminal_the_tables_share_their_colours(hand: Path) -> None:
    """The largest weight of both, 0.9, has the last colour; 0.75 is five sixths of it, and has another one."""
    shown = in_terminal("compute", hand, *SCALES, env={"COLORTERM": "truecolor"})
    grounds = re.findall(r"48;2;(\d+;\d+;\d+)m +0\.(\d+)", shown)
    assert [number for _, number in grounds] == ["9000", "1000", "7500", "2500"]
    assert grounds[0][0] == "253;231;37"
    assert len({color for color, _ in grounds}) == 4


def test_markdown_has_a_table_for_each_value(hand: Path) -> None:
    """And one of what changes."""
    out = called("compute", hand, *SCALES, "-f", "markdown").out
    assert "*scale=sqrt*\n\n|  | 0 | 1 |\n| --- | ---: | ---: |\n| 0 | 0.7500 | 0.2500 |\n" in out
    assert "| scale | effective keys | largest weight | output change |\n" in out
    assert "| sqrt | 1.755 | 0.7500 | 0.1500 |\n" in out


def test_chinese_says_what_changes(hand: Path) -> None:
    """The same numbers under other headings."""
    out = called("compute", hand, *SCALES, env={"LANG": "zh_CN.UTF-8"}).out
    tail = out[out.index("有哪些变化") :].splitlines()
    assert tail[1].split() == ["scale", "有效键数", "最大权重", "输出的变化"]
    assert tail[4].split() == ["sqrt", "1.755", "0.7500", "0.1500"]
    assert "What changes" not in out


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ["scale", "window"])
def test_what_is_said_in_words(lang: str, name: str) -> None:
    """Whole, of a change of the logits and of one of the keys that are open."""
    words = {
        "scale": [COREFERENCE, "--head", "1", "--vary", "scale=none,sqrt"],
        "window": [SAMPLES / "induction.npz", "--head", "6", "--col", "5", "--vary", "window=none;3;0,0"],
    }[name]
    golden(f"explain-vary-{name}-{lang}.txt", called("explain", *words, "--lang", lang, "--width", "100").out)


def test_words_work_on_the_built_in_example_and_in_every_format(tmp_path: Path) -> None:
    """Scores 55 and 70, whose difference of 15 becomes 15/√5 = 6.708."""
    out = called("explain", "--vary", "scale=none,sqrt").out
    assert "over a range of 6.708 instead of 15" in " ".join(out.split())
    marked = called("explain", "--vary", "scale=none,sqrt", "-f", "markdown").out
    assert "| none | 55.00 | 70.00 |\n" in marked
    called("explain", "--vary", "scale=none,sqrt", "-o", tmp_path / "e.html")
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert "<h1>What scale changes: none, sqrt" in page
    assert "%%" not in page


def test_values_that_change_nothing_are_said_to_do_so() -> None:
    """The base of a rotation that is off, and a window that is wider than the keys."""
    out = " ".join(called("explain", SAMPLES / "induction.npz", "--vary", "window=none;100").out.split())
    assert "window=100: the weights of this query are the same." in out
    assert "window=100: the output is the same." in out


def test_a_row_without_numbers_is_not_called_closed(tmp_path: Path) -> None:
    """Where products overflow, or the query has NaN, nothing is said of keys that were opened or closed."""
    files(tmp_path, {"f.json": '{"query": [[1e30]], "key": [[1], [2]], "value": [[1], [2]]}'})
    ran = called("explain", "f.json", "--vary", "scale=1e-30,1e300", cwd=tmp_path)
    out = " ".join(ran.out.split())
    assert "scale=1e300: the row holds NaN or ∞, or products beyond the range of the numbers" in out
    assert "scale=1e-30: logits from 1 to 2" in out
    assert "no key is open" not in out
    assert "What that changes" not in out


def test_maps_side_by_side_on_a_terminal() -> None:
    """Each under its value; the head is said once."""
    out = called("plot", COREFERENCE, "--head", 1, "--vary", "scale=none,sqrt,1/32", "--width", 160).out
    titles = next(line for line in out.splitlines() if "scale=" in line)
    assert titles.split() == ["scale=none", "scale=sqrt", "scale=1/32"]
    assert "head 1 of 12 (counted from 0)" in " ".join(out.split())
    several = called("plot", COREFERENCE, "--head", "all", "--vary", "causal", "--width", 160).out
    assert several.count("causal=on, head ") == several.count("causal=off, head ") == 12


@pytest.mark.parametrize("width", [80, 160, 500])
def test_the_maps_of_a_head_stand_in_one_row(width: int) -> None:
    """All values of it, however many heads a row has room for; and in pictures."""
    out = called("plot", COREFERENCE, "--all-heads", "--vary", "scale=none,sqrt,1/8", "--width", width).out
    rows = [re.findall("scale=[^,]*, head ([0-9]+)", line) for line in out.splitlines() if "scale=" in line]
    assert [head for row in rows for head in row] == [str(head) for head in range(12) for _ in range(3)]
    assert all(len(row) % 3 == 0 for row in rows)
    layout = of_maps(16, 16, 36, together=3)
    assert (layout.down, layout.across) == (6, 6)


def packed(text: str) -> Any:
    return np.frombuffer(base64.b64decode(text), "<f4")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_has_a_map_for_each_value(hand: Path, tmp_path: Path, lang: str) -> None:
    """With the weights by hand; nothing is scaled there, for each has a scale of its own."""
    env = {"LANG": {"en": "C.UTF-8", "zh": "zh_CN.UTF-8"}[lang]}
    called("plot", hand, *SCALES, "-o", tmp_path / "p.html", env=env)
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert f'<html lang="{lang}">' in page
    assert "%%" not in page
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert data["variants"] == ["scale=none", "scale=sqrt"]
    assert data["scale"] is None
    assert data["words"]["head"] == "scale"
    assert_allclose([packed(each["weights"]) for each in data["heads"]], [[0.9, 0.1], [0.75, 0.25]], rtol=1e-6)
    assert_allclose(packed(data["heads"][1]["logits"]), [math.log(3), 0], rtol=1e-6)


def test_a_step_that_some_values_lack_is_on_the_page_of_all(hand: Path, tmp_path: Path) -> None:
    """Where nothing is capped, the capped scores are the scores: ln 9; with 1 it is tanh of that, 80/82."""
    called("plot", hand, "--vary", "softcap=none,1", "--what", "scores", "-o", tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert data["steps"] == ["scores", "capped", "logits", "weights", "weighted"]
    capped = [packed(each["capped"])[0] for each in data["heads"]]
    assert_allclose(capped, [math.log(9), 80 / 82], rtol=1e-6)


def test_a_picture_of_the_terminal(tmp_path: Path) -> None:
    """As an SVG file, without matplotlib."""
    called("plot", COREFERENCE, "--head", 1, *SCALES, "--terminal", "-o", tmp_path / "p.svg")
    text = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert "scale=none" in text
    assert "scale=sqrt" in text
