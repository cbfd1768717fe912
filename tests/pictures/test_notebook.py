"""A notebook that a kernel of Jupyter runs, what of it is kept, and how that looks in Chromium, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure
from nbclient import NotebookClient
from playwright.sync_api import Browser

from attncli import InputError, load
from tests.pictures.browsing import Watched
from tests.support.processes import attn

# What a notebook of either kind has around a fragment.
PAPER = {"light": ("#ffffff", "#1c1c28"), "dark": ("#111111", "#e0e0e0")}
CELLS = {
    "load('sample:coreference')": "text/html",
    "load('sample:coreference').steps()": "text/html",
    "steps([[0.0]], hidden=[[2.0], [4.0]])": "text/html",
    "load('sample:coreference').explain('softmax', row='it', lang='zh')": "text/html",
    "load('sample:coreference').plot(head=1)": "image/png",
}


@pytest.fixture(scope="module")
def outputs() -> dict[str, Any]:
    """Run a notebook as its readers do; return what each cell shows, by type."""
    cells = [nbformat.v4.new_code_cell(code) for code in ("from attncli import load, steps", *CELLS)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert [[each.output_type for each in cell.outputs] for cell in cells[1:]] == [["execute_result"]] * len(CELLS)
    return {cell.source: cell.outputs[0].data for cell in cells[1:]}


@pytest.mark.parametrize("code", CELLS)
def test_every_cell_shows_itself(code: str, outputs: dict[str, Any]) -> None:
    """As a part of a page or a picture, and in plain text beside it, without a word to ask for it."""
    assert {CELLS[code], "text/plain"} <= outputs[code].keys()


def test_plain_text_beside_it(outputs: dict[str, Any]) -> None:
    """Is what a console shows: for an explanation, the whole of it; and its Markdown is there too."""
    explanation = outputs["load('sample:coreference').explain('softmax', row='it', lang='zh')"]
    assert explanation["text/plain"].startswith("逐步看懂注意力 — Who is it?")
    assert explanation["text/markdown"].startswith("# 逐步看懂注意力 — Who is it?")
    assert outputs["load('sample:coreference')"]["text/plain"].startswith("<Problem “Who is it?")


@pytest.mark.parametrize("theme", PAPER)
def test_it_is_read_in_light_and_dark(theme: str, outputs: dict[str, Any], browser: Browser, tmp_path: Path) -> None:
    """Every text stands out from what is behind it; nothing is asked for, and no script runs."""
    paper, ink = PAPER[theme]
    shown = "\n".join(each["text/html"] for each in outputs.values() if "text/html" in each)
    page = f'<!DOCTYPE html><meta charset="utf-8"><body style="background: {paper}; color: {ink}">{shown}</body>'
    (tmp_path / "n.html").write_text(page, encoding="utf-8")
    opened = Watched(browser, tmp_path / "n.html")
    contrasts = opened.page.evaluate(CONTRASTS, paper)
    assert len(contrasts) > 500
    assert min(contrasts) >= 4.5, "WCAG 2 asks so much of text"
    assert opened.page.locator(".attncli td.mark").count() == 1
    assert opened.wrong == []
    opened.context.close()


# The contrast of each element that has text of its own, as WCAG 2 defines it: of its colour, seen through as much as
# the opacity of what it stands in says, to the next background behind it.
CONTRASTS = """paper => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => { const part = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b); };
  const behind = each => { for (; each; each = each.parentElement) { const found = rgb(getComputedStyle(each)
    .backgroundColor); if (found.length == 3 || found[3] > 0) return found.slice(0, 3); } };
  const through = each => each ? getComputedStyle(each).opacity * through(each.parentElement) : 1;
  return [...document.querySelectorAll('.attncli *')].filter(each => each.localName != 'style' &&
    [...each.childNodes].some(node => node.nodeType == 3 && node.data.trim())).map(each => {
      const back = behind(each), share = through(each);
      const front = rgb(getComputedStyle(each).color).map((c, at) => share * c + (1 - share) * back[at]);
      const [low, high] = [light(front), light(back)].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05); });
}"""


@pytest.mark.parametrize(
    ("words", "keywords"),
    [
        (["--head", "1"], {"head": 1}),
        (["--all-heads", "--title", "T", "--row", "it"], {"all_heads": True, "title": "T", "row": "it"}),
        (["--what", "features", "--row", "it", "--col", "animal"], {"what": "features", "row": "it", "col": "animal"}),
        (["--what", "logits", "--values"], {"what": "logits", "values": True}),
    ],
)
def test_a_figure_is_the_picture_of_the_command(words: list[str], keywords: dict[str, Any], tmp_path: Path) -> None:
    """To the last byte, whether it is shown or saved."""
    attn("plot", "sample:coreference", *words, "-o", tmp_path / "p.png")
    figure: Any = load("sample:coreference").plot(**keywords)
    assert isinstance(figure, Figure)
    data, said = figure._repr_png_()
    assert data == (tmp_path / "p.png").read_bytes()
    assert said["width"] == round(int.from_bytes(data[16:20], "big") * 2 / 3)
    # A second drawing of the same figure would shift its parts by a pixel: matplotlib goes on fitting them.
    load("sample:coreference").plot(**keywords).savefig(tmp_path / "q.png")
    assert (tmp_path / "q.png").read_bytes() == data


def test_a_row_over_a_picture(tmp_path: Path) -> None:
    """With the sample's own."""
    attn("plot", "sample:image", "--image", "sample:image", "-o", tmp_path / "p.png")
    figure: Any = load("sample:image").plot(image="sample:image")
    assert figure._repr_png_()[0] == (tmp_path / "p.png").read_bytes()


def test_a_console_is_told_once() -> None:
    """IPython shows a figure as one picture, whether or not pyplot has told it how."""
    figure = load("sample:article").plot()
    for _ in range(2):
        shown, said = DisplayFormatter().format(figure)
        assert shown.keys() == {"text/plain", "image/png"}
        assert said["image/png"].keys() == {"width"}


def test_pictures_that_are_refused() -> None:
    """Where there is no file of this name, the error names it."""
    with pytest.raises(InputError, match=r"^no\.png: there is no such file$"):
        load("sample:image").plot(image="no.png")
