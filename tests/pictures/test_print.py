"""Pages on paper, as Chromium prints them: white, without controls, nothing cut off, no row of a table apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from playwright.sync_api import Browser

from tests.pictures.browsing import Watched
from tests.support.places import SAMPLES
from tests.support.processes import attn

# In points.
MARGIN = 15 / 25.4 * 72
CONTROLS = ("Light / dark", "Find", "as given", "Point at a cell")


def printed(browser: Browser, path: Path, scheme: str) -> pypdfium2.PdfDocument:
    """Print a page as a reader would who sees it in light or dark colours."""
    opened = Watched(browser, path)
    opened.page.emulate_media(color_scheme=scheme)
    opened.page.pdf(path=path.with_suffix(".pdf"), format="A4", prefer_css_page_size=True)
    assert opened.wrong == []
    opened.context.close()
    return pypdfium2.PdfDocument(path.with_suffix(".pdf"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_lesson_prints_well(browser: Browser, tmp_path: Path, scheme: str) -> None:
    """Its tables, which are wider than a sheet, are cut at columns; each row stands whole on one sheet."""
    attn("explain", SAMPLES / "coreference.npz", "--step", "softmax", "-o", tmp_path / "e.html")
    document = printed(browser, tmp_path / "e.html", scheme)
    texts = []
    for page in document:
        width, _ = page.get_size()
        text = page.get_textpage()
        boxes = np.array([text.get_charbox(at) for at in range(text.count_chars())])
        assert boxes[:, 0].min() > MARGIN - 3
        assert boxes[:, 2].max() < width - MARGIN + 3
        texts.append(text.get_text_bounded())
        ground = page.render(scale=0.5).to_numpy()[0, 0]
        assert ground.min() == 255
    whole = "\n".join(texts)
    assert [control for control in CONTROLS if control in whole] == []
    assert "Head 1 of 12 (counted from 0) · Step weights" in whole
    for label in ("[CLS]", "animal", "because", "[SEP]"):
        assert label in whole
    # The row of "it", in two parts: eight numbers after its name, and then the others.
    rows = [line.split() for line in whole.splitlines() if line.startswith(("it 0.1016", "it 0.0502"))]
    assert [len(row) for row in rows] == [9, 9]


def test_a_table_that_fits_is_not_cut(browser: Browser, tmp_path: Path) -> None:
    """It stands once on the page, and once on paper."""
    attn("explain", "--step", "softmax", "-o", tmp_path / "e.html")
    assert 'class="print"' not in (tmp_path / "e.html").read_text(encoding="utf-8").split("<section id")[0]
    text = "\n".join(page.get_textpage().get_text_bounded() for page in printed(browser, tmp_path / "e.html", "light"))
    assert text.count("0.9999997") >= 1


def test_a_plot_prints_its_map_and_its_picture(browser: Browser, tmp_path: Path) -> None:
    """On one sheet each, in colours of the palette."""
    attn("plot", "sample:image", "--image", "sample:image", "-o", tmp_path / "p.html")
    document = printed(browser, tmp_path / "p.html", "dark")
    pixels = np.concatenate([page.render(scale=1).to_numpy()[..., ::-1].reshape(-1, 3) for page in document])
    yellow = np.abs(pixels[:, -3:].astype(int) - (253, 231, 37)).max(axis=1) < 8
    assert yellow.sum() > 50
    assert "Query CLS looks most at" in "".join(page.get_textpage().get_text_bounded() for page in document)
