"""The lesson: its numbers are right, its two languages say the same, and it looks as it did."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from attncli.explain.row_statistics import effective_keys, exponent_limit, naive_exponential, of_row
from attncli.show.lines import wrap
from tests.support.golden import golden
from tests.support.places import SAMPLES
from tests.support.processes import attn, called


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("en", []),
        ("zh", ["--lang", "zh"]),
        ("markdown", ["-f", "markdown"]),
        ("causal", ["samples/induction.npz", "--head", "6", "--row", "3", "--col", "6"]),
        ("decode-zh", ["samples/decode.npz", "--head", "3", "--lang", "zh", "-f", "markdown"]),
        ("window-zh", ["samples/window.json", "--head", "0", "--row", "time", "--col", "once", "--lang", "zh"]),
        ("rotary", ["samples/rotary.json", "--step", "rotate"]),
        ("additive", ["samples/additive.json", "--step", "score", "--row", "house", "-f", "markdown"]),
        ("nothing", ["samples/article.json", "--mask", "{folder}/none.csv"]),
    ],
)
def test_it_looks_as_it_did(tmp_path: Path, name: str, arguments: list[str]) -> None:
    """Whole lessons, 80 columns wide."""
    (tmp_path / "none.csv").write_text("false,false\n")
    words = [word.format(folder=tmp_path) for word in arguments]
    golden(f"explain-{name}.txt", called("explain", *words).out)


def test_the_locale_chooses_the_language() -> None:
    """LANG=zh_CN teaches in Chinese; the flag has the last word."""
    assert "第一步" in attn("explain", env={"LANG": "zh_CN.UTF-8", "PYTHONUTF8": "1"}).out
    assert "Step 1" in attn("explain", "--lang", "en", env={"LANG": "zh_CN.UTF-8", "PYTHONUTF8": "1"}).out


def test_every_term_is_worked_out() -> None:
    """The 32 products of the score are all there, and they add up to the score in the table."""
    out = called(
        "explain", SAMPLES / "coreference.npz", "--head", "1", "--row", "it", "--step", "score", "--digits", "9"
    ).out
    sample = np.load(SAMPLES / "coreference.npz")
    working = " ".join(out[out.index("query · key =") : out.index("score = 0.17")].split())
    terms = re.findall(r"(\(?-?[\d.e-]+\)?)·(\(?-?[\d.e-]+\)?)", working)
    numbers = [float(a.strip("()")) * float(b.strip("()")) for a, b in terms]
    assert len(numbers) == 32
    exact = math.fsum(float(q) * float(k) for q, k in zip(sample["query"][1, 10], sample["key"][1, 2], strict=True))
    assert math.isclose(math.fsum(numbers), exact, rel_tol=1e-6)
    assert math.isclose(float(working.rsplit(" = ", 1)[1]), exact, rel_tol=1e-6)


def test_steps_can_be_chosen() -> None:
    """--step weighted-sum is sum; only what was asked for is taught."""
    out = called("explain", "--step", "weighted-sum").out
    assert ("Step 1" in out, "Step 2" in out, "Step 3" in out) == (False, False, True)


def test_effective_keys_are_the_exponential_of_the_entropy() -> None:
    """Equal weights count all keys, one weight counts one; a half and two quarters count 2^1.5."""
    assert math.isclose(effective_keys(np.full(7, 1 / 7)), 7)
    assert effective_keys(np.array([0.0, 1.0])) == 1
    assert math.isclose(effective_keys(np.array([0.5, 0.25, 0.25])), 2**1.5)


def test_where_exponentials_end() -> None:
    """ln(3.4e38) = 88.72 and ln(1.8e308) = 709.78; below ln of the least subnormal, exponentials are 0."""
    single, double = np.dtype(np.float32), np.dtype(np.float64)
    assert math.isclose(exponent_limit(single), 88.7228, rel_tol=1e-5)
    assert math.isclose(exponent_limit(double), 709.7827, rel_tol=1e-6)
    peaks = (89.0, 88.0, -104.0, -103.0)
    assert [naive_exponential(peak, single) for peak in peaks] == ["overflow", "fits", "underflow", "fits"]
    with np.errstate(over="ignore", under="ignore"):
        assert [float(np.exp(np.float32(peak))) for peak in (89.0, -104.0)] == [math.inf, 0]


def test_facts_of_a_row_by_hand() -> None:
    """Three keys, one closed: the gap is between the open ones."""
    facts = of_row(np.array([1.0, -np.inf, 3.0]), np.array([0.1, 0.0, 0.9]))
    assert (facts.ranking.tolist(), facts.open, facts.peak, facts.gap) == ([2, 0, 1], 2, 3.0, 2.0)


def test_chinese_lines_neither_begin_with_a_comma_nor_overrun() -> None:
    """Lines break between characters, punctuation stays with what it follows."""
    from rich.cells import cell_len

    text = "每个查询都向所有的键提问，哪个键答得越好，它的值在输出里占的份量就越大。" * 3
    for width in range(10, 40):
        lines = list(wrap(text, width))
        assert "".join(lines) == text
        assert all(cell_len(line) <= width and line[0] not in "，。" for line in lines)


def test_shapes_name_what_stands_between_query_and_key() -> None:
    general = called("explain", "samples/general.json", "--step", "score").out
    assert "Shapes: Q 2×2 · W_a 2×3 · Kᵀ 3×3 → scores 2×3" in general
    additive = called("explain", "samples/additive.json", "--step", "score").out
    assert "Shapes: v_a·tanh(Q 3×2 · W_a 2×2 + K 3×1 · U_a 1×2) → scores 3×3" in additive


def test_a_label_can_be_given_as_tables_show_it() -> None:
    shown = called("explain", "samples/decode.npz", "--head", "3", "--col", "␣Italy").out
    assert shown == called("explain", "samples/decode.npz", "--head", "3", "--col", "Italy").out


def test_a_drawing_of_rules_has_its_lines_on_a_page(tmp_path: Path) -> None:
    """A line for each query, as on a terminal, and no sign that stands for the end of one."""
    called("explain", SAMPLES / "window.json", "--step", "score", "-o", tmp_path / "w.html")
    page = (tmp_path / "w.html").read_text(encoding="utf-8")
    lines = page.split("<pre>")[1].split("</pre>")[0].splitlines()
    assert len(lines) == 7
    assert lines[1].split() == ["0", *"■·····" * 3]
