"""The page in headless Chromium: hover, click, heads, steps, search, keys; no error, no request, no markup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser

from attncli.languages import LANGUAGES
from tests.pictures.browsing import Watched
from tests.support.files import files
from tests.support.places import SAMPLES
from tests.support.processes import attn


@pytest.fixture
def watched(browser: Browser, tmp_path: Path) -> Iterator[Watched]:
    """Open the page of a real layer."""
    attn("plot", SAMPLES / "induction.npz", "--head", "6", "-o", tmp_path / "p.html")
    opened = Watched(browser, tmp_path / "p.html")
    yield opened
    assert opened.wrong == []
    opened.context.close()


WHOLE = json.loads(attn("compute", SAMPLES / "induction.npz", "-f", "json").out)


def number_of(text: str, name: str) -> float:
    line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
    return float(line.removeprefix(f"{name} "))


def test_pointing_at_a_cell_shows_its_numbers(watched: Watched) -> None:
    """Of every step, and weight times the length of the value."""
    watched.page.mouse.move(*watched.cell(15, 4))
    told = watched.text("#tip")
    assert told.splitlines()[:2] == ["query  Mrs", "key  met"]
    for name in ("scores", "logits", "weights"):
        assert number_of(told, name) == pytest.approx(WHOLE[name][6][15][4], rel=1e-3)
    length = np.linalg.norm(np.load(SAMPLES / "induction.npz")["value"][2, 4].astype(float))
    assert number_of(told, "weights × |value|") == pytest.approx(WHOLE["weights"][6][15][4] * length, rel=1e-3)
    watched.page.mouse.move(*watched.cell(3, 9))
    assert "weights closed" in watched.text("#tip")
    watched.page.mouse.move(5, 5)
    assert not watched.page.locator("#tip").is_visible()


def test_the_cells_have_the_colours_of_the_terminal(watched: Watched) -> None:
    """The largest weight of a head is yellow; a closed key has a grey that the map has not."""
    pixels = watched.page.evaluate(
        "(() => { const c = image.getContext('2d').getImageData(0, 0, 16, 16).data;"
        " return Array.from({length: 256}, (_, i) => [c[4*i], c[4*i+1], c[4*i+2]]); })()"
    )
    weights = np.array(WHOLE["weights"][6])
    assert pixels[int(weights.argmax())] == [253, 231, 37]
    assert pixels[15] == [0xD4, 0xD4, 0xDC]


def test_wide_labels_are_cut_and_not_their_weights(browser: Browser, tmp_path: Path) -> None:
    """Chinese ones, and those of wide letters: all that is written beside the tokens is within its drawing."""
    labels = ["编码器的自注意力层归一化后的输出", "W" * 18, "ok"]
    problem = {"query": [[1.0], [2.0], [3.0]], "key": [[0.11], [0.12], [0.13]], "value": [[1.0], [2.0], [3.0]]}
    files(tmp_path, {"f.json": json.dumps(problem | {"labels": labels})})
    attn("plot", "f.json", "-o", "p.html", cwd=tmp_path)
    watched = Watched(browser, tmp_path / "p.html")
    for row in range(3):
        watched.page.evaluate(f"choose({row})")
        inside = (
            "Array.from(document.querySelectorAll('#lines text'), (each) => each.getBBox())"
            ".every((box) => box.x >= 0 && box.x + box.width <= element('lines').width.baseVal.value)"
        )
        assert watched.page.evaluate(inside)
    texts = watched.page.locator("#lines text").all_text_contents()
    assert [text.rstrip("\u2069").endswith("…") for text in texts[:3]] == [True, True, False]
    assert watched.page.evaluate("Math.max(...data.queries.map((label) => pen.measureText(short(label)).width))") < 130
    assert watched.wrong == []
    watched.context.close()


def test_clicking_a_query_shows_where_it_looks(watched: Watched) -> None:
    """Lines to the keys, the widest to the one with most weight; in the map or in the column of tokens."""
    weights = np.array(WHOLE["weights"][6])
    for row, click in ((10, True), (7, False)):
        if click:
            watched.page.mouse.click(*watched.cell(row, 0))
        else:
            watched.page.locator(f'#lines text[data-query="{row}"]').click()
        lines = watched.page.locator("#lines line")
        widths = {
            int(str(line.get_attribute("data-key"))): float(str(line.get_attribute("stroke-width")))
            for line in lines.all()
        }
        assert max(widths, key=lambda key: widths[key]) == weights[row].argmax()
        assert set(widths) == set(np.flatnonzero(weights[row] > weights[row].max() / 1000).tolist())
        assert "chosen" in str(watched.page.locator(f'#lines text[data-query="{row}"]').get_attribute("class"))


def test_heads_and_steps_change(watched: Watched) -> None:
    """By the lists and by the keys."""
    page = watched.page
    page.select_option("#head", "2")
    page.mouse.move(*watched.cell(5, 3))
    assert number_of(watched.text("#tip"), "weights") == pytest.approx(WHOLE["weights"][2][5][3], rel=1e-4)
    page.select_option("#step", label="scores")
    assert float(watched.text("#high")) == pytest.approx(np.max(WHOLE["scores"][2]), rel=1e-4)
    page.keyboard.press("Escape")
    page.locator("#heat").focus()
    page.keyboard.press("]")
    assert page.locator("#head").input_value() == "3"
    page.keyboard.press("3")
    assert page.locator("#step").input_value() == "2"


def test_it_can_be_used_with_the_keyboard_alone(watched: Watched) -> None:
    """Arrows move and are told, Enter picks a query, / goes to the search."""
    page = watched.page
    page.locator("#heat").focus()
    for key in ("Home", *["ArrowUp"] * 13, *["ArrowLeft"] * 5):
        page.keyboard.press(key)
    assert watched.text("#status").startswith("urs → ␣D: weights ")
    page.keyboard.press("Enter")
    assert watched.text("#lines text.chosen") == "urs"
    page.keyboard.press("/")
    page.keyboard.type("mrs")
    assert watched.text("#found") == "4 found"
    page.keyboard.press("Enter")
    assert watched.text("#lines text.chosen") == "␣Mrs"


def test_light_and_dark(watched: Watched) -> None:
    """As the system has it, and the other one by a click."""
    page = watched.page
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.click("#theme")
    dark = page.evaluate(ground)
    assert (light, dark) == ("rgb(252, 252, 250)", "rgb(22, 22, 30)")
    page.click("#theme")
    assert page.evaluate(ground) == light
    page.emulate_media(color_scheme="dark")
    page.evaluate("delete document.documentElement.dataset.theme")
    assert page.evaluate(ground) == dark


def test_hostile_labels_are_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    """No element, no script, no request comes out of a file."""
    evil = "</script><script>alert(1)</script><img src='http://localhost:1/x' onerror='alert(2)'>"
    problem = {"query": [[1.0]], "hidden": [[1.0]], "labels": [evil], "title": evil, "source": evil}
    files(tmp_path, {"f.json": json.dumps(problem)})
    attn("plot", "f.json", "-o", "p.html", cwd=tmp_path)
    attn("explain", "f.json", "-o", "e.html", cwd=tmp_path)
    for name in ("p.html", "e.html"):
        opened = Watched(browser, tmp_path / name)
        opened.page.mouse.move(*opened.cell(0, 0))
        assert evil in opened.text("#tip")
        assert opened.text("#title") == evil
        assert opened.page.locator("img").count() == 0
        assert opened.wrong == []
        opened.context.close()


# Whether what follows each label in a sentence stands to its right, or on the next line.
FOLLOWED = """() => [...document.querySelectorAll("li bdi")].every((label) => {
  const after = document.createRange();
  after.setStart(label.nextSibling, 0);
  after.setEnd(label.nextSibling, Math.min(6, label.nextSibling.length));
  const box = label.getBoundingClientRect();
  return [...after.getClientRects()].every((each) => each.left >= box.right - 1 || each.top >= box.bottom - 4);
})"""


def test_each_label_keeps_its_direction_to_itself(browser: Browser, tmp_path: Path) -> None:
    """Hebrew and Arabic in a sentence turn nothing around them, in either language; what cannot be seen is escaped."""
    labels = ["שלום", "سلام", "می\u200cخواهم", "a\u202eb"]
    problem = {"query": [[1.0], [2.0], [3.0], [4.0]], "hidden": [[1.0], [2.0], [3.0], [4.0]], "labels": labels}
    files(tmp_path, {"f.json": json.dumps(problem | {"title": "כותרת 1"})})
    for lang in LANGUAGES:
        attn("explain", "f.json", "--row", "0", "--lang", lang, "-o", "e.html", "--force", cwd=tmp_path)
        opened = Watched(browser, tmp_path / "e.html")
        assert opened.page.evaluate(FOLLOWED)
        assert opened.page.locator("h1 bdi").first.text_content() == "כותרת 1"
        opened.page.mouse.move(*opened.cell(3, 2))
        assert "a\\u202eb" in opened.text("#tip")
        assert "می\u200cخواهم" in opened.text("#tip")
        assert opened.wrong == []
        opened.context.close()


def test_twelve_heads_of_512_tokens(browser: Browser, tmp_path: Path) -> None:
    """All that a page holds at the most, kept to three digits; every head and step is drawn."""
    rng = np.random.default_rng(0)
    states = {name: rng.standard_normal((12, 512, 8)).astype(np.float32) for name in ("query", "key", "value")}
    arrays: dict[str, Any] = {**states, "options": np.array('{"causal": true}')}
    np.savez(tmp_path / "f.npz", **arrays)
    attn("plot", "f.npz", "-o", "p.html", cwd=tmp_path)
    opened = Watched(browser, tmp_path / "p.html")
    scores = (states["query"][11] @ states["key"][11].T).astype(float)
    for step in ("scores", "weights × |value|", "logits"):
        opened.page.select_option("#head", "11")
        opened.page.select_option("#step", label=step)
    assert float(opened.text("#high")) == pytest.approx(np.max(np.tril(scores)), rel=5e-3)
    opened.page.mouse.move(*opened.cell(300, 200))
    # A cell is little more than a pixel there: which one it is the page says itself.
    told = opened.text("#tip")
    row, column = int(number_of(told, "query")), int(number_of(told, "key"))
    assert (abs(row - 300), abs(column - 200)) <= (1, 1)
    assert number_of(told, "scores") == pytest.approx(scores[row, column], rel=6e-3)
    assert opened.wrong == []
    opened.context.close()


def test_the_picture_of_an_image_model(browser: Browser, tmp_path: Path) -> None:
    """The chosen row lies over it; a patch is pointed at, clicked, reached by keys, and what is looked at is told."""
    attn("plot", "sample:image", "--image", "sample:image", "-o", tmp_path / "p.html")
    opened = Watched(browser, tmp_path / "p.html")
    page, photo = opened.page, opened.page.locator("#photo")
    assert opened.text("#photo-told").startswith("Query CLS looks most at r2c1▛ 0.83")
    box = photo.bounding_box()
    assert box is not None
    assert box["width"] == pytest.approx(box["height"], abs=1)

    def middle(row: int, column: int) -> tuple[float, float]:
        return box["x"] + (column + 0.5) * box["width"] / 4, box["y"] + (row + 0.5) * box["height"] / 4

    page.mouse.move(*middle(2, 1))
    assert opened.text("#status").startswith("CLS → r2c1▛: weights 0.83")
    page.mouse.click(*middle(3, 3))
    assert opened.text("#lines text.chosen") == "r3c3▘"
    assert opened.text("#photo-told").startswith("Query r3c3▘ looks most at r2c1▛ 0.6")
    photo.focus()
    for key in ("ArrowUp", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    assert opened.text("#lines text.chosen") == "r2c2▚"
    page.keyboard.press("]")
    assert page.locator("#head").input_value() == "2"
    assert opened.wrong == []
    opened.context.close()


def test_each_patch_has_its_colour_over_the_grey(browser: Browser, tmp_path: Path) -> None:
    """Six parts of the palette to four of the picture, as in files."""
    attn("plot", "sample:image", "--image", "sample:image", "-o", tmp_path / "p.html")
    opened = Watched(browser, tmp_path / "p.html")
    opened.page.wait_for_function("source.complete")
    corner = opened.page.evaluate(
        "Array.from(brush.getImageData(3, 3, 1, 1).data.slice(0, 3))"
    )  # white paper, no weight
    expected = [0.6 * channel + 0.4 * 255 for channel in (68, 1, 84)]
    assert np.allclose(corner, expected, atol=2)
    assert opened.wrong == []
    opened.context.close()


def test_numbers_in_cells(browser: Browser, tmp_path: Path) -> None:
    """The cells have room for them, and the map scrolls rather than the page."""
    attn("plot", "sample:recommender", "--values", "-o", tmp_path / "p.html")
    opened = Watched(browser, tmp_path / "p.html")
    assert opened.page.evaluate("layout.wide") == 44
    drawn = opened.page.evaluate(
        "(() => { const texts = []; const write = pen.fillText; pen.fillText = (text) => texts.push(text); draw();"
        " pen.fillText = write; return texts; })()"
    )
    assert drawn[:8] == ["0.01", "0.01", "0.46", "0.02", "0.03", "0.43", "0.01", "0.03"]
    assert opened.wrong == []
    opened.context.close()
