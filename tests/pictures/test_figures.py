"""PNG, SVG and PDF by matplotlib."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from attncli.show import heat
from tests.support.files import files
from tests.support.memory import beyond_start
from tests.support.places import SAMPLES
from tests.support.processes import attn

MAGIC = {"png": b"\x89PNG\r\n", "svg": b"<?xml", "pdf": b"%PDF-"}


def colors(data: bytes) -> set[tuple[int, ...]]:
    """Return the colours of a PNG file."""
    pixels = (matplotlib.image.imread(io.BytesIO(data))[..., :3] * 255).round().astype(int)
    return {tuple(pixel) for pixel in np.unique(pixels.reshape(-1, 3), axis=0).tolist()}


def of_map(share: float) -> tuple[int, ...]:
    return heat.scale(share)


@pytest.mark.parametrize("kind", MAGIC)
@pytest.mark.parametrize("words", [["--head", "1"], ["--all-heads"], ["--what", "scores"]])
def test_each_format(tmp_path: Path, kind: str, words: list[str]) -> None:
    """By its extension, and the same bytes each time."""
    for name in ("a", "b"):
        attn("plot", SAMPLES / "coreference.npz", *words, "-o", tmp_path / f"{name}.{kind}")
    data = (tmp_path / f"a.{kind}").read_bytes()
    assert data.startswith(MAGIC[kind])
    assert data == (tmp_path / f"b.{kind}").read_bytes()


def test_cells_have_the_colours_of_their_weights(tmp_path: Path) -> None:
    """1, ½ and closed, by hand; the map is that of the terminal."""
    problem = {"query": [[0], [0]], "hidden": [[0], [0]], "mask": [[True, False], [True, True]]}
    files(tmp_path, {"f.json": json.dumps(problem)})
    attn("plot", "f.json", "-o", "p.png", cwd=tmp_path)
    found = colors((tmp_path / "p.png").read_bytes())
    assert {of_map(1.0), of_map(0.5), heat.CLOSED} <= found


@pytest.mark.parametrize("count", [3, 300])
def test_few_and_many_tokens(tmp_path: Path, count: int) -> None:
    """A size that can be looked at, whatever the number of tokens."""
    rng = np.random.default_rng(0)
    labels = [f"token {i}" for i in range(count)]
    problem = {"query": rng.standard_normal((count, 4)).tolist(), "labels": labels}
    files(tmp_path, {"f.json": json.dumps(problem | {"hidden": problem["query"]})})
    attn("plot", "f.json", "-o", "p.png", cwd=tmp_path)
    height, width = matplotlib.image.imread(tmp_path / "p.png").shape[:2]
    assert 300 < height < 3000
    assert 300 < width < 3000


def test_labels_are_no_formulas_and_no_markup(tmp_path: Path) -> None:
    """Dollar signs, backslashes and angle brackets are drawn as they are."""
    labels = ["$x", "$\\frac{", "</svg><script>alert(1)</script>"]
    problem = {"query": [[1.0], [2.0], [3.0]], "hidden": [[1.0], [2.0], [3.0]], "labels": labels, "title": "$\\alpha"}
    files(tmp_path, {"f.json": json.dumps(problem)})
    attn("plot", "f.json", "-o", "p.svg", cwd=tmp_path)
    assert "<script" not in (tmp_path / "p.svg").read_text(encoding="utf-8")


def test_what_cannot_be_seen_is_drawn_as_what_it_is(tmp_path: Path) -> None:
    """In the glyphs, and in the comments that matplotlib puts beside them."""
    problem = {"query": [[1.0]], "hidden": [[1.0]], "labels": ["a\u202eb"], "title": "c\x9bd\u2028e\nf"}
    files(tmp_path, {"f.json": json.dumps(problem)})
    assert attn("plot", "f.json", "-o", "p.svg", cwd=tmp_path).err == ""
    drawn = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert set(drawn) & set("\u202e\x9b\u2028") == set()
    assert "a\\u202eb" in drawn
    assert "c\\x9bd\\u2028e" in drawn


def test_a_font_that_was_installed_later_is_found(tmp_path: Path) -> None:
    """Matplotlib keeps a list of fonts; a picture in Chinese is the same if the list is older than the fonts."""
    words = ["plot", "sample:window", "--lang", "zh", "--head", "1", "--force", "-o", tmp_path / "o.svg"]
    made = []
    for _ in range(2):
        err = attn(*words, env={"MPLCONFIGDIR": str(tmp_path)}).err
        made.append((err, (tmp_path / "o.svg").read_bytes()))
        (file,) = tmp_path.glob("fontlist*.json")
        kept = json.loads(file.read_text("utf-8"))
        kept["ttflist"] = [font for font in kept["ttflist"] if not Path(font["fname"]).is_absolute()]
        file.write_text(json.dumps(kept), "utf-8")
    assert made[0] == made[1]


def test_scripts_without_a_font_are_told(tmp_path: Path) -> None:
    """A notice names the characters; those of fonts that matplotlib brings along need none."""
    problem = {"query": [[1.0]], "hidden": [[1.0]], "labels": ["\U00012000"]}
    files(tmp_path, {"f.json": json.dumps(problem), "g.json": json.dumps(problem | {"labels": ["naïve Ω ж"]})})
    err = attn("plot", "f.json", "-o", "f.png", cwd=tmp_path).err
    assert err.startswith("attn: notice: no font of this system has \U00012000;")
    assert attn("plot", "g.json", "-o", "g.png", cwd=tmp_path).err == ""


@pytest.mark.parametrize("command", ["plot STATES -o o.png", "plot STATES -o o.pdf"])
def test_what_is_reckoned_is_what_is_taken(tmp_path: Path, command: str) -> None:
    """By matplotlib too: see the test of this name of all other commands."""
    taken, reckoned = beyond_start(tmp_path, 1500, command)
    assert 0.9 * taken <= reckoned <= 2 * taken


def corners(drawn: str) -> list[tuple[float, float]]:
    """Return a corner of each map of an SVG picture, in their order."""
    found = re.findall(r'id="axes_\d+">\s*<g id="patch_\d+">\s*<path d="M ([\d.]+) ([\d.]+)', drawn)
    return [(float(x), float(y)) for x, y in found]


@pytest.mark.parametrize(("heads", "grid"), [(4, (2, 2)), (9, (3, 3)), (5, (2, 3)), (12, (3, 4))])
def test_small_multiples_stand_in_balanced_rows(tmp_path: Path, heads: int, grid: tuple[int, int]) -> None:
    """With the labels of the left column and the last row, and the names of both axes."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {name: rng.standard_normal((heads, 5, 4)) for name in ("query", "key", "value")}
    labels = np.array(["ant", "bee", "cat", "dog", "emu"])
    np.savez(tmp_path / "f.npz", **arrays, labels=labels, options='{"causal": true}')
    attn("plot", "f.npz", "--all-heads", "-o", "o.svg", cwd=tmp_path)
    drawn = (tmp_path / "o.svg").read_text(encoding="utf-8")
    assert [drawn.count(f"<!-- head {head} -->") for head in range(heads)] == [1] * heads
    down, across = grid
    assert drawn.count("<!-- bee -->") == down + across
    for text in ("query", "key", "closed", "weights"):
        assert drawn.count(f"<!-- {text} -->") == 1
    assert "heads are counted from 0" in drawn
    places = corners(drawn)[:heads]
    assert [len({place[axis] for place in places}) for axis in (1, 0)] == [down, across]


def test_labels_that_do_not_fit_become_numbers(tmp_path: Path) -> None:
    """132 times under one small map: every fiftieth has its index."""
    attn("plot", "sample:speech", "--all-heads", "-o", tmp_path / "o.svg")
    drawn = (tmp_path / "o.svg").read_text(encoding="utf-8")
    assert "<!-- ␣London -->" in drawn
    assert [drawn.count(f"<!-- {at} -->") for at in (0, 50, 100)] == [3, 3, 3]
    assert "0.02s" not in drawn


def test_numbers_stand_in_their_cells(tmp_path: Path) -> None:
    """1, ½, ½, and nothing in the closed one; black on light cells, white on dark ones."""
    problem = {"query": [[0], [0]], "hidden": [[0], [0]], "mask": [[True, False], [True, True]]}
    files(tmp_path, {"f.json": json.dumps(problem)})
    attn("plot", "f.json", "-o", "n.svg", cwd=tmp_path)
    attn("plot", "f.json", "--values", "--title", "Mine", "-o", "o.svg", cwd=tmp_path)
    without, drawn = ((tmp_path / name).read_text(encoding="utf-8") for name in ("n.svg", "o.svg"))
    for text, count in (("1.0", 1), ("0.50", 2), ("0", 0)):
        assert drawn.count(f"<!-- {text} -->") - without.count(f"<!-- {text} -->") == count
    assert "<!-- Mine -->" in drawn
    assert "<!-- closed -->" in drawn


def test_nothing_and_closed_have_each_their_colour_and_word(tmp_path: Path) -> None:
    """In the map and in the legend."""
    problem = {"query": [["NaN"], [0]], "hidden": [[0], [0]], "mask": [[True, True], [True, False]]}
    files(tmp_path, {"f.json": json.dumps(problem)})
    attn("plot", "f.json", "-o", "o.png", cwd=tmp_path)
    assert {heat.CLOSED, heat.NOTHING, of_map(1.0)} <= colors((tmp_path / "o.png").read_bytes())
    attn("plot", "f.json", "-o", "o.svg", cwd=tmp_path)
    drawn = (tmp_path / "o.svg").read_text(encoding="utf-8")
    assert "<!-- closed -->" in drawn
    assert "<!-- no number -->" in drawn


def test_the_palette_is_that_of_matplotlib() -> None:
    """All 256 colours of viridis."""
    from matplotlib import colormaps

    viridis = (np.array(colormaps["viridis"].colors) * 255).round().astype(int)
    assert np.array_equal(viridis, heat.PALETTE)


@pytest.mark.parametrize("kind", MAGIC)
def test_features_in_each_format(tmp_path: Path, kind: str) -> None:
    """With the query, the key and what each feature adds."""
    words = ["plot", "sample:coreference", "--what", "features", "-o"]
    attn(*words, tmp_path / f"o.{kind}")
    assert (tmp_path / f"o.{kind}").read_bytes().startswith(MAGIC[kind])
    if kind == "svg":
        drawn = (tmp_path / "o.svg").read_text(encoding="utf-8")
        for text in ("query", "key", "adds", "feature (counted from 0)"):
            assert drawn.count(f"<!-- {text} -->") == 1
