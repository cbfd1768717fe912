"""The slider for the scale, in headless Chromium: what it shows is what `attn compute` gives at that scale."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.pictures.browsing import Watched
from tests.support.everything import everything
from tests.support.places import SAMPLES
from tests.support.processes import attn

# The numbers of a head and a step as the page has them; a closed key is null.
SHOWN = "([head, step]) => Array.from(numbers(head, STEPS.indexOf(step)), (each) => (each === -Infinity ? null : each))"
MOVE = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }"


def of_page(opened: Watched, head: int, step: str) -> np.ndarray:
    """Return the numbers that the page shows, NaN where a key is closed."""
    return np.array(opened.page.evaluate(SHOWN, [head, step]), dtype=float)


@pytest.mark.parametrize("name", ["coreference.npz", "window.json", "alibi.json", "bias.json", "graph.npz"])
@pytest.mark.parametrize("doublings", [-2, 1])
def test_weights_are_those_of_that_scale(browser: Browser, tmp_path: Path, name: str, doublings: int) -> None:
    """With what bends scores, what is added to logits, masks and sinks; every head and result."""
    attn("plot", SAMPLES / name, "-o", tmp_path / "p.html")
    opened = Watched(browser, tmp_path / "p.html")
    scale = opened.page.evaluate("data.scale") * 2**doublings
    opened.page.locator("#by").evaluate(MOVE, str(doublings))
    whole = json.loads(attn("compute", SAMPLES / name, "--scale", repr(scale), "-f", "json").out)
    for step in ("scores", "logits", "weights"):
        expected = np.array(whole[step], dtype=float)
        closed = np.isnan(np.array(whole["logits"], dtype=float))
        heads = expected.reshape(-1, *expected.shape[-2:])
        for head, numbers in enumerate(heads):
            made = of_page(opened, head, step).reshape(numbers.shape)
            is_open = ~closed.reshape(heads.shape)[head]
            assert np.allclose(made[is_open], numbers[is_open], rtol=2e-4, atol=1e-6)
            assert step == "scores" or np.isnan(made[~is_open]).all()
    assert opened.wrong == []
    opened.context.close()


def test_it_tells_and_goes_back(browser: Browser, tmp_path: Path) -> None:
    """By the keyboard too: the scale, the temperature, the row under the eye; the button gives back what was given."""
    attn("plot", SAMPLES / "coreference.npz", "-o", tmp_path / "p.html")
    opened = Watched(browser, tmp_path / "p.html")
    page, slider = opened.page, opened.page.locator("#by")
    before = opened.text("#row")
    assert before == "Query it: effective keys 3.54, largest weight 0.677 on key animal."
    assert opened.text("#scaled") == "0.177, 1 times as given; temperature 1"
    slider.focus()
    page.keyboard.press("End")
    assert (
        opened.text("#scaled")
        == slider.get_attribute("aria-valuetext")
        == "5.66, 32 times as given; temperature 0.0313"
    )
    assert opened.text("#row") == "Query it: effective keys 1, largest weight 1 on key animal."
    assert opened.page.locator("#lines line").count() == 1
    page.keyboard.press("Home")
    assert opened.text("#row").startswith("Query it: effective keys 16,")
    page.click("#unscaled")
    assert opened.text("#row") == before
    assert slider.input_value() == "0"
    assert page.locator("label", has_text="Scale").locator("input").count() == 1
    assert opened.wrong == []
    opened.context.close()


def test_where_there_is_nothing_to_scale_there_is_no_slider(browser: Browser, tmp_path: Path) -> None:
    """On the page of a mask, and where cells are means."""
    attn("mask", "--length", "5", "--causal", "-o", tmp_path / "m.html")
    np.save(tmp_path / "z.npy", np.zeros((700, 4), dtype=np.float32))
    attn("plot", "z.npy", "-o", "z.html", cwd=tmp_path)
    for name in ("m.html", "z.html"):
        opened = Watched(browser, tmp_path / name)
        assert not opened.page.locator("#scaling").is_visible()
        assert opened.text("#row") == ""
        assert opened.wrong == []
        opened.context.close()


def test_all_rules_at_once(browser: Browser, tmp_path: Path) -> None:
    """The problem in which every option is in force."""
    path = everything(tmp_path)
    attn("plot", path, "-o", tmp_path / "p.html")
    opened = Watched(browser, tmp_path / "p.html")
    given = of_page(opened, 0, "weights")
    opened.page.locator("#by").evaluate(MOVE, "1")
    assert not np.allclose(np.nan_to_num(of_page(opened, 0, "weights")), np.nan_to_num(given))
    scale = opened.page.evaluate("data.scale") * 2
    whole = json.loads(attn("compute", path, "--scale", repr(scale), "-f", "json").out)
    expected = np.nan_to_num(np.array(whole["weights"], dtype=float)).reshape(-1, len(given))[0]
    assert np.allclose(np.nan_to_num(of_page(opened, 0, "weights")), expected, rtol=2e-3, atol=1e-5)
    assert opened.wrong == []
    opened.context.close()
