"""Several values of an option as pictures, and as small multiples on a page in headless Chromium."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
from playwright.sync_api import Browser

from attncli.show import heat
from tests.pictures.browsing import Watched
from tests.support.places import SAMPLES
from tests.support.processes import attn
from tests.vary.test_compared import BY_HAND, put

SCALES = ["--vary", "scale=none,sqrt,0"]


def colors(data: bytes) -> set[tuple[int, ...]]:
    """Return the colours of a PNG file."""
    pixels = (matplotlib.image.imread(io.BytesIO(data))[..., :3] * 255).round().astype(int)
    return {tuple(pixel) for pixel in np.unique(pixels.reshape(-1, 3), axis=0).tolist()}


def test_the_maps_of_a_picture_share_their_colours(tmp_path: Path) -> None:
    """9/10 is the largest weight of all, and has the last one; 3/4 and 1/2 are five sixths and five ninths of it."""
    attn("plot", put(tmp_path / "f.json", BY_HAND), *SCALES, "-o", tmp_path / "p.png")
    found = colors((tmp_path / "p.png").read_bytes())
    assert {heat.scale(1.0), heat.scale(0.75 / 0.9), heat.scale(0.5 / 0.9), heat.scale(0.1 / 0.9)} <= found


def test_each_map_of_a_picture_has_its_value_above(tmp_path: Path) -> None:
    """As text that can be selected, where the format has any."""
    attn("plot", SAMPLES / "coreference.npz", "--head", "1", "--vary", "scale=none,sqrt", "-o", tmp_path / "p.svg")
    text = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert "<!-- scale=none -->" in text
    assert "<!-- scale=sqrt -->" in text
    assert "head 1 of 12" in text


def shown(opened: Watched) -> list[str]:
    """Return which of the maps is chosen, and what is told below each."""
    buttons = opened.page.locator("#variants button")
    assert opened.page.locator('#variants button[aria-pressed="true"]').count() == 1
    return [str(buttons.nth(at).text_content()) for at in range(buttons.count())]


def test_a_page_shows_all_maps_and_one_of_them_closely(browser: Browser, tmp_path: Path) -> None:
    """In the same colours; a click, the list and the keyboard choose one, and the facts are those by hand."""
    attn("plot", put(tmp_path / "f.json", BY_HAND), *SCALES, "-o", tmp_path / "p.html")
    opened = Watched(browser, tmp_path / "p.html")
    assert shown(opened) == [
        "scale=nonekeys in effect 1.38; 0.9 on \u20680\u2069",
        "scale=sqrtkeys in effect 1.75; 0.75 on \u20680\u2069",
        "scale=0keys in effect 2; 0.5 on \u20680\u2069",
    ]
    assert opened.page.locator("#scaling").is_hidden()
    pixel = (
        "at => [...document.querySelectorAll('#variants canvas')[at].getContext('2d').getImageData(0, 0, 1, 1).data]"
    )
    found: Any = [opened.page.evaluate(pixel, at)[:3] for at in range(3)]
    # Five sixths of 255 lie in the middle of two colours.
    np.testing.assert_allclose(found, [heat.scale(share) for share in (1.0, 0.75 / 0.9, 0.5 / 0.9)], atol=3)
    opened.page.locator("#variants button").nth(1).click()
    assert "largest weight 0.75" in opened.text("#row")
    assert opened.page.locator("#head").input_value() == "1"
    opened.page.keyboard.press("]")
    assert opened.page.locator("#variants button").nth(2).get_attribute("aria-pressed") == "true"
    assert "largest weight 0.5" in opened.text("#row")
    opened.page.locator("#head").select_option("0")
    assert "largest weight 0.9" in opened.text("#row")
    assert opened.text("#high") == "0.9"
    opened.page.keyboard.press("1")
    assert opened.text("#high") == "2.1972"
    assert opened.wrong == []
    opened.context.close()


def test_other_pages_have_no_such_maps(browser: Browser, tmp_path: Path) -> None:
    """Heads are chosen from the list alone."""
    attn("plot", SAMPLES / "induction.npz", "-o", tmp_path / "p.html")
    opened = Watched(browser, tmp_path / "p.html")
    assert opened.page.locator("#variants").is_hidden()
    assert opened.wrong == []
    opened.context.close()


def test_words_and_maps_stand_on_one_page(browser: Browser, tmp_path: Path) -> None:
    """The query that is worked out is the one that is marked."""
    attn("explain", SAMPLES / "coreference.npz", "--head", "1", "--vary", "causal", "-o", tmp_path / "p.html")
    opened = Watched(browser, tmp_path / "p.html")
    assert opened.page.locator("h2").first.text_content() == "Query 10 “\u2068it\u2069”".replace("\u2068", "").replace(
        "\u2069", ""
    )
    assert opened.text("#row").startswith("Query it: effective keys 3.54")
    assert len(shown(opened)) == 2
    assert opened.wrong == []
    opened.context.close()
