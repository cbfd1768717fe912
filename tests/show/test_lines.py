"""Lines break where a reader expects it: between words, between Chinese characters, never within an index."""

from __future__ import annotations

import pytest

from attncli.explain.blocks import Formula
from attncli.explain.html import lesson
from attncli.show.lines import wrap
from attncli.show.screen import Screen
from attncli.show.view import View

SOFTMAX = "weights[i, j] = exp(logits[i, j] − mᵢ) / (exp(sink − mᵢ) + Σₖ exp(logits[i, k] − mᵢ))"
SHAPES = "先 reshape 成 (批, 长度, 头, 特征)，再交换长度和头；输出是 (…, L, Ev)，加上 −m·(p − j)。"
WHOLE = ["weights[i, j]", "logits[i, j]", "logits[i, k]", "exp(sink − mᵢ)", "Σₖ exp"]
WHOLE_SHAPES = ["(批, 长度, 头, 特征)", "(…, L, Ev)", "−m·(p − j)"]


@pytest.mark.parametrize("width", range(24, 100, 3))
@pytest.mark.parametrize(("text", "whole"), [(SOFTMAX, WHOLE), (SHAPES, WHOLE_SHAPES)])
def test_no_formula_is_broken_within(text: str, whole: list[str], width: int) -> None:
    """An index stays with what it is an index of, an argument with its function, a shape is whole."""
    lines = list(wrap(text, width))
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert [each for each in whole if not any(each in line for line in lines)] == []


def test_nor_in_a_page() -> None:
    """A browser breaks at blanks; those within an index are none that it breaks at."""
    page = lesson([Formula(SOFTMAX, "")], View(Screen.of_stdout("never")))
    assert "logits[i,\N{NO-BREAK SPACE}k]" in page
    assert "/ (exp(sink\N{NO-BREAK SPACE}−\N{NO-BREAK SPACE}mᵢ) + Σₖ\N{NO-BREAK SPACE}exp(" in page


@pytest.mark.parametrize("part", ["(", "（", "“", ")", "(a, ", "f(a ", "Σ ", "键·", "键", "x "])
def test_no_text_takes_long(part: str) -> None:
    """As long as the text, and no more: with the square of it, this would never end."""
    text = part * 300_000
    assert sum(line.count(part.strip()) for line in wrap(text, 80)) == 300_000
