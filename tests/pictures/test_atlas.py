"""The atlas of `attn stats`: as a picture, and as a page in headless Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser

from attncli.stats.numbers import NUMBERS
from tests.pictures.browsing import Watched
from tests.pictures.test_figures import MAGIC, colors, of_map
from tests.support.files import files
from tests.support.places import SAMPLES
from tests.support.processes import attn

ENCODER = SAMPLES / "encoder.npz"
WHOLE = json.loads(attn("stats", ENCODER, "-f", "json").out)


@pytest.fixture
def watched(browser: Browser, tmp_path: Path) -> Iterator[Watched]:
    """Open the page of a real model."""
    attn("stats", ENCODER, "--what", "previous", "-o", tmp_path / "a.html")
    opened = Watched(browser, tmp_path / "a.html")
    yield opened
    assert opened.wrong == []
    opened.context.close()


def at(layer: int, head: int) -> dict[str, Any]:
    found = WHOLE[12 * layer + head]
    assert isinstance(found, dict)
    return found


def test_every_head_is_a_cell_with_its_map(watched: Watched) -> None:
    """In the colour of its number; the largest one has the last colour, and its map the weights of the diagonal."""
    cells = watched.page.locator(".cell")
    assert cells.count() == 72
    for layer, head in ((0, 2), (3, 1), (5, 11)):
        cell = cells.nth(12 * layer + head)
        shown = float(str(cell.locator("span").text_content()))
        assert shown == pytest.approx(at(layer, head)["previous"], rel=5e-3)
    told = str(cells.nth(2).get_attribute("aria-label")).replace("\u2068", "").replace("\u2069", "")
    assert told == "encoder.0, head 2; weight on the position before 1; previous token"
    assert cells.nth(2).evaluate("cell => getComputedStyle(cell).backgroundColor") == "rgb(253, 231, 37)"
    pixels = (
        cells.nth(2)
        .locator("canvas")
        .evaluate("canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)")
    )
    yellow = (np.array(pixels).reshape(16, 16, 4)[..., :3] == [253, 231, 37]).all(axis=-1)
    assert yellow[3, 2]
    assert not yellow[3, 3]


def test_any_number_is_shown_by_the_list(watched: Watched) -> None:
    """All that are declared."""
    options = watched.page.locator("#what option")
    assert options.count() == len(NUMBERS)
    for which, name in enumerate(NUMBERS):
        watched.page.select_option("#what", str(which))
        text = watched.page.locator(".cell").nth(40).locator("span").text_content()
        assert float(str(text)) == pytest.approx(at(3, 4)[name], rel=5e-2), name


def test_a_click_opens_the_map(watched: Watched) -> None:
    """With all numbers, the word, and the weight under the pointer; the other heads are one step away."""
    page = watched.page
    page.locator(".cell").nth(2).click()
    assert watched.text("#name") == "encoder.0, head 2"
    assert watched.text("#word") == "previous token"
    assert page.locator("#list tr").count() == len(NUMBERS)
    page.mouse.move(*watched.cell(3, 2))
    assert watched.text("#status") == "didn → animal: 1"
    page.click("#after")
    assert watched.text("#name") == "encoder.0, head 3"
    page.click("#before")
    page.click("#close")
    assert not page.locator("#one").is_visible()


def test_it_can_be_used_with_the_keyboard_alone(watched: Watched) -> None:
    """One cell is reached by Tab, arrows move, Enter opens, Escape closes and comes back."""
    page = watched.page
    page.locator("#theme").focus()
    page.keyboard.press("Tab")
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    assert watched.text("#name") == "encoder.0, head 2"
    assert page.evaluate("document.activeElement.id") == "heat"
    for key in ("ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    assert watched.text("#status") == ". → the: 0"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "cell"
    page.keyboard.press("ArrowLeft")
    assert "head 1" in page.evaluate("document.activeElement.ariaLabel")


def test_hostile_texts_are_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    """No element, no script, no request comes out of a file; several batch items are lines of their own."""
    evil = "</script><script>alert(1)</script><img src='http://localhost:1/x' onerror='alert(2)'>"
    states = [[[[1.0], [2.0]]], [[[3.0], [4.0]]]]
    problem = {"query": states, "hidden": states, "labels": [evil, "a\u202eb"], "title": evil, "source": evil}
    files(tmp_path, {"f.json": json.dumps(problem)})
    attn("stats", "f.json", "-o", "a.html", cwd=tmp_path)
    opened = Watched(browser, tmp_path / "a.html")
    assert opened.text("h1") == evil
    assert opened.page.locator(".cell").count() == 2
    opened.page.locator(".cell").nth(1).click()
    opened.page.mouse.move(*opened.cell(0, 1))
    assert opened.text("#status").startswith(f"{evil} → a\\u202eb: ")
    assert opened.page.locator("img").count() == 0
    assert opened.wrong == []
    opened.context.close()


@pytest.mark.parametrize("kind", MAGIC)
def test_pictures_in_each_format(tmp_path: Path, kind: str) -> None:
    """The atlas and a rollout, the same bytes each time."""
    for name in ("a", "b"):
        attn("stats", ENCODER, "--what", "previous", "-o", f"{name}.{kind}", cwd=tmp_path)
        attn("stats", ENCODER, "--rollout", "--lang", "zh", "-o", f"{name}{name}.{kind}", cwd=tmp_path)
    for name in ("a", "aa"):
        data = (tmp_path / f"{name}.{kind}").read_bytes()
        assert data.startswith(MAGIC[kind])
        assert data == (tmp_path / f"{name.replace('a', 'b')}.{kind}").read_bytes()
    if kind == "png":
        assert of_map(1.0) in colors((tmp_path / "a.png").read_bytes())
